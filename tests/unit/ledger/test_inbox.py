"""What breaks without this: messages are lost or answered twice, or the inbox keeps what a person said for ever."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from llmagent_os.adapter import Button, Card, Receipt, Reply
from llmagent_os.errors import BadEventError
from llmagent_os.identity import Identity
from llmagent_os.ledger import Accepted, Ledger
from llmagent_os.ledger.sqlite_database import connect
from tests.unit.ledger.samples import completions, execute, interaction, message, without_completions


async def test_a_redelivered_event_is_not_taken_twice(ledger: Ledger) -> None:
    """A person would get two answers to one message."""
    assert await ledger.accept(message("1"), max_pending=9) is Accepted.NEW
    assert await ledger.accept(message("1"), max_pending=9) is Accepted.DUPLICATE
    await ledger.finish(message("1"), None)
    assert await ledger.accept(message("1"), max_pending=9) is Accepted.DUPLICATE


async def test_two_platforms_may_use_the_same_ids(ledger: Ledger) -> None:
    """A message would get no answer, because another platform has used its id."""
    assert await ledger.accept(message("1", platform="web"), max_pending=9) is Accepted.NEW
    assert await ledger.accept(message("1", platform="slack"), max_pending=9) is Accepted.NEW


async def test_a_full_conversation_takes_nothing_more_and_holds_nobody_else_up(ledger: Ledger) -> None:
    """One busy conversation would fill the inbox, or stop the others."""
    for number in range(3):
        assert await ledger.accept(message(str(number)), max_pending=3) is Accepted.NEW
    assert await ledger.accept(message("3"), max_pending=3) is Accepted.FULL
    assert await ledger.accept(message("2"), max_pending=3) is Accepted.DUPLICATE, (
        "it is safe already, and must be told so"
    )
    assert await ledger.accept(message("4", channel="other"), max_pending=3) is Accepted.NEW
    await ledger.fail(message("0"), "it was hopeless")
    assert await ledger.accept(message("3"), max_pending=3) is Accepted.NEW


async def test_a_burst_cannot_pass_the_bound_while_the_disk_is_written(ledger: Ledger) -> None:
    """Messages that arrive at the same moment would all be taken, however many they are."""
    found = await asyncio.gather(*(ledger.accept(message(str(number)), max_pending=5) for number in range(20)))
    assert found.count(Accepted.NEW) == 5
    assert found.count(Accepted.FULL) == 15
    assert len(await ledger.unfinished()) == 5


async def test_a_crash_leaves_what_was_accepted_and_what_was_decided(tmp_path: Path) -> None:
    """After a crash, messages would be lost, or the agent would decide a second time."""
    url = f"sqlite:///{tmp_path}/ledger.db"
    ledger = await Ledger.open(url)
    events = [message(str(number)) for number in range(4)]
    for event in events:
        await ledger.accept(event, max_pending=9)
    reply = Reply("Done.", Card("Lunch", (("when", "today"),)), (Button("Undo", "calendar:undo"),), ("/tmp/a.ics",))
    await ledger.prepare(events[1], reply, interaction(events[1]))
    await ledger.prepare(events[2], Reply("Sorry."), why="it broke")
    await ledger.finish(events[0], None)

    again = await Ledger.open(url)  # the first is still open, as after a crash of its process
    left = await again.unfinished()
    assert [row.event for row in left] == events[1:]
    assert [(row.prepared, row.reply, row.why) for row in left] == [
        (True, reply, None),
        (True, Reply("Sorry."), "it broke"),
        (False, None, None),
    ]
    await again.close()
    await ledger.close()


async def test_finishing_soon_is_seen_by_whoever_reads_next(ledger: Ledger) -> None:
    """A reaction that follows a reply at once would not find the reply."""
    event = message("1")
    await ledger.accept(event, max_pending=9)
    await ledger.prepare(event, Reply("hi"), interaction(event))
    await ledger.finish(event, Receipt(("r1",)), soon=True)
    assert await ledger.interaction_of("web", "c", "r1") == without_completions(interaction(event))
    assert await ledger.unfinished() == []


async def test_a_reply_that_is_made_twice_keeps_the_completions_of_the_first(ledger: Ledger) -> None:
    """A reward for the reply that was sent would teach the words of another one."""
    event = message("1")
    await ledger.accept(event, max_pending=9)
    first = msgspec.structs.replace(interaction(event, "hi"), completions=completions("hi")[1:])
    await ledger.prepare(event, Reply("hi"), first)
    await ledger.prepare(event, Reply("hello"), interaction(event, "hello"))
    assert await ledger.completions_of(first.interaction_id) == first.completions
    assert [turn.completion for turn in await ledger.history(event.conversation.key, Identity("web::u"), 9)] == ["hi"]


async def test_finishing_soon_is_kept_by_a_close(tmp_path: Path) -> None:
    """The next start would send a reply a second time."""
    url = f"sqlite:///{tmp_path}/ledger.db"
    ledger = await Ledger.open(url)
    await ledger.accept(message("1"), max_pending=9)
    await ledger.finish(message("1"), None, soon=True)
    await ledger.close()
    ledger = await Ledger.open(url)
    assert await ledger.unfinished() == []
    await ledger.close()


async def test_what_was_given_up_is_visible_and_not_run_again(ledger: Ledger) -> None:
    """An event that breaks the handler would break it at every start, and nobody could see why."""
    await ledger.accept(message("1"), max_pending=9)
    await ledger.fail(message("1"), "the channel is gone")
    assert await ledger.failed() == [("web:1", "the channel is gone")]
    assert await ledger.unfinished() == []


async def test_an_event_is_run_even_if_whoever_delivered_it_hung_up(tmp_path: Path) -> None:
    """A web request can be cancelled while the disk is written: what is stored must not wait for a restart."""
    ledger = await Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    stored: list[str] = []
    call = ledger.accept(message("1"), max_pending=9, stored=lambda event: stored.append(event.event_id))
    task = asyncio.create_task(call)
    await asyncio.sleep(0)  # it has asked for the write
    task.cancel()
    await asyncio.wait([task])
    await ledger.accept(message("2"), max_pending=9)
    assert stored == ["1"]
    await ledger.close()


async def test_an_event_that_no_json_can_hold_is_refused_by_name(ledger: Ledger) -> None:
    """A message with half a character would count as waiting for ever."""
    with pytest.raises(BadEventError, match="'1'"):
        await ledger.accept(message("1", text="half a pair: \ud83d"), max_pending=9)
    assert await ledger.accept(message("1"), max_pending=1) is Accepted.NEW, "the refused one must not count as waiting"


async def test_an_event_that_cannot_be_read_does_not_keep_the_host_from_starting(tmp_path: Path) -> None:
    """One damaged row would leave everybody without answers."""
    ledger = await Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    for number in range(2):
        await ledger.accept(message(str(number)), max_pending=9)
    execute(tmp_path, 'UPDATE inbox SET body = \'{"type":"hologram"}\' WHERE seq = 1')
    assert [row.event.event_id for row in await ledger.unfinished()] == ["1"]
    assert "cannot be read" in (await ledger.failed())[0][1]
    await ledger.close()


async def test_a_second_interaction_with_the_same_id_does_not_stop_the_reply(ledger: Ledger) -> None:
    """A person would get no answer, because the ledger has a row already."""
    first, second = message("1"), message("2")
    for event in (first, second):
        await ledger.accept(event, max_pending=9)
        await ledger.prepare(event, Reply("x"), interaction(first))
    assert [row.prepared for row in await ledger.unfinished()] == [True, True]


async def test_a_finished_event_says_nothing_about_the_person(tmp_path: Path) -> None:
    """The inbox would keep what people said, in the clear."""
    ledger = await Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    await ledger.accept(message("1", user="ana", text="the secret"), max_pending=9)
    await ledger.prepare(message("1"), Reply("the answer"))
    await ledger.finish(message("1"), None)
    await ledger.close()
    held = (tmp_path / "ledger.db").read_bytes()
    assert b"the secret" not in held
    assert b"the answer" not in held
    assert b"web::ana" not in held


async def test_what_was_given_up_is_not_kept_for_ever(tmp_path: Path) -> None:
    """It holds people's words as they were said, secrets and all."""
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    opened = await Ledger.open(url)
    for name in ("old", "new"):
        await opened.accept(message(name), max_pending=9)
        await opened.fail(message(name), "no model")
    await opened.close()
    database = connect(tmp_path / "ledger.db", "FULL")
    database.execute("UPDATE inbox SET accepted_at = 0 WHERE seq = 1")
    database.close()
    opened = await Ledger.open(url)
    assert await opened.failed() == [("web:new", "no model")]
    await opened.close()
