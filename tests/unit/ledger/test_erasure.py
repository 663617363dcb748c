"""What breaks without this: a person who asked to be forgotten is still in the file, or others lose their data."""

from __future__ import annotations

import contextlib
import random
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from llmagent_os.adapter import Receipt, Reply
from llmagent_os.identity import Identity, identity_of
from llmagent_os.ledger import Accepted, Ledger, erasure, sqlite_database
from tests.unit.ledger.samples import SIX, all_bytes, interaction, message, moved, reminder_request, reward

ANA_SLACK = Identity("slack:T1:ana-secret")
ANA_TELEGRAM = Identity("telegram::ana-secret")


async def test_forgetting_a_person_leaves_nothing_of_theirs_in_the_file(tmp_path: Path) -> None:
    """Whoever reads the file later would find what an erased person had said."""
    ledger = await Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    for user in ("ana", "ben"):
        for number in range(20):
            event = message(f"{user}{number}", user=user, text=f"the secret of {user}")
            await ledger.accept(event, max_pending=99)
            await ledger.prepare(event, Reply(f"kept for {user}"), interaction(event, f"told to {user}"))
            if number % 2:
                await ledger.finish(event, Receipt((f"r{user}{number}",)))
            else:
                await ledger.fail(event, f"sorry {user}")
        await ledger.records("calendar", Identity(f"web::{user}")).put("e", {"title": f"lunch of {user}"})
    await ledger.add_reward(reward("1", "web:ben1", rater="web::ana", user="web::ben"))
    await ledger.add_reward(reward("2", "web:ana1", rater="web::ben", user="web::ana"))

    exported = (await ledger.export(Identity("web::ana")))["interactions"]
    written = [[each["completion"] for each in kept["completions"]] for kept in exported]
    assert written == [["", "told to ana"]] * 20
    assert exported[0]["completions"][0]["tool_calls"] == [{"name": "create_event", "arguments": {"title": "lunch"}}]
    assert exported[0]["completions"][0]["prompt_token_ids"] == [1, 2, 3]

    # Interactions, their completions, joins, events given up, records, rewards.
    assert await ledger.forget(Identity("web::ana")) == 20 + 40 + 10 + 10 + 1 + 2
    held = all_bytes(tmp_path)
    for text in (b"secret of ana", b"kept for ana", b"told to ana", b"lunch of ana", b"sorry ana", b"web::ana"):
        assert text not in held, text
    assert b"told to ben" in held
    assert len(await ledger.history(message("1").conversation.key, Identity("web::ben"), 99)) == 20
    assert (await ledger.completions_of("web:ana1"), len(await ledger.completions_of("web:ben1"))) == ((), 2)
    assert await ledger.accept(message("ana1", user="ana"), max_pending=9) is Accepted.DUPLICATE
    await ledger.close()


async def busy_ledger(ledger: Ledger) -> None:
    """Three people keep and delete records of many lengths in turn, so that SQLite moves rows between pages."""
    draw = random.Random(3)
    people = {name: ledger.records("calendar", Identity(f"web::{name}")) for name in ("ben", "cara", "heffalump")}
    for _ in range(700):
        name = draw.choice(sorted(people))
        await people[name].put(f"{draw.random()}:{name}", {"title": f"{name} " * draw.choice((1, 10, 60, 400))})
        if draw.random() < 0.2:
            keys = [key for key, _ in await people[name].items()]
            await people[name].delete(draw.choice(keys))


