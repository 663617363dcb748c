"""Hold what the linear learners share: weights, people's turns, and the stored state.

The score of an action in a context is ``φ(s, a) · (θ + θ_u)``. θ are shared weights, which learn slowly from everybody.
θ_u are the weights of person u, which learn fast. They start at zero, so a newcomer is answered as most people like it.
φ(s, a) is the outer product of the action's contrasts and the context vector with a constant in front. In the row of a
past turn, a dimension that could not show in the reply gets the mean over its values: its contrasts are zero.

The score begins with a preference for the bot's defaults. It fades with every opinion of the person against them.

What others taught is bounded twice. What new people teach θ: :mod:`~llmagent_os.policy.newcomers`. How far θ moves a
person who has spoken: :mod:`~llmagent_os.policy.own_evidence`.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import msgspec
import numpy as np

from llmagent_os.errors import PolicyError
from llmagent_os.identity import PersonId
from llmagent_os.policy.actions import ActionSpace
from llmagent_os.policy.array_types import Bools, Floats, Singles
from llmagent_os.policy.contract import Context, Kind
from llmagent_os.policy.exploration import ANY_SHARE, Neighbours, anything
from llmagent_os.policy.features import Features
from llmagent_os.policy.held_people import HeldPeople
from llmagent_os.policy.learner import SHARED, Observation
from llmagent_os.policy.linear.session_turns import Credit, SessionTurn, record
from llmagent_os.policy.newcomers import NewcomerBudget, is_established
from llmagent_os.policy.own_evidence import not_vetoed, own_weights
from llmagent_os.policy.person_cache import PersonCache
from llmagent_os.policy.state_bytes import pack, unpack, unpack_shared

#: The most columns of the context that are used.
STATE_COLUMNS = 24
#: Weights are clipped to this magnitude.
WEIGHT_LIMIT = 8.0
#: The bounds of the importance weight π(a) / pscore of a step, and the least pscore that it is computed with.
MIN_RATIO, MAX_RATIO, MIN_PSCORE = 0.3, 1.5, 1e-3
#: The probability that a person of whom nothing is known gets the default of a dimension, before the floor.
DEFAULT_CHANCE = 0.92
#: The prior variances of weights, for :mod:`~llmagent_os.policy.own_evidence`: of a dimension's main effects, of these
#: in a context, and of joint effects of several dimensions.
MAIN_VARIANCE, CONTEXT_VARIANCE, JOINT_VARIANCE = 1.6, 0.8, 0.1

#: About what a person and a turn take in memory beside arrays: the objects of Python.
PERSON_BYTES, TURN_BYTES = 1_500, 1_600


@dataclass
class PersonWeights:
    """One person's own weights and latest turns."""

    weights: Singles  #: θ_u, ``(size,)``
    value: Singles  #: weights of the value function, or a baseline at index 0, ``(1 + STATE_COLUMNS,)``
    turns: list[SessionTurn] = field(default_factory=list[SessionTurn])  #: oldest first
    alone: Singles = field(default_factory=lambda: np.zeros(0, np.float32))  #: the own evidence, ``(size,)``
    #: what the person said against the bot's defaults, in whole 👎, ``(dimensions,)``
    against: Singles = field(default_factory=lambda: np.zeros(0, np.float32))
    first: float | None = None  #: when the person was first heard, in seconds; None: not known
    established: bool = False  #: the person is not new any more

    @property
    def memory_bytes(self) -> int:
        """About how much memory the person takes."""
        arrays = (self.weights, self.value, self.alone, self.against)
        return PERSON_BYTES + TURN_BYTES * len(self.turns) + sum(each.nbytes for each in arrays)

    def packed(self) -> bytes:
        """Return the state as bytes. The names are part of the stored format."""
        turns: list[Any] = msgspec.to_builtins(self.turns)
        arrays = {"weights": self.weights, "value": self.value, "alone": self.alone, "against": self.against}
        return pack(arrays, {"turns": turns, "first": self.first, "established": self.established})


