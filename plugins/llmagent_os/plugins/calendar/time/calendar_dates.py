"""Parses dates as calendars write them, in normalized words: "the 5th", "june 3", "27.11.", "12/16/2026"."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from calendar import monthrange
from collections.abc import Iterator
from datetime import date, datetime, timedelta

from dateutil import parser
from dateutil.relativedelta import relativedelta

from llmagent_os.plugins.calendar.time.date_ranges import ONE_DAY, DateRange, one_day
from llmagent_os.plugins.calendar.time.text_normalization import MONTHS, WEEKDAYS
from llmagent_os.plugins.calendar.time.time_errors import TimeExpressionError

WEEKDAY = rf"({'|'.join(WEEKDAYS)})(?:'s)?"
MONTH = rf"({'|'.join(MONTHS)})(?:'s)?"
NTH = r"(\d{1,2})(?:st|nd|rd|th)"
_NEXT_LEAP_YEAR = 9  #: years from now within which every date comes


class CalendarDateParser(ABC):
    """Parses dates that are written out, seen from one present day.

    Args:
        today: the date in the person's time zone.
        month_first: whether 3/4 is the 4th of March.
        anchor: the day of the event in question, for "the next day".
    """

    def __init__(self, today: date, month_first: bool, anchor: date | None) -> None:
        self.today, self.month_first, self.anchor = today, month_first, anchor
        self.monday = today - timedelta(days=today.weekday())

    @abstractmethod
    def read(self, said: str, depth: int = 0) -> DateRange | None:
        """Try every kind of date, from the most specific to the least. None: no kind fits."""

    @abstractmethod
    def month(self, said: str) -> date | None:
        """Parse a month. Returns its first day."""

    def calendar_date(self, said: str) -> DateRange | None:
        """Parse a date as calendars write it: "the 5th", "june 3", "27.11.", "the first monday of december"."""
        match = re.fullmatch(rf"(?:day )?{NTH}(?: (?:of )?(?:the )?(this month|month|next month))?", said)
        if match:
            return self._day_of_month(int(match[1]), match[2] or "", said)
        match = re.fullmatch(rf"(this month|next month),? (?:on )?(?:the )?{NTH}", said)
        if match:
            return self._day_of_month(int(match[2]), match[1], said)
        match = re.fullmatch(
            rf"(1st|2nd|3rd|4th|5th|last) ({'|'.join(WEEKDAYS)}|day|weekday|(?:business|working) day|weekend)"
            r" (?:of|in) (.+)",
            said,
        )
        if match:
            return self._nth_in_month(match[1], re.sub(r"\w+ day", "weekday", match[2]), match[3])
        written = re.sub(r"\b(?:the|of)\b|,", " ", said)
        written = re.sub(r"'s\b", "", " ".join(written.split()))
        year = re.search(r" (?:(this|next) year)$", written)
        if year:
            written = written[: year.start()] + f" {self.year(year[0].strip())}"
        numeric = re.fullmatch(rf"(\d{{1,2}})\.? {MONTH}(.*)", written)
        if numeric:
            written = f"{numeric[1]} {numeric[2]}{numeric[3]}"
        absolute = re.fullmatch(
            rf"{MONTH} \d{{1,2}}(?:st|nd|rd|th)?(?: \d{{4}})?|\d{{1,2}}(?:st|nd|rd|th)? {MONTH}(?: \d{{4}})?"
            r"|\d{1,2}[/.-]\d{1,2}(?:[/.-](?:\d{4}|\d\d))?|\d{4}[/.-]\d{1,2}[/.-]\d{1,2}",
            written,
        )
        return self._absolute(written) if absolute else None

    def _absolute(self, written: str) -> DateRange | None:
        short = re.fullmatch(r"(\d{1,2})[/.-](\d{1,2})", written)
        if short:  # a day and a month; dateutil would take 13/5 for the May of 2013
            month, day = int(short[1]), int(short[2])
            if "." in written and day > 12:
                return None  # 9.30 is a time: with a dot, the day stands first
            if month > 12 or (day <= 12 and ("." in written or not self.month_first)):
                month, day = day, month
            return self._absolute(f"{MONTHS[month - 1]} {day}") if 1 <= month <= 12 else None
        _check_written(written)
        # If the text has no year, dateutil fills in the default's. Two different defaults show whether it did.
        day_first = "." in written or not self.month_first
        iso = re.match(r"\d{4}", written) is not None
        found = [
            parser.parse(written, default=datetime(year, 1, 1), dayfirst=day_first and not iso, yearfirst=iso).date()
            for year in (2024, 2028)
        ]
        if found[0] == found[1]:
            return one_day(found[0])
        for year in range(self.today.year, self.today.year + _NEXT_LEAP_YEAR):
            try:
                this = found[0].replace(year=year)
            except ValueError:
                continue
            if this >= self.today:
                return one_day(this)
        return None

    def _day_of_month(self, day: int, which: str, said: str) -> DateRange | None:
        check_day(day, said)
        start = self.today.replace(day=1) + relativedelta(months=1 if which == "next month" else 0)
        for ahead in range(1 if which else 12):
            month = start + relativedelta(months=ahead)
            found = month + timedelta(days=day - 1)
            if found.month == month.month and (found >= self.today or which):
                return one_day(found)
        raise impossible_day(day, MONTHS[start.month - 1], said)

    def _nth_in_month(self, nth: str, what: str, where: str) -> DateRange | None:
        month = self.month(where)
        if month is None:
            return None
        found = self._nth_of(month, nth, what)
        if found is not None and found.last < self.today and where in ("month", "the month"):
            return self._nth_of(month + relativedelta(months=1), nth, what)
        return found

    @staticmethod
    def _nth_of(month: date, nth: str, what: str) -> DateRange | None:
        kinds = {"day": range(7), "weekday": range(5), "weekend": (5,)}
        numbers = kinds.get(what) or (WEEKDAYS.index(what),)
        wanted = [day for day in _days_of(month) if day.weekday() in numbers]
        number = -1 if nth == "last" else int(nth[0]) - 1
        if number >= len(wanted):
            return None
        return DateRange(wanted[number], wanted[number] + ONE_DAY) if what == "weekend" else one_day(wanted[number])

    def year(self, said: str) -> int:
        """Return the number of a year: "next year", "2027"."""
        offsets = {"this year": 0, "year": 0, "next year": 1, "last year": -1}
        return self.today.year + offsets[said] if said in offsets else int(said)


def impossible_day(day: int, month: str, said: str) -> TimeExpressionError:
    """Return the error for a day that a month does not have."""
    name, last = month.title(), monthrange(2028, MONTHS.index(month) + 1)[1]
    return TimeExpressionError(
        "impossible", "date", said, why=f"{name} has only {last} days, so there is no {name} {day}."
    )


def check_day(day: int, said: str) -> None:
    """Raise an error for a day that no month has."""
    if not 1 <= day <= 31:
        number = re.search(r"\d+(?:st|nd|rd|th)", said)
        raise TimeExpressionError(
            "impossible", "date", said, why=f"No month has a {number[0] if number else f'day {day}'}."
        )


def _check_written(written: str) -> None:
    """Raise an error for the 30th of February."""
    match = re.match(rf"{MONTH} (\d+)|(\d+)(?:st|nd|rd|th)? {MONTH}", written)
    if match:
        month, day = match[1] or match[4], int(match[2] or match[3])
        if not 1 <= day <= monthrange(2028, MONTHS.index(month) + 1)[1]:
            raise impossible_day(day, month, written)


def _days_of(month: date) -> Iterator[date]:
    day = month
    while day.month == month.month:
        yield day
        day += ONE_DAY
