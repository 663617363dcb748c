"""Bounds the bytes that a server sends in one period: reading them holds the event loop, and everybody's turns."""

from __future__ import annotations

import time
from collections.abc import Callable

#: Bytes that a server may send in one period: two of the largest messages, and what else there is.
MAX_BYTES = 20_000_000
#: What the period lasts, in seconds.
PERIOD_SECONDS = 10.0


class ByteBudget:
    """The bytes of one connection.

    >>> budget = ByteBudget(clock=lambda: 0.0)
    >>> budget.takes(MAX_BYTES), budget.takes(1)
    (True, False)
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Args: ``clock`` gives seconds that only ever increase."""
        self._clock, self._since, self._bytes = clock, clock(), 0

    def takes(self, count: int) -> bool:
        """Count ``count`` more bytes. Returns whether they are within the budget, and may be read."""
        now = self._clock()
        if now - self._since > PERIOD_SECONDS:
            self._since, self._bytes = now, 0
        self._bytes += count
        return self._bytes <= MAX_BYTES

    @property
    def excess(self) -> str:
        """What is said of a server that sent more."""
        return f"it floods: more than {MAX_BYTES} bytes in {PERIOD_SECONDS:g} s"
