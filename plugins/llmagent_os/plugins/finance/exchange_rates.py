"""Exchange rates that the person gave. Nothing is converted without one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal

import msgspec

from llmagent_os.plugins.finance.money import Money

_CENT = Decimal("0.01")


class ExchangeRate(msgspec.Struct, frozen=True):
    """How much of one currency another one is worth."""

    base: str
    quote: str
    rate: Decimal  #: of ``quote`` for one of ``base``
    day: date  #: from which it holds


class MoneySum(msgspec.Struct, frozen=True):
    """A sum in one currency, and what could not be converted into it."""

    total: Money
    left_out: tuple[Money, ...] = ()  #: one for each currency without a rate


def converted(money: Money, currency: str, day: date, rates: Sequence[ExchangeRate]) -> Money | None:
    """An amount in another currency, by the newest rate that held on a day; None: there is none.

    >>> rate = ExchangeRate("EUR", "USD", Decimal("1.25"), date(2026, 11, 1))
    >>> str(converted(Money(Decimal("10"), "USD"), "EUR", date(2026, 11, 2), [rate]))
    '€8.00'
    >>> converted(Money(Decimal("10"), "USD"), "EUR", date(2026, 10, 2), [rate])
    """
    if money.currency == currency:
        return money
    fitting = [
        (each.day, each.rate if each.base == money.currency else 1 / each.rate)
        for each in rates
        if {each.base, each.quote} == {money.currency, currency} and each.day <= day
    ]
    if not fitting:
        return None
    rate = max(fitting, key=lambda each: each[0])[1]
    return Money((money.amount * rate).quantize(_CENT), currency)


def summed(parts: Iterable[tuple[Money, date]], currency: str, rates: Sequence[ExchangeRate]) -> MoneySum:
    """Add amounts of several days in one currency."""
    total = Decimal(0)
    left: dict[str, Decimal] = {}
    for money, day in parts:
        found = converted(money, currency, day, rates)
        if found is None:
            left[money.currency] = left.get(money.currency, Decimal(0)) + money.amount
        else:
            total += found.amount
    return MoneySum(Money(total, currency), tuple(Money(amount, code) for code, amount in sorted(left.items())))
