"""How a column writes dates: which part is the day, decided from all of its cells."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from functools import cache

from babel import Locale

ORDERS = ("YMD", "DMY", "MDY")
_NUMBERS = re.compile(r"(\d{1,4})([./\-' ])\s?(\d{1,2})([./\-' ])\s?(\d{2,4})\.?(?:[ T,]+\d{1,2}:\d{2}\S*)?")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})(?:\d{4,6})?(?:\.\d+)?(?:\[.*\])?")
_NAMED = re.compile(r"(\d{1,2})\.?[ -]([^\W\d]{3,12})\.?,?[ -](\d{4}|\d{2})|([^\W\d]{3,12})\.? (\d{1,2}),? (\d{4})")
_CHINESE = re.compile(r"(\d{4})年(\d{1,2})月(\d{1,2})日")


def read_date(cell: str, order: str) -> date | None:
    """The date in a cell; None: it is none in this order.

    >>> read_date("03/04/2026", "DMY"), read_date("1.2.26", "DMY"), read_date("12/31'25", "MDY")
    (datetime.date(2026, 4, 3), datetime.date(2026, 2, 1), datetime.date(2025, 12, 31))
    >>> read_date("3. März 2026", "YMD"), read_date("20261130120000[-5:EST]", "YMD"), read_date("31/02/2026", "DMY")
    (datetime.date(2026, 3, 3), datetime.date(2026, 11, 30), None)
    """
    text = cell.strip()[:40]
    if found := _COMPACT.fullmatch(text) or _CHINESE.fullmatch(text):
        return _date(*found.groups())
    if found := _NAMED.fullmatch(text):
        day, name, year, other_name, other_day, other_year = found.groups()
        return _date(year or other_year, str(month_number(name or other_name)), day or other_day)
    if not (found := _NUMBERS.fullmatch(text)):
        return None
    first, mark, second, _, third = found.groups()
    if len(first) > 2:
        return _date(first, second, third) if order == "YMD" and len(first) == 4 else None
    if len(third) == 3 or order == "YMD" or (mark == "." and order == "MDY"):
        return None
    day, month = (first, second) if order == "DMY" else (second, first)
    return _date(third, month, day)


def date_order(cells: Sequence[str]) -> str:
    """The order of the dates of a column: one of :data:`ORDERS`; empty: it can be read both ways; ``?``: no dates.

    >>> date_order(["03/04/2026", "31/04/2026"]), date_order(["01/12/2026", "01/13/2026"]), date_order(["3.4.2026"])
    ('?', 'MDY', 'DMY')
    >>> date_order(["03/04/2026"]), date_order(["2026-04-03"])
    ('', 'YMD')
    """
    read = {order: [read_date(cell, order) for cell in cells] for order in ORDERS}
    fitting = [order for order, dates in read.items() if dates and None not in dates]
    if not fitting:
        return "?"
    return fitting[0] if all(read[each] == read[fitting[0]] for each in fitting) else ""


def _date(year: str, month: str, day: str) -> date | None:
    full = int(year) + (0 if len(year) == 4 else 2000 if int(year) < 70 else 1900)
    try:
        return date(full, int(month), int(day)) if 1900 <= full < 2200 else None
    except ValueError:
        return None


def month_number(name: str) -> int:
    """The number of a month in one of several languages; 0: it is none.

    >>> month_number("Dezember"), month_number("dec"), month_number("soon")
    (12, 12, 0)
    """
    return _month_names().get(name.casefold()[:9], 0)


@cache
def _month_names() -> dict[str, int]:
    """The months in the languages of Europe in which statements name them."""
    names: dict[str, int] = {}
    for language in ("es", "fr", "it", "de", "en"):
        for width in ("wide", "abbreviated"):
            for number, name in Locale(language).months["format"][width].items():
                names[str(name).rstrip(".").casefold()[:9]] = int(number)
    return names
