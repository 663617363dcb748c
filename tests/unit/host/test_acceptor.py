"""What a host takes. What breaks without this: files of strangers, or of talk among people, fill the disk."""

from __future__ import annotations

import asyncio
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from llmagent_os.adapter import Button, Receipt, Reply
from llmagent_os.errors import LedgerError, NotYoursError
from llmagent_os.events import ButtonPress, Conversation, Event, Message, Sender
from llmagent_os.handler import Draft, Outcome
from llmagent_os.host.busy_notices import NOT_STORED
from llmagent_os.host.host import Host
from llmagent_os.host.pending_event import RUNNING
from llmagent_os.identity import Identity, identity_of
from llmagent_os.ledger import Ledger, sqlite_database
from llmagent_os.testing import EchoHandler, MemoryAdapter, running


def said(platform: MemoryAdapter, *, user: str = "u1", group: bool = False, addressed: bool = True) -> Message:
    message = platform.message("look at this", user=user)
    return msgspec.structs.replace(message, conversation=platform.room(group=group), addressed=addressed)


async def test_files_are_wanted_of_people_who_are_answered_and_of_what_is_meant_for_the_bot(ledger: Ledger) -> None:
    """An adapter asks before it fetches them."""

    async def admits(event: Event) -> bool:
        return event.sender.user_id == "u1"

    platform = MemoryAdapter()
    accept = Host(EchoHandler(), ledger, [platform], admits=admits).accept
    assert await accept.wants(said(platform))
    assert await accept.wants(said(platform, group=True))
    assert not await accept.wants(said(platform, group=True, addressed=False))
    assert not await accept.wants(said(platform, user="stranger"))


async def test_where_nobody_is_asked_who_they_are_files_of_everyone_are_wanted(ledger: Ledger) -> None:
    platform = MemoryAdapter()
    assert await Host(EchoHandler(), ledger, [platform]).accept.wants(said(platform, user="anybody"))


class Unlocked:
    """A ledger on disk that another program locks, and lets go of again."""

    def __init__(self, path: Path) -> None:
        self._other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)

    def lock(self) -> None:
        self._other.execute("BEGIN IMMEDIATE")

    def let_go(self) -> None:
        self._other.execute("ROLLBACK")

    def close(self) -> None:
        self._other.close()


async def test_a_person_is_told_once_that_messages_cannot_be_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The platform offers the message again for a while, and the person would see nothing at all."""
    monkeypatch.setattr(sqlite_database, "BUSY_MILLISECONDS", 0)
    ledger = await Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    other = Unlocked(tmp_path / "ledger.db")
    platform = MemoryAdapter()
    async with running(Host(EchoHandler(), ledger, [platform])):
        await platform.say("first")
        await platform.sent(1)
        other.lock()
        for event_id in ("2", "2", "3"):
            with pytest.raises(LedgerError, match="locked"):
                await platform.say("again", event_id=event_id)
        assert [sent.reply.text for sent in (await platform.sent(2))[1:]] == [str(NOT_STORED)]
        other.let_go()
        assert await platform.say("again", event_id="2"), "it was not taken before"
        assert [sent.reply.text for sent in await platform.sent(3)] == ["first", str(NOT_STORED), "again"]
    other.close()
    await ledger.close()


async def test_a_platform_that_shows_it_itself_gets_no_notice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page and the terminal say so at the message."""
    monkeypatch.setattr(sqlite_database, "BUSY_MILLISECONDS", 0)
    ledger = await Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    other = Unlocked(tmp_path / "ledger.db")
    platform = MemoryAdapter()
    platform.capabilities = msgspec.structs.replace(platform.capabilities, shows_refusals=True)
    async with running(Host(EchoHandler(), ledger, [platform])):
        await platform.say("first")
        await platform.sent(1)
        other.lock()
        with pytest.raises(LedgerError):
            await platform.say("hi", event_id="2")
        other.let_go()
        await platform.say("hi", event_id="2")
        assert [sent.reply.text for sent in await platform.sent(2)] == ["first", "hi"]
    other.close()
    await ledger.close()


