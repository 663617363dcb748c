"""What breaks without this: one person, or many who wait for a slow model, hold everybody else up."""

from __future__ import annotations

import asyncio

import pytest

from llmagent_os.adapter_kit.backoff import Backoff
from llmagent_os.errors import HostBusyError
from llmagent_os.events import ButtonPress, Command, Event, Message, Sender
from llmagent_os.handler import Draft, Outcome
from llmagent_os.host.busy_notices import BUSY
from llmagent_os.host.host import Host
from llmagent_os.host.limits import Limits
from llmagent_os.ledger import Ledger
from llmagent_os.testing import EchoHandler, MemoryAdapter, running

STOP_AT_ONCE = Limits(shutdown_seconds=0.0, send_backoff=Backoff(first=0.0, jitter=0.0))


class Slow(EchoHandler):
    """Never answers a message that begins with "slow"."""

    async def handle(self, event: Event, draft: Draft) -> Outcome:
        if isinstance(event, Message) and event.text.startswith("slow"):
            await asyncio.Event().wait()
        return await super().handle(event, draft)


async def test_64_slow_conversations_of_one_person_hold_nobody_else_up(ledger: Ledger, platform: MemoryAdapter) -> None:
    async with running(Host(Slow(), ledger, [platform], limits=STOP_AT_ONCE)) as host:
        for number in range(64):
            await platform.say("slow", channel=f"c{number}", user="ana")
        await platform.say("hello", channel="ben", user="ben")
        assert (await platform.sent(1))[0].reply.text == "hello"
        assert host.metrics.running == 16


async def test_64_slow_conversations_of_64_people_hold_nobody_else_up(ledger: Ledger, platform: MemoryAdapter) -> None:
    async with running(Host(Slow(), ledger, [platform], limits=STOP_AT_ONCE)):
        for number in range(64):
            await platform.say("slow", channel=f"c{number}", user=f"u{number}")
        await platform.say("hello", channel="ben", user="ben")
        assert (await platform.sent(1))[0].reply.text == "hello"


async def test_commands_and_buttons_wait_for_no_message_that_waits_for_the_model(
    ledger: Ledger, platform: MemoryAdapter
) -> None:
    """Whatever the bound on messages is, so many slow ones may come."""
    limits = Limits(max_running=4, shutdown_seconds=0.0)
    async with running(Host(Slow(), ledger, [platform], limits=limits)) as host:
        for number in range(8):
            await platform.say("slow", channel=f"c{number}", user=f"u{number}")
        await platform.say("hello", channel="ben", user="ben")
        await platform.say("/help", channel="cleo", user="cleo")
        (helped,) = await platform.sent(1)
        assert helped.conversation.channel == "cleo"
        await platform.press(helped, "yes", user="u1")  # also that of a person whose message is running
        assert [sent.conversation.channel for sent in await platform.sent(2)] == ["cleo", "cleo"]
        assert host.metrics.running == 4


async def test_one_person_cannot_fill_the_inbox(ledger: Ledger, platform: MemoryAdapter) -> None:
    limits = Limits(max_pending_per_sender=5, shutdown_seconds=0.0)
    async with running(Host(Slow(), ledger, [platform], limits=limits)) as host:
        for number in range(5):
            await platform.say("slow", channel=f"c{number}", user="ana", event_id=f"slow{number}")
        for number in range(5, 8):
            with pytest.raises(HostBusyError, match="max_pending_per_sender"):
                await platform.say("slow", channel=f"c{number}", user="ana")
        assert not await platform.say("slow", channel="c0", user="ana", event_id="slow0"), "a redelivery is no new one"
        await platform.say("hello", channel="ben", user="ben")
        texts = {sent.conversation.channel: sent.reply.text for sent in await platform.sent(2)}
        assert texts == {"c5": str(BUSY), "ben": "hello"}, "the notice comes once, and others are answered"
        assert host.metrics.refused == 3


async def test_the_events_of_a_conversation_keep_their_order_across_kinds(
    ledger: Ledger, platform: MemoryAdapter
) -> None:
    handler = EchoHandler()
    room = platform.room()
    async with running(Host(handler, ledger, [platform])):
        await asyncio.gather(
            *(
                platform.deliver(
                    Command(event_id=f"e{number}", conversation=room, sender=Sender("ana"), name="c", message_id="")
                    if number % 2
                    else Message(
                        event_id=f"e{number}", conversation=room, sender=Sender("ana"), text=str(number), message_id=""
                    )
                )
                for number in range(10)
            )
        )
        await platform.sent(10)
    assert [event.event_id for event in handler.handled] == [f"e{number}" for number in range(10)]
    assert not any(isinstance(event, ButtonPress) for event in handler.handled)
