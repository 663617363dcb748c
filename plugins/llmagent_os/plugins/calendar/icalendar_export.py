"""Exports the calendar as iCalendar (RFC 5545) for other programs.

An event that the format cannot hold, or whose time zone is not known here, changes nothing for the other events.
"""

# A strict type checker cannot follow the many types that icalendar's add() takes and gives.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import icalendar
import structlog

from llmagent_os.markup.word_list import join_words
from llmagent_os.plugins.calendar.calendar_event import CalendarEvent, known_zone
from llmagent_os.plugins.calendar.ics.event_writing import entry_of_event
from llmagent_os.plugins.calendar.ics.series import series_of

_log = structlog.stdlib.get_logger(__name__)

#: The years until which the file defines its time zones. Programs that know a zone by its name need no definition.
EARLIEST_LAST_YEAR, LATEST_LAST_YEAR = 2038, 2100

#: Parameters that properties of a calendar need.
_PARAMETERS = {"refresh-interval": {"VALUE": "DURATION"}}

MAX_NAMED_EVENTS = 3  #: events that one sentence about problems names


@dataclass(frozen=True)
class ICalendarExport:
    """A calendar as a file, and what is missing in it."""

    content: bytes  #: of the file
    count: int  #: events in the file
    problems: tuple[str, ...] = ()  #: sentences for the person


def to_icalendar(
    events: Sequence[CalendarEvent], now: datetime, properties: Mapping[str, str] | None = None
) -> ICalendarExport:
    """Return the dated events as one iCalendar file, with the time zones that they use.

    Args:
        events: the calendar. Undated reminders are left out, because the format has no place for them.
        now: the present moment, aware. It becomes DTSTAMP.
        properties: more properties of the calendar as a whole, such as its name.
    """
    calendar = icalendar.Calendar()
    calendar.add("prodid", "-//LLMAgentOS//calendar//EN")
    calendar.add("version", "2.0")
    for name, value in (properties or {}).items():
        calendar.add(name, icalendar.vText(value), parameters=_PARAMETERS.get(name, {}))
    dated = [event for event in sorted(events, key=lambda event: event.event_id) if event.start is not None]
    without_zone = [event for event in dated if not event.all_day and known_zone(event.zone) is None]
    left_out: list[CalendarEvent] = []
    last_year = EARLIEST_LAST_YEAR
    for series, event in [(each, event) for each in series_of(dated) for event in each.events]:
        try:
            entry = entry_of_event(event, series, now)
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
    return ICalendarExport(bytes(calendar.to_ical()), len(calendar.events), tuple(problems))


def _named(events: Sequence[CalendarEvent]) -> str:
    titles = [event.title for event in events[:MAX_NAMED_EVENTS]]
    more = len(events) - len(titles)
    return join_words([*titles, f"{more} more"] if more else titles)
