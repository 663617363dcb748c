"""Reads a file that was sent: its content, not its name, says what it is."""

from __future__ import annotations

import re

import msgspec

from llmagent_os.languages import gettext
from llmagent_os.plugins.finance.reading.camt_reading import read_camt
from llmagent_os.plugins.finance.reading.column_roles import price_columns, with_roles
from llmagent_os.plugins.finance.reading.date_format import date_order
from llmagent_os.plugins.finance.reading.number_format import bare_number, decimal_mark
from llmagent_os.plugins.finance.reading.ofx_reading import read_ofx
from llmagent_os.plugins.finance.reading.qif_reading import read_qif
from llmagent_os.plugins.finance.reading.sheet import MAX_FILE_BYTES, Sheet
from llmagent_os.plugins.finance.reading.statement_error import StatementError
from llmagent_os.plugins.finance.reading.table_reading import read_table, text_of

_PACKED = (b"PK\x03\x04", b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf", b"Rar!")


def read_statement(content: bytes) -> Sheet:
    """Read a file.

    Raises:
        StatementError: it cannot be read.
    """
    if len(content) > MAX_FILE_BYTES:
        raise StatementError(
            gettext("The file is larger than {size} MB. Please send it in parts.", size=MAX_FILE_BYTES // 1_000_000)
        )
    if content.startswith(_PACKED):
        raise StatementError(
            gettext("That is an archive or a workbook. Please unpack it, or save it as CSV, and send that.")
        )
    text = text_of(content)
    start = text.lstrip()[:2000]
    if re.search(r"^OFXHEADER|<OFX\b", start, re.I | re.M):
        sheet = read_ofx(text)
    elif start.lower().startswith(("!type", "!account", "!option", "!clear")):
        sheet = read_qif(text)
    elif start.startswith("<"):
        sheet = read_camt(text)
    else:
        sheet = with_roles(read_table(text))
    return decided(sheet)


def decided(sheet: Sheet) -> Sheet:
    """A sheet with its formats, as far as its columns decide them.

    Raises:
        StatementError: its numbers contradict each other.
    """
    order = sheet.date_order or (
        date_order([cell for cell in sheet.column("date") if cell]) if "date" in sheet.roles else ""
    )
    names = ("amount", "debit", "credit", "balance", "price", "quantity")
    cells = [cell for name in names for cell in sheet.column(name) if bare_number(cell)]
    cells += [row[number] for number in price_columns(sheet) for row in sheet.rows]
    return msgspec.structs.replace(
        sheet, date_order="" if order == "?" else order, decimal=sheet.decimal or decimal_mark(cells)
    )
