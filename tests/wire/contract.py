"""The contract between adapters and the host, as one suite that runs against every adapter.

The test module of a platform writes a :class:`Platform`. It acts as the people on the platform and sees what they see,
in the platform's own wire format. The suite gets it from a fixture:

.. code-block:: python

    class TestCarrierPigeon(AdapterContract):
        @pytest.fixture
        async def platform(self, tmp_path: Path) -> AsyncIterator[Platform]:
            ...
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import pytest

from llmagent_os.adapter import Accept, Adapter, Button, Card, Picture, Reply, Table
from llmagent_os.agent import Agent, AgentSettings
from llmagent_os.errors import AdapterError, HostBusyError, LedgerError, NotYoursError, TryLaterError
from llmagent_os.events import ButtonPress, Command, Conversation, Edit, Event, Message, Reaction, decode, encode
from llmagent_os.feedback.emoji_table import EMOJI
from llmagent_os.knowledge.scopes import ScopedBases
from llmagent_os.ledger import Ledger
from llmagent_os.plugins.calendar import CalendarPlugin
from llmagent_os.records import MemoryRecords
from llmagent_os.reply.services import Services
from llmagent_os.runtime import HasAddress
from llmagent_os.testing import ScriptedLLM, accepting
from llmagent_os.tools.registry import Plugins
from tests.platforms.server import PlatformServer, Shown

T = TypeVar("T")
Server = TypeVar("Server", bound=PlatformServer)

CALENDAR_FILE = (
    b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:1\r\nSUMMARY:gym\r\nDTSTART:20991203T090000Z\r\n"
    b"END:VEVENT\r\nEND:VCALENDAR\r\n"
)
#: A picture: PNG, one pixel.
ONE_PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360f8cfc0f01f0005050102cfa02ed10000000049454e44ae426082"
)
PATIENCE = 20.0  #: seconds after which a test that waits for something fails


class Platform(Protocol):
    """A platform with one person on it, and the adapter under test."""

    @property
    def adapter(self) -> Adapter: ...

    @property
    def inbox(self) -> Inbox: ...

    async def restart(self) -> None:
        """Stop the adapter's ``run`` and start it again, as a restart of the process or a lost connection does."""
        ...

    async def say(self, text: str, *, thread: str | None = None) -> None:
        """The person writes a message. Returns when the platform knows that it arrived."""
        ...

    async def say_again(self) -> None:
        """The platform delivers the last message once more."""
        ...

    async def react(self, message_id: str, emoji: str, *, on: bool) -> None:
        """The person adds an emoji to a message, or removes it."""
        ...

    async def press(self, message_id: str, label: str) -> None:
        """The person presses the button with this label."""
        ...

    async def send_garbage(self) -> None:
        """The platform sends malformed payloads: no JSON, wrong types, missing fields, far too much."""
        ...

    async def shown(self, ready: Callable[[list[Shown]], bool]) -> list[Shown]:
        """The bot's messages as the person sees them, oldest first, as soon as ``ready`` returns true for them."""
        ...

    @property
    def server(self) -> PlatformServer | None:
        """The platform's server, if it has groups, rate limits and connections that break."""
        ...


async def _no_draft(text: str) -> None:
    """Nobody watches a draft."""


class Inbox:
    """A host's inbox in memory. It keeps events by their id, and refuses them while ``full``."""

    def __init__(self) -> None:
        self.events: dict[str, Event] = {}
        self.deliveries = 0  #: calls, including those with known events
        self.full = False
        self.error: Exception = HostBusyError("full")  #: what an event is refused with
        self.owner = ""  #: the only person who may press buttons; empty: everybody may
        self._came = asyncio.Condition()
        self.accept = accepting(self._store)  #: what the adapter is given

    async def _store(self, event: Event) -> bool:
        """Store what the adapter hands on."""
        if self.full:
            raise self.error
        if isinstance(event, ButtonPress) and self.owner not in ("", event.sender.user_id):
            raise NotYoursError("This button is for the person whom I answered here.")
        self.deliveries += 1
        new = event.event_id not in self.events
        self.events.setdefault(
            event.event_id, decode(encode(event))
        )  # an event must survive being stored in the ledger
        async with self._came:
            self._came.notify_all()
        return new

    async def wait(self, kind: type[T], count: int = 1) -> list[T]:
        """The events of one kind, as soon as there are ``count``."""
        async with asyncio.timeout(PATIENCE), self._came:
            await self._came.wait_for(lambda: len(self.of(kind)) >= count)
        return self.of(kind)

    async def until(self, true: Callable[[], bool]) -> None:
        """Return when ``true`` returns true. It is called whenever an event has arrived."""
        async with asyncio.timeout(PATIENCE), self._came:
            await self._came.wait_for(true)

    def of(self, kind: type[T]) -> list[T]:
        """The events of one kind, in order."""
        return [event for event in self.events.values() if isinstance(event, kind)]


