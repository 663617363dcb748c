"""Answers a question about events that were found: how long, how many, where, until when, with whom, what else.

The argument ``asked`` of the tool ``list_events`` names the question. Without it, events are listed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from textwrap import shorten

from llmagent_os.markup.word_list import join_words
from llmagent_os.plugin import ToolResult
from llmagent_os.plugins.calendar.calendar_call import CalendarCall
from llmagent_os.plugins.calendar.event_choice import keep_listed
from llmagent_os.plugins.calendar.event_query import EventQuery
from llmagent_os.plugins.calendar.lead_reminders import lead_text
from llmagent_os.plugins.calendar.person_clock import EventMatch
from llmagent_os.plugins.calendar.phrasing import capitalized, clock_text, day_text, with_preposition
from llmagent_os.plugins.calendar.time.text_normalization import normalize

#: Most events about which one question is answered.
MAX_ANSWERS = 5
MAX_NOTES_CHARACTERS = 300  #: of notes that are told among other things

#: Who an event is with, where only its title says so: "lunch with Bob", "call mom".
_WITH = re.compile(r"(?P<what>.*?)\b(?:with|w/) (?P<who>.+)", re.I)
_CALLED = re.compile(r"(?P<what>call|phone|ring|meet)(?: up)? (?P<who>.+)", re.I)


async def answer_about(call: CalendarCall, asked: str, found: Sequence[EventMatch], period: str) -> ToolResult | None:
    """Answer a question about what was found. None: ``asked`` is no such question.

    Args:
        call: the tool's call.
        asked: a key of :data:`ANSWERS`, or ``count``.
        found: one or more events.
        period: what was searched, in words; empty: all that is to come.
    """
    if asked == "count":
        data, names = call.summary(found)
        noun = "event" if len(found) == 1 else "events"
        where = with_preposition(period) or " coming up"
        text = f"You have {len(found)} {noun}{where}: {names}."
        result = ToolResult({"status": "listed", **data}, text, word_for_word=True)
        await keep_listed(call, found)
    elif asked == "person" and (len(found) > 1 or period):
        data, _ = call.summary(found)
        text = _people_met(call, found, period)
        result = ToolResult({"status": "listed", **data}, text, word_for_word=True)
    elif answer := ANSWERS.get(asked):
        told = [answer(call, match) for match in found[:MAX_ANSWERS]]
        data, _ = call.summary(found)
        result = ToolResult({"status": "listed", **data}, " ".join(map(capitalized, told)), word_for_word=True)
    else:
        return None
    if len(found) == 1:
        await call.store.focus_on(found[0].event)
    return result


async def last_change_told(call: CalendarCall) -> ToolResult:
    """Say what this conversation did last: "what did I just add?"."""
    found = await call.store.last_change()
    if found is None:
        text = "I haven't added or changed anything in this conversation yet."
        return ToolResult({"status": "empty"}, text, word_for_word=True)
    change = found[1]
    names = join_words(list(dict.fromkeys(event.title for event in change.after or change.before))[:MAX_ANSWERS])
    now = [event for event in change.after if not event.leads_to] or list(change.after)
    if not change.after:
        text = f"You deleted {names}."
    elif not change.before and all(event.leads_to for event in now):
        told = [f"{event.title}, {call.time_text(event, event.start)}" for event in now[:MAX_ANSWERS]]
        text = f"You added a reminder: {'; '.join(told)}."
    else:
        verb = "changed" if change.before else "added"
        told = [f"{event.title}, {call.time_text(event, event.start)}" for event in now[:MAX_ANSWERS]]
        text = f"You {verb} {join_words(told) if len(told) == 1 else '; '.join(told)}."
    return ToolResult({"status": "listed", "title": names}, text, word_for_word=True)


def until_day(call: CalendarCall, query: EventQuery) -> ToolResult:
    """Say how long it is until a day: "how many weeks until christmas?"."""
    if query.when.days is None:
        return ToolResult({"status": "unclear"}, "Which day do you mean?", word_for_word=True)
    day = query.when.days.first
    days = (day - call.today).days
    weeks, rest = divmod(days, 7)
    parts = [
        f"{number} {unit}{'' if number == 1 else 's'}" for number, unit in ((weeks, "week"), (rest, "day")) if number
    ]
    also = f" ({join_words(parts)})" if weeks else ""
    told = "is today" if days == 0 else f"is in {days} day{'' if days == 1 else 's'}{also}"
    text = capitalized(f"{day_text(day, call.today)} {told if days >= 0 else 'is over'}.")
    return ToolResult({"status": "listed"}, text, word_for_word=True)


def _length(call: CalendarCall, match: EventMatch) -> str:
    event, each = match.event, match.occurrence
    if each is None or event.reminder or not event.minutes:
        return f"{event.title} is a reminder, so it has no length."
    if event.all_day and event.minutes == 1440:
        return f"{event.title} is all day, {call.match_day(match)}."
    day = f"{call.match_day(match)} from {clock_text(each.start)} to {clock_text(each.end)}"
    when = call.match_time_text(match) if event.all_day or event.minutes >= 1440 else day
    return f"{event.title} lasts {lead_text(event.minutes)}: {when}."


def _place(call: CalendarCall, match: EventMatch) -> str:
    event = match.event
    if event.place:
        return f"{event.title} is at {event.place}, {call.match_time_text(match)}."
    return f"There is no place noted for {call.match_text(match)}."


def _start(call: CalendarCall, match: EventMatch) -> str:
    return f"{match.event.title} is {_when(call, match)}."


def _when(call: CalendarCall, match: EventMatch) -> str:
    return call.match_time_text(match) if match.occurrence else "a reminder without a date"


def _end(call: CalendarCall, match: EventMatch) -> str:
    if match.occurrence is None or match.event.all_day:
        return f"{match.event.title} is {_when(call, match)}."
    day = call.match_day(match)
    return f"{match.event.title} ends {day} at {clock_text(match.occurrence.end)}."


def _person(call: CalendarCall, match: EventMatch) -> str:
    who, _ = _company(match)
    if who:
        return f"{match.event.title} is with {who}, {_when(call, match)}."
    return f"Nobody is noted for {call.match_text(match)}."


def _people_met(call: CalendarCall, found: Sequence[EventMatch], period: str) -> str:
    """Say who the person meets: ``You're meeting Priya (team meeting, 3 PM) on Thursday 26 November.``"""
    where = with_preposition(period)
    with_somebody = [match for match in found if _company(match)[0]]
    if not with_somebody:
        names = call.summary(found)[1]
        return f"I know of nobody that you are meeting{where}. You have {names}."
    days = {match.occurrence.start.date() if match.occurrence else None for match in with_somebody}
    told = [_met(call, match, same_day=bool(period) and len(days) == 1) for match in with_somebody[:MAX_ANSWERS]]
    more = len(with_somebody) - len(told)
    return f"You're meeting {join_words([*told, *([f'{more} more'] if more else [])])}{where}."


