"""Changes an event's time, length, title, place or repetition: the tool ``move_event``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import msgspec

from llmagent_os.plugin import ToolResult
from llmagent_os.plugins.calendar.calendar_call import CalendarCall, EventMatch
from llmagent_os.plugins.calendar.calendar_event import CalendarEvent, later, stable_id, uid_of
from llmagent_os.plugins.calendar.date_parsing import DateRange
from llmagent_os.plugins.calendar.duration_parsing import Shift, parse_duration, parse_shift
from llmagent_os.plugins.calendar.event_creation import MAX_TITLE_CHARACTERS, create_event
from llmagent_os.plugins.calendar.event_deletion import MAX_CHOICES, focused_event, not_found_reply, which_one_question
from llmagent_os.plugins.calendar.event_search import EventQuery, event_query, search_events
from llmagent_os.plugins.calendar.event_store import Change
from llmagent_os.plugins.calendar.recurrence import parse_recurrence, recurrence_text
from llmagent_os.plugins.calendar.text_normalization import normalize
from llmagent_os.plugins.calendar.time_errors import TimeExpressionError
from llmagent_os.plugins.calendar.time_expressions import TimeExpression, find_slot
from llmagent_os.plugins.calendar.time_parsing import HalfOfDay

_RELATIVE = re.compile(r"\b(by|later|earlier|sooner|back|forward|ahead|up)\b")
_LENGTH = re.compile(r"\b(longer|shorter|extend\w*|extra|more|less|shorten)\b", re.I)
_SAME = ("same time", "the same time", "same day", "the same day")


async def move_event(call: CalendarCall, given: Mapping[str, str | None]) -> ToolResult:
    """Change the event that the arguments name, or else the event that the conversation touched last."""
    before = await call.done_before()
    if before is not None:
        return before
    new = {
        key.removeprefix("new_"): value.strip()
        for key, value in given.items()
        if key.startswith("new_") and value and value.strip()
    }
    try:
        query = event_query(call, *(given.get(key) for key in ("which", "title", "date", "time", "person", "place")))
    except TimeExpressionError as error:
        return call.unclear_reply(error)
    events = await call.store.events()
    if query.is_empty:
        if await call.store.unfinished_event() and {"date", "time", "title", "duration"} & set(new):
            return await create_event(call, new)  # the answer to a question about an unfinished event
        found = await focused_event(call, events)
        if not found:
            return ToolResult({"status": "missing", "need": "event"}, "Which event do you mean?")
    else:
        found = search_events(call, events, query)
        if len(found) > 1 and len({match.event.event_id for match in found}) == 1:
            found = found[:1]
    if not found:
        return not_found_reply(call, events, query)
    if not new:
        return await _nothing_new(call, found, query)
    if len(found) == 1:
        return await _move(call, found[0], query, new, events)
    options: list[Change] = []
    for number, match in enumerate(found[:MAX_CHOICES]):
        try:
            options.append(_change(call, match, query, new, events, str(number)))
        except TimeExpressionError as error:
            return call.unclear_reply(error)
    data, question = which_one_question(call, found, query, "change")
    return await call.ask(tuple(options), data, question)


async def _nothing_new(call: CalendarCall, found: Sequence[EventMatch], query: EventQuery) -> ToolResult:
    if len(found) > 1:
        data, _ = which_one_question(call, found, query, "change")
        return ToolResult(
            {"status": "missing", "need": "event"},
            f"{data['count']} events fit: {data['events']}. Which one do you mean?",
        )
    await call.store.focus_on(found[0].event)
    data = {
        "status": "missing",
        "need": "change",
        "title": found[0].event.title,
        "when": call.match_time_text(found[0]),
    }
    return ToolResult(data, f"What should I change about {call.match_text(found[0])}?")


async def _move(
    call: CalendarCall, match: EventMatch, query: EventQuery, new: Mapping[str, str], events: Sequence[CalendarEvent]
) -> ToolResult:
    title = match.event.title
    try:
        change = _change(call, match, query, new, events, "")
    except TimeExpressionError as error:
        await call.store.focus_on(match.event)
        return call.unclear_reply(error, title=title)
    if change.data["status"] == "unchanged":
        await call.store.focus_on(match.event)
        return ToolResult(dict(change.data), change.text)
    clash = f" It overlaps with {change.data['conflict']}." if "conflict" in change.data else ""
    if "old" in change.data:
        question = f"Shall I move {title} from {change.data['old']} to {change.data['when']}?{clash}"
    else:
        question = f"Shall I change {call.match_text(match)} like that?{clash}"
    return await call.perform(change, question)


def _change(
    call: CalendarCall,
    match: EventMatch,
    query: EventQuery,
    new: Mapping[str, str],
    events: Sequence[CalendarEvent],
    salt: str,
) -> Change:
    """Make the change to the values of ``new``. Raises TimeExpressionError."""
    event, start = match.event, match.occurrence.start if match.occurrence else None
    moved = _at_new_time(call, match, new)
    moved = msgspec.structs.replace(
        moved,
        title=new.get("title", moved.title)[:MAX_TITLE_CHARACTERS],
        place=new.get("place", moved.place)[:MAX_TITLE_CHARACTERS],
    )
    again = parse_recurrence(new["repeat"]).rule if "repeat" in new else event.repeat
    alone = (
        event.repeat
        and "repeat" not in new
        and moved.start is not None
        and (query.when.days is not None or query.when.moment is not None or "date" in new)
    )
    before: tuple[CalendarEvent, ...] = (event,)
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
        by = moved.start - start  # the whole series moves by the same amount
        series = msgspec.structs.replace(
            moved,
            start=event.start + by,
            zone=event.zone,
            repeat=again,
            skipped=tuple(skip + by for skip in event.skipped),
        )
        after = (series,)
    else:
        moved = msgspec.structs.replace(moved, repeat=again)
        after = (moved,)
    return _change_to(call, match, moved, again if not alone else "", before, after, events)


def _change_to(
    call: CalendarCall,
    match: EventMatch,
    moved: CalendarEvent,
    again: str,
    before: tuple[CalendarEvent, ...],
    after: tuple[CalendarEvent, ...],
    events: Sequence[CalendarEvent],
) -> Change:
    event, start = match.event, match.occurrence.start if match.occurrence else None
    old, now = call.time_text(event, start), call.time_text(moved, moved.start)
    data = {"status": "moved", "title": moved.title, "when": now}
    data |= {"old": old} if old != now else {}
    data |= {"old_title": event.title} if moved.title != event.title else {}
    data |= {"place": moved.place} if moved.place != event.place else {}
    data |= {"repeat": recurrence_text(again)} if again and again != event.repeat else {}
    data |= {"kind": "reminder"} if event.reminder else {}
    if not set(data) & {"old", "old_title", "place", "repeat"}:
        text = f"{event.title} is already {now}, so nothing changed."
        return Change(
            data={"status": "unchanged", "title": event.title, "when": now}, text=text, label=call.match_text(match)
        )
    if moved.start and not moved.reminder and not moved.all_day and "old" in data:
        end = later(moved.start, timedelta(minutes=moved.minutes))
        overlapping = call.conflicts(events, moved.start, end, besides=event.event_id)
        data |= {"conflict": call.overlap_text(overlapping, moved.start.date())} if overlapping else {}
    clash = f" It overlaps with {data['conflict']}." if "conflict" in data else ""
    if "old" in data:
        text = f"I've moved {moved.title} to {now}.{clash}"
    else:
        text = (
            f"I've changed {event.title}: it is now {moved.title}{f' at {moved.place}' if moved.place else ''}, {now}."
        )
    if "old" in data and "old_title" in data:
        text = f"I've changed {event.title}: it is now {moved.title}, {now}.{clash}"
    text = text.removesuffix(".") + f", {data['repeat']}." if "repeat" in data else text
    return Change(before=before, after=after, data=data, text=text, label=call.match_text(match), undo=True)


def _at_new_time(call: CalendarCall, match: EventMatch, new: Mapping[str, str]) -> CalendarEvent:
    """Return the event with its new time and length, on the person's wall clock."""
    event, start = match.event, match.occurrence.start if match.occurrence else None
    here = msgspec.structs.replace(event, start=start, zone=call.context.time_zone)
    here = _lengthened(call, here, new)
    if not {"date", "time"} & set(new):
        return here
    by = _shift(call, new)
    if by is not None and start is not None:
        return _shifted(call, here, start, by)
    anchor = start.date() if start else None
    when = call.parse(
        None if new.get("date", "").casefold() in _SAME else new.get("date"),
        None if new.get("time", "").casefold() in _SAME else new.get("time"),
        anchor,
    )
    return _at_time(call, here, start, when)


