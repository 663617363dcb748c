"""Model what people show, given whether they are satisfied: the feedback model of the Bayes learner.

Nobody says whether they are satisfied; they show opinions, and do something next. This file holds equations (7) to
(12), (16) and (20) of :mod:`~llmagent_os.policy.bayes.gibbs_sampler`, and their priors. The idea is that of Dawid and
Skene (1979): how far every rater can be trusted is learned together with the truth. Unlike there, raters are not held
against each other: who means the opposite shows in what they do next, (13).

The offline judge has a feedback model of its own on purpose, in
:mod:`~llmagent_os.policy.off_policy.judge_feedback_model`: a judge must not share the mistakes of the learner that it
judges. Do not merge the two.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from llmagent_os.policy.array_types import Bools, Floats, Ints
from llmagent_os.policy.bayes.person_state import NEXT_SIGNS, PersonState

#: The prior of θ (11): expected counts of :data:`NEXT_SIGNS`, for the dissatisfied and for the satisfied.
NEXT_PRIOR = np.array([[0.0, 3.5, 1.0, 0.6, 0.3, 0.1, 0.2], [0.0, 9.0, 0.6, 0.2, 0.2, 0.6, 0.1]])
#: The kinds of raters: those who mean what they show, those who mean the opposite, and those who mean nothing.
RATER_KINDS = ("sincere", "contrary", "random")
#: The prior of ρ (11): expected counts of :data:`RATER_KINDS`.
RATER_PRIOR = np.array([100.0, 0.5, 0.5])
#: The prior of h (10), for every kind: expected counts of opinions that are meant, and that are not.
HONESTY_PRIOR = np.array([[20.0, 2.0], [2.0, 20.0], [10.0, 10.0]])
#: The prior of λ (10): shape and rate of a Gamma distribution.
RATE_PRIOR = 1.0, 4.0
#: The prior of κ (11): shape and rate of a Gamma distribution, and its mean.
OUTSPOKEN_PRIOR = 6.0, 5.0
OUTSPOKEN_MEAN = OUTSPOKEN_PRIOR[0] / OUTSPOKEN_PRIOR[1]
#: h stays within these bounds.
HONESTY_BOUNDS = 0.01, 0.99
#: Where λ and h of a new person start.
FIRST_RATE, FIRST_HONESTY = 0.2, 0.9


def start_rater(person: PersonState, chains: int) -> None:
    """Give a new person a rate, an honesty and a kind of rater in every chain."""
    person.rate = np.asarray(np.full(chains, FIRST_RATE), np.float32)  # (chains,)
    person.honesty = np.asarray(np.full(chains, FIRST_HONESTY), np.float32)  # (chains,)
    person.rater = np.zeros(chains, np.uint8)  # (chains,)


def draw_honesty(person: PersonState, rng: np.random.Generator) -> Floats:
    """Return h for every kind of rater that the person might be, ``(RATER_KINDS, chains)``.

    The person's own h for the kind that they are; for all other kinds a draw from (10). So the kind can be drawn again
    without changing dimension (the product space of Carlin and Chib, 1995, with the prior as pseudo-prior).
    """
    m = len(person.rater)
    chains: Ints = np.arange(m, dtype=np.int64)
    drawn = _floats(rng.beta(HONESTY_PRIOR[:, 0, None], HONESTY_PRIOR[:, 1, None], (len(RATER_KINDS), m)))
    honesty = np.clip(drawn, *HONESTY_BOUNDS)  # (RATER_KINDS, chains)
    honesty[person.rater, chains] = person.honesty
    return honesty


def log_likelihood(person: PersonState, honesty: Floats, outspoken: Floats, gamma: float) -> Floats:
    """Return the part of log L of (12) that opinions and silence have: (7) and (8).

    Args:
        person: what was seen, and λ.
        honesty: h for every kind of rater, ``(RATER_KINDS, chains)``.
        outspoken: κ, ``(chains,)``.
        gamma: γ.

    Returns:
        Shape ``(2, RATER_KINDS, chains, turns)``: first if dissatisfied, then if satisfied.
    """
    value = np.nan_to_num(np.array(person.opinions))  # (turns,)
    shown = value != 0  # (turns,)
    likelihood = np.zeros((2, *honesty.shape, len(person)))  # (2, RATER_KINDS, chains, turns)
    for state in (0, 1):
        rate = person.rate.astype(np.float64) * (1.0 if state else outspoken)
        rate = np.clip(rate, 1e-4, 20.0)[:, None]  # (chains, 1)
        showing = np.where(shown, np.log(-np.expm1(-rate)), -rate)  # (7), (chains, turns)
        right = (value > 0) == bool(state)  # (turns,)
        meant = np.where(right, np.log(honesty)[:, :, None], np.log1p(-honesty)[:, :, None])
        likelihood[state] = showing + np.abs(value) * meant  # (8)
    return _credited(likelihood, person, gamma)


def log_likelihood_of_nexts(person: PersonState, nexts: Floats, gamma: float) -> Floats:
    """Return the part of log L of (12) that the next signs have, (9), ``(2, 1, chains, turns)``.

    Args:
        person: what was seen.
        nexts: θ, ``(chains, 2, NEXT_SIGNS)``.
        gamma: γ.
    """
    followed = np.array(person.nexts)  # (turns,)
    seen = np.where(followed > 0, np.log(nexts[:, :, followed] + 1e-9), 0.0)  # (chains, 2, turns)
    return _credited(seen.transpose(1, 0, 2)[:, None], person, gamma)


def _credited(likelihood: Floats, person: PersonState, gamma: float) -> Floats:
    if gamma and any(person.episodes):
        return _floats(likelihood @ session_credit(person.episodes, gamma))  # (12)
    return likelihood


def draw_rater(person: PersonState, rater: Ints, outspoken: Floats, rng: np.random.Generator) -> None:
    """Draw h and λ of a person by (16), given their satisfaction.

    Args:
        person: changed in place.
        rater: r, the kind of rater in every chain, ``(chains,)``.
        outspoken: κ, ``(chains,)``.
        rng: the source of the draws.
    """
    opinions, satisfied = np.nan_to_num(np.array(person.opinions)), person.latent > 0  # (turns,), (chains, turns)
    shown = opinions != 0  # (turns,)
    meant = ((satisfied == (opinions > 0)) & shown).sum(1)  # (chains,)
    prior = HONESTY_PRIOR[rater]  # (chains, 2)
    honesty = _floats(rng.beta(prior[:, 0] + meant, prior[:, 1] + shown.sum() - meant))
    exposure = np.where(satisfied, 1.0, outspoken[:, None])  # (chains, turns)
    urges = np.where(shown, _draw_urges(_floats(person.rate)[:, None] * exposure, rng), 0).sum(1)  # (chains,)
    person.rater = rater.astype(np.uint8)
    person.honesty = np.clip(honesty, *HONESTY_BOUNDS).astype(np.float32)
    shape, rate = RATE_PRIOR
    person.rate = (_floats(rng.gamma(shape + urges)) / (rate + exposure.sum(1))).astype(np.float32)


def feedback_counts(people: Sequence[PersonState]) -> tuple[Floats, Floats, Floats]:
    """Return the counts of (20), given the satisfaction of some people.

    Args:
        people: the people in the pool.

    Returns:
        How often each next sign followed ``(2, chains, NEXT_SIGNS - 1)``, how many people are raters of each kind
        ``(chains, RATER_KINDS)``, and Σ_t λ over the dissatisfied turns ``(chains,)``.
    """
    satisfied = np.hstack([person.latent > 0 for person in people])  # (chains, turns of all people)
    followed = np.concatenate([person.nexts for person in people])  # (turns of all people,)
    weights = np.concatenate([person.weights for person in people])  # (turns of all people,)
    nexts = np.stack([_next_counts(satisfied == bool(state), followed, weights) for state in (0, 1)])
    kinds = np.stack([person.rater for person in people])  # (people, chains)
    whole = np.array([person.weight for person in people])  # (people,)
    counts = np.stack([whole @ (kinds == kind) for kind in range(len(RATER_KINDS))], 1)  # (chains, RATER_KINDS)
    return nexts, counts, _floats((~satisfied * _rates(people)) @ weights)


def draw_voiced(people: Sequence[PersonState], outspoken: Floats, rng: np.random.Generator) -> Floats:
    """Return Σ_t n_t of (20) over the dissatisfied turns of some people, ``(chains,)``.

    Args:
        people: the people in the pool.
        outspoken: the present κ, ``(chains,)``.
        rng: the source of the draws.
    """
    unhappy = np.hstack([person.latent <= 0 for person in people])  # (chains, turns of all people)
    shown = np.nan_to_num(np.concatenate([person.opinions for person in people])) != 0
    weights = np.concatenate([person.weights for person in people])  # (turns of all people,)
    urges = _draw_urges(_rates(people) * outspoken[:, None], rng)  # (chains, turns of all people)
    return _floats(np.where(unhappy & shown, urges, 0) @ weights)


def draw_feedback(
    nexts: Floats, raters: Floats, exposure: Floats, voiced: Callable[[], Floats], rng: np.random.Generator
) -> tuple[Floats, Floats, Floats]:
    """Draw θ, ρ and κ by (20).

    Args:
        nexts: how often each next sign followed, as :func:`feedback_counts` says.
        raters: how many people are raters of each kind.
        exposure: Σ_t λ.
        voiced: gives Σ_t n_t, after θ and ρ are drawn.
        rng: the source of the draws.

    Returns:
        θ ``(chains, 2, NEXT_SIGNS)``, ρ ``(chains, RATER_KINDS)`` and κ ``(chains,)``.
    """
    theta = _draw_nexts(nexts, rng)
    rho = rng.gamma(RATER_PRIOR + raters) + 1e-12
    shape, rate = OUTSPOKEN_PRIOR
    kappa = _floats(rng.gamma(shape + voiced())) / (rate + exposure)
    return theta, rho / rho.sum(1, keepdims=True), kappa


def _rates(people: Sequence[PersonState]) -> Floats:
    """Return λ of every turn, ``(chains, turns of all people)``."""
    return _floats(np.hstack([np.repeat(person.rate[:, None], len(person), 1) for person in people]))


def _next_counts(here: Bools, followed: Ints, weights: Floats) -> Floats:
    return np.stack([(here & (followed == code)) @ weights for code in range(1, len(NEXT_SIGNS))], 1)


def _draw_nexts(counts: Floats, rng: np.random.Generator) -> Floats:
    """Draw θ by (20), ``(chains, 2, NEXT_SIGNS)``."""
    nexts = np.zeros((counts.shape[1], 2, len(NEXT_SIGNS)))
    for state in (0, 1):
        drawn = _floats(rng.gamma(NEXT_PRIOR[state, 1:] + counts[state])) + 1e-12  # (chains, NEXT_SIGNS - 1)
        nexts[:, state, 1:] = drawn / drawn.sum(1, keepdims=True)
    return nexts


def _draw_urges(rate: Floats, rng: np.random.Generator) -> Ints:
    """Draw how many urges to react there were, given that there was one: Poisson of ``rate``, truncated at zero.

    The first comes at a time that is exponential, cut off at ``rate``; the number of those after it is Poisson.
    """
    first = -np.log1p(rng.random(rate.shape) * np.expm1(-rate))
    return 1 + rng.poisson(np.maximum(rate - first, 0.0))


def session_credit(episodes: list[int], gamma: float) -> Floats:
    """Return how much what was seen at one turn says about another, by (12): γ to the turns between them.

    Args:
        episodes: the session of every turn; 0: the turn stands alone.
        gamma: γ.

    Returns:
        Shape ``(turns, turns)``: the turn that was seen, then the turn that it says something about.
    """
    key = np.array(episodes)  # (turns,)
    n = len(key)
    same = (key[:, None] == key[None]) & (key[:, None] != 0)  # (turns, turns)
    place = np.array([(key[:at] == key[at]).sum() for at in range(n)])  # (turns,): the place in the session
    apart = place[:, None] - place[None]  # (turns, turns)
    later = same & (apart > 0)
    credit: Floats = np.eye(n) + np.where(later, gamma ** np.maximum(apart, 0), 0.0)
    return credit


def _floats(array: Any) -> Floats:
    return np.asarray(array, np.float64)
