"""The draws of the Bayes learner: what is hidden of a person given the personas, and the reverse.

Every array has the chains first: each holds one guess of everything, and they are drawn side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from scipy.special import ndtr, ndtri

from llmagent_os.policy.bayes.design_matrix import GROUPS, Design
from llmagent_os.policy.bayes.person_state import BLOCK, NEXT, Belief, Person, wide

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Random = np.random.Generator

# How much weights vary between personas, and between people of one persona, at first: for each of ``GROUPS``.
BETWEEN = np.array([0.1, 1.0, 0.5, 1 / 32, 1 / 16, 1 / 16, 1 / 32])
WITHIN = np.array([0.1, 0.6, 0.3, 1 / 128, 1 / 64, 1 / 64, 1 / 128])
FAITH = 2.0  #: observations that these are worth

#: How often each of ``NEXT`` is expected at first, of the dissatisfied and of the satisfied, in observations.
NEXT_PRIOR = np.array([[0.0, 3.5, 1.0, 0.6, 0.3, 0.1, 0.2], [0.0, 9.0, 0.6, 0.2, 0.2, 0.6, 0.1]])
#: Raters who mean what they say, the opposite, and nothing: how many of each are expected at first, and how often the
#: sign of what they show is that of what they feel, as the two counts of a Beta distribution.
RATERS = np.array([[100.0, 20.0, 2.0], [0.5, 2.0, 20.0], [0.5, 10.0, 10.0]])


@dataclass(frozen=True)
class Shared:
    """What everybody has in common. Replaced whole, never changed, so that a thread can decide while another learns."""

    design: Design
    mu: Floats  #: the personas' weights, ``(chains, personas, size)``
    odds: Floats  #: how many people are of each persona, ``(chains, personas)``
    nexts: Floats  #: P(next | dissatisfied or satisfied), ``(chains, 2, NEXT)``
    raters: Floats  #: how many raters are of each kind, ``(chains, RATERS)``
    outspoken: Floats  #: how much more often the dissatisfied show an opinion, ``(chains,)``
    between: Floats  #: variance of each group of weights between personas
    within: Floats  #: and between the people of one

    @classmethod
    def start(cls, design: Design, chains: int, personas: int, rng: Random) -> Shared:
        """Before anybody is known: on the average over the chains, nothing is preferred."""
        first = rng.normal(size=((chains + 1) // 2, personas, design.size)) * np.sqrt(BETWEEN[design.groups])
        return cls(
            design=design,
            mu=np.concatenate([first, -first])[:chains],
            odds=np.full((chains, personas), 1.0 / personas),
            nexts=np.tile(NEXT_PRIOR / NEXT_PRIOR.sum(1, keepdims=True), (chains, 1, 1)),
            raters=np.tile(RATERS[:, 0] / RATERS[:, 0].sum(), (chains, 1)),
            outspoken=np.full(chains, 1.2),
            between=BETWEEN.copy(),
            within=WITHIN.copy(),
        )

    def grown(self, design: Design, rng: Random) -> Shared:
        """With weights for the columns of ``design`` that came since."""
        new = rng.normal(size=(*self.odds.shape, design.size - self.design.size))
        new *= np.sqrt(self.between[design.groups[self.design.size :]])
        return replace(self, design=design, mu=np.concatenate([self.mu, new], axis=2))


def draw_person(person: Person, shared: Shared, lean: Floats, gamma: float, change: float, rng: Random) -> None:
    """Draw everything hidden about one person, given what everybody shares.

    Args:
        person: changed in place.
        shared: the personas and the rest.
        lean: how much each action is preferred before anything is known, ``(actions,)``.
        gamma: how much of what is seen after a turn also speaks of the turn before it in the same session.
        change: the probability that somebody is of another persona after :data:`BLOCK` turns.
        rng: draws.
    """
    m, size, n = len(shared.mu), shared.design.size, len(person)
    chains: Ints = np.arange(m, dtype=np.int64)
    block = np.arange(n) // BLOCK
    phi, lean = person.rows(shared.design), lean[person.actions]
    if not person.rate.size:
        person.rate, person.honesty = (np.asarray(np.full(m, each), np.float32) for each in (0.2, 0.9))
        person.rater = np.zeros(m, np.uint8)
    honesty = np.clip(_floats(rng.beta(RATERS[:, 1, None], RATERS[:, 2, None], (len(RATERS), m))), 0.01, 0.99)
    honesty[person.rater, chains] = person.honesty
    by_persona = (shared.mu.reshape(-1, size) @ phi.T).reshape(m, -1, n)
    own = taste(person.belief, m, size) @ phi.T + lean
    likelihood = _likelihood(person, honesty, shared, gamma)
    rater, now, personas = _draw_personas(by_persona + own[:, None], likelihood, shared, change, rng)
    likelihood = likelihood[:, rater, chains]
    theirs = np.take_along_axis(by_persona, personas[:, None, block], 1)[:, 0]
    latent = _draw_latent(theirs + own, likelihood, rng)

    precision = phi.T @ phi + np.diag(1 / shared.within[shared.design.groups])
    root = np.linalg.cholesky(precision)
    half = solve_triangular(root, ((latent - lean - theirs) @ phi).T, lower=True, check_finite=False)
    both = np.hstack([half, rng.normal(size=(size, m))])
    both = solve_triangular(root, both, lower=True, trans="T", check_finite=False).T.astype(np.float32)
    person.belief = Belief(now.astype(np.float32), both[:m], both[m:])
    person.personas, person.latent = personas.astype(np.uint8), latent.astype(np.float32)
    _draw_rater(person, rater, shared, rng)


def taste(belief: Belief | None, chains: int, size: int) -> Floats:
    """δ as each chain drew it, ``(chains, size)``; zeros for the columns that came later."""
    return np.zeros((chains, size)) if belief is None else wide(belief.own, size) + wide(belief.spread, size)


def _likelihood(person: Person, honesty: Floats, shared: Shared, gamma: float) -> Floats:
    """The logarithm of how likely everything seen is: ``(2, RATERS, chains, turns)``; first of the dissatisfied.

    What is seen later in a session speaks, discounted, of the turns before.
    """
    opinions, followed = np.array(person.opinions), np.array(person.nexts)
    value = np.nan_to_num(opinions)
    shown, known = value != 0, followed > 0
    likelihood = np.zeros((2, *honesty.shape, len(person)))
    for state in (0, 1):
        rate = person.rate.astype(np.float64) * (1.0 if state else shared.outspoken)
        rate = np.clip(rate, 1e-4, 20.0)[:, None]
        rest = np.where(shown, np.log(-np.expm1(-rate)), -rate)
        rest += np.where(known, np.log(shared.nexts[:, state][:, followed] + 1e-9), 0.0)
        right = (value > 0) == bool(state)
        meant = np.where(right, np.log(honesty)[:, :, None], np.log1p(-honesty)[:, :, None])
        likelihood[state] = rest + np.abs(value) * meant
    if gamma and any(person.episodes):
        likelihood = likelihood @ _credit(person.episodes, gamma)
    return likelihood


def _draw_personas(
    scores: Floats, likelihood: Floats, shared: Shared, change: float, rng: Random
) -> tuple[Ints, Floats, Ints]:
    """What kind of rater somebody is, and who they were in each block: by forward filtering and backward sampling.

    Whether they were satisfied is summed over, so that one draw can go from any explanation of the signs to any other.

    Args:
        scores: of each turn as each persona would take it, ``(chains, personas, turns)``.
        likelihood: as :func:`_likelihood` has it.
        shared: how common each persona and each kind of rater is.
        change: the probability of another persona in the next block.
        rng: draws.

    Returns:
        The kinds ``(chains,)``, P(persona) of the last block ``(chains, personas)``, and personas ``(chains, blocks)``.
    """
    m, n = len(scores), scores.shape[-1]
    starts: Ints = np.arange(0, n, BLOCK, dtype=np.int64)
    chains: Ints = np.arange(m, dtype=np.int64)
    odds = shared.odds
    best = likelihood.max(0)
    seen = np.exp(likelihood - best).astype(np.float32)[:, :, :, None]
    fit = _normal(scores) * (seen[1] - seen[0])
    fit += seen[0]
    fits = _floats(np.multiply.reduceat(fit, starts, axis=3)) + 1e-60
    filtered = np.zeros((len(starts), *fits.shape[:-1]))
    evidence = np.log(shared.raters.T) + best.sum(-1)
    prior = odds + 1e-12
    for at in range(len(starts)):
        both = prior * fits[..., at]
        total = both.sum(-1, keepdims=True)
        filtered[at] = both / total
        evidence += np.log(total[..., 0])
        prior = (1 - change) * filtered[at] + change * odds + 1e-12
    rater = _draw(_floats(np.exp(evidence - evidence.max(0)).T), _floats(rng.random(m)))
    filtered = filtered[:, rater, chains]
    personas = np.zeros((m, len(starts)), np.int64)
    chance, lots = filtered[-1], rng.random((len(starts), m))
    for at in range(len(starts) - 1, -1, -1):
        after = personas[:, at] = _draw(chance, lots[at])
        if at:
            chance = filtered[at - 1] * (change * odds[chains, after])[:, None]
            chance[chains, after] += filtered[at - 1][chains, after] * (1 - change)
    return rater, filtered[-1], personas


def _draw_latent(score: Floats, likelihood: Floats, rng: Random) -> Floats:
    """Satisfaction as a number whose mean is ``score``, above 0 where satisfied: ``(chains, turns)``."""
    chance = np.clip(ndtr(score), 1e-9, 1 - 1e-9)
    odds = np.exp(np.clip(likelihood[0] - likelihood[1], -50, 50)) * (1 - chance) / chance
    satisfied = rng.random(score.shape) < 1 / (1 + odds)
    tail = ndtri(np.clip(rng.random(score.shape) * np.where(satisfied, chance, 1 - chance), 1e-12, 1 - 1e-12))
    return score + np.where(satisfied, -tail, tail)


def _draw_rater(person: Person, rater: Ints, shared: Shared, rng: Random) -> None:
    """How far this person's opinions can be trusted, and how often they show any."""
    opinions, satisfied = np.nan_to_num(np.array(person.opinions)), person.latent > 0
    shown = opinions != 0
    meant = ((satisfied == (opinions > 0)) & shown).sum(1)
    honesty = _floats(rng.beta(RATERS[rater, 1] + meant, RATERS[rater, 2] + shown.sum() - meant))
    exposure = np.where(satisfied, 1.0, shared.outspoken[:, None])
    urges = np.where(shown, _urges(_floats(person.rate)[:, None] * exposure, rng), 0).sum(1)
    person.rater, person.honesty = rater.astype(np.uint8), np.clip(honesty, 0.01, 0.99).astype(np.float32)
    person.rate = (_floats(rng.gamma(1.0 + urges)) / (4.0 + exposure.sum(1))).astype(np.float32)