def _met(call: CalendarCall, match: EventMatch, *, same_day: bool) -> str:
    who, what = _company(match)
    start = match.occurrence.start if match.occurrence else None
    timed = start is not None and not match.event.all_day
    when = (clock_text(start) if timed and start else "") if same_day else _when(call, match)
    about = ", ".join(filter(None, (what, when)))
    return f"{who} ({about})" if about else who


def _company(match: EventMatch) -> tuple[str, str]:
    """Who an event is with, and what it is besides. Both may be empty."""
    title, person = match.event.title, match.event.person
    found = _WITH.fullmatch(title) or _CALLED.fullmatch(title)
    if found and (not person or normalize(person) in normalize(found["who"])):
        return found["who"].strip(), found["what"].strip()
    return person, title


def _until(call: CalendarCall, match: EventMatch) -> str:
    if match.occurrence is None:
        return f"{match.event.title} has no date."
    start = match.occurrence.start
    if start <= call.now:
        return f"{match.event.title} has already begun."
    if match.event.all_day or start - call.now >= timedelta(days=2):
        days = (start.date() - call.today).days
        how_long = f"in {days} day{'s' if days != 1 else ''}"
    else:
        how_long = f"in {lead_text(round((start - call.now).total_seconds() / 60))}"
    return f"{match.event.title} is {how_long}: {_when(call, match)}."


def _everything(call: CalendarCall, match: EventMatch) -> str:
    event = match.event
    place = f" at {event.place}" if event.place else ""
    person = f" with {event.person}" if event.person and normalize(event.person) not in normalize(event.title) else ""
    lasts = f", {lead_text(event.minutes)}" if match.occurrence and event.minutes and not event.all_day else ""
    notes = shorten(event.notes, MAX_NOTES_CHARACTERS, placeholder="…")
    note = f" Note: {notes}." if notes else ""
    return f"{event.title}{person}{place}: {_when(call, match)}{lasts}.{note}"


def _notes(call: CalendarCall, match: EventMatch) -> str:
    notes = match.event.notes
    return f"Noted for {match.event.title}: {notes}." if notes else f"There is no note for {call.match_text(match)}."


#: What a question is called, and what answers it.
ANSWERS: Mapping[str, Callable[[CalendarCall, EventMatch], str]] = {
    "length": _length,
    "place": _place,
    "start": _start,
    "end": _end,
    "person": _person,
    "until": _until,
    "notes": _notes,
    "details": _everything,
}
