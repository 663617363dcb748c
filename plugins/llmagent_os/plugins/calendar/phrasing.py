"""Phrases moments and periods for replies. The same moment reads the same in every reply.

>>> now = datetime(2026, 11, 22, 17, 0)
>>> moment_text(datetime(2026, 11, 23, 15, 0), now)
'tomorrow, Monday 23 November, at 3 PM'
>>> moment_text(datetime(2026, 11, 27), now, all_day=True)
'Friday 27 November'
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from llmagent_os.plugins.calendar.time.date_parsing import DateRange
from llmagent_os.plugins.calendar.time.text_normalization import MONTHS, WEEKDAYS, normalize
from llmagent_os.plugins.calendar.time.time_expressions import TimeExpression
from llmagent_os.plugins.calendar.time.time_parsing import TimeOfDay

_DAY = timedelta(days=1)


def clock_text(moment: datetime) -> str:
    """Phrase a time of day: ``3 PM``, ``3:30 PM``, ``noon``, ``midnight``."""
    if moment.minute == 0 and moment.hour in (0, 12):
        return "noon" if moment.hour else "midnight"
    minutes = f":{moment.minute:02}" if moment.minute else ""
    return f"{moment.hour % 12 or 12}{minutes} {'PM' if moment.hour >= 12 else 'AM'}"


def day_text(value: date, today: date) -> str:
    """Phrase a day: ``today``, ``tomorrow, Monday 23 November``, ``Friday 5 March 2027``."""
    if value in (today, today - _DAY):
        return "today" if value == today else "yesterday"
    named = f"{WEEKDAYS[value.weekday()].title()} {value.day} {MONTHS[value.month - 1].title()}"
    if value.year != today.year:
        named += f" {value.year}"
    return f"tomorrow, {named}" if value == today + _DAY else named


def moment_text(
    start: datetime, now: datetime, *, end: datetime | None = None, all_day: bool = False, same_day: bool = False
) -> str:
    """Phrase the time of an event so that the phrase fits after "for" and "is".

    Args:
        start: of the event, on the wall clock.
        now: the present moment, on the wall clock.
        end: of the event, if the phrase should name it. For an all-day event, the midnight after its last day.
        all_day: the event has no time of day.
        same_day: the day is known already, so the phrase is the time alone: ``at 3 PM``.
    """
    today = now.date()
    if all_day:
        last = (end - _DAY).date() if end else start.date()
        if last > start.date():
            return f"{_named(start.date(), today)} to {_named(last, today)}"
        return "all day" if same_day else day_text(start.date(), today)
    clock = f"from {clock_text(start)} to {clock_text(end)}" if end else f"at {clock_text(start)}"
    if end and (end - start) >= _DAY:
        clock = f"at {clock_text(start)}, until {day_text(end.date(), today)} at {clock_text(end)}"
    return clock if same_day else append_to_day(day_text(start.date(), today), clock)


def append_to_day(phrase: str, more: str) -> str:
    """Append words to a phrased day. "tomorrow, Monday 23 November," gets its second comma."""
    return f"{phrase}{',' if ',' in phrase else ''} {more}"


def _named(value: date, today: date) -> str:
    return day_text(value, today).removeprefix("tomorrow, ")


def period_text(when: TimeExpression, said: str | None, now: datetime) -> str:
    """Phrase the period that a search covers: ``next week``, ``Friday 27 November in the afternoon``."""
    today = now.date()
    if when.moment is not None:
        return moment_text(when.moment, now)
    phrase = _days_text(when.days, normalize(said or ""), today) if when.days else "today" if when.time_of_day else ""
    if when.time_of_day is None or when.time_of_day.kind == "all_day":
        return phrase
    return (
        append_to_day(phrase, _time_text(when.time_of_day))
        if phrase != "today" or when.time_of_day.kind != "part"
        else _this(when.time_of_day)
    )


def _days_text(found: DateRange, said: str, today: date) -> str:
    if found.single:
        return day_text(found.first, today)
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


def _time_text(said: TimeOfDay) -> str:
    settled = said.settled()
    base = datetime(2000, 1, 1)
    start, end = (base + timedelta(minutes=minutes) for minutes in (settled.start, settled.end))
    if settled.kind == "part":
        return f"in the {_part(settled)}"
    if settled.kind == "range":
        return f"between {clock_text(start)} and {clock_text(end)}"
    if settled.kind == "before":
        return f"before {clock_text(end)}"
    return f"{'after' if settled.kind == 'after' else 'at'} {clock_text(start)}"


def _part(said: TimeOfDay) -> str:
    return "morning" if said.end <= 720 else "afternoon" if said.end <= 1080 else "evening"


def _this(said: TimeOfDay) -> str:
    return "tonight" if _part(said) == "evening" else f"this {_part(said)}"


def with_preposition(phrase: str) -> str:
    """Put the right preposition, and a space, before a phrase of :func:`period_text`."""
    if not phrase:
        return ""
    first = phrase.split(" ", 1)[0].strip(",")
    if first in ("today", "tomorrow", "yesterday", "tonight", "this", "next", "last"):
        return f" {phrase}"
    if " to " in phrase and " at " not in phrase:
        return f" from {phrase}"
    if first == "the":
        return f" over {phrase}"
    return f" in {phrase}" if first.lower() in MONTHS else f" on {phrase}"


def capitalized(text: str) -> str:
    """Return ``text`` with a capital first letter."""
    return text[:1].upper() + text[1:]