# ── buttons belong to the person who was answered ─────────────────────────────────────────────────────────────────────


async def test_a_button_in_a_group_is_refused_to_others_and_taken_of_the_person_and_their_accounts(
    ledger: Ledger,
) -> None:
    platform = MemoryAdapter()
    handler = EchoHandler()
    async with running(Host(handler, ledger, [platform])):
        await platform.deliver(said(platform, group=True))
        reply = (await platform.sent(1))[0]

        def press(user: str) -> ButtonPress:
            room, number = platform.room(group=True), platform.message("").event_id
            return ButtonPress(
                event_id=number, conversation=room, sender=Sender(user), message_id=reply.message_id, value="undo"
            )

        with pytest.raises(NotYoursError, match="the person whom I answered"):
            await platform.deliver(press("u2"))
        assert len(handler.handled) == 1, "a refused press is not stored"
        assert await platform.deliver(press("u1"))
        now = datetime.now(UTC)
        await ledger.identities.issue(Identity("memory::u1"), "code", now, timedelta(minutes=10))
        await ledger.identities.join(Identity("memory::u2"), "code", now)
        assert await platform.deliver(press("u2")), "it is the same person now"


def pressing(platform: MemoryAdapter, user: str, message_id: str) -> ButtonPress:
    number = platform.message("").event_id
    return ButtonPress(
        event_id=number,
        conversation=platform.room(group=True),
        sender=Sender(user),
        message_id=message_id,
        value="undo",
    )


async def test_a_button_of_a_reply_that_is_not_kept_is_for_the_person_who_was_answered(ledger: Ledger) -> None:
    class Secret(EchoHandler):
        async def handle(self, event: Event, draft: Draft) -> Outcome:
            await super().handle(event, draft)
            return Outcome(Reply("Shall I?", buttons=(Button("Yes", "plugin:yes"),)))

    platform, handler = MemoryAdapter(), Secret()
    async with running(Host(handler, ledger, [platform])):
        await platform.deliver(said(platform, group=True))
        reply = (await platform.sent(1))[0]
        with pytest.raises(NotYoursError, match="the person whom I answered"):
            await platform.deliver(pressing(platform, "u2", reply.message_id))
        assert await platform.deliver(pressing(platform, "u1", reply.message_id))


async def test_a_button_of_an_erased_person_is_open_to_nobody_in_a_group(ledger: Ledger) -> None:
    platform = MemoryAdapter()
    handler = EchoHandler()
    async with running(Host(handler, ledger, [platform])):
        await platform.deliver(said(platform, group=True))
        reply = (await platform.sent(1))[0]
        await ledger.forget(Identity("memory::u1"))
        for user in ("u1", "u2"):
            with pytest.raises(NotYoursError, match="no longer open"):
                await platform.deliver(pressing(platform, user, reply.message_id))
    assert len(handler.handled) == 1


async def test_a_press_while_the_reply_is_still_being_sent_waits_for_its_owner(ledger: Ledger) -> None:
    """The platform shows the button before it has told us the message's id."""

    class Slow(MemoryAdapter):
        async def send(self, conversation: Conversation, reply: Reply, **options: Any) -> Receipt:
            receipt = await super().send(conversation, reply, **options)
            await may_return.wait()
            return receipt

    platform, may_return = Slow(), asyncio.Event()
    async with running(Host(EchoHandler(), ledger, [platform])):
        await platform.deliver(said(platform, group=True))
        reply = (await platform.sent(1))[0]
        press = ButtonPress(
            event_id="p",
            conversation=platform.room(group=True),
            sender=Sender("u2"),
            message_id=reply.message_id,
            value="undo",
        )
        pressed = asyncio.create_task(platform.deliver(press))
        await asyncio.sleep(0)
        may_return.set()
        with pytest.raises(NotYoursError):
            await pressed


