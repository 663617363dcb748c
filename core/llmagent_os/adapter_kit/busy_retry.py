"""Offering an event again to a host that is too busy to take it.

For events that the platform would not deliver a second time.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable

import structlog

from llmagent_os.adapter_kit.backoff import Backoff
from llmagent_os.errors import HostBusyError, LedgerError

_log = structlog.stdlib.get_logger(__name__)

#: The pauses between two offers.
PAUSES = Backoff(first=0.2, factor=2.0, most=5.0)


async def retry_while_busy(
    offer: Callable[[], Awaitable[bool]], event_id: str, *, give_up_seconds: float = math.inf
) -> bool:
    """Call ``offer`` until the host takes the event.

    Args:
        offer: hands the event to the host, and returns whether the event is new.
        event_id: for the log.
        give_up_seconds: after this time a busy host is not asked again. A ledger that fails is always asked again.

    Returns:
        What ``offer`` returned; False where the event was given up.
    """
    tries, began = 0, time.monotonic()
    while True:
        try:
            return await offer()
        except (HostBusyError, LedgerError) as error:
            if isinstance(error, HostBusyError) and time.monotonic() - began > give_up_seconds:
                _log.error("an event is given up: the host stays busy", event_id=event_id, error=str(error))
                return False
            tries += 1
            _log.info("the host is busy; the event is offered again", event_id=event_id, tries=tries, error=str(error))
            await asyncio.sleep(PAUSES.seconds(tries))
