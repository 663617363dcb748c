"""The default learner: hierarchical Bayes, by Gibbs sampling, in several chains at once.

What is believed. A person is satisfied with a turn with probability ``Φ(φ(context, action) · w)``. Their ``w`` is a
persona's, ``μ_k``, plus what is their own, ``δ``; personas are found, not given, and people may become somebody else.
So a newcomer gets what people like them prefer, and their own taste takes over as they are heard. Whether somebody was
satisfied is never seen: an emoji, a re-ask or a thank-you are signs of it, and how good a sign each is, how often each
person shows anything at all, and who votes the opposite of what they feel is learned with the rest (Dawid and Skene,
1979). Saying nothing is therefore no opinion, and the dissatisfied may react more often without being counted twice.

How. Each of the chains holds one guess of everything hidden. An observation redraws its person and a few of the others
given the personas, every few observations the personas are redrawn given the people (probit data augmentation: Albert
and Chib, 1993). Choosing averages over the chains: mostly the best action with a small bonus for uncertainty, now and
then what one chain believes (Thompson), rarely anything; the probabilities are exact.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Mapping
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from llmagent_os.errors import PolicyError
from llmagent_os.policy.actions import ActionSpace
from llmagent_os.policy.bayes.design_matrix import Design
from llmagent_os.policy.bayes.gibbs_sampler import Shared, draw_person, draw_shared
from llmagent_os.policy.bayes.person_state import Person, unpacked, wide
from llmagent_os.policy.contract import Context
from llmagent_os.policy.features import Features
from llmagent_os.policy.learner import SHARED, Observation
from llmagent_os.policy.person_cache import People
from llmagent_os.policy.state_bytes import pack, unpack_shared

Floats = NDArray[np.float64]

FORMAT = "bayes-3"
POOL = 40  #: people, the latest heard, that the personas are drawn from
OTHERS = 4  #: so many of them are drawn again at each observation
EVERY = 8  #: the personas are drawn again after so many observations,
EARLY = 100  #: and after each of the first
LEAN = 0.2  #: of what is preferred at first, for each dimension, in standard deviations of the latent satisfaction

_ARRAYS = ("mu", "odds", "nexts", "raters", "outspoken", "between", "within")


class _Believed(NamedTuple):
    phi: Floats  #: what weights are multiplied with, of every action, ``(actions, size)``
    mu: Floats  #: the personas' weights, ``(chains, personas, size)``
    odds: Floats  #: P(persona) of a person, ``(chains, personas)``
    own: Floats  #: E[δ], ``(chains, size)``
    noise: Floats  #: what is drawn of the rest, likewise
    variance: Floats  #: of φδ, ``(actions,)``


class Bayes:
    """See the module. A decision costs the same however many people there are.

    At most 200 turns of a person, 60 KB in the store and about twice as much in memory.

    Bit for bit the same after the same observations, and after ``changes`` and ``restore``. One thread may decide while
    another observes.
    """

    name: ClassVar[str] = "bayes"

    def __init__(
        self,
        actions: ActionSpace,
        *,
        gamma: float = 0.0,
        exploration: float = 0.03,
        seed: int = 0,
        chains: int = 16,
        personas: int = 10,
        bonus: float = 0.4,
        change: float = 0.02,
        defaults: Mapping[str, str] | None = None,
    ) -> None:
        """Nobody is known.

        Args:
            actions: what can be chosen.
            gamma: how much of what is seen after a turn also speaks of the turn before it in the same session.
            exploration: the share of choices that are a chain's own, nine in ten, or any, one in ten.
            seed: of all that is drawn.
            chains: guesses held side by side.
            personas: at most so many kinds of people.
            bonus: how much an uncertain action is preferred, in standard deviations of its satisfaction.
            change: the probability that a person is somebody else after :data:`BLOCK` turns.
            defaults: the behaviour that is preferred before anything is known.
        """
        matches = [sum(action[name] == value for name, value in (defaults or {}).items()) for action in actions.actions]
        self._lean = LEAN * np.array(matches, np.float64)
        self.actions = actions
        self._gamma, self._exploration, self._seed = gamma, exploration, seed
        self._bonus, self._change = bonus, change
        self._count = 0
        self._shared = Shared.start(Design(actions, Features()), chains, personas, self._rng())
        self._pool: OrderedDict[str, None] = OrderedDict()
        self._people = People(Person.packed)

    # -- deciding -----------------------------------------------------------------------------------------------------

    @property
    def version(self) -> str:
        """Names the state: the algorithm, and how many observations it has seen."""
        return f"{FORMAT}+{self._count}"

    def probabilities(self, user_id: str, context: Context, allowed: NDArray[np.bool_]) -> Floats:
        """See :class:`~llmagent_os.policy.learner.Learner`."""
        shut = np.where(allowed, 0.0, -np.inf)
        best = np.zeros(len(allowed), np.float64)
        if not self._count and self._lean.any():  # nothing is known of anybody: as the bot is set up
            best[np.argmax(self._lean + shut)] = 1.0
            return best
        shared = self._shared
        expected, spread, each = self._guess(shared, user_id, shared.design.features.vector(context))
        best[np.argmax(expected + self._bonus * spread + shut)] = 1.0
        votes = np.bincount(np.argmax(each + shut, axis=1), minlength=len(allowed)) / len(each)
        anything = allowed.astype(np.float64) / allowed.sum()
        share = self._exploration
        chances: Floats = (1 - share) * best + share * (0.9 * votes + 0.1 * anything)
        return chances

    def expected(self, user_id: str, context: Context) -> Floats:
        """The probability that each action satisfies, shape ``(actions,)``."""
        shared = self._shared
        return self._guess(shared, user_id, shared.design.features.vector(context))[0]

    def beliefs(self, user_id: str) -> Floats:
        """See :class:`~llmagent_os.policy.learner.Learner`."""
        person, shared = self._people.get(user_id), self._shared
        width = len(shared.design.features.columns)
        contexts = [] if person is None else [each[:width] for each in list(person.contexts)]
        usual = np.mean([np.pad(each, (0, width - len(each))) for each in contexts] or [np.zeros(width)], axis=0)
        phi, mu, odds, own, noise, _ = self._believed(shared, user_id, usual)
        likely = odds / odds.sum(1, keepdims=True) / (2 * len(odds))
        counts = np.zeros(len(self.actions))
        for guess in (own + noise, own - noise):  # each chain's of each persona, as likely as it holds it
            best = ((mu + guess[:, None]) @ phi.T + self._lean).argmax(2)
            counts += np.bincount(best.ravel(), likely.ravel(), len(counts))
        return counts

    def _believed(self, shared: Shared, user_id: str, situation: Floats) -> _Believed:
        person = self._people.get(user_id)
        belief = None if person is None else person.belief
        phi, (m, _, size) = shared.design.every(situation), shared.mu.shape
        if belief is None:
            scale = shared.within[shared.design.groups]
            noise = np.random.default_rng([self._seed, self._count, 7]).normal(size=(m, size)) * np.sqrt(scale)
            return _Believed(phi, shared.mu, shared.odds, np.zeros((m, size)), noise, (phi * phi) @ scale)
        mu, odds = np.zeros((m, 1, size)), np.ones((m, 1))  # of one persona alone, that is nobody else's
        if belief.now.size:
            mu, odds = shared.mu, (1 - self._change) * belief.now + self._change * shared.odds
        noise = wide(belief.spread, size)
        return _Believed(phi, mu, odds, wide(belief.own, size), noise, ((noise @ phi.T) ** 2).mean(0))

    def _guess(self, shared: Shared, user_id: str, situation: Floats) -> tuple[Floats, Floats, Floats]:
        """Of each action: how likely it satisfies, how uncertain that is, and one guess of each chain."""
        phi, mu, odds, own, noise, variance = self._believed(shared, user_id, situation)
        m, k = odds.shape
        score = ((mu + own[:, None]) @ phi.T + self._lean) / np.sqrt(1 + variance)
        satisfied = ndtr(score)
        wobble = np.exp(-score * score) * (variance / (1 + variance) / (2 * np.pi))
        mean = (odds[:, None] @ satisfied)[:, 0]
        square = (odds[:, None] @ (satisfied * satisfied + wobble))[:, 0]
        expected = mean.mean(0)
        spread = np.sqrt(np.maximum(square.mean(0) - expected**2, 0.0))
        guess = odds.cumsum(1)
        persona = (_spread_evenly(m, self._count)[:, None] * guess[:, -1:] > guess).sum(1).clip(0, k - 1)
        each = (mu[np.arange(m), persona] + own + noise) @ phi.T + self._lean
        return expected, spread, each

    # -- observing ----------------------------------------------------------------------------------------------------

    def observe(self, observation: Observation) -> None:
        """See :class:`~llmagent_os.policy.learner.Learner`."""
        if not 0 <= observation.action < len(self.actions):
            return
        design = self._shared.design.grown(observation.context)
        if design is not self._shared.design:
            self._shared = self._shared.grown(design, np.random.default_rng([self._seed, self._count, 3]))
        user_id = observation.user_id
        person = self._people.get(user_id) or Person()
        person.note(observation, design)
        self._count += 1
        rng = self._rng()
        self._take_in(user_id, person)
        others = [each for each in self._pool if each != user_id]
        again = rng.choice(len(others), min(OTHERS, len(others)), replace=False) if others else ()
        mine = 1 + OTHERS - len(again)  # the fewer people there are, the longer each is thought about
        for each in (*[user_id] * mine, *(others[int(number)] for number in again)):
            draw_person(self._people[each], self._shared, self._lean, self._gamma, self._change, rng)
            self._people.changed(each)
        if self._count % EVERY == 0 or self._count <= EARLY:
            people = [self._people[each] for each in self._pool]
            self._shared = draw_shared(people, self._shared, self._lean, rng)

    def forget(self, user_id: str) -> None:
        """See :class:`~llmagent_os.policy.learner.Learner`."""
        self._people.forget(user_id)
        self._pool.pop(user_id, None)

    # -- state --------------------------------------------------------------------------------------------------------

    def _rng(self) -> np.random.Generator:
        return np.random.default_rng([self._seed, self._count])

    def _take_in(self, user_id: str, person: Person) -> None:
        """Somebody was heard; the personas are drawn from them, and no longer from who was not heard for long."""
        self._people.heard(user_id, person)
        shared = self._shared
        person.enter_pool(shared.mu, shared.odds, shared.within[shared.design.groups])
        self._pool[user_id] = None
        self._pool.move_to_end(user_id)
        while len(self._pool) > POOL:
            gone, _ = self._pool.popitem(last=False)
            self._people[gone].leave_pool(shared.mu)
            self._people.changed(gone)

    def changes(self) -> dict[str, bytes]:
        """See :class:`~llmagent_os.policy.learner.Learner`."""
        facts = {
            "format": FORMAT,
            "actions": list(self.actions.labels),
            "columns": list(self._shared.design.features.columns),
            "count": self._count,
            "seed": self._seed,
            "pool": list(self._pool),
        }
        shared = pack({name: getattr(self._shared, name) for name in _ARRAYS}, facts)
        return {**self._people.changes(), SHARED: shared}

    def restore(self, shared: bytes) -> Collection[str]:
        """See :class:`~llmagent_os.policy.learner.Learner`."""
        arrays, facts = unpack_shared(shared, FORMAT, self.actions.labels)
        design = Design(self.actions, Features(tuple(facts["columns"])))
        if arrays["mu"].shape != (*self._shared.odds.shape, design.size):
            raise PolicyError(f"the policy's state has the shape {arrays['mu'].shape}: learn it again from the ledger")
        self._shared = Shared(design=design, **{name: arrays[name] for name in _ARRAYS})
        self._count, self._seed = int(facts["count"]), int(facts["seed"])
        self._people.clear()
        self._pool = OrderedDict.fromkeys(facts["pool"])
        return list(self._pool)

    def knows(self, user_id: str) -> bool:
        """See :class:`~llmagent_os.policy.learner.Learner`."""
        return self._people.get(user_id) is not None

    def take(self, user_id: str, part: bytes) -> None:
        """See :class:`~llmagent_os.policy.learner.Learner`."""
        self._people.take(user_id, unpacked(part))

    def trim(self) -> None:
        """See :class:`~llmagent_os.policy.learner.Learner`."""
        self._people.trim(self._pool)


def _spread_evenly(size: int, turn: int) -> Floats:
    """``size`` numbers in (0, 1), evenly apart, moved on a little at each turn."""
    return np.asarray((np.arange(size) * 0.6180339887498949 + 0.5 / size + turn * 0.7548776662466927) % 1.0, np.float64)
