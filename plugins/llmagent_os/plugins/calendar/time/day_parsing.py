"""Parses one day in normalized words: "tomorrow", "next friday", "the 5th", "june 3", "in 5 business days"."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from dateutil import parser
from dateutil.relativedelta import relativedelta

from llmagent_os.plugins.calendar.time.duration_parsing import QUANTITY, parse_quantity
from llmagent_os.plugins.calendar.time.holidays import HOLIDAYS
from llmagent_os.plugins.calendar.time.text_normalization import MONTHS, WEEKDAYS
from llmagent_os.plugins.calendar.time.time_errors import TimeExpressionError

WEEKDAY = rf"({'|'.join(WEEKDAYS)})(?:'s)?"
MONTH = rf"({'|'.join(MONTHS)})(?:'s)?"
_NTH = r"(\d{1,2})(?:st|nd|rd|th)"
ONE_DAY = timedelta(days=1)
#: Words for a day, and how many days it is from today.
_NEAR_DAYS = {
    "today": 0,
    "tonight": 0,
    "now": 0,
    "this day": 0,
    "tomorrow": 1,
    "day after tomorrow": 2,
    "day after next": 2,
    "yesterday": -1,
    "last night": -1,
    "day before yesterday": -2,
}
_BUSINESS_DAYS = r"(?:business|working|work|week) ?days?|weekdays?"
_NEXT_LEAP_YEAR = 9  #: years from now within which every date comes


@dataclass(frozen=True)
class DateRange:
    """One day, or several days in a row."""

    first: date
    last: date  #: inclusive
    next_match_days: int = 0  #: days until the same words fit again: 7 for the weekday of today, else 0
    span: bool = False  #: the words name the first and the last day, or a weekend: all of these days are meant

    @property
    def single(self) -> bool:
        """Whether the range is one day."""
        return self.first == self.last


class DayParser(ABC):
    """Parses single days, seen from one present day.

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

    def named(self, said: str) -> DateRange | None:
        """Parse a day that has a name: "today", "christmas eve"."""
        if said in _NEAR_DAYS:
            return one_day(self.today + _NEAR_DAYS[said] * ONE_DAY)
        if said in ("same day", "that day", "that same day", "day") and self.anchor:
            return one_day(self.anchor)
        if said in ("next day", "following day", "day after", "day after that"):
            return one_day((self.anchor or self.today) + ONE_DAY)
        if said in ("previous day", "day before", "day before that") and self.anchor:
            return one_day(self.anchor - ONE_DAY)
        holiday = re.fullmatch(r"(?:(?:this|next|coming) )?(.+?)(?: (\d{4}|this year|next year))?", said)
        if holiday and holiday[1] in HOLIDAYS:
            on = HOLIDAYS[holiday[1]]
            if holiday[2]:
                return one_day(on(self.year(holiday[2])))
            this_year = on(self.today.year)
            return one_day(this_year if this_year >= self.today else on(self.today.year + 1))
        return None

    def weekday(self, said: str) -> DateRange | None:
        """Parse a weekday: "friday", "next friday", "friday after next", "thursday the 3rd"."""
        match = re.fullmatch(
            rf"(?:(this coming|this upcoming|this past|this|next|coming|upcoming|following|last|past) )?{WEEKDAY}"
            r"(?: (?:of )?(this week|next week|last week|week after next|week|after next))?",
            said,
        )
        if match:
            return self._weekday_of(WEEKDAYS.index(match[2]), match[1] or "", match[3] or "")
        match = re.fullmatch(rf"(?:week|a week) (?:from |on )?{WEEKDAY}", said)
        if match:
            return self._weekday_of(WEEKDAYS.index(match[1]), "", "week")
        match = re.fullmatch(rf"{WEEKDAY},? (?:the )?{_NTH}", said)
        if match:
            return self._both(WEEKDAYS.index(match[1]), int(match[2]), said)
        match = re.fullmatch(rf"{WEEKDAY},? (.*\d.*)", said)
        return self.calendar_date(re.sub(r"^the ", "", match[2])) if match else None

    def _weekday_of(self, number: int, how: str, week: str) -> DateRange:
        if how == "next" or week == "next week":
            return one_day(self.monday + timedelta(days=7 + number))
        if week == "week after next":
            return one_day(self.monday + timedelta(days=14 + number))
        if week == "this week":
            return one_day(self.monday + timedelta(days=number))
        if week == "last week":
            return one_day(self.monday + timedelta(days=number - 7))
        ahead = (number - self.today.weekday()) % 7
        if how in ("last", "past", "this past"):
            return one_day(self.today - timedelta(days=7 - ahead if ahead else 7))
        if how == "following" and self.anchor:
            return one_day(self.anchor + timedelta(days=(number - self.anchor.weekday() - 1) % 7 + 1))
        if week:  # "friday week", "friday after next"
            return one_day(self.today + timedelta(days=ahead + 7))
        day = self.today + timedelta(days=ahead)
        return DateRange(day, day, 0 if ahead else 7)

    def _both(self, number: int, day: int, said: str) -> DateRange | None:
        """Return the next day that is both this weekday and this day of the month."""
        _check_day(day, said)
        for ahead in range(400):
            found = self.today + timedelta(days=ahead)
            if found.day == day and found.weekday() == number:
                return one_day(found)
        return None

    def calendar_date(self, said: str) -> DateRange | None:
        """Parse a date as calendars write it: "the 5th", "june 3", "27.11.", "the first monday of december"."""
        match = re.fullmatch(rf"(?:day )?{_NTH}(?: (?:of )?(?:the )?(this month|month|next month))?", said)
        if match:
            return self._day_of_month(int(match[1]), match[2] or "", said)
        match = re.fullmatch(
            rf"(1st|2nd|3rd|4th|5th|last) ({'|'.join(WEEKDAYS)}|day|weekday|business day|weekend) (?:of|in) (.+)", said
        )
        if match:
            return self._nth_in_month(match[1], match[2].replace("business day", "weekday"), match[3])
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
        _check_day(day, said)
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
        kinds = {"day": range(7), "weekday": range(5), "weekend": (5,)}
        numbers = kinds.get(what) or (WEEKDAYS.index(what),)
        wanted = [day for day in _days_of(month) if day.weekday() in numbers]
        number = -1 if nth == "last" else int(nth[0]) - 1
        if number >= len(wanted):
            return None
        return DateRange(wanted[number], wanted[number] + ONE_DAY) if what == "weekend" else one_day(wanted[number])

    def counted(self, said: str, depth: int) -> DateRange | None:
        """Parse a day that is counted from another: "in two weeks", "3 days before christmas", "a week from friday"."""
        business = re.fullmatch(
            rf"(?:in |after )?({QUANTITY}) (?:{_BUSINESS_DAYS})(?: (?:from now|from today|time))?", said
        )
        if business and (said.startswith(("in ", "after ")) or "from" in said):
            return one_day(business_days_after(self.today, round(parse_quantity(business[1]))))
        amount = rf"({QUANTITY}) (days?|weeks?|months?|years?)"
        match = re.fullmatch(rf"(?:in|after|within) {amount}(?:'? time)?", said)
        if match:
            return one_day(self.after(self.today, match[1], match[2]))
        match = re.fullmatch(rf"{amount} ago", said)
        if match:
            return one_day(self.after(self.today, match[1], match[2], -1))
        match = re.fullmatch(rf"{amount} (from|after|before|on|later) ?(.*)", said)
        if match:
            base = self._base(match[4], depth)
            return one_day(self.after(base, match[1], match[2], -1 if match[3] == "before" else 1)) if base else None
        match = re.fullmatch(r"(day|week) (after|before|from|on) (.+)", said)
        if match and not (match[1] == "week" and match[3] == "next"):
            base = self._base(match[3], depth)
            return one_day(self.after(base, "1", match[1], -1 if match[2] == "before" else 1)) if base else None
        return None

    def _base(self, said: str, depth: int) -> date | None:
        if said in ("", "now", "today"):
            return self.anchor if not said and self.anchor else self.today
        found = self.read(said, depth + 1)
        return found.first if found else None

    @staticmethod
    def after(base: date, amount: str, unit: str, sign: int = 1) -> date:
        """Return the day that is an amount of days, weeks, months or years from another."""
        number = parse_quantity(amount) * sign
        if unit.startswith("day"):
            return base + timedelta(days=round(number))
        if unit.startswith("week"):
            return base + timedelta(days=round(number * 7))
        return base + relativedelta(months=round(number * (12 if unit.startswith("year") else 1)))

    def year(self, said: str) -> int:
        """Return the number of a year: "next year", "2027"."""
        offsets = {"this year": 0, "year": 0, "next year": 1, "last year": -1}
        return self.today.year + offsets[said] if said in offsets else int(said)


def one_day(day: date) -> DateRange:
    """Return the range of one day."""
    return DateRange(day, day)


def business_days_after(day: date, count: int) -> date:
    """Return the day that is so many days from Monday to Friday later.

    >>> business_days_after(date(2026, 11, 25), 5)
    datetime.date(2026, 12, 2)
    """
    if not 0 < count <= 1000:
        raise ValueError(f"too many business days: {count}")
    while count:
        day += ONE_DAY
        count -= day.weekday() < 5
    return day


def impossible_day(day: int, month: str, said: str) -> TimeExpressionError:
    """Return the error for a day that a month does not have."""
    name, last = month.title(), monthrange(2028, MONTHS.index(month) + 1)[1]
    return TimeExpressionError(
        "impossible", "date", said, why=f"{name} has only {last} days, so there is no {name} {day}."
    )


def _check_day(day: int, said: str) -> None:
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
