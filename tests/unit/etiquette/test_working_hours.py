"""Working hours. What breaks without this: people wait at night without a word, hear it ten times, or are forgotten."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from llmagent_os.etiquette.hours_config import HoursConfig
from llmagent_os.etiquette.working_hours import MOST_HELD, WorkingHours
from llmagent_os.events import Command, Message, Sender
from llmagent_os.host.host import Host
from llmagent_os.identity import identity_of
from llmagent_os.ledger import Ledger
from llmagent_os.testing import EchoHandler, ManualClock, MemoryAdapter, running

SUNDAY = datetime(2026, 11, 22, 12, tzinfo=UTC)
OPENING = datetime(2026, 11, 23, 9, tzinfo=UTC)
CLOSED = "I am not at work now. I am back on Monday at 09:00."
LATER = "I am not at work now. I answer you when I am back, on Monday at 09:00."


def hours(after_hours: str) -> HoursConfig:
    return HoursConfig.model_validate(
        {"time_zone": "UTC", "working": {"monday": "09:00-17:00"}, "after_hours": after_hours}
    )


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    ledger = await Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}")
    yield ledger
    await ledger.close()


def host(ledger: Ledger, platform: MemoryAdapter, clock: ManualClock, after_hours: str) -> Host:
    working = WorkingHours(EchoHandler(), hours(after_hours), ledger, zone="UTC", clock=clock.now)
    return Host(working, ledger, [platform], clock=clock)


async def test_people_are_told_once_in_a_conversation_and_a_closed_period(ledger: Ledger) -> None:
    platform, clock = MemoryAdapter(), ManualClock(SUNDAY)
    async with running(host(ledger, platform, clock, "notice")):
        await platform.say("hello")
        await platform.say("are you there?")
        await platform.say("hello", channel="c2")
        await platform.sent(2)
    async with running(host(ledger, platform, clock, "notice")):  # after a restart
        await platform.say("anybody?")
        clock.advance(OPENING - SUNDAY)
        await platform.say("good morning")
        await platform.sent(3)
        clock.advance(timedelta(hours=8))
        await platform.say("one more thing")
        await platform.sent(4)
    texts = [(sent.conversation.channel, sent.reply.text) for sent in platform.posted]
    assert sorted(texts[:2]) == [("c1", CLOSED), ("c2", CLOSED)]
    assert texts[2:] == [("c1", "good morning"), ("c1", CLOSED)]


async def test_commands_always_work_and_so_does_a_bot_that_answers_all_the_same(ledger: Ledger) -> None:
    platform, clock = MemoryAdapter(), ManualClock(SUNDAY)
    async with running(host(ledger, platform, clock, "notice")):
        await platform.deliver(
            Command(event_id="k", conversation=platform.room(), sender=Sender("u1"), name="help", message_id="k")
        )
        assert "Command" in (await platform.sent(1))[0].reply.text
    async with running(host(ledger, platform, clock, "answer")):
        await platform.say("hello")
        assert (await platform.sent(2))[1].reply.text == "hello"


async def test_what_is_kept_is_answered_at_the_opening_in_order_and_once_also_after_a_restart(ledger: Ledger) -> None:
    platform, clock = MemoryAdapter(), ManualClock(SUNDAY)
    async with running(host(ledger, platform, clock, "answer_later")) as first:
        for text in ("first", "second", "third"):
            await platform.say(text)
        await platform.sent(1)
        while first.metrics.finished < 3:
            await platform.sent(1)
            await ledger.unfinished()
    assert [sent.reply.text for sent in platform.posted] == [LATER]
    async with running(host(ledger, platform, clock, "answer_later")):
        clock.advance(OPENING - SUNDAY)
        await platform.sent(4)
        await platform.say("last")
        await platform.sent(5)
    assert [sent.reply.text for sent in platform.posted[1:]] == ["first", "second", "third", "last"]
    assert [sent.reply_to for sent in platform.posted[1:4]] == ["m-e1", "m-e2", "m-e3"]


async def test_what_comes_while_the_bot_is_closed_again_is_kept_again(ledger: Ledger) -> None:
    """The bot was off on the whole day on which it would have answered."""
    platform, clock = MemoryAdapter(), ManualClock(SUNDAY)
    async with running(host(ledger, platform, clock, "answer_later")):
        await platform.say("please")
        await platform.sent(1)
    clock.advance(OPENING - SUNDAY + timedelta(hours=12))
    async with running(host(ledger, platform, clock, "answer_later")) as second:
        while second.metrics.finished < 1:
            await ledger.unfinished()
        clock.advance(timedelta(days=6, hours=12))
        await platform.sent(3)
    assert [sent.reply.text for sent in platform.posted] == [LATER, LATER, "please"]


async def test_nobody_fills_the_disk_at_night_and_who_is_forgotten_is_not_answered(ledger: Ledger) -> None:
    message = MemoryAdapter().message("hello")
    for number in range(MOST_HELD):
        each = Message(
            event_id=str(number), conversation=message.conversation, sender=message.sender, text="a", message_id="m"
        )
        assert await ledger.held.hold(each, OPENING, MOST_HELD)
        assert await ledger.held.hold(each, OPENING, MOST_HELD)  # again after a crash
    assert not await ledger.held.hold(message, OPENING, MOST_HELD)
    await ledger.silences.begin(message, "closed", OPENING)
    kept = await ledger.export(identity_of(message))
    assert (len(kept["held"]), len(kept["silences"])) == (MOST_HELD, 1)
    await ledger.forget(identity_of(message))
    found: list[object] = []
    assert await ledger.move_due_timers(OPENING, limit=99, stored=found.append) is None
    assert found == []
    assert await ledger.silences.find(message.conversation, "closed", SUNDAY) is None


async def test_what_people_say_to_each_other_is_not_answered_with_the_hours(ledger: Ledger) -> None:
    platform, clock = MemoryAdapter(), ManualClock(SUNDAY)
    handler = WorkingHours(EchoHandler(), hours("notice"), ledger, zone="UTC", clock=clock.now)

    async def no_draft(_: str) -> None:
        """Show nothing."""

    message = Message(
        event_id="1",
        conversation=platform.room("g", thread="t", group=True),
        sender=Sender("u1"),
        text="lunch?",
        message_id="1",
        addressed=False,
    )
    assert (await handler.handle(message, no_draft)).reply is None