def _at_time(call: CalendarCall, event: CalendarEvent, start: datetime | None, when: TimeExpression) -> CalendarEvent:
    length = timedelta(minutes=event.minutes)
    half: HalfOfDay | None = None
    if start is not None and not event.all_day:
        half = "am" if start.hour < 12 else "pm"
        if when.days is not None and when.time_of_day is None and when.moment is None:
            days = when.days.first
            if not when.days.single:
                raise TimeExpressionError("ambiguous", "date", f"{when.days.first} to {when.days.last}")
            if days < call.today:
                raise TimeExpressionError("past", "date", str(days), datetime(days.year, days.month, days.day))
            moved = start.replace(year=days.year, month=days.month, day=days.day)
            if moved < call.now:
                raise TimeExpressionError("past", "time", str(moved), moved)
            return msgspec.structs.replace(event, start=moved)
    if start is not None and when.days is None and when.moment is None and when.time_of_day is not None:
        when = replace(when, days=DateRange(start.date(), start.date()))
    known_half = half if when.time_of_day is not None and not when.time_of_day.sure else None
    usual = timedelta() if event.reminder else timedelta(hours=1)
    found = find_slot(
        when, call.now, length=None if event.all_day else length, zone=call.zone, half=known_half, usual_length=usual
    )
    if (
        when.time_of_day is not None
        and when.time_of_day.kind == "range"
        and when.time_of_day.start != when.time_of_day.end
    ):
        said = when.time_of_day.settled(known_half)
        return msgspec.structs.replace(
            event, start=found.start, minutes=said.end - said.start, all_day=False, end_said=True
        )
    whole = found.all_day
    count = round((found.end - found.start).total_seconds() / 60)
    said_end = found.end_said if whole else event.end_said and not event.all_day
    return msgspec.structs.replace(event, start=found.start, minutes=count, all_day=whole, end_said=said_end)


