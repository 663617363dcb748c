"""Gives two events each other's day and time: "swap the lunch and the review"."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from llmagent_os.plugin import ToolResult
from llmagent_os.plugins.calendar.calendar_call import CalendarCall
from llmagent_os.plugins.calendar.calendar_event import CalendarEvent
from llmagent_os.plugins.calendar.event_change import Change
from llmagent_os.plugins.calendar.event_query import EventQuery
from llmagent_os.plugins.calendar.event_search import fits_query
from llmagent_os.plugins.calendar.lead_reminders import with_lead_reminders


async def swap_events(call: CalendarCall, first: str, second: str) -> ToolResult:
    """Swap the times of two events. Each keeps its length.

    Args:
        call: the tool's call.
        first: the name of an event that takes place once.
        second: the name of the other one.
    """
    events = await call.store.events()
    one, other = _only(events, first), _only(events, second)
    if one is None or other is None or one.start is None or other.start is None or one.event_id == other.event_id:
        return ToolResult({"status": "missing", "need": "event"}, "Which two events should I swap?", word_for_word=True)
    after = (
        _at_time_of(one, other),
        _at_time_of(other, one),
    )
    told = [f"{event.title} is now {call.time_text(event, event.start)}" for event in after]
    change = Change(
        before=(one, other),
        after=after,
        data={"status": "moved", "count": "2"},
        text=f"I've swapped them: {told[0]}, and {told[1]}.",
        undo=True,
        word_for_word=True,
    )
    return await call.perform(with_lead_reminders(change, events), f"Shall I swap {one.title} and {other.title}?")


def _at_time_of(event: CalendarEvent, other: CalendarEvent) -> CalendarEvent:
    return msgspec.structs.replace(
        event, start=other.start, zone=other.zone, zone_assumed=other.zone_assumed, second_pass=other.second_pass
    )


def _only(events: Sequence[CalendarEvent], title: str) -> CalendarEvent | None:
    found = [event for event in events if fits_query(event, EventQuery(title=title))]
    return found[0] if len(found) == 1 else None
