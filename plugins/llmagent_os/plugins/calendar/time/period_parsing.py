"""Parses weeks, weekends, months, years and their parts in normalized words."""

from __future__ import annotations

import re
from abc import ABC
from dataclasses import replace
from datetime import date, timedelta

from dateutil.relativedelta import relativedelta

from llmagent_os.plugins.calendar.time.calendar_dates import MONTH
from llmagent_os.plugins.calendar.time.date_ranges import ONE_DAY, DateRange, one_day
from llmagent_os.plugins.calendar.time.day_parsing import DayParser
from llmagent_os.plugins.calendar.time.duration_parsing import QUANTITY, parse_quantity
from llmagent_os.plugins.calendar.time.text_normalization import MONTHS

# Days from this week to another week.
_WEEKS = {"next week": 7, "following week": 7, "week after": 7, "week after next": 14} | dict.fromkeys(
    ("last week", "previous week", "past week", "this past week"), -7
)
_PARTS = (
    r"(early|mid|late|later|beginning of|start of|middle of|end of|1st half of|2nd half of|rest of|remainder of)"
    r" (?:in )?(.+)"
)


class PeriodParser(DayParser, ABC):
    """Parses periods of days, seen from one present day."""

    def period(self, said: str, depth: int) -> DateRange | None:
        """Parse a week, a weekend, a month, a year or a part of one."""
        whole_week = re.fullmatch(
            r"(?:all|whole|entire|full)(?: of)?(?: the)? ((?:this|next|following|coming) week)", said
        )
        if whole_week and (week := self._weeks(whole_week[1])):
            return replace(week, span=True)
        said = re.sub(r"^(?:whole|entire|full) ", "", said)
        said = re.sub(r"^(end|rest|remainder|beginning|start|middle|week|weekend) of (?:the )?", r"\1 of ", said)
        part = re.fullmatch(_PARTS, said)
        if part:
            whole = self.period(part[2], depth + 1) if depth < 3 else None
            if part[2] in ("today", "day", "this day", "tomorrow"):
                return one_day(self.today + (ONE_DAY if part[2] == "tomorrow" else timedelta()))
            return self._part(part[1], whole, part[2]) if whole else None
        match = re.fullmatch(r"(?:calendar week|cw|kw|week) (?:number |no )?(\d{1,2})(?: (?:of )?(\d{4}))?", said)
        if match:
            return self._numbered_week(int(match[1]), int(match[2]) if match[2] else None)
        match = re.fullmatch(r"week of (.+)", said)
        if match:
            found = self.read(match[1], depth + 1)
            return _week(found.first) if found else None
        match = re.fullmatch(r"weekend (?:of|around) (.+)|(.+\d.*) weekend", said)
        if match:
            found = self.read(match[1] or match[2], depth + 1)
            saturday = _week(found.first).first + timedelta(days=5) if found else None
            return DateRange(saturday, saturday + ONE_DAY, span=True) if saturday else None
        match = re.fullmatch(r"(1st|2nd|3rd|4th|last) week of (.+)", said)
        if match and (month := self.month(match[2])):
            first = month + timedelta(days=7 * (int(match[1][0]) - 1)) if match[1] != "last" else _last(month)
            first -= timedelta(days=6 if match[1] == "last" else 0)
            return DateRange(first, first + timedelta(days=6))
        match = re.fullmatch(rf"(1st|last) ({QUANTITY}) (days|weeks) of (.+)", said)
        whole = self.period(match[4], depth + 1) if match and depth < 3 else None
        if match and whole:
            days = timedelta(days=round(parse_quantity(match[2]) * (7 if match[3] == "weeks" else 1)) - 1)
            first, last = (whole.first, whole.first + days) if match[1] == "1st" else (whole.last - days, whole.last)
            return DateRange(first, last, span=True)
        return self._weeks(said) or self._weekend(said) or self._months(said)

    def _numbered_week(self, number: int, year: int | None) -> DateRange | None:
        """Return a week by its number (ISO 8601). Without a year, it is the next one of this number."""
        for each in (year,) if year else (self.today.year, self.today.year + 1):
            try:
                monday = date.fromisocalendar(each, number, 1)
            except ValueError:  # not every year has a week 53
                continue
            if year or monday + timedelta(days=6) >= self.today:
                return DateRange(monday, monday + timedelta(days=6))
        return None

    def _weeks(self, said: str) -> DateRange | None:
        if said in ("all week", "all this week"):  # an event that lasts all week began on Monday
            return replace(_week(self.today), span=True)
        if said in ("week", "this week"):
            return DateRange(self.today, self.monday + timedelta(days=6))
        if said in _WEEKS:
            return _week(self.today + timedelta(days=_WEEKS[said]))
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
            return DateRange(self.after(self.today, amount, unit, -1), self.today)
        end = self.after(self.today, amount, unit)
        # "the next five days" begin today and so end on the fourth day after today.
        return DateRange(self.today, max(self.today, end - ONE_DAY))

    def _weekend(self, said: str) -> DateRange | None:
        saturday = self.monday + timedelta(days=5)
        if said in ("weekend", "this weekend", "coming weekend", "upcoming weekend", "this coming weekend", "weekends"):
            return DateRange(max(self.today, saturday), saturday + ONE_DAY, span=True)
        week = re.sub(r"weekend", "week", said)
        if week == said or week not in _WEEKS:
            return None
        saturday += timedelta(days=_WEEKS[week])
        return DateRange(saturday, saturday + ONE_DAY, span=True)

    def _months(self, said: str) -> DateRange | None:
        month = self.month(said)
        if month:
            first = max(month, self.today) if said in ("month", "this month", "coming month") else month
            return DateRange(first, _last(month))
        if said in ("month after next", "following month"):
            month = self.today.replace(day=1) + relativedelta(months=2 if "next" in said else 1)
            return DateRange(month, _last(month))
        year = re.fullmatch(r"(?:in )?(this year|year|next year|last year|20\d\d)", said)
        if year:
            number = self.year(year[1])
            first = self.today if number == self.today.year else date(number, 1, 1)
            return DateRange(first, date(number, 12, 31))
        if said in ("quarter", "this quarter", "next quarter"):
            first = self.today.replace(month=(self.today.month - 1) // 3 * 3 + 1, day=1)
            first += relativedelta(months=3 if "next" in said else 0)
            return DateRange(max(first, self.today), _last(first + relativedelta(months=2)))
        return None

    def _part(self, part: str, whole: DateRange, said: str) -> DateRange:
        first, last = whole.first, whole.last
        length = (last - first).days + 1
        if part in ("rest of", "remainder of", "later"):
            start = max(first, self.today + (ONE_DAY if part == "later" else timedelta()))
            return DateRange(min(start, last), last)
        if part == "end of":
            if "week" in said and length >= 5 and last.weekday() == 6 and "weekend" not in said:
                last -= timedelta(days=2)  # a working week ends on Friday
            return one_day(max(first, last))
        if part in ("beginning of", "start of"):
            return one_day(first)
        if part == "middle of":
            return one_day(first + timedelta(days=(2 if length <= 7 else length // 2 - 1)))
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
        return DateRange(first, half - ONE_DAY) if part == "1st half of" else DateRange(half, last)

    def month(self, said: str) -> date | None:
        """Parse a month. Returns its first day."""
        said = re.sub(r"^(?:in |the )+", "", said)
        this = self.today.replace(day=1)
        offsets = {"month": 0, "this month": 0, "coming month": 0, "next month": 1, "last month": -1, "past month": -1}
        if said in offsets:
            return this + relativedelta(months=offsets[said])
        match = re.fullmatch(rf"(?:(this|next|last) )?{MONTH}(?: (?:of )?(\d{{4}}|this year|next year))?", said)
        if not match:
            return None
        number = MONTHS.index(match[2]) + 1
        if match[3]:
            return date(self.year(match[3]), number, 1)
        ahead = (number - this.month) % 12
        return this + relativedelta(
            months=ahead - 12 if match[1] == "last" else ahead or (12 if match[1] == "next" else 0)
        )


def _week(day: date) -> DateRange:
    monday = day - timedelta(days=day.weekday())
    return DateRange(monday, monday + timedelta(days=6))


def _last(month: date) -> date:
    return month + relativedelta(day=31)
