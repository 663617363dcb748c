"""What breaks without this: messages overtake each other, are dropped or answered twice, one slow or broken part stops
the others, or a restart loses what people were promised.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

import msgspec
import pytest
import structlog

from llmagent_os.adapter import Capabilities, Receipt, Reply
from llmagent_os.adapter_kit.backoff import Backoff
from llmagent_os.errors import AdapterError, BadEventError, ConfigError, HostBusyError, LedgerError, TryLaterError
from llmagent_os.events import ButtonPress, Command, Conversation, Edit, Event, Message, Reaction, Sender, event_key
from llmagent_os.handler import Draft, Outcome
from llmagent_os.host.busy_notices import BUSY, WAITING
from llmagent_os.host.host import Host
from llmagent_os.host.limits import Limits
from llmagent_os.host.stages import APOLOGY
from llmagent_os.identity import Identity
from llmagent_os.ledger import CompletionRecord, Interaction, Ledger, RewardEvent
from llmagent_os.testing import EchoHandler, MemoryAdapter, Sent, running

#: No test waits for a clock: tries follow at the loop's next turn, and a stop waits for nobody.
AT_ONCE = Backoff(first=0.0, jitter=0.0)
QUICK = Limits(shutdown_seconds=0.0, send_backoff=AT_ONCE, adapter_backoff=AT_ONCE)


class Slow(EchoHandler):
    """Answers a message when it is allowed to."""

    def __init__(self) -> None:
        super().__init__()
        self.gates: dict[str, asyncio.Event] = {}
        self.begun: dict[str, asyncio.Event] = {}
        self.side_by_side = self.most = 0

    def gate(self, text: str) -> asyncio.Event:
        return self.gates.setdefault(text, asyncio.Event())

    def started(self, text: str) -> asyncio.Event:
        return self.begun.setdefault(text, asyncio.Event())

    async def handle(self, event: Event, draft: Draft) -> Outcome:
        self.side_by_side += 1
        self.most = max(self.most, self.side_by_side)
        try:
            if isinstance(event, Message):
                self.started(event.text).set()
                await self.gate(event.text).wait()
            return await super().handle(event, draft)
        finally:
            self.side_by_side -= 1


class Broken(EchoHandler):
    """Fails at everything, with whatever it is given."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error

    async def handle(self, event: Event, draft: Draft) -> Outcome:
        self.handled.append(event)
        raise self.error


async def rewards(ledger: Ledger) -> list[tuple[Interaction, RewardEvent]]:
    """Every reward in the ledger with the reply that earned it, oldest first."""
    rows = await ledger.rewards_after(0, 100)
    return [(row.interaction, row.reward) for row in rows if row.interaction is not None and row.reward is not None]


def texts(posted: list[Sent]) -> list[str]:
    return [sent.reply.text for sent in posted]


# ── order and company ─────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_conversation_is_answered_in_order_and_what_comes_mid_reply_is_kept(
    ledger: Ledger, platform: MemoryAdapter
) -> None:
    handler = Slow()
    async with running(Host(handler, ledger, [platform])):
        await platform.say("one")
        await handler.started("one").wait()
        handler.gate("two").set()
        handler.gate("three").set()
        await platform.say("two")
        await platform.say("three")
        assert platform.posted == []
        handler.gate("one").set()
        assert texts(await platform.sent(3)) == ["one", "two", "three"]
        assert handler.most == 1


async def test_a_slow_conversation_holds_no_other_up(ledger: Ledger, platform: MemoryAdapter) -> None:
    handler = Slow()
    async with running(Host(handler, ledger, [platform], limits=QUICK)):
        await platform.say("slow", channel="a")
        handler.gate("quick").set()
        await platform.say("quick", channel="b")
        assert texts(await platform.sent(1)) == ["quick"]


async def test_only_so_many_conversations_run_at_once_and_the_rest_follow(
    ledger: Ledger, platform: MemoryAdapter
) -> None:
    handler = Slow()
    async with running(Host(handler, ledger, [platform], limits=Limits(max_running=3))):
        for number in range(8):
            await platform.say(str(number), channel=str(number), user=str(number))
        await handler.started("2").wait()
        assert not handler.started("3").is_set()
        for number in range(8):
            handler.gate(str(number)).set()
        assert sorted(texts(await platform.sent(8))) == sorted(map(str, range(8)))
        assert handler.most == 3


