"""What a bot hears in a group. What breaks without this: it keeps, or answers, what people say to each other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from llmagent_os.events import Conversation, Edit, Event, Message, Reaction, Sender
from llmagent_os.handler import Draft, Outcome
from llmagent_os.host.host import Host
from llmagent_os.ledger import Ledger
from llmagent_os.testing import EchoHandler, MemoryAdapter, running


class Group:
    """A host with one platform, and a group on it."""

    def __init__(self, platform: MemoryAdapter, host: Host, handler: EchoHandler) -> None:
        self.platform, self.host, self.handler = platform, host, handler
        self.count = 0

    def room(self, thread: str | None = None) -> Conversation:
        return self.platform.room("g", thread=thread, group=True)

    async def say(
        self, text: str, *, thread: str | None = None, addressed: bool = False, reply_to: str | None = None
    ) -> bool:
        self.count += 1
        return await self.platform.deliver(
            Message(
                event_id=f"e{self.count}",
                conversation=self.room(thread),
                sender=Sender("ben"),
                text=text,
                message_id=f"m{self.count}",
                addressed=addressed,
                reply_to=reply_to,
            )
        )


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    ledger = await Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}")
    yield ledger
    await ledger.close()


@pytest.fixture
async def group(ledger: Ledger) -> AsyncIterator[Group]:
    platform, handler = MemoryAdapter(), EchoHandler()
    async with running(Host(handler, ledger, [platform])) as host:
        yield Group(platform, host, handler)


async def test_what_people_say_to_each_other_is_kept_nowhere(group: Group, ledger: Ledger) -> None:
    assert not await group.say("shall we have lunch?")
    assert not await group.say("yes", thread="t")
    assert group.host.metrics.overheard == 2
    assert group.host.metrics.accepted == 0
    assert not await ledger.was_accepted("memory", "e1")


async def test_what_is_meant_for_it_is_answered(group: Group) -> None:
    assert await group.say("what is on today?", addressed=True)
    assert (await group.platform.sent(1))[0].reply.text == "what is on today?"


async def test_a_thread_it_has_spoken_in_goes_on_without_its_name(group: Group) -> None:
    await group.say("one", thread="t", addressed=True)
    await group.platform.sent(1)
    assert await group.say("two", thread="t")
    assert not await group.say("three", thread="another")
    assert not await group.say("four")
    assert [sent.reply.text for sent in await group.platform.sent(2)] == ["one", "two"]


async def test_a_thread_in_which_it_is_still_thinking_goes_on_too(ledger: Ledger) -> None:
    """The second message comes while the first is being answered, when the ledger knows nothing of the thread."""
    platform, handler = MemoryAdapter(), EchoHandler()
    platform.fail_sends(1)
    async with running(Host(handler, ledger, [platform])) as host:
        group = Group(platform, host, handler)
        await group.say("one", thread="t", addressed=True)
        assert await group.say("two", thread="t")


async def test_it_remembers_its_threads_after_a_restart(ledger: Ledger) -> None:
    for first in (True, False):
        platform, handler = MemoryAdapter(), EchoHandler()
        async with running(Host(handler, ledger, [platform])) as host:
            group = Group(platform, host, handler)
            group.count = 0 if first else 10
            assert await group.say("hi", thread="t", addressed=first)
            await platform.sent(1)


async def test_an_answer_to_one_of_its_messages_is_meant_for_it(group: Group) -> None:
    await group.say("one", addressed=True)
    (sent,) = await group.platform.sent(1)
    await group.platform.until(lambda: group.host.metrics.finished == 1)
    assert await group.say("two", reply_to=sent.message_id)
    assert not await group.say("three", reply_to="of-somebody-else")


async def test_reactions_on_other_peoples_messages_are_none_of_its_business(group: Group) -> None:
    await group.say("one", addressed=True)
    (sent,) = await group.platform.sent(1)

    def reaction(number: int, message_id: str) -> Reaction:
        return Reaction(
            event_id=f"r{number}",
            conversation=group.room(),
            sender=Sender("ben"),
            message_id=message_id,
            emoji="👍",
            action="added",
        )

    assert not await group.platform.deliver(reaction(1, "of-somebody-else"))
    assert await group.platform.deliver(reaction(2, sent.message_id))


async def test_an_edit_is_taken_only_of_what_was_taken(group: Group) -> None:
    await group.say("one", addressed=True)
    await group.say("between us")

    def edit(number: int, of: str) -> Edit:
        return Edit(
            event_id=f"d{number}",
            conversation=group.room(),
            sender=Sender("ben"),
            message_id=f"m{number}",
            text="changed",
            edits=of,
        )

    assert await group.platform.deliver(edit(1, "e1"))
    assert not await group.platform.deliver(edit(2, "e2"))
    assert not await group.platform.deliver(edit(3, ""))


class Nodding(EchoHandler):
    """Says nothing, and puts an emoji on the message."""

    async def handle(self, event: Event, draft: Draft) -> Outcome:
        await super().handle(event, draft)
        return Outcome(None, reaction="👍")


async def test_an_emoji_is_put_on_a_message_and_a_platform_that_refuses_it_stops_nothing(ledger: Ledger) -> None:
    platform = MemoryAdapter()
    async with running(Host(Nodding(), ledger, [platform])):
        platform.fail_sends(1)
        await platform.say("thanks")
        await platform.say("thanks again")
        await platform.until(lambda: bool(platform.reactions))
    assert platform.reactions == [("m-e2", "👍")]
    assert platform.posted == []
