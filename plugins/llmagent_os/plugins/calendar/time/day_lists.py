"""Parses lists of days in people's words: "tomorrow and friday", "december 24, 25 and 31".

>>> [str(each.first) for each in parse_days("monday, wednesday and friday next week", date(2026, 11, 22))]
['2026-11-23', '2026-11-25', '2026-11-27']
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date

from llmagent_os.plugins.calendar.time.calendar_dates import MONTH, WEEKDAY
from llmagent_os.plugins.calendar.time.date_parsing import DAY_NUMBER, DateRange, is_month_first, parse_dates
from llmagent_os.plugins.calendar.time.text_normalization import normalize
from llmagent_os.plugins.calendar.time.time_errors import TimeExpressionError

MAX_DAYS = 40  #: that one list of days names
_NAME = r"(?:mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6}"
# "mon wed fri"
_DAY_AFTER_DAY = re.compile(rf"\b({_NAME})\s+(?={_NAME}\b)", re.I)


def parse_days(
    text: str, today: date, *, month_first: bool = True, anchor: date | None = None
) -> tuple[DateRange, ...]:
    """Parse one or several days, or spans of days: "tomorrow and friday", "december 24, 25 and 31".

    Raises:
        TimeExpressionError: a part of ``text`` is not a date.
    """

    def parsed(said: str) -> DateRange:
        return parse_dates(said, today, month_first=month_first, anchor=anchor)

    text = _DAY_AFTER_DAY.sub(r"\1, ", text)
    month_first = is_month_first(text, month_first)
    parts = [part for part in re.split(r",|;|&|\+|\band\b|\bplus\b|\bas well as\b", text) if part.strip()]
    quarter = any(part.strip().casefold() == "quarter" for part in parts)  # "the 14th, quarter past 3"
    if 1 < len(parts) <= MAX_DAYS and not quarter and not re.search(r"\bbetween\b", text, re.I):
        try:
            return _in_order(_listed(_completed(parts), parsed))
        except TimeExpressionError as error:
            if error.problem == "impossible":
                raise
    return (parsed(text),)


def _listed(parts: list[str], parsed: Callable[[str], DateRange]) -> list[DateRange]:
    """Parse a list, a part at a time. Parts that only make sense together ("December 7, 2026") are joined."""
    found: list[DateRange] = []
    at = 0
    while at < len(parts):
        # Only a number goes with the part before it, and only a date with a weekday before it.
        both = _parsed_or_none(" ".join(parts[at : at + 2]), parsed) if _belongs(parts[at : at + 2]) else None
        found.append(both or parsed(parts[at]))
        at += 2 if both else 1
    return found


def _belongs(parts: list[str]) -> bool:
    if len(parts) < 2:
        return False
    return re.fullmatch(r"\d{4}", parts[1]) is not None or (
        re.fullmatch(WEEKDAY, parts[0]) is not None and re.search(r"\d", parts[1]) is not None
    )


def _parsed_or_none(said: str, parsed: Callable[[str], DateRange]) -> DateRange | None:
    try:
        return parsed(said)
    except TimeExpressionError:
        return None


def _completed(parts: list[str]) -> list[str]:
    """Give every part of a list what it shares with others: its month, or "next week"."""
    plain = [normalize(part) for part in parts]
    week = re.search(r" ((?:of )?(?:this|next) week|week after next)$", plain[-1])
    if week:
        plain = [f"{part} {week[1]}" if re.fullmatch(WEEKDAY, part) else part for part in plain]
    following = re.match(r"next (.+)$", plain[0])
    if following and re.fullmatch(WEEKDAY, following[1]):
        plain = [f"next {part}" if re.fullmatch(WEEKDAY, part) else part for part in plain]
    month = ""
    done: list[str] = []
    for part in plain:  # "december 24 and 31"
        bare = re.fullmatch(rf"(?:the |on )*{DAY_NUMBER}((?: ?- ?| to ){DAY_NUMBER})?", part)
        done.append(f"{month} {bare[1]}{bare[2] or ''}" if bare and month else part)
        named = re.search(rf"\b{MONTH}\b", part)
        month = named[1] if named else month
    month = ""
    for at in range(len(done) - 1, -1, -1):  # "24 and 31 december"
        bare = re.fullmatch(rf"(?:the |on )*{DAY_NUMBER}", done[at])
        done[at] = f"{month} {bare[1]}" if bare and month else done[at]
        named = re.fullmatch(rf"(?:on |the )*{DAY_NUMBER} (?:of )?{MONTH}(?: \d{{4}})?", done[at])
        month = named[2] if named else month
    return done


def _in_order(found: list[DateRange]) -> tuple[DateRange, ...]:
    return tuple(sorted(dict.fromkeys(found), key=lambda each: each.first))