async def test_threads_of_a_channel_are_conversations_of_their_own(ledger: Ledger, platform: MemoryAdapter) -> None:
    handler = Slow()
    async with running(Host(handler, ledger, [platform], limits=QUICK)):
        for thread in ("t1", "t2"):
            room = platform.room(thread=thread, group=True)
            await platform.deliver(
                Message(event_id=thread, conversation=room, sender=Sender("u"), text=thread, message_id=thread)
            )
        await handler.started("t1").wait()
        await handler.started("t2").wait()


# ── the inbox ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_redelivered_message_is_answered_once(ledger: Ledger, platform: MemoryAdapter) -> None:
    host = Host(EchoHandler(), ledger, [platform])
    async with running(host):
        assert await platform.say("hi", event_id="7")
        await platform.sent(1)
        assert not await platform.say("hi", event_id="7")
        await platform.say("next")
        assert texts(await platform.sent(2)) == ["hi", "next"]
        assert host.metrics.duplicates == 1


async def test_a_full_conversation_is_told_once_and_its_adapter_every_time(
    ledger: Ledger, platform: MemoryAdapter
) -> None:
    handler = Slow()
    host = Host(handler, ledger, [platform], limits=Limits(max_pending_per_conversation=2))
    async with running(host):
        await platform.say("one")
        await platform.say("two")
        for _ in range(3):
            with pytest.raises(HostBusyError, match="max_pending_per_conversation"):
                await platform.say("more")
        assert await platform.say("elsewhere", channel="b")
        assert texts(await platform.sent(1)) == [str(BUSY)]
        for text in ("one", "two", "elsewhere", "again"):
            handler.gate(text).set()
        await platform.sent(4)
        assert await platform.say("again"), "there is room again"
        assert texts(await platform.sent(5)).count(str(BUSY)) == 1
        assert host.metrics.refused == 3


async def test_the_host_as_a_whole_takes_a_bounded_number(ledger: Ledger, platform: MemoryAdapter) -> None:
    async with running(Host(Slow(), ledger, [platform], limits=Limits(max_pending=2, shutdown_seconds=0.0))):
        await platform.say("one", channel="a")
        await platform.say("two", channel="b")
        with pytest.raises(HostBusyError, match="max_pending"):
            await platform.say("three", channel="c")


async def test_an_event_of_no_adapter_is_refused(ledger: Ledger, platform: MemoryAdapter) -> None:
    """It would wait in the inbox for ever."""
    async with running(Host(EchoHandler(), ledger, [platform])):
        stray = platform.message("hi")
        room = Conversation(platform="telegraph", channel="c")
        with pytest.raises(BadEventError, match="telegraph"):
            await platform.deliver(
                Message(event_id="1", conversation=room, sender=stray.sender, text="hi", message_id="m")
            )


async def test_a_host_that_does_not_run_takes_nothing(ledger: Ledger, platform: MemoryAdapter) -> None:
    host = Host(EchoHandler(), ledger, [platform])
    with pytest.raises(HostBusyError, match="not running"):
        await host.accept(platform.message("hi"))


# ── what is said ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("/profile", ("profile", "")),
        ("/Profile  undo it ", ("profile", "undo it")),
        ("/start@calendar_bot now", ("start", "now")),
        ("/etc/passwd is a file", None),
        ("/ hi", None),
        ("and/or", None),
    ],
)
async def test_a_slash_makes_a_command_where_the_platform_has_none(
    ledger: Ledger, platform: MemoryAdapter, text: str, command: tuple[str, str] | None
) -> None:
    handler = EchoHandler()
    async with running(Host(handler, ledger, [platform])):
        await platform.say(text)
        await platform.sent(1)
    (event,) = handler.handled
    assert (event.name, event.arguments) == command if isinstance(event, Command) else command is None


async def test_every_kind_of_event_reaches_the_handler(ledger: Ledger, platform: MemoryAdapter) -> None:
    handler = EchoHandler()
    async with running(Host(handler, ledger, [platform])):
        await platform.say("hi")
        (sent,) = await platform.sent(1)
        await platform.press(sent, "calendar:undo")
        await platform.deliver(
            Edit(event_id="e9", conversation=sent.conversation, sender=Sender("u1"), message_id="m-e1", text="hello")
        )
        await platform.sent(3)
    assert [type(event) for event in handler.handled] == [Message, ButtonPress, Edit]


