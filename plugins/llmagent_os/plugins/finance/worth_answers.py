"""Answers about net worth: what is on each account, and what the holdings are worth."""

from __future__ import annotations

from datetime import date, timedelta

from llmagent_os.languages import date_text, gettext
from llmagent_os.plugin import Chart, ChartSeries, Table, ToolResult
from llmagent_os.plugins.finance.exchange_rates import summed
from llmagent_os.plugins.finance.finance_call import FinanceState, nothing_yet
from llmagent_os.plugins.finance.money import Money
from llmagent_os.plugins.finance.net_worth import account_balances

MAX_MONTHS = 12  #: month ends of the chart


def show_net_worth(state: FinanceState) -> ToolResult:
    """The balance of every account and the value of holdings, today and at the ends of the last months."""
    transactions, settings = state.transactions, state.settings
    holdings = state.holdings
    if not transactions and not settings.balances and not holdings.trades:
        return nothing_yet()
    currency = state.currency

    def worth(day: date) -> list[tuple[str, Money, date | None]]:
        accounts = account_balances(transactions, settings.balances, day)
        values = holdings.values(day).items()
        return [(each.account, each.money, each.stated) for each in accounts] + [
            (name, money, day) for name, money in values
        ]

    parts = worth(state.today)
    total = summed([(money, state.today) for _, money, _ in parts], currency, settings.rates)
    days = _month_ends([*(each.day for each in transactions), *(each.day for each in holdings.trades)], state.today)
    line = [
        float(summed([(money, day) for _, money, _ in worth(day)], currency, settings.rates).total.amount)
        for day in days
    ]
    text = [gettext("Your net worth on {day} is {amount}.", day=date_text(state.today), amount=total.total)]
    if unstated := [name for name, _, stated in parts if stated is None]:
        text.append(
            gettext(
                "Of {accounts} no balance is known, so I added up what was imported. "
                "`/finance balance ACCOUNT 1234.56 EUR` states it.",
                accounts=", ".join(dict.fromkeys(unstated))[:200],
            )
        )
    if total.left_out:
        amounts = ", ".join(map(str, total.left_out))
        text.append(gettext("Not counted, for want of an exchange rate: {amounts}.", amounts=amounts))
    rows = tuple((name[:40], str(money)) for name, money, _ in parts)[:100]
    chart = Chart(
        title=gettext("Net worth"),
        kind="line",
        labels=tuple(date_text(day) for day in days),
        series=(ChartSeries("", tuple(line)),),
        unit=currency,
    )
    return ToolResult(
        dict(rows[:20]) | {"status": "computed", "total": str(total.total)},
        " ".join(text),
        table=Table((gettext("account"), gettext("balance")), rows),
        chart=chart if len(days) > 1 else None,
        word_for_word=True,
    )


def _month_ends(days: list[date], today: date) -> list[date]:
    first = min(days, default=today)
    ends: list[date] = [today]
    while len(ends) < MAX_MONTHS and (end := ends[-1].replace(day=1) - timedelta(days=1)) >= first:
        ends.append(end)
    return ends[::-1]
