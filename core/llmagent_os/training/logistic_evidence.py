"""Says as a Gaussian what a person's likes and dislikes tell of logistic weights: Laplace's approximation.

With the features ``x`` of a reply and the weights ``w``, ``P(liked) = 1 / (1 + exp(-w . x))``. The likelihood is
expanded to second order around the weights that are most probable with a Gaussian prior, which Newton's method finds.

Source: Bishop 2006, Pattern Recognition and Machine Learning, sections 4.3.3 and 4.5.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from llmagent_os.policy.array_types import Floats

_STEPS = 30  # at most, of Newton's method
_CLOSE = 1e-8  # a Newton step with a shorter longest side is the last


class Gaussian(NamedTuple):
    """A Gaussian in its natural form, in which likelihoods are added up."""

    precision: Floats  #: ``(weights, weights)``
    shift: Floats  #: ``(weights,)``: precision times mean

    def plus(self, other: Gaussian, sign: float = 1.0) -> Gaussian:
        """The product of two, or with ``sign`` -1 what is left without the other."""
        return Gaussian(self.precision + sign * other.precision, self.shift + sign * other.shift)

    def widened(self, variances: Floats) -> Gaussian:
        """The same, after independent noise of these variances, ``(weights,)``. The precision may be singular."""
        kept = np.eye(len(variances)) + self.precision * variances  # (weights, weights)
        precision = solve(kept, self.precision)
        return Gaussian((precision + precision.T) / 2, solve(kept, self.shift))


class LogisticEvidence(NamedTuple):
    """One person's likes and dislikes."""

    design: Floats  #: ``(opinions, weights)``
    liked: Floats  #: ``(opinions,)``: 0 disliked, 1 liked
    trust: Floats  #: ``(opinions,)``

    def likelihood(self, prior: Gaussian) -> Gaussian:
        """Write the likelihood as a Gaussian around the weights that are most probable with this prior (Laplace)."""
        weights = solve(prior.precision, prior.shift)  # (weights,)
        for _ in range(_STEPS):
            found = self._quadratic(weights)
            following = solve(prior.precision + found.precision, prior.shift + found.shift)
            moved = float(np.abs(following - weights).max())
            weights = weights + (following - weights) * min(1.0, 3.0 / max(moved, 1e-12))  # no step overshoots far
            if moved < _CLOSE:
                break
        return self._quadratic(weights)

    def _quadratic(self, weights: Floats) -> Gaussian:
        """The second-order expansion of the log-likelihood at some weights."""
        chance = sigmoid(self.design @ weights)  # (opinions,)
        curvature = self.design.T @ (self.design * (self.trust * chance * (1 - chance))[:, None])  # (weights, weights)
        slope = self.design.T @ (self.trust * (self.liked - chance))  # (weights,)
        return Gaussian(curvature, curvature @ weights + slope)


def solve(matrix: Floats, values: Floats) -> Floats:
    """Solve ``matrix @ x = values`` for x."""
    return np.asarray(np.linalg.solve(matrix, values), np.float64)  # numpy's signature does not tell the precision


def inverse(matrix: Floats) -> Floats:
    """Invert a matrix."""
    return np.asarray(np.linalg.inv(matrix), np.float64)


def sigmoid(values: Floats) -> Floats:
    """Return the logistic function of each value, without overflow."""
    return 0.5 + 0.5 * np.tanh(values / 2)
