"""Define the contract of a learner: observations in, probabilities out, its state as bytes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, ClassVar, Protocol, runtime_checkable

import msgspec

from llmagent_os.identity import PersonId
from llmagent_os.policy.contract import Context, Kind

if TYPE_CHECKING:
    from llmagent_os.policy.array_types import Bools, Floats

#: The key of the part of a state that all people share. No person has this id.
SHARED = ""


class Observation(msgspec.Struct, frozen=True, kw_only=True):
    """One signal about one decision: see :meth:`llmagent_os.policy.contract.BehaviorPolicy.observe`."""

    person_id: PersonId  #: the person who was answered
    decision_id: str  #: the decision that the signal is about
    episode_id: str  #: the session of the decision; empty: it stands alone
    context: Context  #: what was known
    action: int  #: the number of the chosen action in the bot's ``ActionSpace``
    pscore: float  #: the probability of the choice, in (0, 1]
    allowed: tuple[bool, ...]  #: which actions could be chosen
    kind: Kind  #: the kind of signal
    reward: float | None  #: the present value of the signal, in [-1, 1]; None: it was taken back
    weight: float = 1.0  #: how much the signal counts, in [0, 1]
    at: float | None = None  #: when the signal came, in seconds since 1970; None: not known
    #: which dimensions could show in the reply; empty: all of them. The latest observation of a decision decides: a
    #: person may say later which dimension they did not like
    shown: tuple[bool, ...] = ()


class Learner(Protocol):
    """Learns which action to take. The state is a function of the observations and their order."""

    name: ClassVar[str]  #: the name in a bot's configuration

    @property
    def version(self) -> str:
        """A name of the state. It changes with every observation."""
        ...

    def probabilities(self, person_id: PersonId, context: Context, allowed: Bools) -> Floats:
        """Return the probability of every action, shape ``(actions,)``. The state does not change.

        Args:
            person_id: the person who is answered.
            context: what is known.
            allowed: a mask of the actions that can be chosen, shape ``(actions,)``. All others have probability 0.
        """
        ...

    def beliefs(self, person_id: PersonId) -> Floats:
        """Return the probability that an action is this person's best in their average context, ``(actions,)``."""
        ...

    def observe(self, observation: Observation) -> None:
        """Learn from one observation. It replaces an earlier one of the same decision and kind."""
        ...

    def changes(self) -> dict[str, bytes]:
        """Return the parts of the state that have changed since the last call, by person id and :data:`SHARED`."""
        ...

    def restore(self, shared: bytes) -> Collection[PersonId]:
        """Restore a state that :meth:`changes` returned, from its part :data:`SHARED`.

        Returns:
            The people whose parts the learner needs: :meth:`take` them before it observes. The parts of all others can
            be taken when they are needed.

        Raises:
            PolicyError: the part is damaged, or it is of other actions or of another version of the learner.
        """
        ...

    def knows(self, person_id: PersonId) -> bool:
        """Return whether a person is held in memory. If not, the person is new, or :meth:`take` their part first."""
        ...

    def take(self, person_id: PersonId, part: bytes) -> None:
        """Take a person's stored part into memory, unless the person is held already.

        Raises:
            PolicyError: the part is damaged.
        """
        ...

    def touch(self, person_id: PersonId) -> None:
        """Note that a person is needed just now: :meth:`trim` drops them last."""
        ...

    def look_ahead(self, person_id: PersonId, observations: Sequence[Observation]) -> None:
        """Decide about a person as if their next observations were learned, until :meth:`caught_up`.

        What is learned does not change: the observations are learned in their turn. A person of whom others learn, too,
        sees at once what they said themselves.

        Args:
            person_id: the person. If they are stored, :meth:`take` their part first.
            observations: the person's own, in order, which come after those that were learned.
        """
        ...

    def caught_up(self, person_id: PersonId) -> None:
        """Decide about a person by what is learned again."""
        ...

    def limit_memory(self, most_bytes: int) -> None:
        """Have :meth:`trim` leave so many bytes of people at most, about."""
        ...

    @property
    def held_bytes(self) -> int:
        """About how much memory the people take who are held."""
        ...

    def held(self) -> Collection[PersonId]:
        """Return the people who are held in memory."""
        ...

    def rebuilt(self, observations: Sequence[Observation]) -> bytes:
        """Return the part of one person, made of their own observations, given what all people share as it is now.

        The state does not change. The part is for :meth:`take`. It differs from what :meth:`observe` would have made of
        the same observations, since what all people share does not move with them.

        Args:
            observations: the person's observations, in order. Only the latest turns count, as many as the learner
                remembers of a person.
        """
        ...

    def trim(self) -> None:
        """Drop people from memory who were not heard for long and whose changes :meth:`changes` has returned."""
        ...

    def forget(self, person_id: PersonId) -> None:
        """Drop everything that is held about one person."""
        ...


@runtime_checkable
class SharesPrior(Protocol):
    """What a learner has beside :class:`Learner` if several of them, each with its own people, can learn together.

    What all people share is then not drawn by any of them. Each one says what its people tell of it. The sum of that
    over the learners is what one learner of all people would know, and from the sum it is drawn for all.
    """

    def share_prior(self) -> None:
        """Leave it to :meth:`merged` from now on what all people share."""
        ...

    def statistics(self) -> bytes:
        """Return what the people tell of what all people share."""
        ...

    def merged(self, statistics: Sequence[bytes]) -> bytes:
        """Draw what all people share, given what the people of all learners tell, and adopt it.

        Returns:
            What was drawn, for :meth:`adopt_prior` of the other learners.
        """
        ...

    def adopt_prior(self, prior: bytes) -> None:
        """Go on with what :meth:`merged` of a learner has returned.

        Raises:
            PolicyError: it is damaged, or of other actions.
        """
        ...
