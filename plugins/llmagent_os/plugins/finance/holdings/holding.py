"""Trades and prices, and what a portfolio of them is worth on a day."""

from __future__ import annotations

from bisect import bisect_right
from datetime import date
from decimal import Decimal

import msgspec

from llmagent_os.plugins.finance.money import Money


class Trade(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something that was bought or sold."""

    day: date
    symbol: str
    quantity: Decimal  #: below 0: sold
    price: Decimal | None = None  #: of one; None: the price of the day
    currency: str = ""


class PriceSeries(msgspec.Struct, frozen=True):
    """The prices of a symbol, the oldest first."""

    symbol: str
    currency: str
    days: tuple[date, ...]
    prices: tuple[Decimal, ...]

    def at(self, day: date) -> Decimal | None:
        """The last price on or before a day; None: there is none yet."""
        number = bisect_right(self.days, day)
        return self.prices[number - 1] if number else None

    def with_prices(self, found: dict[date, Decimal]) -> PriceSeries:
        """The series with more prices. A new one stands in the place of that of the same day."""
        merged = dict(zip(self.days, self.prices, strict=True)) | found
        days = tuple(sorted(merged))
        return PriceSeries(self.symbol, self.currency, days, tuple(merged[day] for day in days))


class Holdings(msgspec.Struct, frozen=True):
    """All trades, the oldest first, and the prices of each symbol."""

    trades: tuple[Trade, ...] = ()
    prices: dict[str, PriceSeries] = {}

    def quantities(self, day: date) -> dict[str, Decimal]:
        """How many of each symbol are held at the end of a day."""
        held: dict[str, Decimal] = {}
        for each in self.trades:
            if each.day <= day:
                held[each.symbol] = held.get(each.symbol, Decimal(0)) + each.quantity
        return {symbol: quantity for symbol, quantity in held.items() if quantity}

    def values(self, day: date) -> dict[str, Money]:
        """What each holding is worth at the end of a day, in its own currency. Those without a price are left out."""
        found: dict[str, Money] = {}
        for symbol, quantity in self.quantities(day).items():
            series = self.prices.get(symbol)
            price = series.at(day) if series else None
            if series is not None and price is not None:
                found[symbol] = Money((quantity * price).quantize(Decimal("0.01")), series.currency)
        return found
