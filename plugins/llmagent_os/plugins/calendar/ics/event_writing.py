"""Writes events as entries (VEVENT) of iCalendar files."""

# A strict type checker cannot follow the many types that icalendar's add() takes and gives.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import icalendar
from dateutil import tz

from llmagent_os.plugins.calendar.calendar_event import (
    UNTIL_FORMAT,
    CalendarEvent,
    known_zone,
    later,
    repeats_within_day,
)
from llmagent_os.plugins.calendar.ics.alarms import write_alarms
from llmagent_os.plugins.calendar.ics.notes import write_notes
from llmagent_os.plugins.calendar.ics.series import Series


def entries_of_series(series: Series, now: datetime) -> list[icalendar.Event]:
    """Return the entries of one UID: the event or the repetition first, then its exceptions."""
    return [entry_of_event(event, series, now) for event in series.events]


def entry_of_event(event: CalendarEvent, series: Series, now: datetime) -> icalendar.Event:
    """Return the entry of one event of ``series``.

    Args:
        event: what to write.
        series: that it belongs to.
        now: the present moment, aware. It becomes DTSTAMP.
    """
    entry = icalendar.Event()
    entry.add("uid", series.uid)
    entry.add("dtstamp", now.astimezone(UTC).replace(microsecond=0))
    if event.created:
        entry.add("created", datetime.fromisoformat(event.created))
    write_event(entry, event, series)
    return entry


def write_event(entry: icalendar.Event, event: CalendarEvent, series: Series) -> None:
    """Write into ``entry`` what the calendar knows of ``event``. Whatever else the entry has stays."""
    for name in ("SUMMARY", "LOCATION", "DTSTART", "DTEND", "DURATION", "RRULE", "EXDATE", "RECURRENCE-ID"):
        entry.pop(name, None)
    entry.add("summary", event.title)
    if event.place:
        entry.add("location", event.place)
    write_notes(entry, event.notes)
    _add_times(entry, event, series)
    write_alarms(entry, event, series.leads_of(event))


def _add_times(entry: icalendar.Event, event: CalendarEvent, series: Series) -> None:
    """Add when the event happens. What is beyond the year 9999 is left out: its end, or a skipped date."""
    start, length = event.start, timedelta(minutes=max(0, event.minutes))
    if start is None:
        return
    zone = known_zone(event.zone)  # None: a time on the wall clock of whoever opens the file
    if event.all_day:
        entry.add("dtstart", start.date())
        # Without an end, an event with a date lasts for that day.
        if length and (end := later(start, length)) > start and end.date() > start.date():
            entry.add("dtend", end.date())
    elif event.repeat:
        # The rule repeats the start as it is written. A start that the clocks skip is not moved, because every other
        # time of the event would move with it. RFC 5545, 3.3.5, says what such a start means. A length follows it.
        # Hours and minutes are real time, which only UTC counts.
        written = start.replace(tzinfo=zone)
        real = repeats_within_day(event) and zone is not None
        entry.add("dtstart", written.replace(fold=int(event.second_pass)).astimezone(UTC) if real else written)
        if length:
            entry.add("duration", length)
    else:
        begins = _existing(start, zone)
        if event.second_pass:  # a file has no other way to say which of two times is meant
            begins = begins.replace(fold=1).astimezone(UTC)
            ends = later(begins, length)
        else:
            ends = _existing(later(begins.replace(tzinfo=None), length), zone)
        entry.add("dtstart", begins)
        if ends > begins:
            entry.add("dtend", ends)
    if event.repeat:
        entry.add("rrule", icalendar.vRecur.from_ical(_rule_in_utc(event.repeat, zone, all_day=event.all_day)))
        for skipped in series.removed:
            entry.add("exdate", skipped.date() if event.all_day else skipped.replace(tzinfo=zone))
    if event.instance is not None:
        main = series.main or event
        moment = event.instance.replace(tzinfo=known_zone(main.zone))
        entry.add("recurrence-id", event.instance.date() if main.all_day else moment)


def _rule_in_utc(rule: str, zone: ZoneInfo | None, *, all_day: bool) -> str:
    """A rule with its UNTIL in UTC, as iCalendar wants it where the start has a zone."""
    parts = dict(part.split("=", 1) for part in rule.split(";") if "=" in part)
    until = parts.get("UNTIL", "")
    if all_day and until:
        parts["UNTIL"] = until[:8]
    elif until and zone is not None and not until.endswith("Z"):
        wall = datetime.strptime(until if "T" in until else f"{until}T235959", UNTIL_FORMAT)
        parts["UNTIL"] = f"{wall.replace(tzinfo=zone).astimezone(UTC):{UNTIL_FORMAT}}Z"
    return ";".join(f"{name}={value}" for name, value in parts.items())


def _existing(wall: datetime, zone: ZoneInfo | None) -> datetime:
    """Make ``wall`` aware in ``zone``. A time that the clocks skip moves forward by the skipped amount."""
    aware = wall.replace(tzinfo=zone, fold=0)
    try:
        return tz.resolve_imaginary(aware)
    except OverflowError:  # in the last hours of the year 9999: its offset cannot be asked for
        return aware
