"""Exports the calendar as iCalendar (RFC 5545) for other programs."""

# A strict type checker cannot follow the many types that icalendar's add() takes and gives.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import icalendar

from llmagent_os.plugins.calendar.calendar_event import CalendarEvent
from llmagent_os.plugins.calendar.time_expressions import to_aware


def to_icalendar(events: Sequence[CalendarEvent], now: datetime) -> bytes:
    """Return the dated events as one iCalendar file, with the time zones that they use.

    Args:
        events: the calendar. Undated reminders are left out, because the format has no place for them.
        now: the present moment, aware. It becomes DTSTAMP.
    """
    calendar = icalendar.Calendar()
    calendar.add("prodid", "-//LLMAgentOS//calendar//EN")
    calendar.add("version", "2.0")
    for event in sorted(events, key=lambda event: event.event_id):
        if event.start is not None:
            calendar.add_component(_event(event, event.start, now))
    calendar.add_missing_timezones()
    return bytes(calendar.to_ical())


def _event(event: CalendarEvent, start: datetime, now: datetime) -> icalendar.Event:
    entry = icalendar.Event()
    entry.add("uid", f"{event.event_id}@llmagent-os")
    entry.add("dtstamp", now.astimezone(UTC).replace(microsecond=0))
    if event.created:
        entry.add("created", datetime.fromisoformat(event.created))
    entry.add("summary", event.title)
    if event.place:
        entry.add("location", event.place)
    length = timedelta(minutes=event.minutes)
    zone = ZoneInfo(event.zone)
    if event.all_day:
        entry.add("dtstart", start.date())
        entry.add("dtend", (start + length).date())
    else:
        entry.add("dtstart", to_aware(start, zone))
        if event.minutes:
            entry.add("dtend", to_aware(start + length, zone))
    if event.repeat:
        entry.add("rrule", icalendar.vRecur.from_ical(event.repeat))
    for skipped in event.skipped:
        entry.add("exdate", skipped.date() if event.all_day else to_aware(skipped, zone))
    if event.reminder:
        alarm = icalendar.Alarm()
        alarm.add("action", "DISPLAY")
        alarm.add("description", event.title)
        alarm.add("trigger", timedelta())
        entry.add_component(alarm)
    return entry
