"""An event in a person's calendar, and the times at which it happens."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from dateutil.rrule import rrule, rrulestr

from llmagent_os.plugins.calendar.time_expressions import to_aware

MAX_OCCURRENCES = 500  #: of one event in one look-up
MAX_ZONE_DISTANCE = timedelta(days=2)  #: no two time zones are further apart


class CalendarEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something in a person's calendar."""

    event_id: str  #: see :func:`stable_id`
    title: str
    start: datetime | None = None  #: on the wall clock of ``zone``; None: an undated reminder
    minutes: int = 60  #: the length; a multiple of 1440 if ``all_day``
    zone: str = "UTC"  #: an IANA time zone
    all_day: bool = False  #: without a time of day
    end_said: bool = False  #: the person gave the end or the length
    place: str = ""
    person: str = ""  #: with whom
    repeat: str = ""  #: the value of an iCalendar RRULE; empty: the event happens once
    skipped: tuple[datetime, ...] = ()  #: starts that were deleted from the repetition
    reminder: bool = False  #: the person is reminded when the event starts
    created: str = ""  #: a moment in UTC, in ISO format
    uid: str = ""  #: the iCalendar UID, if another program made the event; see :func:`uid_of`
    #: this event stands in the place of one time of a repetition: the start of that time, on the wall clock of the
    #: repetition's zone. The repetition has the same UID and skips that start. iCalendar calls it RECURRENCE-ID.
    instance: datetime | None = None


@dataclass(frozen=True)
class Occurrence:
    """One time at which an event happens, on the person's wall clock."""

    event: CalendarEvent
    start: datetime
    end: datetime
    original: datetime  #: the start on the wall clock of the event's own time zone

    def overlaps(self, start: datetime, end: datetime) -> bool:
        """Return whether a part lies in ``[start, end)``. An event of no length lies at its start."""
        return self.start < end and (self.end > start or self.start == self.end == start)


def occurrences(event: CalendarEvent, start: datetime, end: datetime, zone: ZoneInfo) -> Iterator[Occurrence]:
    """Yield the times at which ``event`` happens in ``[start, end)`` of the wall clock of ``zone``, sorted."""
    if event.start is None:
        return
    length = timedelta(minutes=event.minutes)
    since, until = later(start, -length - MAX_ZONE_DISTANCE), later(end, MAX_ZONE_DISTANCE)
    for number, original in enumerate(event_starts(event, since)):
        if number >= MAX_OCCURRENCES or original > until:
            return
        begins = original if event.all_day else _on_wall_clock(original, event.zone, zone)
        found = Occurrence(event, begins, later(begins, length), original)
        if found.overlaps(start, end) and original not in event.skipped:
            yield found


def event_starts(event: CalendarEvent, since: datetime) -> Iterator[datetime]:
    """Yield every start at or after ``since``, on the wall clock of the event's zone. Skipped starts are included."""
    if event.start is None:
        return
    if not event.repeat:
        yield event.start
        return
    first = event.start
    every = (
        timedelta(hours=1) if "HOURLY" in event.repeat else timedelta(minutes=1) if "MINUTELY" in event.repeat else None
    )
    if every and since > first:  # jump ahead: years of hours are too many to count one by one
        interval = next((int(part[9:]) for part in event.repeat.split(";") if part.startswith("INTERVAL=")), 1)
        first += (since - first) // (every * interval) * every * interval
    yield from rule_dates(event.repeat, first).xafter(since, inc=True)


def rule_dates(rule: str, start: datetime) -> rrule:
    """Return the dates of an RRULE, beginning with ``start``.

    Raises:
        ValueError: ``rule`` is not exactly one rule.
    """
    found = rrulestr(rule, dtstart=start)
    if not isinstance(found, rrule):
        raise ValueError(f"not one recurrence rule: {rule!r}")
    return found


def later(moment: datetime, by: timedelta) -> datetime:
    """Return ``moment + by``, at most the last and at least the first moment that a datetime can hold.

    >>> later(datetime(9999, 12, 31, 23), timedelta(hours=3))
    datetime.datetime(9999, 12, 31, 23, 59, 59)
    """
    try:
        return moment + by
    except OverflowError:
        end = datetime.max if by > timedelta() else datetime.min
        return end.replace(microsecond=0, tzinfo=moment.tzinfo)


def known_zone(name: str) -> ZoneInfo | None:
    """Return the time zone with this IANA name; None if this machine does not know it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: the name of a folder, such as "America"
        return None


def _on_wall_clock(wall: datetime, source: str, zone: ZoneInfo) -> datetime:
    try:
        return to_aware(wall, known_zone(source) or zone).astimezone(zone).replace(tzinfo=None)
    except OverflowError:  # in the last hours of the year 9999, or the first of year 1
        return wall


#: Ends the UIDs of events that were made here.
OWN_UIDS = "@llmagent-os"


def uid_of(event: CalendarEvent) -> str:
    """Return the iCalendar UID of an event: the same in every export, on every device."""
    return event.uid or f"{event.event_id}{OWN_UIDS}"


def stable_id(*parts: str) -> str:
    """Return an id of 16 hexadecimal digits. The same parts always give the same id."""
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:16]
