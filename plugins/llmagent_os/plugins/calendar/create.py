"""Putting something into the calendar."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from llmagent_os.plugin import ToolResult
from llmagent_os.plugins.calendar.amounts import duration
from llmagent_os.plugins.calendar.desk import Desk
from llmagent_os.plugins.calendar.events import Change, Event, recurrence
from llmagent_os.plugins.calendar.problems import WhenError
from llmagent_os.plugins.calendar.repeats import Repeat, repeat, spoken
from llmagent_os.plugins.calendar.when import Slot, When, slot
from llmagent_os.plugins.calendar.wording import day, moment
from llmagent_os.plugins.calendar.words import plain

MAX_TITLE = 200  #: characters
HALF_MADE_FOR = timedelta(hours=1)  #: how long an answer to "what time?" is waited for

_WHOLE_DAY = re.compile(
    r"\b(birthday|anniversary|holidays?|vacation|day off|days off|time off|trip|travel|conference|festival|pto|leave"
    r"|deadline|due|staycation|honeymoon|camp|fast|rent|payday|pay day|visit from|out of office|ooo|retreat)\b",
    re.I,
)


async def create(desk: Desk, given: Mapping[str, str | None]) -> ToolResult:
    """Create an event from raw arguments, completed by those of a half-made one where this answers a question."""
    before = await desk.done_before()
    if before is not None:
        return before
    said = {key: " ".join(value.split())[:MAX_TITLE] for key, value in given.items() if value and value.strip()}
    said = _completed(await desk.store.half_made(), said, desk)
    if desk.reminding:
        said["reminder"] = "yes"
    result = await _create(desk, said)
    status = result.data["status"]
    unfinished = {**said}
    if status == "unclear":
        unfinished.pop(str(result.data["need"]), None)
    await desk.store.remember_half(unfinished if status in ("missing", "unclear") else None)
    return result


async def _create(desk: Desk, said: dict[str, str]) -> ToolResult:
    reminder = "reminder" in said
    title = _title(said, reminder)
    kind = {"kind": "reminder"} if reminder else {}
    known = {**({"title": title} if title else {}), **kind}
    try:
        when = desk.read(said.get("date"), said.get("time"))
        again = repeat(said["repeat"]) if "repeat" in said else None
        length = duration(said["duration"]) if "duration" in said else None
        if again and again.clock and when.clock is None:
            when = replace(when, clock=again.clock)
        if not title:
            told = {"when": _known(desk, when)} if when else {}
            question = (
                f"What should I call the event {told['when']}?" if told else "What should I put in your calendar?"
            )
            return ToolResult({"status": "missing", "need": "title", **kind, **told}, question)
        need = _need(said, title, when, again, length, reminder)
        if need == "when" and reminder:
            return await _note(desk, title, said)
        if need:
            return _ask(desk, need, known, title, when)
        place = slot(when, desk.now, length=length, zone=desk.zone, usual_length=timedelta(hours=0 if reminder else 1))
        place = _first(desk, place, when, again)
    except WhenError as error:
        if error.problem == "past":
            result = desk.unclear(error)
            when_told = str(result.data["when"])
            text = f"{when_told[:1].upper()}{when_told[1:]} has already passed, so I didn't add {title}."
            return ToolResult({"status": "past", **known, "when": when_told}, text)
        return desk.unclear(error, **known)
    return await _add(desk, said, title, place, again, reminder)


def _title(said: Mapping[str, str], reminder: bool) -> str:
    title, person = said.get("title", ""), said.get("person", "")
    if not title:
        return f"meeting with {person}" if person else ""
    if person and not reminder and person.casefold() not in title.casefold():
        return f"{title} with {person}"
    return title


def _need(
    said: Mapping[str, str], title: str, when: When, again: Repeat | None, length: timedelta | None, reminder: bool
) -> str:
    """What has to be asked: ``when``, ``date``, ``time``, or nothing."""
    if when.moment or (when.clock and when.clock.kind != "all_day"):
        return "date" if when.days and not when.days.single and not again else ""
    hourly = again is not None and re.match(r"FREQ=(HOURLY|MINUTELY)", again.rule)
    if not when and not again:
        return "when"
    if when.clock or hourly or reminder or _WHOLE_DAY.search(title) or (length and length >= timedelta(days=1)):
        return ""
    return "date" if when.days and not when.days.single else "time"


def _known(desk: Desk, when: When) -> str:
    """As much as is known of when it is."""
    if when.clock is None and when.days is not None and when.days.single:
        return day(when.days.first, desk.today)
    try:
        found = slot(when, desk.now, zone=desk.zone)
    except WhenError:
        return "then"
    return moment(found.start, desk.now, end=found.end if found.all_day else None, all_day=found.all_day)


def _ask(desk: Desk, need: str, known: dict[str, str], title: str, when: When) -> ToolResult:
    told = {"when": _known(desk, when)} if when else {}
    suffix = f", {told['when']}" if told and told["when"] != "then" else ""
    question = {
        "when": f"When is {title}?",
        "date": f"Which day is {title}?",
        "time": f"What time is {title}{suffix}?",
    }[need]
    return ToolResult({"status": "missing", "need": need, **known, **told}, question)


def _first(desk: Desk, place: Slot, when: When, again: Repeat | None) -> Slot:
    """Where a repetition begins: its first date at or after the place that was found."""
    if again is None:
        return place
    start = place.start
    if when.clock is None and when.moment is None and not when.days and re.match(r"FREQ=(HOURLY|MINUTELY)", again.rule):
        start = (desk.now + timedelta(hours=1)).replace(minute=0, second=0, microsecond=0)
        place = Slot(start, start + timedelta(hours=0))
    elif when.days is None and when.moment is None and not place.all_day and start > desk.now + timedelta(hours=12):
        earlier = start - timedelta(days=1)  # a time already over today may still be the rule's day
        start = earlier if earlier >= desk.now else start
    try:
        first = recurrence(again.rule, start).after(start, inc=True)
    except (ValueError, OverflowError):
        first = None
    if not isinstance(first, datetime):
        raise WhenError("unknown", "repeat", again.rule)
    return replace(place, start=first, end=first + (place.end - place.start))


async def _add(
    desk: Desk, said: Mapping[str, str], title: str, place: Slot, again: Repeat | None, reminder: bool
) -> ToolResult:
    event = Event(
        event_id=desk.change_id,
        title=title,
        start=place.start,
        minutes=round((place.end - place.start).total_seconds() / 60),
        zone=desk.context.time_zone,
        all_day=place.all_day,
        end_said=place.end_said,
        place=said.get("place", ""),
        person=said.get("person", ""),
        repeat=again.rule if again else "",
        reminder=reminder,
        created=desk.context.now.astimezone(UTC).isoformat(timespec="seconds"),
    )
    data = {"status": "created", "title": title, "when": desk.when(event, place.start)}
    data |= {"place": event.place} if event.place and plain(event.place) not in plain(title) else {}
    data |= {"repeat": spoken(event.repeat)} if event.repeat else {}
    data |= {"kind": "reminder"} if reminder else {}
    if not reminder and not place.all_day:
        overlapping = desk.conflicts(await desk.store.events(), place.start, place.end)
        data |= {"conflict": desk.overlap(overlapping, place.start.date())} if overlapping else {}
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
    return await desk.perform(Change(after=(event,), data=data, text=text), question)


async def _note(desk: Desk, title: str, said: Mapping[str, str]) -> ToolResult:
    place = said.get("place", "")
    event = Event(
        event_id=desk.change_id,
        title=title,
        zone=desk.context.time_zone,
        place=place,
        reminder=True,
        created=desk.context.now.astimezone(UTC).isoformat(timespec="seconds"),
    )
    data = {"status": "noted", "title": title, "kind": "reminder"} | ({"place": place} if place else {})
    at = f" at {place}" if place else ""
    return await desk.perform(
        Change(after=(event,), data=data, text=f"Noted: {title}{at}."), f"Shall I note: {title}{at}?"
    )


def _completed(half: Mapping[str, str] | None, said: dict[str, str], desk: Desk) -> dict[str, str]:
    """``said`` with what was known before, where it answers the question that an unfinished event left."""
    if not half or desk.context.now - datetime.fromisoformat(half["at"]) > HALF_MADE_FOR:
        return said
    before = {key: value for key, value in half.items() if key != "at"}
    answers = "title" not in said or ("title" not in before and not {"date", "time", "repeat"} & set(said))
    return {**before, **said} if answers else said
