"""Creates events and reminders: the tool ``create_event``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from llmagent_os.plugin import ToolResult
from llmagent_os.plugins.calendar.calendar_call import CalendarCall
from llmagent_os.plugins.calendar.calendar_event import CalendarEvent, rule_dates
from llmagent_os.plugins.calendar.event_store import Change
from llmagent_os.plugins.calendar.phrasing import day_text, moment_text
from llmagent_os.plugins.calendar.time.duration_parsing import parse_duration
from llmagent_os.plugins.calendar.time.recurrence import Recurrence, parse_recurrence, recurrence_text
from llmagent_os.plugins.calendar.time.text_normalization import normalize
from llmagent_os.plugins.calendar.time.time_errors import TimeExpressionError
from llmagent_os.plugins.calendar.time.time_expressions import TimeExpression, TimeSlot, find_slot
from llmagent_os.plugins.calendar.time.usual_half import usual_half

MAX_TITLE_CHARACTERS = 200  #: characters
UNFINISHED_LIFETIME = timedelta(hours=1)  #: how long an answer to "What time?" still belongs to the event

_WHOLE_DAY = re.compile(
    r"\b(birthday|anniversary|holidays?|vacation|day off|days off|time off|trip|travel|conference|festival|pto|leave"
    r"|deadline|due|staycation|honeymoon|camp|fast|rent|payday|pay day|visit from|out of office|ooo|retreat)\b",
    re.I,
)


async def create_event(call: CalendarCall, given: Mapping[str, str | None]) -> ToolResult:
    """Create an event.

    If the person answers a question about an unfinished event, its arguments complete ``given``.
    """
    before = await call.done_before()
    if before is not None:
        return before
    said = {
        key: " ".join(value.split())[:MAX_TITLE_CHARACTERS] for key, value in given.items() if value and value.strip()
    }
    said = _completed(await call.store.unfinished_event(), said, call)
    if call.mentions_reminder:
        said["reminder"] = "yes"
    result = await _create(call, said)
    status = result.data["status"]
    unfinished = {**said}
    if status == "unclear":
        unfinished.pop(str(result.data["need"]), None)
    await call.store.keep_unfinished(unfinished if status in ("missing", "unclear") else None)
    return result


async def _create(call: CalendarCall, said: dict[str, str]) -> ToolResult:
    reminder = "reminder" in said
    title = _title(said, reminder)
    kind = {"kind": "reminder"} if reminder else {}
    known = {**({"title": title} if title else {}), **kind}
    try:
        when = call.parse(said.get("date"), said.get("time"))
        again = parse_recurrence(said["repeat"]) if "repeat" in said else None
        length = parse_duration(said["duration"]) if "duration" in said else None
        if again and again.time_of_day and when.time_of_day is None:
            when = replace(when, time_of_day=again.time_of_day)
        if not title:
            known_when = {"when": _known_time(call, when)} if when else {}
            question = (
                f"What should I call the event {known_when['when']}?"
                if known_when
                else "What should I put in your calendar?"
            )
            return ToolResult({"status": "missing", "need": "title", **kind, **known_when}, question)
        need = _need(said, title, when, again, length, reminder)
        if need == "when" and reminder:
            return await _add_undated(call, title, said)
        if need:
            return _ask(call, need, known, title, when)
        place = find_slot(
            when,
            call.now,
            length=length,
            zone=call.zone,
            half=usual_half(title, when.time_of_day),
            usual_length=timedelta(hours=0 if reminder else 1),
        )
        place = _first(call, place, when, again)
    except TimeExpressionError as error:
        if error.problem == "past":
            result = call.unclear_reply(error)
            passed = str(result.data["when"])
            text = f"{passed[:1].upper()}{passed[1:]} has already passed, so I didn't add {title}."
            return ToolResult({"status": "past", **known, "when": passed}, text)
        return call.unclear_reply(error, **known)
    return await _add(call, said, title, place, again, reminder)


def _title(said: Mapping[str, str], reminder: bool) -> str:
    title, person = said.get("title", ""), said.get("person", "")
    if _is_time(title, said):
        title = ""
    if not title:
        return f"meeting with {person}" if person else ""
    if person and not reminder and person.casefold() not in title.casefold():
        return f"{title} with {person}"
    return title


def _is_time(title: str, said: Mapping[str, str]) -> bool:
    """Whether a title is nothing but words of the date, the time or the repetition: then it names nothing."""
    when = " ".join(said.get(name, "") for name in ("date", "time", "repeat")).lower().split()
    return bool(when) and all(word in (*when, "at", "on", "in", "for", "by") for word in title.lower().split())


def _need(
    said: Mapping[str, str],
    title: str,
    when: TimeExpression,
    again: Recurrence | None,
    length: timedelta | None,
    reminder: bool,
) -> str:
    """Return what to ask for: ``when``, ``date`` or ``time``. Empty: nothing is missing."""
    if when.moment or (when.time_of_day and when.time_of_day.kind != "all_day"):
        return "date" if when.days and not when.days.single and not again else ""
    hourly = again is not None and re.match(r"FREQ=(HOURLY|MINUTELY)", again.rule)
    if not when and not again:
        return "when"
    if when.time_of_day or hourly or reminder or _WHOLE_DAY.search(title) or (length and length >= timedelta(days=1)):
        return ""
    return "date" if when.days and not when.days.single else "time"


def _known_time(call: CalendarCall, when: TimeExpression) -> str:
    """Say as much of the time as is known."""
    if when.time_of_day is None and when.days is not None and when.days.single:
        return day_text(when.days.first, call.today)
    try:
        found = find_slot(when, call.now, zone=call.zone)
    except TimeExpressionError:
        return "then"
    return moment_text(found.start, call.now, end=found.end if found.all_day else None, all_day=found.all_day)


def _ask(call: CalendarCall, need: str, known: dict[str, str], title: str, when: TimeExpression) -> ToolResult:
    known_when = {"when": _known_time(call, when)} if when else {}
    suffix = f", {known_when['when']}" if known_when and known_when["when"] != "then" else ""
    question = {
        "when": f"When is {title}?",
        "date": f"Which day is {title}?",
        "time": f"What time is {title}{suffix}?",
    }[need]
    return ToolResult({"status": "missing", "need": need, **known, **known_when}, question)


def _first(call: CalendarCall, place: TimeSlot, when: TimeExpression, again: Recurrence | None) -> TimeSlot:
    """Move a repeated event to the first date of its rule, at or after ``place``."""
    if again is None:
        return place
    start = place.start
    if (
        when.time_of_day is None
        and when.moment is None
        and not when.days
        and re.match(r"FREQ=(HOURLY|MINUTELY)", again.rule)
    ):
        start = (call.now + timedelta(hours=1)).replace(minute=0, second=0, microsecond=0)
        place = TimeSlot(start, start + timedelta(hours=0))
    elif when.days is None and when.moment is None and not place.all_day and start > call.now + timedelta(hours=12):
        earlier = start - timedelta(days=1)  # the time is over today, but a rule may still begin today
        start = earlier if earlier >= call.now else start
    try:
        first = rule_dates(again.rule, start).after(start, inc=True)
    except (ValueError, OverflowError):
        first = None
    if not isinstance(first, datetime):
        raise TimeExpressionError("unknown", "repeat", again.rule)
    return replace(place, start=first, end=first + (place.end - place.start))


async def _add(
    call: CalendarCall, said: Mapping[str, str], title: str, place: TimeSlot, again: Recurrence | None, reminder: bool
) -> ToolResult:
    event = CalendarEvent(
        event_id=call.change_id,
        title=title,
        start=place.start,
        minutes=round((place.end - place.start).total_seconds() / 60),
        zone=call.context.time_zone,
        all_day=place.all_day,
        end_said=place.end_said,
        place=said.get("place", ""),
        person=said.get("person", ""),
        repeat=again.rule if again else "",
        reminder=reminder,
        created=call.context.now.astimezone(UTC).isoformat(timespec="seconds"),
    )
    data = {"status": "created", "title": title, "when": call.time_text(event, place.start)}
    data |= {"place": event.place} if event.place and normalize(event.place) not in normalize(title) else {}
    data |= {"repeat": recurrence_text(event.repeat)} if event.repeat else {}
    data |= {"kind": "reminder"} if reminder else {}
    if not reminder and not place.all_day:
        overlapping = call.conflicts(await call.store.events(), place.start, place.end)
        data |= {"conflict": call.overlap_text(overlapping, place.start.date())} if overlapping else {}
    at = f" at {data['place']}" if "place" in data else ""
    repeats = f", {data['repeat']}" if "repeat" in data else ""
    starting = f", starting {data['when']}" if repeats else f", {data['when']}" if reminder else f" for {data['when']}"
    clash = f" It overlaps with {data['conflict']}." if "conflict" in data else ""
    if reminder:
        text, question = (
            f"I'll remind you: {title}{at}{repeats}{starting}.",
            f"Shall I remind you: {title}{at}{repeats}{starting}?",
        )
    else:
        text, question = (
            f"I've added {title}{at}{repeats}{starting}.{clash}",
            f"Shall I add {title}{at}{repeats}{starting}?{clash}",
        )
    return await call.perform(Change(after=(event,), data=data, text=text), question)


async def _add_undated(call: CalendarCall, title: str, said: Mapping[str, str]) -> ToolResult:
    place = said.get("place", "")
    event = CalendarEvent(
        event_id=call.change_id,
        title=title,
        zone=call.context.time_zone,
        place=place,
        reminder=True,
        created=call.context.now.astimezone(UTC).isoformat(timespec="seconds"),
    )
    data = {"status": "noted", "title": title, "kind": "reminder"} | ({"place": place} if place else {})
    at = f" at {place}" if place else ""
    return await call.perform(
        Change(after=(event,), data=data, text=f"Noted: {title}{at}."), f"Shall I note: {title}{at}?"
    )


def _completed(half: Mapping[str, str] | None, said: dict[str, str], call: CalendarCall) -> dict[str, str]:
    """Return ``said`` together with an unfinished event's arguments, if ``said`` answers the question about it."""
    if not half or call.context.now - datetime.fromisoformat(half["at"]) > UNFINISHED_LIFETIME:
        return said
    before = {key: value for key, value in half.items() if key != "at"}
    answers = "title" not in said or ("title" not in before and not {"date", "time", "repeat"} & set(said))
    return {**before, **said} if answers else said
