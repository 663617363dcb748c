"""What the gradient and Q learners share: weights of everybody and of each person, their turns, and their state.

A score of an action in a context is ``φ(s, a) · (θ + θ_u)``: θ is everybody's and θ_u one person's, which starts at
zero, so that a newcomer is answered as people in general like it. θ learns slowly from everyone, θ_u fast.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, ClassVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from llmagent_os.errors import PolicyError
from llmagent_os.policy.actions import ActionSpace
from llmagent_os.policy.contract import Context
from llmagent_os.policy.features import Features
from llmagent_os.policy.learner import SHARED, Observation
from llmagent_os.policy.linear.session_turns import Credit, Turn, note
from llmagent_os.policy.person_cache import People
from llmagent_os.policy.state_bytes import pack, unpack, unpack_shared

Floats = NDArray[np.float64]

COLUMNS = 24  #: of context
#: No weight goes further than this, whatever comes.
LIMIT = 8.0


@dataclass
class Person:
    """One person's own weights and latest turns."""

    weights: NDArray[np.float32]
    value: NDArray[np.float32]  #: of states, where the algorithm has a value function or a baseline
    turns: list[Turn] = field(default_factory=list[Turn])

    def packed(self) -> bytes:
        """As bytes."""
        turns: list[Any] = msgspec.to_builtins(self.turns)
        return pack({"weights": self.weights, "value": self.value}, {"turns": turns})


