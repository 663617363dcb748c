"""What breaks without this: a figure that bears the name of a paper's estimator, and is another one."""

from __future__ import annotations

import numpy as np
import pytest

from llmagent_os.policy.off_policy.estimators import (
    direct_method,
    doubly_robust,
    effective_sample_size,
    importance_weights,
    snipw,
    snipw_standard_error,
    targeted_slope,
    unsupported_share,
    weighted_residual,
)

LOGGED = np.array([[0.5, 0.5], [0.25, 0.75], [0.5, 0.5], [1.0, 0.0]])
ACTION = np.array([0, 1, 1, 0])
PSCORE = np.array([0.5, 0.75, 0.5, 1.0])
OTHER = np.array([[1.0, 0.0], [0.5, 0.5], [0.25, 0.75], [0.5, 0.5]])
REWARD = np.array([1.0, 0.0, 1.0, 1.0])


def test_weights_are_the_ratio_of_the_two_policies() -> None:
    weights = importance_weights(OTHER, ACTION, PSCORE)
    assert np.allclose(weights, [2.0, 2 / 3, 1.5, 0.5])
    assert effective_sample_size(weights) == pytest.approx(weights.sum() ** 2 / (4 + 4 / 9 + 2.25 + 0.25))
    assert effective_sample_size(np.ones(7)) == pytest.approx(7)
    assert unsupported_share(OTHER, LOGGED) == pytest.approx(0.5 / 4)


def test_the_self_normalised_mean_does_not_depend_on_the_scale_of_the_weights() -> None:
    weights = importance_weights(OTHER, ACTION, PSCORE)
    assert snipw(REWARD, weights) == pytest.approx((2.0 + 1.5 + 0.5) / (2.0 + 2 / 3 + 1.5 + 0.5))
    assert snipw(REWARD, 9 * weights) == pytest.approx(snipw(REWARD, weights))
    person = np.arange(4)
    assert snipw_standard_error(REWARD, 9 * weights, person) == pytest.approx(
        snipw_standard_error(REWARD, weights, person)
    )


def test_decisions_of_one_person_are_no_independent_evidence() -> None:
    """If they were, one person who votes a thousand times would make any difference look sure."""
    reward = np.repeat(np.arange(10) % 2, 50).astype(np.float64)
    alone = snipw_standard_error(reward, np.ones(500), np.arange(500))
    clustered = snipw_standard_error(reward, np.ones(500), np.repeat(np.arange(10), 50))
    assert alone == pytest.approx(0.5 / np.sqrt(500), rel=0.01)
    assert clustered == pytest.approx(0.5 / np.sqrt(9), rel=0.01)


def test_the_correction_makes_good_for_a_wrong_regression() -> None:
    """Doubly robust: with exact propensities, a regression that knows nothing still gives the right value."""
    rng = np.random.default_rng(0)
    n, truth = 40_000, np.array([0.8, 0.3])
    logged, other = np.full((n, 2), 0.5), np.tile([0.9, 0.1], (n, 1))
    action = rng.integers(0, 2, n)
    reward = (rng.random(n) < truth[action]).astype(np.float64)
    weights = importance_weights(other, action, logged[np.arange(n), action])
    wrong = np.full((n, 2), 0.1)
    direct = direct_method(other, wrong)
    correction = weighted_residual(weights, reward - wrong[np.arange(n), action])
    assert direct == pytest.approx(0.1)
    assert doubly_robust(np.array([direct]), correction)[0] == pytest.approx(0.9 * 0.8 + 0.1 * 0.3, abs=0.02)
    assert doubly_robust(np.array([direct]), correction, share=0.0)[0] == pytest.approx(0.1)


def test_the_slope_is_found_as_far_as_signs_tell_it() -> None:
    rng = np.random.default_rng(1)
    direction = rng.normal(size=4000)
    satisfied = rng.random(4000) < 0.5 * (1 + np.tanh(0.8 * 0.4 * direction))  # about Φ(0.4 direction)
    slope, error = targeted_slope(np.zeros(4000), np.where(satisfied, 50.0, 0.02), direction)
    assert abs(slope - 0.4) < 0.1 and error < 0.05
    slope, error = targeted_slope(np.zeros(4000), np.ones(4000), direction)
    assert slope == 0 and error == pytest.approx(0.5), "signs that tell nothing leave the prior"
