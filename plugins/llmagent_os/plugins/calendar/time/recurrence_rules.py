"""Parses the rule of a repetition in normalized words, without its limits: "every other tuesday", "the 15th".

The rules are values of RRULE (RFC 5545, 3.3.10).
"""

from __future__ import annotations

import re

from llmagent_os.plugins.calendar.time.duration_parsing import parse_duration
from llmagent_os.plugins.calendar.time.holidays import HOLIDAYS
from llmagent_os.plugins.calendar.time.text_normalization import MONTHS, WEEKDAYS
from llmagent_os.plugins.calendar.time.time_errors import TimeExpressionError

WEEKDAY_CODES = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
WORKDAYS = "MO,TU,WE,TH,FR"
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
    "daily": "every day",
    "nightly": "every day",
    "weekly": "every week",
    "monthly": "every month",
    "quarterly": "every quarter",
    "yearly": "every year",
    "annually": "every year",
    "annual": "every year",
    "hourly": "every hour",
}
_WD = "|".join(WEEKDAYS)
_MONTHS = "|".join(MONTHS)
_NTH = {"1st": 1, "2nd": 2, "3rd": 3, "4th": 4, "5th": 5, "last": -1}
_NTHS = r"(?:1st|2nd|3rd|4th|5th|last)"
_COUNT: dict[str | None, int] = {"other": 2, "2nd": 2, "3rd": 3, "4th": 4, "alternate": 2, "alternating": 2}
_OF_MONTH = r"(?:(?:of|in) (?:the|every|a) month|every month|a month|per month)"
_DAY_NUMBER = r"\d\d?(?:st|nd|rd|th)?"
_AND = r"(?:, ?| and | & | or )"
_JOINED = r"(?:,| and | & | plus )"


def rule_of(said: str) -> str | None:
    """Return the rule that normalized words mean. None: they are no rule."""
    said = re.sub(r"^once (?:an?|per) ", "every ", said.strip())
    said = re.sub(r"^(?:on|the|once|at|in) (?:the )?", "", said)
    if said.endswith("every"):
        return None
    said = re.sub(rf"^(?:daily|every day) (?:from |on )?(?=(?:{_WD}))", "", said)
    adverb = re.match(r"(\w+)(?: (?:on|in|every) (.+)|$)", said)
    if adverb and adverb[1] in _ADVERBS:
        said = _ADVERBS[adverb[1]] + (f" on {adverb[2]}" if adverb[2] else "")
    fixed = {
        "7 days a week": "FREQ=DAILY",
        "day by day": "FREQ=DAILY",
        "week by week": "FREQ=WEEKLY",
        "every half hour": "FREQ=MINUTELY;INTERVAL=30",
        "every half an hour": "FREQ=MINUTELY;INTERVAL=30",
        "every hour and a half": "FREQ=MINUTELY;INTERVAL=90",
        "every half year": "FREQ=MONTHLY;INTERVAL=6",
        "every end of the month": "FREQ=MONTHLY;BYMONTHDAY=-1",
        "end of every month": "FREQ=MONTHLY;BYMONTHDAY=-1",
        "end of the month every month": "FREQ=MONTHLY;BYMONTHDAY=-1",
        "every month end": "FREQ=MONTHLY;BYMONTHDAY=-1",
    }
    return fixed.get(said) or _every_n(said) or _by_weekday(said) or _by_month(said) or _by_year(said)


def _every_n(said: str) -> str | None:
    """Parse a number of units: "every 3 days", "every other week on friday"."""
    unit = "day|week|month|year|hours?|minutes|quarter"
    number = r"other|alternate|\d{1,3}(?:st|nd|rd|th)?"
    match = re.fullmatch(rf"every (?:({number}) )?({unit})s?(?: (?:on|in) (.+))?", said)
    if not match:
        return _every_duration(said)
    digits = re.match(r"\d+", match[1] or "")
    count = _COUNT.get(match[1]) or (int(digits[0]) if digits else 1)
    count *= 3 if match[2] == "quarter" else 1
    if not 0 < count <= 999 or (match[2] == "day" and match[3] and count > 1):
        return None
    rule = f"FREQ={_UNITS[match[2]]}" + (f";INTERVAL={count}" if count > 1 else "")
    if not match[3]:
        return rule
    return _with_days(rule, match[2], match[3])


