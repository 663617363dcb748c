"""Estimate the value of a policy from logged bandit feedback: one function for every estimator, named after its paper.

Symbols. Decisions are i = 1 … n::

    π_b(a | x_i)   the logging policy, ``feedback.action_dist``, ``(n, actions)``
    π_e(a | x_i)   the policy that is evaluated, ``action_dist``, ``(n, actions)``
    a_i            the chosen action, ``action``, ``(n,)``
    w_i            the importance weight, ``weights``, ``(n,)``
    r_i            the reward, ``reward``, ``(n,)``: 1 satisfied, 0 not
    q(x_i, a)      the estimated reward of every action, ``estimated_rewards``, ``(n, actions)``

The functions do not know where rewards come from. :mod:`~llmagent_os.policy.off_policy.judge` calls them with rewards
that it has drawn, because nobody says whether they are satisfied.
"""

from __future__ import annotations

import numpy as np

from llmagent_os.policy.array_types import Bools, Floats, Ints
from llmagent_os.policy.off_policy.reward_regression import probability

#: A pscore below this counts as this much.
MIN_PSCORE = 1e-9
#: The fewest people whose sums show how much people differ, in :func:`snipw_standard_error`.
MIN_CLUSTERS = 5
#: The prior of the slope in :func:`targeted_slope`, as a standard deviation: how much a preference of one (in
#: log-probabilities) may say about satisfaction (in probits).
SLOPE_SD = 0.5
#: The number of steps of the maximisation in :func:`targeted_slope`, and the longest step.
SLOPE_STEPS, MAX_SLOPE_STEP = 4, 0.5


def importance_weights(action_dist: Floats, action: Ints, pscore: Floats) -> Floats:
    """Return ``w_i = π_e(a_i | x_i) / π_b(a_i | x_i)``, ``(n,)``.

    Args:
        action_dist: π_e, ``(n, actions)``.
        action: a, ``(n,)``.
        pscore: ``π_b(a_i | x_i)``, ``(n,)``.

    Reference:
        D. G. Horvitz and D. J. Thompson (1952). A generalization of sampling without replacement from a finite
        universe. JASA 47.
    """
    chosen = action_dist[np.arange(len(action)), action]
    return np.asarray(chosen / np.maximum(pscore, MIN_PSCORE), np.float64)


def effective_sample_size(weights: Floats) -> float:
    """Return ``(Σ w_i)² / Σ w_i²``: how many equally weighted decisions tell as much.

    Args:
        weights: w, ``(n,)``.

    Reference:
        L. Kish (1965). Survey sampling. Wiley.
    """
    return float(weights.sum() ** 2 / max((weights**2).sum(), 1e-12))


def unsupported_share(action_dist: Floats, logged_action_dist: Floats) -> float:
    """Return the mean probability under π_e of actions that π_b never takes. No estimator knows their reward.

    Args:
        action_dist: π_e, ``(n, actions)``.
        logged_action_dist: π_b, ``(n, actions)``.
    """
    return float(np.where(logged_action_dist <= 0, action_dist, 0.0).sum(1).mean())


def snipw(reward: Floats | Bools, weights: Floats) -> float:
    """Return the self-normalised inverse propensity weighted mean ``Σ w_i r_i / Σ w_i``.

    Args:
        reward: r, ``(n,)``.
        weights: w, ``(n,)``; not all are 0.

    Reference:
        A. Swaminathan and T. Joachims (2015). The self-normalized estimator for counterfactual learning. NeurIPS.
    """
    return float((weights * reward).sum() / weights.sum())


