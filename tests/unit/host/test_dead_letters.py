"""What breaks without this: one message ends the process at every start, and nobody is told or can do anything."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from llmagent_os.adapter import Reply
from llmagent_os.adapter_kit.backoff import Backoff
from llmagent_os.errors import AdapterError
from llmagent_os.events import Edit, Event, Message, Reaction, Sender, event_key
from llmagent_os.handler import Draft, Outcome
from llmagent_os.host.dead_letters import KEPT, says_kept
from llmagent_os.host.host import Host
from llmagent_os.host.limits import Limits
from llmagent_os.host.stages import APOLOGY
from llmagent_os.identity import identity_of
from llmagent_os.languages import speaking
from llmagent_os.ledger import Ledger
from llmagent_os.testing import EchoHandler, MemoryAdapter, running

AT_ONCE = Limits(send_backoff=Backoff(first=0.0, jitter=0.0), revive_seconds=0.0)
STOP_AT_ONCE = Limits(shutdown_seconds=0.0)


def texts(platform: MemoryAdapter) -> list[str]:
    return [sent.reply.text for sent in platform.posted]


async def accepted(ledger: Ledger, *events: Event) -> None:
    for event in events:
        await ledger.accept(event, max_pending=99)


async def crash(ledger: Ledger, times: int, *events: Event) -> None:
    """The process ends while ``events`` are being run: the inbox has counted the try, and nothing else is noted."""
    for _ in range(times):
        for event in events:
            await ledger.begin(event)


async def test_an_event_that_ended_the_process_three_times_is_kept_and_its_person_told(
    ledger: Ledger, platform: MemoryAdapter
) -> None:
    poison, next_one = platform.message("poison"), platform.message("hello")
    await accepted(ledger, poison, next_one)
    await crash(ledger, 2, poison)  # and a first time as soon as it was accepted
    handler = EchoHandler()
    async with running(Host(handler, ledger, [platform], limits=AT_ONCE)) as host:
        await platform.sent(2)
    assert texts(platform) == [str(KEPT), "hello"]
    assert handler.handled == [next_one]
    (letter,) = await ledger.dead_letters()
    assert (letter.platform, letter.tries) == ("memory", 3)
    assert "poison" not in letter.why
    assert host.metrics.dead_letters == 1
    assert await ledger.unfinished() == []


async def test_two_ends_of_the_process_are_not_enough(ledger: Ledger, platform: MemoryAdapter) -> None:
    await accepted(ledger, event := platform.message("hello"))
    await crash(ledger, 1, event)
    async with running(Host(EchoHandler(), ledger, [platform], limits=AT_ONCE)):
        await platform.sent(1)
    assert texts(platform) == ["hello"]
    assert await ledger.dead_letters() == []


async def test_an_ordinary_message_is_counted_without_a_write_of_its_own(tmp_path: Path) -> None:
    """Each message would cost more."""

    class Watched(Ledger):
        async def begin(self, event: Event) -> bool:
            raise AssertionError("a write that nobody needs")

    platform = MemoryAdapter()
    ledger = await Watched.open(f"sqlite:///{tmp_path}/ledger.db")

    class Dying(EchoHandler):
        async def handle(self, event: Event, draft: Draft) -> Outcome:
            self.tries = [row.tries for row in await ledger.unfinished()]
            return await super().handle(event, draft)

    handler = Dying()
    async with running(Host(handler, ledger, [platform])):
        await platform.say("hello")
        await platform.sent(1)
    assert handler.tries == [1], "the try is counted before the handler is begun"
    await ledger.close()


async def test_a_message_that_waits_behind_another_counts_from_when_it_is_begun(
    ledger: Ledger, platform: MemoryAdapter
) -> None:
    begun, go_on, tries = asyncio.Event(), asyncio.Event(), list[list[int]]()

    class Slow(EchoHandler):
        async def handle(self, event: Event, draft: Draft) -> Outcome:
            tries.append([row.tries for row in await ledger.unfinished()])
            begun.set()
            await go_on.wait()
            return await super().handle(event, draft)

    async with running(Host(Slow(), ledger, [platform])):
        await platform.say("one")
        await begun.wait()
        await platform.say("two")
        assert [row.tries for row in await ledger.unfinished()] == [1, 0]
        go_on.set()
        await platform.sent(2)
    assert tries == [[1], [1]]


async def test_a_stop_that_was_asked_for_is_no_try(ledger: Ledger, platform: MemoryAdapter) -> None:
    """A bot that is deployed often would give up whatever takes long."""
    begun = asyncio.Event()

    class Endless(EchoHandler):
        async def handle(self, event: Event, draft: Draft) -> Outcome:
            begun.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                raise RuntimeError("what a handler makes of a cancellation") from None
            raise AssertionError

    async with running(Host(Endless(), ledger, [platform], limits=STOP_AT_ONCE)):
        await platform.say("long")
        await begun.wait()
    for _ in range(3):
        begun.clear()
        async with running(Host(Endless(), ledger, [platform], limits=STOP_AT_ONCE)):
            await begun.wait()
    (row,) = await ledger.unfinished()
    assert row.tries == 0


async def test_suspects_run_one_at_a_time_and_hold_up_nobody_else(ledger: Ledger, platform: MemoryAdapter) -> None:
    """The next crash must count against one of them, not against all that were begun beside it."""
    events = [platform.message(f"suspect {number}", channel=f"c{number}", user=f"u{number}") for number in range(3)]
    await accepted(ledger, *events)
    await crash(ledger, 1, *events)
    begun, gates = list[str](), {event.text: asyncio.Event() for event in events}

    class Slow(EchoHandler):
        async def handle(self, event: Event, draft: Draft) -> Outcome:
            if isinstance(event, Message) and event.text in gates:
                begun.append(event.text)
                await gates[event.text].wait()
            return await super().handle(event, draft)

    async with running(Host(Slow(), ledger, [platform])):
        await platform.say("hello", channel="other", user="other")
        assert [sent.reply.text for sent in await platform.sent(1)] == ["hello"]
        assert begun == ["suspect 0"]
        assert [row.tries for row in await ledger.unfinished()] == [3, 2, 2]
        for number in range(3):
            gates[f"suspect {number}"].set()
            await platform.sent(number + 2)
    assert texts(platform) == ["hello", "suspect 0", "suspect 1", "suspect 2"]


async def test_a_dead_letter_runs_again_while_the_host_runs(ledger: Ledger, platform: MemoryAdapter) -> None:
    await accepted(ledger, poison := platform.message("poison"))
    await crash(ledger, 2, poison)
    async with running(Host(EchoHandler(), ledger, [platform], limits=AT_ONCE)):
        await platform.sent(1)
        await platform.say("hello")
        await platform.sent(2)  # so the event before it is finished
        letters = await ledger.dead_letters()
        assert await ledger.revive([letters[0].seq + 1]) == 0
        assert await ledger.revive([letters[0].seq]) == 1
        await platform.sent(3)
    assert texts(platform) == [str(KEPT), "hello", "poison"], "the platform must not drop the answer as a second send"
    assert await ledger.dead_letters() == []
    assert await ledger.unfinished() == []


async def test_a_dead_letter_runs_again_at_the_next_start(ledger: Ledger, platform: MemoryAdapter) -> None:
    await accepted(ledger, poison := platform.message("poison"))
    await ledger.bury(poison, "the process ended")
    assert await ledger.revive() == 1
    async with running(Host(EchoHandler(), ledger, [platform])):
        await platform.sent(1)
    assert texts(platform) == ["poison"]


async def test_a_crash_before_the_person_is_told_does_not_lose_the_dead_letter(
    ledger: Ledger, platform: MemoryAdapter
) -> None:
    await accepted(ledger, poison := platform.message("poison"))
    await crash(ledger, 2, poison)
    await ledger.prepare(poison, Reply(str(KEPT)), why="the process ended")
    async with running(Host(EchoHandler(), ledger, [platform], limits=AT_ONCE)):
        await platform.sent(1)
    assert [letter.why for letter in await ledger.dead_letters()] == ["the process ended"]


def test_a_dead_letter_is_known_in_every_language() -> None:
    with speaking("de"):
        told = Reply(str(KEPT))
    assert told.text != KEPT.message
    assert says_kept(told)
    assert not says_kept(Reply("hello"))


async def test_a_crash_after_the_first_try_does_not_lose_the_dead_letter_either(
    ledger: Ledger, platform: MemoryAdapter
) -> None:
    """What took too long is given up at once. The person was told that it is kept."""
    await accepted(ledger, slow := platform.message("slow"))
    await ledger.prepare(slow, Reply(str(KEPT)), why="TimeoutError")
    async with running(Host(EchoHandler(), ledger, [platform], limits=AT_ONCE)):
        await platform.sent(1)
    assert [letter.why for letter in await ledger.dead_letters()] == ["TimeoutError"]


async def test_an_apology_is_not_seen_twice_after_crashes(ledger: Ledger, platform: MemoryAdapter) -> None:
    await accepted(ledger, poison := platform.message("poison"))
    await crash(ledger, 2, poison)
    await ledger.prepare(poison, Reply(str(APOLOGY)), why="the handler failed")
    await platform.send(poison.conversation, Reply(str(APOLOGY)), key=event_key(poison))  # and the process ended
    async with running(Host(EchoHandler(), ledger, [platform], limits=AT_ONCE)):
        await platform.say("hello")
        await platform.sent(2)
    assert texts(platform) == [str(APOLOGY), "hello"]
    assert await ledger.dead_letters() == []


async def test_a_dead_letter_that_is_put_back_is_where_an_erasure_finds_it(tmp_path: Path) -> None:
    """Run after the erasure, it would have things written about the person again."""
    platform, order = MemoryAdapter(), list[str]()
    ledger = await Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    await accepted(ledger, old := platform.message("old"))
    await ledger.bury(old, "it failed")
    await ledger.revive()
    await asyncio.gather(
        ledger.take_revived(lambda row: order.append("resumed")),
        ledger.drop_unfinished([identity_of(old)], then=lambda: order.append("dropped")),
    )
    assert order == ["resumed", "dropped"]
    await ledger.close()


async def test_why_a_dead_letters_word_could_not_be_sent_quotes_nobody(ledger: Ledger, platform: MemoryAdapter) -> None:
    await accepted(ledger, poison := platform.message("zeppelin"))
    await crash(ledger, 2, poison)
    platform.fail_sends(5, AdapterError("cannot send 'zeppelin'"))
    async with running(Host(EchoHandler(), ledger, [platform], limits=AT_ONCE)):
        await platform.say("hello")
        await platform.sent(1)
    (letter,) = await ledger.dead_letters()
    assert letter.why.startswith("not sent in 5 tries: AdapterError") and "zeppelin" not in letter.why


async def test_an_erased_event_does_not_become_a_dead_letter(ledger: Ledger, platform: MemoryAdapter) -> None:
    await accepted(ledger, old := platform.message("old"))
    await ledger.drop_unfinished([identity_of(old)])
    await ledger.bury(old, "it failed")
    assert await ledger.dead_letters() == []


async def test_what_nobody_waits_for_is_tried_three_times_and_kept(ledger: Ledger, platform: MemoryAdapter) -> None:
    class Broken(EchoHandler):
        async def handle(self, event: Event, draft: Draft) -> Outcome:
            self.handled.append(event)
            raise ValueError("the words of a person")

    handler = Broken()
    async with running(Host(handler, ledger, [platform], limits=AT_ONCE)):
        edit = Edit(event_id="e9", conversation=platform.room(), sender=Sender("u1"), message_id="m", text="hello")
        await platform.deliver(edit)
        await platform.say("hi")
        assert [sent.reply.text for sent in await platform.sent(1)] == [str(APOLOGY)]
    assert len([event for event in handler.handled if event == edit]) == 3
    (letter,) = await ledger.dead_letters()
    assert "ValueError in handle" in letter.why
    assert "person" not in letter.why


@pytest.mark.parametrize(
    "fail",
    [
        lambda: (_ for _ in ()).throw(SystemExit(2)),
        lambda: (_ for _ in ()).throw(KeyboardInterrupt()),
        lambda: (_ for _ in ()).throw(GeneratorExit()),
        lambda: (_ for _ in ()).throw(BaseExceptionGroup("two", [KeyboardInterrupt()])),
        lambda: asyncio.current_task().cancel(),  # type: ignore[union-attr]  # pyright: ignore[reportOptionalMemberAccess]
    ],
    ids=["SystemExit", "KeyboardInterrupt", "GeneratorExit", "BaseExceptionGroup", "cancels its own task"],
)
async def test_whatever_a_handler_raises_the_person_hears_and_the_conversation_goes_on(
    ledger: Ledger, platform: MemoryAdapter, fail: Callable[[], object]
) -> None:
    class Ending(EchoHandler):
        async def handle(self, event: Event, draft: Draft) -> Outcome:
            if isinstance(event, Message) and event.text == "poison":
                next(iter([fail()]))
                await asyncio.sleep(0)
            return await super().handle(event, draft)

    async with running(Host(Ending(), ledger, [platform], limits=AT_ONCE)):
        await platform.say("poison")
        await platform.say("hello")
        await platform.sent(2)
    assert texts(platform) == [str(APOLOGY), "hello"]


async def test_whatever_a_callback_or_an_adapter_raises_the_host_goes_on(
    ledger: Ledger, platform: MemoryAdapter
) -> None:
    async def may_rate(event: Reaction) -> bool:
        raise SystemExit(2)

    class Dying(MemoryAdapter):
        runs = 0

        async def run(self, accept: object) -> None:
            self.runs += 1
            if self.runs < 3:
                raise KeyboardInterrupt
            await asyncio.Event().wait()

    dying = Dying("dying")
    limits = Limits(send_backoff=Backoff(first=0.0, jitter=0.0), adapter_backoff=Backoff(first=0.0, jitter=0.0))
    async with running(Host(EchoHandler(), ledger, [platform, dying], limits=limits, may_rate=may_rate)):
        await platform.say("hi")
        (sent,) = await platform.sent(1)
        await platform.react(sent, "👍")
        platform.fail_sends(1, SystemExit(3))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        await platform.say("still there?")
        await platform.sent(2)
    assert texts(platform) == ["hi", "still there?"]
    assert dying.runs == 3
    (letter,) = await ledger.dead_letters()
    assert letter.why.startswith("SystemExit in may_rate")
