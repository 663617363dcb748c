"""The time of day and waiting for it: a protocol, so that a test can move the hands itself."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import datetime
from typing import Protocol

from llmagent_os.events import now

#: At most so long is waited before the clock is looked at again, in seconds: it may be set, and a laptop may sleep.
LOOK = 60.0


class Clock(Protocol):
    """Tells the time and waits for it. :class:`~llmagent_os.testing.ManualClock` is the one for tests."""

    def now(self) -> datetime:
        """The present moment in UTC."""
        ...

    async def wait(self, woken: asyncio.Event, until: datetime | None) -> None:
        """Return when ``woken`` is set or ``until`` has come; sometimes earlier, so the caller looks again."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return now()

    async def wait(self, woken: asyncio.Event, until: datetime | None) -> None:
        seconds = None if until is None else min(LOOK, max(0.0, (until - self.now()).total_seconds()))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await woken.wait()
