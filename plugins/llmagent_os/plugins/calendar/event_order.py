"""Answers what comes before or after an event, and which of two events comes first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta

from llmagent_os.plugin import ToolResult
from llmagent_os.plugins.calendar.agenda import agenda_entries, entries_text
from llmagent_os.plugins.calendar.calendar_call import CalendarCall
from llmagent_os.plugins.calendar.calendar_event import CalendarEvent
from llmagent_os.plugins.calendar.event_choice import keep_listed
from llmagent_os.plugins.calendar.event_query import EventQuery
from llmagent_os.plugins.calendar.event_search import search_events
from llmagent_os.plugins.calendar.lead_reminders import lead_text
from llmagent_os.plugins.calendar.person_clock import EventMatch

#: What ``asked`` may be for :func:`around_event`.
AROUND = ("before", "after")
#: What ``asked`` may be for :func:`of_two`.
OF_TWO = ("order", "between")


async def around_event(
    call: CalendarCall, events: Sequence[CalendarEvent], query: EventQuery, way: str
) -> ToolResult | None:
    """Say what else the day of an event has before or after it. None: there is no such event.

    Args:
        call: the tool's call.
        events: the calendar.
        query: the event.
        way: one of :data:`AROUND`.
    """
    anchor = next((match for match in search_events(call, events, query) if match.occurrence), None)
    if anchor is None or anchor.occurrence is None:
        return None
    begin, end = anchor.occurrence.start, anchor.occurrence.end
    midnight = datetime.combine(begin.date(), time(), begin.tzinfo)
    span = (end, midnight + timedelta(days=1)) if way == "after" else (midnight, begin)
    found = [
        match
        for match in call.matches_within(events, [span])
        if match.event.event_id != anchor.event.event_id and _is_within(match, way, begin, end)
    ]
    where = f"{way} {anchor.event.title}, {call.match_day(anchor)}"
    if not found:
        text = f"You have nothing {where}."
        return ToolResult({"status": "empty", "about": anchor.event.title}, text, word_for_word=True)
    await keep_listed(call, found)
    if len(found) == 1:
        await call.store.focus_on(found[0].event)
    data, _ = call.summary(found, begin.date())
    names = entries_text(call, agenda_entries(found), begin.date())
    return ToolResult({"status": "listed", **data}, f"{where[0].upper()}{where[1:]}: {names}.", word_for_word=True)


def _is_within(match: EventMatch, way: str, begin: datetime, end: datetime) -> bool:
    if match.occurrence is None or match.event.all_day:
        return False
    return match.occurrence.start >= end if way == "after" else match.occurrence.start < begin


def of_two(
    call: CalendarCall, events: Sequence[CalendarEvent], query: EventQuery, other: str, asked: str
) -> ToolResult | None:
    """Say which of two events comes first, or how long it is between them. None: one of them is not there.

    Args:
        call: the tool's call.
        events: the calendar.
        query: the one.
        other: words of the title of the other.
        asked: one of :data:`OF_TWO`.
    """
    first, second = _next(call, events, query), _next(call, events, replace(query, title=other))
    if first is None or second is None or first.event.event_id == second.event.event_id:
        return None
    when, then = call.match_time_text(first), call.match_time_text(second)
    begins, others = _start(call, first), _start(call, second)
    way = "at the same time as" if begins == others else "before" if begins < others else "after"
    told = f"{first.event.title} is {when}, and {second.event.title} {then}"
    text = f"{first.event.title} is {way} {second.event.title}: {told}."
    if asked == "between":
        earlier, later = (first, second) if begins <= others else (second, first)
        end = earlier.occurrence.end if earlier.occurrence else call.now
        minutes = round((_start(call, later) - end).total_seconds() / 60)
        free = lead_text(minutes) if minutes > 0 else "no time"
        text = f"There is {free} between {earlier.event.title} and {later.event.title}: {told}."
    return ToolResult({"status": "listed", "title": first.event.title}, text, word_for_word=True)


def _start(call: CalendarCall, match: EventMatch) -> datetime:
    return match.occurrence.start if match.occurrence else call.now


def _next(call: CalendarCall, events: Sequence[CalendarEvent], query: EventQuery) -> EventMatch | None:
    return next((match for match in search_events(call, events, query) if match.occurrence), None)
