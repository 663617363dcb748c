"""Reminders that come some time before an event. They move with the event, and are deleted with it.

>>> lead_text(90), lead_text(2880)
('1 hour and 30 minutes', '2 days')
>>> shifted_rule("FREQ=WEEKLY;BYDAY=MO,TH", -1)
'FREQ=WEEKLY;BYDAY=SU,WE'
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from llmagent_os.markup.word_list import join_words
from llmagent_os.plugins.calendar.calendar_event import CalendarEvent, stable_id
from llmagent_os.plugins.calendar.event_change import Change
from llmagent_os.plugins.calendar.time.duration_parsing import parse_duration
from llmagent_os.plugins.calendar.time.recurrence import WEEKDAY_CODES
from llmagent_os.plugins.calendar.time.text_normalization import normalize
from llmagent_os.plugins.calendar.time.time_errors import TimeExpressionError
from llmagent_os.plugins.calendar.time.time_parsing import TimeOfDay, parse_time

DAY_MINUTES = 1440
_BEFORE = re.compile(
    r"\b(?:before(?:hand| that| it| then| this| the event)?|earlier(?: than)?|prior(?: to)?(?: it| that)?|in"
    r" advance(?: of)?"
    r"|ahead(?: of)?(?: time)?|early|of notice|notice|warning)\b"
)
#: Parts of a day, and the minute after midnight that is meant by them.
_PARTS = {"morning": 540, "afternoon": 840, "evening": 1080, "night": 1200}
_PART = re.compile(r"(?:on |in )?(?:the )?(?:(day|night|evening|afternoon|morning)|same day|morning of)(?: of)?")

_AFTER = re.compile(r"(?:(.+) )?after(?: (?:that|it|this|the event)|(?P<start> the start))?")
_AT = re.compile(r"(.+?) (at .+)")


def parse_lead(text: str, start: datetime, length: int = 0) -> int:
    """Parse when a reminder comes: "10 minutes before" an event, "the evening before", or "5 minutes after" it.

    Args:
        text: the words.
        start: of the event.
        length: of the event, in minutes.

    Returns:
        Minutes before the start; below 0 for a reminder that comes after the event has ended.

    Raises:
        TimeExpressionError: ``text`` is no time before or after an event.
    """
    if after := _AFTER.fullmatch(normalize(text)):
        later = parse_duration(after[1]) if after[1] else timedelta()
        return -(0 if after["start"] else length) - round(later.total_seconds() / 60)
    said = " ".join(_BEFORE.sub(" ", normalize(text)).split())
    if clock := _AT.fullmatch(said):
        return _at_clock(clock[1], clock[2], start, text)
    part = _PART.fullmatch(said)
    if part and part[1] == "day":
        return DAY_MINUTES
    if part:
        same_day = part[1] is None or (part[1] == "morning" and "before" not in text.lower())
        day = start.replace(hour=0, minute=0) - timedelta(days=0 if same_day else 1)
        return max(0, round((start - day).total_seconds() / 60) - _PARTS.get(part[1] or "morning", 540))
    if said in ("when it starts", "at the start", "at the time", "when it begins", "on time"):
        return 0
    return round(parse_duration(said).total_seconds() / 60)


def _at_clock(days_said: str, clock_said: str, start: datetime, text: str) -> int:
    """The lead of "the day before at 6pm", in minutes."""
    part = _PART.fullmatch(days_said)
    days = 1 if part else parse_duration(days_said).days
    clock = parse_time(clock_said, start)
    if not isinstance(clock, TimeOfDay) or not days:
        raise TimeExpressionError("unknown", "time", text)
    settled = clock.settled("pm" if part and part[1] in ("evening", "night") else None)
    midnight = start.replace(hour=0, minute=0)
    at = midnight - timedelta(days=days) + timedelta(minutes=settled.begins)
    return round((start - at).total_seconds() / 60)


def lead_text(minutes: int) -> str:
    """Phrase a lead: "10 minutes", "1 hour and 30 minutes", "2 days"."""
    amounts: list[str] = []
    for size, unit in ((10080, "week"), (DAY_MINUTES, "day"), (60, "hour"), (1, "minute")):
        number, minutes = divmod(minutes, size)
        if number:
            amounts.append(f"{number} {unit}{'s' if number > 1 else ''}")
    return join_words(amounts)


def lead_reminder(event: CalendarEvent, minutes: int, event_id: str, created: str) -> CalendarEvent:
    """Make the reminder that comes ``minutes`` before every time of ``event``.

    Args:
        event: with a start.
        minutes: how long before.
        event_id: of the reminder.
        created: when it was made, in ISO format.

    Raises:
        TimeExpressionError: the repetition cannot be moved to the day before.
    """
    if event.start is None:
        raise TimeExpressionError("unknown", "time", event.title)
    by = timedelta(minutes=minutes)
    start = event.start - by
    all_day = event.all_day and minutes % DAY_MINUTES == 0
    if event.all_day and not all_day:  # an all-day event begins, for a reminder, in the morning
        start += timedelta(minutes=_PARTS["morning"])
    try:
        repeat = shifted_rule(event.repeat, (start.date() - event.start.date()).days)
    except ValueError:
        raise TimeExpressionError("unknown", "repeat", event.repeat) from None
    return CalendarEvent(
        event_id=event_id,
        title=event.title,
        start=start,
        minutes=DAY_MINUTES if all_day else 0,
        zone=event.zone,
        zone_assumed=event.zone_assumed,
        all_day=all_day,
        place=event.place,
        person=event.person,
        repeat=repeat,
        skipped=tuple(skipped - (event.start - start) for skipped in event.skipped),
        reminder=True,
        created=created,
        leads_to=event.event_id,
        lead=minutes,
    )


def shifted_rule(rule: str, days: int) -> str:
    """Return a recurrence rule whose days all come ``days`` later.

    Raises:
        ValueError: no one rule has these days, such as the day before the first of every month.
    """
    if not days:
        return rule
    parts = rule.split(";") if rule else []
    return ";".join(_shifted_part(part, days) for part in parts)


def _shifted_part(part: str, days: int) -> str:
    name, _, value = part.partition("=")
    if name == "BYDAY" and all(code in WEEKDAY_CODES for code in value.split(",")):
        moved = {WEEKDAY_CODES[(WEEKDAY_CODES.index(code) + days) % 7] for code in value.split(",")}
        return f"BYDAY={','.join(sorted(moved))}"
    if name == "BYMONTHDAY":
        moved_days = [int(day) + days for day in value.split(",")]
        if all(1 <= day <= 28 for day in moved_days):
            return f"BYMONTHDAY={','.join(map(str, moved_days))}"
    if name.startswith("BY") and name != "BYMONTH":
        raise ValueError(f"{part} cannot be moved by {days} days")
    return part


def with_lead_reminders(change: Change, events: Sequence[CalendarEvent]) -> Change:
    """Return ``change`` together with what it does to the reminders that come before its events.

    Args:
        change: that moves or deletes events; each event after it that is not before it is a time of the first event
            before it that was taken out of its repetition.
        events: the calendar.
    """
    touched = {event.event_id for event in change.before}
    kept = {event.event_id: event for event in change.after}
    before, after = list(change.before), list(change.after)
    for reminder in events:
        if reminder.leads_to not in touched or reminder.event_id in touched:
            continue
        before.append(reminder)
        own_title = all(reminder.title != event.title for event in change.before)
        for event in change.after:
            alone = event.event_id not in touched
            if event.event_id == reminder.leads_to or (alone and reminder.leads_to in kept):
                event_id = stable_id(event.event_id, str(reminder.lead)) if alone else reminder.event_id
                after += _followed(event, reminder, event_id, own_title=own_title)
    return msgspec.structs.replace(change, before=tuple(before), after=tuple(after))


def _followed(event: CalendarEvent, reminder: CalendarEvent, event_id: str, *, own_title: bool) -> list[CalendarEvent]:
    try:
        follower = lead_reminder(event, reminder.lead, event_id, reminder.created)
    except TimeExpressionError:  # the event's new repetition has no day before that one rule could say: it goes
        return []
    return [msgspec.structs.replace(follower, title=reminder.title) if own_title else follower]
