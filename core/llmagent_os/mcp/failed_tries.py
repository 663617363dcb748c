"""Counts the wrong tokens that an address shows, and turns it away for a while when there are too many."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable

#: Wrong tokens of one address in one period.
MAX_TRIES = 30
#: What the period lasts, in seconds.
PERIOD_SECONDS = 60.0
#: Addresses that are remembered. The one that failed least recently is forgotten for a new one.
MAX_ADDRESSES = 10_000


class FailedTries:
    """The wrong tokens of each address.

    >>> tries = FailedTries(clock=lambda: 0.0)
    >>> for _ in range(MAX_TRIES):
    ...     tries.note("192.0.2.1")
    >>> tries.are_too_many("192.0.2.1"), tries.are_too_many("192.0.2.2")
    (True, False)
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Args: ``clock`` gives seconds that only ever increase."""
        self._clock = clock
        self._tries: OrderedDict[str, deque[float]] = OrderedDict()

    def note(self, address: str) -> None:
        """Count a wrong token of ``address``."""
        self._tries.setdefault(address, deque(maxlen=MAX_TRIES)).append(self._clock())
        self._tries.move_to_end(address)
        if len(self._tries) > MAX_ADDRESSES:
            self._tries.popitem(last=False)

    def are_too_many(self, address: str) -> bool:
        """Whether ``address`` has shown too many wrong tokens in the last period."""
        tries = self._tries.get(address)
        return tries is not None and len(tries) >= MAX_TRIES and self._clock() - tries[0] <= PERIOD_SECONDS
