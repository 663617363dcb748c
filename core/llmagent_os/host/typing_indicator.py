"""Shows that an answer is coming."""

from __future__ import annotations

import asyncio

import structlog

from llmagent_os.adapter import Adapter
from llmagent_os.adapter_kit.containment import contain
from llmagent_os.host.pending_event import PendingEvent

_log = structlog.stdlib.get_logger(__name__)

#: How often the indicator is shown again. Telegram shows it for five seconds.
TYPING_SECONDS = 4.5


async def show_typing(adapter: Adapter, pending: PendingEvent) -> None:
    """Show the indicator until the answer is decided. A platform's own fades within seconds."""
    try:
        while not pending.decided:
            await adapter.typing(pending.event.conversation)
            await asyncio.sleep(TYPING_SECONDS)
    except BaseException as raised:  # an indicator that is missing harms nobody
        _log.debug("cannot show typing", platform=adapter.name, error=repr(contain(raised)))
