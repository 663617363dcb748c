"""Judge what a policy would have been worth, from what was logged while another policy decided.

Nobody says whether they are satisfied, so the judge applies the estimators of
:mod:`~llmagent_os.policy.off_policy.estimators` to every draw of
:mod:`~llmagent_os.policy.off_policy.posterior_sampler`, and combines the results. The intervals of 95 % include all
that is uncertain: tastes, who is contrary, and how often people show what they think.

* SNIPW uses opinions alone. An opinion is also weighted by how seldom such an opinion is shown. That rate is taken
  half-way (the geometric mean) between the person's own and everybody's, for a person who hardly ever votes would
  outweigh all others.
* DR uses everything that was seen. Two things keep its variance small. The regression is first refitted along what the
  policy prefers and the logging policy did not, as in targeted estimation. And the correction is shrunk as far as it
  cannot be told from chance: with many decisions it counts nearly in full.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from llmagent_os.errors import PolicyError
from llmagent_os.policy.array_types import Floats, Ints
from llmagent_os.policy.off_policy.bandit_feedback import LoggedBanditFeedback
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
from llmagent_os.policy.off_policy.evaluation import Estimate, Evaluation
from llmagent_os.policy.off_policy.posterior_sampler import posterior_draws
from llmagent_os.policy.off_policy.regressors import Regressors, preference
from llmagent_os.policy.off_policy.reward_regression import probability

#: Importance weights are clipped here. The bias of that is reported as the share of clipped decisions.
MAX_WEIGHT = 50.0
#: How wrong the regression may be about a policy that never does what was likely to be done, as a standard deviation of
#: the value.
REGRESSION_ERROR_SD = 0.05
#: The least that signs are taken to tell: see
#: :meth:`~llmagent_os.policy.off_policy.judge_feedback_model.FeedbackModel.information`.
MIN_INFORMATION = 0.02


class Judge:
    """Judges any number of policies by one log. The posterior is drawn once."""

    def __init__(self, feedback: LoggedBanditFeedback, contrasts: Floats, orders: Ints, seed: int = 0) -> None:
        """Draw the posterior, which takes some seconds for a thousand decisions.

        Args:
            feedback: the logged decisions.
            contrasts: the actions as vectors, ``(actions, k)``: see
                :meth:`llmagent_os.policy.actions.ActionSpace.contrasts`.
            orders: how many dimensions a column of ``contrasts`` joins, ``(k,)``.
            seed: the same seed gives the same draws.

        Raises:
            PolicyError: there are no decisions.
        """
        if not len(feedback):
            raise PolicyError("no logged decisions: nothing to evaluate")
        self._feedback = feedback
        self._regressors = Regressors(feedback, contrasts, orders)
        self._person = self._regressors.person  # (n,)
        self._draws = list(posterior_draws(feedback, self._regressors, seed))
        logged = feedback.action_dist
        self._own = self._values(logged, self._weights(logged))[0]  # the value of the logging policy, (draws,)

    def evaluate(self, action_dist: Floats) -> Evaluation:
        """Judge a policy.

        Args:
            action_dist: the probability that the policy gives every action at every decision, ``(n, actions)``.

        Raises:
            PolicyError: the shape is not that of the log.
        """
        feedback = self._feedback
        if action_dist.shape != feedback.action_dist.shape:
            shape = feedback.action_dist.shape
            raise PolicyError(f"action_dist has the shape {action_dist.shape}, the log {shape}: nothing to evaluate")
        raw = self._weights(action_dist)  # (n,)
        weights = np.minimum(raw, MAX_WEIGHT)
        values, chance_variance = self._values(action_dist, weights)
        gains = values - self._own  # (draws,)
        return Evaluation(
            snipw=self._snipw(weights),
            dr=_estimate(values, chance_variance),
            gain=_estimate(gains, chance_variance),
            better=NormalDist().cdf(float(gains.mean()) / max(float(gains.var() + chance_variance) ** 0.5, 1e-9)),
            ess=effective_sample_size(weights),
            clipped=float((raw > MAX_WEIGHT).mean()),
            unsupported=unsupported_share(action_dist, feedback.action_dist),
            opinions=int((feedback.opinion > 0).sum()),
            people=int(self._person.max()) + 1,
        )

    def _weights(self, action_dist: Floats) -> Floats:
        return importance_weights(action_dist, self._feedback.action, self._feedback.pscore)

    def _values(self, action_dist: Floats, weights: Floats) -> tuple[Floats, float]:
        """Return the doubly robust value in every draw, ``(draws,)``, and the variance that all draws share.

        A reward is seen only through its signs. P(satisfied | signs) takes its place, which reveals only a part of an
        error of the regression: the information of the signs. So the correction is divided by that part.

        Args:
            action_dist: the policy, ``(n, actions)``.
            weights: its clipped importance weights, ``(n,)``.
        """
        feedback, rng = self._feedback, np.random.default_rng(0)
        n, at = len(feedback), np.arange(len(feedback))
        beyond = self._direction(action_dist)  # (n, actions)
        chosen = beyond[at, feedback.action]  # (n,)
        direct, correction, noise = (np.zeros(len(self._draws)) for _ in range(3))  # (draws,) each
        for number, draw in enumerate(self._draws):
            scores = draw.scores[at, feedback.action]  # (n,)
            slope, error = targeted_slope(scores, draw.likelihood_ratio, chosen)
            direct[number] = direct_method(
                action_dist, probability(draw.scores + (slope + error * rng.normal()) * beyond)
            )
            chance = probability(scores + slope * chosen)  # q(x_i, a_i), (n,)
            ratio = draw.likelihood_ratio
            residuals = chance * ratio / (chance * ratio + 1 - chance) - chance  # P(satisfied | signs) - q, (n,)
            information = max(float((weights * draw.information).mean()), MIN_INFORMATION)
            correction[number] = weighted_residual(weights, residuals) / information
            noise[number] = (((weights - 1) * residuals) ** 2).sum() / (n * information) ** 2
        chance_variance = float(noise.mean())
        share = self._correction_share(action_dist, chance_variance)
        return doubly_robust(direct, correction.mean(), share), share * chance_variance

    def _direction(self, action_dist: Floats) -> Floats:
        """Return what the policy prefers more than the logging policy did, and no regressor explains, ``(n, actions)``.

        Its mean under the logging policy is zero at every decision.
        """
        logged = self._feedback.action_dist
        beyond = self._regressors.unexplained(preference(action_dist) - preference(logged))
        beyond -= (logged * beyond).sum(1, keepdims=True)
        return beyond

    def _correction_share(self, action_dist: Floats, chance_variance: float) -> float:
        """Return α of :func:`doubly_robust`: ``A / (A + chance_variance)``, with A the variance of the regression's
        error.

        That error is expected to grow with the total variation between the policy and the logging policy.

        Args:
            action_dist: the policy, ``(n, actions)``.
            chance_variance: the variance that chance gives the correction.
        """
        distance = 0.5 * float(np.abs(action_dist - self._feedback.action_dist).sum(1).mean())
        wrong = (REGRESSION_ERROR_SD * distance) ** 2
        return wrong / (wrong + chance_variance) if wrong > 0 else 0.0

    def _snipw(self, weights: Floats) -> Estimate:
        """Estimate the value from opinions alone, and from what the draws make of the people who show them.

        Args:
            weights: clipped importance weights, ``(n,)``.
        """
        feedback = self._feedback
        weights = np.where(feedback.opinion > 0, weights, 0.0)
        if weights.sum() <= 0:
            return Estimate(None, 0.0, 1.0)
        means, errors = np.zeros(len(self._draws)), np.zeros(len(self._draws))  # (draws,)
        for number, draw in enumerate(self._draws):
            good = (feedback.opinion == 2) != draw.feedback.contrary[self._person]  # the reward, (n,)
            shown = draw.feedback.shown  # (2, people)
            tempered = np.sqrt(shown * shown.mean(1, keepdims=True))  # (2, people)
            scale = weights / tempered[good.astype(int), self._person]  # (n,)
            means[number] = snipw(good, scale)
            errors[number] = snipw_standard_error(good, scale, self._person)
        return Estimate.normal(float(means.mean()), float(np.sqrt(means.var() + (errors**2).mean())))


def _estimate(values: Floats, variance: float) -> Estimate:
    return Estimate.normal(float(values.mean()), float(np.sqrt(values.var() + variance)))
