"""What a host takes. What breaks without this: files of strangers, or of talk among people, fill the disk."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
import pytest

from llmagent_os.events import Event, Message
from llmagent_os.host.host import Host
from llmagent_os.ledger import Ledger
from llmagent_os.testing import EchoHandler, MemoryAdapter


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