def snipw_standard_error(reward: Floats | Bools, weights: Floats, person: Ints) -> float:
    """Return the standard error of :func:`snipw`, by linearisation, with the decisions of a person as a cluster.

    With ``e_i = w_i (r_i - snipw)`` and ``E_u`` the sum of e over the decisions of person u, it is
    ``sqrt(max(Σ_i e_i², Σ_u E_u² U / (U - 1))) / Σ w_i``, for U people. With few people only the first sum is used.

    Args:
        reward: r, ``(n,)``.
        weights: w, ``(n,)``; not all are 0.
        person: u, numbered from 0, ``(n,)``.

    Reference:
        W. G. Cochran (1977). Sampling techniques, 3rd edition, chapter 6. Wiley.
    """
    errors = weights * (reward - snipw(reward, weights))  # (n,)
    sums = np.bincount(person, errors)  # (people,)
    alone = float(np.sqrt((errors**2).sum()))
    if len(sums) < MIN_CLUSTERS:
        return float(alone / weights.sum())
    clustered = float(np.sqrt((sums**2).sum() * len(sums) / (len(sums) - 1)))
    return float(max(alone, clustered) / weights.sum())


def direct_method(action_dist: Floats, estimated_rewards: Floats) -> float:
    """Return ``(1/n) Σ_i Σ_a π_e(a | x_i) q(x_i, a)``.

    Args:
        action_dist: π_e, ``(n, actions)``.
        estimated_rewards: q, ``(n, actions)``.

    Reference:
        A. Beygelzimer and J. Langford (2009). The offset tree for learning with partial labels. KDD.
    """
    return float((action_dist * estimated_rewards).sum() / len(action_dist))


def weighted_residual(weights: Floats, residuals: Floats) -> float:
    """Return ``(1/n) Σ_i w_i (r_i - q(x_i, a_i))``, the correction of :func:`doubly_robust`.

    Args:
        weights: w, ``(n,)``.
        residuals: ``r_i - q(x_i, a_i)``, ``(n,)``.
    """
    return float((weights * residuals).mean())


def doubly_robust(direct: Floats, correction: float, share: float = 1.0) -> Floats:
    """Return the doubly robust value: the direct method, with its error corrected by the weighted residuals.

    ``V_DR = V_DM + α (1/n) Σ_i w_i (r_i - q(x_i, a_i))``. The paper's estimator has α = 1. A smaller α shrinks the
    correction where chance alone would make it large.

    Args:
        direct: V_DM, by :func:`direct_method`: any shape, for several draws of q.
        correction: by :func:`weighted_residual`.
        share: α, in [0, 1].

    Returns:
        V_DR, in the shape of ``direct``.

    Reference:
        M. Dudík, J. Langford and L. Li (2011). Doubly robust policy evaluation and learning. ICML.
    """
    return direct + share * correction


def targeted_slope(scores: Floats, likelihood_ratio: Floats, direction: Floats) -> tuple[float, float]:
    """Refit a probit regression along one direction: the fluctuation of targeted maximum likelihood.

    The scores become ``η_i + ε d_i``. ε maximises ``Σ_i log(1 + (R_i - 1) Φ(η_i + ε d_i))``, where satisfaction is seen
    only through the likelihood ratio R of its signs, plus the log of a normal prior of ε.

    Args:
        scores: η of the chosen actions, ``(n,)``.
        likelihood_ratio: R, P(signs | satisfied) / P(signs | dissatisfied), ``(n,)``.
        direction: d of the chosen actions, ``(n,)``.

    Returns:
        ε and its standard error.

    Reference:
        M. J. van der Laan and D. Rubin (2006). Targeted maximum likelihood learning. Int. J. Biostatistics 2.
    """
    slope, precision = 0.0, SLOPE_SD**-2
    for _ in range(SLOPE_STEPS):
        moved = np.clip(scores + slope * direction, -4.0, 4.0)  # (n,)
        density = (likelihood_ratio - 1) * np.exp(-(moved**2) / 2) / np.sqrt(2 * np.pi)  # (n,)
        pull = density / (1 + (likelihood_ratio - 1) * probability(moved))  # the derivative of the logs, (n,)
        precision = float(((pull * direction) ** 2).sum()) + SLOPE_SD**-2
        step = (float((pull * direction).sum()) - slope * SLOPE_SD**-2) / precision
        slope += min(max(step, -MAX_SLOPE_STEP), MAX_SLOPE_STEP)
    return slope, precision**-0.5
