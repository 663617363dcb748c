"""What a policy would have been worth, told from what another one did.

``SNIPW``: the self-normalised mean of opinions, each weighted by how much more likely the candidate was to act so, and
by how seldom such an opinion is shown (Swaminathan and Joachims, 2015); how seldom is taken half-way between the
person's own rate and everybody's, for who hardly ever votes would outweigh all others.

``DR``: doubly robust (Dudík, Langford and Li, 2011): a regression's prediction for the candidate, mended by the
weighted errors of that regression. Two things keep its variance small. The regression is first refitted along what the
candidate prefers and the log's policy did not, as in targeted estimation (van der Laan and Rubin, 2006). And the
weighted errors count only as far as they can be told from chance: nearly in full where there are many decisions.

Intervals are of 95 % and take in all that is uncertain: tastes, who is contrary, how often people show what they think.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from llmagent_os.errors import PolicyError
from llmagent_os.policy.off_policy.bandit_feedback import Floats, Ints, Logged
from llmagent_os.policy.off_policy.posterior_sampler import draws
from llmagent_os.policy.off_policy.regressors import Columns, preferences
from llmagent_os.policy.off_policy.reward_regression import probability

#: Weights beyond this are cut off: the bias is reported as their share.
CLIP = 50.0
#: Less than this is too little to conclude from.
MIN_ESS, MIN_OPINIONS, MIN_PEOPLE = 50.0, 30, 5
#: As probable as this is sure.
SURE = 0.95
#: How far the regression may be off, for a candidate that never does what was likely to be done (standard deviation).
WRONG = 0.05
#: How much a preference of one (in log-chances) may say of satisfaction (in probits; standard deviation).
MEANING = 0.5
#: No less than this share of what is hidden is taken to be told by signs.
LEAST_TOLD = 0.02
STEPS = 4
_REACH = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True)
class Estimate:
    """A value, as a probability of satisfaction, with a 95 % interval; either may lie outside [0, 1]."""

    value: float | None  #: None: there is nothing to tell it from
    low: float
    high: float


@dataclass(frozen=True)
class Evaluation:
    """What is known of one candidate."""

    snipw: Estimate  #: from opinions alone
    dr: Estimate  #: from all that was seen
    gain: Estimate  #: DR, beyond what the logged choices were worth
    better: float  #: the probability that the gain is above 0
    ess: float  #: effective sample size of the weights
    clipped: float  #: the share of decisions whose weight was cut off
    unsupported: float  #: the candidate's mean probability of actions that could not have been logged
    opinions: int
    people: int

    @property
    def conclusive(self) -> bool:
        """Whether there is enough to conclude from."""
        return self.ess >= MIN_ESS and self.opinions >= MIN_OPINIONS and self.people >= MIN_PEOPLE

    @property
    def promote(self) -> bool:
        """Whether to put the candidate in the place of what was done: it is surely better, and there is enough."""
        return self.verdict == "better"

    @property
    def verdict(self) -> str:
        """In words."""
        if not self.conclusive:
            return f"too little data (ESS {self.ess:.0f}, {self.opinions} opinions, {self.people} people)"
        if self.unsupported >= 0.05:
            return f"cannot be told: {self.unsupported:.0%} of its choices were never possible"
        if self.better >= SURE:
            return "better"
        return "worse" if self.better <= 1 - SURE else "no difference shown"


class Judge:
    """Judges any number of candidates by one log, which is looked into once."""

    def __init__(self, logged: Logged, contrasts: Floats, orders: Ints, seed: int = 0) -> None:
        """Look into the log, which takes some seconds for a thousand decisions.

        Args:
            logged: what was done.
            contrasts: the actions as vectors, shape ``(actions, k)``: see ``ActionSpace.contrasts``.
            orders: how many dimensions each of their columns joins, shape ``(k,)``.
            seed: of the draws.

        Raises:
            PolicyError: there are no decisions.
        """
        if not len(logged):
            raise PolicyError("no logged decisions: nothing to evaluate")
        self._logged = logged
        self._columns = Columns(logged, contrasts, orders)
        self._people = self._columns.people
        self._draws = list(draws(logged, self._columns, seed))
        self._own = self._values(logged.chances, self._weights(logged.chances))[0]

    def evaluate(self, candidate: Floats) -> Evaluation:
        """Judge a candidate.

        Args:
            candidate: the probability it gives each action at each decision, shape ``(n, actions)``.

        Raises:
            PolicyError: the shape does not fit.
        """
        logged = self._logged
        if candidate.shape != logged.chances.shape:
            raise PolicyError(f"{logged.chances.shape} logged chances, {candidate.shape}: nothing to evaluate")
        raw = self._weights(candidate)
        weights = np.minimum(raw, CLIP)
        values, off = self._values(candidate, weights)
        gains = values - self._own
        return Evaluation(
            snipw=self._snipw(weights),
            dr=_estimate(values, off),
            gain=_estimate(gains, off),
            better=NormalDist().cdf(float(gains.mean()) / max(float(gains.var() + off) ** 0.5, 1e-9)),
            ess=float(weights.sum() ** 2 / max((weights**2).sum(), 1e-12)),
            clipped=float((raw > CLIP).mean()),
            unsupported=float(np.where(logged.chances <= 0, candidate, 0.0).sum(1).mean()),
            opinions=int((logged.opinions > 0).sum()),
            people=int(self._people.max()) + 1,
        )

    def _weights(self, candidate: Floats) -> Floats:
        chosen = candidate[np.arange(len(self._logged)), self._logged.actions]
        return np.asarray(chosen / np.maximum(self._logged.pscore, 1e-9), np.float64)

    def _values(self, candidate: Floats, weights: Floats) -> tuple[Floats, float]:
        """The candidate's value in each draw, and the variance of what is still unknown in all of them."""
        logged, rng = self._logged, np.random.default_rng(0)
        n, at = len(logged), np.arange(len(logged))
        beyond = self._columns.unexplained(preferences(candidate) - preferences(logged.chances))
        beyond -= (logged.chances * beyond).sum(1, keepdims=True)
        direct, mend, noise = (np.zeros(len(self._draws)) for _ in range(3))
        for number, draw in enumerate(self._draws):
            slope, error = _slope(draw.leanings[at, logged.actions], draw.odds, beyond[at, logged.actions])
            guess = probability(draw.leanings + (slope + error * rng.normal()) * beyond)
            direct[number] = (candidate * guess).sum() / n
            chance = probability(draw.leanings[at, logged.actions] + slope * beyond[at, logged.actions])
            errors = chance * draw.odds / (chance * draw.odds + 1 - chance) - chance
            told = max(float((weights * draw.told).mean()), LEAST_TOLD)
            mend[number] = (weights * errors).mean() / told
            noise[number] = (((weights - 1) * errors) ** 2).sum() / (n * told) ** 2
        distance = 0.5 * float(np.abs(candidate - logged.chances).sum(1).mean())
        wrong, chance_alone = (WRONG * distance) ** 2, float(noise.mean())
        trust = wrong / (wrong + chance_alone) if wrong > 0 else 0.0
        return direct + trust * mend.mean(), trust * chance_alone

    def _snipw(self, weights: Floats) -> Estimate:
        """From opinions and what the draws make of those who show them."""
        logged = self._logged
        weights = np.where(logged.opinions > 0, weights, 0.0)
        if weights.sum() <= 0:
            return Estimate(None, 0.0, 1.0)
        means, errors = np.zeros(len(self._draws)), np.zeros(len(self._draws))
        for number, draw in enumerate(self._draws):
            good = (logged.opinions == 2) != draw.habits.contrary[self._people]
            shown = draw.habits.shown
            tempered = np.sqrt(shown * shown.mean(1, keepdims=True))
            scale = weights / tempered[good.astype(int), self._people]
            means[number] = (scale * good).sum() / scale.sum()
            errors[number] = _spread(scale * (good - means[number]), self._people) / scale.sum()
        return _interval(float(means.mean()), float(np.sqrt(means.var() + (errors**2).mean())))


