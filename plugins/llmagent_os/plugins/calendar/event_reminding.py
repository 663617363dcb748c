"""Reminds of an event some time before it: the tool ``remind_before``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC

import msgspec

from llmagent_os.plugin import ToolResult
from llmagent_os.plugins.calendar.calendar_call import CalendarCall
from llmagent_os.plugins.calendar.calendar_event import CalendarEvent, stable_id
from llmagent_os.plugins.calendar.event_change import Change
from llmagent_os.plugins.calendar.event_choice import MAX_CHOICES, chosen_events, not_found_reply, which_one_question
from llmagent_os.plugins.calendar.event_creation import MAX_TITLE_CHARACTERS
from llmagent_os.plugins.calendar.event_query import EventQuery, event_query
from llmagent_os.plugins.calendar.lead_reminders import DAY_MINUTES, lead_reminder, lead_text, parse_lead
from llmagent_os.plugins.calendar.person_clock import EventMatch
from llmagent_os.plugins.calendar.phrasing import capitalized, moment_text
from llmagent_os.plugins.calendar.reminder_timers import next_ring
from llmagent_os.plugins.calendar.time.recurrence import recurrence_text
from llmagent_os.plugins.calendar.time.time_errors import TimeExpressionError

#: What is offered where the person did not say how long before, in minutes.
LONGEST_SAID = 6 * 60  #: minutes: a longer lead is told by its moment, unless it is a number of days
USUAL_LEADS = (10, 30, 60, DAY_MINUTES)


@dataclass(frozen=True)
class _Wish:
    """What the person said of the reminder."""

    lead: str  #: how long before; empty: not said
    about: str  #: what it says; empty: the event's title
    instead: bool  #: it takes the place of the event's other reminders


async def remind_before(call: CalendarCall, given: Mapping[str, str | None]) -> ToolResult:
    """Set a reminder before the event that the arguments name, or else before the one that "it" means."""
    before = await call.done_before()
    if before is not None:
        return before
    try:
        query = event_query(call, given)
    except TimeExpressionError as error:
        return call.unclear_reply(error)
    every = await call.store.events()
    events = [event for event in every if not event.leads_to]
    found = await chosen_events(call, events, query) or await _reminded_of(call, query, every)
    dated = [match for match in found if match.occurrence is not None]
    if not dated:
        if query.is_empty or found:
            return ToolResult({"status": "missing", "need": "event"}, "Which event should I remind you of?")
        return not_found_reply(call, events, query)
    if len({match.event.event_id for match in dated}) == 1:
        dated = dated[:1]
    try:
        about = " ".join((given.get("new_title") or "").split())[:MAX_TITLE_CHARACTERS]
        result = await _remind(
            call, dated, query, _Wish(given.get("lead") or "", about, bool(given.get("instead"))), every
        )
    except TimeExpressionError as error:
        return call.unclear_reply(error, title=dated[0].event.title)
    if len(dated) == 1:
        await call.store.focus_on(dated[0].event)  # "it" is the event, and not its reminder
    return result


async def _reminded_of(call: CalendarCall, query: EventQuery, events: Sequence[CalendarEvent]) -> list[EventMatch]:
    """The event of the reminder that "it" means."""
    focus = await call.store.focus() if query.is_empty else None
    main = next((event.leads_to for event in events if event.event_id == focus and event.leads_to), None)
    return call.upcoming([event for event in events if event.event_id == main])


async def _remind(
    call: CalendarCall, found: Sequence[EventMatch], query: EventQuery, wish: _Wish, events: Sequence[CalendarEvent]
) -> ToolResult:
    said = wish.lead
    if len(found) > 1:
        if not said:
            return ToolResult({"status": "missing", "need": "event"}, "Which event should I remind you of?")
        options = tuple(
            _change(call, match, query, _lead(match, said), wish.about, str(at)) for at, match in enumerate(found)
        )
        data, _ = which_one_question(call, found, query, "remind you of")
        question = f"{data['count']} events fit: {data['events']}. Which one should I remind you of?"
        return await call.ask(options[:MAX_CHOICES], data, question)
    match = found[0]
    if not said:
        leads = [lead for lead in USUAL_LEADS if not match.event.all_day or lead % DAY_MINUTES == 0]
        changes = (_change(call, match, query, lead, wish.about, str(lead)) for lead in leads)
        options = tuple(
            msgspec.structs.replace(change, label=capitalized(f"{lead_text(lead)} before"))
            for lead, change in zip(leads, changes, strict=True)
            if change.after
        )
        if options:
            data = {"status": "missing", "need": "lead", "title": match.event.title, "kind": "reminder"}
            question = f"How long before {call.match_text(match)} should I remind you?"
            return msgspec.structs.replace(await call.ask(options, data, question), word_for_word=True)
    lead = _lead(match, said)
    change = _change(call, match, query, lead, wish.about, "")
    if any(event.leads_to == match.event.event_id and event.lead == lead and not wish.about for event in events):
        data = change.data | {"status": "unchanged"}
        return ToolResult(data, f"I already remind you {_how_long(match.event, lead)}.", word_for_word=True)
    if not change.after:
        return ToolResult(dict(change.data), change.text, word_for_word=True)
    others = tuple(event for event in events if event.leads_to == match.event.event_id) if wish.instead else ()
    if wish.instead and not others:
        data = {"status": "missing", "need": "event"}
        return ToolResult(data, "Which event should I remind you of?", word_for_word=True)
    change = msgspec.structs.replace(change, before=others)
    text = change.text.removeprefix("I'll remind you ").removesuffix(".")
    return await call.perform(change, f"Shall I remind you {text}?")


def _lead(match: EventMatch, said: str) -> int:
    return parse_lead(said, match.occurrence.start, match.event.minutes) if match.occurrence else 0


def _change(call: CalendarCall, match: EventMatch, query: EventQuery, minutes: int, about: str, salt: str) -> Change:
    """Make the change that sets the reminder; without events if its time is over. Raises TimeExpressionError."""
    event, label = match.event, call.match_text(match)
    once = bool(event.repeat) and (query.when.days is not None or query.when.moment is not None)
    if once and match.occurrence is not None:
        event = msgspec.structs.replace(event, start=match.occurrence.original, repeat="", skipped=())
    created = call.context.now.astimezone(UTC).isoformat(timespec="seconds")
    reminder = lead_reminder(event, minutes, stable_id(call.change_id, salt, "lead"), created)
    reminder = msgspec.structs.replace(
        reminder, title=about or reminder.title, leads_to="" if once else reminder.leads_to
    )
    start, ring = reminder.start or call.now, next_ring(reminder, call.context.now)
    how_long = _how_long(event, minutes)
    data = {"title": reminder.title, "kind": "reminder"}
    if ring is None:
        past = moment_text(start, call.now, all_day=reminder.all_day)
        return Change(
            data={"status": "past", **data, "when": past},
            text=f"That would be {past}, which has already passed, so I set no reminder.",
            label=label,
        )
    when = moment_text(call.to_wall(ring), call.now, all_day=reminder.all_day)
    data |= {"status": "created", "when": when} | ({"repeat": recurrence_text(event.repeat)} if event.repeat else {})
    repeats = f", {data['repeat']}, starting" if event.repeat else ":"
    what = f": {about}" if about else ""
    text = f"I'll remind you {how_long}{repeats} {when}{what}."
    return Change(after=(reminder,), data=data, text=text, undo=True, label=label, word_for_word=True)


def _how_long(event: CalendarEvent, minutes: int) -> str:
    if minutes < 0:
        after = -minutes - event.minutes
        if after < 0:
            return f"{lead_text(-minutes)} after {event.title} starts"
        return f"{lead_text(after)} after {event.title}" if after else f"after {event.title}"
    if minutes > LONGEST_SAID and minutes % DAY_MINUTES:
        return f"of {event.title}"  # "the evening before" is no number of hours to anybody
    return f"{lead_text(minutes)} before {event.title}" if minutes else f"when {event.title} starts"
