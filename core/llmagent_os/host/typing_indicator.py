"""Shows that an answer is coming."""

from __future__ import annotations

import asyncio

import structlog

from llmagent_os.adapter import Adapter, ShowsStatus
from llmagent_os.adapter_kit.containment import contain
from llmagent_os.host.pending_event import PendingEvent
from llmagent_os.languages import lazy_gettext

_log = structlog.stdlib.get_logger(__name__)

#: How often the indicator is shown again. Telegram shows it for five seconds.
TYPING_SECONDS = 4.5

#: What the bot is doing as long as the handler has said nothing else.
THINKING = lazy_gettext("is thinking…")


async def show_typing(adapter: Adapter, pending: PendingEvent) -> None:
    """Show the indicator until the answer is decided. A platform's own fades within seconds."""
    try:
        if isinstance(adapter, ShowsStatus):
            await _show_status(adapter, pending)
            return
        while not pending.decided:
            await adapter.typing(pending.event.conversation)
            await asyncio.sleep(TYPING_SECONDS)
    except BaseException as raised:  # an indicator that is missing harms nobody
        _log.debug("cannot show typing", platform=adapter.name, error=repr(contain(raised)))


async def _show_status(adapter: ShowsStatus, pending: PendingEvent) -> None:
    conversation = pending.event.conversation
    changed = pending.changed_work = asyncio.Event()
    while not pending.decided:
        changed.clear()
        await adapter.show_status(conversation, pending.work or str(THINKING))
        try:
            async with asyncio.timeout(TYPING_SECONDS):
                await changed.wait()
        except TimeoutError:
            continue
    if pending.reply is None:
        await adapter.show_status(conversation, "")
