"""Answers about transactions, spending, cash flow and recurring payments."""

from __future__ import annotations

import re
from decimal import Decimal

from llmagent_os.languages import date_text, gettext, ngettext
from llmagent_os.plugin import Button, Chart, ChartSeries, Table, ToolResult
from llmagent_os.plugins.finance.cash_flow import month_flows, spending
from llmagent_os.plugins.finance.categories import CATEGORIES, OTHER, category_of, clean_category
from llmagent_os.plugins.finance.finance_call import FinanceState, month_text, nothing_yet, unclear
from llmagent_os.plugins.finance.money import Money
from llmagent_os.plugins.finance.recurring import recurring_payments
from llmagent_os.plugins.finance.requested_month import read_month
from llmagent_os.plugins.finance.transaction import plain_words

MAX_LISTED = 20
MAX_BARS = 12
MAX_MONTHS = 12


def list_transactions(state: FinanceState, search: str = "", month: str = "") -> ToolResult:
    """The newest transactions, or those whose words or category fit."""
    transactions, settings = state.transactions, state.settings
    if not transactions:
        return nothing_yet()
    wanted = read_month(month, state.today) if month.strip() else ""
    if wanted is None:
        return _no_month(month)
    words = plain_words(search)
    fitting = [
        (each, category)
        for each in transactions
        if (not wanted or each.month == wanted)
        and (category := category_of(each, settings.rules))
        and (not words or words in each.words or words == category)
    ]
    if not fitting:
        return ToolResult({"status": "not_found"}, gettext("No transaction fits that."))
    shown = fitting[-MAX_LISTED:][::-1]
    rows = tuple(
        (date_text(each.day), str(Money(each.amount, each.currency)), each.name, category, each.account[:30])
        for each, category in shown
    )
    text = ngettext("{count} transaction.", "{count} transactions.", len(fitting))
    if len(shown) < len(fitting):
        text += " " + gettext("The newest {shown}:", shown=len(shown))
    data = {"status": "listed", "count": str(len(fitting))}
    data["newest"] = "; ".join(f"{row[0]} {row[1]} {row[2]} ({row[3]})" for row in rows[:5])
    head = (gettext("day"), gettext("amount"), gettext("payee"), gettext("category"), gettext("account"))
    return ToolResult(data, text, table=Table(head, rows), word_for_word=True)


def show_spending(state: FinanceState, category: str = "", month: str = "") -> ToolResult:
    """What was spent in a month, on each category or on one of them."""
    transactions, settings = state.transactions, state.settings
    if not transactions:
        return nothing_yet()
    wanted = read_month(month, state.today) if month.strip() else f"{state.today:%Y-%m}"
    if wanted is None:
        return _no_month(month)
    currency = state.currency
    own = [each for each in transactions if each.month == wanted and each.day <= state.today]
    spent, left_out = spending(own, settings.rules, currency, settings.rates)
    missing = _without_rate(left_out)
    if name := clean_category(category):
        money = Money(spent.get(name, Decimal(0)), currency)
        count = sum(category_of(each, settings.rules) == name for each in own)
        text = gettext(
            "You spent {amount} on {category} in {month} ({payments}).",
            amount=money,
            category=name,
            month=month_text(wanted),
            payments=ngettext("{count} transaction", "{count} transactions", count),
        )
        return ToolResult(
            {"status": "computed", "amount": str(money), "month": wanted}, text + missing, word_for_word=True
        )
    total = Money(sum(spent.values(), Decimal(0)), currency)
    rows = tuple((name, str(Money(amount, currency))) for name, amount in spent.items())
    bars = [(name, float(amount)) for name, amount in spent.items() if amount > 0][:MAX_BARS]
    title = gettext("Spending in {month}", month=month_text(wanted))
    chart = Chart(
        title=title,
        kind="bar",
        labels=tuple(name for name, _ in bars),
        series=(ChartSeries("", tuple(amount for _, amount in bars)),),
        unit=currency,
    )
    return ToolResult(
        dict(rows[:15]) | {"status": "computed", "total": str(total), "month": wanted},
        gettext("You spent {amount} in {month}.", amount=total, month=month_text(wanted)) + missing,
        table=Table((gettext("category"), gettext("spent")), rows[:100]) if rows else None,
        chart=chart if bars else None,
        word_for_word=True,
    )


