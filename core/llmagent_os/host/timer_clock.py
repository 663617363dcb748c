"""Moves plugins' timers into the inbox when they are due, and sleeps in between."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

import structlog

from llmagent_os.adapter_kit.backoff import Backoff
from llmagent_os.events import Event
from llmagent_os.host.clock import Clock
from llmagent_os.ledger import Ledger

_log = structlog.stdlib.get_logger(__name__)

#: So many timers go into the inbox at once, in one transaction; the next ones follow at the loop's next turn.
BATCH = 100


class TimerClock:
    """One for each running host. The ledger is asked only when a timer is due, and then for what is due."""

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
            stored: given every timer that is in the inbox now.
            room: how many more events may wait.
            backoff: between two tries where there is no room, or where the ledger cannot be written.
        """
        self._ledger = ledger
        self._clock = clock
        self._stored = stored
        self._room = room
        self._backoff = backoff
        self._next: datetime | None = None  # the earliest timer known of
        self._woken = asyncio.Event()

    async def run(self) -> None:
        """Ring what came due while nobody looked, then each timer at its moment, until cancelled."""
        self._woken = asyncio.Event()
        stop_watching = self._ledger.watch_timers(self._set)
        failures = 0
        try:
            while True:
                try:
                    rung = await self._ring()
                except Exception:  # a full disk can be mended; nobody must be left without reminders until then
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
        """Move what is due. Returns whether there was room for it."""
        limit = min(BATCH, self._room())
        if limit <= 0:
            return False
        self._next = None  # what is set while the ledger is asked counts as well
        earliest = await self._ledger.move_due_timers(self._clock.now(), limit=limit, stored=self._stored)
        if earliest is not None:
            self._set(earliest)
        return True

    def _set(self, at: datetime) -> None:
        """A timer is set: where no earlier one is, wake up to sleep shorter."""
        if self._next is None or at < self._next:
            self._next = at
            self._woken.set()

    async def _sleep(self) -> None:
        await asyncio.sleep(0)  # many may be due: others have their turn in between
        while self._next is None or self._next > self._clock.now():
            self._woken.clear()
            await self._clock.wait(self._woken, self._next)
