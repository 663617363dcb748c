"""Reads OFX and QFX, in SGML (1.x, where values have no end tag) and in XML (2.x).

The library for it, ofxtools, is under the GPL, which this project cannot depend on; ofxparse is no longer kept.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from llmagent_os.languages import gettext
from llmagent_os.plugins.finance.reading.sheet import MAX_CELL, MAX_ROWS, Sheet, StatedBalance
from llmagent_os.plugins.finance.reading.statement_error import StatementError

HEAD = ("date", "amount", "payee", "text", "currency", "account", "reference")
_TAG = re.compile(r"<(/?)([A-Z0-9_.]{1,40})>([^<]*)", re.I)


def read_ofx(text: str) -> Sheet:
    """Read the text of a file with statements of bank accounts and credit cards.

    Raises:
        StatementError: it holds no transaction, or too many.
    """
    rows: list[tuple[str, ...]] = []
    balances: list[StatedBalance] = []
    currency = account = ""
    for name, values in _groups(text):
        if name == "statement":
            currency, account = values.get("CURDEF", currency), values.get("ACCTID", account)
        elif name == "LEDGERBAL":
            balances.append(
                StatedBalance(account, values.get("DTASOF", "")[:8], _dotted(values.get("BALAMT", "")), currency)
            )
        else:
            payee = values.get("NAME") or values.get("PAYEE", "")
            own = values.get("CURSYM", currency)
            row = (values.get("DTPOSTED", ""), _dotted(values.get("TRNAMT", "")), payee, values.get("MEMO", ""), own)
            rows.append((*row, account, values.get("FITID", "")))
    if not rows:
        raise StatementError(gettext("There is no booked transaction in the file."))
    if len(rows) > MAX_ROWS:
        raise StatementError(
            gettext("The file has more than {count} rows. Please send it in parts.", count=f"{MAX_ROWS:,}")
        )
    roles = {role: number for number, role in enumerate(HEAD)}
    return Sheet("OFX", HEAD, tuple(rows), roles, "YMD", ".", balances=tuple(balances))


def _groups(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The values of each transaction, of each balance, and what is said of the account before them."""
    inside: str = ""
    values: dict[str, str] = {}
    for found in _TAG.finditer(text):
        closes, name, value = found[1], found[2].upper(), html.unescape(found[3]).strip()[:MAX_CELL]
        if name in ("STMTTRN", "LEDGERBAL"):
            if values:
                yield inside or "statement", values
            inside, values = "" if closes else name, {}
        elif value and not closes:
            values.setdefault(name, value)
    if values:
        yield inside or "statement", values


def _dotted(amount: str) -> str:
    """An amount with a decimal point: the specification allows a comma, too, and no marks between thousands."""
    return amount.replace(",", ".")
