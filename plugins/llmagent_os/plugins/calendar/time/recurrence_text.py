"""Phrases rules of repetition for replies.

>>> recurrence_text("FREQ=MONTHLY;BYDAY=+2TU,+4TU")
'every month on the second and fourth Tuesday'
>>> recurrence_text("FREQ=WEEKLY;BYDAY=TH;UNTIL=20270301T235959")
'every Thursday until 1 March 2027'
>>> recurrence_text("FREQ=DAILY;COUNT=10")
'every day, 10 times'
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from llmagent_os.markup.word_list import join_words
from llmagent_os.plugins.calendar.time.recurrence_rules import WEEKDAY_CODES, WORKDAYS
from llmagent_os.plugins.calendar.time.text_normalization import MONTHS, WEEKDAYS

_NTH_WORDS = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", -1: "last"}
_UNITS = {
    "DAILY": "day",
    "WEEKLY": "week",
    "MONTHLY": "month",
    "YEARLY": "year",
    "HOURLY": "hour",
    "MINUTELY": "minute",
}
#: The month days that some months do not have.
_MISSING_DAYS = {29: "29th", 30: "30th", 31: "31st"}


def recurrence_text(rule: str, today: date | None = None) -> str:
    """Phrase a recurrence rule, with its end: "every 2 weeks on Friday, 10 times".

    Args:
        rule: the value of an RRULE.
        today: without a year, an end is in this day's year.
    """
    parts = _parts(rule)
    return _rhythm(parts) + _end(parts, today)


def exceptions_text(skipped: Sequence[date], today: date) -> str:
    """Phrase the days on which a repetition does not take place: "24 and 31 December"."""
    days = sorted({each.date() if isinstance(each, datetime) else each for each in skipped})
    names: list[str] = []
    for number, day in enumerate(days):
        following = days[number + 1] if number + 1 < len(days) else None
        same = following is not None and (following.month, following.year) == (day.month, day.year)
        names.append(str(day.day) if same else _date_text(day, today))
    return join_words(names) if names else ""


def recurrence_note(rule: str) -> str:
    """Return a clause that says in which months or years a rule has no day. Empty: it has one in all of them.

    >>> recurrence_note("FREQ=MONTHLY;BYMONTHDAY=31")
    'months without a 31st are left out'
    """
    parts = _parts(rule)
    days = [int(day) for day in parts.get("BYMONTHDAY", "").split(",") if day]
    last = max(days, default=0)
    if parts.get("FREQ") == "YEARLY" and parts.get("BYMONTH") == "2" and last == 29:
        return "in leap years only, as other years have no 29 February"
    if parts.get("FREQ") == "MONTHLY" and last in _MISSING_DAYS:
        months = "months without a" if last > 29 else "a February without a"
        return f"{months} {_MISSING_DAYS[last]} {'are' if last > 29 else 'is'} left out"
    if any(code.startswith("+5") for code in parts.get("BYDAY", "").split(",")):
        return "months without a fifth one are left out"
    return ""


def _parts(rule: str) -> dict[str, str]:
    return dict(part.split("=", 1) for part in rule.split(";") if "=" in part)


def _rhythm(parts: dict[str, str]) -> str:
    number = int(parts.get("INTERVAL", "1"))
    name = _UNITS.get(parts.get("FREQ", ""), "time")
    every = f"every {number} {name}s" if number > 1 else f"every {name}"
    by_day, month = parts.get("BYDAY", ""), parts.get("BYMONTH", "")
    within = f" in {MONTHS[int(month) - 1].title()}" if month.isdigit() else ""
    if "," in parts.get("BYHOUR", ""):
        hours = [int(hour) for hour in parts["BYHOUR"].split(",")]
        between = hours[1] - hours[0]
        often = "every hour" if between == 1 else f"every {between} hours"
        days = "day" if by_day.count(",") == 6 else "weekday" if by_day == WORKDAYS else ""
        days = days or join_words([_day_name(code) for code in by_day.split(",")])
        return f"{often} from {_clock(hours[0])} to {_clock(hours[-1])}, every {days}"
    if "BYSETPOS" in parts:
        return f"{every} on the {_numbers(parts['BYSETPOS'].split(','))} weekday"
    if by_day[:1] in ("+", "-") or by_day[:1].isdigit():
        return f"{every} on the {_nth_days(by_day.split(','))}{within}"
    if by_day:
        names = "weekday" if by_day == WORKDAYS else join_words([_day_name(code) for code in by_day.split(",")])
        return f"every {names}" if number == 1 else f"{every} on {names}"
    if within:
        said = MONTHS[int(month) - 1].title()
        return f"{every} on {parts['BYMONTHDAY']} {said}" if "BYMONTHDAY" in parts else f"every {said}"
    if parts.get("BYMONTHDAY") == "-1":
        return f"{every} on the last day"
    if "BYMONTHDAY" in parts:
        return f"{every} on the {join_words([_ordinal(int(day)) for day in parts['BYMONTHDAY'].split(',')])}"
    return every


def _clock(hour: int) -> str:
    return f"{hour % 12 or 12} {'PM' if hour >= 12 else 'AM'}"


def _end(parts: dict[str, str], today: date | None) -> str:
    if "COUNT" in parts:
        return ", once" if parts["COUNT"] == "1" else f", {parts['COUNT']} times"
    if "UNTIL" not in parts:
        return ""
    said = parts["UNTIL"].rstrip("Z")
    try:
        until = datetime.strptime(said, "%Y%m%dT%H%M%S" if "T" in said else "%Y%m%d")
    except ValueError:  # from another program
        return ""
    if parts.get("FREQ") in ("HOURLY", "MINUTELY") and (until.hour, until.minute) != (23, 59):
        minutes = f":{until.minute:02}" if until.minute else ""
        clock = f"{until.hour % 12 or 12}{minutes} {'PM' if until.hour >= 12 else 'AM'}"
        day = "" if today == until.date() else f" on {_date_text(until.date(), today)}"
        return f" until {clock}{day}"
    return f" until {_date_text(until.date(), today)}"


def _date_text(day: date, today: date | None) -> str:
    year = "" if today is not None and day.year == today.year else f" {day.year}"
    return f"{day.day} {MONTHS[day.month - 1].title()}{year}"


def _nth_days(codes: list[str]) -> str:
    days: dict[str, list[str]] = {}
    for code in codes:
        days.setdefault(code[-2:], []).append(code[:-2])
    return join_words([f"{_numbers(numbers)} {_day_name(day)}" for day, numbers in days.items()])


def _numbers(numbers: Sequence[str]) -> str:
    return join_words([_NTH_WORDS.get(int(number), number) for number in numbers])


def _day_name(code: str) -> str:
    return WEEKDAYS[WEEKDAY_CODES.index(code)].title() if code in WEEKDAY_CODES else code


def _ordinal(number: int) -> str:
    return f"{number}{'th' if 10 < number < 20 else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"
