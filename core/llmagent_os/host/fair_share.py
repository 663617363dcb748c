"""Shares out a bounded number of places: senders take turns, and no sender has more than a share.

What runs cannot be interrupted. So one sender may not take every place even while nobody else waits.

>>> share = FairShare[str](2, per_sender=1)
>>> share.add("ana", "a1"); share.add("ana", "a2"); share.add("ben", "b1")
>>> share.take(), share.take(), share.take()
(('ana', 'a1'), ('ben', 'b1'), None)
>>> share.give_back("ana"); share.take()
('ana', 'a2')
"""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class FairShare(Generic[T]):
    """What waits for a place, and how many places each sender has."""

    def __init__(self, places: int, *, per_sender: int) -> None:
        """Args: ``per_sender`` is how many of ``places`` one sender has at most."""
        self.places = places
        self.taken = 0
        self._per_sender = per_sender
        self._taken_by: dict[str, int] = {}
        # Every sender who waits is in one of these. The first in ``_ready`` has the next turn.
        self._ready: dict[str, deque[T]] = {}
        self._has_share: dict[str, deque[T]] = {}

    def add(self, sender: str, item: T) -> None:
        """Have ``item`` wait for a place."""
        waiting = self._has_share if self._taken_by.get(sender, 0) >= self._per_sender else self._ready
        if sender in waiting:
            waiting[sender].append(item)
        else:
            waiting[sender] = deque((item,))

    @property
    def can_take(self) -> bool:
        """Whether an item waits that may have a place now."""
        return bool(self._ready) and self.taken < self.places

    def take(self) -> tuple[str, T] | None:
        """Give the next item a place; returns its sender and the item. None: no item may have one now."""
        if not self.can_take:
            return None
        sender = next(iter(self._ready))
        items = self._ready.pop(sender)
        item = items.popleft()
        self.taken += 1
        taken = self._taken_by[sender] = self._taken_by.get(sender, 0) + 1
        if items:
            (self._has_share if taken >= self._per_sender else self._ready)[sender] = items
        return sender, item

    def give_back(self, sender: str) -> None:
        """Take a place back that :meth:`take` has given to ``sender``."""
        self.taken -= 1
        left = self._taken_by[sender] - 1
        if left:
            self._taken_by[sender] = left
        else:
            del self._taken_by[sender]
        if (items := self._has_share.pop(sender, None)) is not None:
            self._ready[sender] = items

    def clear(self) -> None:
        """Drop what waits. The places that are taken are given back as before."""
        self._ready.clear()
        self._has_share.clear()
