"""What breaks without this: one damaged row makes every later message fail, or what stood in the row is lost."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import structlog

from llmagent_os.adapter import Receipt, Reply
from llmagent_os.errors import LedgerError
from llmagent_os.identity import NO_ACCOUNT, Identity, PersonId
from llmagent_os.ledger import Accepted, Ledger
from tests.unit.ledger.samples import (
    MINUTE,
    SIX,
    all_bytes,
    execute,
    interaction,
    message,
    moved,
    reminder_request,
    reward,
)

U = Identity("web::u")
HERE = message("1").conversation.key


async def answered(ledger: Ledger, *event_ids: str) -> None:
    for event_id in event_ids:
        event = message(event_id)
        await ledger.accept(event, max_pending=99)
        await ledger.prepare(event, Reply("hi"), interaction(event))
        await ledger.finish(event, Receipt((f"r{event_id}",)))


def notes(folder: Path) -> list[tuple[str, str, bool]]:
    """Table and key of every damaged row, and whether what it held was moved."""
    with closing(sqlite3.connect(folder / "ledger.db")) as database:
        rows = database.execute('SELECT "table", "key", body IS NOT NULL FROM damaged ORDER BY seq').fetchall()
    return [(table, key, bool(is_moved)) for table, key, is_moved in rows]


#: Ways in which a row of ``interactions`` can be damaged.
DAMAGES = (
    "context = '{'",
    "context = '[]'",
    "action = '7'",
    'action_dist = \'{"a": "b"}\'',
    "tool_calls = '[1]'",
    "pscore = 'often'",
    "pscore = 9e999",
    "turn_index = 'third'",
    "created_at = 'yesterday'",
    "created_at = 1e300",
    "said = x'00ff'",
    "context = '" + "[" * 20_000 + "'",
)


@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_damaged_interaction_is_passed_over_and_stays(on_disk: Ledger, tmp_path: Path, damage: str) -> None:
    """Every later message there would fail, ``/help`` too."""
    await answered(on_disk, "1", "2", "3")
    await on_disk.add_reward(reward("9", "web:2"))
    execute(tmp_path, f"UPDATE interactions SET {damage} WHERE event_id = '2'".replace(":", "\\:"))
    with structlog.testing.capture_logs() as logs:
        for _ in range(3):
            assert [turn.event_id for turn in await on_disk.history(HERE, U, 9)] == ["1", "3"]
            assert await on_disk.interaction_of("web", "c", "r2") is None
    assert await on_disk.opinions(PersonId(U), ("thanks",)) == []
    assert [row.interaction for row in await on_disk.rewards_after(0, 9)] == [None]
    assert [log["key"] for log in logs if log["log_level"] == "error"] == ["web:2"], "it is logged once"
    assert notes(tmp_path) == [("interactions", "web:2", False)]
    exported = await on_disk.export(U)
    assert [each["event_id"] for each in exported["interactions"]] == ["1", "3"]
    assert '"interaction_id":"web:2"' in exported["damaged"][0]["row"]


async def test_a_question_with_a_dangerous_button_is_not_damaged(on_disk: Ledger, tmp_path: Path) -> None:
    """The question of /forget could not be answered in words, and doctor would list it."""
    await answered(on_disk, "1")
    buttons = (
        """{"reply": "Sure?", "buttons": [["Yes, forget me", "agent:forget:1", "danger"], ["No", "agent:keep"]]}"""
    )
    execute(tmp_path, f"UPDATE interactions SET context = '{buttons}'".replace(":", "\\:"))
    assert [turn.event_id for turn in await on_disk.history(HERE, U, 9)] == ["1"]
    assert notes(tmp_path) == []


async def test_text_with_a_broken_byte_is_read(on_disk: Ledger, tmp_path: Path) -> None:
    """SQLite's driver refuses the whole query at one byte that is no UTF-8."""
    await answered(on_disk, "1", "2")
    execute(tmp_path, "UPDATE interactions SET said = CAST(x'6869ff' AS TEXT) WHERE event_id = '2'")
    assert [turn.said for turn in await on_disk.history(HERE, U, 9)] == ["hello", "hi\ufffd"]


@pytest.mark.parametrize("damage", ["reward = 9e999", "reward = 'much'", "op = 'perhaps'", "at = 'noon'", "at = 1e99"])
async def test_a_damaged_reward_is_passed_over(on_disk: Ledger, tmp_path: Path, damage: str) -> None:
    """A number that is not finite would be everybody's learned taste."""
    await answered(on_disk, "1")
    for event_id in ("7", "8"):
        await on_disk.add_reward(reward(event_id, "web:1"))
    execute(tmp_path, f"UPDATE rewards SET {damage} WHERE event_id = '7'")
    assert [each.event_id for each in await on_disk.rewards_of("web:1")] == ["8"]
    first, second = await on_disk.rewards_after(0, 9)
    assert first.reward is None
    assert second.reward is not None
    assert [each["event_id"] for each in (await on_disk.export(U))["rewards"]] == ["8"]
    assert notes(tmp_path) == [("rewards", "web:7", False)]


