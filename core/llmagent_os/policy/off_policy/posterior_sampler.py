r"""Draw what may be true, given what was logged, by Gibbs sampling: tastes and feedback together. The judge's model.

``[A]`` is 1 if A holds, else 0. ``Φ`` is the standard normal distribution function. Floors that keep numbers away from
0 and 1 are left out.

Symbols. Of decision i, which answered person u::

    x_i, w_i   the regressors of the context and the action, and the first of them, which are of the action alone
    η_i, y_i   the mean of the latent satisfaction, and the latent satisfaction
    s_i        1 if the person is satisfied (y_i > 0), else 0
    o_i, f_i   the opinion that was shown, and the follow-up

Of person u, and of all people, with K personas::

    z_u, δ_u   the persona of the person, and their own deviation from its coefficients
    c_u, λ_u   1 if the person votes the opposite of what they feel; how often a satisfied person shows an opinion
    β_k, π_k   the coefficients of persona k, and the share of people in it
    β_0        the mean of the coefficients of the personas
    σ², τ², ω² the variances of β_0, of β_k about β_0, and of δ, one for every kind of regressor
    κ, ν       how many times as often the dissatisfied show an opinion; the share of contrary people
    h, θ       how often an opinion is what is felt; the distributions of the follow-up

Tastes (:mod:`~llmagent_os.policy.off_policy.reward_regression`)::

    (1)  y_i ~ Normal(η_i, 1) with η_i = x_i · β_{z_u} + w_i · δ_u, so that P(s_i = 1) = Φ(η_i)
    (2)  δ_u ~ Normal(0, diag(ω²))
    (3)  β_k ~ Normal(β_0, diag(τ²)),  β_0 ~ Normal(0, diag(σ²))
    (4)  every variance ~ scaled inverse χ², with 4 degrees of freedom and the scale in ``VARIANCE_PRIOR``
    (5)  z_u ~ π,  π ~ Dirichlet(2/K, …, 2/K)

Feedback (:mod:`~llmagent_os.policy.off_policy.judge_feedback_model`; its own, apart from the learner's, on purpose)::

    (6)  λ_u is any value of a grid from 0.01 to 0.99, all with the same probability
    (7)  κ is a value of a grid from 0.6 to 4, with probability proportional to exp(-(log κ - log 1.3)² / (2 · 0.4²))
    (8)  P(an opinion is shown | s_i) = λ_u if s_i = 1, else min(κ λ_u, 0.99)
    (9)  c_u ~ Bernoulli(ν),  ν ~ Beta(1, 19), cut off at 0.3
    (10) P(the opinion fits s_i | one is shown) = h if c_u = 0, else 1 - h;  h ~ Beta(38.5, 1.5)
    (11) P(f_i | s_i) = θ_{s_i, f_i}; an unknown f_i says nothing;  θ_s ~ Dirichlet(``FOLLOW_UP_PRIOR``[s])

A round of the sampler. ``L_i(s, c)`` is the product of (8), (10) and (11) for s_i = s and c_u = c::

    (12) z_u and c_u together, with s summed out:
         P(z_u, c_u | …) ∝ π_{z_u} ν^[c_u = 1] (1 - ν)^[c_u = 0] Π_i (Φ(η_i) L_i(1, c_u) + (1 - Φ(η_i)) L_i(0, c_u))
    (13) π ~ Dirichlet(2/K + the number of people of every persona)
    (14) s_i and y_i: P(s_i = 1 | …) = Φ(η_i) L_i(1, c_u) / (Φ(η_i) L_i(1, c_u) + (1 - Φ(η_i)) L_i(0, c_u)); then y_i
         from (1), cut to its side of 0 (Albert and Chib, 1993)
    (15) With G_u = Σ_i x_i x_iᵀ, C_u = Σ_i w_i x_iᵀ and S_u = (Σ_i w_i w_iᵀ + diag(1/ω²))⁻¹, sums over the person's
         decisions: β_k ~ Normal(P⁻¹ b, P⁻¹), with P = Σ_{u in k} (G_u - C_uᵀ S_u C_u) + diag(1/τ²) and
         b = Σ_{u in k} (Σ_i x_i y_i - C_uᵀ S_u Σ_i w_i y_i) + β_0/τ², so that δ is summed out;
         δ_u ~ Normal(S_u (Σ_i w_i y_i - C_u β_{z_u}), S_u);
         β_0 ~ Normal((Σ_k β_k/τ²) / (K/τ² + 1/σ²), 1 / (K/τ² + 1/σ²));
         every variance ~ scaled inverse χ², with 4 + N degrees of freedom and the scale
         (4 · prior + sum of squares) / (4 + N), over the N coefficients that it is the variance of
    (16) κ from (7) and (8), with every λ_u summed out; λ_u from (6) and (8); θ_s, ν and h from their priors with what
         was seen added to the counts: f_i where s_i = s, contrary people, opinions that are meant

References:
    J. H. Albert and S. Chib (1993). Bayesian analysis of binary and polychotomous response data. JASA 88.
    A. P. Dawid and A. M. Skene (1979). Maximum likelihood estimation of observer error-rates using the EM algorithm.
    Applied Statistics 28.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from llmagent_os.policy.array_types import Bools, Floats, Ints
from llmagent_os.policy.off_policy.bandit_feedback import LoggedBanditFeedback
from llmagent_os.policy.off_policy.judge_feedback_model import FeedbackModel, ObservedSigns
from llmagent_os.policy.off_policy.regressors import Regressors
from llmagent_os.policy.off_policy.reward_regression import RewardRegression, probability

#: The number of independent chains.
CHAIN_COUNT = 4
#: The rounds of a chain that are dropped, so that it forgets where it started.
BURN_IN_ROUNDS = 150
#: The rounds after that.
SAMPLING_ROUNDS = 300
#: Every ``THINNING``-th of these rounds is kept as a draw.
THINNING = 12
#: In the first rounds of a chain nobody is contrary: tastes must take shape first.
HONEST_ROUNDS = 10


@dataclass(frozen=True)
class PosteriorDraw:
    """One draw of what may be true of ``n`` decisions."""

    scores: Floats  #: η of all actions, ``(n, actions)``
    likelihood_ratio: Floats  #: L_i(1, c_u) / L_i(0, c_u), ``(n,)``
    information: Floats  #: how much such signs tell, ``(n,)``: see :meth:`FeedbackModel.information`
    feedback: FeedbackModel  #: what people show


def posterior_draws(feedback: LoggedBanditFeedback, regressors: Regressors, seed: int = 0) -> Iterator[PosteriorDraw]:
    """Yield draws from the posterior.

    Args:
        feedback: the logged decisions.
        regressors: those of the same decisions.
        seed: the same seed gives the same draws.
    """
    for chain in range(CHAIN_COUNT):
        yield from _chain(feedback, regressors, np.random.default_rng([seed, chain]))


def _chain(feedback: LoggedBanditFeedback, regressors: Regressors, rng: np.random.Generator) -> Iterator[PosteriorDraw]:
    person = regressors.person  # (n,)
    signs = ObservedSigns(person, feedback.opinion, feedback.follow_up)
    at = np.arange(len(feedback))
    regression, model = RewardRegression(regressors, rng), FeedbackModel.start(regressors.people)
    for number in range(BURN_IN_ROUNDS + SAMPLING_ROUNDS):
        scores = regression.scores_by_persona()  # (n, personas)
        chances = probability(scores)  # (n, personas)
        seen = model.likelihoods(signs)  # L, (2, 2, n)
        contrary_share = model.contrary_share if number >= HONEST_ROUNDS else 1e-300
        contrary = _draw_contrary(regression, regressors, chances, seen, contrary_share)  # c, (people,)
        low, high = seen[contrary[person], :, at].T  # L(0, c), L(1, c), (n,) each
        score, chance = regression.of_persona(scores), regression.of_persona(chances)
        satisfied, latent = _draw_satisfaction(score, chance, low, high, rng)
        regression.draw_coefficients(latent)  # (15)
        model = model.redrawn(signs, satisfied, contrary > 0, rng)  # (16)
        if number >= BURN_IN_ROUNDS and (number - BURN_IN_ROUNDS) % THINNING == 0:
            everywhere = regression.scores()  # (n, actions)
            low, high = model.likelihoods(signs)[contrary[person], :, at].T
            information = model.information(signs, probability(everywhere[at, feedback.action]))
            yield PosteriorDraw(everywhere, high / low, information, model)


def _draw_contrary(
    regression: RewardRegression, regressors: Regressors, chances: Floats, seen: Floats, contrary_share: float
) -> Ints:
    """Draw z and c by (12), and π by (13).

    Args:
        regression: takes z and π.
        regressors: those of the decisions.
        chances: Φ(η) for every persona, ``(n, personas)``.
        seen: L, ``(2, 2, n)``.
        contrary_share: ν.

    Returns:
        c, ``(people,)``.
    """
    likelihoods = chances[:, None] * seen[:, 1].T[:, :, None] + (1 - chances[:, None]) * seen[:, 0].T[:, :, None]
    logs = np.log(likelihoods)  # (n, 2, personas)
    prior = np.log([1 - contrary_share, contrary_share])  # (2,)
    return regression.draw_personas(regressors.sum_by_person(logs) + prior[:, None])


def _draw_satisfaction(
    score: Floats, chance: Floats, low: Floats, high: Floats, rng: np.random.Generator
) -> tuple[Bools, Floats]:
    """Draw s and y by (14), ``(n,)`` each.

    Args:
        score: η, ``(n,)``.
        chance: Φ(η), ``(n,)``.
        low: L(0, c), ``(n,)``.
        high: L(1, c), ``(n,)``.
        rng: the source of the draws.
    """
    n = len(score)
    satisfied = rng.random(n) < chance * high / (chance * high + (1 - chance) * low)
    start = np.where(satisfied, 1 - chance, 0.0)
    lot = start + rng.random(n) * np.where(satisfied, chance, 1 - chance)
    return satisfied, score + ndtri(np.clip(lot, 1e-9, 1 - 1e-9))
