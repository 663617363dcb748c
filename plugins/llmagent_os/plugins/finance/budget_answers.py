"""Answers about budgets, and tells once when one is breached."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec

from llmagent_os.languages import date_text, gettext
from llmagent_os.plugin import Table, ToolResult
from llmagent_os.plugins.finance.budgets import BudgetState, budget_state
from llmagent_os.plugins.finance.categories import clean_category
from llmagent_os.plugins.finance.finance_call import FinanceCall, FinanceState, month_text, unclear
from llmagent_os.plugins.finance.money import Money, MoneyError, read_money

MAX_BUDGETS = 50
MAX_TOLD = 500  #: breaches that are remembered
TELLING_TIME = time(9)  #: at which a breach by a payment that was booked ahead is told
TIMER = "budgets"


async def set_budget(call: FinanceCall, category: str, amount: str) -> ToolResult:
    """Set the budget of a category for each month; an amount of 0 takes it back."""
    name = clean_category(category)
    if not name or not amount.strip():
        return unclear(
            gettext("Which category, and how much a month? For example `/finance budget groceries 400 EUR`.")
        )
    settings = await call.store.settings()
    try:
        limit = read_money(amount, settings.currency)
    except MoneyError as error:
        return unclear(str(error), "amount")
    budgets = {key: value for key, value in settings.budgets.items() if key != name}
    if limit.amount <= 0:
        await call.store.keep_settings(msgspec.structs.replace(settings, budgets=budgets))
        return ToolResult(
            {"status": "deleted", "category": name},
            gettext("There is no budget for {category} any more.", category=name),
        )
    if len(budgets) >= MAX_BUDGETS:
        return unclear(gettext("You have {count} budgets. Take one back first.", count=MAX_BUDGETS))
    told = tuple(each for each in settings.told if not each.startswith(f"{name}:"))
    told = (*told, f"{name}:{_last_month(call)}")  # a budget does not reach back before the month in which it was set
    await call.store.keep_settings(msgspec.structs.replace(settings, budgets={**budgets, name: limit}, told=told))
    text = gettext("Your budget for {category} is {amount} a month.", category=name, amount=limit)
    return ToolResult(
        {"status": "set", "category": name, "amount": str(limit)},
        " ".join([text, *await told_breaches(call)]),
        word_for_word=True,
    )


async def read_budgets(call: FinanceCall) -> ToolResult:
    """How much of each budget is spent this month."""
    states = await _states(call, f"{call.today:%Y-%m}")
    if not states:
        return ToolResult(
            {"status": "empty"},
            gettext("You have no budgets. For example `/finance budget groceries 400 EUR` sets one."),
        )
    rows = tuple((each.category, str(each.spent.total), str(each.limit), str(_left(each))) for each in states)
    lines = [
        gettext("{category}: {spent} of {limit}.", category=each.category, spent=each.spent.total, limit=each.limit)
        + _missing(each)
        for each in states
    ]
    head = (gettext("category"), gettext("spent"), gettext("budget"), gettext("left"))
    return ToolResult(
        {each.category: f"{each.spent.total} of {each.limit}" for each in states}
        | {"status": "listed", "month": states[0].month},
        " ".join([gettext("Budgets of {month}.", month=month_text(states[0].month)), *lines]),
        table=Table(head, rows),
        word_for_word=True,
    )


async def told_breaches(call: FinanceCall) -> list[str]:
    """Say which budgets are breached, each one once a month, and set the timer for those that will be.

    Older months than the last one are history: they are not told.
    """
    settings = await call.store.settings()
    last = _last_month(call)
    sentences: list[str] = []
    told: list[str] = []
    ahead = None
    for month in (last, f"{call.today:%Y-%m}"):
        for each in await _states(call, month):
            if each.breached is None or each.key in settings.told:
                continue
            if each.breached > call.today:
                ahead = min(ahead or each.breached, each.breached)
                continue
            told.append(each.key)
            sentences.append(
                gettext(
                    "Your budget for {category} in {month} was passed on {day}: {spent} of {limit}.",
                    category=each.category,
                    month=month_text(month),
                    day=date_text(each.breached),
                    spent=each.spent.total,
                    limit=each.limit,
                )
            )
    if told:
        await call.store.keep_settings(msgspec.structs.replace(settings, told=(*settings.told, *told)[-MAX_TOLD:]))
    if ahead is not None:
        moment = datetime.combine(ahead, TELLING_TIME, ZoneInfo(call.context.time_zone))
        await call.context.timers.set(TIMER, moment, deferrable=True)
    return sentences


def _last_month(call: FinanceCall) -> str:
    return (call.today.replace(day=1) - timedelta(days=1)).strftime("%Y-%m")


async def _states(call: FinanceCall, month: str) -> list[BudgetState]:
    return await call.computed(_of_month, month) if (await call.store.settings()).budgets else []


def _of_month(state: FinanceState, month: str) -> list[BudgetState]:
    own = [each for each in state.transactions if each.month == month]
    settings = state.settings
    return [
        budget_state(category, limit, month, own, settings.rules, settings.rates, state.today)
        for category, limit in sorted(settings.budgets.items())
    ]


def _left(state: BudgetState) -> Money:
    """What is left; below 0 by how much the budget was passed."""
    return Money(state.limit.amount - state.spent.total.amount, state.limit.currency)


def _missing(state: BudgetState) -> str:
    if not state.spent.left_out:
        return ""
    amounts = ", ".join(map(str, state.spent.left_out))
    return " " + gettext("Not counted, for want of an exchange rate: {amounts}.", amounts=amounts)
