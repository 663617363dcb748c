"""Budgets, categories, cash flow and net worth: a wrong sum here is money that a person plans with."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from llmagent_os.plugin import ToolResult
from llmagent_os.plugins.finance.money import MoneyError, read_money
from llmagent_os.plugins.finance.recurring import recurring_payments
from llmagent_os.plugins.finance.transaction import Transaction
from tests.unit.plugins.finance.finance_person import NOW, Person

YEAR = "date,payee,amount,currency,account\n" + "".join(
    f"2026-{month:02d}-01,Rent,-800.00,EUR,giro\n"
    f"2026-{month:02d}-{27 if month == 2 else 28},Acme Payroll,2500.00,EUR,giro\n"
    f"2026-{month:02d}-10,Lidl,-{300 + month}.10,EUR,giro\n"
    for month in range(1, 11)
)


@pytest.fixture
def person(tmp_path: Path) -> Person:
    return Person(tmp_path)


def rows(result: ToolResult) -> dict[str, tuple[str, ...]]:
    assert result.table is not None
    return {row[0]: row[1:] for row in result.table.rows}


async def test_cash_flow_and_its_chart_say_the_same(person: Person) -> None:
    await person.imports(YEAR)
    result = await person.types("cashflow")
    assert rows(result)["Mar 2026"] == ("€2,500.00", "€1,103.10", "€1,396.90")
    assert result.text == "Cash flow from Jan 2026 to Oct 2026: €1,394.40 a month on average (months: 10)."
    assert result.chart is not None and result.chart.series[1].values[2] == 1103.10


async def test_spending_by_category_and_month(person: Person) -> None:
    await person.imports(YEAR)
    assert rows(await person.types("spending october")) == {"housing": ("€800.00",), "groceries": ("€310.10",)}
    result = await person.calls_tool("show_spending", category="groceries", month="2026-10")
    assert result.text == "You spent €310.10 on groceries in Oct 2026 (1 transaction)."
    assert "no month" in (await person.calls_tool("show_spending", month="smarch")).text


async def test_a_correction_teaches_a_category(person: Person) -> None:
    """By a command, by a button, and in words; the words that fit best decide."""
    await person.types("add 20 EUR Kiosk Nord")
    asked = await person.types("categorise")
    assert "kiosk nord" in asked.text
    assert (await person.presses(asked, "eating out")).data["changed"] == "1"
    result = await person.plugins.answer_to(person.context("Kiosk is groceries"))
    assert result is not None and result.data["changed"] == "0"  # "kiosk nord" says more
    assert (await person.types("category kiosk nord = Fun Money")).data["changed"] == "1"
    assert rows(await person.types("spending")) == {"fun money": ("€20.00",)}
    assert await person.plugins.answer_to(person.context("Berlin is groceries")) is None
    assert await person.plugins.answer_to(person.context("Kiosk is lovely")) is None


async def test_a_breach_is_told_once(person: Person) -> None:
    await person.types("budget groceries 50 EUR")
    assert "passed" not in (await person.types("add 30 EUR Lidl")).text
    told = (await person.types("add 25.50 EUR Aldi")).text
    assert told.endswith("Your budget for groceries in Nov 2026 was passed on 22 Nov 2026: €55.50 of €50.00.")
    assert "passed" not in (await person.types("add 10 EUR Aldi")).text
    assert rows(await person.types("budgets")) == {"groceries": ("€65.50", "€50.00", "-€15.50")}


async def test_a_payment_that_is_booked_ahead_breaches_on_its_day(person: Person) -> None:
    await person.types("budget groceries 50 EUR")
    assert "passed" not in (await person.types("add 60 EUR Lidl 2026-11-25")).text
    assert [*person.timers.pending.values()] == [datetime(2026, 11, 25, 8, 0, tzinfo=NOW.tzinfo)]
    person.now += timedelta(days=3)
    told = await person.plugins.due("finance", "budgets", person.now, person.context())
    assert told is not None and "passed on 25 Nov 2026" in told.text
    assert await person.plugins.due("finance", "budgets", person.now, person.context()) is None


async def test_a_budget_does_not_reach_back_before_its_month(person: Person) -> None:
    """Whoever sets one on the first is not told at once that it was passed last month."""
    await person.types("add 60 EUR Lidl 2026-10-03")
    assert "passed" not in (await person.types("budget groceries 50 EUR")).text
    assert "Nov 2026" in (await person.types("add 60 EUR Lidl")).text


async def test_an_old_month_is_no_news(person: Person) -> None:
    person.now -= timedelta(days=31)
    await person.types("budget groceries 50 EUR")
    person.now += timedelta(days=31)
    result = await person.imports(YEAR)
    assert result.text.count("passed") == 1 and "Oct 2026" in result.text


async def test_currencies_are_mixed_only_by_a_rate(person: Person) -> None:
    await person.types("currency EUR")
    await person.types("add 10.80 USD Walmart")
    assert "1 transaction in another currency is not counted" in (await person.types("spending")).text
    await person.types("rate EUR USD 1.08 2026-12-01")  # it does not hold yet
    assert "not counted" in (await person.types("spending")).text
    await person.types("rate EUR USD 1.08 2026-11-01")
    assert (await person.types("spending")).data["total"] == "€10.00"
    assert "above 0" in (await person.types("rate EUR USD -1")).text


async def test_net_worth_over_accounts(person: Person) -> None:
    await person.imports(YEAR)
    assert "Of giro no balance is known" in (await person.types("networth")).text
    await person.types("balance giro 1000 EUR 2026-10-20")
    await person.types("balance savings 5.000,00 EUR")
    result = await person.types("networth")
    assert rows(result) == {"giro": ("€3,500.00",), "savings": ("€5,000.00",)}
    assert result.data["total"] == "€8,500.00"
    assert result.chart is not None
    line = dict(zip(result.chart.labels, result.chart.series[0].values, strict=True))
    assert line["30 Sept 2026"] == 1000 + 800 + 310.10 + 5000  # back from the stated balances


def paid(day: date, amount: str, payee: str) -> Transaction:
    return Transaction(day=day, amount=Decimal(amount), currency="EUR", account="giro", payee=payee)


def test_recurring_payments() -> None:
    months = range(6, 11)
    found = recurring_payments(
        [
            *(paid(date(2026, month, 30 if month in (6, 9) else 31), "-800", "Rent") for month in months),
            *(paid(date(2026, month, 12), f"-{9 + month / 100}", f"Netflix {month}") for month in months),
            *(paid(date(2026, 10, 1) + timedelta(weeks=week), "-15", "Gym") for week in range(8)),
            *(paid(date(2026, month, month), "-50", "Lidl") for month in months if month != 8),
            *(paid(date(2024 + year, 3, 1), "-300", "Allianz") for year in range(3)),
            *(paid(date(2025, month, 5), "-9", "Old gym") for month in months),
        ],
        date(2026, 11, 22),
    )
    assert [(each.name, each.period, each.due, each.varies) for each in found] == [
        ("Netflix 10", "month", date(2026, 11, 12), True),
        ("Gym", "week", date(2026, 11, 26), False),
        ("Rent", "month", date(2026, 11, 30), False),
        ("Allianz", "year", date(2027, 3, 1), False),
    ]


async def test_recurring_payments_are_told(person: Person) -> None:
    await person.imports(YEAR)
    person.now -= timedelta(days=22)
    result = await person.types("recurring")
    assert rows(result)["Rent"] == ("-€800.00", "month", "1 Nov 2026", "10")
    assert result.text.startswith("3 recurring payments. Next: Rent, -€800.00, on 1 Nov 2026.")


@pytest.mark.parametrize("text", ["400", "12 XXY", "1.234 EUR", "EUR 4 USD", "nan EUR", "1e9 EUR", ""])
def test_what_is_no_sum_of_money_is_said(text: str) -> None:
    with pytest.raises(MoneyError):
        read_money(text)


@pytest.mark.parametrize(
    ("text", "tool"),
    [
        ("How much did I spend on groceries last month?", "show_spending"),
        ("what's my net worth", "show_net_worth"),
        ("show me my subscriptions", "show_recurring"),
        ("set a budget of 400 EUR for groceries", "set_budget"),
        ("How much did I spend on that holiday with Ana?", None),
        ("remind me to look at my budgets", None),
    ],
)
async def test_clear_words_need_no_model(person: Person, text: str, tool: str | None) -> None:
    read = await (await person.ready()).requests_in(person.context(text))
    assert [call.name for call in read] == ([tool] if tool else [])  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "words", ["", "budget", "category", "rate", "balance", "add", "riskfree", "columns", "nonsense"]
)
async def test_what_is_missing_is_asked_for(person: Person, words: str) -> None:
    result = await person.types(words)
    assert (result.data["status"] in ("unclear", "listed") and "/finance" in result.text) or "file" in result.text
