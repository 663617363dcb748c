"""How long to wait before trying again, as a value.

>>> [Backoff(first=1, factor=2, most=5, jitter=0).seconds(tries) for tries in (1, 2, 3, 4)]
[1.0, 2.0, 4.0, 5.0]
"""

from __future__ import annotations

import random

import msgspec


class Backoff(msgspec.Struct, frozen=True, kw_only=True):
    """Pauses that grow by a factor up to a limit."""

    first: float = 0.5  #: seconds after the first failure
    factor: float = 2.0  #: how many times longer the pause gets with every further failure
    most: float = 30.0  #: the longest pause, in seconds
    jitter: float = 0.2  #: random spread as a fraction of the pause, so that clients do not all come back at once

    def seconds(self, tries: int) -> float:
        """The pause after ``tries`` failures in a row (1 or more), in seconds."""
        # The exponent is bounded because a float would overflow; the limit is reached long before.
        wait = min(self.most, self.first * self.factor ** min(tries - 1, 64))
        return wait * (1 + self.jitter * random.uniform(-1, 1))
