"""Reads recurrence rules of other programs (RFC 5545, 3.3.10), and refuses those that would keep the bot busy.

>>> readable_rule("FREQ=WEEKLY;COUNT=3", datetime(2026, 12, 3, 10), "Europe/Berlin", all_day=False)
'FREQ=WEEKLY;COUNT=3'
>>> readable_rule("FREQ=DAILY;UNTIL=20261205T090000Z", datetime(2026, 12, 3, 10), "Europe/Berlin", all_day=False)
'FREQ=DAILY;UNTIL=20261205T100000'
"""

from __future__ import annotations

from calendar import isleap
from datetime import UTC, date, datetime, timedelta

from llmagent_os.plugins.calendar.calendar_event import known_zone, later, rule_dates

MAX_RULE_CHARACTERS = 300  #: of one rule
EARLIEST_YEAR = 1900  #: a repetition that began earlier has too many times to count
NEVER_AFTER = timedelta(days=366 * 12)  #: a rule without a time in so long never has one, as far as a person cares

_DAY = timedelta(days=1)
_LATE_YEARS = range(9960, 9988)  #: 28 years without a change of the cycle: all calendars that a year can have
_FREQUENCIES = ("HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_PARTS = frozenset(
    "FREQ INTERVAL COUNT UNTIL WKST BYDAY BYMONTHDAY BYYEARDAY BYWEEKNO BYMONTH BYSETPOS BYHOUR BYMINUTE".split()
)


class UnusableRuleError(Exception):
    """A recurrence rule cannot be kept. The message is a clause for the person."""


def readable_rule(rule: str, start: datetime, zone: str, *, all_day: bool) -> str:
    """Return ``rule`` as the calendar keeps it: with an UNTIL on the event's wall clock.

    Args:
        rule: the value of an RRULE.
        start: of the event, on its wall clock.
        zone: of the event.
        all_day: the event has no time of day.

    Raises:
        UnusableRuleError: the calendar cannot keep it.
    """
    if len(rule) > MAX_RULE_CHARACTERS:
        raise UnusableRuleError("it repeats in too many ways at once")
    parts = dict(part.upper().split("=", 1) for part in rule.strip(";").split(";") if "=" in part)
    frequency = parts.get("FREQ", "")
    by = [name for name in parts if name.startswith("BY")]
    if frequency not in _FREQUENCIES or not set(parts) <= _PARTS or (frequency == "HOURLY" and by):
        raise UnusableRuleError("it repeats in a way that I cannot keep")
    if start.year < EARLIEST_YEAR:
        raise UnusableRuleError(f"it repeats since before {EARLIEST_YEAR}")
    if not parts.get("INTERVAL", "1").isdigit() or not 0 < int(parts.get("INTERVAL", "1")) <= 1000:
        raise UnusableRuleError("it repeats in a way that I cannot keep")
    if "UNTIL" in parts:
        parts["UNTIL"] = _wall_until(parts["UNTIL"], zone, all_day=all_day)
    kept = ";".join(f"{name}={value}" for name, value in parts.items())
    _check_it_happens(kept, start)
    return kept


def _wall_until(until: str, zone: str, *, all_day: bool) -> str:
    """An UNTIL on the wall clock of the event's zone: iCalendar gives it in UTC."""
    try:
        if len(until) == 8:
            datetime.strptime(until, "%Y%m%d")
            return until if all_day else f"{until}T235959"
        moment = datetime.strptime(until.rstrip("Z"), "%Y%m%dT%H%M%S")
        if until.endswith("Z") and not all_day:
            moment = moment.replace(tzinfo=UTC).astimezone(known_zone(zone)).replace(tzinfo=None)
        return moment.strftime("%Y%m%d" if all_day else "%Y%m%dT%H%M%S")
    except (ValueError, OverflowError):
        raise UnusableRuleError(f"it repeats until {until[:20]!r}, which is no date") from None


def _check_it_happens(rule: str, start: datetime) -> None:
    """Try the rule for some years. A day that never comes is looked for until the year 9999, so it begins late."""
    parts = dict(part.split("=", 1) for part in rule.split(";"))
    parts.pop("COUNT", None)
    begins = _same_day_late(start)
    ends = [later(begins, NEVER_AFTER)]
    try:
        if until := parts.get("UNTIL"):
            ends.append(later(datetime.strptime(until[:8], "%Y%m%d") + _DAY, begins - start))
        parts["UNTIL"] = min(ends).strftime("%Y%m%dT%H%M%S")
        found = next(iter(rule_dates(";".join(f"{name}={value}" for name, value in parts.items()), begins)), None)
    except (ValueError, TypeError, OverflowError):
        raise UnusableRuleError("it repeats in a way that I cannot keep") from None
    if found is None:
        raise UnusableRuleError("it never happens")


def _same_day_late(start: datetime) -> datetime:
    """The same day of a late year that has the same weekdays, and a 29 February if the year of ``start`` has one.

    >>> _same_day_late(datetime(2026, 1, 30, 9))
    datetime.datetime(9965, 1, 30, 9, 0)
    """
    alike = (
        year
        for year in _LATE_YEARS
        if isleap(year) == isleap(start.year) and date(year, 1, 1).weekday() == date(start.year, 1, 1).weekday()
    )
    return start.replace(year=max(start.year, next(alike)))
