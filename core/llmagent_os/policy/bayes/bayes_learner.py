"""Decide and observe by hierarchical Bayes: the default learner.

:mod:`~llmagent_os.policy.bayes.gibbs_sampler` has the model, its symbols and its equations.

Observing. Every chain holds one guess of everything hidden. An observation draws its person again, and a few others,
given what all people share. After every few observations, what all people share is drawn again, given the people in the
pool: those who were heard last.

Deciding averages over the chains. Mostly the best action is chosen, with a small bonus for uncertainty. A declared
default is kept where no other value is clearly better: one 👎 speaks against every value that showed, and would else
turn all of them at once. Nothing keeps an action that the person has disliked more than liked. The action is chosen
among those that the person's own opinions do not speak against (:mod:`~llmagent_os.policy.own_evidence`). So other
people cannot change what the person has made clear. A small share of the decisions explores: mostly one step towards
the best action of one chain's guess (Thompson sampling), else another step, and seldom any action
(:mod:`~llmagent_os.policy.exploration`). The probabilities are computed exactly. The action is then drawn from them.

What new people teach about everybody is bounded: :mod:`~llmagent_os.policy.newcomers`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
from scipy.special import ndtr

from llmagent_os.errors import PolicyError
from llmagent_os.identity import PersonId
from llmagent_os.policy.actions import ActionSpace
from llmagent_os.policy.array_types import Bools, Floats, Ints, Singles
from llmagent_os.policy.bayes.design_matrix import CONTEXT_COLUMNS, DesignMatrix
from llmagent_os.policy.bayes.gibbs_sampler import draw_person
from llmagent_os.policy.bayes.learner_feedback_model import draw_voiced, session_credit
from llmagent_os.policy.bayes.person_state import PersonState, resized, unpacked
from llmagent_os.policy.bayes.shared_sampler import draw_by, draw_shared
from llmagent_os.policy.bayes.shared_state import BETWEEN_PRIOR, WITHIN_PRIOR, SharedState
from llmagent_os.policy.bayes.shared_statistics import SharedStatistics, gather, nothing
from llmagent_os.policy.contract import INITIATIVE, Context
from llmagent_os.policy.exploration import ANY_SHARE, Neighbours, anything
from llmagent_os.policy.features import Features
from llmagent_os.policy.held_people import HeldPeople
from llmagent_os.policy.learner import SHARED, Observation
from llmagent_os.policy.newcomers import STAYED_AWAY_SECONDS, newcomer_shares
from llmagent_os.policy.own_evidence import net_opinions, not_vetoed, own_weights
from llmagent_os.policy.person_cache import PersonCache
from llmagent_os.policy.state_bytes import pack, unpack_shared

#: The format of the stored state. A state of another format is learned again from the ledger.
FORMAT = "bayes-5"
#: How many people, the latest heard, what all people share is drawn from.
POOL_PEOPLE = 40
#: How many of them may be new, where there are others: new people do not push out those who are known.
POOL_NEWCOMERS = 10
#: How many other people are drawn again at every observation.
REDRAWN_PEOPLE = 4
#: What all people share is drawn again after this many observations,
SHARED_DRAW_INTERVAL = 8
#: and after every one of the first observations, up to this many.
EARLY_OBSERVATIONS = 100
#: How often a person is drawn who is made again of their own observations alone.
REBUILD_DRAWS = 12
#: How much a value of the bot's defaults is preferred at first, in standard deviations of the latent satisfaction.
DEFAULT_PREFERENCE = 0.5
#: By how much another value must satisfy better than the bot's default to take its place, as a probability of
#: satisfaction,
DEFAULT_MARGIN = 0.1
#: and likewise for the initiative: being asked before everything is a burden in itself, whatever else is liked.
INITIATIVE_MARGIN = 0.4
#: The share of exploring decisions that go towards the best action of one chain's guess. The others try a neighbour of
#: the best action, or any action.
THOMPSON_SHARE = 0.8

#: The arrays of :class:`SharedState` that are stored.
_ARRAYS = ("mu", "odds", "nexts", "raters", "outspoken", "between", "within")


class _TastePosterior(NamedTuple):
    """What is believed of one person's taste in one context."""

    phi: Floats  #: φ of every action, ``(actions, size)``
    mu: Floats  #: μ, ``(chains, personas, size)``
    odds: Floats  #: P(persona) of the person, not normalised, ``(chains, personas)``
    own: Floats  #: E[δ], ``(chains, size)``
    noise: Floats  #: the drawn δ minus E[δ], ``(chains, size)``
    variance: Floats  #: the variance of φ · δ, ``(actions,)``


