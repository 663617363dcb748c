"""Finds free time: "find me a free hour tomorrow afternoon", "what evenings am I free this week?"."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, time, timedelta

from llmagent_os.markup.word_list import join_words
from llmagent_os.plugin import ToolResult
from llmagent_os.plugins.calendar.calendar_call import CalendarCall
from llmagent_os.plugins.calendar.calendar_event import CalendarEvent, occurrences
from llmagent_os.plugins.calendar.event_query import EventQuery
from llmagent_os.plugins.calendar.lead_reminders import lead_text
from llmagent_os.plugins.calendar.phrasing import append_to_day, clock_text, day_text, with_preposition
from llmagent_os.plugins.calendar.time.duration_parsing import parse_duration
from llmagent_os.plugins.calendar.time.time_expressions import search_windows

#: The hours of a day that are looked through where no part of the day is named.
DAY_BEGINS, DAY_ENDS = time(8), time(22)
MAX_DAYS = 31  #: that are looked through
MAX_NAMED_DAYS = 7  #: that one reply names
LEAST_GAP = timedelta(minutes=30)  #: where no length is named
_STEP = timedelta(minutes=5)  #: a free time that begins now begins at a round minute

Span = tuple[datetime, datetime]


def free_gaps(
    call: CalendarCall, events: Sequence[CalendarEvent], query: EventQuery, length_said: str | None, period: str
) -> ToolResult:
    """Name the free times of a period that are long enough. Reminders and all-day events take no time.

    Args:
        call: the tool's call.
        events: the calendar.
        query: with the days and the part of the day; without a day, the coming week.
        length_said: how long the free time has to be, in the person's words.
        period: what is searched, in words.

    Raises:
        TimeExpressionError: the length cannot be resolved.
    """
    length = parse_duration(length_said) if length_said else None
    busy = [event for event in events if not event.reminder and not event.all_day]
    found: dict[str, list[Span]] = {}
    whole: list[str] = []
    for span in _windows(call, query):
        taken = [(each.start, each.end) for event in busy for each in occurrences(event, *span, call.zone)]
        gaps = _long_enough(gaps_of(span, taken), min(length or LEAST_GAP, span[1] - span[0]))
        day = day_text(span[0].date(), call.today)
        if gaps:
            found[day] = [*found.get(day, []), *gaps]
        if gaps == [span]:
            whole.append(day)
    what = f"{lead_text(round(length.total_seconds() / 60))} free" if length else "free"
    where = with_preposition(period)
    if not found:
        need = f"a free time of {lead_text(round(length.total_seconds() / 60))}" if length else "a free time"
        data = {"status": "empty", "free": "no"} | ({"when": period} if period else {})
        return ToolResult(data, f"I found no {need.removeprefix('a ')}{where}.", word_for_word=True)
    told = _told(found, whole, named=query.when.time_of_day is not None)
    data = {"status": "listed", "free": "yes", "events": told} | ({"when": period} if period else {})
    text = f"You have {what}{where}: {told}." if length else f"You're free{where}: {told}."
    return ToolResult(data, text, word_for_word=True)


def gaps_of(span: Span, taken: Iterable[Span]) -> list[Span]:
    """Return what is left of ``span`` without the times that are taken.

    >>> nine, ten, noon = (datetime(2026, 11, 26, hour) for hour in (9, 10, 12))
    >>> [(start.hour, end.hour) for start, end in gaps_of((nine, noon), [(nine, ten)])]
    [(10, 12)]
    """
    gaps: list[Span] = []
    at = span[0]
    for start, end in sorted(taken):
        if start > at:
            gaps.append((at, min(start, span[1])))
        at = max(at, end)
    if at < span[1]:
        gaps.append((at, span[1]))
    return [(start, end) for start, end in gaps if end > start]


def _windows(call: CalendarCall, query: EventQuery) -> list[Span]:
    """The times of day that are looked through, from now on."""
    when = query.when
    if when.time_of_day is not None and when.time_of_day.kind not in ("all_day", "at"):
        spans = search_windows(when, call.now)
    else:
        days = when.days
        first = days.first if days else call.today
        count = (days.last - first).days + 1 if days else 7
        dates = [first + timedelta(days=offset) for offset in range(min(count, MAX_DAYS))]
        spans = [(datetime.combine(day, DAY_BEGINS), datetime.combine(day, DAY_ENDS)) for day in dates]
    soon = call.now + (-(call.now - datetime.min) % _STEP)
    return [(max(start, soon), end) for start, end in spans[:MAX_DAYS] if end > soon]


def _long_enough(gaps: Sequence[Span], length: timedelta) -> list[Span]:
    return [(start, end) for start, end in gaps if end - start >= length]


def _told(found: dict[str, list[Span]], whole: Sequence[str], *, named: bool) -> str:
    """Name the free times, day by day. A part of the day that is named and free as a whole needs no hours."""
    days: list[str] = []
    for day, gaps in list(found.items())[:MAX_NAMED_DAYS]:
        hours = join_words([f"from {clock_text(start)} to {clock_text(end)}" for start, end in gaps])
        is_whole = day in whole
        if len(found) == 1:
            days.append("the whole time" if is_whole and named else hours)
        else:
            days.append(day if is_whole and named else append_to_day(day, "all day" if is_whole else hours))
    more = len(found) - len(days)
    return "; ".join(days) + (f"; and {more} more days" if more > 0 else "")
