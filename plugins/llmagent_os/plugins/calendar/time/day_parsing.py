"""Parses one day in normalized words: "tomorrow", "next friday", "the 5th", "june 3", "in 5 business days"."""

from __future__ import annotations

import re
from abc import ABC
from datetime import date, timedelta

from dateutil.relativedelta import relativedelta

from llmagent_os.plugins.calendar.time.calendar_dates import NTH, WEEKDAY, CalendarDateParser, check_day
from llmagent_os.plugins.calendar.time.date_ranges import ONE_DAY, DateRange, one_day
from llmagent_os.plugins.calendar.time.duration_parsing import QUANTITY, parse_quantity
from llmagent_os.plugins.calendar.time.holidays import HOLIDAYS
from llmagent_os.plugins.calendar.time.text_normalization import MONTHS, WEEKDAYS
from llmagent_os.plugins.calendar.time.time_errors import TimeExpressionError

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
#: How many days from today "thursday the 3rd" may be: this month or the next, or just over.
_NEAR_AHEAD, _NEAR_BEHIND = 62, 28
_BUSINESS_DAYS = r"(?:business|working|work|week) ?days?|weekdays?"


class DayParser(CalendarDateParser, ABC):
    """Parses single days, seen from one present day."""

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
        match = re.fullmatch(rf"(this|next|last) week,? (?:on )?{WEEKDAY}", said)
        if match:
            return self._weekday_of(WEEKDAYS.index(match[2]), "", f"{match[1]} week")
        match = re.fullmatch(rf"(?:week|a week) (?:from |on )?{WEEKDAY}", said)
        if match:
            return self._weekday_of(WEEKDAYS.index(match[1]), "", "week")
        match = re.fullmatch(rf"{WEEKDAY},? (?:the )?{NTH}", said)
        if match:
            return self._both(WEEKDAYS.index(match[1]), int(match[2]), said)
        match = re.fullmatch(rf"{WEEKDAY},? (.*\d.*)", said)
        if match is None or re.fullmatch(r"\d{1,2} ?- ?\d{1,2}", match[2]):  # "monday 9-10" has a time
            return None
        found = self.calendar_date(re.sub(r"^the ", "", match[2]))
        dotted = re.fullmatch(r"\d{1,2}\.[0-5]\d", match[2]) is not None
        if dotted and found is not None and found.first.weekday() != WEEKDAYS.index(match[1]):
            return None  # "sunday 12.30" has a time
        stated = re.search(r"\d{4}", match[2]) is not None
        return None if found is None else self._on(WEEKDAYS.index(match[1]), found, said, stated=stated)

    def _on(self, number: int, found: DateRange, said: str, *, stated: bool) -> DateRange:
        """The day of a date that names its weekday too: "tuesday 3 november", which may be just over.

        Raises:
            TimeExpressionError: the date is on another weekday.
        """
        over = found.first - relativedelta(years=1)
        if found.first.weekday() == number or found.first != found.last:
            return found
        if not stated and over.weekday() == number and (self.today - over).days <= _NEAR_AHEAD:
            return one_day(over)
        raise _on_other_weekday(found.first, number, said)

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
        """Return the day that is both this weekday and this day of the month: nobody names another one so.

        Raises:
            TimeExpressionError: no such day is near, so the weekday or the number is wrong.
        """
        check_day(day, said)
        near = [self.today + timedelta(days=ahead) for ahead in (*range(_NEAR_AHEAD), *range(-1, -_NEAR_BEHIND, -1))]
        numbered = [each for each in near if each.day == day]
        found = next((each for each in numbered if each.weekday() == number), None)
        if found is None and numbered:
            raise _on_other_weekday(numbered[0], number, said)
        return None if found is None else one_day(found)

    def counted(self, said: str, depth: int) -> DateRange | None:
        """Parse a day that is counted from another: "in two weeks", "3 days before christmas", "a week from friday"."""
        business = re.fullmatch(
            rf"(?:in |after )?({QUANTITY}) (?:{_BUSINESS_DAYS})(?: (?:from now|from today|time))?", said
        )
        if business and (said.startswith(("in ", "after ")) or "from" in said):
            return one_day(business_days_after(self.today, round(parse_quantity(business[1]))))
        amount = rf"({QUANTITY}) (days?|weeks?|months?|years?)"
        match = re.fullmatch(rf"(?:in|after|within) {amount}(?:'?s? time)?", said)
        if match:
            return one_day(self.after(self.today, match[1], match[2]))
        match = re.fullmatch(r"(today|tomorrow) week", said)
        if match:
            return one_day(self.today + _NEAR_DAYS[match[1]] * ONE_DAY + timedelta(days=7))
        found = self._weekday_in_weeks(said)
        if found:
            return found
        match = re.fullmatch(rf"{amount} ago", said)
        if match:
            return one_day(self.after(self.today, match[1], match[2], -1))
        match = re.fullmatch(rf"{amount} (from|after|before|on|later) ?(.*)", said)
        if match:
            base = self._base(match[4], depth)
            return one_day(self.after(base, match[1], match[2], -1 if match[3] == "before" else 1)) if base else None
        match = re.fullmatch(rf"{amount} (today|tomorrow|{'|'.join(WEEKDAYS)})", said)  # "three weeks today"
        if match:
            base = self._base(match[3], depth)
            return one_day(self.after(base, match[1], match[2])) if base else None
        match = re.fullmatch(r"(day|week) ((?<!day )on|after|before|from) (.+)", said)  # "week on monday"
        if match and not (match[1] == "week" and match[3] == "next"):
            base = self._base(match[3], depth)
            return one_day(self.after(base, "1", match[1], -1 if match[2] == "before" else 1)) if base else None
        return None

    def _weekday_in_weeks(self, said: str) -> DateRange | None:
        """Parse a weekday so many weeks ahead: "in 3 weeks' time on tuesday", "friday in 2 weeks"."""
        weeks = rf"(?:in )?({QUANTITY}) weeks?(?:'? time| from now)?"
        match = re.fullmatch(rf"{weeks},? (?:on |on a )?{WEEKDAY}|(?:on )?{WEEKDAY},? {weeks}", said)
        if match is None or not re.search(r"\bin\b|\btime\b|from now", said):
            return None
        amount, day = (match[1], match[2]) if match[1] else (match[4], match[3])
        return one_day(self.after(self.monday, amount, "weeks") + timedelta(days=WEEKDAYS.index(day)))

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


def _on_other_weekday(day: date, number: int, said: str) -> TimeExpressionError:
    """The error for a date that is not on the weekday that is named with it."""
    is_on, wanted = WEEKDAYS[day.weekday()].capitalize(), WEEKDAYS[number].capitalize()
    why = f"{MONTHS[day.month - 1].capitalize()} {day.day} is a {is_on}, not a {wanted}."
    return TimeExpressionError("impossible", "date", said, why=why)
