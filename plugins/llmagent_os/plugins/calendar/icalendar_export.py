"""Exports the calendar as iCalendar (RFC 5545) for other programs.

An event that the format cannot hold, or whose time zone is not known here, changes nothing for the other events.
"""

# A strict type checker cannot follow the many types that icalendar's add() takes and gives.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import icalendar
import structlog
from dateutil import tz

from llmagent_os.markup.word_list import join_words
from llmagent_os.plugins.calendar.calendar_event import (
    UNTIL_FORMAT,
    CalendarEvent,
    known_zone,
    later,
    repeats_within_day,
)

_log = structlog.stdlib.get_logger(__name__)

#: The years until which the file defines its time zones. Programs that know a zone by its name need no definition.
EARLIEST_LAST_YEAR, LATEST_LAST_YEAR = 2038, 2100

MAX_NAMED_EVENTS = 3  #: events that one sentence about problems names


@dataclass(frozen=True)
class ICalendarExport:
    """A calendar as a file, and what is missing in it."""

    content: bytes  #: of the file
    count: int  #: events in the file
    problems: tuple[str, ...] = ()  #: sentences for the person


def to_icalendar(events: Sequence[CalendarEvent], now: datetime) -> ICalendarExport:
    """Return the dated events as one iCalendar file, with the time zones that they use.

    Args:
        events: the calendar. Undated reminders are left out, because the format has no place for them.
        now: the present moment, aware. It becomes DTSTAMP.
    """
    calendar = icalendar.Calendar()
    calendar.add("prodid", "-//LLMAgentOS//calendar//EN")
    calendar.add("version", "2.0")
    dated = [event for event in sorted(events, key=lambda event: event.event_id) if event.start is not None]
    without_zone = [event for event in dated if not event.all_day and known_zone(event.zone) is None]
    left_out: list[CalendarEvent] = []
    last_year = EARLIEST_LAST_YEAR
    for event in dated:
        try:
            entry = _event(event, now)
            entry.to_ical()
        except (ValueError, TypeError, OverflowError, AttributeError) as error:  # whatever the library stumbles over
            _log.warning("calendar: an event cannot be exported", event_id=event.event_id, error=repr(error))
            left_out.append(event)
            continue
        calendar.add_component(entry)
        last_year = max(last_year, event.start.year + 2 if event.start else 0)
    calendar.add_missing_timezones(last_date=date(min(last_year, LATEST_LAST_YEAR), 1, 1))
    problems: list[str] = []
    if without_zone := [event for event in without_zone if event not in left_out]:
        names = _named(without_zone)
        problems.append(f"The time zone of {names} is not known here, so the file gives the time without a zone.")
    if left_out:
        problems.append(f"Left out, because a calendar file cannot hold it: {_named(left_out)}.")
    return ICalendarExport(bytes(calendar.to_ical()), len(dated) - len(left_out), tuple(problems))


def _named(events: Sequence[CalendarEvent]) -> str:
    titles = [event.title for event in events[:MAX_NAMED_EVENTS]]
    more = len(events) - len(titles)
    return join_words([*titles, f"{more} more"] if more else titles)


def _event(event: CalendarEvent, now: datetime) -> icalendar.Event:
    entry = icalendar.Event()
    entry.add("uid", f"{event.event_id}@llmagent-os")
    entry.add("dtstamp", now.astimezone(UTC).replace(microsecond=0))
    if event.created:
        entry.add("created", datetime.fromisoformat(event.created))
    entry.add("summary", event.title)
    if event.place:
        entry.add("location", event.place)
    _add_times(entry, event)
    if event.reminder:
        alarm = icalendar.Alarm()
        alarm.add("action", "DISPLAY")
        alarm.add("description", event.title)
        alarm.add("trigger", timedelta())
        entry.add_component(alarm)
    return entry


def _add_times(entry: icalendar.Event, event: CalendarEvent) -> None:
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
        ends = (
            later(begins, length) if event.second_pass else _existing(later(begins.replace(tzinfo=None), length), zone)
        )
        entry.add("dtstart", begins)
        if ends > begins:
            entry.add("dtend", ends)
    if event.repeat:
        entry.add("rrule", icalendar.vRecur.from_ical(_rule_in_utc(event.repeat, zone, all_day=event.all_day)))
    for skipped in event.skipped:
        entry.add("exdate", skipped.date() if event.all_day else skipped.replace(tzinfo=zone))


def _rule_in_utc(rule: str, zone: ZoneInfo | None, *, all_day: bool) -> str:
    """Return a rule with its UNTIL in UTC, as RFC 5545, 3.3.10, wants it where the start has a zone."""
    parts = dict(part.split("=", 1) for part in rule.split(";") if "=" in part)
    until = parts.get("UNTIL", "")
    if until and all_day:
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
