"""Returns and risk, checked against pandas and empyrical, or against formulas that are written another way."""

from __future__ import annotations

import warnings
from datetime import date, timedelta
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from llmagent_os.plugin import ToolResult
from llmagent_os.plugins.finance.advice import advice_asked
from llmagent_os.plugins.finance.holdings.holding import Holdings, PriceSeries, Trade
from llmagent_os.plugins.finance.holdings.returns import money_weighted, period_returns, time_weighted
from llmagent_os.plugins.finance.holdings.risk import correlation, periods_per_year, risk_figures
from llmagent_os.plugins.finance.holdings.valuation import valuation
from tests.unit.plugins.finance.finance_person import Person

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    pd: Any = import_module("pandas")
    empyrical: Any = import_module("empyrical")

START = date(2025, 1, 1)
PRICES = "date,ACME,BOLT\n2026-01-31,100,50\n2026-02-28,110,45\n2026-03-31,99,54\n2026-04-30,120,60\n"
TRADES = "date,symbol,quantity,price,currency\n2026-01-31,ACME,10,100,EUR\n2026-02-28,BOLT,20,45,EUR\n"


def series(seed: int, count: int = 300) -> tuple[tuple[date, ...], NDArray[np.float64]]:
    """Prices of working days that wander."""
    days: tuple[date, ...] = tuple(day.date() for day in pd.bdate_range(START, periods=count))
    steps = np.random.default_rng(seed).normal(0.0004, 0.012, count - 1)
    prices = np.concatenate(([100.0], 100 * np.cumprod(1 + steps)))
    return days, np.asarray(np.round(prices, 4), dtype=np.float64)


def as_series(symbol: str, seed: int) -> PriceSeries:
    days, prices = series(seed)
    return PriceSeries(symbol, "EUR", days, tuple(Decimal(str(price)) for price in prices))


@pytest.mark.parametrize("risk_free", [0.0, 0.03])
def test_risk_agrees_with_empyrical(risk_free: float) -> None:
    days, prices = series(1)
    returns = pd.Series(prices, pd.DatetimeIndex(days)).pct_change().dropna()
    found = risk_figures(returns.to_numpy(), periods_per_year(days), risk_free)
    daily = (1 + risk_free) ** (1 / 252) - 1
    assert found.periods_per_year == 252
    assert found.volatility == pytest.approx(empyrical.annual_volatility(returns), rel=1e-9)
    assert found.max_drawdown == pytest.approx(empyrical.max_drawdown(returns), rel=1e-9)
    assert found.sharpe == pytest.approx(empyrical.sharpe_ratio(returns, risk_free=daily), rel=1e-9)
    assert found.sortino == pytest.approx(empyrical.sortino_ratio(returns, required_return=daily), rel=1e-9)
    assert time_weighted(returns.to_numpy()) == pytest.approx(empyrical.cum_returns_final(returns), rel=1e-9)


def test_correlation_agrees_with_pandas() -> None:
    """Also where the days of the two differ."""
    (days, one), (_, other) = series(1), series(2)
    frame = pd.DataFrame({"one": one[::2], "other": other[::2]}, index=list(days[::2])).pct_change().dropna()
    first, second = dict(zip(days, one.tolist(), strict=True)), dict(zip(days[::2], other[::2].tolist(), strict=True))
    found, count = correlation(first, second)
    assert found == pytest.approx(frame["one"].corr(frame["other"]), rel=1e-9)
    assert count == len(frame)


def test_the_time_weighted_return_ignores_when_money_was_put_in() -> None:
    """One symbol: whatever was bought and sold at its price, the return is that of the price."""
    prices = as_series("ACME", 3)
    bought = ((0, "10"), (50, "25.5"), (120, "-30"), (200, "7"))
    trades = [Trade(prices.days[at], "ACME", Decimal(quantity)) for at, quantity in bought]
    found = valuation(Holdings(tuple(trades), {"ACME": prices}), "EUR", (), prices.days[-1])
    whole = float(prices.prices[-1] / prices.prices[0]) - 1
    assert time_weighted(period_returns(found)[1]) == pytest.approx(whole, rel=1e-3)  # values are rounded to cents


def test_the_money_weighted_return_makes_the_present_value_zero() -> None:
    """Checked by the roots of the polynomial of whole years, which numpy finds in another way."""
    days = tuple(START + timedelta(days=365 * year) for year in range(4))
    prices = PriceSeries("ACME", "EUR", days, (Decimal(100), Decimal(80), Decimal(120), Decimal(150)))
    bought = ((days[0], 10), (days[1], 20), (days[2], -5))
    trades = tuple(Trade(day, "ACME", Decimal(quantity)) for day, quantity in bought)
    found = valuation(Holdings(trades, {"ACME": prices}), "EUR", (), days[-1])
    roots = np.roots([-1000, -1600, 600, 3750])
    factor = next(1 / root.real for root in 1 / roots if abs(root.imag) < 1e-9 and root.real > 0)
    assert money_weighted(found) == pytest.approx(factor - 1, rel=1e-9)


