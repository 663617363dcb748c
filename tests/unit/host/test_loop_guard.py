"""Two bots that take each other for people. What breaks without this: they answer each other for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from llmagent_os.adapter import Receipt, Reply
from llmagent_os.events import ButtonPress, Conversation, Message, Sender, event_key, now
from llmagent_os.handler import Draft, Outcome
from llmagent_os.host.host import Host
from llmagent_os.host.loop_guard import MOST_FAST, SILENCE, LoopGuard
from llmagent_os.ledger import Ledger
from llmagent_os.testing import MemoryAdapter, running

ROOM = Conversation(platform="memory", channel="g", kind="group")


class Channel:
    """A channel with bots, which brings what each says to the others, as from a person."""

    def __init__(self) -> None:
        self.members: list[Member] = []
        self.said: list[tuple[str, str]] = []

    async def bring(self, sender: str, text: str) -> None:
        self.said.append((sender, text))
        number = len(self.said)
        for member in self.members:
            if member.name_there != sender:
                await member.deliver(
                    Message(
                        event_id=f"e{number}",
                        conversation=ROOM,
                        sender=Sender(sender),
                        text=text,
                        message_id=f"m{number}",
                    )
                )


class Member(MemoryAdapter):
    """One bot's account in the channel."""

    def __init__(self, channel: Channel, name_there: str) -> None:
        super().__init__()
        self.channel, self.name_there = channel, name_there
        channel.members.append(self)
        self.tasks = set[asyncio.Task[None]]()

    async def send(
        self, conversation: Conversation, reply: Reply, *, key: str, reply_to: str | None = None, again: bool = False
    ) -> Receipt:
        receipt = await super().send(conversation, reply, key=key, reply_to=reply_to, again=again)
        task = asyncio.create_task(self.channel.bring(self.name_there, reply.text))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return receipt


class Polite:
    """Answers everything, always in other words."""

    def __init__(self) -> None:
        self.count = 0

    async def handle(self, event: object, draft: Draft) -> Outcome:
        self.count += 1
        letters = chr(97 + self.count % 26) * 5
        return Outcome(Reply(f"{letters} {letters[:3]} indeed"))


@pytest.fixture
async def ledgers(tmp_path: Path) -> AsyncIterator[list[Ledger]]:
    found = [await Ledger.open(f"sqlite:///{tmp_path / name}") for name in ("one.db", "two.db")]
    yield found
    for ledger in found:
        await ledger.close()


async def test_two_of_our_bots_in_one_channel_come_to_an_end_and_say_so_in_the_log_alone(
    ledgers: list[Ledger],
) -> None:
    channel = Channel()
    one, two = Member(channel, "bot-one"), Member(channel, "bot-two")
    hosts = [
        Host(Polite(), ledger, [member], loops=LoopGuard(ledger))
        for ledger, member in zip(ledgers, (one, two), strict=True)
    ]
    with capture_logs() as logs:
        async with running(hosts[0]), running(hosts[1]):
            await channel.bring("ana", "hello everybody")
            cut = [entry for entry in logs if "two bots" in entry["event"]]
            while not cut:
                await asyncio.sleep(0)
                cut = [entry for entry in logs if "two bots" in entry["event"]]
            for member in (one, two):
                while member.tasks:
                    await asyncio.gather(*member.tasks)
            count = len(channel.said)
            await channel.bring("bot-one", "are you there?")
            await channel.bring("bot-two", "are you there?")
    assert 1 <= len(cut) == len({entry["account"] for entry in cut}), "each host says it once"
    assert count <= 2 * MOST_FAST + 6
    assert not any("bot" in text for sender, text in channel.said if sender.startswith("bot") and "there" not in text)


def said(number: int, text: str, who: str = "bridge") -> Message:
    return Message(event_id=f"e{number}", conversation=ROOM, sender=Sender(who), text=text, message_id=f"m{number}")


async def heard(guard: LoopGuard, texts: list[str], who: str = "bridge") -> int:
    """How many messages are heard, where every reply is answered at once."""
    for number, text in enumerate(texts):
        message = said(number, text, who)
        if not await guard.hears(message):
            return number
        guard.answered(message, Reply(f"reply {text[::-1]}"))
    return len(texts)


async def test_the_same_words_again_and_again_end_sooner(ledgers: list[Ledger]) -> None:
    again = [f"Sorry, I did not understand request number {number}." for number in range(20)]
    other = [f"{chr(97 + number) * 4} {chr(98 + number) * 6}" for number in range(20)]
    assert await heard(LoopGuard(ledgers[0]), again) < await heard(LoopGuard(ledgers[1]), other) < 20


async def test_the_silence_holds_after_a_restart_towards_that_account_only_and_ends(ledgers: list[Ledger]) -> None:
    moment = now()
    ledger = ledgers[0]
    await heard(LoopGuard(ledger, clock=lambda: moment), ["hello there my friend"] * 20)
    restarted = LoopGuard(ledger, clock=lambda: moment)
    assert not await restarted.hears(said(50, "hello?"))
    assert await restarted.hears(said(51, "what is this?", "ana"))
    later = LoopGuard(ledger, clock=lambda: moment + SILENCE + timedelta(seconds=1))
    assert await later.hears(said(52, "hello?"))


async def test_people_who_say_the_same_in_turn_are_heard(ledgers: list[Ledger]) -> None:
    guard = LoopGuard(ledgers[0])
    for number in range(30):
        message = said(number, "sign me up for lunch", f"person {number % 15}")
        assert await guard.hears(message)
        guard.answered(message, Reply("You are on the list."))


async def test_who_presses_a_button_is_a_person(ledgers: list[Ledger]) -> None:
    guard = LoopGuard(ledgers[0])
    await heard(guard, ["hello there my friend"] * 20)
    press = ButtonPress(event_id="p", conversation=ROOM, sender=Sender("bridge"), message_id="r1", value="yes")
    assert await guard.hears(press)
    assert await guard.hears(said(60, "hello?"))
    assert await LoopGuard(ledgers[0]).hears(said(61, "hello?"))


async def test_messages_that_answer_no_reply_are_no_loop(ledgers: list[Ledger]) -> None:
    """A person may send many messages in a row, and so may people beside each other."""
    guard = LoopGuard(ledgers[0])
    assert all([await guard.hears(said(number, "and another thing")) for number in range(40)])
    assert event_key(said(1, "x")) == "memory:e1"


async def test_the_page_of_this_machine_may_be_driven_by_a_script(ledgers: list[Ledger]) -> None:
    guard = LoopGuard(ledgers[0])
    page = Conversation(platform="web", workspace="local", channel="c1")
    for number in range(60):
        message = Message(event_id=str(number), conversation=page, sender=Sender("u"), text="hello", message_id="m")
        assert await guard.hears(message)
        guard.answered(message, Reply("hello"))
