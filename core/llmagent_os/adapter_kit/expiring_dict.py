"""What a platform said a short while ago: a bounded number of answers, each of which is forgotten after its time.

>>> said: ExpiringDict[str, bool] = ExpiringDict(2, seconds=60, clock=lambda: 0.0)
>>> said.put("U1", True)
>>> said.get("U1"), said.get("U2")
(True, None)
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Generic, TypeVar

from llmagent_os.adapter_kit.bounded_dict import BoundedDict

K = TypeVar("K")
V = TypeVar("V")

#: How long an answer about who administers a place is believed, in seconds. Whoever loses the role on the platform has
#: it here for so long at most.
ADMIN_SECONDS = 300.0

#: How many such answers are remembered.
MAX_ADMIN_ANSWERS = 1000


class ExpiringDict(Generic[K, V]):
    """At most ``limit`` entries, each for so many seconds."""

    def __init__(self, limit: int, *, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Args:
        limit: how many entries; one more drops the oldest.
        seconds: how long an entry is there.
        clock: the present moment, in seconds.
        """
        self._entries: BoundedDict[K, tuple[V, float]] = BoundedDict(limit)
        self._seconds, self._clock = seconds, clock

    def get(self, key: K) -> V | None:
        """The value under ``key``. None: there is none, or its time is over."""
        value, until = self._entries.get(key, (None, 0.0))
        return value if self._clock() < until else None

    def drop(self, key: K) -> None:
        """Forget the value under ``key``."""
        self._entries.pop(key, None)

    def put(self, key: K, value: V) -> None:
        """Remember ``value`` from now on."""
        self._entries[key] = value, self._clock() + self._seconds
