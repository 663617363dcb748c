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

import math
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from scipy.special import betaln, ndtr, ndtri

from llmagent_os.errors import PolicyError
from llmagent_os.policy.actions import ActionSpace
from llmagent_os.policy.contract import Context
from llmagent_os.policy.features import Features
from llmagent_os.policy.learner import SHARED, Observation
from llmagent_os.policy.parts import pack, unpack

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FORMAT = "bayes-1"
HISTORY = 200  #: turns of a person that are remembered
BLOCK = 8  #: somebody may become somebody else between blocks of so many of their turns
POOL = 40  #: people, the latest heard, that the personas are drawn from
OTHERS = 4  #: so many of them are drawn again at each observation
EVERY = 8  #: the personas are drawn again after so many observations,
EARLY = 100  #: and after each of the first
COLUMNS = 24  #: of context; the first :data:`CROSSED` also in how the dimensions of an action work together
CROSSED = 8

LEAN = 0.2  #: of what is preferred at first, for each dimension, in standard deviations of the latent satisfaction

#: What a person did next, as a code. The first is that nothing of it is known.
NEXT = ("", "went_on", "reask", "correction", "edited", "thanks", "tool_failed")
#: How often each of :data:`NEXT` is expected at first, of the dissatisfied and of the satisfied, in observations.
_NEXT_PRIOR = np.array([[0.0, 3.5, 1.0, 0.6, 0.3, 0.1, 0.2], [0.0, 9.0, 0.6, 0.2, 0.2, 0.6, 0.1]])
#: Raters who mean what they say, the opposite, and nothing: how many of each are expected at first, and how often the
#: sign of what they show is that of what they feel, as the two counts of a Beta distribution.
_RATERS = np.array([[10.0, 20.0, 2.0], [0.6, 2.0, 20.0], [0.4, 10.0, 10.0]])

# Groups of weights that share how much they vary: between people of one persona, and between personas.
_BIAS, _MAIN, _CATEGORY, _NUMBER, _JOINT, _JOINT_CATEGORY, _JOINT_NUMBER = range(7)
_BETWEEN = np.array([0.1, 1.0, 0.5, 1 / 32, 1 / 16, 1 / 16, 1 / 32])
_WITHIN = np.array([0.1, 0.6, 0.3, 1 / 128, 1 / 64, 1 / 64, 1 / 128])
_FAITH = 2.0  #: observations that these are worth


@dataclass
class Person:
    """What is remembered and believed of one person: at most :data:`HISTORY` turns, oldest first."""

    ids: list[int] = field(default_factory=list[int])  #: of the decisions
    episodes: list[int] = field(default_factory=list[int])  #: 0: stands alone
    actions: list[int] = field(default_factory=list[int])
    contexts: list[Floats] = field(default_factory=list[Floats])  #: each ``(columns,)``
    opinions: list[float] = field(default_factory=list[float])  #: reward times weight; nan: none shown
    nexts: list[int] = field(default_factory=list[int])  #: codes of :data:`NEXT`
    first: int = 0  #: turns that were dropped, a multiple of :data:`BLOCK`
    personas: NDArray[np.uint8] = field(default_factory=lambda: np.zeros((0, 0), np.uint8))  #: ``(chains, blocks)``
    own: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 0), np.float32))  #: E[δ] ``(chains, D)``
    spread: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 0), np.float32))  #: δ - E[δ]
    now: NDArray[np.float32] = field(
        default_factory=lambda: np.zeros((0, 0), np.float32)
    )  #: P(persona), ``(chains, K)``
    rate: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))  #: of showing an opinion
    honesty: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    rater: NDArray[np.uint8] = field(default_factory=lambda: np.zeros(0, np.uint8))  #: which of :data:`_RATERS`

    def __len__(self) -> int:
        return len(self.ids)


@dataclass
class _Draw:
    """What the last redraw of a person says of the personas; made again whenever it is missing."""

    satisfied: NDArray[np.bool_]  #: ``(chains, turns)``
    phi: Floats  #: ``(turns, D)``
    gram: Floats  #: φᵀφ
    rest: Floats  #: y - φδ, ``(chains, turns)``


