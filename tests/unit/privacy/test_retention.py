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
from llmagent_os.adapters.web.transcript import Transcript
from llmagent_os.adapters.web.transcript_items import Item
from llmagent_os.errors import ConfigError
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
    kept_times,
)
from tests.unit.ledger import samples

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


async def test_the_words_of_old_conversations_go_and_what_was_learned_stays(tmp_path: Path) -> None:
    """The owner has promised that nobody's words are kept for more than a year."""
    url = f"sqlite:///{tmp_path}/ledger.db"
    ledger = await Ledger.open(url)
    for number in range(3):
        said = samples.message(str(number), user="ana", text=f"zeppelin-{number}")
        await ledger.accept(said, max_pending=9)
        await ledger.prepare(said, Reply(said.text), samples.interaction(said, said.text))
        await ledger.finish(said, None)
        await ledger.add_reward(samples.reward(str(number), f"web:{number}", rater="web::ana", user="web::ana"))
    with sqlite3.connect(tmp_path / "ledger.db") as other:
        for number, days in enumerate((400, 366, 364), 1):
            moment = time.time() - days * 86_400
            other.execute("UPDATE interactions SET created_at = ? WHERE seq = ?", (moment, number))
    keep = kept_times("conversations=365")["conversations"]
    assert await LedgerStore("ledger", ledger=ledger).prune() == 0, "without a time they are kept"
    store = LedgerStore("ledger", ledger=ledger, keep=keep)
    assert (await store.prune(), await store.prune()) == (2, 0)
    exported = await ledger.export(Identity("web::ana"))
    assert [(each["said"], len(each["completions"])) for each in exported["interactions"]] == [
        ("", 0),
        ("", 0),
        ("zeppelin-2", 2),
    ]
    assert [each["context"].get("hour") for each in exported["interactions"]] == [9, 9, 9]
    assert all(each["action"] for each in exported["interactions"]) and len(exported["rewards"]) == 3
    await ledger.wipe()
    held = samples.all_bytes(tmp_path)
    assert b"zeppelin-1" not in held and b"zeppelin-2" in held
    await ledger.close()


async def test_old_messages_of_the_transcript_go(tmp_path: Path) -> None:
    transcript = Transcript(tmp_path / "web.db")
    old, kept = await transcript.begin("ana"), await transcript.begin_unowned("ben")
    for chat, days in ((old, 40), (kept, 40), (kept, 1)):
        at = now() - timedelta(days=days)
        await transcript.hold(chat, Item(message_id=f"m{days}", author="person", text=f"zeppelin {days}", at=at))
    with sqlite3.connect(tmp_path / "web.db") as other:
        other.execute("UPDATE conversations SET created_at = '2020-01-01T00:00:00.000000+00:00'")
    assert await transcript.delete_old(now() - timedelta(days=30)) == 2
    assert await transcript.owner(old) is None
    assert [item["text"] for chat in await transcript.export("ben") for item in chat["messages"]] == ["zeppelin 1"]
    assert b"zeppelin 40" not in samples.all_bytes(tmp_path)
    await transcript.close()


async def test_files_are_kept_for_as_long_as_the_owner_says(tmp_path: Path) -> None:
    folder = tmp_path / "telegram" / "files" / "1001" / "event"
    folder.mkdir(parents=True)
    (folder / "a.txt").write_text("hello")
    before = time.time() - 5 * 86_400
    os.utime(folder, (before, before))
    assert await FileStore(tmp_path).prune() == 0
    assert await FileStore(tmp_path, kept_times("files=3")["files"]).prune() == 1


@pytest.mark.parametrize("setting", ["conversations", "conversations=0", "words=3", "files=-1", "files=1.5", "=3"])
def test_a_time_that_cannot_be_read_is_named(setting: str) -> None:
    with pytest.raises(ConfigError, match="LLMAGENT_OS_KEEP_DAYS cannot hold"):
        kept_times(setting)


def test_what_is_not_named_is_kept_as_the_table_says() -> None:
    times = kept_times("files=3, transcripts = 90")
    assert (times["files"].days, times["transcripts"].days, times["outgoing"].days) == (3, 90, 7)
    assert times["conversations"] == UNTIL_FORGOTTEN
