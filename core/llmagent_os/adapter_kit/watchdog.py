"""A watchdog: measures for how long a connection has been silent or lost.

>>> seconds = 0.0
>>> watchdog = Watchdog(60.0, clock=lambda: seconds)
>>> watchdog.start("shard 0")
>>> seconds = 61.0
>>> watchdog.expired
True
>>> watchdog.stop("shard 0")
>>> watchdog.expired
False
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Hashable


class Watchdog:
    """One timer per connection; the watchdog has expired when one of them has run longer than the limit.

    To notice silence, :meth:`restart` the timer whenever something arrives. To notice a connection that does not come
    back, :meth:`start` the timer when the connection is lost and :meth:`stop` it when the connection is back.
    """

    def __init__(self, limit_seconds: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Args:
        limit_seconds: how long a timer may run.
        clock: the present moment in seconds, on a clock that never goes back.
        """
        self._limit_seconds = limit_seconds
        self._clock = clock
        self._started: dict[Hashable, float] = {}

    def start(self, connection: Hashable = None) -> None:
        """Start the timer of ``connection``; a timer that runs already goes on."""
        self._started.setdefault(connection, self._clock())

    def restart(self, connection: Hashable = None) -> None:
        """Start the timer of ``connection`` from zero."""
        self._started[connection] = self._clock()

    def stop(self, connection: Hashable = None) -> None:
        """Stop the timer of ``connection``."""
        self._started.pop(connection, None)

    @property
    def seconds_left(self) -> float:
        """Seconds until the first timer passes the limit, negative afterwards; infinite while no timer runs."""
        if not self._started:
            return math.inf
        return min(self._started.values()) + self._limit_seconds - self._clock()

    @property
    def expired(self) -> bool:
        """Whether a timer has run longer than the limit."""
        return self.seconds_left < 0

    async def wait_until_expired(self) -> None:
        """Sleep until a timer has reached the limit; a restart meanwhile prolongs the sleep."""
        while True:
            seconds = self.seconds_left
            if seconds <= 0:
                return
            await asyncio.sleep(min(seconds, self._limit_seconds))
