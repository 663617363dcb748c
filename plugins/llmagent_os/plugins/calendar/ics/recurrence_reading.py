"""Reads recurrence rules of other programs (RFC 5545, 3.3.10), and refuses those that would keep the bot busy.

>>> readable_rule("FREQ=WEEKLY;COUNT=3", datetime(2026, 12, 3, 10), "Europe/Berlin", all_day=False)
'FREQ=WEEKLY;COUNT=3'
>>> readable_rule("FREQ=DAILY;UNTIL=20261205T090000Z", datetime(2026, 12, 3, 10), "Europe/Berlin", all_day=False)
'FREQ=DAILY;UNTIL=20261205T100000'
"""

from __future__ import annotations

from datetime import UTC, datetime

from llmagent_os.plugins.calendar.calendar_event import known_zone, rule_dates

MAX_RULE_CHARACTERS = 300  #: of one rule
EARLIEST_YEAR = 1900  #: a repetition that began earlier has too many times to count
MAX_TIMES_A_DAY = 24  #: of one rule of days, weeks, months or years
LAST_YEARS = 9984  #: a leap year. A rule without a time in the years from here to 9999 never has one

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
    if _times_a_day(parts) > (1 if all_day else MAX_TIMES_A_DAY) or (all_day and frequency == "HOURLY"):
        raise UnusableRuleError("it repeats too often in one day")
    if "UNTIL" in parts:
        parts["UNTIL"] = _wall_until(parts["UNTIL"], zone, all_day=all_day)
    kept = ";".join(f"{name}={value}" for name, value in parts.items())
    _check_it_happens(kept, start)
    return kept


def _times_a_day(parts: dict[str, str]) -> int:
    times = 1
    for name in ("BYHOUR", "BYMINUTE"):
        times *= len(set(parts.get(name, "0").split(",")))
    return times


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
    """Try the rule in the last years of the calendar: a day that never comes would be looked for up to the year 9999.

    The years are moved by a multiple of four, so that leap years stay leap years.
    """
    parts = dict(part.split("=", 1) for part in rule.split(";"))
    parts.pop("COUNT", None)
    years = LAST_YEARS - start.year // 4 * 4
    if until := parts.get("UNTIL"):
        parts["UNTIL"] = f"{min(9999, int(until[:4]) + years):04}{until[4:]}"
    try:
        late = start.replace(year=start.year + years)
        found = next(iter(rule_dates(";".join(f"{name}={value}" for name, value in parts.items()), late)), None)
    except (ValueError, TypeError, OverflowError):
        raise UnusableRuleError("it repeats in a way that I cannot keep") from None
    if found is None:
        raise UnusableRuleError("it never happens")