class Bayes:
    """See the module. At most 200 turns and about 40 KB a person; a decision costs the same however many there are.

    Bit for bit the same after the same observations, and after ``changes`` and ``restore``.
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
        hot: int = 2_000,
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
            hot: so many people are held unpacked.
            defaults: the behaviour that is preferred before anything is known.
        """
        matches = [sum(action[name] == value for name, value in (defaults or {}).items()) for action in actions.actions]
        self._lean = LEAN * np.array(matches, np.float64)
        self.actions = actions
        self._contrasts, self._orders = actions.contrasts()
        self._gamma, self._exploration, self._seed = gamma, exploration, seed
        self._m, self._k, self._bonus, self._change = chains, personas, bonus, change
        self._features = Features()
        self._count = 0
        self._pool: OrderedDict[str, None] = OrderedDict()
        self._people: OrderedDict[str, Person] = OrderedDict()
        self._packed: dict[str, bytes] = {}
        self._hot = max(hot, POOL + 1)
        self._draws: dict[str, _Draw] = {}
        self._changed: set[str] = set()
        self._between, self._within = _BETWEEN.copy(), _WITHIN.copy()
        self._next = np.tile(_NEXT_PRIOR / _NEXT_PRIOR.sum(1, keepdims=True), (chains, 1, 1))
        self._raters = np.tile(_RATERS[:, 0] / _RATERS[:, 0].sum(), (chains, 1))
        self._outspoken: Floats = np.full(chains, 1.2)  # how much more often the dissatisfied show an opinion
        self._weights = np.full((chains, personas), 1.0 / personas)
        self._layout()
        first = self._rng().normal(size=((chains + 1) // 2, personas, self._d)) * np.sqrt(self._between[self._groups])
        self._mu = np.concatenate([first, -first])[:chains]  # on the average, nothing is preferred

    # -- deciding -----------------------------------------------------------------------------------------------------

    @property
    def version(self) -> str:
        """Names the state: the algorithm, and how many observations it has seen."""
        return f"{FORMAT}+{self._count}"

    def probabilities(self, user_id: str, context: Context, allowed: NDArray[np.bool_]) -> Floats:
        """See :class:`~llmagent_os.policy.learner.Learner`."""
        shut = np.where(allowed, 0.0, -np.inf)
        if not self._count and self._lean.any():  # nothing is known of anybody: as the bot is set up
            return _floats(np.eye(len(allowed))[np.argmax(self._lean + shut)])
        expected, spread, each = self._satisfaction(user_id, context)
        best = np.zeros(len(allowed), np.float64)
        best[np.argmax(expected + self._bonus * spread + shut)] = 1.0
        votes = np.bincount(np.argmax(each + shut, axis=1), minlength=len(allowed)) / self._m
        anything = allowed.astype(np.float64) / allowed.sum()
        share = self._exploration
        chances: Floats = (1 - share) * best + share * (0.9 * votes + 0.1 * anything)
        return chances

    def expected(self, user_id: str, context: Context) -> Floats:
        """The probability that each action satisfies, shape ``(actions,)``."""
        return self._satisfaction(user_id, context)[0]

    def beliefs(self, user_id: str) -> Floats:
        """See :class:`~llmagent_os.policy.learner.Learner`."""
        person = self._person(user_id)
        contexts = [] if person is None else person.contexts
        width = len(self._features.columns)
        usual = np.mean([np.pad(each, (0, width - len(each))) for each in contexts] or [np.zeros(width)], axis=0)
        each = self._guess(user_id, usual)[2]
        return np.bincount(np.argmax(each, axis=1), minlength=len(self.actions)) / self._m

    def _satisfaction(self, user_id: str, context: Context) -> tuple[Floats, Floats, Floats]:
        return self._guess(user_id, self._features.vector(context))

    def _guess(self, user_id: str, situation: Floats) -> tuple[Floats, Floats, Floats]:
        """Of each action: how likely it satisfies, how uncertain that is, and one guess of each chain."""
        phi = self._phi(situation)
        believed = self._believed(user_id)
        chains = np.arange(self._m)
        if believed is None:
            odds, own = self._weights, np.zeros((self._m, self._d))
            variance = (phi * phi) @ self._within[self._groups]
            rng = np.random.default_rng([self._seed, self._count, 7])
            noise = rng.normal(size=(self._m, self._d)) * np.sqrt(self._within[self._groups])
        else:
            odds = (1 - self._change) * believed[0] + self._change * self._weights
            own, noise = _wide(believed[1], self._d), _wide(believed[2], self._d)
            variance = ((noise @ phi.T) ** 2).mean(0)
        score = ((self._mu + own[:, None]) @ phi.T + self._lean) / np.sqrt(1 + variance)
        satisfied = ndtr(score)
        wobble = np.exp(-score * score) * (variance / (1 + variance) / (2 * np.pi))
        mean = (odds[:, None] @ satisfied)[:, 0]
        square = (odds[:, None] @ (satisfied * satisfied + wobble))[:, 0]
        expected = mean.mean(0)
        spread = np.sqrt(np.maximum(square.mean(0) - expected**2, 0.0))
        guess = odds.cumsum(1)
        persona = (_spread_evenly(self._m, self._count)[:, None] * guess[:, -1:] > guess).sum(1).clip(0, self._k - 1)
        each = (self._mu[chains, persona] + own + noise) @ phi.T + self._lean
        return expected, spread, each

    # -- observing ----------------------------------------------------------------------------------------------------

    def observe(self, observation: Observation) -> None:
        """See :class:`~llmagent_os.policy.learner.Learner`."""
        if not 0 <= observation.action < len(self.actions):
            return
        if len(self._features.columns) < COLUMNS:
            before = len(self._features.columns)
            self._features.learn(dict(list(observation.context.items())[: COLUMNS - before]))
            if len(self._features.columns) > before:
                self._grow()
        user_id = observation.user_id
        person = self._person(user_id) or Person()
        self._keep_hot(user_id, person)
        self._note(person, observation)
        self._count += 1
        self._pool[user_id] = None
        self._pool.move_to_end(user_id)
        while len(self._pool) > POOL:
            gone, _ = self._pool.popitem(last=False)
            self._draws.pop(gone, None)
        rng = self._rng()
        others = [each for each in self._pool if each != user_id]
        again = rng.choice(len(others), min(OTHERS, len(others)), replace=False) if others else ()
        mine = 1 + OTHERS - len(again)  # the fewer people there are, the longer each is thought about
        for each in (*[user_id] * mine, *(others[int(number)] for number in again)):
            self._redraw(each, rng)
        if self._count % EVERY == 0 or self._count <= EARLY:
            self._redraw_personas(rng)

    def _note(self, person: Person, seen: Observation) -> None:
        """Write down what was seen, in the place of what the same kind said of the same decision before."""
        key = _number(seen.decision_id)
        if key in person.ids:
            at = len(person.ids) - 1 - person.ids[::-1].index(key)
        else:
            at = len(person.ids)
            person.ids.append(key)
            person.episodes.append(_number(seen.episode_id) if seen.episode_id else 0)
            person.actions.append(seen.action)
            person.contexts.append(self._features.vector(seen.context).astype(np.float32).astype(np.float64))
            person.opinions.append(math.nan)
            person.nexts.append(0)
        value = seen.reward
        worth = math.nan if value is None or not math.isfinite(value) else min(max(value, -1.0), 1.0)
        if seen.kind == "reaction":
            weight = min(max(seen.weight, 0.0), 1.0) if math.isfinite(seen.weight) else 0.0
            person.opinions[at] = float(np.float32(worth * weight))
            if value is None:  # taken off: the turn is withdrawn, with whatever else it said
                person.nexts[at] = 0
        elif value is None:
            person.nexts[at] = 0
        elif seen.kind != "went_on" or person.nexts[at] == 0:
            person.nexts[at] = NEXT.index(seen.kind)
        if len(person) > HISTORY:
            for each in (person.ids, person.episodes, person.actions, person.contexts, person.opinions, person.nexts):
                del each[:BLOCK]
            person.first += BLOCK
            person.personas = person.personas[:, 1:]

    def forget(self, user_id: str) -> None:
        """See :class:`~llmagent_os.policy.learner.Learner`."""
        self._people.pop(user_id, None)
        self._packed.pop(user_id, None)
        self._draws.pop(user_id, None)
        self._pool.pop(user_id, None)
        self._changed.discard(user_id)

    def heard(self, user_id: str) -> int:
        """How many opinions of a person are remembered."""
        person = self._person(user_id)
        return 0 if person is None else sum(not math.isnan(each) for each in person.opinions)

    # -- drawing ------------------------------------------------------------------------------------------------------

    def _redraw(self, user_id: str, rng: np.random.Generator) -> None:
        """Draw everything hidden about one person, given the personas."""
        person = self._person(user_id)
        if person is None or not len(person):
            return
        self._changed.add(user_id)
        m, k, d, n = self._m, self._k, self._d, len(person)
        blocks = -(-n // BLOCK)
        if person.own.shape != (m, d) or person.now.shape != (m, k):
            person.own, person.spread = _wide32(person.own, m, d), _wide32(person.spread, m, d)
            person.now = np.asarray(self._weights, np.float32) if not person.now.size else person.now
        if not person.rate.size:
            person.rate, person.honesty = np.full(m, 0.2, np.float32), np.full(m, 0.9, np.float32)
        if person.personas.shape[1] < blocks:
            person.personas = self._more_blocks(person.personas, blocks, rng)
        phi = self._design(person)
        block = np.arange(n) // BLOCK
        by_persona = (self._mu.reshape(-1, d) @ phi.T).reshape(m, k, n)
        own = (person.own.astype(np.float64) + person.spread) @ phi.T + self._lean[person.actions]
        score = np.take_along_axis(by_persona, person.personas.astype(np.int64)[:, None, block], 1)[:, 0] + own
        sign, likelihood = self._signs(person)
        chance = np.clip(ndtr(score), 1e-9, 1 - 1e-9)
        odds = np.exp(np.clip(likelihood[0] - likelihood[1], -50, 50)) * (1 - chance) / chance
        satisfied = rng.random((m, n)) < 1 / (1 + odds)
        tail = ndtri(np.clip(rng.random((m, n)) * np.where(satisfied, chance, 1 - chance), 1e-12, 1 - 1e-12))
        latent = score + np.where(satisfied, -tail, tail)
        person.now, person.personas = self._draw_personas(latent - own, by_persona, blocks, rng)
        rest = latent - self._lean[person.actions]
        rest -= np.take_along_axis(by_persona, person.personas.astype(np.int64)[:, None, block], 1)[:, 0]
        gram = phi.T @ phi
        root = np.linalg.cholesky(gram + np.diag(1 / self._within[self._groups]))
        half = solve_triangular(root, (rest @ phi).T, lower=True, check_finite=False)
        both = solve_triangular(
            root, np.hstack([half, rng.normal(size=(d, m))]), lower=True, trans="T", check_finite=False
        )
        person.own, person.spread = both[:, :m].T.astype(np.float32), both[:, m:].T.astype(np.float32)
        self._draw_rater(person, sign, satisfied, rng)
        own = (person.own.astype(np.float64) + person.spread) @ phi.T + self._lean[person.actions]
        self._draws[user_id] = _Draw(satisfied, phi, gram, latent - own)

    def _more_blocks(self, personas: NDArray[np.uint8], blocks: int, rng: np.random.Generator) -> NDArray[np.uint8]:
        if not personas.shape[1]:
            edges = self._weights.cumsum(1)
            first = (rng.random((self._m, 1)) * edges[:, -1:] > edges).sum(1).clip(0, self._k - 1)
            personas = first[:, None].astype(np.uint8)
        return np.hstack([personas, np.repeat(personas[:, -1:], blocks - personas.shape[1], axis=1)])

    def _signs(self, person: Person) -> tuple[Floats, Floats]:
        """The opinions, and how likely everything seen is if dissatisfied, and if satisfied: ``(2, chains, turns)``.

        What is seen later in a session speaks, discounted, of the turns before.
        """
        opinions = np.array(person.opinions)
        shown = ~np.isnan(opinions)
        value = np.where(shown, opinions, 0.0)
        followed = np.array(person.nexts)
        known = followed > 0
        likelihood = np.zeros((2, self._m, len(person)))
        honest = person.honesty.astype(np.float64)[:, None]
        for state in (0, 1):
            rate = person.rate.astype(np.float64) * (1.0 if state else self._outspoken)
            rate = np.clip(rate, 1e-4, 0.95)[:, None]
            meant = np.where((value > 0) == bool(state), np.log(honest), np.log1p(-honest))
            likelihood[state] = np.where(shown, np.log(rate) + np.abs(value) * meant, np.log1p(-rate))
            likelihood[state] += np.where(known, np.log(self._next[:, state][:, followed] + 1e-9), 0.0)
        if self._gamma and any(person.episodes):
            likelihood = likelihood @ _credit(person.episodes, self._gamma)
        return np.where(shown, np.sign(value), 0.0), likelihood

    def _draw_personas(
        self, rest: Floats, by_persona: Floats, blocks: int, rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """Who somebody was in each block, by forward filtering and backward sampling; first how likely the last is."""
        m, k, change = self._m, self._k, self._change
        fit = np.add.reduceat(-0.5 * (rest[:, None] - by_persona) ** 2, np.arange(blocks) * BLOCK, axis=2)
        fit = np.exp(fit - fit.max(1, keepdims=True)) + 1e-300
        filtered = np.zeros((blocks, m, k))
        for at in range(blocks):
            prior = self._weights if at == 0 else (1 - change) * filtered[at - 1] + change * self._weights
            both = (prior + 1e-12) * fit[:, :, at]
            filtered[at] = both / both.sum(1, keepdims=True)
        drawn = np.zeros((m, blocks), np.uint8)
        chance, chains, lots = filtered[-1], np.arange(m), rng.random((blocks, m, 1))
        for at in range(blocks - 1, -1, -1):
            edges = chance.cumsum(1)
            drawn[:, at] = (lots[at] * edges[:, -1:] > edges).sum(1).clip(0, k - 1)
            if at:
                after = drawn[:, at].astype(np.int64)
                chance = filtered[at - 1] * (change * self._weights[chains, after])[:, None]
                chance[chains, after] += filtered[at - 1][chains, after] * (1 - change)
        return filtered[-1].astype(np.float32), drawn

    def _draw_rater(self, person: Person, sign: Floats, satisfied: NDArray[np.bool_], rng: np.random.Generator) -> None:
        shown = sign != 0
        meant = ((satisfied == (sign > 0)) & shown).sum(1)
        other = shown.sum() - meant
        a, b = _RATERS[:, 1, None], _RATERS[:, 2, None]
        logs = _floats(np.log(self._raters.T) + betaln(a + meant, b + other) - betaln(a, b))
        odds = np.exp(logs - logs.max(0)).cumsum(0)
        kind = (rng.random(self._m) * odds[-1] > odds).sum(0).clip(0, len(_RATERS) - 1)
        a, b = _RATERS[kind, 1], _RATERS[kind, 2]
        person.honesty = np.clip(_floats(rng.beta(a + meant, b + other)), 0.01, 0.99).astype(np.float32)
        exposure = np.where(satisfied, 1.0, self._outspoken[:, None]).sum(1)
        person.rater = kind.astype(np.uint8)
        person.rate = (rng.gamma(1.0 + shown.sum(), 1.0, self._m) / (4.0 + exposure)).astype(np.float32)

    def _redraw_personas(self, rng: np.random.Generator) -> None:
        """Draw what everybody shares, given the people of the pool."""
        m, k, d = self._m, self._k, self._d
        pool = [each for each in self._pool if each in self._draws]
        precision, pull = np.zeros((m, k, d, d)), np.zeros((m, k, d))
        counts = np.zeros((m, k))
        for each in pool:
            draw, personas = self._draws[each], self._people[each].personas
            changes = personas[:, 1:] != personas[:, :-1]
            whole = draw.rest @ draw.phi
            for chain, (path, changed) in enumerate(zip(personas, changes, strict=True)):
                if not changed.any():
                    precision[chain, path[0]] += draw.gram
                    pull[chain, path[0]] += whole[chain]
                    counts[chain, path[0]] += 1
                    continue
                bounds = [0, *(np.flatnonzero(changed) + 1).tolist(), len(path)]
                for start, end in pairwise(bounds):
                    here = slice(start * BLOCK, end * BLOCK)
                    phi = draw.phi[here]
                    precision[chain, path[start]] += phi.T @ phi
                    pull[chain, path[start]] += draw.rest[chain, here] @ phi
                    counts[chain, path[start]] += 1 / (len(bounds) - 1)  # nobody counts for more than one
        scale = np.sqrt(self._between[self._groups])
        noise = rng.normal(size=(m, k, d))
        self._mu = noise * scale
        for chain, persona in np.argwhere(counts > 0):
            root = np.linalg.cholesky(precision[chain, persona] + np.diag(1 / scale**2))
            half = solve_triangular(root, pull[chain, persona], lower=True, check_finite=False)
            self._mu[chain, persona] = solve_triangular(
                root, half + noise[chain, persona], lower=True, trans="T", check_finite=False
            )
        drawn = rng.gamma(counts + 3.0 / k) + 1e-12
        self._weights = drawn / drawn.sum(1, keepdims=True)
        self._redraw_scales(pool, counts > 0)
        self._redraw_signs(pool, rng)

    def _redraw_scales(self, pool: list[str], used: NDArray[np.bool_]) -> None:
        own = np.stack([self._people[each].own + self._people[each].spread for each in pool], 1).astype(np.float64)
        for group in np.unique(self._groups):
            here = self._groups == group
            size = here.sum()
            within = _FAITH * 0.4 * _WITHIN[group] + (own[:, :, here] ** 2).sum() / self._m
            self._within[group] = within / (_FAITH + len(pool) * size)
            between = _FAITH * _BETWEEN[group] + (self._mu[:, :, here] ** 2 * used[:, :, None]).sum() / self._m
            self._between[group] = between / (_FAITH + used.sum() / self._m * size)

    def _redraw_signs(self, pool: list[str], rng: np.random.Generator) -> None:
        satisfied = np.hstack([self._draws[each].satisfied for each in pool])
        lengths = [self._draws[each].satisfied.shape[1] for each in pool]
        people = [self._people[each] for each in pool]
        followed = np.concatenate([np.array(person.nexts)[:n] for person, n in zip(people, lengths, strict=True)])
        shown = np.concatenate([~np.isnan(person.opinions)[:n] for person, n in zip(people, lengths, strict=True)])
        for state in (0, 1):
            here = satisfied == bool(state)
            counts = np.stack([(here & (followed == code)).sum(1) for code in range(1, len(NEXT))], 1)
            drawn = rng.gamma(_NEXT_PRIOR[state, 1:] + counts) + 1e-12
            self._next[:, state, 1:] = drawn / drawn.sum(1, keepdims=True)
        rates = np.concatenate(
            [np.repeat(person.rate[:, None], n, 1) for person, n in zip(people, lengths, strict=True)], 1
        )
        kinds = np.stack([person.rater for person in people])
        counts = np.stack([(kinds == kind).sum(0) for kind in range(len(_RATERS))], 1)
        drawn = rng.gamma(_RATERS[:, 0] + counts) + 1e-12
        self._raters = drawn / drawn.sum(1, keepdims=True)
        unhappy = ~satisfied
        self._outspoken = _floats(rng.gamma(6 + (unhappy & shown).sum(1)) / (5 + (unhappy * rates).sum(1)))

    # -- features -----------------------------------------------------------------------------------------------------

    def _layout(self) -> None:
        """Which contrast and column each weight is of: new columns come last, so that weights keep their place."""
        columns = self._features.columns
        order = self._orders
        pairs = [(a, -1) for a in range(len(order))]
        for number in range(len(columns)):
            pairs += [(a, number) for a in range(len(order)) if order[a] == 1 or number < CROSSED]
        self._of_contrast = np.array([pair[0] for pair in pairs])
        self._of_column = np.array([pair[1] for pair in pairs])
        kinds = np.array([0 if c < 0 else 1 if "=" in columns[c] else 2 for _, c in pairs])
        joint = np.array([0 if order[a] == 1 else 3 for a, _ in pairs])
        self._groups: Ints = np.concatenate([[_BIAS], _MAIN + kinds + joint]).astype(np.int64)
        self._d = len(self._groups)

    def _grow(self) -> None:
        old = self._d
        self._layout()
        new = np.random.default_rng([self._seed, self._count, 3]).normal(size=(self._m, self._k, self._d - old))
        self._mu = np.concatenate([self._mu, new * np.sqrt(self._between[self._groups[old:]])], axis=2)
        self._draws.clear()

    def _phi(self, contexts: Floats, actions: Ints | None = None) -> Floats:
        """What the weights multiply: of every action in one context, or of each turn's action: ``(rows, D)``."""
        columns = np.concatenate([contexts, np.ones((*contexts.shape[:-1], 1))], axis=-1)  # -1 is the constant
        contrasts = self._contrasts if actions is None else self._contrasts[actions]
        body = contrasts[:, self._of_contrast] * columns[..., self._of_column]
        return np.hstack([np.ones((len(body), 1)), body])

    def _design(self, person: Person) -> Floats:
        """What each turn's weights are multiplied with; nothing, where the turn was withdrawn."""
        contexts = np.zeros((len(person), len(self._features.columns)))
        for row, context in enumerate(person.contexts):
            contexts[row, : len(context)] = context
        stands = [code > 0 or not math.isnan(worth) for code, worth in zip(person.nexts, person.opinions, strict=True)]
        return self._phi(contexts, np.array(person.actions)) * np.array(stands, np.float64)[:, None]

    # -- state --------------------------------------------------------------------------------------------------------

    def _rng(self) -> np.random.Generator:
        return np.random.default_rng([self._seed, self._count])

    def _person(self, user_id: str) -> Person | None:
        person = self._people.get(user_id)
        if person is None and (raw := self._packed.get(user_id)) is not None:
            person = _unpacked(raw)
        return person

    def _believed(self, user_id: str) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]] | None:
        """What deciding takes of a person: how likely each persona is, and ``own`` and ``spread``; None: a newcomer."""
        person = self._people.get(user_id)
        if person is not None:
            return (person.now, person.own, person.spread) if len(person) else None
        raw = self._packed.get(user_id)
        if raw is None:
            return None
        arrays, _ = unpack(raw)
        return arrays["now"], arrays["own"], arrays["spread"]

    def _keep_hot(self, user_id: str, person: Person) -> None:
        self._people[user_id] = person
        self._people.move_to_end(user_id)
        if len(self._people) > self._hot:
            for each in self._people:
                if each not in self._pool and each != user_id:
                    self._packed[each] = _packed(self._people.pop(each))
                    break

    def changes(self) -> dict[str, bytes]:
        """See :class:`~llmagent_os.policy.learner.Learner`."""
        parts = {each: _packed(person) for each in sorted(self._changed) if (person := self._person(each)) is not None}
        self._changed.clear()
        arrays = {
            "mu": self._mu,
            "weights": self._weights,
            "next": self._next,
            "outspoken": self._outspoken,
            "raters": self._raters,
            "between": self._between,
            "within": self._within,
        }
        facts = {
            "format": FORMAT,
            "actions": list(self.actions.labels),
            "columns": list(self._features.columns),
            "count": self._count,
            "seed": self._seed,
            "pool": list(self._pool),
        }
        return {**parts, SHARED: pack(arrays, facts)}

    def restore(self, parts: Mapping[str, bytes]) -> None:
        """See :class:`~llmagent_os.policy.learner.Learner`."""
        arrays, facts = unpack(parts[SHARED])
        if facts.get("format") != FORMAT or facts.get("actions") != list(self.actions.labels):
            raise PolicyError(
                f"the policy's state is of {facts.get('format')} and {len(facts.get('actions', []))} behaviours, not "
                f"of {FORMAT} and this bot's {len(self.actions)}: learn it again from the ledger"
            )
        self._features = Features(tuple(facts["columns"]))
        self._layout()
        if arrays["mu"].shape != (self._m, self._k, self._d):
            raise PolicyError(f"the policy's state has the shape {arrays['mu'].shape}: learn it again from the ledger")
        self._mu, self._weights, self._next = arrays["mu"], arrays["weights"], arrays["next"]
        self._outspoken, self._between, self._within = arrays["outspoken"], arrays["between"], arrays["within"]
        self._raters = arrays["raters"]
        self._count, self._seed = int(facts["count"]), int(facts["seed"])
        self._packed = {each: raw for each, raw in parts.items() if each != SHARED}
        self._people.clear()
        self._changed.clear()
        self._draws.clear()
        self._pool = OrderedDict.fromkeys(each for each in facts["pool"] if each in self._packed)
        for each in self._pool:
            self._people[each] = _unpacked(self._packed[each])


def _credit(episodes: list[int], gamma: float) -> Floats:
    """How much what was seen at one turn says of another, shape ``(seen, of)``: γ to the turns between them."""
    key = np.array(episodes)
    n = len(key)
    same = (key[:, None] == key[None]) & (key[:, None] != 0)
    place = np.array([(key[:at] == key[at]).sum() for at in range(n)])
    apart = place[:, None] - place[None]
    later = same & (apart > 0)
    credit: Floats = np.eye(n) + np.where(later, gamma ** np.maximum(apart, 0), 0.0)
    return credit


def _floats(array: Any) -> Floats:
    return np.asarray(array, np.float64)


def _spread_evenly(size: int, turn: int) -> Floats:
    """``size`` numbers in (0, 1), evenly apart, moved on a little at each turn."""
    return _floats(np.arange(size) * 0.6180339887498949 + 0.5 / size + turn * 0.7548776662466927) % 1.0


def _number(name: str) -> int:
    return int.from_bytes(blake2b(name.encode("utf-8", "surrogatepass"), digest_size=7).digest()) or 1


def _wide(array: NDArray[np.float32], size: int) -> Floats:
    """With zeros for the columns that came later."""
    return np.pad(array.astype(np.float64), ((0, 0), (0, size - array.shape[1])))


def _wide32(array: NDArray[np.float32], rows: int, size: int) -> NDArray[np.float32]:
    out = np.zeros((rows, size), np.float32)
    out[: array.shape[0], : array.shape[1]] = array
    return out


def _packed(person: Person) -> bytes:
    width = max((len(each) for each in person.contexts), default=0)
    contexts = np.zeros((len(person), width), np.float32)
    for row, each in enumerate(person.contexts):
        contexts[row, : len(each)] = each
    arrays: dict[str, NDArray[Any]] = {
        "ids": np.array(person.ids, np.int64),
        "episodes": np.array(person.episodes, np.int64),
        "actions": np.array(person.actions, np.uint8),
        "contexts": contexts,
        "widths": np.array([len(each) for each in person.contexts], np.uint8),
        "opinions": np.array(person.opinions, np.float32),
        "nexts": np.array(person.nexts, np.uint8),
        "personas": person.personas,
        "own": person.own,
        "spread": person.spread,
        "now": person.now,
        "rate": person.rate,
        "honesty": person.honesty,
        "rater": person.rater,
    }
    return pack(arrays, {"first": person.first})


def _unpacked(raw: bytes) -> Person:
    arrays, facts = unpack(raw)
    widths = arrays["widths"].tolist()
    return Person(
        ids=arrays["ids"].tolist(),
        episodes=arrays["episodes"].tolist(),
        actions=arrays["actions"].tolist(),
        contexts=[row[:width].astype(np.float64) for row, width in zip(arrays["contexts"], widths, strict=True)],
        opinions=arrays["opinions"].astype(np.float64).tolist(),
        nexts=arrays["nexts"].tolist(),
        first=int(facts["first"]),
        **{name: arrays[name] for name in ("personas", "own", "spread", "now", "rate", "honesty", "rater")},
    )
