"""The events of one UID as an object of a CalDAV server, and back.

An object that another program made is changed, not replaced: what this calendar does not know of (guests, other alarms,
the rest of a long description) stays in it.
"""

# A strict type checker cannot follow the many types of icalendar's components.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import icalendar

from llmagent_os.plugins.calendar.calendar_event import CalendarEvent
from llmagent_os.plugins.calendar.ics.entry_reading import UnusableEntryError, entry_uid, event_of_entry, is_cancelled
from llmagent_os.plugins.calendar.ics.event_writing import entry_of_event, write_event
from llmagent_os.plugins.calendar.ics.file_reading import (
    CalendarFileError,
    parse_calendars,
    read_calendar_file,
    unfolded,
)
from llmagent_os.plugins.calendar.ics.import_plan import read_entries
from llmagent_os.plugins.calendar.ics.series import Series


@dataclass(frozen=True)
class ReadObject:
    """What an object of the server holds."""

    uid: str
    events: tuple[CalendarEvent, ...]
    unreadable: bool  #: a part of it cannot be kept here
    changed: datetime  #: when it was changed last, aware
    cancelled: bool = False  #: it says that it does not take place any more
    #: what the events were read from, by the time of the repetition that they stand for
    entries: Mapping[datetime | None, icalendar.Event] = field(default_factory=dict[datetime | None, icalendar.Event])


def read_object(data: str, zone: str, now: datetime) -> ReadObject | None:
    """Read an object. None: it holds no event, or is damaged. Takes processor time: call it in a thread.

    Args:
        data: the object.
        zone: the person's time zone.
        now: the present moment, for an object that does not say when it was changed.
    """
    try:
        entries = read_calendar_file(data.encode()).entries
    except CalendarFileError:
        return None
    if not entries:
        return None
    uid = entry_uid(entries[0])
    own = [entry for entry in entries if entry_uid(entry) == uid]
    changed = max((each for entry in own for each in _moments(entry)), default=now)
    if all(is_cancelled(entry) for entry in own if "RECURRENCE-ID" not in entry) and is_cancelled(own[0]):
        return ReadObject(uid, (), unreadable=False, changed=changed, cancelled=True)
    read = read_entries(own, zone, now.astimezone(UTC).isoformat())
    unreadable = bool(read.left_out) or (uid, None) in read.cancelled
    by_instance = {instance: entry for (_, instance), entry in read.entries.items()}
    return ReadObject(uid, tuple(read.events.values()), unreadable, changed, entries=by_instance)


def object_text(series: Series, now: datetime, old: str = "") -> bytes:
    """Write the object of ``series``.

    Args:
        series: the events of one UID.
        now: the present moment, aware.
        old: the object as it is on the server; empty: there is none.
    """
    calendar = _old_calendar(old) or _new_calendar()
    before = _entries_by_place(calendar)
    calendar.subcomponents = [each for each in calendar.subcomponents if each.name not in ("VEVENT", "VTIMEZONE")]
    for event in series.events:
        entry = before.get(event.instance)
        if entry is not None:
            write_event(entry, event, series)
        else:
            entry = entry_of_event(event, series, now)
        _stamp(entry, now)
        calendar.add_component(entry)
    calendar.add_missing_timezones(last_date=date(2040, 1, 1))
    return bytes(calendar.to_ical())


def _old_calendar(old: str) -> icalendar.Calendar | None:
    try:
        found, _ = parse_calendars(unfolded(old)) if old else ([], [])
    except ValueError:
        return None
    return found[0] if found else None


def _new_calendar() -> icalendar.Calendar:
    calendar = icalendar.Calendar()
    calendar.add("prodid", "-//LLMAgentOS//calendar//EN")
    calendar.add("version", "2.0")
    return calendar


def _entries_by_place(calendar: icalendar.Calendar) -> dict[datetime | None, icalendar.Event]:
    """The entries by the time of the repetition that they stand for. None: the repetition itself."""
    found: dict[datetime | None, icalendar.Event] = {}
    entries = [each for each in calendar.subcomponents if isinstance(each, icalendar.Event)]
    zone = ""
    for entry in sorted(entries, key=lambda each: "RECURRENCE-ID" in each):
        try:
            event = event_of_entry(entry, "UTC", "", zone)
        except UnusableEntryError:
            continue
        zone = zone or event.zone
        found[event.instance] = entry
    return found


def _stamp(entry: icalendar.Event, now: datetime) -> None:
    """Say that the entry was changed now."""
    moment = now.astimezone(UTC).replace(microsecond=0)
    version = entry.get("SEQUENCE")
    for name in ("DTSTAMP", "LAST-MODIFIED", "SEQUENCE"):
        entry.pop(name, None)
    entry.add("dtstamp", moment)
    entry.add("last-modified", moment)
    entry.add("sequence", int(version) + 1 if isinstance(version, int) else 1)


def _moments(entry: icalendar.Event) -> list[datetime]:
    for name in ("LAST-MODIFIED", "DTSTAMP"):
        moment = getattr(entry.get(name), "dt", None)
        if isinstance(moment, datetime):
            return [moment if moment.tzinfo else moment.replace(tzinfo=UTC)]
    return []