async def test_nothing_is_sent_where_there_is_nothing_to_say(ledger: Ledger, platform: MemoryAdapter) -> None:
    class Quiet(EchoHandler):
        async def handle(self, event: Event, draft: Draft) -> Outcome:
            return (
                Outcome(None)
                if isinstance(event, Message) and event.text == "psst"
                else await super().handle(event, draft)
            )

    async with running(Host(Quiet(), ledger, [platform])):
        await platform.say("psst")
        await platform.say("hi")
        assert texts(await platform.sent(1)) == ["hi"]
    assert await ledger.unfinished() == []


async def test_a_reply_is_shown_while_it_is_written_no_faster_than_allowed(
    ledger: Ledger, platform: MemoryAdapter
) -> None:
    class Writer(EchoHandler):
        async def handle(self, event: Event, draft: Draft) -> Outcome:
            for end in range(1, 200):
                await draft("x" * end)
            await platform.until(lambda: bool(platform.drafts))
            return Outcome(Reply("x" * 200))

    async with running(Host(Writer(), ledger, [platform])):
        await platform.say("write")
        (sent,) = await platform.sent(1)
    assert platform.drafts == [(sent.key, "x" * 199)], "the latest text wins, under the key of the reply"


async def test_no_draft_is_shown_where_the_platform_has_none(ledger: Ledger) -> None:
    class Writer(EchoHandler):
        async def handle(self, event: Event, draft: Draft) -> Outcome:
            await draft("hal")
            return await super().handle(event, draft)

    platform = MemoryAdapter(capabilities=Capabilities(drafts=False))
    async with running(Host(Writer(), ledger, [platform])):
        await platform.say("hi")
        await platform.sent(1)
    assert platform.drafts == []


