"""Draw what all people share, by Gibbs sampling, given what was drawn of the people in the pool.

The symbols, and equations (1) to (16), are in :mod:`~llmagent_os.policy.bayes.gibbs_sampler`. ``Σ_t`` runs over the
turns of all people in the pool, ``Σ_{t in k}`` over those in blocks of persona k. Every term of a sum counts w_t. A
person counts as one, and a new one as the sum of their w_t divided by ``PERSON_REPLIES``, at most one. So new people
move all of this by no more than :mod:`~llmagent_os.policy.newcomers` allows::

    (17) μ_k ~ Normal(P_k⁻¹ Σ_{t in k} w_t φ_t (y_t - ℓ_t - φ_t · δ), P_k⁻¹), with
         P_k = Σ_{t in k} w_t φ_t φ_tᵀ + diag(1/τ²).
         A persona that nobody belongs to is drawn from (3).
    (18) π ~ Dirichlet(3/K + c_1, …, 3/K + c_K). c_k counts the people of persona k. A person who has belonged to
         several personas counts in equal parts for every stretch, so that nobody counts for more than one.
    (19) ω²_g = (2 · 0.4 · ω₀²_g + S) / (2 + N), with S the sum of squares of the N weights δ of group g, of all people;
         τ²_g = (2 · τ₀²_g + S) / (2 + N), with those of μ, of the personas that people belong to. S and N are
         averaged over the chains. These are point estimates, and not draws: the prior counts as much as two weights.
    (20) θ_s ~ Dirichlet(``NEXT_PRIOR``[s] + counts of f_t where s_t = s);  ρ ~ Dirichlet(``RATER_PRIOR`` + counts of
         r); κ ~ Gamma(6 + Σ_t n_t, 5 + Σ_t λ), over the dissatisfied turns, with urges n_t drawn as in (16)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from llmagent_os.policy.array_types import Bools, Floats, Ints
from llmagent_os.policy.bayes.design_matrix import GROUPS
from llmagent_os.policy.bayes.gibbs_sampler import deviation, lean_of_turns
from llmagent_os.policy.bayes.learner_feedback_model import draw_feedback
from llmagent_os.policy.bayes.person_state import BLOCK_TURNS, PersonState
from llmagent_os.policy.bayes.shared_state import BETWEEN_PRIOR, WITHIN_PRIOR, SharedState
from llmagent_os.policy.bayes.triangular_solve import solve_lower

#: How many weights the priors of τ² and ω² count for in (19).
PRIOR_WEIGHTS = 2.0
#: The factor of ω₀² in (19).
WITHIN_FACTOR = 0.4
#: The sum of the prior counts of π in (5) and (18).
PERSONA_COUNTS = 3.0


def draw_shared(
    people: Sequence[PersonState], shared: SharedState, lean: Floats, rng: np.random.Generator
) -> SharedState:
    """Draw what all people share, (17) to (20).

    Args:
        people: the people in the pool, as :func:`~llmagent_os.policy.bayes.gibbs_sampler.draw_person` drew them.
        shared: the state before. It is not changed.
        lean: ℓ of every action, a part for each dimension, ``(actions, dimensions)``.
        rng: the source of the draws.
    """
    m, k, size = shared.mu.shape
    deviations = [deviation(person.belief, m, size) for person in people]  # δ, each (chains, size)
    precision, pull, counts = _sums(people, deviations, shared, lean)
    scale = np.sqrt(shared.between[shared.design.groups])  # τ, (size,)
    noise = rng.normal(size=(m, k, size))  # (chains, personas, size)
    mu = noise * scale
    used = counts > 0  # (chains, personas)
    roots = np.linalg.cholesky(precision[used] + np.diag(1 / scale**2))  # (used personas, size, size)
    mu[used] = [  # (17)
        solve_lower(root, solve_lower(root, drawn) + spread, transposed=True)
        for root, drawn, spread in zip(roots, pull[used], noise[used], strict=True)
    ]
    odds = _floats(rng.gamma(counts + PERSONA_COUNTS / k)) + 1e-12  # (18), (chains, personas)
    weights = np.array([person.weight for person in people])  # (people,)
    between, within = _variances(mu, used, np.stack(deviations), weights, shared.design.groups)
    nexts, raters, outspoken = draw_feedback(people, shared.outspoken, rng)
    return replace(
        shared,
        mu=mu,
        odds=odds / odds.sum(1, keepdims=True),
        nexts=nexts,
        raters=raters,
        outspoken=outspoken,
        between=between,
        within=within,
    )


def _sums(
    people: Sequence[PersonState], deviations: Sequence[Floats], shared: SharedState, lean: Floats
) -> tuple[Floats, Floats, Floats]:
    """Return the sums of (17) and (18).

    Returns:
        ``Σ φφᵀ`` ``(chains, personas, size, size)``, ``Σ φ (y - ℓ - φ · δ)`` ``(chains, personas, size)`` and c
        ``(chains, personas)``.
    """
    m, k, size = shared.mu.shape
    precision, pull, counts = np.zeros((m, k, size, size)), np.zeros((m, k, size)), np.zeros((m, k))
    for person, own in zip(people, deviations, strict=True):
        phi = person.rows(shared.design)  # (turns, size)
        weights = person.weights  # (turns,)
        if not weights.any():
            continue
        rest = (person.latent - own @ phi.T - lean_of_turns(person, lean)) * weights  # (chains, turns)
        weighted = phi.T * weights  # (size, turns)
        gram, whole = weighted @ phi, rest @ phi  # (size, size), (chains, size)
        changes = person.personas[:, 1:] != person.personas[:, :-1]  # (chains, blocks - 1)
        for chain, (path, changed) in enumerate(zip(person.personas, changes, strict=True)):
            if not changed.any():
                precision[chain, path[0]] += gram
                pull[chain, path[0]] += whole[chain]
                counts[chain, path[0]] += person.weight
                continue
            bounds = [0, *(np.flatnonzero(changed) + 1).tolist(), len(path)]
            for start, end in pairwise(bounds):
                here = slice(start * BLOCK_TURNS, end * BLOCK_TURNS)
                part = phi[here]  # (turns of the stretch, size)
                precision[chain, path[start]] += weighted[:, here] @ part
                pull[chain, path[start]] += rest[chain, here] @ part
                counts[chain, path[start]] += person.weight / (len(bounds) - 1)  # nobody counts for more than one
    return precision, pull, counts


def _variances(mu: Floats, used: Bools, deviations: Floats, weights: Floats, groups: Ints) -> tuple[Floats, Floats]:
    """Return τ² and ω² of (19), ``(GROUPS,)`` each.

    Args:
        mu: μ, ``(chains, personas, size)``.
        used: which personas have people, ``(chains, personas)``.
        deviations: δ, ``(people, chains, size)``.
        weights: how much every person counts, ``(people,)``.
        groups: the group of every weight, ``(size,)``.
    """
    between, within = BETWEEN_PRIOR.copy(), WITHIN_PRIOR.copy()
    for group in range(len(GROUPS)):
        here = groups == group
        width = here.sum()
        theirs = weights @ (deviations[..., here] ** 2).sum((1, 2)) / len(mu)
        prior = PRIOR_WEIGHTS * WITHIN_FACTOR * WITHIN_PRIOR[group]
        within[group] = (prior + theirs) / (PRIOR_WEIGHTS + weights.sum() * width)
        spread = (mu[..., here] ** 2 * used[:, :, None]).sum() / len(mu)
        prior = PRIOR_WEIGHTS * BETWEEN_PRIOR[group]
        between[group] = (prior + spread) / (PRIOR_WEIGHTS + used.sum() / len(mu) * width)
    return between, within


def _floats(array: Any) -> Floats:
    return np.asarray(array, np.float64)
