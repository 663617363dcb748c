"""Deletes events: the tool ``delete_event``. Several events are deleted only after a question."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import msgspec

from llmagent_os.plugin import ToolResult
from llmagent_os.plugins.calendar.agenda import agenda_card, agenda_entries
from llmagent_os.plugins.calendar.calendar_call import CalendarCall
from llmagent_os.plugins.calendar.calendar_event import CalendarEvent
from llmagent_os.plugins.calendar.event_change import Change
from llmagent_os.plugins.calendar.event_choice import (
    MAX_CHOICES,
    chosen_events,
    not_found_reply,
    which_one_question,
)
from llmagent_os.plugins.calendar.event_query import EventQuery, event_query
from llmagent_os.plugins.calendar.event_search import searched_period
from llmagent_os.plugins.calendar.event_words import fits_words
from llmagent_os.plugins.calendar.lead_reminders import with_lead_reminders
from llmagent_os.plugins.calendar.person_clock import MAX_NAMED_EVENTS, EventMatch
from llmagent_os.plugins.calendar.phrasing import with_preposition
from llmagent_os.plugins.calendar.series_scope import EVERY_TIME, ONE, SERIES, Scope, scope_of
from llmagent_os.plugins.calendar.time.recurrence import recurrence_text
from llmagent_os.plugins.calendar.time.time_errors import TimeExpressionError

_MANY = re.compile(
    r"\b(all|every|everything|both|each|any|whole|entire|clear|wipe|empty|events|meetings|appointments|reminders"
    r"|calls|plans|schedule)\b",
    re.I,
)

#: "Delete all standups" may be said of a repetition without a thought of its many times; "the whole series" is not.
_EVERY_ONE = re.compile(r"\b(?:all|every|each|any)\b(?! but\b| except\b)", re.I)


async def delete_event(call: CalendarCall, given: Mapping[str, str | None]) -> ToolResult:
    """Delete the events that fit the arguments."""
    before = await call.done_before()
    if before is not None:
        return before
    try:
        query = event_query(call, given)
    except TimeExpressionError as error:
        return call.unclear_reply(error)
    if given.get("besides") and query.among_listed and not await call.store.listed():
        query = replace(query, among_listed=False)  # "all but the dentist", where nothing was listed
    every = await call.store.events()
    events = every
    if re.search(r"\breminders?\b", call.words, re.I) and not query.about and not query.kind:
        events = [event for event in events if event.reminder]
    found = await chosen_events(call, events, query)
    if not found and query.is_empty:
        return ToolResult({"status": "missing", "need": "event"}, "Which event should I delete?")
    if not found:
        return not_found_reply(call, events, query)
    if besides := given.get("besides"):
        kept = _kept(found, besides)
        if not kept and not any(fits_words(event, name) for event in every for name in _names(besides)):
            data = {"status": "not_found", "about": besides}
            return ToolResult(data, f"I found no {besides} to keep, so I deleted nothing.", word_for_word=True)
        found = [match for match in found if match not in kept]
        query = replace(query, which="") if len(found) == 1 else query  # one event needs no question
    if change_id := given.get("instead_of"):
        return await _instead(call, change_id, found, query)
    # "All of tomorrow" says nothing of the other days of what repeats.
    text = "" if query.wants_all and query.names_a_time else call.words
    return await _delete(call, found, query, every, scope_of(given.get("scope"), text))


async def _instead(call: CalendarCall, change_id: str, found: Sequence[EventMatch], query: EventQuery) -> ToolResult:
    """Delete what was meant in place of what an earlier change deleted, and put that back."""
    undone = await call.store.undo(change_id)
    result = await _delete(call, found, query, await call.store.events(), scope_of(None, ""))
    if undone is None or not undone.before:
        return result
    text = f"I've put {undone.before[0].title} back. {result.text}"
    return msgspec.structs.replace(result, text=text, word_for_word=True)


def _kept(found: Sequence[EventMatch], besides: str) -> list[EventMatch]:
    """What stays of what was found: all events with the words of one of the names in ``besides``."""
    return [match for match in found if any(fits_words(match.event, name) for name in _names(besides))]


def _names(besides: str) -> list[str]:
    return [name for name in re.split(r",| and | or |&", besides) if name.strip()]


async def _delete(
    call: CalendarCall, found: Sequence[EventMatch], query: EventQuery, events: Sequence[CalendarEvent], scope: Scope
) -> ToolResult:
    if not found:
        return ToolResult({"status": "empty"}, "There is nothing else, so I deleted nothing.", word_for_word=True)
    if len(found) == 1 and not (query.wants_all and not query.about):
        event = found[0].event
        if event.repeat and not scope and not query.names_a_time:
            return await _ask_scope(call, found[0], query, events)
        if event.repeat and query.wants_all and _EVERY_ONE.search(call.words) and not query.names_a_time:
            return await _ask_series(call, found[0], query, events)
        change = _change(call, found, query, events, scope)
        return await call.perform(change, f"Shall I delete {call.match_text(found[0])}?")
    return await _several(call, found, query, events, scope)


async def _ask_scope(
    call: CalendarCall, match: EventMatch, query: EventQuery, events: Sequence[CalendarEvent]
) -> ToolResult:
    """Ask whether one time of a repeated event is meant, or all of them."""
    one = msgspec.structs.replace(_change(call, [match], query, events, ONE), label=f"Only {call.match_day(match)}")
    series = msgspec.structs.replace(_change(call, [match], query, events, SERIES), label=EVERY_TIME)
    repeats = recurrence_text(match.event.repeat)
    data = {"status": "ambiguous", "title": match.event.title, "repeat": repeats, "when": call.match_time_text(match)}
    question = f"{match.event.title} repeats {repeats}. Should I delete it only {call.match_day(match)}, or every time?"
    result = await call.ask((one, series), data, question)
    return msgspec.structs.replace(result, word_for_word=True)


async def _ask_series(
    call: CalendarCall, match: EventMatch, query: EventQuery, events: Sequence[CalendarEvent]
) -> ToolResult:
    """Ask before all times of a repeated event are deleted: they are many events, as "all" of others are."""
    repeats = recurrence_text(match.event.repeat)
    data = {"status": "confirm", "title": match.event.title, "repeat": repeats}
    question = f"That deletes every {match.event.title} ({repeats}). Are you sure?"
    result = await call.ask((_change(call, [match], query, events, SERIES),), data, question)
    return msgspec.structs.replace(result, word_for_word=True)


async def _several(
    call: CalendarCall, found: Sequence[EventMatch], query: EventQuery, events: Sequence[CalendarEvent], scope: Scope
) -> ToolResult:
    ranged = query.when.days is not None and not query.when.days.single
    one_series = len({match.event.event_id for match in found}) == 1
    meant = query.wants_all or one_series or (not query.about and (ranged or _MANY.search(call.words) is not None))
    meant = meant or (
        bool(query.title) and query.title.casefold().endswith("s") and _MANY.search(query.title) is not None
    )
    if not meant:
        data, question = which_one_question(call, found, query, "delete")
        options = tuple(_change(call, [match], query, events, scope) for match in found[:MAX_CHOICES])
        return await call.ask(options, data, question)
    data, names = call.summary(found, query.day)
    period = searched_period(call, query)
    data = (
        {"status": "confirm", **data, "count": f"{len(found)} events"}
        | ({"when": period} if period else {})
        | ({"about": query.about} if query.about else {})
    )
    entries = agenda_entries(found)
    shown = f": {names}" if len(found) <= MAX_NAMED_EVENTS else ""
    what = f"{len(found)} events" if len(found) > 1 else "the only event"
    question = f"That deletes {what}{with_preposition(period)}{shown}. Are you sure?"
    card = None if shown else agenda_card(call, entries, query.day)
    many = len(found) > MAX_NAMED_EVENTS  # few events are named in the question, and come back with Undo
    return await call.ask((_change(call, found, query, events, scope),), data, question, card, danger=many)


def _stays(call: CalendarCall, match: EventMatch, query: EventQuery, events: Sequence[CalendarEvent]) -> str:
    """Say that the event stays of which only the reminder is deleted; empty: there is none."""
    if query.kind != "reminder" or not query.title:
        return ""
    named = [event for event in events if not event.reminder and fits_words(event, query.title)]
    kept = next(iter(call.upcoming(named)), None)
    return f" {call.match_text(kept)}, stays." if kept is not None else ""


def _change(
    call: CalendarCall, found: Sequence[EventMatch], query: EventQuery, events: Sequence[CalendarEvent], scope: Scope
) -> Change:
    """Make the change that deletes what was found, with the reminders that come before it.

    Of a repeated event only one time is deleted where ``scope`` says so, or where the search named a day.
    """
    once = scope == ONE or (query.names_a_time and scope != SERIES)
    before: dict[str, CalendarEvent] = {}
    after: dict[str, CalendarEvent] = {}
    for match in found:
        event, each = match.event, match.occurrence
        before[event.event_id] = event
        if event.repeat and once and each is not None:
            kept = after.get(event.event_id, event)
            after[event.event_id] = msgspec.structs.replace(kept, skipped=(*kept.skipped, each.original))
    match = found[0]
    if len(found) > 1:
        data, text = {"status": "deleted", "count": str(len(found))}, f"Deleted {len(found)} events."
    else:
        data = {"status": "deleted", "title": match.event.title}
        data |= {"when": call.match_time_text(match)} if match.occurrence else {}
        data |= {"repeat": recurrence_text(match.event.repeat)} if match.event.repeat and not after else {}
        data |= {"kind": "reminder"} if match.event.reminder else {}
        repeats = f" ({data['repeat']})" if "repeat" in data else ""
        others = " The other times stay." if after else ""
        what = "the reminder about " if match.event.reminder and query.kind == "reminder" else ""
        text = f"I've deleted {what}{call.match_text(match)}{repeats}.{others}{_stays(call, match, query, events)}"
    change = Change(
        before=tuple(before.values()),
        after=tuple(after.values()),
        data=data,
        text=text,
        undo=True,
        label=call.match_text(match) if len(found) == 1 else "",
        word_for_word=bool(after) or match.event.reminder,
    )
    return with_lead_reminders(change, events)
