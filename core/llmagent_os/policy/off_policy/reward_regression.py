"""How satisfied people are with what is done, as a regression: personas, and each person's own deviation from theirs.

A probit regression. Everybody is of one of a few personas, which are found; a persona's coefficients vary about
everybody's, and a person's effects of actions about their persona's. How much each kind of coefficient varies is drawn
too, so that what the data do not show shrinks to nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from llmagent_os.policy.off_policy.bandit_feedback import Floats, Ints
from llmagent_os.policy.off_policy.regressors import KINDS, Columns

PERSONAS = 8
#: What their variances are expected to be (everybody's, personas', people's), less where several dimensions are joined;
#: and how many coefficients it takes to move that half-way.
_EXPECTED = np.outer((0.3, 0.15, 0.05), (1.0, 1.0, 0.2, 1.0, 1.0, 0.2, 1.0))
_WORTH = 4.0


class Tastes:
    """The coefficients, as one draw has them; :meth:`draw` makes the next."""

    def __init__(self, columns: Columns, rng: np.random.Generator) -> None:
        """``rng`` is what is drawn from."""
        self._columns, self._rng = columns, rng
        count, size = columns.count, columns.chosen.shape[1]
        mine = (columns.chosen[columns.people == person] for person in range(count))
        self._gram = np.stack([each.T @ each for each in mine])
        self._variances = _EXPECTED.copy()
        self._common = np.zeros(size)
        self._personas = rng.normal(0, 0.3, (PERSONAS, size))
        self._deviations = np.zeros((count, columns.own))
        self._shares = np.full(PERSONAS, 1 / PERSONAS)
        self._which = rng.integers(0, PERSONAS, count)

    def leanings(self) -> Floats:
        """Towards satisfaction with what was done, if the person were of each persona, shape ``(n, PERSONAS)``."""
        columns = self._columns
        own = (columns.chosen[:, : columns.own] * self._deviations[columns.people]).sum(1)
        return np.asarray(columns.chosen @ self._personas.T + own[:, None], np.float64)

    def everywhere(self) -> Floats:
        """Leanings towards satisfaction with every action, shape ``(n, actions)``; probits of its probability."""
        mine = self._personas[self._which]
        mine[:, : self._columns.own] += self._deviations
        return self._columns.everywhere(mine)

    def assign(self, logs: Floats) -> Ints:
        """Draw everybody's persona, and one of ``cases`` with it.

        Args:
            logs: log P(what was seen of the person | case, persona), shape ``(people, cases, PERSONAS)``.

        Returns:
            The cases, shape ``(people,)``.
        """
        whole = (logs + np.log(self._shares)).reshape(len(logs), -1)
        chosen = (whole + self._rng.gumbel(size=whole.shape)).argmax(1)
        self._which = chosen % PERSONAS
        counts = np.bincount(self._which, minlength=PERSONAS)
        self._shares = self._rng.dirichlet(counts + 2 / PERSONAS) + 1e-12
        return np.asarray(chosen // PERSONAS, np.int64)

    def of_persona(self, values: NDArray[np.float64]) -> Floats:
        """From ``(n, PERSONAS)``, each decision's value of its person's persona, shape ``(n,)``."""
        return np.asarray(values[np.arange(len(values)), self._which[self._columns.people]], np.float64)

    def draw(self, latent: Floats) -> None:
        """Draw all coefficients and variances.

        Args:
            latent: what the regression explains with noise of variance 1: positive if satisfied, shape ``(n,)``.
        """
        rng, own = self._rng, self._columns.own
        common, between, within = (each[self._columns.kinds] for each in self._variances)
        cross = self._gram[:, :own]
        sums = self._columns.by_person(self._columns.chosen * latent[:, None])
        spread = np.linalg.inv(cross[:, :, :own] + np.diag(1 / within[:own]))
        share = np.swapaxes(cross, 1, 2) @ spread
        member = np.eye(PERSONAS)[:, self._which]
        precision = np.tensordot(member, self._gram - share @ cross, axes=1) + np.diag(1 / between)
        pull = member @ (sums - (share @ sums[:, :own, None])[:, :, 0]) + self._common / between
        root = np.linalg.cholesky(precision)
        mean = np.linalg.solve(precision, pull[:, :, None])
        noise = np.linalg.solve(np.swapaxes(root, 1, 2), rng.normal(size=mean.shape))
        self._personas = (mean + noise)[:, :, 0]
        left = sums[:, :own] - np.einsum("uod,ud->uo", cross, self._personas[self._which])
        shaken = np.linalg.cholesky(spread) @ rng.normal(size=(len(left), own, 1))
        self._deviations = (spread @ left[:, :, None] + shaken)[:, :, 0]
        sure = PERSONAS / between + 1 / common
        self._common = self._personas.sum(0) / between / sure + rng.normal(size=len(common)) / np.sqrt(sure)
        self._vary()

    def _vary(self) -> None:
        """Draw how much each kind of coefficient varies, at each level."""
        levels = (self._common[None], self._personas - self._common, self._deviations)
        for level, values in enumerate(levels):
            kinds = self._columns.kinds[: values.shape[1]]
            counts = np.bincount(kinds, minlength=KINDS) * len(values)
            squares = np.bincount(kinds, (values**2).sum(0), KINDS)
            scale = (_WORTH * _EXPECTED[level] + squares) / 2
            self._variances[level] = scale / self._rng.gamma((_WORTH + counts) / 2)


def probability(leanings: Floats) -> Floats:
    """Of satisfaction, away from 0 and 1."""
    return np.clip(ndtr(leanings), 1e-5, 1 - 1e-5)
