"""How long things are kept. What breaks without this: old data stays for ever, or goes while it is still needed."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from datetime import timedelta
from pathlib import Path

import pytest

from llmagent_os.adapter import Receipt, Reply
from llmagent_os.events import Conversation, Message, Sender, now
from llmagent_os.identity import Identity
from llmagent_os.ledger import Ledger
from llmagent_os.people.access import REQUEST_VALID
from llmagent_os.people.linking import CODE_VALID
from llmagent_os.privacy.file_store import FileStore
from llmagent_os.privacy.ledger_store import LedgerStore
from llmagent_os.privacy.retention import (
    ACCESS_REQUESTS,
    FILES,
    FINISHED_EVENTS,
    LINK_CODES,
    RETENTIONS,
    UNTIL_FORGOTTEN,
    WRONG_CODES,
)

A_MOMENT = timedelta(seconds=60)


def test_the_table_says_of_everything_how_long_and_why() -> None:
    assert len({each.what for each in RETENTIONS}) == len(RETENTIONS)
    for each in RETENTIONS:
        assert each.why, each.what
        assert timedelta() < each.time <= UNTIL_FORGOTTEN, each.what


def test_codes_are_valid_for_as_long_as_the_table_says() -> None:
    assert (LINK_CODES.time, ACCESS_REQUESTS.time) == (CODE_VALID, REQUEST_VALID)


async def test_answered_events_go_after_a_month_and_those_that_wait_stay(tmp_path: Path) -> None:
    """What is given up holds a person's words; what still waits holds a question that must be answered."""
    url = f"sqlite:///{tmp_path}/ledger.db"
    ledger = await Ledger.open(url)
    room = Conversation(platform="web", channel="c")
    for number in range(6):
        event = Message(event_id=str(number), conversation=room, sender=Sender("ana"), text="hi", message_id="m")
        await ledger.accept(event, max_pending=99)
        if number < 4:
            await ledger.prepare(event, Reply("hello"))
            await (ledger.finish(event, Receipt(("r",))) if number % 2 else ledger.fail(event, "no"))
    with sqlite3.connect(tmp_path / "ledger.db") as other:
        for number, age in enumerate((FINISHED_EVENTS.time + A_MOMENT, FINISHED_EVENTS.time - A_MOMENT) * 3):
            moment = time.time() - age.total_seconds()
            other.execute("UPDATE inbox SET accepted_at = ? WHERE seq = ?", (moment, number + 1))
    other.close()
    assert await LedgerStore("ledger", ledger=ledger).prune() == 2
    assert [await ledger.was_accepted("web", str(number)) for number in range(6)] == [
        False,
        True,
        False,
        True,
        True,
        True,
    ]
    await ledger.close()


async def test_files_go_after_a_month_on_every_platform(tmp_path: Path) -> None:
    """Also on one that no longer runs: nobody else would delete them."""
    for platform in ("slack", "telegram"):
        for name, age in (("old", FILES.time + A_MOMENT), ("new", FILES.time - A_MOMENT)):
            folder = tmp_path / platform / "files" / "U7" / name
            folder.mkdir(parents=True)
            (folder / "a.txt").write_text("x")
            stamp = time.time() - age.total_seconds()
            os.utime(folder, (stamp, stamp))
    assert await FileStore(tmp_path).prune() == 2
    names = await asyncio.to_thread(lambda: {path.parent.name for path in tmp_path.rglob("a.txt")})
    assert names == {"new"}


@pytest.mark.parametrize(("age", "counted"), [(WRONG_CODES.time - A_MOMENT, True), (WRONG_CODES.time, False)])
async def test_wrong_codes_are_counted_for_as_long_as_the_table_says(age: timedelta, counted: bool) -> None:
    ledger, began = await Ledger.open("sqlite://"), now()
    for _ in range(5):
        await ledger.identities.join(Identity("slack:T1:U7"), None, began)
    refused = await ledger.identities.join(Identity("slack:T1:U7"), None, began + age)
    assert (str(refused) == "Refused.TOO_OFTEN") is counted
    await ledger.close()
