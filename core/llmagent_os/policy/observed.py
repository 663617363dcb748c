"""Who shows what they think: two hidden classes, the satisfied and the dissatisfied, and what each shows.

Everybody shows opinions at a rate of their own, the dissatisfied more often by a common ratio, and a few people always
vote the opposite of what they feel; so the mean of the reactions says too little good. What people do next (ask again,
go on) is seen of nearly everybody, but says less. Which class a decision is of is never seen: it is drawn, and what
people show is drawn given the classes, in turns (Gibbs sampling; the model is that of Dawid and Skene, 1979).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from llmagent_os.feedback.signals import NEXT_CATEGORIES

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

#: What is seen of an opinion, and of what came next.
OPINIONS = ("none", "negative", "positive")
NEXTS = NEXT_CATEGORIES

#: Nobody shows an opinion more often, satisfied or not; and no more people than this are taken to be contrary: if all
#: were, what everybody likes would be what nobody does.
MOST_SHOWN, MOST_CONTRARY = 0.99, 0.3
#: Where rates and the ratio are looked for. The ratio is expected at 1.3, give or take half as much again.
_RATES = np.geomspace(0.01, MOST_SHOWN, 24)
_LOUDER = np.geomspace(0.6, 4.0, 25)
_LOUDER_LOG = -0.5 * ((np.log(_LOUDER) - np.log(1.3)) / 0.4) ** 2
#: Expected at first, in decisions, opinions and people: what comes next of the dissatisfied and of the satisfied,
#: opinions not meant and meant, people contrary and not.
_NEXTS = np.array([[0.0, 12.0, 3.0, 0.2], [0.0, 18.0, 1.0, 0.8]])
_MEANT = (1.5, 38.5)
_CONTRARY = (1.0, 19.0)


@dataclass(frozen=True)
class Signs:
    """What was seen of ``n`` decisions."""

    people: Ints  #: whose, from 0, none left out, shape ``(n,)``
    opinions: Ints  #: codes of :data:`OPINIONS`
    nexts: Ints  #: codes of :data:`NEXTS`


@dataclass(frozen=True)
class Habits:
    """What people show, as one draw has it. Classes are in the order dissatisfied, satisfied."""

    rates: Floats  #: P(shows an opinion | satisfied), shape ``(people,)``
    louder: float  #: how many times as often the dissatisfied do
    meant: float  #: P(an opinion is what is felt, or the opposite if contrary)
    contrary: Bools  #: who votes the opposite, shape ``(people,)``
    contrariness: float  #: the share of such people
    nexts: Floats  #: P(next | class, known), shape ``(2, 4)``

    @classmethod
    def expected(cls, people: int) -> Habits:
        """What to start from."""
        nexts = _NEXTS / _NEXTS.sum(1, keepdims=True)
        return cls(np.full(people, 0.2), 1.3, 0.96, np.zeros(people, np.bool_), 0.05, nexts)

    @property
    def shown(self) -> Floats:
        """P(shows an opinion | class), shape ``(2, people)``."""
        return np.stack([np.minimum(self.louder * self.rates, MOST_SHOWN), self.rates])

    def likelihoods(self, signs: Signs) -> Floats:
        """P(what was seen | class), shape ``(2, 2, n)``: if the person is honest, and if contrary."""
        shown = self.shown[:, signs.people]
        after = np.where(signs.nexts > 0, self.nexts[:, signs.nexts], 1.0)
        felt = signs.opinions == np.array([[1], [2]])
        both = [np.where(felt, meant, 1 - meant) for meant in (self.meant, 1 - self.meant)]
        return np.stack([np.where(signs.opinions > 0, shown * each, 1 - shown) * after for each in both])

    def told(self, signs: Signs, chances: Floats) -> Floats:
        """How much such signs tell, shape ``(n,)``: 1 all, 0 nothing.

        Args:
            signs: of which people's decisions, and whether it is known what came next.
            chances: P(satisfied) before anything is seen, shape ``(n,)``.

        Returns:
            The mean of P(satisfied | seen) over what the satisfied show, less that over what the dissatisfied show.
        """
        contrary = self.contrary[signs.people].astype(np.int64)
        at = np.arange(len(signs.people))
        told = np.zeros(len(at))
        for opinion in range(len(OPINIONS)):
            for after in range(len(NEXTS)):
                case = Signs(signs.people, np.full(len(at), opinion), np.full(len(at), after))
                low, high = self.likelihoods(case)[contrary, :, at].T
                seen = chances * high / np.maximum(chances * high + (1 - chances) * low, 1e-12)
                told += np.where((after > 0) == (signs.nexts > 0), (high - low) * seen, 0.0)
        return told

    def drawn(self, signs: Signs, satisfied: Bools, contrary: Bools, rng: np.random.Generator) -> Habits:
        """Others in their place, as likely as they are.

        Args:
            signs: what was seen.
            satisfied: the classes, shape ``(n,)``.
            contrary: who is, shape ``(people,)``.
            rng: chance.
        """
        shows = signs.opinions > 0
        people = len(contrary)
        cell = (2 * satisfied + shows) * people + signs.people
        counts = np.bincount(cell, minlength=4 * people).astype(np.float64).reshape(2, 2, people)
        louder, rates = _drawn_rates(counts, rng)
        cell = satisfied * len(NEXTS) + signs.nexts
        after = _NEXTS + np.bincount(cell, minlength=_NEXTS.size).astype(np.float64).reshape(_NEXTS.shape)
        nexts = np.zeros(after.shape)
        nexts[:, 1:] = [np.maximum(rng.dirichlet(row[1:]), 1e-6) for row in after]  # never impossible
        agrees = ((signs.opinions == 2) == satisfied) != contrary[signs.people]
        right, wrong = int((shows & agrees).sum()), int((shows & ~agrees).sum())
        against = int(contrary.sum())
        share = rng.beta(_CONTRARY[0] + against, _CONTRARY[1] + people - against)
        return Habits(
            rates=rates,
            louder=louder,
            meant=min(max(rng.beta(_MEANT[1] + right, _MEANT[0] + wrong), 0.7), 1 - 1e-6),
            contrary=contrary,
            contrariness=min(share, MOST_CONTRARY),
            nexts=nexts,
        )


def _drawn_rates(counts: Floats, rng: np.random.Generator) -> tuple[float, Floats]:
    """The ratio, whatever the rates are, and then each person's rate.

    Args:
        counts: of decisions by class, whether an opinion was shown, and person, shape ``(2, 2, people)``.
        rng: chance.
    """
    (quiet_low, shown_low), (quiet_high, shown_high) = counts
    low = np.minimum(_LOUDER[:, None] * _RATES, MOST_SHOWN)[:, :, None]
    high = _RATES[:, None]
    upset = np.log(low) * shown_low + np.log(1 - low) * quiet_low
    logs = upset + np.log(high) * shown_high + np.log(1 - high) * quiet_high
    of_ratio: Floats = np.logaddexp.reduce(logs, axis=1).sum(1) + _LOUDER_LOG
    ratio = int(np.argmax(of_ratio + rng.gumbel(size=len(_LOUDER))))
    of_rate = np.asarray(logs[ratio] + rng.gumbel(size=logs[ratio].shape), np.float64)
    return float(_LOUDER[ratio]), _RATES[of_rate.argmax(0)]
