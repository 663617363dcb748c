"""Says which events a tool acts on: those that fit, the one that "it" means, or one of those listed last.

Where none fits, or several where one is meant, the replies here say so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from llmagent_os.languages import gettext
from llmagent_os.plugin import ToolResult
from llmagent_os.plugins.calendar.calendar_call import CalendarCall
from llmagent_os.plugins.calendar.calendar_event import CalendarEvent
from llmagent_os.plugins.calendar.event_query import OTHERS, EventQuery
from llmagent_os.plugins.calendar.event_search import (
    choose,
    fits_query,
    is_of_kind,
    most_similar_event,
    search_events,
    searched_period,
)
from llmagent_os.plugins.calendar.event_words import is_generic
from llmagent_os.plugins.calendar.person_clock import EventMatch
from llmagent_os.plugins.calendar.phrasing import with_preposition

MAX_CHOICES = 8  #: candidates with a button in "Which one?"


async def chosen_events(call: CalendarCall, events: Sequence[CalendarEvent], query: EventQuery) -> list[EventMatch]:
    """Return the events that a tool acts on, sorted; without any words, the one that "it" means."""
    if query.is_empty:
        return await focused_event(call, events) or await _listed_events(call, events)
    if not query.among_listed:
        fitting = search_events(call, events, query)
        if not fitting and query.title and query.names_a_time and is_generic(query.title):  # "friday's meeting"
            fitting = search_events(call, events, replace(query, title=""))
        return fitting
    listed = await _listed_events(call, events)
    if query.which == OTHERS:
        focus = await call.store.focus()
        listed = [match for match in listed if match.event.event_id != focus]
    fitting = listed if query.about or query.when else choose(listed, query.which)
    if query.about or query.when:
        keys = {_key(match) for match in search_events(call, events, query)}
        fitting = [match for match in listed if _key(match) in keys]
    return [match for match in fitting if is_of_kind(match.event, query.kind) and fits_query(match.event, query)]


async def keep_listed(call: CalendarCall, found: Sequence[EventMatch]) -> None:
    """Remember what a reply lists, for "the second one" and "cancel them all"."""
    await call.store.keep_listed([_key(match) for match in found])
    focus = await call.store.focus()
    if len(found) > 1 and focus not in {match.event.event_id for match in found}:
        await call.store.focus_on(None)  # "it" is none of the others from now on


async def _listed_events(call: CalendarCall, events: Sequence[CalendarEvent]) -> list[EventMatch]:
    """What was listed last and is still as it was, in its order; without a list, the event that "it" means."""
    listed = await call.store.listed()
    if not listed:
        return await focused_event(call, events)
    known = {event.event_id: event for event in events}
    found: list[EventMatch] = []
    for event_id, start in listed:
        event = known.get(event_id)
        matches = _times(call, event) if event is not None else []
        same = [match for match in matches if _key(match) == (event_id, start)]
        found += (same or ([] if event is None or event.repeat else matches))[:1]  # it was moved since
    return found


def _times(call: CalendarCall, event: CalendarEvent) -> list[EventMatch]:
    if event.start is None:
        return [EventMatch(event, None)]
    return call.matches_within([event], [call.around_now])


def _key(match: EventMatch) -> tuple[str, str]:
    return match.event.event_id, match.occurrence.original.isoformat() if match.occurrence else ""


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
    if query.among_listed and not query.about:
        return ToolResult({"status": "missing", "need": "event"}, "Which one do you mean?")
    period = searched_period(call, query)
    if query.kind:  # an event with these words is no reminder: to offer it would offer something else
        about = f" about {query.about}" if query.about else ""
        data = {"status": "not_found", "kind": query.kind} | ({"about": query.about} if query.about else {})
        if query.kind == "reminder" and not about and not period:
            return ToolResult(data, gettext("I found no reminder."), word_for_word=True)
        return ToolResult(data, f"I found no {query.kind}{about}{with_preposition(period)}.", word_for_word=True)
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