def _every_duration(said: str) -> str | None:
    """Parse a length: "every 2 hours and 30 minutes"."""
    match = re.fullmatch(r"every (.*(?:hours|minutes|h|m)\b.*)", said)
    if match is None:
        return None
    try:
        minutes = parse_duration(match[1]).total_seconds() / 60
    except TimeExpressionError:
        return None
    return f"FREQ=MINUTELY;INTERVAL={round(minutes)}" if minutes == round(minutes) and 0 < minutes <= 1440 else None


def _with_days(rule: str, unit: str, said: str) -> str | None:
    """Add to a rule on which days it is: "on friday" for weeks, "on the 5th" for months."""
    if unit == "week":
        on = _by_weekday(said)
    elif unit in ("month", "quarter"):
        on = _by_month(f"every month on {said}")
    elif unit == "day":
        return _by_weekday(said)
    elif unit in ("hour", "hours"):
        on = "FREQ=HOURLY;BYDAY=" + ",".join(codes) if (codes := _weekday_codes(said)) else None
    else:
        on = _by_year(said)
    return rule + on[on.index(";") :] if on and ";" in on and "INTERVAL" not in on else None


def _by_weekday(said: str) -> str | None:
    every = re.sub(r"^every (?:week on )?", "", said)
    interval = 1
    match = re.fullmatch(r"(other|alternate|alternating|2nd|3rd|4th) (.+)", every)
    if match and (said.startswith("every") or match[1].startswith("altern")) and " of " not in said:
        interval, every = _COUNT[match[1]], match[2]
    every = re.sub(r" (?:every|of the|of every|a) week$", "", every)
    codes = _weekday_codes(every)
    if not codes:
        return None
    return "FREQ=WEEKLY" + (f";INTERVAL={interval}" if interval > 1 else "") + f";BYDAY={','.join(codes)}"


def _weekday_codes(said: str) -> list[str]:
    """Return the codes of named days of the week, from Monday on. Empty: the words are something else."""
    span = re.fullmatch(rf"(?:from )?({_WD})s? ?(?:to|until|-) ?({_WD})s?", said)
    if span:
        first, last = WEEKDAYS.index(span[1]), WEEKDAYS.index(span[2])
        return [WEEKDAY_CODES[number % 7] for number in range(first, last + (1 if last >= first else 8))]
    names = re.split(rf"(?:{_AND}| +)(?:(?:every|on) )*", re.sub(r"\bevery\b", " ", said).strip())
    codes: set[str] = set()
    for name in names:
        plain = name.removesuffix("'s").removesuffix("s")
        if plain in WEEKDAYS:
            codes.add(WEEKDAY_CODES[WEEKDAYS.index(plain)])
        elif plain in ("weekday", "weekend"):
            codes.update(WORKDAYS.split(",") if plain == "weekday" else ["SA", "SU"])
        elif name not in ("", "and", "on"):
            return []
    return sorted(codes, key=WEEKDAY_CODES.index)


