"""Keeps what the plugin knows about a person in the plugin's records.

Transactions are kept by month, prices by symbol: a statement of a year is a dozen writes, not thousands.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec

from llmagent_os.plugins.finance.exchange_rates import ExchangeRate
from llmagent_os.plugins.finance.holdings.holding import Holdings, PriceSeries, Trade
from llmagent_os.plugins.finance.money import Money
from llmagent_os.plugins.finance.net_worth import KnownBalance
from llmagent_os.plugins.finance.reading.sheet import Sheet
from llmagent_os.plugins.finance.transaction import Transaction
from llmagent_os.records import Records

MAX_TRANSACTIONS = 100_000  #: of one person
TRADES = "trades"  #: the key of all trades
PRICES = "prices:"  #: begins the key of the prices of a symbol
_MONTH, _WAITING = "month:", "waiting:"


class FinanceSettings(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the person said once, and what was told."""

    currency: str = ""  #: in which sums are told; empty: the one of the accounts
    risk_free: Decimal = Decimal(0)  #: percent a year
    rules: dict[str, str] = {}  #: words of payees to categories
    budgets: dict[str, Money] = {}  #: by category, for a month
    told: tuple[str, ...] = ()  #: breaches that were told, as ``CATEGORY:MONTH``
    rates: tuple[ExchangeRate, ...] = ()
    balances: tuple[KnownBalance, ...] = ()


class FinanceStore:
    """The records of one person."""

    def __init__(self, records: Records) -> None:
        self._records = records

    async def settings(self) -> FinanceSettings:
        """What the person said once."""
        return msgspec.convert(await self._records.get("settings") or {}, FinanceSettings)

    async def keep_settings(self, settings: FinanceSettings) -> None:
        """Write what the person said once."""
        await self._records.put("settings", _plain(settings))

    async def transactions(self) -> list[Transaction]:
        """All of them, the oldest first."""
        months = [record for key, record in await self._records.items() if key.startswith(_MONTH)]
        rows = [row for record in months for row in record["rows"]]
        return await asyncio.to_thread(_transactions, rows)

    async def add(self, fresh: Sequence[Transaction]) -> None:
        """Add transactions."""
        months: dict[str, list[Transaction]] = defaultdict(list)
        for each in fresh:
            months[each.month].append(each)
        for month, own in months.items():
            there = await self._records.get(_MONTH + month) or {"rows": []}
            await self._records.put(_MONTH + month, {"rows": [*there["rows"], *map(_plain, own)]})

    async def take_out(self, source: str) -> int:
        """Delete the transactions of an import. Returns how many there were."""
        taken = 0
        for key, record in await self._records.items():
            if not key.startswith(_MONTH):
                continue
            kept = [row for row in record["rows"] if row.get("source") != source]
            taken += len(record["rows"]) - len(kept)
            if not kept:
                await self._records.delete(key)
            elif len(kept) < len(record["rows"]):
                await self._records.put(key, {"rows": kept})
        return taken

    async def clear(self, holdings: bool) -> None:
        """Delete trades and prices, or all transactions."""
        for key, _ in await self._records.items():
            if (key == TRADES or key.startswith(PRICES)) if holdings else key.startswith(_MONTH):
                await self._records.delete(key)

    async def waiting(self) -> tuple[str, Sheet] | None:
        """The first file that waits for a confirmation, with its key; None: there is none."""
        found = [item for item in await self._records.items() if item[0].startswith(_WAITING)]
        return (found[0][0], await asyncio.to_thread(msgspec.convert, found[0][1], Sheet)) if found else None

    async def wait_for(self, key: str, sheet: Sheet) -> None:
        """Keep a file until the person has confirmed it."""
        await self._records.put(key, await asyncio.to_thread(_plain, sheet))

    async def drop(self, key: str) -> None:
        """Forget a file that waited."""
        await self._records.delete(key)

    async def clear_waiting(self) -> None:
        """Forget all files that waited: newer ones were sent."""
        for key, _ in await self._records.items():
            if key.startswith(_WAITING):
                await self._records.delete(key)

    async def holdings(self) -> Holdings:
        """Trades and prices."""
        trades: list[Trade] = []
        prices: dict[str, PriceSeries] = {}
        for key, record in await self._records.items():
            if key == TRADES:
                trades = msgspec.convert(record["rows"], list[Trade])
            elif key.startswith(PRICES):
                series = msgspec.convert(record, PriceSeries)
                prices[series.symbol] = series
        return Holdings(tuple(sorted(trades, key=lambda each: each.day)), prices)

    async def keep_trades(self, trades: Sequence[Trade]) -> None:
        """Write all trades."""
        await self._records.put(TRADES, {"rows": [_plain(each) for each in trades]})

    async def keep_prices(self, series: PriceSeries) -> None:
        """Write the prices of a symbol."""
        await self._records.put(f"{PRICES}{series.symbol}", _plain(series))


def _transactions(rows: list[Any]) -> list[Transaction]:
    return sorted(msgspec.convert(rows, list[Transaction]), key=lambda each: each.day)


def waiting_key(number: int) -> str:
    """The key of a file that waits: they are asked about in the order in which they were sent."""
    return f"{_WAITING}{number:03d}"


def _plain(value: Any) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(value)
    return found


def latest_first(balances: Sequence[KnownBalance], new: KnownBalance) -> tuple[KnownBalance, ...]:
    """Stated balances with a new one, in the place of the one of the same account, day and currency."""
    same = (new.account, new.day, new.money.currency)
    kept = [each for each in balances if (each.account, each.day, each.money.currency) != same]
    return (*kept[-199:], new)