async def test_a_damaged_completion_is_passed_over(on_disk: Ledger, tmp_path: Path) -> None:
    await answered(on_disk, "1")
    execute(tmp_path, "UPDATE completions SET token_ids = '[', masked = 'half' WHERE position = 0")
    assert len(await on_disk.completions_of("web:1")) == 1
    exported = await on_disk.export(U)
    assert len(exported["interactions"][0]["completions"]) == 1
    assert [(each["table"], each["key"]) for each in exported["damaged"]] == [("completions", "web:1 0")]
    assert '"token_ids":"["' in exported["damaged"][0]["row"]


@pytest.mark.parametrize("body", ["{", "[]", "7", "null", ""])
async def test_a_damaged_record_is_not_overwritten(on_disk: Ledger, tmp_path: Path, body: str) -> None:
    """A plugin that finds nothing keeps something new under the same key."""
    records = on_disk.records("calendar", U)
    await records.put("a", {"title": "lunch"})
    await records.put("b", {"title": "tea"})
    execute(tmp_path, f"UPDATE records SET body = '{body}' WHERE key = 'a'")
    assert await records.items() == [("b", {"title": "tea"})]
    assert await records.get("a") is None
    await records.put("a", {"title": "dinner"})
    assert await records.get("a") == {"title": "dinner"}
    assert notes(tmp_path) == [("records", "web::u calendar a", True)]
    (kept,) = (await on_disk.export(U))["damaged"]
    assert f'"body":"{body}"' in kept["row"]


async def test_a_damaged_record_of_an_adapter_is_put_aside(on_disk: Ledger, tmp_path: Path) -> None:
    """How far a channel was read, a long value of a button: the platform's adapter could not start."""
    records = on_disk.records("adapter.slack", NO_ACCOUNT)
    await records.put("history", {"channels": {}})
    execute(tmp_path, "UPDATE records SET body = '{\"chan' WHERE key = 'history'")
    assert await records.get("history") is None
    assert notes(tmp_path)[0][0] == "records"


@pytest.mark.parametrize(
    "damage", ["conversation = '{'", "sender = '[]'", "due = 'soon'", "due = 1e300", "tries = 'x'"]
)
async def test_a_damaged_timer_is_kept_aside_and_the_others_ring(on_disk: Ledger, tmp_path: Path, damage: str) -> None:
    for key in ("a", "b"):
        await on_disk.timers("calendar", reminder_request()).set(key, SIX)
    execute(tmp_path, f"UPDATE timers SET {damage} WHERE key = 'a'")
    assert [timer.key for timer in await moved(on_disk, SIX + MINUTE)] == ["b"]
    assert notes(tmp_path) == [("timers", "web:w:ana calendar a", True)]


async def test_a_timer_at_no_moment_does_not_stop_the_clock(on_disk: Ledger, tmp_path: Path) -> None:
    """No reminder would ring any more, for nobody."""
    for key in ("a", "b"):
        await on_disk.timers("calendar", reminder_request()).set(key, SIX)
    execute(tmp_path, "UPDATE timers SET at = 1e300 WHERE key = 'a'")
    assert [timer.key for timer in await moved(on_disk, SIX + MINUTE)] == ["b"]


@pytest.mark.parametrize("damage", ["body = NULL", "body = '{'", "body = x'ff'", "reply = '{'", "reply = '7'"])
async def test_a_damaged_event_does_not_keep_the_host_from_starting(
    on_disk: Ledger, tmp_path: Path, damage: str
) -> None:
    for event_id in ("1", "2"):
        await on_disk.accept(message(event_id), max_pending=9)
    execute(tmp_path, f"UPDATE inbox SET {damage} WHERE seq = 1")
    assert [row.event.event_id for row in await on_disk.claim()] == ["2"]
    ((key, why),) = await on_disk.failed()
    assert key.startswith("web:") and why.startswith("it cannot be read: ")


async def test_a_damaged_link_does_not_keep_its_people_apart(on_disk: Ledger, tmp_path: Path) -> None:
    """``/unlink`` would fail for good."""
    ana, ben = Identity("slack:T:ana"), Identity("web::ben")
    await on_disk.identities.issue(ana, "ABC", SIX, MINUTE)
    await on_disk.identities.join(ben, "ABC", SIX)
    execute(tmp_path, "UPDATE identities SET filled = '{', linked_at = 'once'")
    assert [link.filled for link in await on_disk.identities.links(ben)] == [{}, {}]
    assert len((await on_disk.export(ana))["identities"]) == 2
    assert await on_disk.identities.leave(ben) is not None


async def test_a_damaged_member_stays_let_in(on_disk: Ledger, tmp_path: Path) -> None:
    await on_disk.members.allow(U, "command line", SIX)
    execute(tmp_path, "UPDATE members SET approved_at = 'once'")
    assert (await on_disk.members.membership(U)).approved
    assert [member.identity for member in await on_disk.members.listed()] == [U]


