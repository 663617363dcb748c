"""What every answer of the plugin needs during one call."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Concatenate, ParamSpec, TypeVar

import msgspec
from babel.dates import format_skeleton
from babel.numbers import format_percent

from llmagent_os.languages import gettext
from llmagent_os.languages.written_values import locale_in_force
from llmagent_os.plugin import ToolContext, ToolResult
from llmagent_os.plugins.finance.finance_store import FinanceSettings, FinanceStore
from llmagent_os.plugins.finance.holdings.holding import Holdings
from llmagent_os.plugins.finance.transaction import Transaction

_P = ParamSpec("_P")
_T = TypeVar("_T")


class FinanceState(msgspec.Struct, frozen=True):
    """What is known about a person, for a computation that runs in a thread."""

    transactions: list[Transaction]  #: the oldest first
    settings: FinanceSettings
    holdings: Holdings
    today: date  #: in the person's time zone

    @property
    def currency(self) -> str:
        """The currency in which sums are told: the one that was chosen, else the most frequent one."""
        if self.settings.currency:
            return self.settings.currency
        if self.transactions:
            return Counter(each.currency for each in self.transactions).most_common(1)[0][0]
        return next((each.currency for each in self.holdings.prices.values()), "EUR")


class FinanceCall:
    """A call for one person."""

    def __init__(self, context: ToolContext) -> None:
        self.context = context
        self.store = FinanceStore(context.records)
        self.today: date = context.now.date()  #: in the person's time zone

    async def state(self) -> FinanceState:
        """All that is known."""
        holdings, settings = await self.store.holdings(), await self.store.settings()
        return FinanceState(await self.store.transactions(), settings, holdings, self.today)

    async def computed(
        self, work: Callable[Concatenate[FinanceState, _P], _T], *args: _P.args, **named: _P.kwargs
    ) -> _T:
        """Compute from all that is known, in a thread: many transactions take a while."""
        return await asyncio.to_thread(work, await self.state(), *args, **named)


def unclear(text: str, need: str = "") -> ToolResult:
    """A result that asks for what is missing or wrong."""
    return ToolResult({"status": "unclear"} | ({"need": need} if need else {}), text, word_for_word=True)


def nothing_yet() -> ToolResult:
    """The answer where nothing was imported."""
    return ToolResult(
        {"status": "empty"},
        gettext("I know no transactions yet. Send me a statement of your bank as a CSV, OFX, QIF or CAMT.053 file."),
        word_for_word=True,
    )


def percent_text(ratio: float | Decimal | None) -> str:
    """A ratio in percent; None: not known."""
    return "–" if ratio is None else format_percent(ratio, "#,##0.0%", locale=locale_in_force())


def ratio_text(ratio: float | None) -> str:
    """A ratio with two digits; None: not known."""
    return "–" if ratio is None else f"{ratio:.2f}"


def month_text(month: str) -> str:
    """A month such as ``2026-11``, as people write it.

    >>> month_text("2026-11")
    'Nov 2026'
    """
    return format_skeleton("yMMM", date.fromisoformat(f"{month}-01"), locale=locale_in_force())
