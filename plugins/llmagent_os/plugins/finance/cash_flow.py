"""What came in and what went out, month by month, and what went where."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal

import msgspec

from llmagent_os.plugins.finance.categories import INCOME, category_of
from llmagent_os.plugins.finance.exchange_rates import ExchangeRate, converted
from llmagent_os.plugins.finance.money import Money
from llmagent_os.plugins.finance.transaction import Transaction


class MonthFlow(msgspec.Struct):
    """The money of one month, in one currency."""

    month: str
    came_in: Decimal = Decimal(0)
    went_out: Decimal = Decimal(0)  #: above 0

    @property
    def net(self) -> Decimal:
        """What stayed."""
        return self.came_in - self.went_out


def month_flows(
    transactions: Iterable[Transaction], currency: str, rates: Sequence[ExchangeRate], until: date
) -> tuple[list[MonthFlow], int]:
    """Every month from the first transaction to the last one, and how many transactions had no rate."""
    flows: dict[str, MonthFlow] = {}
    left_out = 0
    for each in transactions:
        if each.day > until:
            continue
        money = converted(Money(each.amount, each.currency), currency, each.day, rates)
        if money is None:
            left_out += 1
            continue
        flow = flows.setdefault(each.month, MonthFlow(each.month))
        if money.amount > 0:
            flow.came_in += money.amount
        else:
            flow.went_out -= money.amount
    for month in _between(min(flows, default=""), max(flows, default="")):
        flows.setdefault(month, MonthFlow(month))
    return [flows[month] for month in sorted(flows)], left_out


def spending(
    transactions: Iterable[Transaction],
    rules: Mapping[str, str],
    currency: str,
    rates: Sequence[ExchangeRate],
) -> tuple[dict[str, Decimal], int]:
    """What was spent on each category, refunds taken off, the most first; and how many had no rate."""
    spent: dict[str, Decimal] = defaultdict(Decimal)
    left_out = 0
    for each in transactions:
        category = category_of(each, rules)
        if category == INCOME:
            continue
        money = converted(Money(-each.amount, each.currency), currency, each.day, rates)
        if money is None:
            left_out += 1
        else:
            spent[category] += money.amount
    return dict(sorted(spent.items(), key=lambda each: (-each[1], each[0]))), left_out


def _between(first: str, last: str) -> list[str]:
    if not first:
        return []
    start, end = (int(each[:4]) * 12 + int(each[5:]) - 1 for each in (first, last))
    return [f"{number // 12:04d}-{number % 12 + 1:02d}" for number in range(start, end + 1)]