async def test_a_press_at_the_moment_when_the_reply_is_noted_finds_its_owner(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reply was not noted when the ledger looked, and is not being sent any more when the ledger has answered."""

    class Slow(MemoryAdapter):
        async def send(self, conversation: Conversation, reply: Reply, **options: Any) -> Receipt:
            receipt = await super().send(conversation, reply, **options)
            await may_return.wait()
            return receipt

    platform, may_return, owner_of = Slow(), asyncio.Event(), ledger.owner_of

    async def looked_too_early(*where: str) -> Identity | None:
        found = await owner_of(*where)
        may_return.set()
        while await owner_of(*where) is None:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.01)
        return found

    monkeypatch.setattr(ledger, "owner_of", looked_too_early)
    async with running(Host(EchoHandler(), ledger, [platform])):
        await platform.deliver(said(platform, group=True))
        reply = (await platform.sent(1))[0]
        with pytest.raises(NotYoursError, match="the person whom I answered"):
            await platform.deliver(pressing(platform, "u2", reply.message_id))


async def test_a_secret_is_masked_before_the_event_is_stored(ledger: Ledger) -> None:
    platform = MemoryAdapter()
    handler = EchoHandler()
    async with running(Host(handler, ledger, [platform])):
        await platform.say("my token is xoxb-123456789012-1234567890123-AbCdEfGhIjKlMnOp")
        (reply,) = await platform.sent(1)
    assert reply.reply.text == "my token is [secret]"
    assert [event.text for event in handler.handled if isinstance(event, Message)] == ["my token is [secret]"]


# ── what waits of a person who is erased ──────────────────────────────────────────────────────────────────────────────


async def test_what_waits_of_an_erased_person_is_dropped_and_others_are_answered(ledger: Ledger) -> None:
    platform, deciding, may_decide = MemoryAdapter(), asyncio.Event(), asyncio.Event()

    class Slow(EchoHandler):
        async def handle(self, event: Event, draft: Draft) -> Outcome:
            deciding.set()
            await may_decide.wait()
            return await super().handle(event, draft)

    handler = Slow()
    host = Host(handler, ledger, [platform])
    async with running(host):
        await platform.say("being answered", user="u1")
        await deciding.wait()
        await platform.say("waiting", user="u1")
        await platform.say("of another person", channel="c2", user="u2")
        assert await host.drop_events([Identity("memory::u1")]) == 2
        may_decide.set()
        await platform.say("said afterwards", user="u1")
        sent = await platform.sent(2)
    assert sorted(one.reply.text for one in sent) == ["of another person", "said afterwards"]
    assert [turn.said for turn in await ledger.history(platform.room().key, Identity("memory::u1"), 9)] == [
        "said afterwards"
    ]


async def test_what_waits_of_a_person_whom_another_process_has_erased_is_not_run(ledger: Ledger) -> None:
    """Its handler would have things written about the person again."""
    platform, deciding, may_decide = MemoryAdapter(), asyncio.Event(), asyncio.Event()

    class Slow(EchoHandler):
        async def handle(self, event: Event, draft: Draft) -> Outcome:
            deciding.set()
            await may_decide.wait()
            return await super().handle(event, draft)

    async with running(Host(handler := Slow(), ledger, [platform])):
        await platform.say("being answered")
        await deciding.wait()
        await platform.say("waiting")
        await ledger.drop_unfinished([Identity("memory::u1")])
        may_decide.set()
        await platform.say("said afterwards")
        (sent,) = await platform.sent(1)
    assert sent.reply.text == "said afterwards"
    assert [event.text for event in handler.handled if isinstance(event, Message)] == [
        "being answered",
        "said afterwards",
    ]


async def test_an_erasure_does_not_fail_where_a_handler_is_being_stopped_already(ledger: Ledger) -> None:
    """A handler that runs out of its time may take a while to end."""
    platform, ending, may_end = MemoryAdapter(), asyncio.Event(), asyncio.Event()
    dropped: list[int] = []

    class Slow(EchoHandler):
        async def handle(self, event: Event, draft: Draft) -> Outcome:
            if isinstance(event, Message) and event.text == "forget":
                asyncio.get_running_loop().call_later(0, may_end.set)
                dropped.append(await host.drop_events([identity_of(event)]))
                return await super().handle(event, draft)
            own = RUNNING.get()
            assert own is not None and own.limit is not None
            own.limit.reschedule(0.0)  # it has run out of its time
            try:
                await asyncio.Event().wait()
            finally:
                ending.set()
                await may_end.wait()
            raise AssertionError

    host = Host(Slow(), ledger, [platform])
    async with running(host):
        await platform.say("slow", channel="c2")
        await ending.wait()
        await platform.say("forget")
        (sent,) = await platform.sent(1)
    assert (sent.reply.text, dropped) == ("forget", [1])


async def test_two_erasures_of_one_person_at_once_are_answered(ledger: Ledger) -> None:
    platform, both = MemoryAdapter(), asyncio.Barrier(2)

    class Forgets(EchoHandler):
        async def handle(self, event: Event, draft: Draft) -> Outcome:
            await both.wait()
            await host.drop_events([identity_of(event)])
            return await super().handle(event, draft)

    host = Host(Forgets(), ledger, [platform])
    async with running(host):
        await platform.say("forget")
        await platform.say("forget", channel="c2")
        assert {sent.reply.text for sent in await platform.sent(1)} == {"forget"}


async def test_a_reply_that_was_decided_before_an_erasure_by_another_process_is_not_kept(ledger: Ledger) -> None:
    """The command line erases beside a running host."""
    platform = MemoryAdapter()
    event = platform.message("hello")
    await ledger.accept(event, max_pending=9)
    assert await ledger.drop_unfinished([Identity("memory::u1")]) == 1
    outcome = await EchoHandler().handle(event, _no_draft)
    assert not await ledger.prepare(event, outcome.reply, outcome.interaction)
    assert await ledger.history(event.conversation.key, Identity("memory::u1"), 9) == []


async def _no_draft(_: str) -> None:
    """Show no draft."""


async def test_a_button_that_is_open_to_all_is_taken_of_anybody_and_its_message_is_changed(ledger: Ledger) -> None:
    """In a poll everybody votes under the one message, which stays a reply to whoever asked."""

    class Poll(EchoHandler):
        async def handle(self, event: Event, draft: Draft) -> Outcome:
            await super().handle(event, draft)
            button = Button("Soup", "*poll:soup", open_to_all=True)
            changed = event.message_id if isinstance(event, ButtonPress) else None
            return Outcome(Reply(f"asked {len(self.handled)} times", buttons=(button,), replaces=changed))

    class Edited(MemoryAdapter):
        def __init__(self) -> None:
            super().__init__()
            self.edited = asyncio.Event()

        async def edit(self, conversation: Conversation, message_id: str, reply: Reply) -> None:
            await super().edit(conversation, message_id, reply)
            self.edited.set()

    platform, handler = Edited(), Poll()
    async with running(Host(handler, ledger, [platform])):
        await platform.deliver(said(platform, group=True))
        poll = (await platform.sent(1))[0]
        press = msgspec.structs.replace(pressing(platform, "u2", poll.message_id), value="*poll:soup")
        assert await platform.deliver(press)
        await platform.edited.wait()
        assert [(message_id, reply.text) for message_id, reply in platform.edits] == [
            (poll.message_id, "asked 2 times")
        ]
        with pytest.raises(NotYoursError, match="the person whom I answered"):  # other buttons stay the asker's
            await platform.deliver(pressing(platform, "u2", poll.message_id))
        assert await platform.deliver(pressing(platform, "u1", poll.message_id))
        with pytest.raises(NotYoursError, match="no longer open"):  # under a message that is none of the bot's
            await platform.deliver(msgspec.structs.replace(press, event_id="made up", message_id="nowhere"))
