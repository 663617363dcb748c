"""Returns of a portfolio: time-weighted and money-weighted.

These are ratios, and so floating-point numbers; the money that they are made of is exact.
"""

from __future__ import annotations

from datetime import date

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from llmagent_os.plugins.finance.holdings.valuation import Valuation

DAYS_PER_YEAR = 365.0
_LOWEST, _HIGHEST = -0.9999, 1_000.0  #: returns a year between which the money-weighted one is sought


def period_returns(found: Valuation) -> tuple[list[date], NDArray[np.float64]]:
    """The return of each period: the value at its end without what was put in on that day, by the value at its start.

    Periods that start with nothing are left out.
    """
    days: list[date] = []
    returns: list[float] = []
    for number in range(1, len(found.days)):
        before = found.values[number - 1]
        if before > 0:
            days.append(found.days[number])
            returns.append(float((found.values[number] - found.flows[number]) / before) - 1)
    return days, np.asarray(returns, dtype=np.float64)


def time_weighted(returns: NDArray[np.float64]) -> float:
    """The periods' returns, multiplied: what the choice of holdings brought, whenever money was put in."""
    return float(np.prod(1 + returns) - 1)


def money_weighted(found: Valuation) -> float | None:
    """The rate a year at which what was put in grows to the value at the end. None: there is none.

    It is known as XIRR, with actual days by 365.
    """
    if len(found.days) < 2 or found.days[-1] == found.days[0]:
        return None
    years = np.asarray([(day - found.days[0]).days / DAYS_PER_YEAR for day in found.days])
    flows = np.asarray([-float(each) for each in found.flows])
    flows[-1] += float(found.values[-1])

    def present(rate: float) -> float:
        return float(np.sum(flows / (1 + rate) ** years))

    if not present(_LOWEST) * present(_HIGHEST) < 0:
        return None
    return float(brentq(present, _LOWEST, _HIGHEST, xtol=1e-12))