async def test_typing_is_shown_for_as_long_as_the_handler_thinks(
    ledger: Ledger, platform: MemoryAdapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llmagent_os.host.typing_indicator.TYPING_SECONDS", 0.01)
    handler = Slow()
    async with running(Host(handler, ledger, [platform])):
        await platform.say("hmm")
        await platform.until(lambda: len(platform.typed) >= 3)
        handler.gate("hmm").set()
        await platform.sent(1)


# ── what goes wrong ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("error", [ValueError("a bug"), asyncio.CancelledError(), TimeoutError()])
async def test_a_failing_handler_is_apologised_for_and_the_conversation_goes_on(
    ledger: Ledger, platform: MemoryAdapter, error: BaseException
) -> None:
    host = Host(Broken(error), ledger, [platform])
    async with running(host):
        await platform.say("one")
        await platform.say("two")
        assert texts(await platform.sent(2)) == [str(APOLOGY)] * 2
    assert host.metrics.failed == 2
    assert [key for key, _ in await ledger.failed()] == ["memory:e2", "memory:e1"]


async def test_nobody_is_apologised_to_for_an_edit(ledger: Ledger, platform: MemoryAdapter) -> None:
    host = Host(Broken(ValueError("a bug")), ledger, [platform], limits=Limits(send_backoff=AT_ONCE))
    async with running(host):
        edit = Edit(event_id="e9", conversation=platform.room(), sender=Sender("u1"), message_id="m", text="hello")
        await platform.deliver(edit)
        await platform.say("hi")
        assert len(await platform.sent(1)) == 1
    assert host.metrics.failed == 2


async def test_a_handler_that_hangs_is_given_up(ledger: Ledger, platform: MemoryAdapter) -> None:
    async with running(Host(Slow(), ledger, [platform], limits=Limits(reply_seconds=0.01))):
        await platform.say("never")
        assert texts(await platform.sent(1)) == [str(APOLOGY)]
    assert "TimeoutError" in (await ledger.failed())[0][1]


async def test_an_outcome_that_cannot_be_stored_is_the_handlers_failure(
    ledger: Ledger, platform: MemoryAdapter
) -> None:
    class Odd(EchoHandler):
        async def handle(self, event: Event, draft: Draft) -> Outcome:
            outcome = await super().handle(event, draft)
            return Outcome(Reply("half a pair: \ud83d"), outcome.interaction)

    async with running(Host(Odd(), ledger, [platform])):
        await platform.say("hi")
        assert texts(await platform.sent(1)) == [str(APOLOGY)]


async def test_a_send_that_fails_is_tried_again_under_the_same_key(ledger: Ledger, platform: MemoryAdapter) -> None:
    handler, host = EchoHandler(), None
    host = Host(handler, ledger, [platform], limits=QUICK)
    platform.fail_sends(4)
    async with running(host):
        await platform.say("hi")
        (sent,) = await platform.sent(1)
    assert platform.sends == 5
    assert len(handler.handled) == 1, "the agent is not asked again"
    assert sent.key == event_key(handler.handled[0])
    assert host.metrics.retries == 4


async def test_a_platform_that_is_down_holds_no_other_platform_up(ledger: Ledger) -> None:
    down, up = MemoryAdapter("down"), MemoryAdapter("up")
    down.fail_sends(1000)
    limits = Limits(max_running=1, send_backoff=Backoff(first=3600.0, jitter=0.0))
    async with running(Host(EchoHandler(), ledger, [down, up], limits=limits)):
        await down.say("hi", channel="a")
        await down.say("hi", channel="b")
        await up.say("hello")
        assert texts(await up.sent(1)) == ["hello"]


async def test_a_reply_that_cannot_be_sent_is_given_up_visibly_and_the_next_is_sent(
    ledger: Ledger, platform: MemoryAdapter
) -> None:
    host = Host(EchoHandler(), ledger, [platform], limits=QUICK)
    platform.fail_sends(5, AdapterError("no such channel"))
    async with running(host):
        await platform.say("lost")
        await platform.say("hi")
        assert texts(await platform.sent(1)) == ["hi"]
    ((key, why),) = await ledger.failed()
    assert key == "memory:e1"
    assert "no such channel" in why
    assert "5 tries" in why


class Flaky(Ledger):
    """A ledger whose disk is full for a while."""

    full = 0

    async def prepare(
        self,
        event: Event,
        reply: Reply | None,
        interaction: Interaction | None = None,
        *,
        rewards: Iterable[RewardEvent] = (),
        why: str | None = None,
    ) -> bool:
        if self.full:
            self.full -= 1
            raise LedgerError("disk full")
        return await super().prepare(event, reply, interaction, rewards=rewards, why=why)


async def test_a_full_disk_delays_replies_and_loses_none(platform: MemoryAdapter) -> None:
    ledger = await Flaky.open("sqlite://")
    assert isinstance(ledger, Flaky)
    ledger.full = 3
    handler = EchoHandler()
    async with running(Host(handler, ledger, [platform], limits=QUICK)):
        await platform.say("hi")
        assert texts(await platform.sent(2)) == [str(WAITING), "hi"], "the person is told to wait"
    assert len(handler.handled) == 1, "what the agent decided is kept meanwhile"
    await ledger.close()


# ── reactions ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_reaction_becomes_a_reward_of_that_reply_and_taking_it_off_takes_it_back(
    ledger: Ledger, platform: MemoryAdapter
) -> None:
    async with running(Host(EchoHandler(), ledger, [platform])):
        await platform.say("one")
        await platform.say("two")
        first, second = await platform.sent(2)
        await platform.react(second, "👎🏽", user="u2")
        await platform.react(second, "👎🏽", user="u2", removed=True)
        await platform.react(first, "👍")
        await platform.react(first, "🦑")
        await platform.say("three")
        await platform.sent(3)
    kept = await rewards(ledger)
    found = [(of.said, given.op, given.reward, given.rater_id, given.user_id) for of, given in kept]
    assert found == [
        ("two", "add", -1.0, "memory::u2", "memory::u1"),
        ("two", "remove", 1.0, "memory::u2", "memory::u1"),
        ("one", "add", 1.0, "memory::u1", "memory::u1"),
        ("one", "add", 0.0, "memory::u1", "memory::u1"),
    ]
    rows = await ledger.rewards_of(kept[0][0].interaction_id)
    assert [row.raw_value for row in rows] == ["👎🏽", "👎🏽"]
    assert sum(row.reward for row in rows) == 0


async def test_the_rewards_of_a_reply_add_up_whatever_platforms_deliver(
    ledger: Ledger, platform: MemoryAdapter
) -> None:
    """Some tell a reaction twice under two ids, or only its removal."""
    async with running(Host(EchoHandler(), ledger, [platform])):
        await platform.say("one")
        (sent,) = await platform.sent(1)
        await platform.react(sent, "👍", removed=True)
        await platform.react(sent, "👍")
        await platform.react(sent, "👍")
        await platform.say("two")
        await platform.sent(2)
    assert [given.reward for _, given in await rewards(ledger)] == [0.0, 1.0, 0.0]


