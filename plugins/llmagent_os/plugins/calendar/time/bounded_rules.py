"""Puts limits into a rule of repetition: UNTIL, COUNT, days of the week that are left out, and skipped starts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from itertools import islice

from dateutil.relativedelta import relativedelta
from dateutil.rrule import rrule, rrulestr

from llmagent_os.plugins.calendar.time.date_parsing import DateRange
from llmagent_os.plugins.calendar.time.recurrence_limits import RecurrenceLimits, Span
from llmagent_os.plugins.calendar.time.recurrence_rules import WEEKDAY_CODES
from llmagent_os.plugins.calendar.time.time_errors import TimeExpressionError

MAX_SKIPPED = 366  #: starts that one repetition leaves out
_END_OF_DAY = time(23, 59, 59)


@dataclass(frozen=True)
class BoundedRule:
    """A rule with its limits, and what it leaves out."""

    rule: str  #: the value of an RRULE; UNTIL is on the wall clock
    skipped: tuple[datetime, ...] = ()  #: starts on the wall clock


def bounded_rule(rule: str, limits: RecurrenceLimits, first: datetime) -> BoundedRule:
    """Return a rule with limits.

    Args:
        rule: the value of an RRULE without an end.
        limits: what to put into it.
        first: its first start, on the wall clock.

    Raises:
        TimeExpressionError: the limits leave nothing over.
    """
    rule = without_weekdays(rule, limits.skipped_weekdays)
    rule = _with_end(rule, limits, first)
    found = BoundedRule(rule, skipped_starts(rule, first, limits.skipped))
    if all(start in found.skipped for start in islice(rrulestr(rule, dtstart=first), len(found.skipped) + 1)):
        raise TimeExpressionError("impossible", "repeat", rule, why="With these limits, no day is left.")
    return found


def without_weekdays(rule: str, codes: tuple[str, ...]) -> str:
    """Return a rule without some days of the week.

    Raises:
        TimeExpressionError: none is left, or the rule does not count days or weeks.
    """
    if not codes:
        return rule
    parts = dict(part.split("=", 1) for part in rule.split(";"))
    if parts["FREQ"] not in ("DAILY", "WEEKLY") or (parts["FREQ"] == "DAILY" and "INTERVAL" in parts):
        if "BYDAY" in parts and parts["FREQ"] != "WEEKLY":
            raise TimeExpressionError("unknown", "repeat", rule)
        return f"{rule};BYDAY={','.join(code for code in WEEKDAY_CODES if code not in codes)}"
    before = parts.get("BYDAY", ",".join(WEEKDAY_CODES)).split(",")
    left = [code for code in before if code not in codes]
    if not left:
        raise TimeExpressionError("impossible", "repeat", rule, why="With these exceptions, no day is left.")
    parts |= {"FREQ": "WEEKLY", "BYDAY": ",".join(left)}
    return ";".join(f"{key}={value}" for key, value in parts.items())


def _with_end(rule: str, limits: RecurrenceLimits, first: datetime) -> str:
    if limits.count is not None:
        return f"{rule};COUNT={limits.count}"
    if limits.span is not None:
        return _for_span(rule, limits.span, first)
    until = limits.until
    if limits.until_time is not None and rule.startswith(("FREQ=HOURLY", "FREQ=MINUTELY")):
        minutes = limits.until_time.start if limits.until_time.sure else _after(limits.until_time.start, first)
        return _until(rule, datetime.combine(until or first.date(), time()) + timedelta(minutes=minutes), first)
    return rule if until is None else _until(rule, datetime.combine(until, _END_OF_DAY), first)


def _after(minutes: int, first: datetime) -> int:
    """Return the time on a clock face that comes first after ``first``, in minutes after midnight."""
    begun = first.hour * 60 + first.minute
    return next((each for each in (minutes % 720, minutes % 720 + 720) if each > begun), minutes % 720 + 1440)


def _until(rule: str, end: datetime, first: datetime) -> str:
    if end < first:
        raise TimeExpressionError("impossible", "repeat", rule, why="It would end before it begins.")
    return f"{rule};UNTIL={end:%Y%m%dT%H%M%S}"


def _for_span(rule: str, span: Span, first: datetime) -> str:
    """Limit a rule to so many days, weeks, months or years from its first start."""
    parts = dict(part.split("=", 1) for part in rule.split(";"))
    unit = {"DAILY": "day", "WEEKLY": "week", "MONTHLY": "month", "YEARLY": "year"}.get(parts["FREQ"])
    single = not {"INTERVAL", "BYSETPOS"} & set(parts) and "," not in parts.get("BYDAY", "") + parts.get(
        "BYMONTHDAY", ""
    )
    if unit == span.unit and single and span.amount == int(span.amount):
        return f"{rule};COUNT={int(span.amount)}"
    minutes_of = {"minute": 1, "hour": 60, "day": 1440, "week": 10080}
    if span.unit in minutes_of and parts["FREQ"] in ("MINUTELY", "HOURLY"):
        minutes = span.amount * minutes_of[span.unit]
        step = int(parts.get("INTERVAL", "1")) * (60 if parts["FREQ"] == "HOURLY" else 1)
        return f"{rule};COUNT={max(1, int(minutes // step))}"
    if span.unit in ("day", "week"):
        last = first.date() + timedelta(days=round(span.amount * (7 if span.unit == "week" else 1)) - 1)
    else:
        months = round(span.amount * (12 if span.unit == "year" else 1))
        last = first.date() + relativedelta(months=months) - timedelta(days=1)
    return _until(rule, datetime.combine(last, _END_OF_DAY), first)


def skipped_starts(rule: str, first: datetime, days: tuple[DateRange, ...]) -> tuple[datetime, ...]:
    """Return the starts of a rule that lie in any of the given days, at most :data:`MAX_SKIPPED`.

    This is also how an exception gets into a repetition that is there already: "no choir between christmas and new
    year" skips these starts.

    Args:
        rule: the value of an RRULE; UNTIL is on the wall clock.
        first: the first start of the event, on the wall clock.
        days: the days on which it does not take place.
    """
    found: list[datetime] = []
    dates = rrulestr(rule, dtstart=first)
    for each in days:
        begin = datetime.combine(each.first, time())
        for start in dates.xafter(begin, inc=True) if isinstance(dates, rrule) else ():
            if start.date() > each.last or len(found) >= MAX_SKIPPED:
                break
            found.append(start)
    return tuple(sorted(set(found)))