class Running:
    """An adapter's ``run`` in a task, for platforms to start and stop."""

    def __init__(self, adapter: Adapter, accept: Accept) -> None:
        self._adapter, self._accept = adapter, accept
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start ``run``, and return at once."""
        self._task = asyncio.create_task(self._adapter.run(self._accept))

    async def end(self) -> None:
        """Wait until ``run`` ends by itself. Its error is raised here."""
        task, self._task = self._task, None
        if task is not None:
            async with asyncio.timeout(PATIENCE):
                await task

    async def stop(self) -> None:
        """Cancel ``run``, and wait for its end. Its error is raised here."""
        task, self._task = self._task, None
        if task is None:
            return
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


class Served(Generic[Server]):
    """A platform over the wire: the person acts on a loopback server, whose client the adapter is."""

    adapter: Adapter

    def __init__(self, server: Server, data: Path, **options: Any) -> None:
        self.server = server
        self.data = data
        self.store = MemoryRecords()
        self.options = options
        self.inbox = Inbox()
        self.running = self._made()

    def make(self) -> Adapter:
        """A new adapter, as a new process would make it, with what the last one has stored."""
        raise NotImplementedError

    async def open(self) -> None:
        """Run the adapter until it is connected."""
        self.running.start()
        await self.here()

    async def here(self) -> None:
        """Wait until the adapter is connected."""
        assert isinstance(self.adapter, HasAddress)
        async with asyncio.timeout(PATIENCE):
            await self.adapter.started()

    async def restart(self) -> None:
        await self.running.stop()
        await self.open()

    async def reborn(self) -> None:
        """Replace the adapter by a new one, as a new process does."""
        await self.running.stop()
        self.running = self._made()
        await self.open()

    async def say(self, text: str, *, thread: str | None = None) -> None:
        await self.server.say(text, thread=thread)

    async def say_again(self) -> None:
        await self.server.redeliver()

    async def react(self, message_id: str, emoji: str, *, on: bool) -> None:
        await self.server.react(message_id, emoji, on=on)

    async def press(self, message_id: str, label: str) -> None:
        await self.server.press(message_id, label)

    async def send_garbage(self) -> None:
        await self.server.garbage()

    async def shown(self, ready: Callable[[list[Shown]], bool]) -> list[Shown]:
        return await self.server.until(ready)

    async def asked(self, text: str = "hi", **options: Any) -> Message:
        """A person's message, as the host got it."""
        count = len(self.inbox.of(Message))
        await self.server.say(text, **options)
        return (await self.inbox.wait(Message, count + 1))[-1]

    async def refused(self) -> str:
        """Have Ben press "Undo" under a reply to Ana in a group, and wait for Ben's refusal. Returns the reply's id."""
        said = await self.asked(channel=self.server.group, mention=True)
        reply = Reply("Deleted both.", buttons=(Button("Undo", "calendar:undo:1"),))
        sent = await self.adapter.send(said.conversation, reply, key="k1", reply_to=said.message_id)
        self.inbox.owner = self.server.ana
        await self.server.press(sent.message_ids[0], "Undo", user=self.server.ben)
        await self.server.wait(self.saw_refusal)
        return sent.message_ids[0]

    def saw_refusal(self) -> bool:
        """Whether Ben, and nobody else, was told that the button is not his."""
        seen = [
            one for one in self.server.shown(self.server.group, user=self.server.ben) if "whom I answered" in one.text
        ]
        return [one.only_for for one in seen] == [self.server.ben]

    async def still_open(self, message_id: str) -> None:
        """Check that Ana's button is as it was, and that she can press it."""
        (shown,) = [one for one in self.server.shown(self.server.group) if one.message_id == message_id]
        assert (shown.buttons, "✓" in shown.text) == (("Undo",), False)
        assert self.inbox.of(ButtonPress) == []
        await self.server.press(message_id, "Undo", user=self.server.ana)
        assert (await self.inbox.wait(ButtonPress))[0].sender.user_id == self.server.ana
        await self.server.wait(
            lambda: all(not one.buttons for one in self.server.shown(self.server.group) if one.message_id == message_id)
        )

    def _made(self) -> Running:
        self.adapter = self.make()
        return Running(self.adapter, self.inbox.accept)