class LinearLearner(HeldPeople[PersonWeights], ABC):
    """The base of the linear learners.

    A person takes at most 32 turns and about 12 KB. A decision costs the same however many people there are.
    """

    name: ClassVar[str]  #: the name in a bot's configuration

    def __init__(
        self,
        actions: ActionSpace,
        *,
        defaults: Mapping[str, str] | None,
        gamma: float,
        seed: int,
        floor: float,
        shared_step: float,
        own_step: float,
    ) -> None:
        """Start with nobody known.

        Args:
            actions: the actions of the bot.
            defaults: the behaviour that a person gets until something speaks against it; None: all are equally good.
            gamma: the discount γ of the return.
            seed: not used, because nothing is drawn. All learners take a seed.
            floor: the share of decisions that explore: nine in ten of them take a neighbour of the likeliest action,
                one in ten any allowed action.
            shared_step: the step size of θ.
            own_step: the step size of θ_u.
        """
        self.actions = actions
        self.gamma = gamma
        self._format = f"{self.name}-3"
        self._seed, self._floor = seed, floor
        self._shared_step, self._own_step = shared_step, own_step
        self._contrasts, order = actions.contrasts()  # (actions, actions - 1), (actions - 1,)
        self._joined = actions.joined()  # (dimensions, actions - 1)
        self._size: int = int(self._contrasts.shape[1]) * (1 + STATE_COLUMNS)
        variances = np.full((len(order), 1 + STATE_COLUMNS), JOINT_VARIANCE)
        variances[order == 1] = CONTEXT_VARIANCE
        variances[order == 1, 0] = MAIN_VARIANCE
        self._variances: Floats = variances.ravel()  # (size,)
        self._defaults = actions.matches(defaults or {})  # (actions, dimensions)
        others = np.array([len(values) - 1 for values in actions.dimensions.values()])
        #: how much the default of each dimension is preferred at first, in units of the score, ``(dimensions,)``
        self._lean: Floats = np.log(others * DEFAULT_CHANCE / (1 - DEFAULT_CHANCE))
        self._neighbours = Neighbours(actions)
        self._newcomers = NewcomerBudget()
        self._features = Features()
        self._count = 0
        self._weights = np.zeros(self._size)  # θ, (size,)
        self._value = np.zeros(1 + STATE_COLUMNS)  # shared weights of the value function, (1 + STATE_COLUMNS,)
        self._people = PersonCache(PersonWeights.packed)

    @property
    def version(self) -> str:
        """A name of the state: the format, and the number of observations."""
        return f"{self._format}+{self._count}"

    # -- the algorithm ------------------------------------------------------------------------------------------------

    def _chances(self, scores: Floats, allowed: Bools) -> Floats:
        """Return the probability of every action by its score, before the floor, ``(actions,)``."""
        return softmax(scores, allowed)

    @abstractmethod
    def _learn(self, person: PersonWeights, credit: Credit) -> None:
        """Learn from the change of a turn's return."""

    # -- the learner --------------------------------------------------------------------------------------------------

    def probabilities(self, person_id: PersonId, context: Context, allowed: Bools) -> Floats:
        """See :class:`~llmagent_os.policy.learner.Learner`."""
        person = self._people.shown(person_id)
        return self._policy(self._state(self._features.vector(context)), person, allowed)

    def beliefs(self, person_id: PersonId) -> Floats:
        """See :class:`~llmagent_os.policy.learner.Learner`. These are the probabilities in the average context."""
        person = self._people.shown(person_id)
        states = [self._state(np.array(turn.state)) for turn in list(person.turns)] if person else []
        usual = np.asarray(sum(states, np.zeros(1 + STATE_COLUMNS)) / max(len(states), 1), np.float64)
        usual[0] = 1.0
        return self._policy(usual, person, np.ones(len(self.actions), np.bool_))

    def observe(self, observation: Observation) -> None:
        """See :class:`~llmagent_os.policy.learner.Learner`."""
        if not 0 <= observation.action < len(self.actions):
            return
        room = STATE_COLUMNS - len(self._features.columns)
        if room > 0:
            self._features.learn(dict(list(observation.context.items())[:room]))
        person = self._people.get(observation.person_id)
        if person is None:
            person = self._newcomer()
        self._people.heard(observation.person_id, person)
        self._count += 1
        state = self._features.vector(observation.context)[:STATE_COLUMNS].tolist()
        share = self._share(person, observation)
        self._show_anew(person, observation, state)
        for credit in record(person.turns, observation, state, self.gamma, share):
            self._learn(person, credit)
        self._hear(person)
        self._people.changed(observation.person_id)

    def _show_anew(self, person: PersonWeights, seen: Observation, state: list[float]) -> None:
        """Learn a known turn again where the person has said since which dimensions their opinion is about."""
        turn = next((each for each in reversed(person.turns) if each.decision_id == seen.decision_id), None)
        if turn is None or turn.shown == seen.shown:
            return
        signs = dict(turn.signs)
        steps = [msgspec.structs.replace(seen, kind="reaction", reward=None)] if signs else []
        for kind, reward in signs.items():
            known = msgspec.convert(kind, Kind)
            steps.append(msgspec.structs.replace(seen, kind=known, reward=reward, weight=1.0))
        for number, step in enumerate(steps):
            for credit in record(person.turns, step, state, self.gamma):
                self._learn(person, credit)
            if not number:
                turn.shown = seen.shown
        turn.shown = seen.shown

    def forget(self, person_id: PersonId) -> None:
        """See :class:`~llmagent_os.policy.learner.Learner`."""
        self._people.forget(person_id)

    def _share(self, person: PersonWeights, seen: Observation) -> float:
        """Return how much the turn of an observation counts for the shared weights, if it is a new turn."""
        if seen.at is not None:
            person.established |= is_established(person.first, seen.at)
            person.first = seen.at if person.first is None else person.first
        known = any(turn.decision_id == seen.decision_id for turn in person.turns)
        return 1.0 if known or person.established else self._newcomers.share(person.first, seen.at)

    def _hear(self, person: PersonWeights) -> None:
        """Note what the person has said so far: of all actions, and against the defaults."""
        opinions = np.array([turn.signs.get("reaction", 0.0) for turn in person.turns])  # (turns,)
        rows = [
            self._phi(self._state(np.array(turn.state)))[turn.action] * self._could_show(turn) for turn in person.turns
        ]
        person.alone = own_weights(np.array(rows).reshape(-1, self._size), opinions, self._variances)
        against = np.zeros(self._defaults.shape[1])  # (dimensions,)
        for turn in person.turns:
            against += max(0.0, -turn.reward) * self._defaults[turn.action] * np.array(turn.shown or True)
        person.against = against.astype(np.float32)

    # -- parts of algorithms ------------------------------------------------------------------------------------------

    def _state(self, vector: Floats) -> Floats:
        """Return a context vector with a constant in front, ``(1 + STATE_COLUMNS,)``."""
        state = np.zeros(1 + STATE_COLUMNS)
        state[0] = 1.0
        state[1 : 1 + min(len(vector), STATE_COLUMNS)] = vector[:STATE_COLUMNS]
        return state

    def _phi(self, state: Floats) -> Floats:
        """Return φ(s, a) of every action, ``(actions, size)``."""
        return np.asarray((self._contrasts[:, :, None] * state).reshape(len(self.actions), -1), np.float64)

    def _could_show(self, turn: SessionTurn) -> Floats:
        """Return 1 for the weights of what could show in the reply, else 0, ``(size,)``."""
        hidden = ~np.array(turn.shown or [True] * len(self._joined))  # (dimensions,)
        return np.repeat(~self._joined[hidden].any(0), 1 + STATE_COLUMNS).astype(np.float64)

    def _scores(self, state: Floats, person: PersonWeights | None) -> Floats:
        """Return the score of every action, ``(actions,)``."""
        weights = self._weights if person is None else self._weights + person.weights
        against = person.against if person is not None and len(person.against) else np.zeros(len(self._lean))
        return np.asarray(self._phi(state) @ weights + self._defaults @ (self._lean / (1.0 + against)), np.float64)

    def _policy(self, state: Floats, person: PersonWeights | None, allowed: Bools) -> Floats:
        """Return the probability of every action, with the floor, ``(actions,)``."""
        open_ = allowed if person is None else not_vetoed(person.alone, self._phi(state), allowed)
        chances = self._chances(self._scores(state, person), open_)
        tried = (1 - ANY_SHARE) * self._neighbours.around(int(chances.argmax()), allowed) + ANY_SHARE * anything(
            allowed
        )
        return np.asarray((1 - self._floor) * chances + self._floor * tried, np.float64)

    def _gradient_step(self, person: PersonWeights, turn: SessionTurn, advantage: float) -> None:
        """Move the weights by ``advantage · ∇ log π(a_t | s_t)``, for a softmax policy of the scores.

        The step is weighted by π(a_t) / pscore, clipped, because the policy has moved on since the action was chosen.

        Args:
            person: the person of the turn.
            turn: gives a_t, s_t, the allowed actions and the pscore.
            advantage: how much better the turn was than expected.
        """
        state = self._state(np.array(turn.state))
        chances = softmax(self._scores(state, person), np.array(turn.allowed))  # (actions,)
        phi = self._phi(state)  # (actions, size)
        gradient = (phi[turn.action] - chances @ phi) * self._could_show(turn)  # (size,)
        ratio = min(max(chances[turn.action] / max(turn.pscore, MIN_PSCORE), MIN_RATIO), MAX_RATIO)
        self._step(person, turn, ratio * advantage * gradient)

    def _step(self, person: PersonWeights, turn: SessionTurn, direction: Floats) -> None:
        """Move θ and θ_u along ``direction``, ``(size,)``, by their step sizes; θ by the share of the turn."""
        shared = self._shared_step * turn.share
        self._weights = np.clip(self._weights + shared * direction, -WEIGHT_LIMIT, WEIGHT_LIMIT)
        own = np.clip(person.weights + self._own_step * direction, -WEIGHT_LIMIT, WEIGHT_LIMIT)
        person.weights = own.astype(np.float32)

    # -- state --------------------------------------------------------------------------------------------------------

    def changes(self) -> dict[str, bytes]:
        """See :class:`~llmagent_os.policy.learner.Learner`."""
        facts = {
            "format": self._format,
            "actions": list(self.actions.labels),
            "columns": list(self._features.columns),
            "count": self._count,
            "newcomers": self._newcomers.used,
        }
        return {**self._people.changes(), SHARED: pack({"weights": self._weights, "value": self._value}, facts)}

    def restore(self, shared: bytes) -> Collection[PersonId]:
        """See :class:`~llmagent_os.policy.learner.Learner`."""
        arrays, facts = unpack_shared(shared, self._format, self.actions.labels)
        if arrays["weights"].shape != (self._size,):
            raise PolicyError(
                f"the policy's state has {arrays['weights'].shape} weights: learn it again from the ledger"
            )
        self._weights, self._value = arrays["weights"], arrays["value"]
        self._newcomers = NewcomerBudget(facts["newcomers"])
        self._features, self._count = Features(tuple(facts["columns"])), int(facts["count"])
        self._people.clear()
        return ()

    def take(self, person_id: PersonId, part: bytes) -> None:
        """See :class:`~llmagent_os.policy.learner.Learner`."""
        arrays, facts = unpack(part)
        turns = msgspec.convert(facts["turns"], list[SessionTurn])
        known = {name: facts[name] for name in ("first", "established")}
        held: dict[str, Any] = {**arrays, "turns": turns, **known}
        self._people.take(person_id, PersonWeights(**held))

    def look_ahead(self, person_id: PersonId, observations: Sequence[Observation]) -> None:
        """See :class:`~llmagent_os.policy.learner.Learner`. A copy learns, whose shared weights are thrown away."""
        twin, held = self._twin(), self._people.get(person_id)
        if held is not None:
            twin.take(person_id, held.packed())
        for observation in observations:
            twin.observe(observation)
        if twin.knows(person_id):
            self._people.look_ahead(person_id, twin._people[person_id])

    def _twin(self) -> Self:
        twin = copy.copy(self)  # every step replaces the shared weights as a whole, so those of this learner stay
        twin._features, twin._people = Features(self._features.columns), PersonCache(PersonWeights.packed)
        twin._newcomers = NewcomerBudget(self._newcomers.used)
        return twin

    def rebuilt(self, observations: Sequence[Observation]) -> bytes:
        """See :class:`~llmagent_os.policy.learner.Learner`. A copy learns, whose shared weights are thrown away."""
        twin = self._twin()
        for observation in observations:
            twin.observe(observation)
        people = twin._people.names()
        return (twin._people[people[0]] if people else twin._newcomer()).packed()

    def _newcomer(self) -> PersonWeights:
        return PersonWeights(np.zeros(self._size, np.float32), np.zeros(1 + STATE_COLUMNS, np.float32))

    def trim(self) -> None:
        """See :class:`~llmagent_os.policy.learner.Learner`."""
        self._people.trim()


def softmax(scores: Floats, allowed: Bools) -> Floats:
    """Return π(a) ∝ exp(score) over the allowed actions, and 0 for all others, ``(actions,)``."""
    shifted = np.where(allowed, scores - scores[allowed].max(), -np.inf)
    powers = np.exp(shifted)
    return np.asarray(powers / powers.sum(), np.float64)
