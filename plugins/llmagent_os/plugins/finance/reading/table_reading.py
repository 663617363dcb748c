"""Reads a CSV file: its encoding, its delimiter, the line with the names of its columns."""

from __future__ import annotations

import csv
import io
from collections import Counter

from charset_normalizer import from_bytes

from llmagent_os.languages import gettext
from llmagent_os.plugins.finance.reading.date_format import ORDERS, read_date
from llmagent_os.plugins.finance.reading.number_format import bare_number
from llmagent_os.plugins.finance.reading.sheet import MAX_CELL, MAX_COLUMNS, MAX_ROWS, Sheet
from llmagent_os.plugins.finance.reading.statement_error import StatementError

_DELIMITERS = ";\t|,"
_ENCODINGS = ["cp1252", "cp1250", "cp1251", "gb18030", "shift_jis", "utf_16"]
_SAMPLE_LINES = 200


def text_of(content: bytes) -> str:
    """The text of a file in any usual encoding.

    Raises:
        StatementError: it is no text.
    """
    for mark, encoding in (
        (b"\xef\xbb\xbf", "utf-8-sig"),
        (b"\xff\xfe", "utf-16"),
        (b"\xfe\xff", "utf-16"),
        (b"", "utf-8"),
    ):
        if content.startswith(mark):
            try:
                text = content.decode(encoding)
            except UnicodeDecodeError:
                break
            if "\0" not in text:
                return text
            break
    best = from_bytes(content, cp_isolation=_ENCODINGS).best()
    if best is None or b"\0" in content:
        raise StatementError(gettext("That file is no text. Please export a CSV, OFX, QIF or CAMT.053 file."))
    return str(best)


def read_table(text: str) -> Sheet:
    """Read the text of a CSV file.

    Raises:
        StatementError: there is no table in it, or it is too large.
    """
    rows = _rows(text)
    if len(rows) > MAX_ROWS + 100:
        raise StatementError(
            gettext("The file has more than {count} rows. Please send it in parts.", count=f"{MAX_ROWS:,}")
        )
    widths = Counter(len(row) for row in rows if len(row) > 1 and any(row))
    if not widths:
        raise StatementError(
            gettext("I found no columns in the file. Please export a CSV file with a line of headings.")
        )
    width = max(widths, key=lambda each: (widths[each], each))
    if width > MAX_COLUMNS:
        raise StatementError(
            gettext("The file has {width} columns; I read up to {most}.", width=width, most=MAX_COLUMNS)
        )
    fitting = [row for row in rows if len(row) in (width, width - 1, width + 1) and sum(map(bool, row)) > 1]
    start = next((number for number, row in enumerate(fitting) if _is_entry(row)), len(fitting))
    if start == len(fitting):
        raise StatementError(gettext("I found no row with a number in the file. Is it a list of transactions?"))
    head = fitting[start - 1] if start else [f"column {number}" for number in range(1, width + 1)]
    body = tuple(_padded(row, width) for row in fitting[start:] if _is_entry(row))
    if len(body) > MAX_ROWS:
        raise StatementError(
            gettext("The file has more than {count} rows. Please send it in parts.", count=f"{MAX_ROWS:,}")
        )
    return Sheet("CSV", _padded(head, width), body)


def _rows(text: str) -> list[list[str]]:
    sample = "\n".join(text.splitlines()[:_SAMPLE_LINES])
    best = max(_DELIMITERS, key=lambda each: _evenness(sample, each))
    try:
        found = csv.reader(io.StringIO(text, newline=""), delimiter=best)
        return [[cell.strip()[:MAX_CELL] for cell in row] for row in found]
    except csv.Error as error:
        raise StatementError(gettext("The file is damaged: {reason}. Please export it again.", reason=error)) from error


def _evenness(sample: str, delimiter: str) -> tuple[int, int]:
    """How many rows have the usual number of columns, and that number."""
    try:
        widths = Counter(
            len(row) for row in csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter) if len(row) > 1
        )
    except csv.Error:
        return 0, 0
    return max(((count, width) for width, count in widths.items()), default=(0, 0))


def _is_entry(row: list[str]) -> bool:
    """Whether a row holds a number, and so more than headings."""
    return any(bare_number(cell) for cell in row) and (
        any(read_date(cell, order) for cell in row for order in ORDERS)
        or any(cell and not bare_number(cell) for cell in row)
    )


def _padded(row: list[str], width: int) -> tuple[str, ...]:
    return tuple((row + [""] * width)[:width])
