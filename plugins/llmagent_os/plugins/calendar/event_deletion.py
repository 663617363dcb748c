"""Deletes events: the tool ``delete_event``. Several events are deleted only after a question."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import msgspec

from llmagent_os.plugin import ToolResult
from llmagent_os.plugins.calendar.agenda import agenda_card, agenda_entries
from llmagent_os.plugins.calendar.calendar_call import MAX_NAMED_EVENTS, CalendarCall, EventMatch
from llmagent_os.plugins.calendar.calendar_event import CalendarEvent
from llmagent_os.plugins.calendar.event_search import (
    EventQuery,
    event_query,
    most_similar_event,
    search_events,
    searched_period,
)
from llmagent_os.plugins.calendar.event_store import Change
from llmagent_os.plugins.calendar.phrasing import with_preposition
from llmagent_os.plugins.calendar.recurrence import recurrence_text
from llmagent_os.plugins.calendar.time_errors import TimeExpressionError

MAX_CHOICES = 8  #: candidates with a button in "Which one?"

_MANY = re.compile(
    r"\b(all|every|everything|both|each|any|whole|entire|clear|wipe|empty|events|meetings|appointments|reminders|calls|plans|schedule)\b",
    re.I,
)


async def delete_event(call: CalendarCall, given: Mapping[str, str | None]) -> ToolResult:
    """Delete the events that fit the arguments."""
    before = await call.done_before()
    if before is not None:
        return before
    try:
        query = event_query(call, *(given.get(key) for key in ("which", "title", "date", "time", "person", "place")))
    except TimeExpressionError as error:
        return call.unclear_reply(error)
    events = await call.store.events()
    if re.search(r"\breminders?\b", call.context.text, re.I) and not query.about:
        events = [event for event in events if event.reminder]
    if query.is_empty:
        found = await focused_event(call, events)
        if not found:
            return ToolResult({"status": "missing", "need": "event"}, "Which event should I delete?")
    else:
        found = search_events(call, events, query)
    if not found:
        return not_found_reply(call, events, query)
    if len(found) == 1:
        change = _change(call, found, query)
        return await call.perform(change, f"Shall I delete {call.match_text(found[0])}?")
    return await _several(call, found, query)


async def focused_event(call: CalendarCall, events: Sequence[CalendarEvent]) -> list[EventMatch]:
    """Return the event that "it" means: the one that this conversation touched last. A list of one match or none."""
    focus = await call.store.focus()
    chosen = [event for event in events if event.event_id == focus]
    return (
        call.upcoming(chosen)
        or call.matches_within(chosen, [(event.start, call.now) for event in chosen if event.start])[-1:]
    )


def not_found_reply(call: CalendarCall, events: Sequence[CalendarEvent], query: EventQuery) -> ToolResult:
    """Answer a search that found nothing, and name the most similar event."""
    period = searched_period(call, query)
    data = (
        {"status": "not_found"} | ({"about": query.about} if query.about else {}) | ({"when": period} if period else {})
    )
    close = most_similar_event(call, events, query) if query.about else None
    hint = ""
    if close is not None:
        data["near"] = call.match_text(close)
        hint = f" Did you mean {data['near']}?"
    return ToolResult(
        data, f"I found nothing{f' about {query.about}' if query.about else ''}{with_preposition(period)}.{hint}"
    )


def which_one_question(
    call: CalendarCall, found: Sequence[EventMatch], query: EventQuery, verb: str
) -> tuple[dict[str, str], str]:
    """Return the data and the question for several events of which the person means one."""
    data, names = call.summary(found, query.day)
    period = searched_period(call, query)
    data = (
        {"status": "ambiguous", **data}
        | ({"about": query.about} if query.about else {})
        | ({"when": period} if period else {})
    )
    return data, f"{len(found)} events fit{with_preposition(period)}: {names}. Which one should I {verb}?"


async def _several(call: CalendarCall, found: Sequence[EventMatch], query: EventQuery) -> ToolResult:
    ranged = query.when.days is not None and not query.when.days.single
    one_series = len({match.event.event_id for match in found}) == 1
    meant = (
        query.wants_all or one_series or (not query.about and (ranged or _MANY.search(call.context.text) is not None))
    )
    meant = meant or (
        bool(query.title) and query.title.casefold().endswith("s") and _MANY.search(query.title) is not None
    )
    if not meant:
        data, question = which_one_question(call, found, query, "delete")
        options = tuple(_change(call, [match], query) for match in found[:MAX_CHOICES])
        return await call.ask(options, data, question)
    data, names = call.summary(found, query.day)
    period = searched_period(call, query)
    data = (
        {"status": "confirm", **data}
        | ({"when": period} if period else {})
        | ({"about": query.about} if query.about else {})
    )
    entries = agenda_entries(found)
    shown = f": {names}" if len(found) <= MAX_NAMED_EVENTS else ""
    question = f"That deletes {len(found)} events{with_preposition(period)}{shown}. Are you sure?"
    card = None if shown else agenda_card(call, entries, query.day)
    return await call.ask((_change(call, found, query),), data, question, card, danger=True)


def _change(call: CalendarCall, found: Sequence[EventMatch], query: EventQuery) -> Change:
    """Make the change that deletes what was found.

    If the search named a day, only that day of a repetition is deleted.
    """
    once = query.when.days is not None or query.when.moment is not None
    before: dict[str, CalendarEvent] = {}
    after: dict[str, CalendarEvent] = {}
    for match in found:
        event, each = match.event, match.occurrence
        before[event.event_id] = event
        if event.repeat and once and each is not None and not (query.wants_all and len(found) == 1):
            kept = after.get(event.event_id, event)
            after[event.event_id] = msgspec.structs.replace(kept, skipped=(*kept.skipped, each.original))
    if len(found) > 1:
        data = {"status": "deleted", "count": str(len(found))}
        return Change(
            before=tuple(before.values()),
            after=tuple(after.values()),
            data=data,
            text=f"Deleted {len(found)} events.",
            undo=True,
        )
    match = found[0]
    data = {"status": "deleted", "title": match.event.title}
    data |= {"when": call.match_time_text(match)} if match.occurrence else {}
    if match.event.repeat and not after:
        data["repeat"] = recurrence_text(match.event.repeat)
    data |= {"kind": "reminder"} if match.event.reminder else {}
    repeats = f" ({data['repeat']})" if "repeat" in data else ""
    return Change(
        before=tuple(before.values()),
        after=tuple(after.values()),
        data=data,
        text=f"I've deleted {call.match_text(match)}{repeats}.",
        undo=True,
        label=call.match_text(match),
    )
