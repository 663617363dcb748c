"""Hold the people in memory whom a learner needed last, out of all who are stored."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Callable, Container
from threading import Lock
from typing import Any, Generic, Protocol, TypeVar

from llmagent_os.identity import PersonId

#: How many bytes of people are held. People who are not stored yet are held beyond that.
CACHED_BYTES = 128 * 2**20
#: How many people are held whose newest observations are not learned yet.
AHEAD_PEOPLE = 1_000


class Held(Protocol):
    """What is held about a person."""

    def packed(self) -> bytes:
        """Return it as bytes."""
        ...

    @property
    def memory_bytes(self) -> int:
        """About how much memory it takes."""
        ...


P = TypeVar("P", bound=Held)


class PersonCache(Generic[P]):
    """What a learner holds about people, by person id, in the order in which they were needed, the latest last.

    It also keeps who has changed since :meth:`changes` was last called. One thread may look people up, or take them in
    from the store, while another one learns.
    """

    def __init__(self, packed: Callable[[P], bytes]) -> None:
        """Start empty. ``packed`` turns what is held about a person into bytes."""
        self._packed = packed
        self.most_bytes = CACHED_BYTES  #: how many bytes :meth:`trim` leaves
        self._held: OrderedDict[PersonId, P] = OrderedDict()
        self._ahead: OrderedDict[PersonId, P] = OrderedDict()
        self._changed: set[PersonId] = set()
        self._bytes: dict[PersonId, int] = {}
        self._total = 0
        self._counting = Lock()

    def __deepcopy__(self, memo: dict[int, Any]) -> PersonCache[P]:
        made = PersonCache(self._packed)
        made.most_bytes, made._total, made._bytes = self.most_bytes, self._total, dict(self._bytes)
        made._held, made._ahead = copy.deepcopy(self._held, memo), copy.deepcopy(self._ahead, memo)
        made._changed = set(self._changed)
        return made

    @property
    def held_bytes(self) -> int:
        """About how much memory the people who are held take."""
        return self._total

    def get(self, person_id: PersonId) -> P | None:
        """Return what is held about a person; None: the person is new, or only in the store."""
        return self._held.get(person_id)

    def shown(self, person_id: PersonId) -> P | None:
        """Return what is decided by: what is held, or what :meth:`look_ahead` was given."""
        return self._ahead.get(person_id) or self._held.get(person_id)

    def look_ahead(self, person_id: PersonId, person: P) -> None:
        """Decide by ``person``, who has observations that are not learned yet, until :meth:`caught_up`."""
        self._ahead[person_id] = person
        while len(self._ahead) > AHEAD_PEOPLE:
            self._ahead.popitem(last=False)

    def caught_up(self, person_id: PersonId) -> None:
        """Decide by what is held again."""
        self._ahead.pop(person_id, None)

    def names(self) -> list[PersonId]:
        """Return the people who are held."""
        return list(self._held)

    def __getitem__(self, person_id: PersonId) -> P:
        return self._held[person_id]

    def touch(self, person_id: PersonId) -> None:
        """Note that a person is needed just now."""
        if person_id in self._held:
            self._held.move_to_end(person_id)

    def heard(self, person_id: PersonId, person: P) -> None:
        """Hold ``person``, who was heard just now."""
        self._held[person_id] = person
        self._held.move_to_end(person_id)
        self._changed.add(person_id)

    def changed(self, person_id: PersonId) -> None:
        """Note that what is held about a person has changed, though the person was not heard."""
        self._changed.add(person_id)
        self._count(person_id, self._held[person_id].memory_bytes)

    def take(self, person_id: PersonId, person: P) -> None:
        """Take a person in from the store. If the person is held already, that state is newer and stays."""
        if self._held.setdefault(person_id, person) is person:
            self._count(person_id, person.memory_bytes)

    def forget(self, person_id: PersonId) -> None:
        """Drop a person, also from what :meth:`changes` returns."""
        self._held.pop(person_id, None)
        self._ahead.pop(person_id, None)
        self._changed.discard(person_id)
        self._count(person_id, 0)

    def changes(self) -> dict[str, bytes]:
        """Return everybody who has changed since the last call, as bytes."""
        parts: dict[str, bytes] = {
            name: self._packed(self._held[name]) for name in sorted(self._changed) if name in self._held
        }
        for name in self._changed & self._held.keys():
            self._count(name, self._held[name].memory_bytes)
        self._changed.clear()
        return parts

    def trim(self, besides: Container[PersonId] = ()) -> None:
        """Drop the people who were needed least recently, until what is held takes :attr:`most_bytes` at most.

        People who are not stored yet stay, and so do those in ``besides``.
        """
        for name in list(self._held) if self._total > self.most_bytes else ():
            if self._total <= self.most_bytes:
                return
            if name not in besides and name not in self._changed:
                del self._held[name]
                self._count(name, 0)

    def clear(self) -> None:
        """Drop everybody."""
        self._held.clear()
        self._ahead.clear()
        self._changed.clear()
        self._bytes.clear()
        self._total = 0

    def _count(self, person_id: PersonId, size: int) -> None:
        with self._counting:
            self._total += size - self._bytes.pop(person_id, 0)
            if size:
                self._bytes[person_id] = size
