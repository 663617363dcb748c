"""Draw how satisfied people are with actions: the probit regression of the judge, hierarchical over personas and
people.

This file holds equations (1) to (5), (13) and (15) of :mod:`~llmagent_os.policy.off_policy.posterior_sampler`. The
variances are drawn too, so that a coefficient that the data do not show shrinks to nothing.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from llmagent_os.policy.array_types import Floats, Ints
from llmagent_os.policy.off_policy.regressors import REGRESSOR_KINDS, Regressors

#: K, the number of personas.
PERSONA_COUNT = 8
#: The prior variances σ₀², τ₀² and ω₀² (4) of every kind of regressor, ``(3, REGRESSOR_KINDS)``. Interactions of
#: several dimensions are expected to matter less.
VARIANCE_PRIOR = np.outer((0.3, 0.15, 0.05), (1.0, 1.0, 0.2, 1.0, 1.0, 0.2, 1.0))
#: How many coefficients a prior variance counts for.
VARIANCE_PRIOR_COUNT = 4.0
#: The sum of the prior counts of π (5).
PERSONA_COUNTS = 2


class RewardRegression:
    """The coefficients of the regression, as one round of the sampler has them."""

    def __init__(self, regressors: Regressors, rng: np.random.Generator) -> None:
        """Start from a guess.

        Args:
            regressors: x of every decision.
            rng: the source of all draws.
        """
        self._regressors, self._rng = regressors, rng
        people, size = regressors.people, regressors.chosen.shape[1]
        mine = (regressors.chosen[regressors.person == person] for person in range(people))
        self._gram = np.stack([rows.T @ rows for rows in mine])  # Σ x xᵀ of every person, (people, columns, columns)
        self._variances = VARIANCE_PRIOR.copy()  # σ², τ², ω², (3, REGRESSOR_KINDS)
        self._common = np.zeros(size)  # β_0, (columns,)
        self._personas = rng.normal(0, 0.3, (PERSONA_COUNT, size))  # β_k, (personas, columns)
        self._deviations = np.zeros((people, regressors.own))  # δ, (people, own)
        self._shares = np.full(PERSONA_COUNT, 1 / PERSONA_COUNT)  # π, (personas,)
        self._which = rng.integers(0, PERSONA_COUNT, people)  # z, (people,)

    def scores_by_persona(self) -> Floats:
        """Return η of the chosen actions, if the person were of persona k, for every k, ``(n, personas)``."""
        regressors = self._regressors
        own = (regressors.chosen[:, : regressors.own] * self._deviations[regressors.person]).sum(1)  # (n,)
        return np.asarray(regressors.chosen @ self._personas.T + own[:, None], np.float64)

    def scores(self) -> Floats:
        """Return η of all actions, ``(n, actions)``."""
        mine = self._personas[self._which]  # (people, columns)
        mine[:, : self._regressors.own] += self._deviations
        return self._regressors.scores(mine)

    def draw_personas(self, log_likelihoods: Floats) -> Ints:
        """Draw the persona of every person, and one of several cases with it, by (12); then π by (13).

        Args:
            log_likelihoods: log P(what was seen of the person | case, persona), ``(people, cases, personas)``.

        Returns:
            The case of every person, ``(people,)``.
        """
        whole = (log_likelihoods + np.log(self._shares)).reshape(len(log_likelihoods), -1)  # (people, cases × personas)
        chosen = (whole + self._rng.gumbel(size=whole.shape)).argmax(1)  # the Gumbel trick
        self._which = chosen % PERSONA_COUNT
        counts = np.bincount(self._which, minlength=PERSONA_COUNT)  # (personas,)
        self._shares = self._rng.dirichlet(counts + PERSONA_COUNTS / PERSONA_COUNT) + 1e-12
        return np.asarray(chosen // PERSONA_COUNT, np.int64)

    def of_persona(self, values: Floats) -> Floats:
        """Select, from values ``(n, personas)``, that of the persona of the decision's person, ``(n,)``."""
        return np.asarray(values[np.arange(len(values)), self._which[self._regressors.person]], np.float64)

    def draw_coefficients(self, latent: Floats) -> None:
        """Draw β with δ summed out, δ, β_0 and the variances, by (15).

        Args:
            latent: y, ``(n,)``.
        """
        rng, own = self._rng, self._regressors.own
        common, between, within = (variances[self._regressors.kinds] for variances in self._variances)  # (columns,)
        cross = self._gram[:, :own]  # Σ w xᵀ, (people, own, columns)
        sums = self._regressors.sum_by_person(self._regressors.chosen * latent[:, None])  # Σ x y, (people, columns)
        spread = np.linalg.inv(cross[:, :, :own] + np.diag(1 / within[:own]))  # S, (people, own, own)
        share = np.swapaxes(cross, 1, 2) @ spread  # (people, columns, own)
        member = np.eye(PERSONA_COUNT)[:, self._which]  # (personas, people)
        precision = np.tensordot(member, self._gram - share @ cross, axes=1) + np.diag(1 / between)
        pull = member @ (sums - (share @ sums[:, :own, None])[:, :, 0]) + self._common / between  # (personas, columns)
        root = np.linalg.cholesky(precision)  # (personas, columns, columns)
        mean = np.linalg.solve(precision, pull[:, :, None])
        noise = np.linalg.solve(np.swapaxes(root, 1, 2), rng.normal(size=mean.shape))
        self._personas = (mean + noise)[:, :, 0]
        left = sums[:, :own] - np.einsum("uod,ud->uo", cross, self._personas[self._which])  # (people, own)
        shaken = np.linalg.cholesky(spread) @ rng.normal(size=(len(left), own, 1))
        self._deviations = (spread @ left[:, :, None] + shaken)[:, :, 0]
        sure = PERSONA_COUNT / between + 1 / common  # the precision of β_0, (columns,)
        self._common = self._personas.sum(0) / between / sure + rng.normal(size=len(common)) / np.sqrt(sure)
        self._draw_variances()

    def _draw_variances(self) -> None:
        """Draw σ², τ² and ω² by (15)."""
        levels = (self._common[None], self._personas - self._common, self._deviations)
        for level, values in enumerate(levels):
            kinds = self._regressors.kinds[: values.shape[1]]
            counts = np.bincount(kinds, minlength=REGRESSOR_KINDS) * len(values)  # (REGRESSOR_KINDS,)
            squares = np.bincount(kinds, (values**2).sum(0), REGRESSOR_KINDS)  # (REGRESSOR_KINDS,)
            scale = (VARIANCE_PRIOR_COUNT * VARIANCE_PRIOR[level] + squares) / 2
            self._variances[level] = scale / self._rng.gamma((VARIANCE_PRIOR_COUNT + counts) / 2)


def probability(scores: Floats) -> Floats:
    """Return Φ of ``scores``, the probability of satisfaction, within [1e-5, 1 - 1e-5]."""
    return np.clip(ndtr(scores), 1e-5, 1 - 1e-5)