def draw_shared(people: Sequence[Person], shared: Shared, lean: Floats, rng: Random) -> Shared:
    """Draw what everybody shares, given what was drawn of some people."""
    m, k, size = shared.mu.shape
    precision, pull, counts = np.zeros((m, k, size, size)), np.zeros((m, k, size)), np.zeros((m, k))
    tastes = [taste(person.belief, m, size) for person in people]
    for person, own in zip(people, tastes, strict=True):
        phi = person.rows(shared.design)
        rest = person.latent - own @ phi.T - lean[person.actions]
        gram, whole = phi.T @ phi, rest @ phi
        changes = person.personas[:, 1:] != person.personas[:, :-1]
        for chain, (path, changed) in enumerate(zip(person.personas, changes, strict=True)):
            if not changed.any():
                precision[chain, path[0]] += gram
                pull[chain, path[0]] += whole[chain]
                counts[chain, path[0]] += 1
                continue
            bounds = [0, *(np.flatnonzero(changed) + 1).tolist(), len(path)]
            for start, end in pairwise(bounds):
                here = slice(start * BLOCK, end * BLOCK)
                part = phi[here]
                precision[chain, path[start]] += part.T @ part
                pull[chain, path[start]] += rest[chain, here] @ part
                counts[chain, path[start]] += 1 / (len(bounds) - 1)  # nobody counts for more than one
    scale = np.sqrt(shared.between[shared.design.groups])
    noise = rng.normal(size=(m, k, size))
    mu = noise * scale
    for chain, persona in np.argwhere(counts > 0):
        root = np.linalg.cholesky(precision[chain, persona] + np.diag(1 / scale**2))
        half = solve_triangular(root, pull[chain, persona], lower=True, check_finite=False)
        mu[chain, persona] = solve_triangular(
            root, half + noise[chain, persona], lower=True, trans="T", check_finite=False
        )
    odds = _floats(rng.gamma(counts + 3.0 / k)) + 1e-12
    between, within = _scales(mu, counts > 0, np.stack(tastes), shared.design.groups)
    return _draw_signs(
        people,
        replace(shared, mu=mu, odds=odds / odds.sum(1, keepdims=True), between=between, within=within),
        rng,
    )


