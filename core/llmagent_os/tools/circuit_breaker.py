"""When to stop calling something that keeps failing: a circuit breaker."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal

State = Literal["closed", "open", "half-open"]


class CircuitBreaker:
    """Opens after some failures in a row, then lets one call through after a rest to see whether it works again.

    Every failed trial doubles the rest, up to 32 times the first.

    >>> breaker = CircuitBreaker(failures=2, rest=60)
    >>> breaker.failed("no answer"); breaker.failed("no answer")
    >>> breaker.state, breaker.allow()
    ('open', False)
    """

    def __init__(self, *, failures: int = 3, rest: float = 60.0, clock: Callable[[], float] = time.monotonic) -> None:
        self.limit = failures  #: failures in a row that open it
        self.rest = rest  #: seconds
        self.failures = 0  #: in a row
        self.last_error = ""
        self._clock = clock
        self._open_until = 0.0
        self._trying = False

    @property
    def retry_in(self) -> float:
        """Seconds until a trial is allowed; 0 where calls may pass."""
        if self.failures < self.limit:
            return 0.0
        return max(0.0, self._open_until - self._clock())

    @property
    def state(self) -> State:
        """``closed``: calls pass. ``open``: none does. ``half-open``: one may, as a trial."""
        if self.failures < self.limit:
            return "closed"
        return "open" if self.retry_in else "half-open"

    def allow(self) -> bool:
        """Whether a call may pass now. After ``True``, say how it went: succeeded, failed or abandoned."""
        if self.state == "half-open":
            if self._trying:
                return False
            self._trying = True
        return self.state != "open"

    def succeeded(self) -> None:
        """A call went well."""
        self.failures = 0
        self._trying = False

    def failed(self, why: str) -> None:
        """A call failed."""
        self.failures += 1
        self.last_error = why
        self._trying = False
        if self.failures >= self.limit:
            self._open_until = self._clock() + self.rest * 2 ** min(self.failures - self.limit, 5)

    def abandoned(self) -> None:
        """A call ended without telling anything: it was cancelled, or its arguments were wrong."""
        self._trying = False
