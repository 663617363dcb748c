"""Puts due plugin timers into the inbox."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from llmagent_os.adapter_kit.backoff import Backoff
from llmagent_os.events import Event
from llmagent_os.host.clock import Clock
from llmagent_os.ledger import Ledger

_log = structlog.stdlib.get_logger(__name__)

#: How many timers go into the inbox in one transaction. More follow at the event loop's next turn.
BATCH_TIMERS = 100

#: The ledger is read again after so long, also where no timer is known: another process may have set one.
LOOK_AGAIN = timedelta(minutes=1)


class TimerClock:
    """Sleeps until the next timer is due, or for :data:`LOOK_AGAIN`. The ledger is read only then."""

    def __init__(
        self,
        ledger: Ledger,
        clock: Clock,
        *,
        stored: Callable[[Event], None],
        room: Callable[[], int],
        backoff: Backoff,
    ) -> None:
        """Nothing happens before :meth:`run`.

        Args:
            ledger: keeps the timers and the inbox.
            clock: tells the time.
            stored: called with every timer that was put into the inbox.
            room: how many more events may wait.
            backoff: the wait between two tries where there is no room, or the ledger cannot be written.
        """
        self._ledger = ledger
        self._clock = clock
        self._stored = stored
        self._room = room
        self._backoff = backoff
        self._next: datetime | None = None  # the earliest known timer
        self._woken = asyncio.Event()

    async def run(self) -> None:
        """Put timers into the inbox when they are due, until cancelled; at first those that came due while off."""
        self._woken = asyncio.Event()
        stop_watching = self._ledger.watch_timers(self._set)
        failures = 0
        try:
            while True:
                try:
                    rung = await self._ring()
                except Exception:  # a full disk can be mended, and reminders must go on after that
                    failures += 1
                    _log.exception("timers cannot be moved into the inbox; trying again")
                    rung = False
                else:
                    failures = 0
                if rung:
                    await self._sleep()
                else:
                    await asyncio.sleep(self._backoff.seconds(failures or 1))
        finally:
            stop_watching()

    async def _ring(self) -> bool:
        """Put due timers into the inbox. Returns whether there was room for them."""
        limit = min(BATCH_TIMERS, self._room())
        if limit <= 0:
            return False
        self._next = None  # a timer that is set while the ledger is being read counts too
        earliest = await self._ledger.move_due_timers(self._clock.now(), limit=limit, stored=self._stored)
        again = self._clock.now() + LOOK_AGAIN  # another process may set timers, and wakes nobody here
        self._set(again if earliest is None else min(again, earliest))
        return True

    def _set(self, at: datetime) -> None:
        """A timer was set. Wake up where it is the earliest, to sleep shorter."""
        if self._next is None or at < self._next:
            self._next = at
            self._woken.set()

    async def _sleep(self) -> None:
        await asyncio.sleep(0)  # many timers may be due: other tasks get their turn in between
        while self._next is None or self._next > self._clock.now():
            self._woken.clear()
            await self._clock.wait(self._woken, self._next)