class Bayes(HeldPeople[PersonState]):
    """The hierarchical Bayes learner: see the module.

    A decision costs the same however many people there are. A person takes at most 200 turns: 60 KB in the store, and
    about twice as much in memory.

    The same observations give the same state, bit for bit, also with :meth:`changes` and :meth:`restore` in between.
    One thread may decide while another observes.
    """

    name: ClassVar[str] = "bayes"  #: the name in a bot's configuration

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
        """Start with nobody known.

        Args:
            actions: the actions of the bot.
            gamma: γ, how much of what is seen of a turn is also said about the turn before it in the session.
            exploration: the share of decisions that explore: see the module.
            seed: the seed of all draws.
            chains: the number of guesses that are held side by side.
            personas: K, the most kinds of people.
            bonus: how much an uncertain action is preferred, in standard deviations of its satisfaction.
            change: χ, the probability that a person changes persona after a block of
                :data:`~llmagent_os.policy.bayes.person_state.BLOCK_TURNS` turns.
            defaults: the behaviour that is preferred before anything is known.
        """
        declared = actions.matches(defaults or {})  # (actions, dimensions)
        self._leans = DEFAULT_PREFERENCE * declared  # ℓ by dimension, (actions, dimensions)
        self._lean: Floats = self._leans.sum(1)  # ℓ, (actions,)
        margins = [INITIATIVE_MARGIN if name == INITIATIVE else DEFAULT_MARGIN for name in actions.dimensions]
        self._margin: Floats = declared @ np.array(margins)  # what keeps the defaults, (actions,)
        self.actions = actions
        self._neighbours = Neighbours(actions)
        self._latest = 0.0  # the latest time of an observation, in seconds
        self._gamma, self._exploration, self._seed = gamma, exploration, seed
        self._bonus, self._change = bonus, change
        self._count = 0
        self._shared = SharedState.start(DesignMatrix(actions, Features()), chains, personas, self._rng())
        self._pool: OrderedDict[PersonId, None] = OrderedDict()
        self._people = PersonCache(PersonState.packed)
        self._shares_prior = False
        self._wanted: tuple[str, ...] = ()  # with columns that others who share have to agree to

    # -- deciding -----------------------------------------------------------------------------------------------------

    @property
    def version(self) -> str:
        """A name of the state: the format, and the number of observations."""
        return f"{FORMAT}+{self._count}"

    def probabilities(self, person_id: PersonId, context: Context, allowed: Bools) -> Floats:
        """See :class:`~llmagent_os.policy.learner.Learner`."""
        shut = np.where(allowed, 0.0, -np.inf)  # (actions,)
        best = np.zeros(len(allowed), np.float64)  # (actions,)
        if not self._count and self._lean.any():  # nothing is known of anybody: the bot's defaults
            best[np.argmax(self._lean + shut)] = 1.0
            return best
        shared = self._shared
        vector = shared.design.features.vector(context)
        expected, spread, scores = self._guess(shared, person_id, vector)
        open_ = self._not_vetoed(person_id, shared.design.all_actions(vector), allowed)
        worth = expected + self._kept(person_id) + self._bonus * spread  # (actions,)
        first = int(np.argmax(worth + np.where(open_, 0.0, -np.inf)))
        best[first] = 1.0
        votes = np.bincount(np.argmax(scores + shut, axis=1), minlength=len(allowed)) / len(scores)  # (actions,)
        tried = THOMPSON_SHARE * self._neighbours.towards(first, votes, allowed)
        tried += (1 - THOMPSON_SHARE - ANY_SHARE) * self._neighbours.around(first, allowed)
        chances: Floats = (1 - self._exploration) * best + self._exploration * (tried + ANY_SHARE * anything(allowed))
        return chances

    def _kept(self, person_id: PersonId) -> Floats:
        """Return what keeps the defaults, ``(actions,)``: nothing keeps what was disliked more than liked."""
        person = self._people.shown(person_id)
        if person is None or not len(person.net_opinions):
            return self._margin
        return np.where(person.net_opinions < 0, 0.0, self._margin)

    def _not_vetoed(self, person_id: PersonId, phi: Floats, allowed: Bools) -> Bools:
        person = self._people.shown(person_id)
        return allowed if person is None else not_vetoed(person.alone, phi, allowed)

    def expected(self, person_id: PersonId, context: Context) -> Floats:
        """Return the probability that an action satisfies the person, for every action, ``(actions,)``."""
        shared = self._shared
        return self._guess(shared, person_id, shared.design.features.vector(context))[0]

    def beliefs(self, person_id: PersonId) -> Floats:
        """See :class:`~llmagent_os.policy.learner.Learner`.

        An action with the bot's defaults counts as best where no other is clearly better, as in :meth:`probabilities`.
        """
        person, shared = self._people.shown(person_id), self._shared
        width = len(shared.design.features.columns)
        contexts = [] if person is None else [context[:width] for context in list(person.contexts)]
        padded = [np.pad(context, (0, width - len(context))) for context in contexts] or [np.zeros(width)]
        phi, mu, odds, own, noise, _ = self._taste(shared, person_id, np.mean(padded, axis=0))
        m = len(odds)
        likely = odds / odds.sum(1, keepdims=True) / (2 * m * m)  # (chains, personas): sums to 1 / (2 m)
        open_ = self._not_vetoed(person_id, phi, np.ones(len(phi), np.bool_))
        kept = self._kept(person_id) + np.where(open_, 0.0, -np.inf)  # (actions,)
        centre = (mu + own[:, None]) @ phi.T + self._lean  # (chains, personas, actions)
        counts = np.zeros(len(self.actions))
        # δ has the same spread in all chains, (15): each is paired with the noise of every chain, and with its mirror.
        for apart in np.concatenate([noise, -noise]) @ phi.T:  # (actions,)
            satisfied = np.asarray(ndtr(centre + apart), np.float64)  # (chains, personas, actions)
            best = (satisfied + kept).argmax(2)  # (chains, personas)
            counts += np.bincount(best.ravel(), likely.ravel(), len(counts))
        return counts

    def _taste(self, shared: SharedState, person_id: PersonId, context: Floats) -> _TastePosterior:
        """Return what is believed of a person in a context, ``(columns,)``. A newcomer has the prior, equation (2)."""
        person = self._people.shown(person_id)
        belief = None if person is None else person.belief
        phi, (m, _, size) = shared.design.all_actions(context), shared.mu.shape
        if belief is None:
            scale = shared.within[shared.design.groups]  # ω², (size,)
            noise = np.random.default_rng([self._seed, self._count, 7]).normal(size=(m, size)) * np.sqrt(scale)
            return _TastePosterior(phi, shared.mu, shared.odds, np.zeros((m, size)), noise, (phi * phi) @ scale)
        mu, odds = np.zeros((m, 1, size)), np.ones((m, 1))  # one persona of weight zero: the taste is all their own
        if belief.now.size:
            mu, odds = shared.mu, (1 - self._change) * belief.now + self._change * shared.odds  # (4)
        noise = resized(belief.spread, size)
        return _TastePosterior(phi, mu, odds, resized(belief.own, size), noise, ((noise @ phi.T) ** 2).mean(0))

    def _guess(self, shared: SharedState, person_id: PersonId, context: Floats) -> tuple[Floats, Floats, Floats]:
        """Return how good every action is for a person.

        Returns:
            The probability that an action satisfies ``(actions,)``; the standard deviation of that belief
            ``(actions,)``; and the latent satisfaction by one guess of every chain, ``(chains, actions)``.
        """
        phi, mu, odds, own, noise, variance = self._taste(shared, person_id, context)
        m, k = odds.shape
        score = ((mu + own[:, None]) @ phi.T + self._lean) / np.sqrt(1 + variance)  # (chains, personas, actions)
        satisfied = ndtr(score)  # (1), with δ integrated out
        wobble = np.exp(-score * score) * (variance / (1 + variance) / (2 * np.pi))  # Var Φ(…), to first order
        mean = (odds[:, None] @ satisfied)[:, 0]  # (chains, actions)
        square = (odds[:, None] @ (satisfied * satisfied + wobble))[:, 0]  # (chains, actions)
        expected = mean.mean(0)
        spread = np.sqrt(np.maximum(square.mean(0) - expected**2, 0.0))
        edges = odds.cumsum(1)  # (chains, personas)
        persona = (_spread_evenly(m, self._count)[:, None] * edges[:, -1:] > edges).sum(1).clip(0, k - 1)  # (chains,)
        scores = (mu[np.arange(m), persona] + own + noise) @ phi.T + self._lean  # (chains, actions)
        return expected, spread, scores

    # -- observing ----------------------------------------------------------------------------------------------------

    def observe(self, observation: Observation) -> None:
        """See :class:`~llmagent_os.policy.learner.Learner`."""
        if not 0 <= observation.action < len(self.actions):
            return
        design = self._design_of(observation.context)
        person_id = observation.person_id
        person = self._people.get(person_id) or PersonState()
        person.record(observation, design)
        self._latest = max(self._latest, observation.at or 0.0)
        person.alone = self._own_weights(person, design)
        person.net_opinions = self._net_opinions(person)
        self._count += 1
        rng = self._rng()
        self._move_to_pool(person_id, person)
        others = [name for name in self._pool if name != person_id]
        again = rng.choice(len(others), min(REDRAWN_PEOPLE, len(others)), replace=False) if others else ()
        repeats = 1 + REDRAWN_PEOPLE - len(again)  # with few others, this person is drawn more often
        for name in (*[person_id] * repeats, *(others[int(number)] for number in again)):
            draw_person(self._people[name], self._shared, self._leans, self._gamma, self._change, rng)
            self._people.changed(name)
        due = self._count % SHARED_DRAW_INTERVAL == 0 or self._count <= EARLY_OBSERVATIONS
        if due and not self._shares_prior:
            people = [self._people[name] for name in self._pool]
            self._share_out(people)
            self._shared = draw_shared(people, self._shared, self._leans, rng)

    def _design_of(self, context: Context) -> DesignMatrix:
        """Return the design with what is new in a context. Who shares has to agree on that first: :meth:`merged`."""
        design = self._shared.design
        if self._shares_prior:
            features = Features(design.features.columns)
            features.add(self._wanted, CONTEXT_COLUMNS)
            features.learn(context, CONTEXT_COLUMNS)
            self._wanted = features.columns
            return design
        grown = design.grown(context)
        if grown is not design:
            self._shared = self._shared.grown(grown, np.random.default_rng([self._seed, self._count, 3]))
        return grown

    def _share_out(self, people: Sequence[PersonState]) -> None:
        """Say how much everybody in the pool counts for what all people share."""
        new = [person for person in people if not person.is_known]
        arrivals = [(person.first or 0.0, len(person)) for person in new]
        for person in people:
            person.share = 1.0
        for person, share in zip(new, newcomer_shares(arrivals, len(people) - len(new)), strict=True):
            person.share = share

    def _own_weights(self, person: PersonState, design: DesignMatrix) -> Singles:
        """Return what the person's own opinions say, ``(size,)``. An opinion also counts for the turns before, by γ."""
        opinions = np.nan_to_num(np.array(person.opinions))  # (turns,)
        if self._gamma and any(person.episodes):
            opinions = (opinions @ session_credit(person.episodes, self._gamma)).clip(-1.0, 1.0)
        return own_weights(person.rows(design), opinions, (BETWEEN_PRIOR + WITHIN_PRIOR)[design.groups])

    def _net_opinions(self, person: PersonState) -> Floats:
        """Return by how much the person's opinions speak for every action, ``(actions,)``."""
        dimensions: Ints = np.arange(self.actions.codes.shape[1], dtype=np.int64)
        shows = np.array(person.hidden, np.int64)[:, None] >> dimensions & 1 == 0  # (turns, dimensions)
        return net_opinions(self.actions.codes, np.array(person.actions, np.int64), shows, np.array(person.opinions))

    def forget(self, person_id: PersonId) -> None:
        """See :class:`~llmagent_os.policy.learner.Learner`."""
        self._people.forget(person_id)
        self._pool.pop(person_id, None)

    # -- sharing what all people share with other learners -------------------------------------------------------------

    def share_prior(self) -> None:
        """See :class:`~llmagent_os.policy.learner.SharesPrior`."""
        self._shares_prior = True

    def statistics(self) -> bytes:
        """See :class:`~llmagent_os.policy.learner.SharesPrior`."""
        people, rng = [self._people[name] for name in self._pool], np.random.default_rng([self._seed, self._count, 19])
        self._share_out(people)
        told = gather(people, self._shared, self._leans)
        voiced = draw_voiced(people, self._shared.outspoken, rng) if people else np.zeros(len(self._shared.mu))
        facts = self._facts() | {"pool": [], "wanted": list(self._wanted)}
        return pack({**told.arrays(), "voiced": voiced}, facts)

    def merged(self, statistics: Sequence[bytes]) -> bytes:
        """See :class:`~llmagent_os.policy.learner.SharesPrior`."""
        told, voiced = nothing(self._shared), np.zeros(len(self._shared.mu))
        features, count = Features(self._shared.design.features.columns), 0
        for each in statistics:
            arrays, facts = unpack_shared(each, FORMAT, self.actions.labels)
            told += SharedStatistics.of_arrays(arrays)
            voiced = voiced + arrays["voiced"]
            count += int(facts["count"])
            features.add(facts["wanted"], CONTEXT_COLUMNS)
        self._count = max(count, 1)
        rng = np.random.default_rng([self._seed, self._count, 17])
        shared = draw_by(told, self._shared, lambda: voiced, rng)
        self._shared = shared.grown(DesignMatrix(self.actions, features), rng)
        return self._packed_shared(self._facts() | {"pool": []})

    def adopt_prior(self, prior: bytes) -> None:
        """See :class:`~llmagent_os.policy.learner.SharesPrior`."""
        self._shared, _ = self._unpacked_shared(prior)
        self._count = max(self._count, 1)  # something is known of people

    # -- state --------------------------------------------------------------------------------------------------------

    def _rng(self) -> np.random.Generator:
        return np.random.default_rng([self._seed, self._count])

    def _move_to_pool(self, person_id: PersonId, person: PersonState) -> None:
        """Put a person who was heard into the pool.

        The person who was heard least recently leaves a full pool. Where new people are many, one of these leaves: who
        did not come back, or else who came last. So nobody makes those who were there first leave.
        """
        self._people.heard(person_id, person)
        shared = self._shared
        person.enter_pool(shared.mu, shared.odds, shared.within[shared.design.groups])
        self._pool[person_id] = None
        self._pool.move_to_end(person_id)
        while len(self._pool) > POOL_PEOPLE:
            new = [name for name in self._pool if not self._people[name].is_known]
            gone = self._last_to_come(new, person_id) if len(new) > POOL_NEWCOMERS else next(iter(self._pool))
            del self._pool[gone]
            self._people[gone].leave_pool(shared.mu)
            self._people.changed(gone)

    def _last_to_come(self, new: Sequence[PersonId], besides: PersonId) -> PersonId:
        """Return who of some new people leaves the pool first."""

        def order(name: PersonId) -> tuple[bool, float]:
            first = self._people[name].first or 0.0
            return self._latest - first >= STAYED_AWAY_SECONDS, first

        return max((name for name in new if name != besides), key=order)

    def changes(self) -> dict[str, bytes]:
        """See :class:`~llmagent_os.policy.learner.Learner`."""
        return {**self._people.changes(), SHARED: self._packed_shared(self._facts())}

    def _facts(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "actions": list(self.actions.labels),
            "columns": list(self._shared.design.features.columns),
            "count": self._count,
            "seed": self._seed,
            "pool": list(self._pool),
            "latest": self._latest,
        }

    def _packed_shared(self, facts: Mapping[str, Any]) -> bytes:
        return pack({name: getattr(self._shared, name) for name in _ARRAYS}, facts)

    def _unpacked_shared(self, part: bytes) -> tuple[SharedState, dict[str, Any]]:
        arrays, facts = unpack_shared(part, FORMAT, self.actions.labels)
        design = DesignMatrix(self.actions, Features(tuple(facts["columns"])))
        if arrays["mu"].shape != (*self._shared.odds.shape, design.size):
            raise PolicyError(f"the policy's state has the shape {arrays['mu'].shape}: learn it again from the ledger")
        return SharedState(design=design, **{name: arrays[name] for name in _ARRAYS}), facts

    def restore(self, shared: bytes) -> Collection[PersonId]:
        """See :class:`~llmagent_os.policy.learner.Learner`."""
        self._shared, facts = self._unpacked_shared(shared)
        self._latest = float(facts["latest"])
        self._count, self._seed = int(facts["count"]), int(facts["seed"])
        self._people.clear()
        self._pool = OrderedDict.fromkeys(facts["pool"])
        return list(self._pool)

    def take(self, person_id: PersonId, part: bytes) -> None:
        """See :class:`~llmagent_os.policy.learner.Learner`."""
        person = unpacked(part)
        person.net_opinions = self._net_opinions(person)
        self._people.take(person_id, person)

    def look_ahead(self, person_id: PersonId, observations: Sequence[Observation]) -> None:
        """See :class:`~llmagent_os.policy.learner.Learner`. A copy of the person is drawn again, and nothing else."""
        shared, held = self._shared, self._people.get(person_id)
        person = PersonState() if held is None else unpacked(held.packed())
        person.enter_pool(shared.mu, shared.odds, shared.within[shared.design.groups])
        rng = np.random.default_rng([self._seed, self._count, 13])
        for observation in observations:
            if 0 <= observation.action < len(self.actions):
                person.record(observation, shared.design)
        person.alone = self._own_weights(person, shared.design)
        person.net_opinions = self._net_opinions(person)
        for _ in range(1 + REDRAWN_PEOPLE if len(person) else 0):
            draw_person(person, shared, self._leans, self._gamma, self._change, rng)
        person.leave_pool(shared.mu)
        self._people.look_ahead(person_id, person)

    def rebuilt(self, observations: Sequence[Observation]) -> bytes:
        """See :class:`~llmagent_os.policy.learner.Learner`. The person is drawn :data:`REBUILD_DRAWS` times."""
        shared, person = self._shared, PersonState()
        rng = np.random.default_rng([self._seed, self._count, 11])
        for observation in observations:
            if 0 <= observation.action < len(self.actions):
                person.record(observation, shared.design)
        person.alone = self._own_weights(person, shared.design)
        for _ in range(REBUILD_DRAWS if len(person) else 0):
            draw_person(person, shared, self._leans, self._gamma, self._change, rng)
        person.leave_pool(shared.mu)
        return person.packed()

    def trim(self) -> None:
        """See :class:`~llmagent_os.policy.learner.Learner`."""
        self._people.trim(self._pool)


def _spread_evenly(size: int, turn: int) -> Floats:
    """Return ``size`` numbers in [0, 1) that are spread evenly, and moved on at every turn, ``(size,)``.

    An additive sequence: its steps are the inverse golden ratio over the chains, the inverse plastic number over the
    turns.
    """
    return np.asarray((np.arange(size) * 0.6180339887498949 + 0.5 / size + turn * 0.7548776662466927) % 1.0, np.float64)
