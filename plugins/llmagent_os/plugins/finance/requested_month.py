"""Reads which month a person means."""

from __future__ import annotations

import re
from datetime import date, timedelta

from llmagent_os.plugins.finance.reading.date_format import month_number


def read_month(text: str, today: date) -> str | None:
    """A month such as ``2026-11``; None: the words name none.

    A month without a year is the last one of that name that has begun.

    >>> read_month("last month", date(2026, 1, 5)), read_month("November", date(2026, 10, 5))
    ('2025-12', '2025-11')
    """
    words = text.casefold().strip(" .?!")
    if words in ("this month", "this", "now", "diesen monat", "este mes", "本月"):
        return f"{today:%Y-%m}"
    if words in ("last month", "last", "letzten monat", "mes pasado", "上月"):
        return f"{today.replace(day=1) - timedelta(days=1):%Y-%m}"
    if found := re.fullmatch(r"(\d{4})-(\d{1,2})|(\d{1,2})[/.](\d{4})", words):
        year, month = int(found[1] or found[4]), int(found[2] or found[3])
        return f"{year:04d}-{month:02d}" if 1 <= month <= 12 and 1900 <= year < 2200 else None
    if found := re.fullmatch(r"([^\W\d]+)\.?(?: (\d{4}))?", words):
        month = month_number(found[1])
        if not month:
            return None
        year = int(found[2]) if found[2] else today.year - (month > today.month)
        return f"{year:04d}-{month:02d}"
    return None
