"""The value of a portfolio on every day with prices, and what was put in and taken out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import msgspec

from llmagent_os.plugins.finance.exchange_rates import ExchangeRate, converted
from llmagent_os.plugins.finance.holdings.holding import Holdings
from llmagent_os.plugins.finance.money import Money


class Valuation(msgspec.Struct, frozen=True):
    """A portfolio over time, in one currency."""

    currency: str
    days: tuple[date, ...]
    values: tuple[Decimal, ...]  #: at the end of each day
    flows: tuple[Decimal, ...]  #: put in on each day, at the price of the trade; below 0: taken out
    left_out: tuple[str, ...]  #: symbols without a price or a rate


def valuation(holdings: Holdings, currency: str, rates: Sequence[ExchangeRate], until: date) -> Valuation:
    """Value a portfolio from its first trade to a day, on each day with a price or a trade.

    A symbol that cannot be valued on every day on which it is held, is left out with its trades.
    """
    usable = {
        symbol for symbol in {each.symbol for each in holdings.trades} if _is_usable(holdings, symbol, currency, rates)
    }
    trades = [each for each in holdings.trades if each.symbol in usable and each.day <= until]
    left_out = tuple(sorted({each.symbol for each in holdings.trades} - usable))
    if not trades:
        return Valuation(currency, (), (), (), left_out)
    own = {each.day for each in trades}
    priced = {day for symbol in usable for day in holdings.prices[symbol].days if trades[0].day <= day <= until}
    days = sorted(own | priced)
    held: dict[str, Decimal] = {}
    values: list[Decimal] = []
    flows: list[Decimal] = []
    number = 0
    for day in days:
        flow = Decimal(0)
        while number < len(trades) and trades[number].day == day:
            each = trades[number]
            held[each.symbol] = held.get(each.symbol, Decimal(0)) + each.quantity
            price = each.price if each.price is not None else holdings.prices[each.symbol].at(day) or Decimal(0)
            flow += _in(each.quantity * price, holdings.prices[each.symbol].currency, currency, day, rates)
            number += 1
        worth = Decimal(0)
        for symbol, quantity in held.items():
            series = holdings.prices[symbol]
            worth += _in(quantity * (series.at(day) or Decimal(0)), series.currency, currency, day, rates)
        values.append(worth)
        flows.append(flow)
    return Valuation(currency, tuple(days), tuple(values), tuple(flows), left_out)


def _is_usable(holdings: Holdings, symbol: str, currency: str, rates: Sequence[ExchangeRate]) -> bool:
    series = holdings.prices.get(symbol)
    first = next(each.day for each in holdings.trades if each.symbol == symbol)
    if series is None or series.at(first) is None:
        return False
    return converted(Money(Decimal(1), series.currency), currency, first, rates) is not None


def _in(amount: Decimal, own: str, currency: str, day: date, rates: Sequence[ExchangeRate]) -> Decimal:
    found = converted(Money(amount, own), currency, day, rates)
    return Decimal(0) if found is None else found.amount