def show_cash_flow(state: FinanceState) -> ToolResult:
    """What came in and went out in each of the last months."""
    transactions, settings = state.transactions, state.settings
    currency = state.currency
    flows, left_out = month_flows(transactions, currency, settings.rates, state.today)
    flows = flows[-MAX_MONTHS:]
    if not flows:
        return nothing_yet()
    rows = tuple(
        (month_text(each.month), *(str(Money(value, currency)) for value in (each.came_in, each.went_out, each.net)))
        for each in flows
    )
    net = sum((each.net for each in flows), Decimal(0)) / len(flows)
    chart = Chart(
        title=gettext("Cash flow"),
        kind="bar",
        labels=tuple(month_text(each.month) for each in flows),
        series=(
            ChartSeries(gettext("in"), tuple(float(each.came_in) for each in flows)),
            ChartSeries(gettext("out"), tuple(float(each.went_out) for each in flows)),
        ),
        unit=currency,
    )
    mean = Money(net.quantize(Decimal("0.01")), currency)
    text = gettext(
        "Cash flow from {first} to {last}: {amount} a month on average (months: {count}).",
        first=rows[0][0],
        last=rows[-1][0],
        amount=mean,
        count=len(flows),
    )
    head = (gettext("month"), gettext("in"), gettext("out"), gettext("net"))
    data = {"status": "computed", "average": str(mean)} | {row[0]: row[3] for row in rows}
    return ToolResult(data, text + _without_rate(left_out), table=Table(head, rows), chart=chart, word_for_word=True)


def show_recurring(state: FinanceState) -> ToolResult:
    """Payments that come again, and when the next one is due."""
    transactions = state.transactions
    if not transactions:
        return nothing_yet()
    found = recurring_payments(transactions, state.today)[:50]
    if not found:
        return ToolResult(
            {"status": "not_found"},
            gettext(
                "I found no recurring payment. It takes three payments at even distances and of about the same amount."
            ),
        )
    periods = {
        "week": gettext("week"),
        "2 weeks": gettext("2 weeks"),
        "month": gettext("month"),
        "quarter": gettext("quarter"),
        "year": gettext("year"),
    }
    rows = tuple(
        (
            each.name,
            ("≈ " if each.varies else "") + str(each.amount),
            periods[each.period],
            date_text(each.due),
            str(each.count),
        )
        for each in found
    )
    head = (gettext("payee"), gettext("amount"), gettext("period"), gettext("next due"), gettext("seen"))
    first = found[0]
    text = ngettext("{count} recurring payment.", "{count} recurring payments.", len(found)) + " "
    text += gettext("Next: {name}, {amount}, on {day}.", name=first.name, amount=first.amount, day=date_text(first.due))
    data = {"status": "listed", "count": str(len(found))} | {
        row[0]: f"{row[1]}, {row[2]}, {row[3]}" for row in rows[:20]
    }
    return ToolResult(data, text, table=Table(head, rows), word_for_word=True)


def ask_category(state: FinanceState) -> ToolResult:
    """Ask about the payee without a category on whom the most was spent."""
    transactions, settings = state.transactions, state.settings
    spent: dict[str, Decimal] = {}
    for each in transactions:
        name = " ".join(word for word in plain_words(each.payee).split() if not re.search(r"\d", word))[:60]
        if name and each.amount < 0 and category_of(each, settings.rules) == OTHER:
            spent[name] = spent.get(name, Decimal(0)) - each.amount
    if not spent:
        return ToolResult({"status": "empty"}, gettext("Every payee has a category."))
    name = max(spent, key=lambda each: (spent[each], each))
    buttons = tuple(Button(each, f"teach:{each}:{name}") for each in CATEGORIES if each != OTHER)
    text = gettext("What is “{name}”? For another category type `/finance category {name} = NAME`.", name=name)
    return ToolResult(
        {"status": "missing", "need": "category", "payee": name}, text, buttons=buttons, word_for_word=True
    )


def _no_month(text: str) -> ToolResult:
    return unclear(
        gettext("“{text}” is no month that I know. Write it like 2026-11 or November 2026.", text=text[:40]), "month"
    )


def _without_rate(count: int) -> str:
    if not count:
        return ""
    return " " + ngettext(
        "{count} transaction in another currency is not counted: there is no exchange rate.",
        "{count} transactions in other currencies are not counted: there is no exchange rate.",
        count,
    )
