"""What a host takes. What breaks without this: files of strangers, or of talk among people, fill the disk."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from llmagent_os.errors import LedgerError
from llmagent_os.events import Event, Message
from llmagent_os.host.busy_notices import NOT_STORED
from llmagent_os.host.host import Host
from llmagent_os.ledger import Ledger, connection
from llmagent_os.testing import EchoHandler, MemoryAdapter, running


@pytest.fixture
async def ledger() -> AsyncIterator[Ledger]:
    opened = await Ledger.open("sqlite://")
    yield opened
    await opened.close()


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
    monkeypatch.setattr(connection, "BUSY_MILLISECONDS", 0)
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
        assert [sent.reply for sent in (await platform.sent(2))[1:]] == [NOT_STORED]
        other.let_go()
        assert await platform.say("again", event_id="2"), "it was not taken before"
        assert [sent.reply.text for sent in await platform.sent(3)] == ["first", NOT_STORED.text, "again"]
    other.close()
    await ledger.close()


async def test_a_platform_that_shows_it_itself_gets_no_notice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page and the terminal say so at the message."""
    monkeypatch.setattr(connection, "BUSY_MILLISECONDS", 0)
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
