"""The connection slot. What breaks without this: a reply fails because the platform was not reached yet."""

from __future__ import annotations

import asyncio

import pytest

from llmagent_os.adapter_kit.connection_slot import ConnectionSlot
from llmagent_os.errors import TryLaterError


async def test_a_reply_that_comes_early_waits_for_the_connection() -> None:
    slot: ConnectionSlot[str] = ConnectionSlot("pigeon")
    waiting = asyncio.create_task(slot.wait())
    await asyncio.sleep(0)
    slot.fill("connected")
    assert await waiting == "connected"
    assert slot.current == "connected"


async def test_without_a_connection_the_host_is_asked_to_try_later() -> None:
    """The host keeps the reply, and sends it when the platform is back."""
    slot: ConnectionSlot[str] = ConnectionSlot("pigeon")
    slot.fill("connected")
    slot.clear()
    with pytest.raises(TryLaterError, match="pigeon: not connected"):
        await slot.wait(0.0)
    assert slot.current is None