class AdapterContract:
    """The suite. Subclasses define the ``platform`` fixture."""

    async def _asked(self, platform: Platform, text: str = "hello") -> Message:
        await platform.say(text)
        return (await platform.inbox.wait(Message, len(platform.inbox.of(Message)) or 1))[-1]

    async def _answered(self, platform: Platform, reply: Reply, key: str = "k1") -> tuple[Conversation, Shown]:
        said = await self._asked(platform)
        receipt = await platform.adapter.send(said.conversation, reply, key=key, reply_to=said.message_id)
        shown = await platform.shown(lambda seen: any(one.message_id in receipt.message_ids for one in seen))
        return said.conversation, next(one for one in shown if one.message_id in receipt.message_ids)

    async def test_what_somebody_says_reaches_the_host(self, platform: Platform) -> None:
        said = await self._asked(platform, "lunch with Zoë at noon? 🍜\nsecond line")
        assert said.text == "lunch with Zoë at noon? 🍜\nsecond line"
        assert said.conversation.platform == platform.adapter.name
        assert said.sender.user_id
        assert not said.sender.is_bot
        assert said.message_id
        assert said.event_id

    async def test_two_messages_of_one_person_are_in_one_conversation_and_keep_their_order(
        self, platform: Platform
    ) -> None:
        await platform.say("first")
        await platform.say("second")
        first, second = await platform.inbox.wait(Message, 2)
        assert (first.text, second.text) == ("first", "second")
        assert first.conversation.key == second.conversation.key
        assert first.sender.user_id == second.sender.user_id
        assert first.event_id != second.event_id
        assert first.message_id != second.message_id

    async def test_an_event_delivered_twice_has_one_id_and_is_one(self, platform: Platform) -> None:
        await self._asked(platform, "only once")
        await platform.say_again()
        await platform.say("after")
        assert [event.text for event in await platform.inbox.wait(Message, 2)] == ["only once", "after"]

    async def test_a_reply_is_seen_with_its_text(self, platform: Platform) -> None:
        _, shown = await self._answered(platform, Reply("At noon, with Zoë. 🍜"))
        assert "At noon, with Zoë. 🍜" in shown.text
        assert not shown.draft

    async def test_a_card_adds_to_the_text_and_does_not_replace_it(self, platform: Platform) -> None:
        _, shown = await self._answered(platform, Reply("Two things.", card=Card("Friday", (("9:00", "sync"),))))
        assert "Two things." in shown.text

    async def test_a_thread_is_a_conversation_of_its_own(self, platform: Platform) -> None:
        if not platform.adapter.capabilities.threads:
            pytest.skip(f"{platform.adapter.name} has no threads")
        await platform.say("outside")
        await platform.say("inside", thread="t1")
        outside, inside = await platform.inbox.wait(Message, 2)
        assert outside.conversation.key != inside.conversation.key
        await platform.adapter.send(inside.conversation, Reply("in the thread"), key="k1", reply_to=inside.message_id)
        shown = await platform.shown(lambda seen: len(seen) == 1)
        assert shown[0].thread is not None

    async def test_a_draft_becomes_the_reply_and_is_one_message(self, platform: Platform) -> None:
        if not platform.adapter.capabilities.drafts:
            pytest.skip(f"{platform.adapter.name} shows no drafts")
        said = await self._asked(platform)
        await platform.adapter.draft(said.conversation, "You have", key="k1")
        await platform.shown(lambda seen: len(seen) == 1 and "You have" in seen[0].text)
        await platform.adapter.draft(said.conversation, "You have lunch", key="k1")
        receipt = await platform.adapter.send(said.conversation, Reply("You have lunch at noon."), key="k1")
        shown = await platform.shown(lambda seen: any("at noon" in one.text and not one.draft for one in seen))
        assert len(shown) == 1
        assert shown[0].message_id in receipt.message_ids

    async def test_a_draft_after_its_reply_changes_nothing(self, platform: Platform) -> None:
        if not platform.adapter.capabilities.drafts:
            pytest.skip(f"{platform.adapter.name} shows no drafts")
        conversation, _ = await self._answered(platform, Reply("whole"), key="k1")
        await platform.adapter.draft(conversation, "wh", key="k1")
        await platform.adapter.send(conversation, Reply("next"), key="k2")
        shown = await platform.shown(lambda seen: any("next" in one.text for one in seen))
        assert ["whole" in shown[0].text, "next" in shown[1].text, len(shown)] == [True, True, 2]

    async def test_typing_can_be_shown_at_any_time(self, platform: Platform) -> None:
        said = await self._asked(platform)
        await platform.adapter.typing(said.conversation)
        await platform.adapter.typing(said.conversation)

    async def test_an_edit_replaces_what_was_sent(self, platform: Platform) -> None:
        conversation, shown = await self._answered(platform, Reply("at 3"))
        await platform.adapter.edit(conversation, shown.message_id, Reply("at 4"))
        after = await platform.shown(lambda seen: any("at 4" in one.text for one in seen))
        assert shown.message_id in {one.message_id for one in after}

    async def test_an_edit_of_what_is_not_there_is_an_error(self, platform: Platform) -> None:
        said = await self._asked(platform)
        with pytest.raises(AdapterError):
            await platform.adapter.edit(said.conversation, "no-such-message", Reply("x"))

    async def test_a_reaction_is_added_and_taken_back_on_the_reply_it_is_on(self, platform: Platform) -> None:
        if not platform.adapter.capabilities.reactions:
            pytest.skip(f"{platform.adapter.name} has no reactions")
        conversation, shown = await self._answered(platform, Reply("done"))
        await platform.react(shown.message_id, "👍", on=True)
        await platform.react(shown.message_id, "👍", on=False)
        added, removed = await platform.inbox.wait(Reaction, 2)
        assert [added.action, removed.action] == ["added", "removed"]
        assert added.emoji == removed.emoji
        assert EMOJI(added.emoji) == 1.0
        assert {added.message_id, removed.message_id} == {shown.message_id}
        assert added.event_id != removed.event_id
        assert added.conversation.channel == conversation.channel

    async def test_a_reaction_that_is_added_again_counts_again(self, platform: Platform) -> None:
        """Somebody who changes their mind twice likes the reply; a redelivery of the first 👍 would be dropped."""
        if not platform.adapter.capabilities.reactions:
            pytest.skip(f"{platform.adapter.name} has no reactions")
        _, shown = await self._answered(platform, Reply("done"))
        for on in (True, False, True):
            await platform.react(shown.message_id, "👍", on=on)
        reactions = await platform.inbox.wait(Reaction, 3)
        assert [reaction.action for reaction in reactions] == ["added", "removed", "added"]

    async def test_a_command_keeps_its_words(self, platform: Platform) -> None:
        await platform.say("/profile undo all")
        # The host parses a leading slash. On a platform with its own commands, the adapter makes the Command.
        event = (await platform.inbox.wait(object))[0]
        if isinstance(event, Command):
            assert (event.name, event.arguments) == ("profile", "undo all")
        else:
            assert isinstance(event, Message)
            assert event.text == "/profile undo all"

    async def test_a_pressed_button_brings_its_value_back(self, platform: Platform) -> None:
        if not platform.adapter.capabilities.buttons:
            pytest.skip(f"{platform.adapter.name} has no buttons")
        buttons = (Button("Delete both", "calendar:yes:1", "danger"), Button("Keep them", "calendar:no:1"))
        conversation, shown = await self._answered(platform, Reply("Delete both?", buttons=buttons))
        assert shown.buttons == ("Delete both", "Keep them")
        await platform.press(shown.message_id, "Delete both")
        press = (await platform.inbox.wait(ButtonPress))[0]
        assert press.value == "calendar:yes:1"
        assert press.message_id == shown.message_id
        assert press.conversation.key == conversation.key

    async def test_a_button_that_is_open_to_all_stays_until_the_message_is_replaced(self, platform: Platform) -> None:
        """A poll: its buttons outlive presses, and go when it is closed."""
        if not platform.adapter.capabilities.buttons:
            pytest.skip(f"{platform.adapter.name} has no buttons")
        options = (
            Button("Soup", "*poll:v:0011223344556677:0", open_to_all=True),
            Button("Salad", "*poll:v:0011223344556677:1", open_to_all=True),
        )
        conversation, poll = await self._answered(platform, Reply("Lunch?", buttons=options))
        await platform.press(poll.message_id, "Soup")
        await platform.inbox.wait(ButtonPress)
        again = (await platform.shown(lambda seen: bool(seen)))[-1]
        assert (again.message_id, again.buttons) == (poll.message_id, ("Soup", "Salad"))
        await platform.press(poll.message_id, "Salad")
        presses = await platform.inbox.wait(ButtonPress, 2)
        assert [press.value for press in presses] == [option.value for option in options]
        await platform.adapter.edit(conversation, poll.message_id, Reply("Soup: 1, Salad: 0"))
        shown = await platform.shown(lambda seen: "Soup: 1" in seen[-1].text)
        assert shown[-1].buttons == ()
        if platform.server is not None:  # a terminal prints it once more
            assert [one.message_id for one in shown] == [poll.message_id]

    async def test_a_reply_longer_than_the_platform_allows_arrives_whole(self, platform: Platform) -> None:
        words = [f"word{number}" for number in range(3000)]
        said = await self._asked(platform)
        receipt = await platform.adapter.send(said.conversation, Reply(" ".join(words)), key="k1")
        assert receipt.message_ids
        shown = await platform.shown(lambda seen: "word2999" in " ".join(one.text for one in seen))
        assert " ".join(one.text for one in shown).split() == words
        assert all(len(one.text) <= platform.adapter.capabilities.max_characters for one in shown)

    async def test_a_reply_sent_twice_under_one_key_is_seen_once(self, platform: Platform) -> None:
        if not platform.adapter.capabilities.idempotent_send:
            pytest.skip(f"{platform.adapter.name} offers no idempotent send")
        said = await self._asked(platform)
        first = await platform.adapter.send(said.conversation, Reply("once"), key="k1")
        await platform.restart()
        again = await platform.adapter.send(said.conversation, Reply("once"), key="k1")
        await platform.adapter.send(said.conversation, Reply("end"), key="k2")
        shown = await platform.shown(lambda seen: any("end" in one.text for one in seen))
        assert first == again
        assert len(shown) == 2

    async def test_garbage_is_survived_and_is_no_event(self, platform: Platform) -> None:
        await platform.send_garbage()
        said = await self._asked(platform, "still there?")
        assert [said] == list(platform.inbox.events.values())

    @pytest.mark.parametrize("error", [HostBusyError("full"), LedgerError("database or disk is full")])
    async def test_a_message_refused_by_a_full_host_or_disk_can_be_sent_again_and_arrives_once(
        self, platform: Platform, error: Exception
    ) -> None:
        platform.inbox.full, platform.inbox.error = True, error
        await platform.say("too much")
        assert platform.inbox.events == {}
        platform.inbox.full = False
        await platform.say_again()
        assert [event.text for event in await platform.inbox.wait(Message)] == ["too much"]

    async def test_it_goes_on_where_it_was_after_a_restart(self, platform: Platform) -> None:
        conversation, shown = await self._answered(platform, Reply("before"))
        await platform.restart()
        if platform.adapter.capabilities.reactions:
            await platform.react(shown.message_id, "👎", on=True)
            assert (await platform.inbox.wait(Reaction))[0].message_id == shown.message_id
        await platform.say("after")
        said = (await platform.inbox.wait(Message, 2))[1]
        assert said.conversation.key == conversation.key
        await platform.adapter.send(said.conversation, Reply("here again"), key="k2")
        await platform.shown(lambda seen: any("here again" in one.text for one in seen))

    # ── platforms with groups, rate limits and connections that break ─────────────────────────────────────────────

    def _server(self, platform: Platform) -> PlatformServer:
        if platform.server is None:
            pytest.skip(f"{platform.adapter.name} is no such platform")
        return platform.server

    async def test_in_a_group_it_is_told_when_it_is_meant(self, platform: Platform) -> None:
        server = self._server(platform)
        await server.say("lunch, anybody?", channel=server.group)
        await server.say("what do I have today?", channel=server.group, mention=True, user=server.ben)
        overheard, meant = await platform.inbox.wait(Message, 2)
        assert [overheard.addressed, meant.addressed] == [False, True]
        assert {overheard.conversation.kind, meant.conversation.kind} == {"group"}
        assert meant.text == "what do I have today?"
        assert [overheard.sender.user_id, meant.sender.user_id] == [server.ana, server.ben]

    async def test_a_reply_to_the_bot_in_a_group_is_meant_for_it(self, platform: Platform) -> None:
        server = self._server(platform)
        await server.say("hi", channel=server.group, mention=True)
        said = (await platform.inbox.wait(Message))[0]
        await platform.adapter.send(said.conversation, Reply("hello"), key="k1", reply_to=said.message_id)
        first = (await server.until(lambda seen: len(seen) == 1, server.group))[0]
        await server.say("and you?", channel=server.group, reply_to=first.message_id)
        answer = (await platform.inbox.wait(Message, 2))[1]
        # If the platform does not say whom a reply answers, the host knows it from the answered message.
        assert (
            answer.addressed or answer.reply_to == first.message_id or answer.conversation.key == said.conversation.key
        )

    async def test_a_thread_in_a_group_keeps_its_context(self, platform: Platform) -> None:
        server = self._server(platform)
        await server.say("one", channel=server.group, thread="a", mention=True)
        await server.say("two", channel=server.group, thread="a")
        await server.say("three", channel=server.group, thread="b", mention=True)
        heard = {message.text: message for message in await platform.inbox.wait(Message, 3)}
        one, two, three = heard["one"], heard["two"], heard["three"]  # only those of a thread come in order
        assert one.conversation.key == two.conversation.key != three.conversation.key
        assert None not in (one.conversation.thread, two.conversation.thread, three.conversation.thread)
        await platform.adapter.send(two.conversation, Reply("in a"), key="k1", reply_to=two.message_id)
        shown = await server.until(lambda seen: any("in a" in one.text for one in seen), server.group)
        await server.react(shown[-1].message_id, "👍", on=True)
        reaction = (await platform.inbox.wait(Reaction))[0]
        assert (reaction.conversation.channel, reaction.message_id) == (
            two.conversation.channel,
            shown[-1].message_id,
        )

    async def test_what_is_for_one_person_is_not_shown_to_the_others(self, platform: Platform) -> None:
        server = self._server(platform)
        await server.say("who am I?", channel=server.group, mention=True)
        said = (await platform.inbox.wait(Message))[0]
        secret = Reply("You are Ana.", only_for=server.ana)
        await platform.adapter.send(said.conversation, secret, key="k1", reply_to=said.message_id)
        assert not any("You are Ana." in one.text for one in server.shown(server.group, user=server.ben))
        seen = [*server.shown(server.group, user=server.ana), *server.shown(user=server.ana)]
        assert any("You are Ana." in one.text for one in seen)

    async def test_what_must_stay_for_one_person_goes_to_them_directly(self, platform: Platform) -> None:
        server = self._server(platform)
        await server.say("hi", channel=server.group, mention=True)
        said = (await platform.inbox.wait(Message))[0]
        ring = Reply("Reminder: pills", only_for=server.ana, is_lasting=True)
        await platform.adapter.send(said.conversation, ring, key="k1")
        assert [one.text for one in server.shown(server.group, user=server.ana)] == []
        assert [one.text for one in server.shown(user=server.ana)] == ["Reminder: pills"]

    async def test_the_answer_to_a_command_for_everyone_is_read_by_everyone(self, platform: Platform) -> None:
        """A poll that only its maker sees collects one vote."""
        server = self._server(platform)
        await server.command("profile", channel=server.group)
        command = (await platform.inbox.wait(Command))[0]
        vote = Button("Soup", "*poll:v:1", open_to_all=True)
        poll = Reply("Lunch?", buttons=(vote,), for_everyone=True)
        key = f"{platform.adapter.name}:{command.event_id}"
        receipt = await platform.adapter.send(command.conversation, poll, key=key)
        seen = [one for one in server.shown(server.group, user=server.ben) if "Lunch?" in one.text]
        assert [one.message_id for one in seen] == [*receipt.message_ids]
        assert not any("thinking" in one.text for one in server.shown(server.group, user=server.ana))

    async def test_a_slash_command_of_the_platforms_own_arrives_and_is_answered(self, platform: Platform) -> None:
        server = self._server(platform)
        await server.command("profile", "undo")
        command = (await platform.inbox.wait(Command))[0]
        assert (command.name, command.arguments, command.sender.user_id) == ("profile", "undo", server.ana)
        await platform.adapter.send(
            command.conversation, Reply("undone"), key=f"{platform.adapter.name}:{command.event_id}"
        )
        await server.until(lambda seen: any("undone" in one.text for one in seen))

    async def test_what_somebody_changes_arrives_as_an_edit(self, platform: Platform) -> None:
        server = self._server(platform)
        message_id = await server.say("lunch at noon")
        said = (await platform.inbox.wait(Message))[0]
        await server.change(message_id, "lunch at one")
        edit = (await platform.inbox.wait(Edit))[0]
        assert (edit.message_id, edit.text, edit.edits) == (said.message_id, "lunch at one", said.event_id)
        assert edit.event_id != said.event_id

    async def test_one_of_many_choices_brings_its_value_back(self, platform: Platform) -> None:
        """Where a platform has menus, they stand in one; a choice that cannot be taken back stays a button."""
        server = self._server(platform)
        buttons = [Button(f"Day {number}", f"calendar:do:{'x' * 190}:{number}") for number in range(7)]
        dangerous = Button("All of them", "calendar:all", "danger")
        conversation, shown = await self._answered(platform, Reply("Which one?", buttons=(*buttons, dangerous)))
        assert shown.buttons == (*(button.label for button in buttons), "All of them")
        assert shown.menus == (server.name in ("slack", "discord"))
        await platform.press(shown.message_id, "Day 4")
        press = (await platform.inbox.wait(ButtonPress))[0]
        assert (press.value, press.message_id) == (buttons[4].value, shown.message_id)
        assert press.conversation.key == conversation.key
        await server.until(lambda seen: not any(one.buttons for one in seen))

    async def test_files_and_voice_messages_arrive_with_their_bytes(self, platform: Platform) -> None:
        server = self._server(platform)
        await server.say("look", files={"../plan b.txt": b"first line\n"})
        await server.say("", files={"voice.ogg": b"OggS" + bytes(2000)}, voice=True)
        look, spoken = await platform.inbox.wait(Message, 2)
        assert look.text == "look"
        (plan,) = look.attachments
        assert await asyncio.to_thread(Path(plan.path).read_bytes) == b"first line\n"
        assert "/" not in plan.name
        assert not plan.voice
        (voice,) = spoken.attachments
        assert voice.voice
        assert voice.content_type.startswith("audio/")
        assert voice.size == 2004

    async def test_a_calendar_file_that_is_sent_is_imported(self, platform: Platform) -> None:
        server = self._server(platform)
        await server.say("", files={"team.ics": CALENDAR_FILE})
        (said,) = await platform.inbox.wait(Message)
        async with Plugins(installed=()) as plugins:
            await plugins.add(CalendarPlugin())
            agent = Agent(llm=ScriptedLLM(), plugins=plugins)
            outcome = await agent.handle(said, _no_draft)
        assert outcome.reply is not None
        await platform.adapter.send(said.conversation, outcome.reply, key="k1", reply_to=said.message_id)
        shown = await server.until(lambda seen: any("1 event added (gym)" in one.text for one in seen))
        assert any("Undo" in one.buttons for one in shown)

    async def test_a_document_that_is_sent_is_learned_and_cited(self, platform: Platform, tmp_path: Path) -> None:
        server = self._server(platform)
        ledger = await Ledger.open(f"sqlite:///{tmp_path / 'learned.db'}")
        services = Services(
            settings=AgentSettings(learn="members"), ledger=ledger, taught=ScopedBases(tmp_path / "knowledge")
        )
        agent = Agent(llm=ScriptedLLM("They may come on Fridays [1]."), services=services)

        async def answered(number: int) -> None:
            said = (await platform.inbox.wait(Message, number))[-1]
            outcome = await agent.handle(said, _no_draft)
            assert outcome.reply is not None
            await platform.adapter.send(said.conversation, outcome.reply, key=f"k{number}", reply_to=said.message_id)

        await server.say("learn this", files={"rules.txt": b"Dogs may come on Fridays."})
        await answered(1)
        await server.until(lambda seen: any("Learned “rules.txt” (1 passage)" in one.text for one in seen))
        await server.say("when may dogs come?")
        await answered(2)
        shown = await server.until(lambda seen: any("Source: rules.txt" in one.text for one in seen))
        assert any("They may come on Fridays" in one.text for one in shown)
        await ledger.close()

    async def test_files_are_sent_along(self, platform: Platform, tmp_path: Path) -> None:
        if not platform.adapter.capabilities.files:
            pytest.skip(f"{platform.adapter.name} takes no files")
        server = self._server(platform)
        export = tmp_path / "calendar.ics"
        export.write_text("BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n")
        said = await self._asked(platform)
        await platform.adapter.send(said.conversation, Reply("Here it is.", files=(str(export),)), key="k1")
        shown = await server.until(lambda seen: any("calendar.ics" in one.files for one in seen))
        assert any("Here it is." in one.text for one in shown)

    async def test_a_picture_comes_with_its_words(self, platform: Platform, tmp_path: Path) -> None:
        server = self._server(platform)
        week, words = tmp_path / "week.png", "Your week: " + "Monday <lunch> & gym, " * 40
        week.write_bytes(ONE_PIXEL)
        said = await self._asked(platform)
        reply = Reply("Your week:", pictures=(Picture(str(week), words),))
        await platform.adapter.send(said.conversation, reply, key="k1")
        shown = await server.until(lambda seen: any(one.files for one in seen))
        (told,) = [words for one in shown for words in one.alternatives]
        assert told.startswith("Your week: Monday <lunch> & gym, Monday")
        assert any("Your week:" in one.text for one in shown if not one.files or one.text != told)

    async def test_a_table_is_shown_with_all_its_cells(self, platform: Platform) -> None:
        server = self._server(platform)
        said = await self._asked(platform)
        table = Table(("day", "work", "sport"), (("Monday", "3 | 4", "*1*"), ("Tuesday", "", "2")))
        await platform.adapter.send(said.conversation, Reply("Your hours:", table=table), key="k1")
        shown = await server.until(lambda seen: any("Tuesday" in one.text for one in seen))
        (text,) = [one.text for one in shown]
        assert all(cell in text for cell in ("Your hours:", "day", "sport", "Monday", "3 | 4", "*1*", "Tuesday"))

    async def test_a_reply_that_is_read_aloud_comes_with_its_text(self, platform: Platform, tmp_path: Path) -> None:
        if not platform.adapter.capabilities.files:
            pytest.skip(f"{platform.adapter.name} takes no files")
        server = self._server(platform)
        speech = tmp_path / "reply-1.ogg"
        speech.write_bytes(b"OggS" + bytes(24) + b"OpusHead" + bytes(500))
        said = await self._asked(platform)
        await platform.adapter.send(said.conversation, Reply("It is at noon.", speech=str(speech)), key="k1")
        shown = await server.until(lambda seen: any(one.files or one.voice for one in seen))
        assert any("It is at noon." in one.text for one in shown)
        assert any(one.voice or "reply-1.ogg" in one.files for one in shown)

    async def test_a_limit_is_obeyed_and_the_reply_arrives_once(self, platform: Platform) -> None:
        server = self._server(platform)
        said = await self._asked(platform)
        server.limit(0.3, times=2)
        for _ in range(20):  # as the host does
            try:
                await platform.adapter.send(said.conversation, Reply("at last"), key="k1")
                break
            except TryLaterError as error:
                assert error.seconds is None or error.seconds <= 5
                await asyncio.sleep(error.seconds or 0.1)
        await platform.adapter.send(said.conversation, Reply("end"), key="k2")
        shown = await server.until(lambda seen: any("end" in one.text for one in seen))
        assert [one.text for one in shown] == ["at last", "end"]

    async def test_a_long_reply_cut_off_by_a_limit_goes_on_where_it_was(self, platform: Platform) -> None:
        server = self._server(platform)
        said = await self._asked(platform)
        words = [f"word{number}" for number in range(3000)]
        tries = 0
        while True:
            server.limit(0.05, times=1 if tries % 2 else 0)
            try:
                await platform.adapter.send(said.conversation, Reply(" ".join(words)), key="k1", again=tries > 0)
                break
            except TryLaterError as error:
                tries += 1
                await asyncio.sleep(error.seconds or 0.05)
        shown = await server.until(lambda seen: "word2999" in " ".join(one.text for one in seen))
        assert " ".join(one.text for one in shown).split() == words

    async def test_a_lost_connection_is_made_again_and_nothing_said_meanwhile_is_lost(self, platform: Platform) -> None:
        server = self._server(platform)
        await self._asked(platform, "before")
        await server.drop()
        await server.say("meanwhile")
        await platform.inbox.wait(Message, 2)
        await server.connected()
        await server.say("after")
        said = await platform.inbox.wait(Message, 3)
        assert [event.text for event in said] == ["before", "meanwhile", "after"]
