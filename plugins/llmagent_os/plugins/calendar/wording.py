"""How moments are told: one helper for every reply, so that the same moment always reads the same.

>>> now = datetime(2026, 11, 22, 17, 0)
>>> moment(datetime(2026, 11, 23, 15, 0), now)
'tomorrow, Monday 23 November, at 3 PM'
>>> moment(datetime(2026, 11, 27), now, all_day=True)
'Friday 27 November'
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from llmagent_os.plugins.calendar.clock import Clock
from llmagent_os.plugins.calendar.days import Days
from llmagent_os.plugins.calendar.when import When
from llmagent_os.plugins.calendar.words import MONTHS, WEEKDAYS, plain

_DAY = timedelta(days=1)


def hour(moment: datetime) -> str:
    """A clock time: ``3 PM``, ``3:30 PM``, ``noon``, ``midnight``."""
    if moment.minute == 0 and moment.hour in (0, 12):
        return "noon" if moment.hour else "midnight"
    minutes = f":{moment.minute:02}" if moment.minute else ""
    return f"{moment.hour % 12 or 12}{minutes} {'PM' if moment.hour >= 12 else 'AM'}"


def day(value: date, today: date) -> str:
    """A day: ``today``, ``tomorrow, Monday 23 November``, ``Friday 5 March 2027``."""
    if value in (today, today - _DAY):
        return "today" if value == today else "yesterday"
    named = f"{WEEKDAYS[value.weekday()].title()} {value.day} {MONTHS[value.month - 1].title()}"
    if value.year != today.year:
        named += f" {value.year}"
    return f"tomorrow, {named}" if value == today + _DAY else named


def moment(
    start: datetime, now: datetime, *, end: datetime | None = None, all_day: bool = False, same_day: bool = False
) -> str:
    """When something is, on the wall clock: a phrase that fits after "for" and "is".

    Args:
        start: when it begins.
        now: the present.
        end: when it ends, where that is to be said; of an all-day one the midnight after its last day.
        all_day: it has no time.
        same_day: the day is known already: the clock alone, as in ``at 3 PM``.
    """
    today = now.date()
    if all_day:
        last = (end - _DAY).date() if end else start.date()
        if last > start.date():
            return f"{_named(start.date(), today)} to {_named(last, today)}"
        return "all day" if same_day else day(start.date(), today)
    clock = f"from {hour(start)} to {hour(end)}" if end else f"at {hour(start)}"
    if end and (end - start) >= _DAY:
        clock = f"at {hour(start)}, until {day(end.date(), today)} at {hour(end)}"
    return clock if same_day else after_day(day(start.date(), today), clock)


def after_day(told: str, more: str) -> str:
    """A day and what follows it; "tomorrow, Monday 23 November," wants its second comma."""
    return f"{told}{',' if ',' in told else ''} {more}"


def _named(value: date, today: date) -> str:
    return day(value, today).removeprefix("tomorrow, ")


def scope(when: When, said: str | None, now: datetime) -> str:
    """The stretch of time that was looked through: ``next week``, ``Friday 27 November in the afternoon``."""
    today = now.date()
    if when.moment is not None:
        return moment(when.moment, now)
    told = _days(when.days, plain(said or ""), today) if when.days else "today" if when.clock else ""
    if when.clock is None or when.clock.kind == "all_day":
        return told
    return after_day(told, _clock(when.clock)) if told != "today" or when.clock.kind != "part" else _this(when.clock)


def _days(found: Days, said: str, today: date) -> str:
    if found.single:
        return day(found.first, today)
    said = said.removeprefix("the ")
    kinds = ("week", "weekend", "month", "year")
    if any(said in (f"this {kind}", f"next {kind}", f"last {kind}") for kind in kinds):
        return said
    if any(said == f"rest of {the}{kind}" for kind in kinds for the in ("the ", "")) or said.startswith("next "):
        return f"the {said}"
    if said in kinds:
        return f"this {said}"
    first, last = found.first, found.last
    if first.month == last.month and first.day == 1 and (last + _DAY).day == 1:
        return MONTHS[first.month - 1].title() + (f" {first.year}" if first.year != today.year else "")
    return f"{_named(first, today)} to {_named(last, today)}"


def _clock(said: Clock) -> str:
    settled = said.settled()
    base = datetime(2000, 1, 1)
    start, end = (base + timedelta(minutes=minutes) for minutes in (settled.start, settled.end))
    if settled.kind == "part":
        return f"in the {_part(settled)}"
    if settled.kind == "range":
        return f"between {hour(start)} and {hour(end)}"
    if settled.kind == "before":
        return f"before {hour(end)}"
    return f"{'after' if settled.kind == 'after' else 'at'} {hour(start)}"


def _part(said: Clock) -> str:
    return "morning" if said.end <= 720 else "afternoon" if said.end <= 1080 else "evening"


def _this(said: Clock) -> str:
    return "tonight" if _part(said) == "evening" else f"this {_part(said)}"


def within(told: str) -> str:
    """A scope with the preposition it needs in a sentence."""
    if not told:
        return ""
    first = told.split(" ", 1)[0].strip(",")
    if first in ("today", "tomorrow", "yesterday", "tonight", "this", "next", "last"):
        return f" {told}"
    if " to " in told and " at " not in told:
        return f" from {told}"
    if first == "the":
        return f" over {told}"
    return f" in {told}" if first.lower() in MONTHS else f" on {told}"


def listed(names: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def sentence(text: str) -> str:
    """With a capital first letter."""
    return text[:1].upper() + text[1:]