def test_a_series_that_is_too_short_or_too_even_has_no_ratio() -> None:
    assert risk_figures(np.asarray([0.01]), 252, 0.0).sharpe is None
    even = risk_figures(np.asarray([0.01, 0.01, 0.01]), 252, 0.0)
    assert (even.sharpe, even.sortino, even.max_drawdown) == (None, None, 0.0)
    assert correlation({START: 1.0}, {START: 1.0}) == (None, 0)


def test_what_cannot_be_valued_is_named() -> None:
    prices = as_series("ACME", 1)
    trades = (Trade(prices.days[0], "ACME", Decimal(1)), Trade(prices.days[0], "NONE", Decimal(1)))
    assert valuation(Holdings(trades, {"ACME": prices}), "EUR", (), prices.days[-1]).left_out == ("NONE",)
    assert valuation(Holdings(trades, {"ACME": prices}), "USD", (), prices.days[-1]).left_out == ("ACME", "NONE")


@pytest.fixture
def person(tmp_path: Path) -> Person:
    return Person(tmp_path)


async def test_holdings_in_a_chat(person: Person) -> None:
    asked = await person.sends(PRICES, TRADES)
    asked = await person.presses(asked, "EUR")
    result = await person.presses(await person.presses(asked, "Import"), "Import")
    assert result.data == {"status": "imported", "trades": "2", "prices": "2"}
    shown = await person.types("portfolio")
    assert shown.table is not None and shown.chart is not None
    assert shown.table.rows == (("ACME", "10", "€1,200.00", "50.0%"), ("BOLT", "20", "€1,200.00", "50.0%"))
    await person.types("riskfree 2.5")
    result = await person.types("performance")
    # 1000 → 1100, then 2000 → 2070 → 2400
    assert result.data["time-weighted return"] == "32.0%"
    assert "Computed from 3 returns, 12 periods a year, a risk-free rate of 2.5% a year" in result.text
    assert "not advice" in result.text and result.chart is not None
    one = np.corrcoef([0.1, -0.1, 120 / 99 - 1], [-0.1, 0.2, 1 / 9])[0, 1]
    assert (await person.types("correlation")).data["ACME / BOLT"] == f"{one:.2f}"


async def test_a_list_of_holdings_is_what_is_held_now(person: Person) -> None:
    await person.imports("symbol,shares,price,currency\nACME,10,100,EUR\nBOLT,5,40,EUR\n")
    person.now += timedelta(days=1)
    await person.imports("symbol,shares,price,currency\nACME,12,110,EUR\nBOLT,5,40,EUR\n")
    shown = await person.types("portfolio")
    assert shown.table is not None
    assert [row[:3] for row in shown.table.rows] == [("ACME", "12", "€1,320.00"), ("BOLT", "5", "€200.00")]


@pytest.mark.parametrize(
    ("text", "is_asked"),
    [
        ("Should I buy ACME?", True),
        ("which shares should I sell now?", True),
        ("is now a good time to invest in ETFs", True),
        ("Soll ich Aktien kaufen?", True),
        ("should I buy milk on the way home?", False),
        ("remind me to buy milk", False),
        ("what did ACME cost", False),
    ],
)
def test_advice_is_refused_and_nothing_else(text: str, is_asked: bool) -> None:
    assert advice_asked(text, ["ACME"]) is is_asked


async def test_a_refusal_says_what_can_be_computed(person: Person) -> None:
    result = await (await person.ready()).answer_to(person.context("Should I buy Bitcoin?"))
    assert result is not None and "no advice" in result.text and "/finance performance" in result.text


async def _import_prices(person: Person, content: str) -> ToolResult:
    asked = await person.presses(await person.sends(content, name="prices.csv"), "EUR")
    return await person.presses(asked, "Import")


async def test_an_import_of_holdings_and_their_deletion_can_be_undone(tmp_path: Path) -> None:
    """One wrong file, and years of trades and prices were mixed with another person's for good."""
    person = Person(tmp_path)
    await person.imports(TRADES, name="trades.csv")
    await _import_prices(person, PRICES)
    before = (await person.types("portfolio")).text
    imported = await _import_prices(person, "date,ACME,OTHER\n2026-04-30,7,9\n2026-05-31,8,9\n")
    assert (await person.types("portfolio")).text != before
    assert (await person.presses(imported, "Undo")).data["status"] == "undone"
    assert (await person.types("portfolio")).text == before
    assert (await person.presses(imported, "Undo")).data["status"] == "stale"
    deleted = await person.presses(await person.types("clear holdings"), "Delete")
    assert (await person.types("portfolio")).text != before
    await person.presses(deleted, "Undo")
    assert (await person.types("portfolio")).text == before


async def test_deleted_holdings_are_gone_after_a_day(tmp_path: Path) -> None:
    person = Person(tmp_path)
    await person.imports(TRADES, name="trades.csv")
    deleted = await person.presses(await person.types("clear holdings"), "Delete")
    person.now += timedelta(days=1)
    for key, at in person.timers.ring(person.now):
        assert await person.plugins.due("finance", key, at, person.context()) is None
    assert "ACME" not in str(await person.records.items())
    assert (await person.presses(deleted, "Undo")).data["status"] == "stale"