async def test_a_reaction_on_somebody_elses_message_or_by_a_bot_is_no_reward(
    ledger: Ledger, platform: MemoryAdapter
) -> None:
    async with running(Host(EchoHandler(), ledger, [platform])):
        await platform.say("one")
        (sent,) = await platform.sent(1)
        await platform.react(Sent(sent.conversation, sent.reply, "k", None, "somebody's"), "👍")
        await platform.deliver(
            Reaction(
                event_id="e99",
                conversation=sent.conversation,
                sender=Sender("b", is_bot=True),
                message_id=sent.message_id,
                emoji="👍",
                action="added",
            )
        )
        await platform.say("two")
        await platform.sent(2)
    assert await rewards(ledger) == []
    assert await ledger.unfinished() == []


async def test_a_reaction_that_is_quicker_than_the_platforms_answer_is_joined(ledger: Ledger) -> None:
    """Somebody reacts in another thread of the channel while the reply's message id is still on its way to us."""

    class Late(MemoryAdapter):
        def __init__(self) -> None:
            super().__init__()
            self.answer = asyncio.Event()

        async def send(
            self,
            conversation: Conversation,
            reply: Reply,
            *,
            key: str,
            reply_to: str | None = None,
            again: bool = False,
        ) -> Receipt:
            receipt = await super().send(conversation, reply, key=key, reply_to=reply_to)
            await self.answer.wait()
            return receipt

    class Watching(Ledger):
        looked = asyncio.Event()

        async def interaction_of(self, platform: str, channel: str, message_id: str) -> Interaction | None:
            self.looked.set()
            return await super().interaction_of(platform, channel, message_id)

    platform, watching = Late(), await Watching.open("sqlite://")
    assert isinstance(watching, Watching)
    async with running(Host(EchoHandler(), watching, [platform])):
        await platform.say("hi")
        (sent,) = await platform.sent(1)
        await platform.deliver(
            Reaction(
                event_id="e99",
                conversation=platform.room(sent.conversation.channel, thread="t"),
                sender=Sender("u1"),
                message_id=sent.message_id,
                emoji="👍",
                action="added",
            )
        )
        await watching.looked.wait()
        platform.answer.set()
        await platform.say("next")
        await platform.sent(2)
    assert [of.said for of, _ in await rewards(watching)] == ["hi"]
    await watching.close()


async def test_a_reaction_waits_for_no_reply_in_another_channel(ledger: Ledger) -> None:
    """One slow send would hold up every channel in which people react to each other."""

    class Stuck(MemoryAdapter):
        async def send(
            self,
            conversation: Conversation,
            reply: Reply,
            *,
            key: str,
            reply_to: str | None = None,
            again: bool = False,
        ) -> Receipt:
            receipt = await super().send(conversation, reply, key=key, reply_to=reply_to)
            if conversation.channel == "stuck":
                await asyncio.Event().wait()
            return receipt

    platform = Stuck()
    limits = Limits(send_seconds=3600, shutdown_seconds=0)
    async with running(Host(EchoHandler(), ledger, [platform], limits=limits)), asyncio.timeout(10):
        await platform.say("hi", channel="stuck")
        await platform.sent(1)
        await platform.deliver(
            Reaction(
                event_id="e99",
                conversation=platform.room("c9"),
                sender=Sender("u1"),
                message_id="somebody else's",
                emoji="👍",
                action="added",
            )
        )
        await platform.say("hello", channel="c9")
        assert (await platform.sent(2))[1].conversation.channel == "c9"


@pytest.mark.parametrize(
    "wrong",
    [
        {"pscore": float("nan")},
        {"completions": (CompletionRecord(behavior_logprobs=(float("-inf"),)),)},
        {"completions": (CompletionRecord(temperature=float("nan")),)},
        {"turn_index": 2**70},
    ],
)
async def test_what_cannot_be_stored_stops_no_conversation(
    ledger: Ledger, platform: MemoryAdapter, wrong: dict[str, object]
) -> None:
    """A policy's wrong number must not pass for a full disk, or be stored where nothing can read it again."""

    class Wrong(EchoHandler):
        async def handle(self, event: Event, draft: Draft) -> Outcome:
            outcome = await super().handle(event, draft)
            if not isinstance(event, Message) or event.text != "wrong" or outcome.interaction is None:
                return outcome
            return Outcome(outcome.reply, msgspec.structs.replace(outcome.interaction, **wrong))

    async with running(Host(Wrong(), ledger, [platform])), asyncio.timeout(10):
        await platform.say("wrong")
        await platform.say("right")
        assert [sent.reply.text for sent in await platform.sent(2)] == [str(APOLOGY), "right"]
        assert len(await ledger.history(platform.room().key, Identity("memory::u1"), 10)) == 1