def _slope(leanings: Floats, odds: Floats, beyond: Floats) -> tuple[float, float]:
    """How much more satisfied people are with what the candidate prefers than the regression knew; standard error."""
    slope, sure = 0.0, MEANING**-2
    for _ in range(STEPS):
        moved = np.clip(leanings + slope * beyond, -4.0, 4.0)
        pull = (odds - 1) * np.exp(-(moved**2) / 2) / np.sqrt(2 * np.pi) / (1 + (odds - 1) * probability(moved))
        sure = float(((pull * beyond) ** 2).sum()) + MEANING**-2
        step = (float((pull * beyond).sum()) - slope * MEANING**-2) / sure
        slope += min(max(step, -0.5), 0.5)
    return slope, sure**-0.5


def _estimate(values: Floats, variance: float) -> Estimate:
    return _interval(float(values.mean()), float(np.sqrt(values.var() + variance)))


def _interval(mean: float, error: float) -> Estimate:
    return Estimate(mean, mean - _REACH * error, mean + _REACH * error)


def _spread(errors: Floats, people: Ints) -> float:
    """The standard error of the sum: of people's sums, but not less than of single decisions' would be."""
    sums = np.bincount(people, errors)
    alone = float(np.sqrt((errors**2).sum()))
    if len(sums) < MIN_PEOPLE:
        return alone
    return max(alone, float(np.sqrt((sums**2).sum() * len(sums) / (len(sums) - 1))))