def _scales(mu: Floats, used: NDArray[np.bool_], tastes: Floats, groups: Ints) -> tuple[Floats, Floats]:
    """How much weights vary between personas and between people, for each of ``GROUPS``: their likeliest variances."""
    between, within = BETWEEN.copy(), WITHIN.copy()
    for group in range(len(GROUPS)):
        here = groups == group
        width = here.sum()
        theirs = (tastes[..., here] ** 2).sum() / len(mu)
        within[group] = (FAITH * 0.4 * WITHIN[group] + theirs) / (FAITH + len(tastes) * width)
        spread = (mu[..., here] ** 2 * used[:, :, None]).sum() / len(mu)
        between[group] = (FAITH * BETWEEN[group] + spread) / (FAITH + used.sum() / len(mu) * width)
    return between, within


def _draw_signs(people: Sequence[Person], shared: Shared, rng: Random) -> Shared:
    """How often the satisfied and the dissatisfied show each sign, and what raters are like."""
    satisfied = np.hstack([person.latent > 0 for person in people])
    followed = np.concatenate([person.nexts for person in people])
    shown = np.nan_to_num(np.concatenate([person.opinions for person in people])) != 0
    nexts = np.zeros_like(shared.nexts)
    for state in (0, 1):
        here = satisfied == bool(state)
        counts = np.stack([(here & (followed == code)).sum(1) for code in range(1, len(NEXT))], 1)
        drawn = rng.gamma(NEXT_PRIOR[state, 1:] + counts) + 1e-12
        nexts[:, state, 1:] = drawn / drawn.sum(1, keepdims=True)
    kinds = np.stack([person.rater for person in people])
    counts = np.stack([(kinds == kind).sum(0) for kind in range(len(RATERS))], 1)
    raters = rng.gamma(RATERS[:, 0] + counts) + 1e-12
    rates = np.hstack([np.repeat(person.rate[:, None], len(person), 1) for person in people])
    unhappy = ~satisfied
    urges = _urges(rates * shared.outspoken[:, None], rng)
    voiced = np.where(unhappy & shown, urges, 0).sum(1)
    outspoken = _floats(rng.gamma(6 + voiced)) / (5 + (unhappy * rates).sum(1))
    return replace(shared, nexts=nexts, raters=raters / raters.sum(1, keepdims=True), outspoken=outspoken)


def _urges(rate: Floats, rng: Random) -> Ints:
    """How many there were of what comes ``rate`` times a turn, where there was one: the first, and any after it."""
    first = -np.log1p(rng.random(rate.shape) * np.expm1(-rate))
    return 1 + rng.poisson(np.maximum(rate - first, 0.0))


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


def _draw(chances: Floats, lots: Floats) -> Ints:
    """One number of each row, as likely as the row says; ``lots`` are uniform."""
    edges = chances.cumsum(-1)
    drawn: Ints = (lots[..., None] * edges[..., -1:] > edges).sum(-1)
    return np.asarray(np.minimum(drawn, chances.shape[-1] - 1), np.int64)


def _normal(score: Floats) -> NDArray[np.float32]:
    """Φ, to 2e-4 and kept away from 0 and 1 by 1e-4, many times faster than exactly (Page, 1977)."""
    x = score.astype(np.float32)
    out = np.exp(np.clip(x * (-1.5976 - 0.07056 * x * x), -80, 80))
    out += 1.0
    np.reciprocal(out, out=out)
    return np.asarray(np.clip(out, 1e-4, 1 - 1e-4), np.float32)


def _floats(array: Any) -> Floats:
    return np.asarray(array, np.float64)
