"""Parses repetitions in people's words into iCalendar recurrence rules (RFC 5545, 3.3.10).

>>> parse_recurrence("every other tuesday").rule
'FREQ=WEEKLY;INTERVAL=2;BYDAY=TU'
>>> again = parse_recurrence("every thursday until march 31, except december 24", today=date(2026, 11, 25))
>>> again.bounded(datetime(2026, 11, 26, 19, 0))
BoundedRule(rule='FREQ=WEEKLY;BYDAY=TH;UNTIL=20270331T235959', skipped=(datetime.datetime(2026, 12, 24, 19, 0),))
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from llmagent_os.plugins.calendar.time.bounded_rules import BoundedRule, bounded_rule
from llmagent_os.plugins.calendar.time.limit_parsing import split_limits
from llmagent_os.plugins.calendar.time.recurrence_limits import RecurrenceLimits
from llmagent_os.plugins.calendar.time.recurrence_rules import WEEKDAY_CODES, rule_of
from llmagent_os.plugins.calendar.time.recurrence_text import exceptions_text, recurrence_note, recurrence_text
from llmagent_os.plugins.calendar.time.text_normalization import WEEKDAYS, normalize
from llmagent_os.plugins.calendar.time.time_errors import TimeExpressionError
from llmagent_os.plugins.calendar.time.time_parsing import DAY_MINUTES, TimeOfDay, parse_times

__all__ = [
    "WEEKDAY_CODES",
    "BoundedRule",
    "Recurrence",
    "exceptions_text",
    "parse_recurrence",
    "recurrence_note",
    "recurrence_text",
]

_WD = "|".join(WEEKDAYS)
_PART = r"(?:morning|afternoon|evening|night|lunchtime)"
# How often, and not on which days or at what times.
_TOO_OPEN = re.compile(
    r"\b(?:twice|thrice|(?:\d+|several|a few|few) times)"
    r" (?:(?:an?|per|every) (?:day|week|month|year|hour)|daily|weekly|monthly|yearly)\b"
)
_TOO_FAST = re.compile(r"(?:once )?(?:every|each|an?|per) (?:single )?(?:\d+ ?)?(?:seconds?|secs?)", re.I)
#: The day of a text whose limits nobody asks for.
_SOME_DAY = date(2026, 6, 10)


@dataclass(frozen=True)
class Recurrence:
    """How an event repeats."""

    rule: str  #: the value of an RRULE, without DTSTART and without its limits
    times: tuple[TimeOfDay, ...] = ()  #: the parts of the day that the words name ("every morning and evening")
    limits: RecurrenceLimits = field(default_factory=RecurrenceLimits)

    @property
    def time_of_day(self) -> TimeOfDay | None:
        """The first part of the day that the words name."""
        return self.times[0] if self.times else None

    @property
    def within_day(self) -> bool:
        """Whether it repeats in hours or minutes."""
        return self.rule.startswith(("FREQ=HOURLY", "FREQ=MINUTELY"))

    def bounded(self, first: datetime) -> BoundedRule:
        """Return the rule with its limits, for an event that takes place for the first time at ``first``.

        Raises:
            TimeExpressionError: the limits leave nothing over.
        """
        return bounded_rule(self.rule, self.limits, first)


def parse_recurrence(text: str, today: date | None = None, *, month_first: bool = True) -> Recurrence:
    """Parse a repetition, with its limits.

    Args:
        text: the person's words: "every weekday but friday", "daily for 5 days".
        today: the date in the person's time zone. Without it, words with limits that need it are unknown.
        month_first: whether 3/4 is the 4th of March.

    Raises:
        TimeExpressionError: ``text`` cannot be written as one rule. "twice a week" does not say on which days.
    """
    if _TOO_FAST.fullmatch(text.strip()):
        why = "I can repeat something every minute, and not more often."
        raise TimeExpressionError("impossible", "repeat", text, why=why)
    said = _spelled(text)
    try:
        found = _parse(said, today, month_first)
    except TimeExpressionError as error:
        raise TimeExpressionError(error.problem, "repeat", text, why=error.why) from None
    if found is None:
        raise TimeExpressionError("unknown", "repeat", text)
    return found


def _parse(said: str, today: date | None, month_first: bool) -> Recurrence | None:
    often = _TOO_OPEN.search(said)
    if often is not None and (rest := f"{said[: often.start()]} {said[often.end() :]}".strip(" ,")):
        named = _parse(rest, today, month_first)  # "twice a week, monday and friday"
        return named if named is not None and "BYDAY" in named.rule else None
    if often is not None:
        why = f"“{often[0].capitalize()}” does not say when."
        raise TimeExpressionError("ambiguous", "repeat", said, why=why)
    base, times = _without_parts(said)
    rule = rule_of(base)
    if rule is not None:
        return Recurrence(rule, times)
    split = split_limits(said, today or _SOME_DAY, month_first=month_first)
    if not split.limits or (today is None and _dated(split.limits)):
        return None
    base, times = _without_parts(split.rest)
    rule = rule_of(base) if base else None
    if rule is None:
        return None
    span = split.limits.span
    short = span is not None and span.unit in ("hour", "minute")
    if (short or split.limits.from_time or split.limits.until_time) and not rule.startswith(
        ("FREQ=HOURLY", "FREQ=MINUTELY")
    ):
        return None  # "every monday from 9 to 5": that is when the event takes place
    return _hours_of_days(rule, split.limits) or Recurrence(rule, times, split.limits)


def _hours_of_days(rule: str, limits: RecurrenceLimits) -> Recurrence | None:
    """Every hour of certain days: "every hour from 9 to 5 on weekdays". None: the rule says no days or no hours.

    On the wall clock, so it is a rule of days with several hours: hours alone would be counted as real time.
    """
    if not (limits.from_time and limits.until_time) or not rule.startswith("FREQ=HOURLY") or "BYDAY=" not in rule:
        return None
    first, last = limits.from_time.start, limits.until_time.start
    interval = re.search(r"INTERVAL=(\d+)", rule)
    hours = range(first // 60, last // 60 + 1, int(interval[1]) if interval else 1)
    days = re.search(r"BYDAY=[A-Z,]+", rule)
    if first % 60 != last % 60 or last >= DAY_MINUTES or not hours or days is None:
        return None
    rest = replace(limits, from_time=None, until_time=None)
    by_hour = f"FREQ=WEEKLY;{days[0]};BYHOUR={','.join(map(str, hours))}"
    return Recurrence(by_hour, (TimeOfDay("at", first, first),), rest)


def parse_limits(text: str, today: date, *, month_first: bool = True) -> RecurrenceLimits:
    """Parse limits alone, for a repetition that is there already: "until june 1", "except december 24 and 31".

    Raises:
        TimeExpressionError: ``text`` says something else, too.
    """
    try:
        split = split_limits(_spelled(text), today, month_first=month_first)
    except TimeExpressionError as error:
        raise TimeExpressionError(error.problem, "repeat", text, why=error.why) from None
    short = split.limits.span is not None and split.limits.span.unit in ("hour", "minute")
    if not split.limits or split.rest or short:  # for 2 hours: that is how long an event is
        raise TimeExpressionError("unknown", "repeat", text)
    return split.limits


def _dated(limits: RecurrenceLimits) -> bool:
    return bool(limits.start or limits.until or limits.skipped)


def _spelled(text: str) -> str:
    said = normalize(text)
    said = re.sub(
        r"\beveryday\b|\beach and every\b|\beach\b|\bany\b",
        lambda m: "every day" if m[0] == "everyday" else "every",
        said,
    )
    said = re.sub(r"(hours?|hourly|minutes)\b(.*) between (.+?) and (?=\d)", r"\1\2 from \3 to ", said)
    said = re.sub(r"\bbi weekly\b", "every 2 weeks", said)
    said = re.sub(r"\b(weekdays?|weekends?) only$", r"only \1", said)
    said = re.sub(
        r"\b(hours?|hourly)\b(.*) (?:every day|daily)$|^(?:every day|daily) (every (?:\d+ )?hours?)\b(.*)$",
        _on_every_day,
        said,
    )
    said = re.sub(r"\b(every|on a) single\b|\bbasis\b", lambda found: found[1] or "", said)
    said = re.sub(r"\bon a (\w+) *$", r"\1", said.strip())
    return re.sub(r"\b(?:school|business|working|work|week) ?days?\b", "weekday", " ".join(said.split()))


def _on_every_day(found: re.Match[str]) -> str:
    """Hours of every day, with the names of the days: "every hour from 9 to 5 every day"."""
    hours, rest = (found[1], found[2]) if found[1] else (found[3], found[4])
    return f"{hours}{rest} on monday to sunday"


def _without_parts(said: str) -> tuple[str, tuple[TimeOfDay, ...]]:
    """Take the parts of the day out of a rule: "every weekday morning", "every morning and evening"."""
    part = re.fullmatch(
        rf"(.*?\b(?:every|{_WD}|weekday|weekend|day)s?)(?: in the)?"
        rf" ({_PART}s?(?: and (?:in the |every )?{_PART}s?)*)(| .+)",
        said,
    )
    if part is None:
        return said, ()
    words = re.sub(r"\b(morning|afternoon|evening|night)s\b", r"\1", re.sub(r"\bevery ", "", part[2]))
    found = tuple(each for each in parse_times(words, datetime(2000, 1, 1)) if isinstance(each, TimeOfDay))
    base = "every day" if part[1] == "every" else part[1]
    return f"{base}{part[3]}", found
