"""The risk of a series of returns: volatility, drawdown, Sharpe and Sortino ratios, correlation.

The definitions are those of Sharpe (1994) and of Sortino and Price (1994), as most libraries have them: means are
arithmetic, deviations those of a sample, and a year is so many periods.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from statistics import median

import msgspec
import numpy as np
from numpy.typing import NDArray

MIN_RETURNS = 2


class RiskFigures(msgspec.Struct, frozen=True):
    """The risk of a series of returns, with what it was computed from. None: the series is too short or too even."""

    count: int  #: returns
    periods_per_year: int
    risk_free: float  #: a year, such as 0.025
    volatility: float | None  #: a year
    max_drawdown: float | None  #: the deepest fall below an earlier height, below 0
    sharpe: float | None
    sortino: float | None


def periods_per_year(days: Sequence[date]) -> int:
    """How many periods a year has: 252 trading days, 52 weeks, 12 months, 4 quarters or 1, by the usual distance.

    >>> periods_per_year([date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 31)])
    12
    """
    gaps = [(later - earlier).days for earlier, later in pairwise(days)]
    usual = median(gaps) if gaps else 30
    return next(number for most, number in ((4, 252), (15, 52), (45, 12), (180, 4), (math.inf, 1)) if usual <= most)


def risk_figures(returns: NDArray[np.float64], per_year: int, risk_free: float) -> RiskFigures:
    """The figures of a series.

    Args:
        returns: of each period, such as 0.01.
        per_year: periods of a year.
        risk_free: the rate a year that could be had without risk. It is spread over the periods geometrically.
    """
    if len(returns) < MIN_RETURNS:
        return RiskFigures(len(returns), per_year, risk_free, None, None, None, None)
    excess: NDArray[np.float64] = returns - ((1 + risk_free) ** (1 / per_year) - 1)
    deviation = float(np.std(returns, ddof=1))
    below = math.sqrt(sum(min(each, 0.0) ** 2 for each in excess.tolist()) / len(returns))
    mean, root = float(np.mean(excess)), math.sqrt(per_year)
    return RiskFigures(
        len(returns),
        per_year,
        risk_free,
        deviation * root,
        _deepest_fall(returns),
        mean / deviation * root if deviation > 1e-12 else None,
        mean / below * root if below > 1e-12 else None,
    )


def _deepest_fall(returns: NDArray[np.float64]) -> float:
    height = top = 1.0
    deepest = 0.0
    for each in returns.tolist():
        height *= 1 + each
        top = max(top, height)
        deepest = min(deepest, height / top - 1)
    return deepest


def correlation(one: dict[date, float], other: dict[date, float]) -> tuple[float | None, int]:
    """The correlation (Pearson) of the returns between the days that two series of prices share, and how many."""
    days = sorted(one.keys() & other.keys())
    if len(days) < MIN_RETURNS + 1:
        return None, max(0, len(days) - 1)
    first, second = (np.asarray([series[day] for day in days]) for series in (one, other))
    a, b = first[1:] / first[:-1] - 1, second[1:] / second[:-1] - 1
    if min(float(np.std(a)), float(np.std(b))) < 1e-12:
        return None, len(a)
    return float(np.corrcoef(a, b)[0, 1]), len(a)
