"""What a learning algorithm is to the rest: probabilities out, observations in, its state as bytes."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, ClassVar, Protocol

import msgspec

from llmagent_os.policy.contract import Context, Kind

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: The part of a state that is everybody's. No person is called that.
SHARED = ""


class Observation(msgspec.Struct, frozen=True, kw_only=True):
    """How one decision was taken, as one kind of signal tells: see :meth:`BehaviorPolicy.observe`."""

    user_id: str
    decision_id: str
    episode_id: str  #: empty: the decision stands alone
    context: Context
    action: int  #: its number in the bot's ``ActionSpace``
    pscore: float  #: the probability it was chosen with
    allowed: tuple[bool, ...]  #: the actions that could be chosen
    kind: Kind
    reward: float | None  #: in [-1, 1], as it stands now; None: taken back
    weight: float = 1.0  #: in [0, 1]


class Learner(Protocol):
    """Learns which action to take. Its state is a function of the observations it was given, in their order."""

    name: ClassVar[str]  #: as in a bot's configuration

    @property
    def version(self) -> str:
        """Names the state: another after every observation."""
        ...

    def probabilities(self, user_id: str, context: Context, allowed: NDArray[np.bool_]) -> NDArray[np.float64]:
        """The probability of each action, shape ``(actions,)``: sums to 1, 0 where not allowed. Changes nothing."""
        ...

    def beliefs(self, user_id: str) -> NDArray[np.float64]:
        """How likely each action is this person's best, in the situations they are usually in, shape ``(actions,)``."""
        ...

    def observe(self, observation: Observation) -> None:
        """Learn from one observation. Takes the place of an earlier one of the same decision and kind."""
        ...

    def changes(self) -> dict[str, bytes]:
        """The parts of the state that have changed since this was last called: :data:`SHARED`, and user ids."""
        ...

    def restore(self, shared: bytes) -> Collection[str]:
        """Take up a state that :meth:`changes` gave, from the part :data:`SHARED`.

        Returns:
            The people whose parts it cannot do without: :meth:`take` them before it learns. All others come when they
            are needed.

        Raises:
            PolicyError: it is none, or of another shape: of other actions or another version.
        """
        ...

    def knows(self, user_id: str) -> bool:
        """Whether somebody is held in memory. Else they are new, or are to be taken from the store first."""
        ...

    def take(self, user_id: str, part: bytes) -> None:
        """Take somebody in from the store, unless they are held already.

        Raises:
            PolicyError: the part is damaged.
        """
        ...

    def trim(self) -> None:
        """Let go of people who were not heard for long: what :meth:`changes` gave of them is stored."""
        ...

    def forget(self, user_id: str) -> None:
        """Drop what is kept of one person."""
        ...