class LinearLearner(ABC):
    """At most 32 turns and about 12 KB a person; costs the same however many people there are."""

    name: ClassVar[str]

    def __init__(self, actions: ActionSpace, *, gamma: float, seed: int = 0, floor: float = 0.02) -> None:
        """Nobody is known, and every action is as good.

        Args:
            actions: what can be chosen.
            gamma: the discount γ of the return.
            seed: unused so far: nothing here is drawn. Learners take one alike.
            floor: the share of choices that are any of the allowed actions.
        """
        self.actions = actions
        self.gamma = gamma
        self._format = f"{self.name}-2"
        self._seed, self._floor = seed, floor
        self._contrasts = actions.contrasts()[0]
        self._size: int = int(self._contrasts.shape[1]) * (1 + COLUMNS)
        self._features = Features()
        self._count = 0
        self._weights = np.zeros(self._size)
        self._value = np.zeros(1 + COLUMNS)
        self._people = People(Person.packed)

    @property
    def version(self) -> str:
        """Names the state: the algorithm, and how many observations it has seen."""
        return f"{self._format}+{self._count}"

    # -- the algorithm ------------------------------------------------------------------------------------------------

    @abstractmethod
    def _chances(self, scores: Floats, allowed: NDArray[np.bool_]) -> Floats:
        """The probability of each action by its score, before the floor."""

    @abstractmethod
    def _learn(self, person: Person, credit: Credit) -> None:
        """Learn that the return of a turn has changed."""

    # -- the learner --------------------------------------------------------------------------------------------------

    def probabilities(self, user_id: str, context: Context, allowed: NDArray[np.bool_]) -> Floats:
        """See :class:`~llmagent_os.policy.learner.Learner`."""
        person = self._people.get(user_id)
        return self._policy(self._state(self._features.vector(context)), person, allowed)

    def beliefs(self, user_id: str) -> Floats:
        """See :class:`~llmagent_os.policy.learner.Learner`."""
        person = self._people.get(user_id)
        states = [self._state(np.array(turn.state)) for turn in list(person.turns)] if person else []
        usual = np.asarray(sum(states, np.zeros(1 + COLUMNS)) / max(len(states), 1), np.float64)
        usual[0] = 1.0
        return self._policy(usual, person, np.ones(len(self.actions), np.bool_))

    def observe(self, observation: Observation) -> None:
        """See :class:`~llmagent_os.policy.learner.Learner`."""
        if not 0 <= observation.action < len(self.actions):
            return
        room = COLUMNS - len(self._features.columns)
        if room > 0:
            self._features.learn(dict(list(observation.context.items())[:room]))
        person = self._people.get(observation.user_id)
        if person is None:
            person = Person(np.zeros(self._size, np.float32), np.zeros(1 + COLUMNS, np.float32))
        self._people.heard(observation.user_id, person)
        self._count += 1
        state = self._features.vector(observation.context)[:COLUMNS].tolist()
        for credit in note(person.turns, observation, state, self.gamma):
            self._learn(person, credit)

    def forget(self, user_id: str) -> None:
        """See :class:`~llmagent_os.policy.learner.Learner`."""
        self._people.forget(user_id)

    # -- parts of algorithms ------------------------------------------------------------------------------------------

    def _state(self, vector: Floats) -> Floats:
        """A context with the constant in front, shape ``(1 + COLUMNS,)``."""
        state = np.zeros(1 + COLUMNS)
        state[0] = 1.0
        state[1 : 1 + min(len(vector), COLUMNS)] = vector[:COLUMNS]
        return state

    def _phi(self, state: Floats) -> Floats:
        """φ(s, a) of every action, shape ``(actions, size)``."""
        return np.asarray((self._contrasts[:, :, None] * state).reshape(len(self.actions), -1), np.float64)

    def _scores(self, state: Floats, person: Person | None) -> Floats:
        weights = self._weights if person is None else self._weights + person.weights
        return np.asarray(self._phi(state) @ weights, np.float64)

    def _policy(self, state: Floats, person: Person | None, allowed: NDArray[np.bool_]) -> Floats:
        chances = self._chances(self._scores(state, person), allowed)
        return np.asarray((1 - self._floor) * chances + self._floor * allowed / allowed.sum(), np.float64)

    def _step(self, person: Person, direction: Floats, shared: float, own: float) -> None:
        """Move everybody's weights and the person's own along ``direction``."""
        self._weights = np.clip(self._weights + shared * direction, -LIMIT, LIMIT)
        person.weights = np.clip(person.weights + own * direction, -LIMIT, LIMIT).astype(np.float32)

    # -- state --------------------------------------------------------------------------------------------------------

    def changes(self) -> dict[str, bytes]:
        """See :class:`~llmagent_os.policy.learner.Learner`."""
        facts = {
            "format": self._format,
            "actions": list(self.actions.labels),
            "columns": list(self._features.columns),
            "count": self._count,
        }
        return {**self._people.changes(), SHARED: pack({"weights": self._weights, "value": self._value}, facts)}

    def restore(self, shared: bytes) -> Collection[str]:
        """See :class:`~llmagent_os.policy.learner.Learner`."""
        arrays, facts = unpack_shared(shared, self._format, self.actions.labels)
        if arrays["weights"].shape != (self._size,):
            raise PolicyError(
                f"the policy's state has {arrays['weights'].shape} weights: learn it again from the ledger"
            )
        self._weights, self._value = arrays["weights"], arrays["value"]
        self._features, self._count = Features(tuple(facts["columns"])), int(facts["count"])
        self._people.clear()
        return ()

    def knows(self, user_id: str) -> bool:
        """See :class:`~llmagent_os.policy.learner.Learner`."""
        return self._people.get(user_id) is not None

    def take(self, user_id: str, part: bytes) -> None:
        """See :class:`~llmagent_os.policy.learner.Learner`."""
        arrays, facts = unpack(part)
        turns = msgspec.convert(facts["turns"], list[Turn])
        self._people.take(user_id, Person(arrays["weights"], arrays["value"], turns))

    def trim(self) -> None:
        """See :class:`~llmagent_os.policy.learner.Learner`."""
        self._people.trim()


def softmax(scores: Floats, allowed: NDArray[np.bool_]) -> Floats:
    """π(a) ∝ exp(score), over the allowed actions."""
    shifted = np.where(allowed, scores - scores[allowed].max(), -np.inf)
    powers = np.exp(shifted)
    return np.asarray(powers / powers.sum(), np.float64)