async def test_nothing_is_left_of_damaged_rows_of_a_person_who_was_erased(on_disk: Ledger, tmp_path: Path) -> None:
    """A damaged row is about its person all the same."""
    await answered(on_disk, "1")
    await on_disk.add_reward(reward("7", "web:1"))
    await on_disk.add_reward(reward("8", "web:1", rater="web::ben"))
    await on_disk.records("calendar", U).put("k", {"title": "zeppelin"})
    execute(tmp_path, "UPDATE interactions SET context = '{\"zeppelin'")
    execute(tmp_path, "UPDATE completions SET token_ids = '[zeppelin'")
    execute(tmp_path, "UPDATE rewards SET op = 'zeppelin'")
    execute(tmp_path, "UPDATE records SET body = '{zeppelin'")
    assert await on_disk.records("calendar", U).items() == []
    assert len((await on_disk.export(U))["damaged"]) == 5
    assert len(notes(tmp_path)) == 6, "that of another person's reaction, too"
    await on_disk.forget(U)
    assert notes(tmp_path) == []
    assert b"zeppelin" not in all_bytes(tmp_path)


# ── a disk that takes nothing, a file that is damaged ─────────────────────────────────────────────────────────────────


async def limit_pages(ledger: Ledger, most: int) -> None:
    """Let the file have ``most`` pages; 0: as many as there are."""

    def work(database: Any) -> None:
        there = most or database.execute("PRAGMA page_count").fetchone()[0]
        database.execute(f"PRAGMA max_page_count = {there}")

    await ledger._writer.run(work, alone=True)  # pyright: ignore[reportPrivateUsage]


async def test_on_a_full_disk_an_event_is_refused_and_taken_later(on_disk: Ledger, tmp_path: Path) -> None:
    """Acknowledged without being stored, it would be lost."""
    big = message("2", text="x" * 100_000)
    await limit_pages(on_disk, 0)
    with pytest.raises(LedgerError, match="full"):
        await on_disk.accept(big, max_pending=9)
    assert await on_disk.history(HERE, U, 9) == []
    await limit_pages(on_disk, 1_000_000)
    assert await on_disk.accept(big, max_pending=9) is Accepted.NEW


async def test_a_damaged_row_is_passed_over_on_a_full_disk(on_disk: Ledger, tmp_path: Path) -> None:
    """What cannot be noted can be read around all the same."""
    await answered(on_disk, "1", "2")
    execute(tmp_path, "UPDATE interactions SET context = '{' WHERE event_id = '2'")
    execute(tmp_path, "CREATE TRIGGER full BEFORE INSERT ON damaged BEGIN SELECT RAISE(ABORT, 'disk is full'); END")
    assert [turn.event_id for turn in await on_disk.history(HERE, U, 9)] == ["1"]


async def test_a_note_that_a_full_disk_refuses_loses_no_message_beside_it(on_disk: Ledger, tmp_path: Path) -> None:
    """SQLite undoes the whole transaction, in which messages of others are stored too."""
    await answered(on_disk, *(str(number) for number in range(200)))  # so many notes do not fit
    execute(tmp_path, "UPDATE interactions SET context = '{'")
    await limit_pages(on_disk, 0)
    stored: list[str] = []

    async def accept(event_id: str) -> Accepted:
        return await on_disk.accept(
            message(event_id), max_pending=9, stored=lambda event: stored.append(event.event_id)
        )

    before, history, after = await asyncio.gather(accept("before"), on_disk.history(HERE, U, 999), accept("after"))
    assert (before, history, after) == (Accepted.NEW, [], Accepted.NEW)
    assert stored == ["before", "after"]


async def test_another_process_reads_text_with_a_broken_byte_too(on_disk: Ledger, tmp_path: Path) -> None:
    """Without this, a long replay fails in its own process."""
    await answered(on_disk, "1")
    execute(tmp_path, "UPDATE interactions SET said = CAST(x'616263ff' AS TEXT)")
    assert on_disk.shared_url is not None
    reader = Ledger.open_to_read(on_disk.shared_url)
    assert [turn.said for turn in await reader.history(HERE, U, 9)] == ["abc\ufffd"]
    await reader.close()


@pytest.mark.parametrize("how", ["no database", "torn"])
async def test_a_damaged_file_is_refused_with_what_to_do(tmp_path: Path, how: str) -> None:
    path = tmp_path / "ledger.db"
    if how == "no database":
        path.write_bytes(b"This is no database. " * 500)
    else:
        ledger = await Ledger.open(f"sqlite:///{path}")
        await answered(ledger, *map(str, range(50)))
        await ledger.close()
        whole = path.read_bytes()
        path.write_bytes(whole[:100] + b"\x7f" * 8000 + whole[8100:])
    before = path.read_bytes()
    with pytest.raises(LedgerError, match=r"restore a backup .* \.recover.* start anew"):
        await Ledger.open(f"sqlite:///{path}")
    assert path.read_bytes() == before
