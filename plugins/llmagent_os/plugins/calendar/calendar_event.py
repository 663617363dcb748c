"""An event in a person's calendar, and the times at which it happens."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from dateutil.rrule import rrule, rrulestr

from llmagent_os.plugins.calendar.time.clock_changes import to_aware, to_wall

MAX_OCCURRENCES = 500  #: of one event in one look-up
UNTIL_FORMAT = "%Y%m%dT%H%M%S"  #: of UNTIL in a rule, on the wall clock
MAX_ZONE_DISTANCE = timedelta(days=2)  #: no two time zones are further apart


class CalendarEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something in a person's calendar."""

    event_id: str  #: see :func:`stable_id`
    title: str
    start: datetime | None = None  #: on the wall clock of ``zone``; None: an undated reminder
    second_pass: bool = False  #: the clocks show ``start`` twice, and the second time is meant
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
    notes: str = ""  #: what else the person wants to know of it: "bring wine"
    leads_to: str = ""  #: the id of the event that this reminder comes before; empty: it stands alone
    lead: int = 0  #: how many minutes before that event
    uid: str = ""  #: the iCalendar UID, if another program made the event; see :func:`uid_of`
    #: the person had not said where they are, and meant their own clocks, whatever their zone: once it is known, the
    #: event keeps ``start`` and takes that zone
    zone_assumed: bool = False
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
    """Yield every start at or after ``since``, on the wall clock of the event's zone. Skipped starts are included.

    Days, weeks and months repeat on the wall clock. Hours and minutes are real time: "every 8 hours" rings after 8
    hours, also when the clocks change in between. A time that comes twice has ``fold``.
    """
    if event.start is None:
        return
    first = event.start.replace(fold=1) if event.second_pass else event.start
    if not event.repeat:
        yield first
    elif repeats_within_day(event):
        yield from _elapsed_starts(event.repeat, first, since, known_zone(event.zone) or ZoneInfo("UTC"))
    else:
        yield from rule_dates(event.repeat, _begin_near(event.repeat, first, since)).xafter(since, inc=True)


def moment_of(event: CalendarEvent) -> datetime | None:
    """Return when an event starts, in UTC; None: it has no date, or the clocks of its zone are not known."""
    zone = known_zone(event.zone)
    if event.start is None or zone is None:
        return None
    return to_aware(event.start.replace(fold=int(event.second_pass)), zone).astimezone(UTC)


def repeats_within_day(event: CalendarEvent) -> bool:
    """Return whether an event repeats in hours or minutes, which are real time."""
    return re.match(r"FREQ=(?:HOURLY|MINUTELY)\b", event.repeat) is not None and not event.all_day


def _begin_near(rule: str, first: datetime, since: datetime) -> datetime:
    """Return a day shortly before ``since`` from which a rule has the same times as from ``first``.

    Years of days are too many to count one by one. A rule with a COUNT is counted from its beginning, and one of months
    or years has few times.
    """
    parts = dict(part.split("=", 1) for part in rule.split(";") if "=" in part)
    days = {"DAILY": 1, "WEEKLY": 7}.get(parts.get("FREQ", ""))
    if days is None or "COUNT" in parts:
        return first
    period = timedelta(days=days * int(parts.get("INTERVAL", "1")))
    return first + max(0, (since - first) // period - 1) * period


def _elapsed_starts(rule: str, first: datetime, since: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """Yield the starts of a rule of hours or minutes. It is counted in UTC, whose clock never changes."""
    begin = _in_utc(first, zone)
    start = _in_utc(since, zone)
    parts = dict(part.split("=", 1) for part in rule.split(";"))
    if "UNTIL" in parts and not parts["UNTIL"].endswith("Z"):
        parts["UNTIL"] = f"{_in_utc(datetime.strptime(parts['UNTIL'], UNTIL_FORMAT), zone):{UNTIL_FORMAT}}"
    parts["UNTIL"] = parts.get("UNTIL", "").rstrip("Z")
    step = timedelta(hours=1) if parts["FREQ"] == "HOURLY" else timedelta(minutes=1)
    step *= int(parts.get("INTERVAL", "1"))
    passed = max(0, (start - begin) // step)
    if passed and not any(key.startswith("BY") for key in parts):  # years of hours are too many to count one by one
        begin += passed * step
        if "COUNT" in parts:
            parts["COUNT"] = str(int(parts["COUNT"]) - passed)
            if int(parts["COUNT"]) <= 0:
                return
    bounded = ";".join(f"{key}={value}" for key, value in parts.items() if value)
    for moment in rule_dates(bounded, begin).xafter(start, inc=True):
        yield to_wall(moment.replace(tzinfo=UTC), zone)


def _in_utc(wall: datetime, zone: ZoneInfo) -> datetime:
    return to_aware(wall, zone).astimezone(UTC).replace(tzinfo=None)


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
        return to_wall(to_aware(wall, known_zone(source) or zone), zone)
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
