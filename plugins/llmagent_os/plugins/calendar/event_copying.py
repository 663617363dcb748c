"""Adds an event like another one at another time: the tool ``copy_event`` ("same on friday", "also at 5")."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, timedelta

import msgspec

from llmagent_os.plugin import ToolResult
from llmagent_os.plugins.calendar.calendar_call import CalendarCall
from llmagent_os.plugins.calendar.calendar_event import CalendarEvent, later
from llmagent_os.plugins.calendar.changed_event import changed_event
from llmagent_os.plugins.calendar.counted_day import counted_day
from llmagent_os.plugins.calendar.event_change import Change
from llmagent_os.plugins.calendar.event_choice import chosen_events, not_found_reply
from llmagent_os.plugins.calendar.event_query import event_query
from llmagent_os.plugins.calendar.person_clock import EventMatch
from llmagent_os.plugins.calendar.time.time_errors import TimeExpressionError


async def copy_event(call: CalendarCall, given: Mapping[str, str | None]) -> ToolResult:
    """Add an event like the one that the arguments name, or else like the one that "it" means."""
    before = await call.done_before()
    if before is not None:
        return before
    new = {
        key.removeprefix("new_"): value.strip()
        for key, value in given.items()
        if key.startswith("new_") and value and value.strip()
    }
    events = await call.store.events()
    try:
        query = event_query(call, given)
        found = await chosen_events(call, events, query)
        if not found and not query.is_empty:
            return not_found_reply(call, events, query)
        if len({match.event.event_id for match in found}) != 1 or not {"date", "time"} & set(new):
            return ToolResult({"status": "missing", "need": "event"}, "Which event should I add again, and when?")
        start = found[0].event.start
        if start is not None and (day := counted_day(new.get("date", ""), start.date())):
            new["date"] = day.isoformat()
        event = changed_event(call, found[0], new)
    except TimeExpressionError as error:
        return call.unclear_reply(error)
    return await _add(call, found[0], event, events)


async def _add(call: CalendarCall, match: EventMatch, event: CalendarEvent, events: list[CalendarEvent]) -> ToolResult:
    created = call.context.now.astimezone(UTC).isoformat(timespec="seconds")
    event = msgspec.structs.replace(
        event, event_id=call.change_id, repeat="", skipped=(), created=created, leads_to="", lead=0
    )
    when = call.time_text(event, event.start)
    if match.occurrence is not None and match.occurrence.start == event.start:
        data = {"status": "unchanged", "title": event.title, "when": when}
        return ToolResult(data, f"{event.title} is already {when}, so I added nothing.")
    data = {"status": "created", "title": event.title, "when": when} | ({"kind": "reminder"} if event.reminder else {})
    if event.start and not event.reminder and not event.all_day:
        overlapping = call.conflicts(events, event.start, later(event.start, timedelta(minutes=event.minutes)))
        data |= {"conflict": call.overlap_text(overlapping, event.start.date())} if overlapping else {}
    clash = f" It overlaps with {data['conflict']}." if "conflict" in data else ""
    if event.reminder:
        text, question = f"I'll remind you: {event.title}, {when}.", f"Shall I remind you: {event.title}, {when}?"
    else:
        text = f"I've added {event.title} for {when}.{clash}"
        question = f"Shall I add {event.title} for {when}?{clash}"
    return await call.perform(Change(after=(event,), data=data, text=text, undo=True), question)