@pytest.mark.parametrize("claimed", [False, True])
async def test_nothing_is_left_between_rows_and_in_free_pages(
    tmp_path: Path, claimed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite overwrites what it deletes, but not what it has copied from page to page before: 35 of 40 files had it."""
    ledger = await Ledger.open(f"sqlite:///{tmp_path}/ledger.db", synchronous="NORMAL")
    if claimed:
        await ledger.claim()
    await busy_ledger(ledger)
    with monkeypatch.context() as patched:
        patched.setattr(
            sqlite_database.SqliteDatabase, "compact", sqlite_database.SqliteDatabase.roll_back
        )  # does nothing here
        await ledger.forget(Identity("web::heffalump"))
        await ledger.wipe()
        with contextlib.closing(sqlite3.connect(tmp_path / "ledger.db")) as reader:
            assert reader.execute("PRAGMA freelist_count").fetchone()[0] > 0, "or this test finds nothing"
        assert b"heffalump" in all_bytes(tmp_path), "or this test finds nothing"
    await ledger.forget(Identity("web::heffalump"))
    await ledger.wipe()
    assert b"heffalump" not in all_bytes(tmp_path)
    assert len(await ledger.records("calendar", Identity("web::ben")).items()) > 100
    await ledger.close()


async def test_a_forgotten_person_is_not_reminded_and_nothing_of_theirs_is_left(
    on_disk: Ledger, tmp_path: Path
) -> None:
    """A person who was erased would be written to by the bot."""
    await on_disk.timers("calendar", reminder_request("ana-of-the-secret")).set("ring:secret", SIX)
    await on_disk.timers("calendar", reminder_request("ben")).set("a", SIX)
    (kept,) = (await on_disk.export(identity_of(reminder_request("ben"))))["timers"]
    assert (kept["plugin"], kept["key"], kept["at"]) == ("calendar", "a", "2026-11-22T18:00:00Z")
    assert await on_disk.forget(identity_of(reminder_request("ana-of-the-secret"))) == 1
    assert [event.sender.user_id for event in await moved(on_disk, SIX)] == ["ben"]
    assert b"secret" not in all_bytes(tmp_path)


async def test_the_links_and_codes_of_a_forgotten_person_are_erased(on_disk: Ledger, tmp_path: Path) -> None:
    """The file would still say that two accounts are one person."""
    noon = datetime(2026, 1, 2, 12, tzinfo=UTC)
    await on_disk.identities.issue(ANA_SLACK, "code", noon, timedelta(hours=1))
    await on_disk.identities.join(ANA_TELEGRAM, "code", noon)
    await on_disk.members.allow(ANA_TELEGRAM, "command line", noon)
    exported = await on_disk.export(ANA_SLACK)
    assert [row["identity"] for row in exported["identities"]] == ["slack:T1:ana-secret", "telegram::ana-secret"]
    assert [row["identity"] for row in exported["members"]] == ["telegram::ana-secret"]
    assert await on_disk.members.revoke(ANA_SLACK) == ("telegram::ana-secret",)
    assert await on_disk.forget(ANA_TELEGRAM) == 5  # two links, a code, and that both were linked just now
    assert await on_disk.identities.everyone(ANA_SLACK) == ("slack:T1:ana-secret",)
    assert b"secret" not in all_bytes(tmp_path)


async def test_what_was_erased_leaves_the_log_once_another_process_has_read(
    on_disk: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite cannot empty its write-ahead log while ``llmagent-os doctor``, for one, reads."""
    monkeypatch.setattr(sqlite_database, "CHECKPOINT_MILLISECONDS", 0)
    monkeypatch.setattr(erasure, "WIPE_PAUSE_SECONDS", 0.0)
    said = message("1", text="zeppelin")
    await on_disk.accept(said, max_pending=9)
    with contextlib.closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM inbox").fetchall()
        await on_disk.forget(identity_of(said))
        assert b"zeppelin" in all_bytes(tmp_path), "the reader sees it still"
        reader.execute("ROLLBACK")
        again = on_disk._erasure._wiping  # pyright: ignore[reportPrivateUsage]
        assert again is not None
        await again
    assert b"zeppelin" not in all_bytes(tmp_path)


async def test_an_erasure_on_a_full_disk_is_not_asked_for_twice(
    on_disk: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The host would finish the event once more, and count one too few that wait in its conversation."""
    monkeypatch.setattr(erasure, "WIPE_PAUSE_SECONDS", 0.0)
    tries: list[str] = []

    def checkpoint(_: sqlite_database.SqliteDatabase) -> bool:
        tries.append("try")
        if len(tries) == 1:
            raise sqlite3.OperationalError("database or disk is full")
        return True

    monkeypatch.setattr(sqlite_database.SqliteDatabase, "checkpoint", checkpoint)
    await on_disk.wipe()
    again = on_disk._erasure._wiping  # pyright: ignore[reportPrivateUsage]
    assert again is not None
    await again
    assert len(tries) == 2


async def test_a_crash_in_the_middle_of_an_erasure_leaves_nothing_after_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def done(_: sqlite_database.SqliteDatabase) -> bool:
        return True

    said = message("1", text="zeppelin")
    killed = await Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    await killed.accept(said, max_pending=9)
    with monkeypatch.context() as crash:
        crash.setattr(sqlite_database.SqliteDatabase, "checkpoint", done)
        await killed.forget(identity_of(said))
    assert b"zeppelin" in all_bytes(tmp_path)
    next_one = await Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    await next_one.claim()
    assert b"zeppelin" not in all_bytes(tmp_path)
    await next_one.close()
    await killed.close()
