"""Parses repetitions in people's words into iCalendar recurrence rules (RFC 5545, 3.3.10).

>>> parse_recurrence("every other tuesday").rule
'FREQ=WEEKLY;INTERVAL=2;BYDAY=TU'
>>> recurrence_text("FREQ=MONTHLY;BYDAY=+1MO")
'every month on the first Monday'
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from llmagent_os.markup.word_list import join_words
from llmagent_os.plugins.calendar.time.text_normalization import MONTHS, WEEKDAYS, normalize
from llmagent_os.plugins.calendar.time.time_errors import TimeExpressionError
from llmagent_os.plugins.calendar.time.time_parsing import TimeOfDay, parse_time

WEEKDAY_CODES = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_UNITS = {
    "day": "DAILY",
    "week": "WEEKLY",
    "month": "MONTHLY",
    "quarter": "MONTHLY",
    "year": "YEARLY",
    "hours": "HOURLY",
    "hour": "HOURLY",
    "minutes": "MINUTELY",
}
_ADVERBS = {
    "daily": "DAILY",
    "nightly": "DAILY",
    "weekly": "WEEKLY",
    "monthly": "MONTHLY",
    "yearly": "YEARLY",
    "annually": "YEARLY",
    "annual": "YEARLY",
    "hourly": "HOURLY",
}
_WORKDAYS = "MO,TU,WE,TH,FR"
_WD = "|".join(WEEKDAYS)
_PARTS = r"(morning|afternoon|evening|night|lunchtime)s?"
_NTH = {"1st": "+1", "2nd": "+2", "3rd": "+3", "4th": "+4", "5th": "+5", "last": "-1"}
_NTH_WORDS = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", -1: "last"}
_COUNT = {"other": 2, "2nd": 2, "3rd": 3, "4th": 4}


@dataclass(frozen=True)
class Recurrence:
    """How an event repeats."""

    rule: str  #: the value of an RRULE, without DTSTART
    time_of_day: TimeOfDay | None = None  #: the part of the day, if the words name one ("every morning")


def parse_recurrence(text: str) -> Recurrence:
    """Parse a repetition.

    Raises:
        TimeExpressionError: ``text`` cannot be written as one rule. "twice a week" does not say on which days.
    """
    said = normalize(text)
    said = re.sub(
        r"\beach and every\b|\beach\b|\beveryday\b",
        lambda found: "every day" if found[0] == "everyday" else "every",
        said,
    )
    said = re.sub(r"\b(every|on a) single\b|\bbasis\b", lambda found: found[1] or "", said)
    said = re.sub(r"\bon a (\w+) *$", r"\1", said.strip())
    said = re.sub(r"\b(?:school|business|working|work|week) ?days?\b", "weekday", " ".join(said.split()))
    part = re.fullmatch(rf"(.*?\b(?:every|{_WD}|weekday|weekend|day)s?)(?: in the)? {_PARTS}", said)
    time: TimeOfDay | None = None
    if part:
        found = parse_time(part[2], datetime(2000, 1, 1))
        time = found if isinstance(found, TimeOfDay) else None
        said = "every day" if part[1] == "every" else part[1]
    rule = _rule(said)
    if rule is None:
        raise TimeExpressionError("unknown", "repeat", text)
    return Recurrence(rule, time)


def _rule(said: str) -> str | None:
    said = re.sub(r"^(?:on|the) ", "", said)
    if said in _ADVERBS:
        return f"FREQ={_ADVERBS[said]}"
    fixed = {"quarterly": "FREQ=MONTHLY;INTERVAL=3", "every quarter": "FREQ=MONTHLY;INTERVAL=3"}
    fixed |= {"every 2 weeks": "FREQ=WEEKLY;INTERVAL=2", "7 days a week": "FREQ=DAILY", "day by day": "FREQ=DAILY"}
    fixed |= {"week by week": "FREQ=WEEKLY", "every last day of the month": "FREQ=MONTHLY;BYMONTHDAY=-1"}
    if said in fixed:
        return fixed[said]
    return _every_n(said) or _by_weekday(said) or _by_month(said)


def _every_n(said: str) -> str | None:
    unit = "day|week|month|year|hours?|minutes|quarter"
    match = re.fullmatch(rf"(?:once )?every (?:(other|2nd|3rd|4th|\d{{1,3}}) )?({unit})s?(?: on (.+))?", said)
    match = match or re.fullmatch(rf"(?:once )?(?:an?|per)() ({unit})(?: on (.+))?", said)
    if not match:
        return None
    number = _COUNT.get(match[1], int(match[1]) if (match[1] or "").isdigit() else 1)
    number *= 3 if match[2] == "quarter" else 1
    if not 0 < number <= 366:
        return None
    rule = f"FREQ={_UNITS[match[2]]}" + (f";INTERVAL={number}" if number > 1 else "")
    if not match[3]:
        return rule
    on = (
        _rule(match[3])
        if match[2] == "week"
        else _by_month(f"every month on {match[3]}")
        if match[2] == "month"
        else None
    )
    if match[2] == "year":
        on = _by_month(f"every {match[3]}")
    return rule + on[on.index(";") :] if on and ";" in on and "INTERVAL" not in on else None


def _by_weekday(said: str) -> str | None:
    every = re.sub(r"^every ", "", said)
    interval = 1
    match = re.fullmatch(r"(other|2nd|3rd|4th) (.+)", every)
    if match and said.startswith("every") and " of " not in said:
        interval, every = _COUNT[match[1]], match[2]
    span = re.fullmatch(rf"(?:from )?({_WD})s? ?(?:to|until|-) ?({_WD})s?", every)
    if span:
        first, last = WEEKDAYS.index(span[1]), WEEKDAYS.index(span[2])
        codes = [WEEKDAY_CODES[number % 7] for number in range(first, last + (1 if last >= first else 8))]
    elif every in ("weekday", "weekdays"):
        codes = _WORKDAYS.split(",")
    elif every in ("weekend", "weekends"):
        codes = ["SA", "SU"]
    else:
        names = re.split(r"(?: and | & |, ?| +)(?:every )?", re.sub(r"\bevery\b", " ", every).strip())
        names = [name.removesuffix("s") for name in names if name and name != "and"]
        if not names or any(name not in WEEKDAYS for name in names):
            return None
        codes = sorted({WEEKDAY_CODES[WEEKDAYS.index(name)] for name in names}, key=WEEKDAY_CODES.index)
    return "FREQ=WEEKLY" + (f";INTERVAL={interval}" if interval > 1 else "") + f";BYDAY={','.join(codes)}"


def _by_month(said: str) -> str | None:
    said = re.sub(r"^every month on ", "", said)
    month = r"(?:of|in) (?:the|every) month"
    match = re.fullmatch(rf"(?:the |every )?(1st|2nd|3rd|4th|5th|last) ({_WD}|day|weekday)(?: {month})?", said)
    if match:
        if match[2] == "day":
            return f"FREQ=MONTHLY;BYMONTHDAY={int(_NTH[match[1]])}"
        if match[2] == "weekday":
            return f"FREQ=MONTHLY;BYDAY={_WORKDAYS};BYSETPOS={int(_NTH[match[1]])}"
        return f"FREQ=MONTHLY;BYDAY={_NTH[match[1]]}{WEEKDAY_CODES[WEEKDAYS.index(match[2])]}"
    days = re.fullmatch(
        r"(?:the |every )*(\d\d?(?:st|nd|rd|th)?(?:(?: and |, ?)(?:the )?\d\d?(?:st|nd|rd|th)?)*)"
        rf"(?: {month}| every month)?",
        said,
    )
    if days and re.search(r"st|nd|rd|th", days[1]):
        numbers = sorted({int(number) for number in re.findall(r"\d+", days[1])})
        return f"FREQ=MONTHLY;BYMONTHDAY={','.join(map(str, numbers))}" if numbers[0] and numbers[-1] <= 31 else None
    names = "|".join(MONTHS)
    yearly = re.fullmatch(
        rf"(?:every )?(?:year on )?(?:the )?(?:({names})(?: (?:the )?(\d\d?)(?:st|nd|rd|th)?)?"
        rf"|(\d\d?)(?:st|nd|rd|th)? (?:of )?({names}))",
        said,
    )
    if yearly:
        number = MONTHS.index(yearly[1] or yearly[4]) + 1
        day = yearly[2] or yearly[3]
        if day and not 0 < int(day) <= 31:
            return None
        return f"FREQ=YEARLY;BYMONTH={number}" + (f";BYMONTHDAY={int(day)}" if day else "")
    return None


def recurrence_text(rule: str) -> str:
    """Phrase a recurrence rule: "every 2 weeks on Friday"."""
    parts = dict(part.split("=", 1) for part in rule.split(";") if "=" in part)
    number = int(parts.get("INTERVAL", "1"))
    unit = {
        "DAILY": "day",
        "WEEKLY": "week",
        "MONTHLY": "month",
        "YEARLY": "year",
        "HOURLY": "hour",
        "MINUTELY": "minute",
    }
    name = unit.get(parts.get("FREQ", ""), "time")
    every = f"every {number} {name}s" if number > 1 else f"every {name}"
    by_day, month = parts.get("BYDAY", ""), parts.get("BYMONTH", "")
    if "BYSETPOS" in parts:
        return f"{every} on the {_NTH_WORDS[int(parts['BYSETPOS'])]} weekday"
    if by_day[:1] in ("+", "-"):
        return f"{every} on the {_NTH_WORDS[int(by_day[:2])]} {_day_name(by_day[2:])}"
    if by_day:
        names = "weekday" if by_day == _WORKDAYS else join_words([_day_name(code) for code in by_day.split(",")])
        return f"every {names}" if number == 1 else f"{every} on {names}"
    if month:
        said = MONTHS[int(month) - 1].title()
        return f"{every} on {parts['BYMONTHDAY']} {said}" if "BYMONTHDAY" in parts else f"every {said}"
    if parts.get("BYMONTHDAY") == "-1":
        return f"{every} on the last day"
    if "BYMONTHDAY" in parts:
        return f"{every} on the {join_words([_ordinal(int(day)) for day in parts['BYMONTHDAY'].split(',')])}"
    return every


def _day_name(code: str) -> str:
    return WEEKDAYS[WEEKDAY_CODES.index(code)].title()


def _ordinal(number: int) -> str:
    return f"{number}{'th' if 10 < number < 20 else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"