def _by_month(said: str) -> str | None:
    given = said
    said = re.sub(r"^every month on ", "", said)
    said = re.sub(r"^(?:the |every )+", "", said)
    months = re.fullmatch(r"(.+?) (?:of|in) every (\d|other|2nd|3rd) months?", said)
    if months:
        inner = _by_month(f"{months[1]} of every month")
        count = _COUNT.get(months[2]) or int(months[2])
        return inner.replace("FREQ=MONTHLY", f"FREQ=MONTHLY;INTERVAL={count}") if inner else None
    match = re.fullmatch(rf"({_NTHS}(?:(?:{_JOINED} ?)(?:the )?{_NTHS})*) ({_WD}|day|weekday)s?(?: {_OF_MONTH})?", said)
    # "every 3rd friday" is every three weeks; "the 1st and 3rd friday" is in every month.
    if match and (
        re.search(_OF_MONTH, said)
        or given.startswith("every month")
        or "and" in match[1]
        or match[1] in ("1st", "5th", "last")
    ):
        return _nth_weekday(sorted({_NTH[each] for each in re.findall(_NTHS, match[1])}, key=_from_first), match[2])
    lists = rf"(?:{_NTHS} (?:{_WD}))(?:(?:{_JOINED} ?)(?:the )?{_NTHS} (?:{_WD}))+"
    if re.fullmatch(rf"{lists}(?: {_OF_MONTH})?", said):  # "the 1st tuesday and the 3rd thursday of the month"
        each = re.findall(rf"({_NTHS}) ({_WD})", said)
        return "FREQ=MONTHLY;BYDAY=" + ",".join(
            f"{_NTH[nth]:+d}{WEEKDAY_CODES[WEEKDAYS.index(day)]}" for nth, day in each
        )
    days = re.fullmatch(
        rf"({_DAY_NUMBER}(?:(?: and |, ?| )(?:the )?{_DAY_NUMBER})*)(?: day(?= (?:of|in)))?(?: {_OF_MONTH})?",
        said,
    )
    if days and re.search(r"st|nd|rd|th", days[1]):
        numbers = sorted({int(number) for number in re.findall(r"\d+", days[1])})
        if not numbers[0] or numbers[-1] > 31:
            raise TimeExpressionError("impossible", "repeat", said, why=f"No month has a day {numbers[-1]}.")
        return f"FREQ=MONTHLY;BYMONTHDAY={','.join(map(str, numbers))}"
    return None


def _from_first(number: int) -> int:
    return number if number > 0 else 9


def _nth_weekday(numbers: list[int], what: str) -> str:
    joined = ",".join(map(str, numbers))
    if what == "day":
        return f"FREQ=MONTHLY;BYMONTHDAY={joined}"
    if what == "weekday":
        return f"FREQ=MONTHLY;BYDAY={WORKDAYS};BYSETPOS={joined}"
    code = WEEKDAY_CODES[WEEKDAYS.index(what)]
    return f"FREQ=MONTHLY;BYDAY={','.join(f'{number:+d}{code}' for number in numbers)}"


def _by_year(said: str) -> str | None:
    """Parse a day of the year: "every june 14", "the 4th thursday of november every year", "every christmas eve"."""
    plain = re.sub(r" every year$|^every year (?:on |in )?|^every |^the ", "", re.sub(r"^every year on ", "", said))
    plain = re.sub(r"^(?:the |on |every )+", "", plain)
    yearly = re.fullmatch(
        rf"(?:({_MONTHS})(?: (?:the )?(\d\d?)(?:st|nd|rd|th)?)?|(\d\d?)(?:st|nd|rd|th)? (?:of )?({_MONTHS}))", plain
    )
    if yearly:
        number = MONTHS.index(yearly[1] or yearly[4]) + 1
        day = yearly[2] or yearly[3]
        longest = 29 if number == 2 else 30 if number in (4, 6, 9, 11) else 31
        if day and not 0 < int(day) <= longest:
            name = MONTHS[number - 1].title()
            raise TimeExpressionError("impossible", "repeat", said, why=f"There is no {name} {int(day)}.")
        return f"FREQ=YEARLY;BYMONTH={number}" + (f";BYMONTHDAY={int(day)}" if day else "")
    nth = re.fullmatch(rf"({_NTHS}) ({_WD}) (?:of|in) ({_MONTHS})", plain)
    if nth:
        code = WEEKDAY_CODES[WEEKDAYS.index(nth[2])]
        return f"FREQ=YEARLY;BYMONTH={MONTHS.index(nth[3]) + 1};BYDAY={_NTH[nth[1]]:+d}{code}"
    if plain in HOLIDAYS:
        one, other = HOLIDAYS[plain](2026), HOLIDAYS[plain](2027)
        if (one.month, one.day) == (other.month, other.day):  # those that move have no rule
            return f"FREQ=YEARLY;BYMONTH={one.month};BYMONTHDAY={one.day}"
    return None