async def test_an_event_that_cannot_be_run_is_given_up_and_the_next_one_is_run(platform: MemoryAdapter) -> None:
    """A damaged row of the ledger must not stop the conversation for good, and without a word."""

    class Damaged(Ledger):
        async def interaction_of(self, platform: str, channel: str, message_id: str) -> Interaction | None:
            raise msgspec.ValidationError("Expected `float`, got `null`")

    damaged = await Damaged.open("sqlite://")
    async with running(Host(EchoHandler(), damaged, [platform], limits=QUICK)), asyncio.timeout(10):
        await platform.say("hi")
        (sent,) = await platform.sent(1)
        await platform.react(sent, "👍")
        await platform.say("still there?")
        await platform.sent(2)
    (letter,) = await damaged.dead_letters()
    assert letter.why.startswith("ValidationError in interaction_of")
    assert letter.tries == 3
    await damaged.close()


# ── stopping, crashing and starting ───────────────────────────────────────────────────────────────────────────────────


async def test_a_stop_finishes_what_runs_and_leaves_the_rest_for_the_next_start(
    ledger: Ledger, platform: MemoryAdapter
) -> None:
    handler = Slow()
    task = asyncio.create_task(Host(handler, ledger, [platform]).run())
    await platform.say("running")
    await platform.say("waiting")
    await handler.started("running").wait()
    task.cancel()
    await asyncio.sleep(0)
    with pytest.raises(HostBusyError):
        await platform.say("too late")
    handler.gate("running").set()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert texts(platform.posted) == ["running"]

    handler.gate("waiting").set()
    async with running(Host(handler, ledger, [platform])):
        assert texts(await platform.sent(2)) == ["running", "waiting"]


async def test_a_stop_does_not_wait_for_ever(ledger: Ledger, platform: MemoryAdapter) -> None:
    handler = Slow()
    host = Host(handler, ledger, [platform], limits=Limits(shutdown_seconds=0.01))
    async with running(host):
        await platform.say("endless")
        await handler.started("endless").wait()
    assert not host.taking
    assert [row.event.event_id for row in await ledger.unfinished()] == ["e1"]


async def test_a_reply_decided_before_a_crash_is_sent_as_it_was(ledger: Ledger, platform: MemoryAdapter) -> None:
    first, second = platform.message("one"), platform.message("two")
    for event in (first, second):
        await ledger.accept(event, max_pending=9)
    await ledger.prepare(first, Reply("decided before the crash"))
    handler = EchoHandler()
    async with running(Host(handler, ledger, [platform])):
        assert texts(await platform.sent(2)) == ["decided before the crash", "two"]
    assert handler.handled == [second]
    assert await ledger.unfinished() == []


async def test_a_reply_sent_before_a_crash_is_not_seen_twice(ledger: Ledger, platform: MemoryAdapter) -> None:
    event = platform.message("one")
    await ledger.accept(event, max_pending=9)
    await ledger.prepare(event, Reply("one"))
    await platform.send(event.conversation, Reply("one"), key=event_key(event))
    async with running(Host(EchoHandler(), ledger, [platform])):
        await platform.say("two")
        assert texts(await platform.sent(2)) == ["one", "two"]
    assert platform.sends == 3


@pytest.mark.parametrize("idempotent", [True, False])
async def test_the_window_for_a_second_send_is_open_only_where_the_platform_closes_it(idempotent: bool) -> None:
    """Noting a sent reply later is cheaper; where the platform drops no second send it must be noted at once."""

    class Noting(Ledger):
        soon: ClassVar[list[bool]] = []

        async def finish(self, event: Event, receipt: Receipt | None, *, soon: bool = False) -> None:
            self.soon.append(soon)
            await super().finish(event, receipt, soon=soon)

    ledger = await Noting.open("sqlite://")
    platform = MemoryAdapter(capabilities=Capabilities(idempotent_send=idempotent))
    async with running(Host(EchoHandler(), ledger, [platform])):
        await platform.say("hi")
        await platform.sent(1)
    assert isinstance(ledger, Noting)
    assert ledger.soon == [idempotent]
    ledger.soon.clear()
    await ledger.close()


