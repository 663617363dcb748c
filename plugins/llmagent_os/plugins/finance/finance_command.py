"""Answers ``/finance`` and what follows it."""

from __future__ import annotations

import asyncio
import re

from msgspec.structs import replace

from llmagent_os.languages import gettext
from llmagent_os.plugin import Button, ToolResult, form_button
from llmagent_os.plugins.finance import budget_answers, flow_answers, portfolio_answers, setting_answers, worth_answers
from llmagent_os.plugins.finance.budget_form import BUDGET
from llmagent_os.plugins.finance.clearing import ask_to_clear
from llmagent_os.plugins.finance.finance_call import FinanceCall, nothing_yet, unclear
from llmagent_os.plugins.finance.money import currency_of
from llmagent_os.plugins.finance.requested_month import read_month
from llmagent_os.plugins.finance.statement_import import change_waiting, import_received, set_columns
from llmagent_os.plugins.finance.transactions_export import export_csv

#: Answers without arguments, by word.
_PLAIN = {
    "cashflow": flow_answers.show_cash_flow,
    "networth": worth_answers.show_net_worth,
    "recurring": flow_answers.show_recurring,
    "categorise": flow_answers.ask_category,
    "portfolio": portfolio_answers.show_portfolio,
    "performance": portfolio_answers.show_performance,
    "correlation": portfolio_answers.show_correlation,
}


async def finance_command(call: FinanceCall, arguments: str) -> ToolResult:
    """Answer the command."""
    word, _, rest = arguments.partition(" ")
    word, rest = word.lower(), rest.strip()
    if word in _PLAIN:
        return await call.computed(_PLAIN[word])
    if word == "budgets":
        return _with_form(await budget_answers.read_budgets(call))
    if word == "import":
        return await import_received(call) or unclear(
            gettext("Send me the file: a CSV, OFX, QIF or CAMT.053 statement, or a CSV file of trades or prices.")
        )
    if word in ("list", "spending"):
        return await _about_month(call, word, rest)
    if word == "export":
        return await export_transactions(call)
    return await _set(call, word, rest)


async def _set(call: FinanceCall, word: str, rest: str) -> ToolResult:
    parts = rest.split()
    match word:
        case "budget":
            answer = await budget_answers.set_budget(call, *_before_amount(parts))
            return answer if parts else _with_form(answer)
        case "category":
            payee, mark, name = rest.partition("=")
            return await setting_answers.teach_category(call, *((payee, name) if mark else _last_word(rest)))
        case "rate":
            return await setting_answers.set_rate(call, *(parts + [""] * 3)[:3], *parts[3:4])
        case "currency":
            return await setting_answers.set_currency(call, rest)
        case "balance":
            return await setting_answers.state_balance(call, rest)
        case "riskfree":
            return await setting_answers.set_risk_free(call, rest)
        case "add":
            return await _add(call, parts)
        case "clear":
            return await ask_to_clear(call, rest.lower())
        case "columns":
            return await set_columns(call, rest)
        case "account" if rest:
            return await change_waiting(call, account=rest[:60])
        case "in" if currency_of(rest):
            return await change_waiting(call, currency=currency_of(rest))
        case _:
            return await _overview(call)


def _with_form(result: ToolResult) -> ToolResult:
    """``result`` with the button that opens the form of a budget."""
    return replace(result, buttons=(*result.buttons, form_button(BUDGET, gettext("Set a budget"))))


async def export_transactions(call: FinanceCall) -> ToolResult:
    """All transactions as a CSV file."""
    transactions = await call.store.transactions()
    if not transactions:
        return nothing_yet()
    content = await asyncio.to_thread(export_csv, transactions, (await call.store.settings()).rules)
    path = await call.context.files.write("transactions.csv", content)
    return ToolResult(
        {"status": "exported", "count": str(len(transactions))}, gettext("Your transactions as a file."), files=(path,)
    )


async def _about_month(call: FinanceCall, word: str, rest: str) -> ToolResult:
    """``spending [CATEGORY] [MONTH]``: a month at the end is one that can be read."""
    for count in (2, 1):
        words = rest.split()
        month = " ".join(words[-count:])
        if len(words) >= count and read_month(month, call.today):
            first = " ".join(words[:-count])
            break
    else:
        first, month = rest, ""
    if word == "list":
        return await call.computed(flow_answers.list_transactions, first, month)
    return await call.computed(flow_answers.show_spending, first, month)


async def _add(call: FinanceCall, parts: list[str]) -> ToolResult:
    """``add 12.50 EUR Lidl [DAY]``."""
    count = 2 if len(parts) > 1 and currency_of(parts[1]) else 1
    dated = len(parts) > count + 1 and re.fullmatch(r"\d{4}-\d{2}-\d{2}", parts[-1])
    payee = parts[count:-1] if dated else parts[count:]
    return await setting_answers.add_transaction(
        call, " ".join(parts[:count]), " ".join(payee), parts[-1] if dated else ""
    )


def _before_amount(parts: list[str]) -> tuple[str, str]:
    """The words before an amount with its currency, and the amount."""
    start = next((number for number, word in enumerate(parts) if re.search(r"\d", word)), len(parts))
    if start and currency_of(parts[start - 1]):
        start -= 1
    return " ".join(parts[:start]), " ".join(parts[start:])


def _last_word(text: str) -> tuple[str, str]:
    first, _, last = text.rpartition(" ")
    return first, last


async def _overview(call: FinanceCall) -> ToolResult:
    words = ", ".join(
        (
            "list",
            "spending",
            *_PLAIN,
            "budgets",
            "budget",
            "category",
            "add",
            "rate",
            "currency",
            "balance",
            "clear",
            "export",
        )
    )
    text = gettext(
        "I import statements and compute from them. Send me a file, or type `/finance` with one of: {words}.",
        words=words,
    )
    known = await call.store.transactions()
    buttons = (
        Button(gettext("Spending"), "show:spending:"),
        Button(gettext("Cash flow"), "show:cashflow:"),
        Button(gettext("Net worth"), "show:networth:"),
        Button(gettext("Recurring"), "show:recurring:"),
        Button(gettext("Categories"), "show:categorise:"),
    )
    return ToolResult({"status": "listed"}, text, buttons=buttons if known else (), word_for_word=True)
