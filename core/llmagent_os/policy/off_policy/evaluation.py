"""Hold the results of the judge: estimates with intervals, and the verdict on a policy."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

#: The least effective sample size, opinions and people that a conclusion can be drawn from.
MIN_ESS, MIN_OPINIONS, MIN_PEOPLE = 50.0, 30, 5
#: The probability from which on a policy is called better.
SURE_PROBABILITY = 0.95
#: The largest share of unsupported choices that a conclusion can be drawn with.
MAX_UNSUPPORTED = 0.05
#: Half the width of a 95 % interval, in standard deviations.
_HALF_WIDTH = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True)
class Estimate:
    """A value, as a probability of satisfaction, with a 95 % interval. Both may lie outside [0, 1]."""

    value: float | None  #: None: nothing was seen that would tell it
    low: float  #: the lower end of the interval
    high: float  #: the upper end of the interval

    @classmethod
    def normal(cls, mean: float, error: float) -> Estimate:
        """Return an estimate with a normal interval around ``mean``, for the standard error ``error``."""
        return cls(mean, mean - _HALF_WIDTH * error, mean + _HALF_WIDTH * error)


@dataclass(frozen=True)
class Evaluation:
    """What the judge says of one policy."""

    snipw: Estimate  #: its value, from opinions alone
    dr: Estimate  #: its value, from all that was seen: the doubly robust estimate
    gain: Estimate  #: its doubly robust value minus that of the logging policy
    better: float  #: the probability that the gain is above 0
    ess: float  #: the effective sample size
    clipped: float  #: the share of decisions whose importance weight was clipped
    unsupported: float  #: the mean probability of actions that the logging policy could not take
    opinions: int  #: the number of decisions with an opinion
    people: int  #: the number of people

    @property
    def conclusive(self) -> bool:
        """Whether there is enough data for a conclusion."""
        return self.ess >= MIN_ESS and self.opinions >= MIN_OPINIONS and self.people >= MIN_PEOPLE

    @property
    def promote(self) -> bool:
        """Whether the policy should replace the logging policy: there is enough data, and it is surely better."""
        return self.verdict == "better"

    @property
    def verdict(self) -> str:
        """The conclusion in words."""
        if not self.conclusive:
            return f"too little data (ESS {self.ess:.0f}, {self.opinions} opinions, {self.people} people)"
        if self.unsupported >= MAX_UNSUPPORTED:
            return f"cannot be told: {self.unsupported:.0%} of its choices were never possible"
        if self.better >= SURE_PROBABILITY:
            return "better"
        return "worse" if self.better <= 1 - SURE_PROBABILITY else "no difference shown"
