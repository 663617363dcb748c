"""Answers about holdings: allocation, returns, risk, correlation. Each figure is told with its inputs."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from llmagent_os.languages import date_text, gettext
from llmagent_os.plugin import Chart, ChartSeries, Table, ToolResult
from llmagent_os.plugins.finance.exchange_rates import converted
from llmagent_os.plugins.finance.finance_call import FinanceState, percent_text, ratio_text
from llmagent_os.plugins.finance.holdings.holding import Holdings
from llmagent_os.plugins.finance.holdings.returns import money_weighted, period_returns, time_weighted
from llmagent_os.plugins.finance.holdings.risk import correlation, periods_per_year, risk_figures
from llmagent_os.plugins.finance.holdings.valuation import Valuation, valuation
from llmagent_os.plugins.finance.money import Money

MAX_POINTS = 60
MAX_PAIRS = 8  #: symbols of which correlations are told
MAX_SLICES = 12


def show_portfolio(state: FinanceState) -> ToolResult:
    """What the holdings are worth, and the share of each."""
    holdings, settings = state.holdings, state.settings
    if not holdings.trades:
        return _no_holdings()
    currency = state.currency
    worth: dict[str, Decimal] = {}
    left: list[str] = sorted(set(holdings.quantities(state.today)) - set(holdings.values(state.today)))
    for symbol, money in holdings.values(state.today).items():
        found = converted(money, currency, state.today, settings.rates)
        if found is None:
            left.append(symbol)
        else:
            worth[symbol] = found.amount
    total = sum(worth.values(), Decimal(0))
    shares = {
        symbol: amount / total for symbol, amount in sorted(worth.items(), key=lambda each: -each[1]) if total > 0
    }
    held = holdings.quantities(state.today)
    rows = tuple(
        (symbol, str(held[symbol]), str(Money(worth[symbol], currency)), percent_text(share))
        for symbol, share in shares.items()
    )
    text = gettext(
        "Your holdings are worth {amount} on {day}.", amount=Money(total, currency), day=date_text(state.today)
    )
    if left:
        text += " " + gettext(
            "Left out, for want of a price or an exchange rate: {symbols}.", symbols=", ".join(left)[:300]
        )
    slices = [(symbol, float(share) * 100) for symbol, share in shares.items() if share > 0][:MAX_SLICES]
    chart = Chart(
        title=gettext("Allocation"),
        kind="pie",
        labels=tuple(symbol for symbol, _ in slices),
        series=(ChartSeries("", tuple(share for _, share in slices)),),
        unit="%",
    )
    head = (gettext("symbol"), gettext("quantity"), gettext("value"), gettext("share"))
    return ToolResult(
        {"status": "computed", "total": str(Money(total, currency))} | {row[0]: row[3] for row in rows[:30]},
        text,
        table=Table(head, rows[:100]) if rows else None,
        chart=chart if slices else None,
        word_for_word=True,
    )


def show_performance(state: FinanceState) -> ToolResult:
    """The returns and the risk of the holdings."""
    holdings, settings = state.holdings, state.settings
    if not holdings.trades:
        return _no_holdings()
    currency = state.currency
    found = valuation(holdings, currency, settings.rates, state.today)
    days, returns = period_returns(found)
    if not days:
        return ToolResult(
            {"status": "empty"},
            gettext("I need prices of at least two days on which you held something. Send me a CSV file of prices."),
            word_for_word=True,
        )
    figures = risk_figures(returns, periods_per_year(found.days), float(settings.risk_free) / 100)
    weighted = money_weighted(found)
    rows = (
        (gettext("time-weighted return"), percent_text(time_weighted(returns))),
        (gettext("money-weighted return a year"), percent_text(weighted)),
        (gettext("volatility a year"), percent_text(figures.volatility)),
        (gettext("maximum drawdown"), percent_text(figures.max_drawdown)),
        (gettext("Sharpe ratio"), ratio_text(figures.sharpe)),
        (gettext("Sortino ratio"), ratio_text(figures.sortino)),
    )
    text = gettext(
        "From {first} to {last}: {figures}. Computed from {count} returns, {periods} periods a year, "
        "a risk-free rate of {rate} a year, and your prices and trades. It is a computation, not advice.",
        first=date_text(found.days[0]),
        last=date_text(found.days[-1]),
        figures=", ".join(f"{name} {value}" for name, value in rows),
        count=figures.count,
        periods=figures.periods_per_year,
        rate=percent_text(settings.risk_free / 100),
    )
    if found.left_out:
        text += " " + gettext(
            "Left out, for want of a price or an exchange rate: {symbols}.", symbols=", ".join(found.left_out)[:300]
        )
    data = {"status": "computed", "returns": str(figures.count), "periods_per_year": str(figures.periods_per_year)}
    return ToolResult(
        data | {"risk_free": percent_text(settings.risk_free / 100)} | dict(rows),
        text,
        table=Table((gettext("figure"), gettext("value")), rows),
        chart=_growth(found, returns),
        word_for_word=True,
    )


def show_correlation(state: FinanceState) -> ToolResult:
    """How the prices of the symbols move together."""
    holdings = state.holdings
    symbols = sorted(holdings.prices)[:MAX_PAIRS]
    series = {symbol: _floats(holdings, symbol) for symbol in symbols}
    rows: list[tuple[str, str, str]] = []
    for number, one in enumerate(symbols):
        for other in symbols[number + 1 :]:
            found, count = correlation(series[one], series[other])
            rows.append((f"{one} / {other}", ratio_text(found), str(count)))
    if not rows:
        return ToolResult(
            {"status": "empty"}, gettext("I need prices of at least two symbols. Send me a CSV file of prices.")
        )
    head = (gettext("symbols"), gettext("correlation"), gettext("returns"))
    text = gettext(
        "Correlation (Pearson) of the returns between days on which both have a price: {figures}. "
        "It is a computation, not advice.",
        figures=", ".join(f"{name} {value} ({count})" for name, value, count in rows[:10]),
    )
    data = {"status": "computed"} | {row[0]: row[1] for row in rows}
    return ToolResult(data, text, table=Table(head, tuple(rows)), word_for_word=True)


def _growth(found: Valuation, returns: NDArray[np.float64]) -> Chart:
    """What 100 at the start became, at up to :data:`MAX_POINTS` days."""
    heights = [100.0, *(100 * np.cumprod(1 + returns)).tolist()]
    days = found.days[-len(heights) :]
    points = min(MAX_POINTS, len(heights))
    chosen = sorted({round(number * (len(heights) - 1) / (points - 1)) for number in range(points)})
    return Chart(
        title=gettext("Growth of 100, time-weighted"),
        kind="line",
        labels=tuple(date_text(days[number]) for number in chosen),
        series=(ChartSeries("", tuple(heights[number] for number in chosen)),),
    )


def _floats(holdings: Holdings, symbol: str) -> dict[date, float]:
    series = holdings.prices[symbol]
    return {day: float(price) for day, price in zip(series.days, series.prices, strict=True)}


def _no_holdings() -> ToolResult:
    return ToolResult(
        {"status": "empty"},
        gettext(
            "I know no holdings yet. Send me a CSV file with the columns date, symbol, quantity and price, "
            "and one of prices with date, symbol and price."
        ),
        word_for_word=True,
    )
