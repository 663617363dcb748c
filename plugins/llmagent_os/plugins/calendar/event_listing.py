"""Lists events and answers "am I free?": the tool ``list_events``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

import msgspec

from llmagent_os.plugin import ToolResult
from llmagent_os.plugins.calendar.agenda import (
    MAX_SENTENCE_EVENTS,
    AgendaEntry,
    agenda_card,
    agenda_entries,
    entries_data,
    entries_text,
    entry_text,
    repetition_text,
)
from llmagent_os.plugins.calendar.calendar_call import CalendarCall
from llmagent_os.plugins.calendar.calendar_event import CalendarEvent
from llmagent_os.plugins.calendar.event_answers import ANSWERS, answer_about, last_change_told, until_day
from llmagent_os.plugins.calendar.event_choice import chosen_events, keep_listed
from llmagent_os.plugins.calendar.event_order import AROUND, OF_TWO, around_event, of_two
from llmagent_os.plugins.calendar.event_query import EventQuery, event_query
from llmagent_os.plugins.calendar.event_search import is_of_kind, last_past_event, search_events, searched_period
from llmagent_os.plugins.calendar.event_words import is_generic
from llmagent_os.plugins.calendar.free_gaps import free_gaps
from llmagent_os.plugins.calendar.open_questions import waiting_text
from llmagent_os.plugins.calendar.person_clock import EventMatch
from llmagent_os.plugins.calendar.phrasing import period_text, with_preposition
from llmagent_os.plugins.calendar.time.time_errors import TimeExpressionError
from llmagent_os.plugins.calendar.time.time_expressions import ONE_HOUR

_FREE = re.compile(r"\b(free|busy|available|availability|booked|open slot|have time|got time|clash|conflict)\b", re.I)
#: What is asked for as "my next …" and is no reminder; a meeting is with somebody, or is called so.
_KIND_OF_EVENT = re.compile(r"\b(?P<meeting>meetings?)\b|\b(?:appointments?|events?)\b", re.I)
_MEETING = re.compile(
    r"\b(meeting|mtg|meet|meet-?up|sync|stand-?up|call|catch-?up|check-?in|interview|review|retro|1:1|1-1|with)\b", re.I
)
_REMINDERS = re.compile(r"\breminders?\b", re.I)


async def list_events(call: CalendarCall, given: Mapping[str, str | None]) -> ToolResult:
    """List the events that fit the arguments, or say whether the person is free."""
    asked = given.get("asked") or ""
    if asked == "added":
        return await last_change_told(call)
    try:
        query = _wanted(call, given)
        if asked == "gaps":
            return free_gaps(call, await call.store.events(), query, given.get("duration"), _period(call, query))
    except TimeExpressionError as error:
        return call.unclear_reply(error)
    if asked == "until day":
        return until_day(call, query)
    if asked in AROUND:
        if told := await around_event(call, await call.store.events(), query, asked):
            return told
        if part := given.get("than"):  # "after lunch", and there is no lunch: a part of the day
            return await list_events(call, {"date": given.get("date"), "time": part, "asked": "events"})
    if asked in OF_TWO and (told := of_two(call, await call.store.events(), query, given.get("than") or "", asked)):
        return told
    free = (asked == "free" if asked else _FREE.search(call.words) is not None) and not query.about
    events = [event for event in await call.store.events() if _counts(event, query, free)]
    found = await _found(call, events, query, asked, free=free)
    period = "the rest of today" if asked == "left" else _period(call, query)
    waiting = waiting_text(call, query, await call.store.open_questions())
    if not found:
        return _with_waiting(_empty(call, query, period, free), waiting)
    answer = await answer_about(call, asked, found, period)
    if answer is not None:
        return _with_waiting(answer, waiting)
    if len(found) == 1:
        await call.store.focus_on(found[0].event)
    await keep_listed(call, found)
    return _with_waiting(_listed(call, query, period, found, free), waiting)


async def _found(
    call: CalendarCall, events: Sequence[CalendarEvent], query: EventQuery, asked: str, *, free: bool
) -> list[EventMatch]:
    """What the question is about. "My next appointment" is the next event, where none is called so."""
    if query.among_listed or (query.is_empty and asked in ANSWERS):
        return await chosen_events(call, events, query)
    if query.which == "next" and not query.person and not query.place and (not query.title or is_generic(query.title)):
        events = _of_the_kind(call, events)
    found = search_events(call, events, query, point=ONE_HOUR if free else timedelta(minutes=1))
    if not found and query.title and not query.person and is_generic(query.title):
        found = search_events(call, events, replace(query, title=""))
    if query.which in ("last", "latest") and not query.when:
        found = last_past_event(call, events, query) or found
    if asked == "left":
        found = [match for match in found if match.occurrence and match.occurrence.end >= call.now]
    if asked in ANSWERS and len({match.event.event_id for match in found}) == 1:
        return found[:1]
    return found


def _of_the_kind(call: CalendarCall, events: Sequence[CalendarEvent]) -> Sequence[CalendarEvent]:
    """Those that "my next meeting" may be: meetings; else events; else all that there is."""
    named = _KIND_OF_EVENT.search(call.words)
    if named is None:
        return events
    coming = {match.event.event_id for match in call.upcoming(events) if not match.event.reminder}
    others = [event for event in events if event.event_id in coming]
    meetings = [event for event in others if named["meeting"] and (event.person or _MEETING.search(event.title))]
    return meetings or others or events


def _with_waiting(result: ToolResult, waiting: str) -> ToolResult:
    if not waiting:
        return result
    return msgspec.structs.replace(result, text=f"{result.text} {waiting}", waiting=waiting)


def _wanted(call: CalendarCall, given: Mapping[str, str | None]) -> EventQuery:
    """Make a search of the arguments. A time alone means today: "am I free at 3"."""
    if not given.get("asked") and not given.get("kind") and _REMINDERS.search(call.words):
        given = {**given, "kind": "reminder"}
    query = event_query(call, given)
    if query.when.time_of_day and not query.when.days and not query.about and not query.among_listed:
        return event_query(call, {**given, "date": "today"})
    return query


def _counts(event: CalendarEvent, query: EventQuery, free: bool) -> bool:
    if free:
        return not event.reminder
    return is_of_kind(event, query.kind)


def _period(call: CalendarCall, query: EventQuery) -> str:
    return (
        period_text(query.when, query.date_said, call.now)
        if query.when.days or query.when.moment
        else searched_period(call, query)
    )


def _empty(call: CalendarCall, query: EventQuery, period: str, free: bool) -> ToolResult:
    data = {"status": "empty"} | ({"when": period} if period else {}) | ({"about": query.about} if query.about else {})
    if free:
        return ToolResult(data | {"free": "yes"}, f"You're free{with_preposition(period)}.")
    things = "reminders" if query.kind == "reminder" else "events"
    if query.about:
        return ToolResult(
            data, f"I found nothing about {query.about}{with_preposition(period) or ' in what is to come'}."
        )
    return ToolResult(data, f"You have no {things}{with_preposition(period) or ' coming up'}.")


def _listed(call: CalendarCall, query: EventQuery, period: str, found: Sequence[EventMatch], free: bool) -> ToolResult:
    entries = agenda_entries(found)
    only = entries[0] if len(entries) == 1 else None
    data = {"status": "listed", **entries_data(call, entries, None if only else query.day)}
    data |= _one_found(call, only, period) if only else {"when": period} if period else {}
    data |= {"about": query.about} if query.about else {}
    data |= {"free": "no"} if free else {}
    if all(match.event.reminder for match in found):
        data["kind"] = "reminder"
    lead = {"reminder": "Your reminder: "}.get(data.get("kind", ""), "You have ")
    if only:
        sentence = _one_text(call, only, data)
        return ToolResult(data, f"You're not free: you have {sentence}." if free else f"{lead}{sentence}.")
    where = with_preposition(period) or ("" if free else " coming up")
    about = f" about {query.about}" if query.about else ""
    noun = "reminders" if data.get("kind") else "events"
    data["count"] = f"{len(entries)} {noun}"
    head = f"You're not free{where}: you have" if free else f"You have {len(entries)} {noun}{about}{where}"
    if len(entries) <= MAX_SENTENCE_EVENTS:
        names = entries_text(call, entries, query.day)
        return ToolResult(data, f"{head} {names}." if free else f"{head}: {names}.")
    text = f"{head} {len(entries)} {noun}." if free else f"{head}."
    return ToolResult(data, text, card=agenda_card(call, entries, query.day))


def _one_found(call: CalendarCall, only: AgendaEntry, period: str) -> dict[str, str]:
    """The keys of the result's data about the only event that was found."""
    event, match = only.event, only.matches[0]
    data = {"title": event.title}
    if only.comes_again:
        data |= {"when": period} if period else {}
    elif match.occurrence:
        data["when"] = call.match_time_text(match)
    data |= {"place": event.place} if event.place else {}
    return data | ({"repeat": repetition_text(event.repeat)} if event.repeat else {})


def _one_text(call: CalendarCall, only: AgendaEntry, data: Mapping[str, str]) -> str:
    place = f" at {only.event.place}" if only.event.place else ""
    if only.comes_again:
        return f"{only.event.title}{place}{entry_text(call, only).removeprefix(only.event.title)}"
    repeats = f" ({data['repeat']})" if "repeat" in data else ""
    when = f", {data['when']}" if "when" in data else ", without a date"
    return f"{only.event.title}{place}{when}{repeats}"
