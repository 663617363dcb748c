"""Finds payments that come again: the same payee, at even distances, with about the same amount."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from itertools import pairwise
from statistics import median

import msgspec
from dateutil.relativedelta import relativedelta

from llmagent_os.plugins.finance.money import Money
from llmagent_os.plugins.finance.transaction import Transaction, plain_words

MIN_PAYMENTS = 3
AMOUNT_TOLERANCE = Decimal("0.25")  #: of the median

#: Each period: its name, the days between two payments, and the step to the next one.
_PERIODS = (
    ("week", 6, 8, relativedelta(weeks=1)),
    ("2 weeks", 12, 16, relativedelta(weeks=2)),
    ("month", 26, 35, relativedelta(months=1)),
    ("quarter", 84, 98, relativedelta(months=3)),
    ("year", 355, 375, relativedelta(years=1)),
)


class RecurringPayment(msgspec.Struct, frozen=True):
    """A payment that comes again."""

    name: str
    period: str  #: ``week``, ``2 weeks``, ``month``, ``quarter`` or ``year``
    amount: Money  #: the median of those seen
    varies: bool  #: the amounts are not all the same
    count: int  #: payments seen
    last: date
    due: date  #: the next one


def recurring_payments(transactions: Iterable[Transaction], today: date) -> list[RecurringPayment]:
    """The recurring payments that still go on, the next one due first.

    At least three payments are needed. All distances fit one period, and each amount is within 25 % of their median. A
    payment that is late by more than half its period has ended.
    """
    groups: dict[tuple[object, ...], list[Transaction]] = defaultdict(list)
    for each in transactions:
        name = " ".join(
            word for word in plain_words(each.payee or each.text).split() if not any(map(str.isdigit, word))
        )
        if name and each.day <= today:
            groups[(each.account, each.currency, each.amount > 0, name)].append(each)
    found = [payment for group in groups.values() if (payment := _found(sorted(group, key=lambda each: each.day)))]
    going_on = [each for each in found if today <= each.due + (each.due - each.last) / 2]
    return sorted(going_on, key=lambda each: (each.due, each.name))


def _found(group: list[Transaction]) -> RecurringPayment | None:
    if len(group) < MIN_PAYMENTS:
        return None
    gaps = [(later.day - earlier.day).days for earlier, later in pairwise(group)]
    period = next((each for each in _PERIODS if all(each[1] <= gap <= each[2] for gap in gaps)), None)
    usual = median(each.amount for each in group)
    if period is None or any(abs(each.amount - usual) > abs(usual) * AMOUNT_TOLERANCE for each in group):
        return None
    last = group[-1]
    # Of monthly payments the day of the month is kept: one on the 31st is not moved to the 30th for good.
    due = last.day + period[3]
    if period[3].months or period[3].years:
        due += relativedelta(day=max(each.day.day for each in group[-MIN_PAYMENTS:]))
    varies = len({each.amount for each in group}) > 1
    money = Money(usual.quantize(Decimal("0.01")), last.currency)
    return RecurringPayment(last.name, period[0], money, varies, len(group), last.day, due)
