"""The words of old conversations go. What breaks without this: they are kept longer than the owner has promised."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from llmagent_os.adapter import Reply
from llmagent_os.events import now
from llmagent_os.feedback.kept_reasons import reason_row
from llmagent_os.identity import Identity
from llmagent_os.ledger import Ledger, old_words
from llmagent_os.sealing.master_keys import new_master_key
from llmagent_os.sealing.mounts import mount, unmount
from tests.unit.ledger import samples

YEAR = timedelta(days=365)


async def say(ledger: Ledger, folder: Path, number: int, user: str, days: int) -> None:
    """Have somebody say something ``days`` ago."""
    said = samples.message(str(number), user=user, text=f"zeppelin-{number}")
    await ledger.accept(said, max_pending=9)
    await ledger.prepare(said, Reply(said.text), samples.interaction(said, said.text))
    await ledger.finish(said, None)
    with sqlite3.connect(folder / "ledger.db") as other:
        at = (now() - timedelta(days=days)).timestamp()
        other.execute("UPDATE interactions SET created_at = ? WHERE seq = (SELECT max(seq) FROM interactions)", (at,))
    other.close()


async def kept(ledger: Ledger, user: str) -> list[tuple[str, int]]:
    exported = await ledger.export(Identity(f"web::{user}"))
    return [(each["said"], len(each["completions"])) for each in exported["interactions"]]


@pytest.mark.parametrize("is_sealed", [False, True])
async def test_words_go_also_where_the_numbers_of_erased_rows_are_given_again(tmp_path: Path, is_sealed: bool) -> None:
    if is_sealed:
        mount(tmp_path, [new_master_key()])
    try:
        ledger = await Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
        for number in (1, 2, 3):
            await say(ledger, tmp_path, number, "ana", 400)
        before = now() - YEAR
        said = samples.message("1", user="ana")
        on = samples.interaction(said)
        for raw in ("too_long", "words:zeppelin"):
            await ledger.add_reward(reason_row(on, said, "add", said.at, raw, mark=raw))
        assert [await ledger.delete_old_words(before) for _ in range(2)] == [3, 0]
        reasons = [row.raw_value for row in await ledger.rewards_of(on.interaction_id) if row.kind == "reason"]
        assert reasons == ["too_long", ""], "a code is no word: the policy learns it again"
        await ledger.forget(Identity("web::ana"))
        for number, days in ((4, 400), (5, 10), (6, 400)):
            await say(ledger, tmp_path, number, "ben", days)
        assert [await ledger.delete_old_words(before) for _ in range(2)] == [2, 0]
        assert await kept(ledger, "ben") == [("", 0), ("zeppelin-5", 2), ("", 0)]
        await ledger.close()
    finally:
        unmount(tmp_path)


async def test_rows_are_found_behind_a_page_of_new_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that was wrong for a while has left rows in another order than that of their moments."""
    monkeypatch.setattr(old_words, "PAGE_ROWS", 2)
    ledger = await Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    for number, days in enumerate((10, 10, 10, 400, 400)):
        await say(ledger, tmp_path, number, "ana", days)
    assert await ledger.delete_old_words(now() - YEAR) == 2
    assert [said for said, _ in await kept(ledger, "ana")] == ["zeppelin-0", "zeppelin-1", "zeppelin-2", "", ""]
    await ledger.close()


async def test_what_was_emptied_is_not_read_again(tmp_path: Path) -> None:
    """Each day would otherwise cost as much as the whole history."""
    ledger = await Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    await say(ledger, tmp_path, 1, "ana", 400)
    await ledger.delete_old_words(now() - YEAR)
    await ledger.close()
    with sqlite3.connect(tmp_path / "ledger.db") as other:
        other.execute("UPDATE interactions SET said = 'read again'")
        query = "SELECT seq FROM interactions WHERE has_words = 1 AND created_at < ? ORDER BY created_at LIMIT 500"
        plan = [row[3] for row in other.execute(f"EXPLAIN QUERY PLAN {query}", (0.0,))]
    other.close()
    assert plan == ["SEARCH interactions USING INDEX ix_interactions_words (created_at<?)"]
    ledger = await Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    assert await ledger.delete_old_words(now() - YEAR) == 0
    assert await kept(ledger, "ana") == [("read again", 0)]
    await ledger.close()
