"""Who shows what they think: a model of two hidden classes, the satisfied and the dissatisfied, and of what each shows.

The dissatisfied react more often, so the mean of the reactions says too little good; what people do next (ask again, go
on) is seen of nearly everybody, but says less. Expectation-maximisation over both (Dawid and Skene, 1979) tells how
often each class shows each sign; from that follow ``p_observed`` and an outcome for every decision that is right on
average. What cannot be told from such counts is assumed: how often an opinion that is shown is meant.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: What is seen of an opinion, and of what came next.
OPINIONS = ("none", "negative", "positive")
NEXTS = ("unknown", "went_on", "asked_again", "thanked")

#: How often an opinion is meant, and how many opinions it takes to doubt that as much as to believe it.
MEANT, FAITH = 0.96, 400.0

#: What comes next, as expected at first, in decisions: rows are the dissatisfied and the satisfied.
_NEXTS = np.array([[0.0, 6.0, 1.5, 0.1], [0.0, 9.0, 0.5, 0.4]])
ROUNDS = 500


@dataclass(frozen=True)
class Observed:
    """What each class shows."""

    satisfied: float  #: the share of the satisfied
    opinions: Floats  #: P(opinion | class), shape ``(2, 3)``
    nexts: Floats  #: P(next | class, known), shape ``(2, 4)``

    @classmethod
    def fit(cls, opinions: NDArray[np.int64], nexts: NDArray[np.int64]) -> Observed:
        """Args: codes of :data:`OPINIONS` and :data:`NEXTS`, each of shape ``(decisions,)``."""
        seen = np.zeros((len(OPINIONS), len(NEXTS)))
        np.add.at(seen, (opinions, nexts), 1.0)
        model = cls(0.6, _opinions(np.array([0.2, 0.2]), MEANT), _shares(_NEXTS))
        for _ in range(ROUNDS):
            content = model._table() * seen
            upset = seen - content
            both = np.stack([upset, content])
            counts = both.sum(2)
            meant = (counts[0, 1] + counts[1, 2] + MEANT * FAITH) / (counts[:, 1:].sum() + FAITH)
            after = cls(
                float((content.sum() + 6.0) / (seen.sum() + 10.0)),
                _opinions((counts[:, 1:].sum(1) + 1.0) / (counts.sum(1) + 5.0), float(meant)),
                _shares(_NEXTS + both.sum(1) * (np.arange(len(NEXTS)) > 0)),
            )
            if abs(after.satisfied - model.satisfied) < 1e-9:
                return after
            model = after
        return model

    def _table(self) -> Floats:
        """P(satisfied | seen), shape ``(3, 4)``."""
        nexts = np.where(np.arange(len(NEXTS)) > 0, self.nexts, 1.0)
        joint = (
            self.opinions[:, :, None] * nexts[:, None] * np.array([1 - self.satisfied, self.satisfied])[:, None, None]
        )
        return np.asarray(joint[1] / joint.sum(0), np.float64)

    def p_observed(self, opinions: NDArray[np.int64]) -> Floats:
        """How likely an opinion of that sign is shown by who holds it; 1 where none was."""
        shown = np.array([1.0, 1 - self.opinions[0, 0], 1 - self.opinions[1, 0]])
        return shown[opinions]

    def outcomes(self, opinions: NDArray[np.int64], nexts: NDArray[np.int64]) -> Floats:
        """An outcome for each decision whose mean is the probability of satisfaction, whatever the action was.

        The probability of satisfaction given what was seen, stretched so that it is 1 on the average of the satisfied
        and 0 on that of the dissatisfied: single ones lie outside [0, 1].
        """
        table = self._table()
        means = np.zeros((2, len(NEXTS)))
        means[:] = np.einsum("so,on->sn", self.opinions, table)
        known = self.nexts[:, 1:] / self.nexts[:, 1:].sum(1, keepdims=True)
        with_next = np.einsum("so,sn,on->s", self.opinions, known, table[:, 1:])
        without = means[:, 0]
        followed = np.asarray(nexts > 0, np.float64)
        low = followed * float(with_next[0]) + (1 - followed) * float(without[0])
        high = followed * float(with_next[1]) + (1 - followed) * float(without[1])
        return np.asarray((table[opinions, nexts] - low) / np.maximum(high - low, 1e-3), np.float64)


def _opinions(rates: Floats, meant: float) -> Floats:
    """P(opinion | class), where each class shows one at its rate, and means it so often."""
    dissatisfied = [1 - rates[0], rates[0] * meant, rates[0] * (1 - meant)]
    return np.array([dissatisfied, [1 - rates[1], rates[1] * (1 - meant), rates[1] * meant]], np.float64)


def _shares(counts: Floats) -> Floats:
    return np.asarray(counts / counts.sum(1, keepdims=True), np.float64)
