"""Changes an event's time, length, title, place, person, notes or repetition: the tool ``move_event``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from llmagent_os.plugin import ToolResult
from llmagent_os.plugins.calendar.agenda import agenda_card, agenda_entries
from llmagent_os.plugins.calendar.calendar_call import CalendarCall
from llmagent_os.plugins.calendar.calendar_event import CalendarEvent, stable_id, uid_of
from llmagent_os.plugins.calendar.change_telling import told_change
from llmagent_os.plugins.calendar.changed_event import changed_event
from llmagent_os.plugins.calendar.changed_repetition import changed_repetition
from llmagent_os.plugins.calendar.event_change import Change
from llmagent_os.plugins.calendar.event_choice import MAX_CHOICES, chosen_events, not_found_reply, which_one_question
from llmagent_os.plugins.calendar.event_creation import create_event
from llmagent_os.plugins.calendar.event_query import EventQuery, event_query
from llmagent_os.plugins.calendar.event_swapping import swap_events
from llmagent_os.plugins.calendar.event_times_text import repeat_text
from llmagent_os.plugins.calendar.lead_reminders import shifted_rule, with_lead_reminders
from llmagent_os.plugins.calendar.open_questions import pending_event
from llmagent_os.plugins.calendar.person_clock import MAX_NAMED_EVENTS, EventMatch
from llmagent_os.plugins.calendar.series_scope import EVERY_TIME, ONE, SERIES, Scope, scope_of
from llmagent_os.plugins.calendar.time.recurrence import recurrence_text
from llmagent_os.plugins.calendar.time.time_errors import TimeExpressionError


async def move_event(call: CalendarCall, given: Mapping[str, str | None]) -> ToolResult:
    """Change the event that the arguments name, or else the event that the conversation touched last."""
    before = await call.done_before()
    if before is not None:
        return before
    if other := given.get("swap_with"):
        return await swap_events(call, given.get("title") or "", other)
    new = {
        key.removeprefix("new_"): value.strip()
        for key, value in given.items()
        if (key.startswith("new_") or key == "instead_of") and value and value.strip()
    }
    try:
        query = event_query(call, given)
    except TimeExpressionError as error:
        return call.unclear_reply(error)
    if query.is_empty and new and (pending := await pending_event(call)):
        return await _change_pending(call, *pending, new)
    if query.is_empty and await call.store.unfinished_event() and {"date", "time", "title", "duration"} & set(new):
        return await create_event(call, new)  # the answer to a question about an unfinished event
    events = await call.store.events()
    found = await chosen_events(call, events, query)
    if not found and query.is_empty:
        return ToolResult({"status": "missing", "need": "event"}, "Which event do you mean?")
    if not found:
        return not_found_reply(call, events, query)
    if len({match.event.event_id for match in found}) == 1:
        found = found[:1]
    if not new:
        return await _nothing_new(call, found, query)
    scope = scope_of(given.get("scope"), call.words)
    try:
        if len(found) == 1:
            return await _move(call, found[0], query, new, events, scope)
        options = tuple(
            _change(call, match, query, new, events, scope, str(number))
            for number, match in enumerate(found[:MAX_CHOICES])
        )
    except TimeExpressionError as error:
        if len(found) > 1:
            return call.unclear_reply(error)
        await call.store.focus_on(found[0].event)
        return call.unclear_reply(error, title=found[0].event.title)
    if query.wants_all:
        return await _move_all(call, options, found)
    data, question = which_one_question(call, found, query, "change")
    return await call.ask(options, data, question)


async def _change_pending(call: CalendarCall, ask_id: str, match: EventMatch, new: Mapping[str, str]) -> ToolResult:
    """Ask again about a new event that waits for a yes, with its new values."""
    try:
        event = changed_event(call, match, new)
    except TimeExpressionError as error:
        return call.unclear_reply(error, title=match.event.title)
    await call.store.close(ask_id)
    when = call.time_text(event, event.start)
    data = {"status": "created", "title": event.title, "when": when} | ({"kind": "reminder"} if event.reminder else {})
    added = "I'll remind you: {}, {}." if event.reminder else "I've added {} for {}."
    question = "Shall I remind you: {}, {}?" if event.reminder else "Shall I add {} for {}?"
    change = Change(after=(event,), data=data, text=added.format(event.title, when), undo=True)
    return await call.ask((change,), {**data, "status": "confirm"}, question.format(event.title, when))


async def _nothing_new(call: CalendarCall, found: Sequence[EventMatch], query: EventQuery) -> ToolResult:
    if len(found) > 1:
        data, _ = which_one_question(call, found, query, "change")
        return ToolResult(
            {"status": "missing", "need": "event"},
            f"{data['count']} events fit: {data['events']}. Which one do you mean?",
        )
    await call.store.focus_on(found[0].event)
    await call.store.keep_asked_to_change(found[0].event.event_id)
    data = {
        "status": "missing",
        "need": "change",
        "title": found[0].event.title,
        "when": call.match_time_text(found[0]),
    }
    return ToolResult(data, f"What should I change about {call.match_text(found[0])}?")


async def _move(
    call: CalendarCall,
    match: EventMatch,
    query: EventQuery,
    new: Mapping[str, str],
    events: Sequence[CalendarEvent],
    scope: Scope,
) -> ToolResult:
    event = match.event
    if event.repeat and not scope and not query.names_a_time and {"time", "end"} & set(new) and "date" not in new:
        return await _ask_scope(call, match, query, new, events)
    change = _change(call, match, query, new, events, scope, "")
    if change.data["status"] == "unchanged":
        await call.store.focus_on(event)
        return ToolResult(dict(change.data), change.text)
    clash = f" It overlaps with {change.data['conflict']}." if "conflict" in change.data else ""
    if "old" in change.data:
        question = f"Shall I move {event.title} from {change.data['old']} to {change.data['when']}?{clash}"
    else:
        question = f"Shall I change {call.match_text(match)} like that?{clash}"
    return await call.perform(change, question)


async def _ask_scope(
    call: CalendarCall,
    match: EventMatch,
    query: EventQuery,
    new: Mapping[str, str],
    events: Sequence[CalendarEvent],
) -> ToolResult:
    """Ask whether one time of a repeated event is meant, or all of them."""
    one = _change(call, match, query, new, events, ONE, "one")
    series = _change(call, match, query, new, events, SERIES, "")
    if one.data["status"] == "unchanged":
        return ToolResult(dict(one.data), one.text)
    day = call.match_day(match)
    options = (
        msgspec.structs.replace(one, label=f"Only {day}"),
        msgspec.structs.replace(series, label=EVERY_TIME),
    )
    repeats = recurrence_text(match.event.repeat)
    data = {"status": "ambiguous", "title": match.event.title, "repeat": repeats, "when": one.data["when"]}
    question = f"{match.event.title} repeats {repeats}. Should I change it only {day}, or every time?"
    return msgspec.structs.replace(await call.ask(options, data, question), word_for_word=True)


async def _move_all(call: CalendarCall, options: Sequence[Change], found: Sequence[EventMatch]) -> ToolResult:
    """Ask whether to change all that were meant, as one change."""
    changes = [option for option in options if option.data["status"] != "unchanged"]
    if not changes:
        return ToolResult(dict(options[0].data), options[0].text)
    whole = Change(
        before=tuple(event for change in changes for event in change.before),
        after=tuple(event for change in changes for event in change.after),
        data={"status": "moved", "count": str(len(changes))},
        text=" ".join(change.text for change in changes),
        undo=True,
        word_for_word=True,
    )
    data, names = call.summary(found)
    shown = f": {names}" if len(found) <= MAX_NAMED_EVENTS else ""
    question = f"That changes {len(changes)} events{shown}. Shall I do it?"
    card = None if shown else agenda_card(call, agenda_entries(found))
    return await call.ask((whole,), {**data, "status": "confirm"}, question, card)


def _change(
    call: CalendarCall,
    match: EventMatch,
    query: EventQuery,
    new: Mapping[str, str],
    events: Sequence[CalendarEvent],
    scope: Scope,
    salt: str,
) -> Change:
    """Make the change to the values of ``new``. Raises TimeExpressionError."""
    event, start = match.event, match.occurrence.start if match.occurrence else None
    moved = changed_event(call, match, new)
    wanted = changed_repetition(call, moved, new["repeat"]) if "repeat" in new else None
    dated = query.names_a_time or "date" in new
    alone = bool(event.repeat and wanted is None and moved.start is not None) and (
        scope == ONE or (dated and scope != SERIES)
    )
    repeats = ""
    if alone and match.occurrence:
        kept = msgspec.structs.replace(event, skipped=(*event.skipped, match.occurrence.original))
        moved = msgspec.structs.replace(
            moved,
            event_id=stable_id(call.change_id, salt),
            repeat="",
            skipped=(),
            uid=uid_of(event),
            instance=match.occurrence.original,
        )
        after: tuple[CalendarEvent, ...] = (moved, kept)
    elif event.repeat and match.occurrence and event.start and moved.start and start:
        series = _moved_series(event, moved, moved.start - start, shift_rule=wanted is None)
        if wanted is not None:
            series, bounded = wanted.of(series, match.occurrence.original + (moved.start - start))
            moved = msgspec.structs.replace(moved, start=wanted.first(moved.start))
            if series.repeat != event.repeat or bounded.skipped:
                repeats = repeat_text(bounded.rule, bounded.skipped, call.today)
        elif series.repeat != event.repeat:
            repeats = recurrence_text(series.repeat)
        after = (series,)
    elif wanted is not None and moved.start is not None:
        moved, bounded = wanted.of(moved, moved.start)
        repeats = repeat_text(bounded.rule, bounded.skipped, call.today)
        after = (moved,)
    else:
        after = (moved,)
    change = told_change(call, match, moved, repeats, events)
    if change.data["status"] == "unchanged":
        return change
    change = msgspec.structs.replace(change, before=(event,), after=after)
    if alone:
        change = msgspec.structs.replace(change, text=f"{change.text} The other times stay.", word_for_word=True)
    return with_lead_reminders(change, events)


def _moved_series(event: CalendarEvent, moved: CalendarEvent, by: timedelta, *, shift_rule: bool) -> CalendarEvent:
    """The whole repetition, moved by the same amount as one of its times."""
    start = event.start or datetime.min
    days = (moved.start.date() - (moved.start - by).date()).days if moved.start else 0
    return msgspec.structs.replace(
        moved,
        start=start + by,
        zone=event.zone,
        repeat=_shifted(event.repeat, days) if shift_rule else event.repeat,
        skipped=tuple(skip + by for skip in event.skipped),
    )


def _shifted(rule: str, days: int) -> str:
    try:
        return shifted_rule(rule, days)
    except ValueError:
        raise TimeExpressionError("unknown", "repeat", recurrence_text(rule)) from None
