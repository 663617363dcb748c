"""Changing an event that is there: its time, length, name, place or repetition."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import msgspec

from llmagent_os.plugin import ToolResult
from llmagent_os.plugins.calendar.amounts import Shift, duration, shift
from llmagent_os.plugins.calendar.clock import Half
from llmagent_os.plugins.calendar.create import MAX_TITLE, create
from llmagent_os.plugins.calendar.days import Days
from llmagent_os.plugins.calendar.desk import Desk, Match
from llmagent_os.plugins.calendar.events import Change, Event, identity
from llmagent_os.plugins.calendar.find import Wanted, search, wanted
from llmagent_os.plugins.calendar.problems import WhenError
from llmagent_os.plugins.calendar.remove import MAX_CHOICES, candidates, focused, not_found
from llmagent_os.plugins.calendar.repeats import repeat, spoken
from llmagent_os.plugins.calendar.when import When, slot
from llmagent_os.plugins.calendar.words import plain

_RELATIVE = re.compile(r"\b(by|later|earlier|sooner|back|forward|ahead|up)\b")
_LENGTH = re.compile(r"\b(longer|shorter|extend\w*|extra|more|less|shorten)\b", re.I)
_SAME = ("same time", "the same time", "same day", "the same day")


async def move(desk: Desk, given: Mapping[str, str | None]) -> ToolResult:
    """Change the event that the arguments name; where they name none, the one this conversation touched last."""
    before = await desk.done_before()
    if before is not None:
        return before
    new = {
        key.removeprefix("new_"): value.strip()
        for key, value in given.items()
        if key.startswith("new_") and value and value.strip()
    }
    try:
        what = wanted(desk, *(given.get(key) for key in ("which", "title", "date", "time", "person", "place")))
    except WhenError as error:
        return desk.unclear(error)
    events = await desk.store.events()
    if what.nothing:
        if await desk.store.half_made() and {"date", "time", "title", "duration"} & set(new):
            return await create(desk, new)  # the answer to a question about an event in the making
        found = await focused(desk, events)
        if not found:
            return ToolResult({"status": "missing", "need": "event"}, "Which event do you mean?")
    else:
        found = search(desk, events, what)
        if len(found) > 1 and len({match.event.event_id for match in found}) == 1:
            found = found[:1]
    if not found:
        return not_found(desk, events, what)
    if not new:
        return await _nothing_new(desk, found, what)
    if len(found) == 1:
        return await _move(desk, found[0], what, new, events)
    options: list[Change] = []
    for number, match in enumerate(found[:MAX_CHOICES]):
        try:
            options.append(_change(desk, match, what, new, events, str(number)))
        except WhenError as error:
            return desk.unclear(error)
    data, question = candidates(desk, found, what, "change")
    return await desk.ask(tuple(options), data, question, desk.card("Which one?", found))


async def _nothing_new(desk: Desk, found: Sequence[Match], what: Wanted) -> ToolResult:
    if len(found) > 1:
        data, _ = candidates(desk, found, what, "change")
        return ToolResult(
            {"status": "missing", "need": "event"},
            f"{data['count']} events fit: {data['events']}. Which one do you mean?",
        )
    await desk.store.focus_on(found[0].event)
    data = {"status": "missing", "need": "change", "title": found[0].event.title, "when": desk.match_when(found[0])}
    return ToolResult(data, f"What should I change about {desk.name(found[0])}?")


async def _move(desk: Desk, match: Match, what: Wanted, new: Mapping[str, str], events: Sequence[Event]) -> ToolResult:
    title = match.event.title
    try:
        change = _change(desk, match, what, new, events, "")
    except WhenError as error:
        await desk.store.focus_on(match.event)
        return desk.unclear(error, title=title)
    if change.data["status"] == "unchanged":
        await desk.store.focus_on(match.event)
        return ToolResult(dict(change.data), change.text)
    clash = f" It overlaps with {change.data['conflict']}." if "conflict" in change.data else ""
    if "old" in change.data:
        question = f"Shall I move {title} from {change.data['old']} to {change.data['when']}?{clash}"
    else:
        question = f"Shall I change {desk.name(match)} like that?{clash}"
    return await desk.perform(change, question)


def _change(
    desk: Desk, match: Match, what: Wanted, new: Mapping[str, str], events: Sequence[Event], salt: str
) -> Change:
    """The change that carries out ``new``. Raises WhenError."""
    event, start = match.event, match.occurrence.start if match.occurrence else None
    moved = _placed(desk, match, new)
    moved = msgspec.structs.replace(
        moved, title=new.get("title", moved.title)[:MAX_TITLE], place=new.get("place", moved.place)[:MAX_TITLE]
    )
    again = repeat(new["repeat"]).rule if "repeat" in new else event.repeat
    alone = (
        event.repeat
        and "repeat" not in new
        and moved.start is not None
        and (what.when.days is not None or what.when.moment is not None or "date" in new)
    )
    before: tuple[Event, ...] = (event,)
    if alone and match.occurrence:
        kept = msgspec.structs.replace(event, skipped=(*event.skipped, match.occurrence.original))
        moved = msgspec.structs.replace(moved, event_id=identity(desk.change_id, salt), repeat="", skipped=())
        after: tuple[Event, ...] = (moved, kept)
    elif event.repeat and match.occurrence and event.start and moved.start and start:
        by = moved.start - start  # the whole series goes by as much
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
    return _told(desk, match, moved, again if not alone else "", before, after, events)


def _told(
    desk: Desk,
    match: Match,
    moved: Event,
    again: str,
    before: tuple[Event, ...],
    after: tuple[Event, ...],
    events: Sequence[Event],
) -> Change:
    event, start = match.event, match.occurrence.start if match.occurrence else None
    old, now = desk.when(event, start), desk.when(moved, moved.start)
    data = {"status": "moved", "title": moved.title, "when": now}
    data |= {"old": old} if old != now else {}
    data |= {"old_title": event.title} if moved.title != event.title else {}
    data |= {"place": moved.place} if moved.place != event.place else {}
    data |= {"repeat": spoken(again)} if again and again != event.repeat else {}
    data |= {"kind": "reminder"} if event.reminder else {}
    if not set(data) & {"old", "old_title", "place", "repeat"}:
        text = f"{event.title} is already {now}, so nothing changed."
        return Change(
            data={"status": "unchanged", "title": event.title, "when": now}, text=text, label=desk.name(match)
        )
    if moved.start and not moved.reminder and not moved.all_day and "old" in data:
        end = moved.start + timedelta(minutes=moved.minutes)
        overlapping = desk.conflicts(events, moved.start, end, besides=event.event_id)
        data |= {"conflict": desk.overlap(overlapping, moved.start.date())} if overlapping else {}
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
    return Change(before=before, after=after, data=data, text=text, label=desk.name(match), undo=True)


def _placed(desk: Desk, match: Match, new: Mapping[str, str]) -> Event:
    """The event at its new time, and as long as it is to be, on the person's wall clock."""
    event, start = match.event, match.occurrence.start if match.occurrence else None
    here = msgspec.structs.replace(event, start=start, zone=desk.context.time_zone)
    here = _lengthened(desk, here, new)
    if not {"date", "time"} & set(new):
        return here
    by = _shift(desk, new)
    if by is not None and start is not None:
        return _shifted(desk, here, start, by)
    anchor = start.date() if start else None
    when = desk.read(
        None if new.get("date", "").casefold() in _SAME else new.get("date"),
        None if new.get("time", "").casefold() in _SAME else new.get("time"),
        anchor,
    )
    return _put(desk, here, start, when)


