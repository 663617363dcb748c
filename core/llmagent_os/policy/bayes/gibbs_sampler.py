r"""Draw what is hidden of one person, by Gibbs sampling. The model of the whole package is written down here.

Every chain holds one guess of everything that is hidden; the chain is left out of the equations. ``[A]`` is 1 if A
holds, else 0. ``Φ`` is the standard normal distribution function. Gamma distributions are written with shape and rate.
Floors that keep numbers away from 0 and 1 are left out. A turn that was withdrawn keeps its place, with φ_t = 0.
In φ_t and ℓ_t, a dimension that could not show in the reply is left out.

Symbols. Of one person, whose turns are t = 1, 2, …::

    φ_t   the row of the design matrix for the context and the action of turn t; size numbers
    ℓ_t   how much the action is preferred before anything is known (``lean``): what the bot declares as its default
    w_t   how much the turn counts for what all people share, in [0, 1]: 1, or less while the person is new; the same
          for all turns of a person
    y_t   latent satisfaction; the person is satisfied, s_t = 1, if y_t > 0, else s_t = 0
    z_t   the persona that the person belongs to, the same for all turns of a block of BLOCK_TURNS
    δ     the person's own deviation from the weights of their persona
    v_t   the opinion that was shown, reward times weight, in [-1, 1]; 0: none was
    f_t   what the person did next, if that is known
    r, h  the kind of rater, and honesty: how often an opinion is meant
    λ     how often the person shows an opinion, per turn

Of all people, with K personas::

    μ_k, π_k    the weights of persona k, and the share of people in it
    τ²_g, ω²_g  the variance of weights of group g between personas, and between the people of one persona
    χ           the probability of a change of persona after a block (``change``; given)
    θ, ρ, κ     the distributions of f and of r, and how much more often the dissatisfied show an opinion
    γ           how much of what is seen of a turn is also said about the turn before it (``gamma``; given)

Tastes: a probit regression, hierarchical over personas and people::

    (1)  y_t ~ Normal(φ_t · (μ_{z_t} + δ) + ℓ_t, 1), so that P(s_t = 1) = Φ(φ_t · (μ_{z_t} + δ) + ℓ_t)
    (2)  δ ~ Normal(0, diag(ω²))
    (3)  μ_k ~ Normal(0, diag(τ²))
    (4)  the first block's z ~ π; a later block keeps the z of the block before with probability 1 - χ, and else draws
         it from π again
    (5)  π ~ Dirichlet(3/K, …, 3/K)
    (6)  τ² and ω² are near τ₀² and ω₀² (``BETWEEN_PRIOR``, ``WITHIN_PRIOR``); see (19)

Feedback (:mod:`~llmagent_os.policy.bayes.learner_feedback_model`)::

    (7)  P(v_t ≠ 0 | s_t) = 1 - exp(-λ κ^[s_t = 0]): urges to react are Poisson, and one of them is enough
    (8)  an opinion speaks for s_t by h^|v_t| if its sign agrees with s_t, else by (1 - h)^|v_t|
    (9)  P(f_t | s_t) = θ_{s_t, f_t}; an unknown f_t says nothing
    (10) r ~ ρ;  h | r ~ Beta(a_r, b_r) (``HONESTY_PRIOR``);  λ ~ Gamma(1, 4)
    (11) ρ ~ Dirichlet(100, 1/2, 1/2);  θ_s ~ Dirichlet(``NEXT_PRIOR``[s]);  κ ~ Gamma(6, 5)
    (12) log L_t(s) = log of (7) × (8) × (9) for s_t = s, plus γ^(t' - t) times the same of every later turn t' of the
         session, counted in turns of the session. L_t depends on r through h.

The draws of one person, given μ, π, τ², ω², θ, ρ, κ (:func:`draw_person`)::

    (13) z and r, with s summed out, given δ: a turn's likelihood is Φ(η) L_t(1) + (1 - Φ(η)) L_t(0), with η the mean
         in (1). r ~ ρ_r p(f | v, r) min(1, p(v | r) / p(v | sincere)), over the whole history, and then z.
         p(f | v, r) is p(v, f | r) divided by p(v | r); each comes from forward filtering over the blocks, and z from
         backward sampling (Carter and Kohn, 1994; Chib, 1996).
    (14) s_t and y_t: P(s_t = 1 | …) = Φ(η) L_t(1) / (Φ(η) L_t(1) + (1 - Φ(η)) L_t(0)); then y_t from (1), cut to its
         side of 0 (Albert and Chib, 1993)
    (15) δ ~ Normal(P⁻¹ Σ_t φ_t (y_t - ℓ_t - φ_t · μ_{z_t}), P⁻¹), with P = Σ_t φ_t φ_tᵀ + diag(1/ω²)
    (16) h ~ Beta(a_r + number of opinions that agree with s, b_r + number of others); the numbers of urges n_t from a
         Poisson distribution that is at least 1, where an opinion was shown, else 0; and then
         λ ~ Gamma(1 + Σ_t n_t, 4 + Σ_t κ^[s_t = 0])

The last factor of r is no p(v | r), on purpose: p(v | r) says whether others, in μ and π, like what the person says
they like. That others do speaks for a person. That they do not says nothing: votes alone cannot tell another taste from
the opposite of what is meant. Else strangers who agree with each other turn the votes of people who make mistakes. So
this is no full posterior: evidence that cannot be trusted is cut off (Liu, Bayarri and Berger, 2009; Plummer, 2015).

:mod:`~llmagent_os.policy.bayes.shared_sampler` has the draws of what all people share, (17) to (20).

References:
    J. H. Albert and S. Chib (1993). Bayesian analysis of binary and polychotomous response data. JASA 88.
    C. K. Carter and R. Kohn (1994). On Gibbs sampling for state space models. Biometrika 81.
    B. P. Carlin and S. Chib (1995). Bayesian model choice via Markov chain Monte Carlo methods. JRSS B 57.
    S. Chib (1996). Calculating posterior distributions and modal estimates in Markov mixture models. J. Econometrics
    75.
    F. Liu, M. J. Bayarri and J. O. Berger (2009). Modularization in Bayesian analysis. Bayesian Analysis 4.
    M. Plummer (2015). Cuts in Bayesian graphical models. Statistics and Computing 25.
    A. P. Dawid and A. M. Skene (1979). Maximum likelihood estimation of observer error-rates using the EM algorithm.
    Applied Statistics 28.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri

from llmagent_os.policy.array_types import Floats, Ints, Singles
from llmagent_os.policy.bayes.learner_feedback_model import (
    draw_honesty,
    draw_rater,
    log_likelihood,
    log_likelihood_of_nexts,
    start_rater,
)
from llmagent_os.policy.bayes.person_state import BLOCK_TURNS, Belief, PersonState, resized
from llmagent_os.policy.bayes.shared_state import SharedState
from llmagent_os.policy.bayes.triangular_solve import solve_lower


def draw_person(
    person: PersonState, shared: SharedState, lean: Floats, gamma: float, change: float, rng: np.random.Generator
) -> None:
    """Draw everything that is hidden of one person, (13) to (16), given what all people share.

    Args:
        person: changed in place.
        shared: what all people share.
        lean: ℓ of every action, a part for each dimension, ``(actions, dimensions)``.
        gamma: γ.
        change: χ.
        rng: the source of the draws.
    """
    m, size, n = len(shared.mu), shared.design.size, len(person)
    chains: Ints = np.arange(m, dtype=np.int64)
    block = np.arange(n) // BLOCK_TURNS  # (turns,)
    phi, lean = person.rows(shared.design), lean_of_turns(person, lean)  # (turns, size), (turns,)
    if not person.rate.size:
        start_rater(person, m)
    honesty = draw_honesty(person, rng)  # (RATER_KINDS, chains)
    by_persona = (shared.mu.reshape(-1, size) @ phi.T).reshape(m, -1, n)  # φ · μ_k, (chains, personas, turns)
    own = deviation(person.belief, m, size) @ phi.T + lean  # φ · δ + ℓ, (chains, turns)
    said = log_likelihood(person, honesty, shared.outspoken, gamma)
    likelihood = said + log_likelihood_of_nexts(person, shared.nexts, gamma)  # (2, RATER_KINDS, chains, turns)
    rater, now, personas = _draw_personas(by_persona + own[:, None], said, likelihood, shared, change, rng)
    likelihood = likelihood[:, rater, chains]  # (2, chains, turns)
    theirs = np.take_along_axis(by_persona, personas[:, None, block], 1)[:, 0]  # φ · μ_z, (chains, turns)
    latent = _draw_latent(theirs + own, likelihood, rng)  # (chains, turns)

    precision = phi.T @ phi + np.diag(1 / shared.within[shared.design.groups])  # P of (15), (size, size)
    root = _floats(np.linalg.cholesky(precision))
    half = solve_lower(root, ((latent - lean - theirs) @ phi).T)  # (size, chains)
    both = np.hstack([half, rng.normal(size=(size, m))])  # the mean and the spread of δ are solved for at once
    drawn = solve_lower(root, both, transposed=True).T.astype(np.float32)
    person.belief = Belief(now.astype(np.float32), drawn[:m], drawn[m:])  # (chains, size) each
    person.personas, person.latent = personas.astype(np.uint8), latent.astype(np.float32)
    draw_rater(person, rater, shared.outspoken, rng)


def lean_of_turns(person: PersonState, lean: Floats) -> Floats:
    """Return ℓ of every turn, ``(turns,)``, of the dimensions that could show.

    Args:
        person: the turns.
        lean: ℓ of every action, a part for each dimension, ``(actions, dimensions)``.
    """
    numbers: Ints = np.arange(lean.shape[1], dtype=np.int64)
    bits: Ints = np.array(person.hidden, np.int64)[:, None] >> numbers & 1  # (turns, dimensions)
    return _floats(np.where(bits, 0.0, lean[person.actions]).sum(1))


def deviation(belief: Belief | None, chains: int, size: int) -> Floats:
    """Return δ as every chain drew it, ``(chains, size)``, with zeros for columns that are newer than the draw."""
    return np.zeros((chains, size)) if belief is None else resized(belief.own, size) + resized(belief.spread, size)


def _draw_personas(
    scores: Floats, said: Floats, likelihood: Floats, shared: SharedState, change: float, rng: np.random.Generator
) -> tuple[Ints, Floats, Ints]:
    """Draw the kind of rater and the persona of every block, by (13).

    Satisfaction is summed out, so that one draw can move from any explanation of the signs to any other.

    Args:
        scores: η of every turn for every persona, ``(chains, personas, turns)``.
        said: the part of log L that opinions and silence have, (7) and (8), ``(2, RATER_KINDS, chains, turns)``.
        likelihood: log L, likewise.
        shared: π and ρ.
        change: χ.
        rng: the source of the draws.

    Returns:
        The kinds ``(chains,)``, P(persona) of the last block ``(chains, personas)``, and the personas
        ``(chains, blocks)``.
    """
    m = len(scores)
    chains: Ints = np.arange(m, dtype=np.int64)
    odds, satisfied = shared.odds, _normal(scores)
    filtered, seen = _filter(satisfied, likelihood, odds, change)  # seen: log p(v, f | r), (RATER_KINDS, chains)
    votes = _filter(satisfied, said, odds, change)[1]  # log p(v | r), (RATER_KINDS, chains)
    evidence = np.log(shared.raters.T) + seen - votes + np.minimum(votes - votes[0], 0.0)  # (RATER_KINDS, chains)
    rater = _draw_index(_floats(np.exp(evidence - evidence.max(0)).T), _floats(rng.random(m)))  # (chains,)
    filtered = filtered[:, rater, chains]  # (blocks, chains, personas)
    blocks = len(filtered)
    personas = np.zeros((m, blocks), np.int64)  # (chains, blocks)
    chance, lots = filtered[-1], rng.random((blocks, m))
    for at in range(blocks - 1, -1, -1):
        after = personas[:, at] = _draw_index(chance, lots[at])
        if at:  # (4), backwards
            chance = filtered[at - 1] * (change * odds[chains, after])[:, None]
            chance[chains, after] += filtered[at - 1][chains, after] * (1 - change)
    return rater, filtered[-1], personas


def _filter(satisfied: Singles, likelihood: Floats, odds: Floats, change: float) -> tuple[Floats, Floats]:
    """Filter forward over the blocks, with satisfaction summed out.

    Args:
        satisfied: Φ(η) of every turn for every persona, ``(chains, personas, turns)``.
        likelihood: log L, ``(2, RATER_KINDS, chains, turns)``.
        odds: π, ``(chains, personas)``.
        change: χ.

    Returns:
        P(persona) of every block given what was seen until then, ``(blocks, RATER_KINDS, chains, personas)``, and the
        log of the likelihood of everything that was seen, ``(RATER_KINDS, chains)``.
    """
    starts: Ints = np.arange(0, satisfied.shape[-1], BLOCK_TURNS, dtype=np.int64)  # (blocks,): the first turns
    best = likelihood.max(0)  # taken out of L, so that nothing underflows; (RATER_KINDS, chains, turns)
    seen = np.exp(likelihood - best).astype(np.float32)[:, :, :, None]  # (2, RATER_KINDS, chains, 1, turns)
    fit = satisfied * (seen[1] - seen[0])
    fit += seen[0]  # the likelihood of every turn, (RATER_KINDS, chains, personas, turns)
    fits = _floats(np.multiply.reduceat(fit, starts, axis=3)) + 1e-60  # (RATER_KINDS, chains, personas, blocks)
    filtered = np.zeros((len(starts), *fits.shape[:-1]))  # (blocks, RATER_KINDS, chains, personas)
    evidence = best.sum(-1)  # (RATER_KINDS, chains)
    prior = odds + 1e-12  # P(persona) before a block is seen; then (RATER_KINDS, chains, personas)
    for at in range(len(starts)):
        both = prior * fits[..., at]
        total = both.sum(-1, keepdims=True)
        filtered[at] = both / total
        evidence += np.log(total[..., 0])
        prior = (1 - change) * filtered[at] + change * odds + 1e-12  # (4)
    return filtered, evidence


def _draw_latent(score: Floats, likelihood: Floats, rng: np.random.Generator) -> Floats:
    """Draw y by (14), ``(chains, turns)``.

    Args:
        score: η, ``(chains, turns)``.
        likelihood: log L for the drawn kind of rater, ``(2, chains, turns)``.
        rng: the source of the draws.
    """
    chance = np.clip(ndtr(score), 1e-9, 1 - 1e-9)  # Φ(η), (chains, turns)
    odds = np.exp(np.clip(likelihood[0] - likelihood[1], -50, 50)) * (1 - chance) / chance  # against satisfaction
    satisfied = rng.random(score.shape) < 1 / (1 + odds)  # (chains, turns)
    tail = ndtri(np.clip(rng.random(score.shape) * np.where(satisfied, chance, 1 - chance), 1e-12, 1 - 1e-12))
    return score + np.where(satisfied, -tail, tail)


def _draw_index(chances: Floats, lots: Floats) -> Ints:
    """Draw one index of every row.

    Args:
        chances: unnormalised probabilities, ``(rows, values)``.
        lots: uniform numbers in [0, 1), ``(rows,)``.

    Returns:
        Shape ``(rows,)``.
    """
    edges = chances.cumsum(-1)
    drawn: Ints = (lots[..., None] * edges[..., -1:] > edges).sum(-1)
    return np.asarray(np.minimum(drawn, chances.shape[-1] - 1), np.int64)


def _normal(score: Floats) -> Singles:
    """Return Φ to 2e-4, within [1e-4, 1 - 1e-4]. Many times faster than the exact function (Page, 1977)."""
    x = score.astype(np.float32)
    out = np.exp(np.clip(x * (-1.5976 - 0.07056 * x * x), -80, 80))
    out += 1.0
    np.reciprocal(out, out=out)
    return np.asarray(np.clip(out, 1e-4, 1 - 1e-4), np.float32)


def _floats(array: Any) -> Floats:
    return np.asarray(array, np.float64)