async def test_an_event_waits_for_its_adapter_to_be_configured_again(ledger: Ledger, platform: MemoryAdapter) -> None:
    await ledger.accept(MemoryAdapter("gone").message("hi"), max_pending=9)
    async with running(Host(EchoHandler(), ledger, [platform])):
        await platform.say("hello")
        await platform.sent(1)
    back = MemoryAdapter("gone")
    async with running(Host(EchoHandler(), ledger, [platform, back])):
        assert texts(await back.sent(1)) == ["hi"]


async def test_an_adapter_that_dies_is_started_again_while_the_others_go_on(ledger: Ledger) -> None:
    dying, other = MemoryAdapter("dying"), MemoryAdapter("other")
    host = Host(EchoHandler(), ledger, [dying, other], limits=QUICK)
    async with running(host):
        await dying.say("one")
        await dying.sent(1)
        for number in range(3):
            dying.die(ConnectionError("lost"))
            await other.say(f"still here {number}")
            await other.sent(number + 1)
            await dying.say(f"back {number}")
            await dying.sent(number + 2)
        assert host.metrics.adapter_restarts == 3
        assert host.health == {"dying": "running", "other": "running"}


async def test_replies_wait_for_a_dead_adapter_without_using_up_their_tries(ledger: Ledger) -> None:
    class Dead(MemoryAdapter):
        async def send(
            self,
            conversation: Conversation,
            reply: Reply,
            *,
            key: str,
            reply_to: str | None = None,
            again: bool = False,
        ) -> Receipt:
            raise AssertionError("nothing can be sent while it is dead")

    platform, other, handler = Dead("dead"), MemoryAdapter("other"), Slow()
    limits = Limits(send_backoff=AT_ONCE, adapter_backoff=Backoff(first=3600.0))
    async with running(Host(handler, ledger, [platform, other], limits=limits)) as host:
        await platform.say("hi")
        await handler.started("hi").wait()
        platform.die(ConnectionError("lost"))
        handler.gate("hi").set()
        handler.gate("hello").set()
        for number in range(20):
            await other.say("hello")
            await other.sent(number + 1)
        assert "lost" in host.health["dead"]
    (left,) = await ledger.unfinished()
    assert (left.prepared, left.reply) == (True, Reply("hi"))


async def test_a_host_whose_adapters_have_ended_answers_everything_first(
    ledger: Ledger, platform: MemoryAdapter
) -> None:
    """A script piped into the terminal ends before its last line is answered."""
    handler = Slow()
    task = asyncio.create_task(Host(handler, ledger, [platform]).run())
    for text in ("one", "two"):
        await platform.say(text)
    platform.die()
    handler.gate("one").set()
    handler.gate("two").set()
    await task
    assert texts(platform.posted) == ["one", "two"]


async def test_an_adapter_that_is_not_configured_says_so_and_the_others_go_on(ledger: Ledger) -> None:
    wrong, right = MemoryAdapter("wrong"), MemoryAdapter("right")
    task = asyncio.create_task(Host(EchoHandler(), ledger, [wrong, right]).run())
    await wrong.say("one")
    await wrong.sent(1)
    wrong.die(ConfigError("SLACK_TOKEN is empty"))
    await right.say("hi")
    await right.sent(1)
    right.die()
    await task


async def test_a_host_with_nothing_to_run_says_what_is_wrong(ledger: Ledger, platform: MemoryAdapter) -> None:
    task = asyncio.create_task(Host(EchoHandler(), ledger, [platform]).run())
    await platform.say("hi")
    platform.die(ConfigError("SLACK_TOKEN is empty"))
    with pytest.raises(ConfigError, match="SLACK_TOKEN"):
        await task


async def test_two_hosts_do_not_share_a_ledger(ledger: Ledger, platform: MemoryAdapter) -> None:
    async with running(Host(EchoHandler(), ledger, [platform])):
        await platform.say("hi")
        with pytest.raises(LedgerError, match="already runs"):
            await Host(EchoHandler(), ledger, [MemoryAdapter()]).run()
        await platform.say("still here")
        await platform.sent(2)


async def test_two_adapters_of_one_name_are_refused(ledger: Ledger) -> None:
    with pytest.raises(ConfigError, match="'memory'"):
        Host(EchoHandler(), ledger, [MemoryAdapter(), MemoryAdapter()])


async def test_a_host_can_be_run_again(tmp_path: Path, platform: MemoryAdapter) -> None:
    ledger = await Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    host = Host(EchoHandler(), ledger, [platform])
    for number in range(2):
        async with running(host):
            await platform.say("hi")
            await platform.sent(number + 1)
    await ledger.close()


