"""Model what people show, given whether they are satisfied: the feedback model of the offline judge.

Everybody shows opinions at a rate of their own, the dissatisfied more often by a common ratio, and a few people always
vote the opposite of what they feel. So the mean of the reactions says too little good. What people do next (ask again,
go on) is seen of nearly everybody, but says less. Satisfaction is never seen: it is drawn, and this model is drawn
given the satisfaction, in turns (Dawid and Skene, 1979). This file holds equations (6) to (11) and (16) of
:mod:`~llmagent_os.policy.off_policy.posterior_sampler`, and their priors.

This model differs from the one of the Bayes learner (:mod:`~llmagent_os.policy.bayes.learner_feedback_model`) on
purpose: a judge must not share the mistakes of the learner that it judges. Do not merge the two.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from llmagent_os.policy.array_types import Bools, Floats, Ints
from llmagent_os.policy.off_policy.bandit_feedback import FOLLOW_UPS, OPINIONS

#: Nobody shows opinions at a higher rate, satisfied or not.
MAX_RATE = 0.99
#: The largest share of contrary people. If all were contrary, what everybody likes would be what nobody does.
MAX_CONTRARY_SHARE = 0.3
#: The values that λ and κ can have (6), (7).
RATE_GRID = np.geomspace(0.01, MAX_RATE, 24)
OUTSPOKEN_GRID = np.geomspace(0.6, 4.0, 25)
#: The prior of κ (7): a log-normal density with median 1.3 and a standard deviation of 0.4 on the log scale.
_OUTSPOKEN_LOG_PRIOR = -0.5 * ((np.log(OUTSPOKEN_GRID) - np.log(1.3)) / 0.4) ** 2
#: The prior of θ (11): expected counts of :data:`FOLLOW_UPS`, for the dissatisfied and for the satisfied.
FOLLOW_UP_PRIOR = np.array([[0.0, 12.0, 3.0, 0.2], [0.0, 18.0, 1.0, 0.8]])
#: The prior of h (10): expected counts of opinions that are not meant, and that are meant.
HONESTY_PRIOR = (1.5, 38.5)
#: h stays within these bounds.
HONESTY_BOUNDS = (0.7, 1 - 1e-6)
#: The prior of ν (9): expected counts of people who are contrary, and who are not.
CONTRARY_PRIOR = (1.0, 19.0)


@dataclass(frozen=True)
class ObservedSigns:
    """The signs that were seen of ``n`` decisions."""

    person: Ints  #: the person, numbered from 0 without gaps, ``(n,)``
    opinion: Ints  #: codes of :data:`~llmagent_os.policy.off_policy.bandit_feedback.OPINIONS`, ``(n,)``
    follow_up: Ints  #: codes of :data:`~llmagent_os.policy.off_policy.bandit_feedback.FOLLOW_UPS`, ``(n,)``


@dataclass(frozen=True)
class FeedbackModel:
    """One draw of the parameters. Where an axis is a class, index 0 is dissatisfied and 1 satisfied."""

    rate: Floats  #: λ, P(shows an opinion | satisfied), ``(people,)``
    outspoken: float  #: κ, how many times as often the dissatisfied show an opinion
    honesty: float  #: h, P(an opinion is what the person feels, or the opposite if the person is contrary)
    contrary: Bools  #: c, who votes the opposite of what they feel, ``(people,)``
    contrary_share: float  #: ν, the share of contrary people
    follow_up: Floats  #: θ, P(follow-up | class, known), ``(2, FOLLOW_UPS)``

    @classmethod
    def start(cls, people: int) -> FeedbackModel:
        """Return the parameters that the sampler starts from."""
        follow_up = FOLLOW_UP_PRIOR / FOLLOW_UP_PRIOR.sum(1, keepdims=True)
        return cls(np.full(people, 0.2), 1.3, 0.96, np.zeros(people, np.bool_), 0.05, follow_up)

    @property
    def shown(self) -> Floats:
        """P(shows an opinion | class), equation (8), ``(2, people)``."""
        return np.stack([np.minimum(self.outspoken * self.rate, MAX_RATE), self.rate])

    def likelihoods(self, signs: ObservedSigns) -> Floats:
        """Return P(signs | class), the product of (8), (10) and (11).

        Returns:
            Shape ``(2, 2, n)``: first if the person is honest, then if contrary; then the class.
        """
        shown = self.shown[:, signs.person]  # (2, n)
        after = np.where(signs.follow_up > 0, self.follow_up[:, signs.follow_up], 1.0)  # (2, n)
        felt = signs.opinion == np.array([[1], [2]])  # (2, n): the opinion fits the class
        both = [np.where(felt, meant, 1 - meant) for meant in (self.honesty, 1 - self.honesty)]
        return np.stack([np.where(signs.opinion > 0, shown * vote, 1 - shown) * after for vote in both])

    def information(self, signs: ObservedSigns, chance: Floats) -> Floats:
        """Return how much signs of this sort tell about satisfaction, ``(n,)``: 1 everything, 0 nothing.

        Args:
            signs: of which people's decisions, and for which of them the follow-up is known. The signs that were
                actually seen do not matter.
            chance: P(satisfied) before anything is seen, ``(n,)``.

        Returns:
            ``E[P(satisfied | signs) | satisfied] - E[P(satisfied | signs) | dissatisfied]``.
        """
        contrary = self.contrary[signs.person].astype(np.int64)
        at = np.arange(len(signs.person))
        information = np.zeros(len(at))
        for opinion in range(len(OPINIONS)):
            for after in range(len(FOLLOW_UPS)):
                case = ObservedSigns(signs.person, np.full(len(at), opinion), np.full(len(at), after))
                low, high = self.likelihoods(case)[contrary, :, at].T  # (n,) each
                seen = chance * high / np.maximum(chance * high + (1 - chance) * low, 1e-12)
                information += np.where((after > 0) == (signs.follow_up > 0), (high - low) * seen, 0.0)
        return information

    def redrawn(
        self, signs: ObservedSigns, satisfied: Bools, contrary: Bools, rng: np.random.Generator
    ) -> FeedbackModel:
        """Draw all parameters but c again, by (16).

        Args:
            signs: what was seen.
            satisfied: s, ``(n,)``.
            contrary: c, ``(people,)``.
            rng: the source of the draws.
        """
        shows = signs.opinion > 0  # (n,)
        people = len(contrary)
        cell = (2 * satisfied + shows) * people + signs.person
        counts = np.bincount(cell, minlength=4 * people).astype(np.float64).reshape(2, 2, people)
        outspoken, rate = _draw_rates(counts, rng)
        cell = satisfied * len(FOLLOW_UPS) + signs.follow_up
        seen = np.bincount(cell, minlength=FOLLOW_UP_PRIOR.size).astype(np.float64).reshape(FOLLOW_UP_PRIOR.shape)
        after = FOLLOW_UP_PRIOR + seen  # (2, FOLLOW_UPS)
        follow_up = np.zeros(after.shape)
        follow_up[:, 1:] = [np.maximum(rng.dirichlet(row[1:]), 1e-6) for row in after]  # never impossible
        agrees = ((signs.opinion == 2) == satisfied) != contrary[signs.person]
        right, wrong = int((shows & agrees).sum()), int((shows & ~agrees).sum())
        against = int(contrary.sum())
        share = rng.beta(CONTRARY_PRIOR[0] + against, CONTRARY_PRIOR[1] + people - against)
        least, most = HONESTY_BOUNDS
        return FeedbackModel(
            rate=rate,
            outspoken=outspoken,
            honesty=min(max(rng.beta(HONESTY_PRIOR[1] + right, HONESTY_PRIOR[0] + wrong), least), most),
            contrary=contrary,
            contrary_share=min(share, MAX_CONTRARY_SHARE),
            follow_up=follow_up,
        )


def _draw_rates(counts: Floats, rng: np.random.Generator) -> tuple[float, Floats]:
    """Draw κ with the rates summed out, and then the rate of every person, by the Gumbel trick.

    Args:
        counts: the number of decisions by class, by whether an opinion was shown, and by person, ``(2, 2, people)``.
        rng: the source of the draws.

    Returns:
        κ, and λ ``(people,)``.
    """
    (quiet_low, shown_low), (quiet_high, shown_high) = counts  # (people,) each
    low = np.minimum(OUTSPOKEN_GRID[:, None] * RATE_GRID, MAX_RATE)[:, :, None]  # (κ grid, λ grid, 1)
    high = RATE_GRID[:, None]  # (λ grid, 1)
    upset = np.log(low) * shown_low + np.log(1 - low) * quiet_low
    logs = upset + np.log(high) * shown_high + np.log(1 - high) * quiet_high  # (κ grid, λ grid, people)
    of_ratio: Floats = np.logaddexp.reduce(logs, axis=1).sum(1) + _OUTSPOKEN_LOG_PRIOR  # (κ grid,)
    ratio = int(np.argmax(of_ratio + rng.gumbel(size=len(OUTSPOKEN_GRID))))
    of_rate = np.asarray(logs[ratio] + rng.gumbel(size=logs[ratio].shape), np.float64)  # (λ grid, people)
    return float(OUTSPOKEN_GRID[ratio]), RATE_GRID[of_rate.argmax(0)]
