"""Turns the rows of a sheet, whose formats are decided, into transactions."""

from __future__ import annotations

import hashlib
from datetime import date
from decimal import Decimal

import msgspec

from llmagent_os.languages import gettext
from llmagent_os.plugins.finance.money import MAX_AMOUNT, currency_of
from llmagent_os.plugins.finance.reading.column_roles import WENT_OUT
from llmagent_os.plugins.finance.reading.date_format import read_date
from llmagent_os.plugins.finance.reading.number_format import bare_number, read_number
from llmagent_os.plugins.finance.reading.sheet import Sheet
from llmagent_os.plugins.finance.reading.statement_error import StatementError
from llmagent_os.plugins.finance.transaction import Transaction


def sheet_id(sheet: Sheet) -> str:
    """A short name of what is in a sheet, by which its import is known."""
    return hashlib.sha256(msgspec.json.encode((sheet.head, sheet.rows))).hexdigest()[:12]


def transactions_of(sheet: Sheet) -> list[Transaction]:
    """The transactions of a sheet with a date, an amount, a currency and formats.

    Raises:
        StatementError: a row cannot be read. The message names it.
    """
    source = sheet_id(sheet)
    found: list[Transaction] = []
    for number, row in enumerate(sheet.rows, 1):
        cell = {role: row[column] for role, column in sheet.roles.items()}
        if not cell.get("date") and not any(cell.get(each) for each in ("amount", "debit", "credit")):
            continue
        found.append(
            Transaction(
                day=date_in(cell.get("date", ""), sheet, number),
                amount=_amount(cell, sheet, number),
                currency=currency_of(cell.get("currency", "")) or sheet.currency,
                account=cell.get("account") or sheet.account or "main",
                payee=cell.get("payee", ""),
                text=cell.get("text", ""),
                reference=cell.get("reference", ""),
                category=cell.get("category", "").casefold(),
                source=source,
            )
        )
    return found


def date_in(cell: str, sheet: Sheet, number: int) -> date:
    """The date in a cell of a row.

    Raises:
        StatementError: there is none.
    """
    found = read_date(cell, sheet.date_order or "DMY")
    if found is None:
        raise StatementError(
            gettext("Row {number}: “{cell}” is no date that I can read.", number=number, cell=cell[:40])
        )
    return found


def number_in(cell: str, sheet: Sheet, number: int) -> Decimal:
    """The number in a cell of a row.

    Raises:
        StatementError: there is none.
    """
    found = read_number(cell, sheet.decimal or ".")
    if found is None or abs(found) >= MAX_AMOUNT:
        raise StatementError(
            gettext("Row {number}: “{cell}” is no amount that I can read.", number=number, cell=cell[:40])
        )
    return found


def _amount(cell: dict[str, str], sheet: Sheet, number: int) -> Decimal:
    if "amount" in cell:
        found = number_in(cell["amount"], sheet, number)
        if cell.get("direction"):
            found = -abs(found) if cell["direction"].casefold() in WENT_OUT else abs(found)
        return -found if sheet.swapped else found
    paid, got = cell.get("debit", ""), cell.get("credit", "")
    if not bare_number(paid) and not bare_number(got):
        return number_in(paid or got, sheet, number)
    out = abs(number_in(paid, sheet, number)) if paid else Decimal(0)
    return (number_in(got, sheet, number) if got else Decimal(0)) - out
