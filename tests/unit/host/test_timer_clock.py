"""What breaks without this: reminders come late, never, twice, or all of them stop with the first that goes wrong.

No test waits for a clock: the clock stands still until a test moves it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from llmagent_os.adapter import Reply
from llmagent_os.adapter_kit.backoff import Backoff
from llmagent_os.errors import LedgerError
from llmagent_os.events import Event, Timer
from llmagent_os.handler import Draft, Outcome
from llmagent_os.host.dead_letters import KEPT_TIMER
from llmagent_os.host.host import Host
from llmagent_os.host.limits import Limits
from llmagent_os.ledger import Ledger
from llmagent_os.testing import EchoHandler, ManualClock, MemoryAdapter, running
from llmagent_os.timers import Timers

SIX = datetime(2026, 11, 22, 18, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
AT_ONCE = Backoff(first=0.0, jitter=0.0)
QUICK = Limits(shutdown_seconds=0.0, send_backoff=AT_ONCE, adapter_backoff=AT_ONCE)


class Ringing(EchoHandler):
    """Says the key of a timer."""

    async def handle(self, event: Event, draft: Draft) -> Outcome:
        outcome = await super().handle(event, draft)
        return Outcome(Reply(event.key), outcome.interaction) if isinstance(event, Timer) else outcome


class Counting(Ledger):
    """Counts how often it is asked for what is due, and fails for a while."""

    asked = 0
    full = 0

    async def move_due_timers(self, now: datetime, *, limit: int, stored: object = None) -> datetime | None:
        self.asked += 1
        if self.full:
            self.full -= 1
            raise LedgerError("disk full")
        return await super().move_due_timers(now, limit=limit, stored=stored)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


@pytest.fixture
async def ledger() -> AsyncIterator[Counting]:
    opened = await Counting.open("sqlite://")
    assert isinstance(opened, Counting)
    yield opened
    await opened.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(SIX)


def timers(ledger: Ledger, platform: MemoryAdapter, channel: str = "c1") -> Timers:
    return ledger.timers("calendar", platform.message("remind me", channel=channel))


def texts(platform: MemoryAdapter) -> list[str]:
    return [sent.reply.text for sent in platform.posted]


async def test_each_timer_is_answered_at_its_moment_where_it_was_asked(
    ledger: Counting, platform: MemoryAdapter, clock: ManualClock
) -> None:
    handler = Ringing()
    async with running(Host(handler, ledger, [platform], clock=clock)):
        await platform.say("hello")  # the host runs
        await platform.sent(1)
        await timers(ledger, platform, "a").set("in an hour", SIX + 60 * MINUTE)
        await timers(ledger, platform, "b").set("earlier", SIX + MINUTE)
        clock.advance(MINUTE)
        await platform.sent(2)
        clock.advance(59 * MINUTE)
        await platform.sent(3)
    assert [(sent.reply.text, sent.conversation.channel) for sent in platform.posted[1:]] == [
        ("earlier", "b"),
        ("in an hour", "a"),
    ]
    assert [event.at for event in handler.handled[1:]] == [SIX + MINUTE, SIX + 60 * MINUTE]


async def test_what_came_due_while_the_host_was_off_comes_at_its_start_once_and_in_order(
    ledger: Counting, platform: MemoryAdapter, clock: ManualClock
) -> None:
    for number in range(230):  # more than ring at once
        await timers(ledger, platform).set(f"{number:03}", SIX - (230 - number) * MINUTE)
    for _ in range(2):
        async with running(Host(Ringing(), ledger, [platform], clock=clock)):
            await platform.sent(230)
    assert texts(platform) == [f"{number:03}" for number in range(230)]


async def test_messages_left_by_a_crash_are_answered_before_what_came_due_meanwhile(
    ledger: Counting, platform: MemoryAdapter, clock: ManualClock
) -> None:
    """A turn that runs again may be what makes the reminder."""
    await ledger.accept(platform.message("remind me"), max_pending=9)
    await timers(ledger, platform).set("ring", SIX - MINUTE)
    async with running(Host(Ringing(), ledger, [platform], clock=clock)):
        await platform.sent(2)
    assert texts(platform) == ["remind me", "ring"]


@pytest.mark.parametrize("when", ["before the handler", "before the reply is sent"])
async def test_a_crash_after_it_rang_answers_it_once(
    tmp_path: Path, platform: MemoryAdapter, clock: ManualClock, when: str
) -> None:
    ledger = await Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    await timers(ledger, platform).set("ring", SIX)
    found: list[Event] = []
    await ledger.move_due_timers(SIX, limit=9, stored=found.append)
    if when == "before the reply is sent":
        await ledger.prepare(found[0], Reply("as decided"))
    await ledger.close()
    ledger = await Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    for _ in range(2):
        async with running(Host(Ringing(), ledger, [platform], clock=clock)):
            await platform.sent(1)
    assert texts(platform) == ["ring" if when == "before the handler" else "as decided"]
    assert platform.sends == 1
    await ledger.close()


async def test_the_ledger_is_asked_once_a_minute_at_most_while_nothing_is_due(
    ledger: Counting, platform: MemoryAdapter, clock: ManualClock
) -> None:
    async with running(Host(Ringing(), ledger, [platform], clock=clock)):
        await platform.say("hello")
        await platform.sent(1)
        for number in range(50):
            await timers(ledger, platform).set(str(number), SIX + timedelta(days=number + 1))
        for number in range(30):
            clock.advance(MINUTE)
            await platform.say("hello again")
            await platform.sent(number + 2)
        assert ledger.asked <= 1 + 30, "once at the start, and then for timers that another process may set"
        clock.advance(timedelta(days=1))
        await platform.sent(32)
        await platform.say("hello")
        await platform.sent(33)
        assert ledger.asked <= 2 + 30


async def test_a_full_disk_delays_a_timer_and_loses_none(
    ledger: Counting, platform: MemoryAdapter, clock: ManualClock
) -> None:
    ledger.full = 3
    await timers(ledger, platform).set("ring", SIX)
    async with running(Host(Ringing(), ledger, [platform], limits=QUICK, clock=clock)):
        await platform.sent(1)
    assert texts(platform) == ["ring"]


async def test_timers_wait_where_the_host_has_no_room(
    ledger: Counting, platform: MemoryAdapter, clock: ManualClock
) -> None:
    for number in range(7):
        await timers(ledger, platform, str(number)).set(str(number), SIX - (7 - number) * MINUTE)
    limits = Limits(max_pending=2, send_backoff=AT_ONCE)
    host = Host(Ringing(), ledger, [platform], limits=limits, clock=clock)
    async with running(host):
        await platform.sent(7)
    assert texts(platform) == [str(number) for number in range(7)]


async def test_a_busy_conversation_gets_its_reminder_too(
    ledger: Counting, platform: MemoryAdapter, clock: ManualClock
) -> None:
    """The bound is for what people say: they can say it again."""
    limits = Limits(max_pending_per_conversation=1, send_backoff=AT_ONCE)
    for number in range(3):
        await timers(ledger, platform).set(str(number), SIX - (3 - number) * MINUTE)
    async with running(Host(Ringing(), ledger, [platform], limits=limits, clock=clock)):
        await platform.sent(3)
        await platform.say("hello")
        await platform.sent(4)
    assert texts(platform) == ["0", "1", "2", "hello"]


async def test_a_timer_of_a_platform_that_is_not_there_waits_for_it(
    ledger: Counting, platform: MemoryAdapter, clock: ManualClock
) -> None:
    gone = MemoryAdapter("gone")
    await timers(ledger, gone).set("for later", SIX - MINUTE)
    await timers(ledger, platform).set("ring", SIX)
    async with running(Host(Ringing(), ledger, [platform], clock=clock)):
        await platform.sent(1)
    async with running(Host(Ringing(), ledger, [platform, gone], clock=clock)):
        await gone.sent(1)
    assert (texts(platform), texts(gone)) == (["ring"], ["for later"])


async def test_a_timer_that_fails_is_tried_again_and_its_person_told_in_the_end(
    ledger: Counting, platform: MemoryAdapter, clock: ManualClock
) -> None:
    class Broken(EchoHandler):
        async def handle(self, event: Event, draft: Draft) -> Outcome:
            if isinstance(event, Timer):
                raise ValueError("a bug")
            return await super().handle(event, draft)

    await timers(ledger, platform).set("ring", SIX)
    async with running(Host(Broken(), ledger, [platform], clock=clock, limits=QUICK)):
        await platform.sent(1)
        await platform.say("hello")
        await platform.sent(2)
    assert texts(platform) == [str(KEPT_TIMER), "hello"]
    (letter,) = await ledger.dead_letters()
    assert letter.tries == 3
    assert letter.why.startswith("ValueError in handle")
