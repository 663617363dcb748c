"""The people whom a learner holds in memory: the latest heard, of all who are stored."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Container
from typing import Generic, TypeVar

P = TypeVar("P")

HOT = 2_000  #: people are held, and whoever is not stored yet


class People(Generic[P]):
    """By user id, the latest heard last, and who of them was changed since it was last asked.

    One thread may look somebody up, or take somebody in from the store, while another one learns.
    """

    def __init__(self, packed: Callable[[P], bytes]) -> None:
        """Args: ``packed`` makes a person into bytes."""
        self._packed = packed
        self._held: OrderedDict[str, P] = OrderedDict()
        self._changed: set[str] = set()

    def get(self, user_id: str) -> P | None:
        """Somebody who is held; None: nobody known, or they are in the store."""
        return self._held.get(user_id)

    def __getitem__(self, user_id: str) -> P:
        return self._held[user_id]

    def heard(self, user_id: str, person: P) -> None:
        """Somebody was heard: ``person`` is who they are now."""
        self._held[user_id] = person
        self._held.move_to_end(user_id)
        self._changed.add(user_id)

    def changed(self, user_id: str) -> None:
        """Something else is believed of somebody who was not heard."""
        self._changed.add(user_id)

    def take(self, user_id: str, person: P) -> None:
        """Take somebody in from the store; who is held already is newer."""
        self._held.setdefault(user_id, person)

    def forget(self, user_id: str) -> None:
        """Let somebody go for good."""
        self._held.pop(user_id, None)
        self._changed.discard(user_id)

    def changes(self) -> dict[str, bytes]:
        """Everybody who was changed since this was last called, as bytes."""
        parts = {each: self._packed(self._held[each]) for each in sorted(self._changed) if each in self._held}
        self._changed.clear()
        return parts

    def trim(self, besides: Container[str] = ()) -> None:
        """Let go of whoever was not heard for long and is stored, but for those in ``besides``."""
        over = len(self._held) - HOT
        for each in list(self._held)[: max(0, 2 * over)]:
            if over > 0 and each not in besides and each not in self._changed:
                del self._held[each]
                over -= 1

    def clear(self) -> None:
        """Nobody is held."""
        self._held.clear()
        self._changed.clear()