# ── seen from outside ─────────────────────────────────────────────────────────────────────────────────────────────────


async def test_what_happened_is_counted(ledger: Ledger, platform: MemoryAdapter) -> None:
    host = Host(EchoHandler(), ledger, [platform])
    async with running(host):
        await platform.say("one")
        (sent,) = await platform.sent(1)
        await platform.react(sent, "👍")
        await platform.say("two")
        await platform.sent(2)
        # The reply is out before it is counted: what comes after it in the conversation is not.
        await platform.say("three")
        await platform.sent(3)
        page = host.metrics.page().decode()
    assert "llmagent_os_accepted_total 4.0" in page
    assert "llmagent_os_rewards_total 1.0" in page
    assert 'llmagent_os_reply_seconds_bucket{le="+Inf"}' in page
    assert "process_resident_memory_bytes" in page


async def test_every_line_about_an_event_carries_its_id(ledger: Ledger, platform: MemoryAdapter) -> None:
    seen: list[object] = []

    class Reader(EchoHandler):
        async def handle(self, event: Event, draft: Draft) -> Outcome:
            await asyncio.sleep(0)
            seen.append(structlog.contextvars.get_contextvars()["event_id"])
            return await super().handle(event, draft)

    async with running(Host(Reader(), ledger, [platform])):
        for channel in "abc":
            await platform.say("hi", channel=channel)
        await platform.sent(3)
    assert sorted(map(str, seen)) == ["memory:e1", "memory:e2", "memory:e3"]


# ── platforms that put a reply off ────────────────────────────────────────────────────────────────────────────────────


class Recording(MemoryAdapter):
    """Notes with which ``again`` it was called."""

    def __init__(self) -> None:
        super().__init__()
        self.again: list[bool] = []

    async def send(
        self, conversation: Conversation, reply: Reply, *, key: str, reply_to: str | None = None, again: bool = False
    ) -> Receipt:
        self.again.append(again)
        return await super().send(conversation, reply, key=key, reply_to=reply_to)


async def test_a_reply_is_not_lost_to_a_limit_however_often_it_is_put_off(ledger: Ledger) -> None:
    platform = Recording()
    platform.fail_sends(50, TryLaterError("429", seconds=0.0))
    limits = Limits(send_tries=2, send_backoff=AT_ONCE)
    async with running(Host(EchoHandler(), ledger, [platform], limits=limits)) as host:
        await platform.say("hi")
        assert (await platform.sent(1))[0].reply.text == "hi"
        assert host.metrics.retries == 50
    assert platform.again == [False] + [True] * 50


async def test_a_reply_that_is_put_off_for_a_day_is_given_up(ledger: Ledger) -> None:
    platform = Recording()
    platform.fail_sends(1, TryLaterError("out of reach"))
    limits = Limits(send_tries=1, send_backoff=AT_ONCE, send_patience=-1.0)
    async with running(Host(EchoHandler(), ledger, [platform], limits=limits)):
        await platform.say("hi")
        await platform.say("next")
        assert (await platform.sent(1))[0].reply.text == "next"
    assert "out of reach" in (await ledger.failed())[0][1]


async def test_a_reply_left_by_a_crash_is_sent_as_one_that_may_be_there_already(ledger: Ledger) -> None:
    platform = Recording()
    said = platform.message("hi")
    await ledger.accept(said, max_pending=5)
    await ledger.prepare(said, Reply("hello"))
    async with running(Host(EchoHandler(), ledger, [platform])):
        await platform.sent(1)
    assert platform.again == [True]


async def test_a_platform_that_refuses_the_token_in_the_middle_is_left_alone_and_nothing_is_lost(
    ledger: Ledger,
) -> None:
    """Said once; the other platforms go on, and a start with a good token answers what was waiting."""
    platform, other = Recording(), MemoryAdapter("other")
    platform.fail_sends(100, ConfigError("the token was revoked"))
    async with running(Host(EchoHandler(), ledger, [platform, other], limits=Limits(send_backoff=AT_ONCE))) as host:
        await platform.say("hi")
        for number in range(20):
            await other.say("still there?")
            await other.sent(number + 1)
        assert host.health == {"memory": "the token was revoked", "other": "running"}
        assert platform.sends == 1
    mended = Recording()
    async with running(Host(EchoHandler(), ledger, [mended])):
        assert (await mended.sent(1))[0].reply.text == "hi"
