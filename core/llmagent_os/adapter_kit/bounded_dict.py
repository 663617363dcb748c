"""A dictionary that remembers only the entries that were set last.

>>> receipts = BoundedDict(2)
>>> receipts.update(a=1, b=2)
>>> receipts["a"] = 3
>>> receipts["c"] = 4
>>> dict(receipts)
{'a': 3, 'c': 4}
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, MutableMapping
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


class BoundedDict(MutableMapping[K, V]):
    """At most ``limit`` entries, ordered by when they were last set. Setting one more drops the oldest."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._entries: OrderedDict[K, V] = OrderedDict()

    def __getitem__(self, key: K) -> V:
        return self._entries[key]

    def __setitem__(self, key: K, value: V) -> None:
        self._entries[key] = value
        self._entries.move_to_end(key)
        while len(self._entries) > self._limit:
            self._entries.popitem(last=False)

    def __delitem__(self, key: K) -> None:
        del self._entries[key]

    def __iter__(self) -> Iterator[K]:
        """The keys, the one that was set longest ago first."""
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)
