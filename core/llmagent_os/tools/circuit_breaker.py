"""Decides when to stop calling a plugin that keeps failing.

This is the circuit breaker pattern (Nygard, *Release It!*, 2007): closed, open, half-open.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal

State = Literal["closed", "open", "half-open"]

MAX_DOUBLINGS = 5  #: the rest grows to at most ``2 ** MAX_DOUBLINGS`` times the first one


class CircuitBreaker:
    """Opens after several failures in a row. After a rest it lets one trial call through.

    Every failed trial doubles the rest, up to 32 times the first.

    >>> breaker = CircuitBreaker(failures=2, rest=60)
    >>> breaker.failed("no answer"); breaker.failed("no answer")
    >>> breaker.state, breaker.allow()
    ('open', False)
    """

    def __init__(self, *, failures: int = 3, rest: float = 60.0, clock: Callable[[], float] = time.monotonic) -> None:
        self.limit = failures  #: the number of failures in a row that opens the breaker
        self.rest = rest  #: seconds
        self.failures = 0  #: in a row
        self.last_error = ""
        self._clock = clock
        self._open_until = 0.0
        self._trying = False

    @property
    def retry_in(self) -> float:
        """Seconds until a trial is allowed. 0 means that calls may pass."""
        if self.failures < self.limit:
            return 0.0
        return max(0.0, self._open_until - self._clock())

    @property
    def state(self) -> State:
        """``closed``: calls pass. ``open``: no call passes. ``half-open``: one call may pass, as a trial."""
        if self.failures < self.limit:
            return "closed"
        return "open" if self.retry_in else "half-open"

    def allow(self) -> bool:
        """Return whether a call may pass now.

        After ``True``, report how the call went: ``succeeded``, ``failed`` or ``abandoned``.
        """
        if self.state == "half-open":
            if self._trying:
                return False
            self._trying = True
        return self.state != "open"

    def succeeded(self) -> None:
        """Record a call that went well."""
        self.failures = 0
        self._trying = False

    def failed(self, why: str) -> None:
        """Record a failed call."""
        self.failures += 1
        self.last_error = why
        self._trying = False
        if self.failures >= self.limit:
            self._open_until = self._clock() + self.rest * 2 ** min(self.failures - self.limit, MAX_DOUBLINGS)

    def abandoned(self) -> None:
        """Record a call that says nothing about the plugin, such as a cancelled one."""
        self._trying = False
