"""Parses dates and ranges of dates in people's words. A week runs from Monday to Sunday.

>>> today = date(2026, 11, 22)  # a Sunday
>>> parse_dates("next tuesday", today)
DateRange(first=datetime.date(2026, 11, 24), last=datetime.date(2026, 11, 24), next_match_days=0)
>>> parse_dates("the rest of the week", date(2026, 11, 25)).last
datetime.date(2026, 11, 29)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import MAXYEAR, date, datetime, timedelta

from dateutil import parser
from dateutil.relativedelta import relativedelta

from llmagent_os.plugins.calendar.time.duration_parsing import QUANTITY, parse_quantity
from llmagent_os.plugins.calendar.time.holidays import HOLIDAYS
from llmagent_os.plugins.calendar.time.text_normalization import MONTHS, WEEKDAYS, normalize
from llmagent_os.plugins.calendar.time.time_errors import TimeExpressionError

_WD = rf"({'|'.join(WEEKDAYS)})(?:'s)?"
_MONTH = rf"({'|'.join(MONTHS)})(?:'s)?"
_NTH = r"(\d{1,2})(?:st|nd|rd|th)"
_ONE_DAY = timedelta(days=1)
# Days from this week to another week.
_WEEKS = {"next week": 7, "following week": 7, "week after": 7, "week after next": 14} | dict.fromkeys(
    ("last week", "previous week", "past week", "this past week"), -7
)
_PARTS = (
    r"(early|mid|late|later|beginning of|start of|middle of|end of|1st half of|2nd half of|rest of|remainder of)"
    r" (?:in )?(.+)"
)


@dataclass(frozen=True)
class DateRange:
    """One day, or several days in a row."""

    first: date
    last: date  #: inclusive
    next_match_days: int = 0  #: days until the same words fit again: 7 for the weekday of today, else 0

    @property
    def single(self) -> bool:
        """Whether the range is one day."""
        return self.first == self.last


def parse_dates(text: str, today: date, *, month_first: bool = True, anchor: date | None = None) -> DateRange:
    """Parse a date or a range of dates.

    Args:
        text: the person's words.
        today: the date in the person's time zone.
        month_first: whether 3/4 is the 4th of March.
        anchor: the day of the event in question, for "the next day".

    Raises:
        TimeExpressionError: ``text`` is not a date, or means several days that do not follow each other.
    """
    said = normalize(text)
    if not re.match(r"(?:from|starting) .* (?:to|until|-) ", said):
        said = re.sub(
            r"^(?:(?:on|for|by|at|during|starting|from|any day|all of|the whole of|all|the day of) )+(?=\S)", "", said
        )
    said = re.sub(r"^(?:in|within) (?=the |next )", "", said)
    try:
        found = _DateParser(today, month_first, anchor).read(said)
    except (ValueError, OverflowError):
        found = None
    if found is None or found.last.year == MAXYEAR:  # the day after the last one is no date
        raise TimeExpressionError("unknown", "date", text)
    return found


class _DateParser:
    """Parses normalized text for one present day."""

    def __init__(self, today: date, month_first: bool, anchor: date | None) -> None:
        self.today, self.month_first, self.anchor = today, month_first, anchor
        self.monday = today - timedelta(days=today.weekday())

    def read(self, said: str, depth: int = 0) -> DateRange | None:
        """Try every kind of date, from the most specific to the least. None: no kind fits."""
        said = re.sub(r"^the ", "", said)
        if depth > 3 or not said:
            return None
        return (
            self._named(said)
            or self._weekday(said)
            or self._calendar_date(said)
            or self._counted(said, depth)
            or self._week_or_month(said, depth)
            or self._stretch(said, depth)
        )

    # -- single days --------------------------------------------------------------------------------------------------

    def _named(self, said: str) -> DateRange | None:
        near = {
            "today": 0,
            "tonight": 0,
            "now": 0,
            "tomorrow": 1,
            "day after tomorrow": 2,
            "day after next": 2,
            "yesterday": -1,
        }
        near |= {"day before yesterday": -2, "last night": -1, "this day": 0}
        if said in near:
            return self._day(self.today + near[said] * _ONE_DAY)
        if said in ("same day", "that day", "that same day", "day") and self.anchor:
            return self._day(self.anchor)
        if said in ("next day", "following day", "day after", "day after that"):
            return self._day((self.anchor or self.today) + _ONE_DAY)
        if said in ("previous day", "day before", "day before that") and self.anchor:
            return self._day(self.anchor - _ONE_DAY)
        holiday = re.fullmatch(r"(?:(?:this|next|coming) )?(.+?)(?: (\d{4}|this year|next year))?", said)
        if holiday and holiday[1] in HOLIDAYS:
            on = HOLIDAYS[holiday[1]]
            if holiday[2]:
                return self._day(on(self._year(holiday[2])))
            this_year = on(self.today.year)
            return self._day(this_year if this_year >= self.today else on(self.today.year + 1))
        return None

    def _weekday(self, said: str) -> DateRange | None:
        match = re.fullmatch(
            rf"(?:(this coming|this upcoming|this past|this|next|coming|upcoming|following|last|past) )?{_WD}"
            r"(?: (?:of )?(this week|next week|last week|week|after next))?",
            said,
        )
        if match:
            number = WEEKDAYS.index(match[2])
            how, week = match[1] or "", match[3] or ""
            if how == "next" or week == "next week":
                return self._day(self.monday + timedelta(days=7 + number))
            if week == "this week":
                return self._day(self.monday + timedelta(days=number))
            if week == "last week":
                return self._day(self.monday + timedelta(days=number - 7))
            ahead = (number - self.today.weekday()) % 7
            if how in ("last", "past", "this past"):
                return self._day(self.today - timedelta(days=7 - ahead if ahead else 7))
            if how == "following" and self.anchor:
                return self._day(self.anchor + timedelta(days=(number - self.anchor.weekday() - 1) % 7 + 1))
            if week:  # "friday week", "friday after next"
                return self._day(self.today + timedelta(days=ahead + 7))
            return DateRange(self.today + timedelta(days=ahead), self.today + timedelta(days=ahead), 0 if ahead else 7)
        match = re.fullmatch(rf"{_WD},? (?:the )?{_NTH}", said)
        if match:
            return self._both(WEEKDAYS.index(match[1]), int(match[2]))
        match = re.fullmatch(rf"{_WD},? (.*\d.*)", said)
        return self._calendar_date(re.sub(r"^the ", "", match[2])) if match else None

    def _both(self, number: int, day: int) -> DateRange | None:
        """Return the next day that is both this weekday and this day of the month."""
        for ahead in range(400):
            found = self.today + timedelta(days=ahead)
            if found.day == day and found.weekday() == number:
                return self._day(found)
        return None

    def _calendar_date(self, said: str) -> DateRange | None:
        match = re.fullmatch(rf"(?:day )?{_NTH}(?: (?:of )?(this month|the month|next month))?", said)
        if match:
            return self._day_of_month(int(match[1]), match[2] or "")
        match = re.fullmatch(
            rf"(1st|2nd|3rd|4th|5th|last) ({'|'.join(WEEKDAYS)}|day|weekday|weekend) (?:of|in) (.+)", said
        )
        if match:
            return self._nth_in_month(match[1], match[2], match[3])
        written = re.sub(r"\b(?:the|of)\b|,", " ", said)
        written = re.sub(r"'s\b", "", " ".join(written.split()))
        year = re.search(r" (?:(this|next) year)$", written)
        if year:
            written = written[: year.start()] + f" {self._year(year[0].strip())}"
        absolute = re.fullmatch(
            rf"{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?(?: \d{{4}})?|\d{{1,2}}(?:st|nd|rd|th)? {_MONTH}(?: \d{{4}})?"
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
        # If the text has no year, dateutil fills in the default's. Two different defaults show whether it did.
        day_first = "." in written or not self.month_first
        iso = re.match(r"\d{4}", written) is not None
        found = [
            parser.parse(written, default=datetime(year, 1, 1), dayfirst=day_first and not iso, yearfirst=iso).date()
            for year in (2024, 2028)
        ]
        if found[0] == found[1]:
            return self._day(found[0])
        for year in range(self.today.year, self.today.year + 9):  # to the next leap year, for the 29th of February
            try:
                this = found[0].replace(year=year)
            except ValueError:
                continue
            if this >= self.today:
                return self._day(this)
        return None

    def _day_of_month(self, day: int, which: str) -> DateRange | None:
        start = self.today.replace(day=1) + relativedelta(months=1 if which == "next month" else 0)
        for ahead in range(1 if which else 12):
            month = start + relativedelta(months=ahead)
            found = month + timedelta(days=day - 1)
            if found.month == month.month and day and (found >= self.today or which):
                return self._day(found)
        return None

    def _nth_in_month(self, nth: str, what: str, where: str) -> DateRange | None:
        month = self._month(where)
        if month is None:
            return None
        kinds = {"day": range(7), "weekday": range(5), "weekend": (5,)}
        numbers = kinds.get(what) or (WEEKDAYS.index(what),)
        wanted = [day for day in _days_of(month) if day.weekday() in numbers]
        number = -1 if nth == "last" else int(nth[0]) - 1
        if number >= len(wanted):
            return None
        return DateRange(wanted[number], wanted[number] + _ONE_DAY) if what == "weekend" else self._day(wanted[number])

    # -- counted from a day -------------------------------------------------------------------------------------------

    def _counted(self, said: str, depth: int) -> DateRange | None:
        amount = rf"({QUANTITY}) (days?|weeks?|months?|years?)"
        match = re.fullmatch(rf"(?:in|after) {amount}(?: time)?", said)
        if match:
            return self._day(self._after(self.today, match[1], match[2]))
        match = re.fullmatch(rf"{amount} ago", said)
        if match:
            return self._day(self._after(self.today, match[1], match[2], -1))
        match = re.fullmatch(rf"{amount} (from|after|before|on|later) ?(.*)", said)
        if match:
            base = self._base(match[4], depth)
            return self._day(self._after(base, match[1], match[2], -1 if match[3] == "before" else 1)) if base else None
        match = re.fullmatch(r"(day|week) (after|before|from|on) (.+)", said)
        if match and not (match[1] == "week" and match[3] == "next"):
            base = self._base(match[3], depth)
            return self._day(self._after(base, "1", match[1], -1 if match[2] == "before" else 1)) if base else None
        return None

    def _base(self, said: str, depth: int) -> date | None:
        if said in ("", "now", "today"):
            return self.anchor if not said and self.anchor else self.today
        found = self.read(said, depth + 1)
        return found.first if found else None

    @staticmethod
    def _after(base: date, amount: str, unit: str, sign: int = 1) -> date:
        number = parse_quantity(amount) * sign
        if unit.startswith("day"):
            return base + timedelta(days=round(number))
        if unit.startswith("week"):
            return base + timedelta(days=round(number * 7))
        return base + relativedelta(months=round(number * (12 if unit.startswith("year") else 1)))

    # -- weeks and months ---------------------------------------------------------------------------------------------

    def _week_or_month(self, said: str, depth: int) -> DateRange | None:
        said = re.sub(r"^(?:whole|entire|full) ", "", said)
        said = re.sub(r"^(end|rest|remainder|beginning|start|middle|week) of (?:the )?", r"\1 of ", said)
        part = re.fullmatch(_PARTS, said)
        if part:
            whole = self._week_or_month(part[2], depth + 1) if depth < 3 else None
            if part[2] in ("today", "day", "this day"):
                return self._day(self.today)
            return self._part(part[1], whole, part[2]) if whole else None
        match = re.fullmatch(r"week of (.+)", said)
        if match:
            found = self.read(match[1], depth + 1)
            return self._week(found.first) if found else None
        match = re.fullmatch(r"(1st|2nd|3rd|4th|last) week of (.+)", said)
        if match and (month := self._month(match[2])):
            first = month + timedelta(days=7 * (int(match[1][0]) - 1)) if match[1] != "last" else self._last(month)
            first -= timedelta(days=6 if match[1] == "last" else 0)
            return DateRange(first, first + timedelta(days=6))
        return self._weeks(said) or self._weekend(said) or self._months(said)

    def _weeks(self, said: str) -> DateRange | None:
        if said in ("week", "this week"):
            return DateRange(self.today, self.monday + timedelta(days=6))
        if said in _WEEKS:
            return self._week(self.today + timedelta(days=_WEEKS[said]))
        ahead = {"coming week": 6, "upcoming week": 6, "week ahead": 6, "coming days": 3, "upcoming days": 3}
        if said in ahead:
            return DateRange(self.today, self.today + timedelta(days=ahead[said]))
        if said in ("weekdays", "this week's weekdays", "week days"):
            monday = self.monday if self.today.weekday() < 5 else self.monday + timedelta(days=7)
            return DateRange(max(self.today, monday), monday + timedelta(days=4))
        if said in ("this week and next", "this week and next week"):
            return DateRange(self.today, self.monday + timedelta(days=13))
        match = re.fullmatch(rf"(next|coming|following|last|past) ({QUANTITY}) (days?|weeks?|months?|hours)", said)
        if not match:
            return None
        amount, unit = match[2], match[3]
        if unit == "hours":
            return DateRange(self.today, self.today + timedelta(days=round(parse_quantity(amount) / 24)))
        if match[1] in ("last", "past"):
            return DateRange(self._after(self.today, amount, unit, -1), self.today)
        end = self._after(self.today, amount, unit)
        # "the next five days" begin today and so end on the fourth day after today.
        return DateRange(self.today, max(self.today, end - _ONE_DAY))

    def _weekend(self, said: str) -> DateRange | None:
        saturday = self.monday + timedelta(days=5)
        if said in ("weekend", "this weekend", "coming weekend", "upcoming weekend", "this coming weekend", "weekends"):
            return DateRange(max(self.today, saturday), saturday + _ONE_DAY)
        week = re.sub(r"weekend", "week", said)
        if week == said or week not in _WEEKS:
            return None
        saturday += timedelta(days=_WEEKS[week])
        return DateRange(saturday, saturday + _ONE_DAY)

    def _months(self, said: str) -> DateRange | None:
        month = self._month(said)
        if month:
            first = max(month, self.today) if said in ("month", "this month", "coming month") else month
            return DateRange(first, self._last(month))
        if said in ("month after next", "following month"):
            month = self.today.replace(day=1) + relativedelta(months=2 if "next" in said else 1)
            return DateRange(month, self._last(month))
        year = re.fullmatch(r"(?:in )?(this year|year|next year|last year|20\d\d)", said)
        if year:
            number = self._year(year[1])
            first = self.today if number == self.today.year else date(number, 1, 1)
            return DateRange(first, date(number, 12, 31))
        if said in ("quarter", "this quarter", "next quarter"):
            first = self.today.replace(month=(self.today.month - 1) // 3 * 3 + 1, day=1)
            first += relativedelta(months=3 if "next" in said else 0)
            return DateRange(max(first, self.today), self._last(first + relativedelta(months=2)))
        return None

    def _part(self, part: str, whole: DateRange, said: str) -> DateRange:
        first, last = whole.first, whole.last
        length = (last - first).days + 1
        if part in ("rest of", "remainder of", "later"):
            start = max(first, self.today + (_ONE_DAY if part == "later" else timedelta()))
            return DateRange(min(start, last), last)
        if part == "end of":
            if "week" in said and length >= 5 and last.weekday() == 6 and "weekend" not in said:
                last -= timedelta(days=2)  # a working week ends on Friday
            return self._day(max(first, last))
        if part in ("beginning of", "start of"):
            return self._day(first)
        if part == "middle of":
            return self._day(first + timedelta(days=(2 if length <= 7 else length // 2 - 1)))
        third = timedelta(days=max(1, round(length / 3)) - 1)
        if part == "early":
            return DateRange(first, first + third)
        if part == "mid":
            return DateRange(first + third, last - third)
        if part == "late":
            if last.weekday() == 6 and length <= 7:
                return DateRange(last - timedelta(days=3), last - timedelta(days=2))
            return DateRange(last - third, last)
        half = first + timedelta(days=length // 2)
        return DateRange(first, half - _ONE_DAY) if part == "1st half of" else DateRange(half, last)

    def _month(self, said: str) -> date | None:
        """Parse a month. Returns its first day."""
        said = re.sub(r"^(?:in |the )+", "", said)
        this = self.today.replace(day=1)
        offsets = {"month": 0, "this month": 0, "coming month": 0, "next month": 1, "last month": -1, "past month": -1}
        if said in offsets:
            return this + relativedelta(months=offsets[said])
        match = re.fullmatch(rf"(?:(this|next|last) )?{_MONTH}(?: (?:of )?(\d{{4}}|this year|next year))?", said)
        if not match:
            return None
        number = MONTHS.index(match[2]) + 1
        if match[3]:
            return date(self._year(match[3]), number, 1)
        ahead = (number - this.month) % 12
        return this + relativedelta(
            months=ahead - 12 if match[1] == "last" else ahead or (12 if match[1] == "next" else 0)
        )

    # -- from one to another ------------------------------------------------------------------------------------------

    def _stretch(self, said: str, depth: int) -> DateRange | None:
        month_days = re.fullmatch(
            rf"{_MONTH} (\d{{1,2}})(?:st|nd|rd|th)? ?(?:to|until|-|and) ?(\d{{1,2}})(?:st|nd|rd|th)?", said
        )
        if month_days:
            first = self._absolute(f"{month_days[1]} {month_days[2]}")
            if first is None or int(month_days[3]) < int(month_days[2]):
                return None
            return DateRange(first.first, first.first.replace(day=int(month_days[3])))
        match = re.fullmatch(r"(?:between |from )?(.+?)(?: (to|until|and|or|-) |(-))(?:the )?(.+)", said)
        if not match:
            return None
        first, last = self.read(match[1], depth + 1), self.read(match[4], depth + 1)
        if first is None or last is None:
            return None
        if last.first < first.first and re.fullmatch(_WD, match[4]):
            last = DateRange(last.first + timedelta(days=7), last.last + timedelta(days=7))
        if last.last < first.first:
            raise TimeExpressionError("ambiguous", "date", said)
        joined = (last.first - first.last).days <= 1
        if match[2] == "or" or (match[2] == "and" and not joined and not said.startswith("between")):
            raise TimeExpressionError("ambiguous", "date", said)
        return DateRange(first.first, last.last)

    # -- helpers ------------------------------------------------------------------------------------------------------

    @staticmethod
    def _day(day: date) -> DateRange:
        return DateRange(day, day)

    @staticmethod
    def _week(day: date) -> DateRange:
        monday = day - timedelta(days=day.weekday())
        return DateRange(monday, monday + timedelta(days=6))

    @staticmethod
    def _last(month: date) -> date:
        return month + relativedelta(day=31)

    def _year(self, said: str) -> int:
        offsets = {"this year": 0, "year": 0, "next year": 1, "last year": -1}
        return self.today.year + offsets[said] if said in offsets else int(said)


def _days_of(month: date) -> Iterator[date]:
    day = month
    while day.month == month.month:
        yield day
        day += _ONE_DAY
