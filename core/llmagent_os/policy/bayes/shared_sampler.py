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

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from llmagent_os.policy.array_types import Bools, Floats, Ints
from llmagent_os.policy.bayes.design_matrix import GROUPS
from llmagent_os.policy.bayes.learner_feedback_model import draw_feedback, draw_voiced
from llmagent_os.policy.bayes.person_state import PersonState
from llmagent_os.policy.bayes.shared_state import BETWEEN_PRIOR, WITHIN_PRIOR, SharedState
from llmagent_os.policy.bayes.shared_statistics import SharedStatistics, gather
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
    return draw_by(gather(people, shared, lean), shared, lambda: draw_voiced(people, shared.outspoken, rng), rng)


def draw_by(
    told: SharedStatistics, shared: SharedState, voiced: Callable[[], Floats], rng: np.random.Generator
) -> SharedState:
    """Draw what all people share, given what people tell.

    Args:
        told: the sums over the people.
        shared: the state before. It is not changed.
        voiced: gives Σ_t n_t of (20), ``(chains,)``.
        rng: the source of the draws.
    """
    m, k, size = shared.mu.shape
    counts = told.counts
    scale = np.sqrt(shared.between[shared.design.groups])  # τ, (size,)
    noise = rng.normal(size=(m, k, size))  # (chains, personas, size)
    mu = noise * scale
    used = counts > 0  # (chains, personas)
    roots = np.linalg.cholesky(told.precision[used] + np.diag(1 / scale**2))  # (used personas, size, size)
    mu[used] = [  # (17)
        solve_lower(root, solve_lower(root, drawn) + spread, transposed=True)
        for root, drawn, spread in zip(roots, told.pull[used], noise[used], strict=True)
    ]
    odds = _floats(rng.gamma(counts + PERSONA_COUNTS / k)) + 1e-12  # (18), (chains, personas)
    between, within = _variances(mu, used, told, shared.design.groups)
    nexts, raters, outspoken = draw_feedback(told.nexts, told.raters, told.exposure, voiced, rng)
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


def _variances(mu: Floats, used: Bools, told: SharedStatistics, groups: Ints) -> tuple[Floats, Floats]:
    """Return τ² and ω² of (19), ``(GROUPS,)`` each.

    Args:
        mu: μ, ``(chains, personas, size)``.
        used: which personas have people, ``(chains, personas)``.
        told: the sums over the people.
        groups: the group of every weight, ``(size,)``.
    """
    between, within = BETWEEN_PRIOR.copy(), WITHIN_PRIOR.copy()
    for group in range(len(GROUPS)):
        here = groups == group
        width = here.sum()
        theirs = told.squares[group] / len(mu)
        prior = PRIOR_WEIGHTS * WITHIN_FACTOR * WITHIN_PRIOR[group]
        within[group] = (prior + theirs) / (PRIOR_WEIGHTS + told.people * width)
        spread = (mu[..., here] ** 2 * used[:, :, None]).sum() / len(mu)
        prior = PRIOR_WEIGHTS * BETWEEN_PRIOR[group]
        between[group] = (prior + spread) / (PRIOR_WEIGHTS + used.sum() / len(mu) * width)
    return between, within


def _floats(array: Any) -> Floats:
    return np.asarray(array, np.float64)
