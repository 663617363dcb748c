"""Writes the transactions as a CSV file that no program mistakes for formulas."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping

from llmagent_os.plugins.finance.categories import category_of
from llmagent_os.plugins.finance.transaction import Transaction

HEAD = ("date", "amount", "currency", "account", "payee", "text", "category", "reference")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


def export_csv(transactions: Iterable[Transaction], rules: Mapping[str, str]) -> bytes:
    """The transactions as CSV, in UTF-8 with a byte order mark, by which spreadsheets know the encoding."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(HEAD)
    for each in transactions:
        texts = (each.currency, each.account, each.payee, each.text, category_of(each, rules), each.reference)
        writer.writerow((each.day.isoformat(), f"{each.amount:f}", *map(safe_cell, texts)))
    return out.getvalue().encode("utf-8-sig")


def safe_cell(text: str) -> str:
    """A text that a spreadsheet shows, and does not compute.

    >>> safe_cell("=HYPERLINK(1)"), safe_cell("Lidl")
    ("'=HYPERLINK(1)", 'Lidl')
    """
    return f"'{text}" if text.lstrip().startswith(_FORMULA) or text.startswith(_FORMULA) else text
