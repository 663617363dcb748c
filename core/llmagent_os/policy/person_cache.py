"""Hold the people in memory whom a learner heard last, out of all who are stored."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Container
from typing import Generic, TypeVar

from llmagent_os.identity import PersonId

P = TypeVar("P")

#: How many people are held. People who are not stored yet are held beyond that.
CACHED_PEOPLE = 2_000


class PersonCache(Generic[P]):
    """What a learner holds about people, by person id, in the order in which they were heard, the latest last.

    It also keeps who has changed since :meth:`changes` was last called. One thread may look people up, or take them in
    from the store, while another one learns.
    """

    def __init__(self, packed: Callable[[P], bytes]) -> None:
        """Start empty. ``packed`` turns what is held about a person into bytes."""
        self._packed = packed
        self._held: OrderedDict[PersonId, P] = OrderedDict()
        self._changed: set[PersonId] = set()

    def get(self, person_id: PersonId) -> P | None:
        """Return what is held about a person; None: the person is new, or only in the store."""
        return self._held.get(person_id)

    def names(self) -> list[PersonId]:
        """Return the people who are held."""
        return list(self._held)

    def __getitem__(self, person_id: PersonId) -> P:
        return self._held[person_id]

    def heard(self, person_id: PersonId, person: P) -> None:
        """Hold ``person``, who was heard just now."""
        self._held[person_id] = person
        self._held.move_to_end(person_id)
        self._changed.add(person_id)

    def changed(self, person_id: PersonId) -> None:
        """Note that what is held about a person has changed, though the person was not heard."""
        self._changed.add(person_id)

    def take(self, person_id: PersonId, person: P) -> None:
        """Take a person in from the store. If the person is held already, that state is newer and stays."""
        self._held.setdefault(person_id, person)

    def forget(self, person_id: PersonId) -> None:
        """Drop a person, also from what :meth:`changes` returns."""
        self._held.pop(person_id, None)
        self._changed.discard(person_id)

    def changes(self) -> dict[str, bytes]:
        """Return everybody who has changed since the last call, as bytes."""
        parts: dict[str, bytes] = {
            name: self._packed(self._held[name]) for name in sorted(self._changed) if name in self._held
        }
        self._changed.clear()
        return parts

    def trim(self, besides: Container[PersonId] = ()) -> None:
        """Drop the people who were heard least recently, down to :data:`CACHED_PEOPLE`.

        People who are not stored yet stay, and so do those in ``besides``.
        """
        over = len(self._held) - CACHED_PEOPLE
        for name in list(self._held)[: max(0, 2 * over)]:
            if over > 0 and name not in besides and name not in self._changed:
                del self._held[name]
                over -= 1

    def clear(self) -> None:
        """Drop everybody."""
        self._held.clear()
        self._changed.clear()
