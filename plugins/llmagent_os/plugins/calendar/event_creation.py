"""Creates events and reminders: the tool ``create_event``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import msgspec

from llmagent_os.plugin import ToolResult
from llmagent_os.plugins.calendar.calendar_call import CalendarCall
from llmagent_os.plugins.calendar.calendar_event import CalendarEvent, stable_id
from llmagent_os.plugins.calendar.creation_question import ask_for, known_time, needed
from llmagent_os.plugins.calendar.event_change import Change
from llmagent_os.plugins.calendar.event_times import PlannedTime, planned_times
from llmagent_os.plugins.calendar.event_times_text import repeat_text, several_text, whens_text
from llmagent_os.plugins.calendar.requested_times import requested_times
from llmagent_os.plugins.calendar.requests.creation_name import name_in
from llmagent_os.plugins.calendar.requests.creation_note import split_note
from llmagent_os.plugins.calendar.requests.event_nouns import is_errand
from llmagent_os.plugins.calendar.requests.openings import Asks, opening_of, opens_request
from llmagent_os.plugins.calendar.requests.politeness import plain
from llmagent_os.plugins.calendar.requests.spelling import put_right
from llmagent_os.plugins.calendar.time.text_normalization import normalize
from llmagent_os.plugins.calendar.time.time_arguments import time_arguments
from llmagent_os.plugins.calendar.time.time_errors import TimeExpressionError

MAX_TITLE_CHARACTERS = 200  #: characters
UNFINISHED_LIFETIME = timedelta(hours=1)  #: how long an answer to "What time?" still belongs to the event

_REMINDER = re.compile(
    r"\b(remind\w*|(?<!\bi )don'?t (?:let me )?forget|remember to|nudge|ping me|alert me|notify me|alarm|wake me"
    r"|wake[- ]?up call|note to self|timer|(?:buzz|poke|text|message|warn) me|give me a (?:shout|buzz|ring|poke"
    r"|ping))\b",
    re.I,
)
# "In 20 minutes: take the bread out": something to do then, and no event of an hour.
_DELAY = re.compile(
    r"in .*\b(?:minutes?|mins?|hours?|hrs?|seconds?|secs?)(?: and (?:a )?(?:half|quarter))?"
    r"|.*\b(?:minutes?|mins?|hours?) from now",
    re.I,
)
_AT_ONCE = re.compile(
    r"(?:call(?: back)?|ring|phone|take|get|pick up|fetch|turn|switch|let|hang|check|hand|take|feed|walk|leave|go|stir"
    r"|flip|start"
    r"|stop|move|put|bring|look at|open|close|lock|remove|drink|eat|stretch|stand up|log|join)\b",
    re.I,
)


def _is_task(title: str) -> bool:
    """Whether a title says what to do."""
    return is_errand(title) or _AT_ONCE.match(title) is not None


def _with_name(said: dict[str, str]) -> dict[str, str]:
    """The arguments with the name in the title that a model copied; without a title, where a sentence names nothing."""
    name = name_in(said.get("title", ""))
    return {key: value for key, value in said.items() if key != "title"} | ({"title": name} if name else {})


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
    if not call.is_read:  # a model copied the words
        said = time_arguments(said, call.words, month_first=call.month_first)
        said = _with_name(said)
    said = _completed(await call.store.unfinished_event(), said, call)
    opening = opening_of(plain(put_right(call.words)))
    asked = opening is not None and opening[0] is Asks.REMINDER
    is_delayed = _DELAY.fullmatch(said.get("time", "")) and _is_task(said.get("title", ""))
    if asked or is_delayed or _REMINDER.search(split_note(call.words)[0]):
        said["reminder"] = "yes"
    result = await _create(call, said)
    status = result.data["status"]
    unfinished = {**said}
    if status == "unclear":
        unfinished.pop(str(result.data["need"]), None)
    if status == "past":
        unfinished.pop("date", None)
        unfinished.pop("time", None)
    await call.store.keep_unfinished(unfinished if status in ("missing", "unclear", "past") else None)
    return result


async def _create(call: CalendarCall, said: dict[str, str]) -> ToolResult:
    reminder = "reminder" in said
    title = _title(said, reminder)
    kind = {"kind": "reminder"} if reminder else {}
    known = {**({"title": title} if title else {}), **kind}
    try:
        wanted = requested_times(call, said, call.words)
        when = wanted.first
        if not title:
            known_when = {"when": known_time(call, when)} if when else {}
            question = (
                f"What should I call the event {known_when['when']}?"
                if known_when
                else "What should I put in your calendar?"
            )
            return ToolResult({"status": "missing", "need": "title", **kind, **known_when}, question)
        need = needed(title, wanted, reminder)
        if need == "when" and reminder:
            return await _add_undated(call, title, said)
        if need:
            return ask_for(call, need, known, title, when)
        planned = planned_times(call, wanted, title, reminder=reminder)
    except TimeExpressionError as error:
        if error.problem == "past":
            result = call.unclear_reply(error)
            passed = str(result.data["when"])
            text = f"{passed[:1].upper()}{passed[1:]} has already passed, so I didn't add {title}. When should it be?"
            return ToolResult({"status": "past", **known, "when": passed}, text, word_for_word=True)
        return call.unclear_reply(error, **known)
    return await _add(call, said, title, planned, reminder, zone_assumed=call.assumes_zone(when))


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


async def _add(
    call: CalendarCall,
    said: Mapping[str, str],
    title: str,
    planned: tuple[PlannedTime, ...],
    reminder: bool,
    *,
    zone_assumed: bool,
) -> ToolResult:
    made = (_event(call, said, title, each, reminder, number) for number, each in enumerate(planned))
    events = tuple(msgspec.structs.replace(event, zone_assumed=zone_assumed) for event in made)
    first = events[0]
    data = {"status": "created", "title": title, "when": whens_text(call, events, planned)}
    data |= {"place": first.place} if first.place and normalize(first.place) not in normalize(title) else {}
    repeats = [repeat_text(each.repeat, each.skipped, call.today) for each in planned if each.repeat]
    data |= {"repeat": several_text(repeats)} if repeats else {}
    data |= {"kind": "reminder"} if reminder else {}
    if not reminder:
        held = await call.store.events()
        timed = [each.slot for each in planned if not each.slot.all_day]
        overlapping = [found for slot in timed for found in call.conflicts(held, slot.start, slot.end)]
        data |= {"conflict": call.overlap_text(overlapping, timed[0].start.date())} if overlapping else {}
    at = f" at {data['place']}" if "place" in data else ""
    again = f", {data['repeat']}" if "repeat" in data else ""
    starting = f", starting {data['when']}" if again else f", {data['when']}" if reminder else f" for {data['when']}"
    clash = f" It overlaps with {data['conflict']}." if "conflict" in data else ""
    what = f"{title}{at}{again}{starting}"
    noted = f" Noted for it: {first.notes}." if first.notes else ""
    text = f"I'll remind you: {what}.{noted}" if reminder else f"I've added {what}.{noted}{clash}"
    question = f"Shall I remind you: {what}?{noted}" if reminder else f"Shall I add {what}?{clash}"
    data |= {"note": first.notes} if first.notes else {}
    change = Change(after=events, data=data, text=text, word_for_word=bool(first.notes))
    return await call.perform(change, question)


def _event(
    call: CalendarCall, said: Mapping[str, str], title: str, planned: PlannedTime, reminder: bool, number: int
) -> CalendarEvent:
    slot = planned.slot
    return CalendarEvent(
        event_id=stable_id(call.change_id, str(number)) if number else call.change_id,
        title=title,
        start=slot.start,
        second_pass=bool(slot.start.fold),
        minutes=round((slot.end - slot.start).total_seconds() / 60),
        zone=call.context.time_zone,
        all_day=slot.all_day,
        end_said=slot.end_said,
        place=said.get("place", ""),
        person=said.get("person", ""),
        notes=said.get("note", ""),
        repeat=planned.repeat,
        skipped=planned.skipped,
        reminder=reminder,
        created=call.context.now.astimezone(UTC).isoformat(timespec="seconds"),
    )


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
    """Return ``said`` together with an unfinished event's arguments, if the words answer the question about it."""
    if not half or call.context.now - datetime.fromisoformat(half["at"]) > UNFINISHED_LIFETIME:
        return said
    before = {key: value for key, value in half.items() if key != "at"}
    text = plain(put_right(call.words))
    other = opens_request(text) and not re.match(r"make (?:it|that)\b", text, re.I)
    answers = ("title" not in said or "title" not in before) and not other
    return {**before, **said} if answers else said