def _put(desk: Desk, event: Event, start: datetime | None, when: When) -> Event:
    length = timedelta(minutes=event.minutes)
    half: Half | None = None
    if start is not None and not event.all_day:
        half = "am" if start.hour < 12 else "pm"
        if when.days is not None and when.clock is None and when.moment is None:
            days = when.days.first
            if not when.days.single:
                raise WhenError("ambiguous", "date", f"{when.days.first} to {when.days.last}")
            if days < desk.today:
                raise WhenError("past", "date", str(days), datetime(days.year, days.month, days.day))
            moved = start.replace(year=days.year, month=days.month, day=days.day)
            if moved < desk.now:
                raise WhenError("past", "time", str(moved), moved)
            return msgspec.structs.replace(event, start=moved)
    if start is not None and when.days is None and when.moment is None and when.clock is not None:
        when = replace(when, days=Days(start.date(), start.date()))
    known_half = half if when.clock is not None and not when.clock.sure else None
    usual = timedelta() if event.reminder else timedelta(hours=1)
    found = slot(
        when, desk.now, length=None if event.all_day else length, zone=desk.zone, half=known_half, usual_length=usual
    )
    if when.clock is not None and when.clock.kind == "range" and when.clock.start != when.clock.end:
        said = when.clock.settled(known_half)
        return msgspec.structs.replace(
            event, start=found.start, minutes=said.end - said.start, all_day=False, end_said=True
        )
    whole = found.all_day
    count = round((found.end - found.start).total_seconds() / 60)
    said_end = found.end_said if whole else event.end_said and not event.all_day
    return msgspec.structs.replace(event, start=found.start, minutes=count, all_day=whole, end_said=said_end)


def _shifted(desk: Desk, event: Event, start: datetime, by: Shift) -> Event:
    moved = start + by.by * (by.direction or 1)
    if moved < desk.now and start >= desk.now:
        raise WhenError("past", "time", str(moved), moved)
    return msgspec.structs.replace(event, start=moved)


def _shift(desk: Desk, new: Mapping[str, str]) -> Shift | None:
    """How far ("by an hour", "a week later"), where the words say that and not to when."""
    said = new.get("time") or new.get("date", "")
    if not _RELATIVE.search(plain(said)):
        try:
            desk.read(new.get("date"), new.get("time"))
        except WhenError:
            pass
        else:
            return None
    try:
        return shift(said, desk.context.text)
    except WhenError:
        return None


def _lengthened(desk: Desk, event: Event, new: Mapping[str, str]) -> Event:
    said = new.get("duration")
    if not said:
        return event
    length = duration(re.sub(_LENGTH, " ", said))
    minutes = round(length.total_seconds() / 60)
    if _LENGTH.search(said) or (
        _LENGTH.search(desk.context.text) and re.search(r"\bby\b|\blonger\b|\bshorter\b", desk.context.text)
    ):
        shorter = re.search(r"\b(shorter|less|shorten)\b", f"{said} {desk.context.text}", re.I)
        minutes = max(5, event.minutes + (-minutes if shorter else minutes))
    return msgspec.structs.replace(event, minutes=minutes, end_said=True, all_day=event.all_day and minutes % 1440 == 0)