def _shifted(call: CalendarCall, event: CalendarEvent, start: datetime, by: Shift) -> CalendarEvent:
    moved = start + by.by * (by.direction or 1)
    if moved < call.now and start >= call.now:
        raise TimeExpressionError("past", "time", str(moved), moved)
    return msgspec.structs.replace(event, start=moved)


def _shift(call: CalendarCall, new: Mapping[str, str]) -> Shift | None:
    """Return how far to move the event ("by an hour", "a week later"). None: the words give a time, not a distance."""
    said = new.get("time") or new.get("date", "")
    if not _RELATIVE.search(normalize(said)):
        try:
            call.parse(new.get("date"), new.get("time"))
        except TimeExpressionError:
            pass
        else:
            return None
    try:
        return parse_shift(said, call.context.text)
    except TimeExpressionError:
        return None


def _lengthened(call: CalendarCall, event: CalendarEvent, new: Mapping[str, str]) -> CalendarEvent:
    said = new.get("duration")
    if not said:
        return event
    length = parse_duration(re.sub(_LENGTH, " ", said))
    minutes = round(length.total_seconds() / 60)
    if _LENGTH.search(said) or (
        _LENGTH.search(call.context.text) and re.search(r"\bby\b|\blonger\b|\bshorter\b", call.context.text)
    ):
        shorter = re.search(r"\b(shorter|less|shorten)\b", f"{said} {call.context.text}", re.I)
        minutes = max(5, event.minutes + (-minutes if shorter else minutes))
    return msgspec.structs.replace(event, minutes=minutes, end_said=True, all_day=event.all_day and minutes % 1440 == 0)
