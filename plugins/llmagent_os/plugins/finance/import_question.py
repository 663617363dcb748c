"""Asks about a file before it is imported: what cannot be decided from its columns, and then whether it is right."""

from __future__ import annotations

from llmagent_os.languages import date_text, gettext, ngettext
from llmagent_os.plugin import Button, Table, ToolResult
from llmagent_os.plugins.finance.finance_call import FinanceCall, FinanceState
from llmagent_os.plugins.finance.holdings.holding_rows import content_of, prices_of, trades_of
from llmagent_os.plugins.finance.money import Money
from llmagent_os.plugins.finance.reading.date_format import read_date
from llmagent_os.plugins.finance.reading.number_format import bare_number
from llmagent_os.plugins.finance.reading.sheet import Sheet
from llmagent_os.plugins.finance.statement_rows import sheet_id, transactions_of
from llmagent_os.plugins.finance.transaction import new_ones

SHOWN_ROWS = 3
_USUAL_CURRENCIES = ("EUR", "USD", "GBP", "CHF", "CNY")


async def ask_about(call: FinanceCall, sheet: Sheet) -> ToolResult:
    """Ask what is open, or show what would be imported.

    Raises:
        StatementError: a row cannot be read.
    """
    return await call.computed(_question, sheet)


def _question(state: FinanceState, sheet: Sheet) -> ToolResult:
    own = sheet_id(sheet)
    content = content_of(sheet)
    if content == "unknown":
        return ToolResult(
            {"status": "unclear", "need": "columns"},
            gettext(
                "I do not see which columns hold the date and the amount. The columns are: {columns}. "
                "Tell me with `/finance columns date=NAME amount=NAME payee=NAME`.",
                columns=", ".join(sheet.head)[:500],
            ),
            word_for_word=True,
        )
    if "date" in sheet.roles and not sheet.date_order:
        return _ask_date(sheet, own)
    if not sheet.decimal:
        return _ask_decimal(sheet, own)
    if not sheet.currency and not all(sheet.column("currency") or [""]):
        settings = state.settings
        codes = dict.fromkeys((settings.currency, *_USUAL_CURRENCIES) if settings.currency else _USUAL_CURRENCIES)
        return ToolResult(
            {"status": "missing", "need": "currency"},
            gettext("The file names no currency. Which one is it? For another one type `/finance in CODE`."),
            buttons=tuple(Button(code, f"currency:{own}:{code}") for code in codes),
            word_for_word=True,
        )
    if content == "transactions":
        return _show_transactions(state, sheet, own)
    return _show_holdings(state, sheet, own)


def shall_i() -> str:
    """The question that ends what is shown."""
    return gettext("Shall I import it?")


def _ask_date(sheet: Sheet, own: str) -> ToolResult:
    cells = (cell for cell in sheet.column("date") if read_date(cell, "DMY") != read_date(cell, "MDY"))
    cell = next(cells, "")
    buttons = tuple(
        Button(date_text(day), f"dates:{own}:{order}") for order in ("DMY", "MDY") if (day := read_date(cell, order))
    )
    return ToolResult(
        {"status": "ambiguous", "need": "date order", "heard": cell},
        gettext("The dates in the file can be read in two ways. Which day is {cell}?", cell=cell),
        buttons=buttons,
        word_for_word=True,
    )


def _ask_decimal(sheet: Sheet, own: str) -> ToolResult:
    cells = [cell for role in ("amount", "debit", "credit", "price") for cell in sheet.column(role)]
    cell = next((each for each in [*cells, *(cell for row in sheet.rows for cell in row)] if _is_open(each)), "")
    number = bare_number(cell)
    mark = next((each for each in number if each in ".,"), ".")
    whole = number.replace(mark, "")
    return ToolResult(
        {"status": "ambiguous", "need": "number format", "heard": cell},
        gettext("The numbers in the file can be read in two ways. What is {cell}?", cell=cell),
        buttons=(
            Button(whole, f"decimal:{own}:{',' if mark == '.' else '.'}"),
            Button(number.replace(mark, "."), f"decimal:{own}:{mark}"),
        ),
        word_for_word=True,
    )


def _is_open(cell: str) -> bool:
    number = bare_number(cell)
    return sum(number.count(mark) for mark in ".,") == 1


def _show_transactions(state: FinanceState, sheet: Sheet, own: str) -> ToolResult:
    found = transactions_of(sheet)
    fresh = new_ones(found, state.transactions)
    if not fresh:
        return ToolResult(
            {"status": "unchanged", "count": str(len(found))},
            ngettext(
                "I have the transaction of that file already.",
                "I have all {count} transactions of that file already.",
                len(found),
            ),
            buttons=(Button(gettext("Cancel"), f"cancel:{own}"),),
            word_for_word=True,
        )
    rows = tuple(
        (date_text(each.day), str(Money(each.amount, each.currency)), each.name) for each in found[:SHOWN_ROWS]
    )
    known = len(found) - len(fresh)
    count = ngettext("{count} transaction", "{count} transactions", len(fresh))
    text = [
        gettext(
            "{kind}: {count}, from {first} to {last}, account {account}.",
            kind=sheet.kind,
            count=count,
            first=date_text(min(each.day for each in fresh)),
            last=date_text(max(each.day for each in fresh)),
            account=", ".join(sorted({each.account for each in fresh}))[:80],
        ),
        _columns(sheet),
    ]
    if known:
        text.append(ngettext("{count} is here already.", "{count} are here already.", known))
    data = {"status": "confirm", "count": str(len(fresh)), "known": str(known)}
    table = Table((gettext("day"), gettext("amount"), gettext("payee")), rows)
    swap = Button(gettext("Swap in and out"), f"swap:{own}")
    return _confirm(data, text, table, own, *([swap] if "amount" in sheet.roles else []))


def _show_holdings(state: FinanceState, sheet: Sheet, own: str) -> ToolResult:
    trades = trades_of(sheet, state.today) if content_of(sheet) == "trades" else []
    series = prices_of(sheet, state.today)
    prices = sum(len(each.days) for each in series)
    rows = [(each.symbol, date_text(each.day), str(each.quantity), "–") for each in trades[:SHOWN_ROWS]]
    if not trades:
        rows = [
            (each.symbol, date_text(each.days[-1]), "–", str(Money(each.prices[-1], each.currency)))
            for each in series[:SHOWN_ROWS]
        ]
    text = [
        ngettext("{count} trade", "{count} trades", len(trades))
        + ", "
        + ngettext("{count} price", "{count} prices", prices)
        + ".",
        _columns(sheet),
    ]
    head = (gettext("symbol"), gettext("day"), gettext("quantity"), gettext("price"))
    return _confirm({"status": "confirm", "count": str(len(trades) + prices)}, text, Table(head, tuple(rows)), own)


def _columns(sheet: Sheet) -> str:
    named = [f"{role} = {sheet.head[column]}" for role, column in sheet.roles.items() if role != sheet.head[column]]
    if not named:
        return ""
    return gettext(
        "I read the columns as: {columns}. `/finance columns ROLE=NAME` changes that.", columns=", ".join(named)[:600]
    )


def _confirm(data: dict[str, str], text: list[str], table: Table, own: str, *more: Button) -> ToolResult:
    return ToolResult(
        data,
        " ".join([*filter(None, text), shall_i()]),
        table=table,
        buttons=(
            Button(gettext("Import"), f"import:{own}", "primary"),
            *more,
            Button(gettext("Cancel"), f"cancel:{own}"),
        ),
        word_for_word=True,
    )
