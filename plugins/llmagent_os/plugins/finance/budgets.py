"""Budgets: how much may be spent on a category in a month, and when it was more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

import msgspec

from llmagent_os.plugins.finance.categories import category_of
from llmagent_os.plugins.finance.exchange_rates import ExchangeRate, MoneySum, summed
from llmagent_os.plugins.finance.money import Money
from llmagent_os.plugins.finance.transaction import Transaction


class BudgetState(msgspec.Struct, frozen=True):
    """What was spent of a budget in one month."""

    category: str
    month: str  #: such as ``2026-11``
    limit: Money
    spent: MoneySum  #: above 0: spent
    breached: date | None  #: the day on which the sum went over the limit; it may be in the future

    @property
    def key(self) -> str:
        """By which it is noted that the breach was told."""
        return f"{self.category}:{self.month}"


def budget_state(
    category: str,
    limit: Money,
    month: str,
    transactions: Iterable[Transaction],
    rules: Mapping[str, str],
    rates: Sequence[ExchangeRate],
    until: date | None = None,
) -> BudgetState:
    """What was spent on a category in a month, refunds taken off.

    Args:
        category: of the budget.
        limit: of one month.
        month: such as ``2026-11``.
        transactions: all, or those of the month.
        rules: see :func:`~llmagent_os.plugins.finance.categories.category_of`.
        rates: for what was spent in other currencies.
        until: later transactions are not spent yet, but they do count for the day of the breach.
    """
    own = sorted(
        (each for each in transactions if each.month == month and category_of(each, rules) == category),
        key=lambda each: each.day,
    )
    parts = [(Money(-each.amount, each.currency), each.day) for each in own]
    breached = next(
        (
            each.day
            for number, each in enumerate(own, 1)
            if summed(parts[:number], limit.currency, rates).total.amount > limit.amount
        ),
        None,
    )
    spent = summed([part for part in parts if until is None or part[1] <= until], limit.currency, rates)
    return BudgetState(category, month, limit, spent, breached)
