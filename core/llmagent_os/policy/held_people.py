"""The people of a learner in memory: what of the contract of a learner is the same for all of them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Generic, TypeVar

from llmagent_os.identity import PersonId
from llmagent_os.policy.person_cache import Held, PersonCache

P = TypeVar("P", bound=Held)


class HeldPeople(Generic[P]):
    """The part of a :class:`~llmagent_os.policy.learner.Learner` that keeps its people."""

    _people: PersonCache[P]

    def knows(self, person_id: PersonId) -> bool:
        """See :class:`~llmagent_os.policy.learner.Learner`."""
        return self._people.get(person_id) is not None

    def touch(self, person_id: PersonId) -> None:
        """See :class:`~llmagent_os.policy.learner.Learner`."""
        self._people.touch(person_id)

    def caught_up(self, person_id: PersonId) -> None:
        """See :class:`~llmagent_os.policy.learner.Learner`."""
        self._people.caught_up(person_id)

    def limit_memory(self, most_bytes: int) -> None:
        """See :class:`~llmagent_os.policy.learner.Learner`."""
        self._people.most_bytes = most_bytes

    @property
    def held_bytes(self) -> int:
        """See :class:`~llmagent_os.policy.learner.Learner`."""
        return self._people.held_bytes

    def held(self) -> Collection[PersonId]:
        """See :class:`~llmagent_os.policy.learner.Learner`."""
        return self._people.names()
