"""Turns the rows of a sheet into trades and prices."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Literal

from llmagent_os.languages import gettext
from llmagent_os.plugins.finance.holdings.holding import PriceSeries, Trade
from llmagent_os.plugins.finance.money import currency_of
from llmagent_os.plugins.finance.reading.column_roles import price_columns
from llmagent_os.plugins.finance.reading.sheet import Sheet
from llmagent_os.plugins.finance.reading.statement_error import StatementError
from llmagent_os.plugins.finance.statement_rows import date_in, number_in

MAX_SYMBOLS = 200

#: What a sheet holds. ``trades`` has how many of each symbol, ``prices`` what they cost.
SheetContent = Literal["transactions", "trades", "prices", "unknown"]


def content_of(sheet: Sheet) -> SheetContent:
    """What a sheet holds, by the roles of its columns."""
    roles = sheet.roles
    if "symbol" in roles and "quantity" in roles:
        return "trades"
    if "date" in roles and "symbol" in roles and "price" in roles:
        return "prices"
    if "date" in roles and ("amount" in roles or "debit" in roles):
        return "transactions"
    return "prices" if price_columns(sheet) else "unknown"


def symbol_in(cell: str, number: int) -> str:
    """The symbol in a cell of a row.

    Raises:
        StatementError: it is none.
    """
    found = " ".join(cell.split())[:20].upper()
    if not re.fullmatch(r"[\w.^=\- ]{1,20}", found):
        raise StatementError(
            gettext("Row {number}: “{cell}” is no symbol that I can read.", number=number, cell=cell[:40])
        )
    return found


def trades_of(sheet: Sheet, today: date) -> list[Trade]:
    """The trades of a sheet. A list of holdings without dates is what is held from today on.

    Raises:
        StatementError: a row cannot be read.
    """
    found: list[Trade] = []
    for number, row in enumerate(sheet.rows, 1):
        cell = {role: row[column] for role, column in sheet.roles.items()}
        if cell.get("symbol"):
            found.append(
                Trade(
                    date_in(cell["date"], sheet, number) if "date" in cell else today,
                    symbol_in(cell["symbol"], number),
                    number_in(cell["quantity"], sheet, number),
                    number_in(cell["price"], sheet, number) if cell.get("price") else None,
                    currency_of(cell.get("currency", "")) or sheet.currency,
                )
            )
    return found


def prices_of(sheet: Sheet, today: date) -> list[PriceSeries]:
    """The prices of a sheet: one of each row, or one of each column. Those of trades count as well.

    Raises:
        StatementError: a row cannot be read, or there are too many symbols.
    """
    found: dict[tuple[str, str], dict[date, Decimal]] = {}
    wide = price_columns(sheet)
    for number, row in enumerate(sheet.rows, 1):
        cell = {role: row[column] for role, column in sheet.roles.items()}
        day = date_in(cell["date"], sheet, number) if "date" in cell else today
        currency = currency_of(cell.get("currency", "")) or sheet.currency
        pairs = [(sheet.head[column], row[column]) for column in wide]
        if "symbol" in cell:
            pairs.append((cell["symbol"], cell.get("price", "")))
        for symbol, price in pairs:
            if symbol and price:
                amount = number_in(price, sheet, number)
                if amount <= 0:
                    raise StatementError(
                        gettext("Row {number}: the price {cell} is not above 0.", number=number, cell=price[:40])
                    )
                found.setdefault((symbol_in(symbol, number), currency), {})[day] = amount
    if len(found) > MAX_SYMBOLS:
        raise StatementError(
            gettext("The file has {count} symbols; I read up to {most}.", count=len(found), most=MAX_SYMBOLS)
        )
    return [PriceSeries(symbol, currency, (), ()).with_prices(own) for (symbol, currency), own in found.items()]
