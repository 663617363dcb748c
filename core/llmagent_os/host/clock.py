"""The time of day and waiting for it: a protocol, so that a test can move the clock itself."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import datetime
from typing import Protocol

from llmagent_os.events import now

#: How long to wait at most before the clock is read again: it may be set meanwhile, and a laptop may sleep.
RECHECK_SECONDS = 60.0


class Clock(Protocol):
    """Tells the time and waits for it. :class:`~llmagent_os.testing.ManualClock` is the one for tests."""

    def now(self) -> datetime:
        """The present moment in UTC."""
        ...

    async def wait(self, woken: asyncio.Event, until: datetime | None) -> None:
        """Return when ``woken`` is set or ``until`` has come. It may return earlier, so the caller checks again."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return now()

    async def wait(self, woken: asyncio.Event, until: datetime | None) -> None:
        seconds = None if until is None else min(RECHECK_SECONDS, max(0.0, (until - self.now()).total_seconds()))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await woken.wait()
