"""Makes an event of one entry (VEVENT) of a file."""

# A strict type checker cannot follow the many types of icalendar's properties.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import icalendar

from llmagent_os.plugins.calendar.calendar_event import OWN_UIDS, CalendarEvent, known_zone, stable_id
from llmagent_os.plugins.calendar.ics.alarms import rings_at_start
from llmagent_os.plugins.calendar.ics.notes import notes_of_entry
from llmagent_os.plugins.calendar.ics.recurrence_reading import UnusableRuleError, readable_rule
from llmagent_os.plugins.calendar.ics.zone_reading import zone_name

MAX_TITLE_CHARACTERS = 200  #: of a title and of a place
MAX_UID_CHARACTERS = 300
MAX_SKIPPED = 1000  #: times that were taken out of one repetition
MAX_LENGTH = timedelta(days=366)  #: of one event

_DAY = timedelta(days=1)
_OWN_UID = re.compile(r"[0-9a-f]{16}" + re.escape(OWN_UIDS))


class UnusableEntryError(Exception):
    """An entry cannot be kept. The message is a clause for the person: "it repeats every second"."""


def entry_title(entry: icalendar.Event) -> str:
    """The title of an entry, in one line."""
    return " ".join(str(entry.get("SUMMARY", "")).split())[:MAX_TITLE_CHARACTERS] or "event without a title"


def entry_uid(entry: icalendar.Event) -> str:
    """The UID of an entry. One without a UID, which the format does not allow, is known by what it says."""
    uid = " ".join(str(entry.get("UID", "")).split())[:MAX_UID_CHARACTERS]
    return uid or stable_id("no uid", str(entry.get("SUMMARY", "")), str(_value(entry, "DTSTART")))


def is_cancelled(entry: icalendar.Event) -> bool:
    """Return whether an entry says that it does not take place any more."""
    return str(entry.get("STATUS", "")).upper() == "CANCELLED"


def event_of_entry(entry: icalendar.Event, zone: str, created: str, series_zone: str = "") -> CalendarEvent:
    """Return the event that ``entry`` describes.

    Args:
        entry: the entry.
        zone: the person's time zone, for times without a zone.
        created: the present moment in UTC, in ISO format, for an entry that does not say when it was made.
        series_zone: the time zone of the repetition that the entry is an exception of; empty: not known.

    Raises:
        UnusableEntryError: the calendar cannot keep it.
    """
    if is_cancelled(entry):
        raise UnusableEntryError("it is cancelled")
    begins = _value(entry, "DTSTART")
    if not isinstance(begins, date):
        raise UnusableEntryError("it has no date")
    all_day = not isinstance(begins, datetime)
    own_zone = zone_name(begins, zone) if isinstance(begins, datetime) else zone
    start = _wall(begins, own_zone)
    minutes = _minutes(entry, begins, all_day=all_day)
    uid = entry_uid(entry)
    instance = _instance(entry, series_zone or own_zone)
    own = instance is None and _OWN_UID.fullmatch(uid) is not None
    return CalendarEvent(
        event_id=uid.removesuffix(OWN_UIDS) if own else stable_id("ics", uid, str(instance or "")),
        title=entry_title(entry),
        start=start,
        minutes=minutes,
        zone=own_zone,
        all_day=all_day,
        end_said="DTEND" in entry or "DURATION" in entry,
        place=" ".join(str(entry.get("LOCATION", "")).split())[:MAX_TITLE_CHARACTERS],
        repeat=_rule(entry, start, own_zone, all_day=all_day),
        skipped=_skipped(entry, own_zone),
        reminder=rings_at_start(entry),
        notes=notes_of_entry(entry),
        created=_created(entry, created),
        uid="" if own else uid,
        instance=instance,
    )


def extra_starts(entry: icalendar.Event, zone: str) -> tuple[datetime, ...]:
    """The times that an entry has besides its rule (RDATE), on the wall clock of ``zone``."""
    return tuple(_wall(each, zone) for each in _dates(entry, "RDATE"))


def _value(entry: icalendar.Event, name: str) -> Any:
    return getattr(entry.get(name), "dt", None)


def _wall(moment: date, zone: str) -> datetime:
    """``moment`` on the wall clock of ``zone``; a date begins at midnight."""
    try:
        if not isinstance(moment, datetime):
            return datetime(moment.year, moment.month, moment.day)
        if moment.tzinfo is None:
            return moment
        return moment.astimezone(known_zone(zone) or ZoneInfo("UTC")).replace(tzinfo=None, fold=0)
    except (OverflowError, ValueError):
        raise UnusableEntryError("its date is beyond the calendar") from None


def _minutes(entry: icalendar.Event, begins: date, *, all_day: bool) -> int:
    ends, duration = _value(entry, "DTEND"), _value(entry, "DURATION")
    length = duration if isinstance(duration, timedelta) else None
    if length is None and isinstance(ends, date) and isinstance(ends, datetime) == isinstance(begins, datetime):
        try:
            length = ends - begins
        except TypeError:  # only one of the two has a zone
            length = None
    if all_day:
        return max(1, (length or _DAY).days) * 1440
    length = length or timedelta()
    if length < timedelta():
        raise UnusableEntryError("it ends before it begins")
    if length > MAX_LENGTH:
        raise UnusableEntryError("it takes longer than a year")
    return int(length / timedelta(minutes=1))


def _instance(entry: icalendar.Event, zone: str) -> datetime | None:
    moment = _value(entry, "RECURRENCE-ID")
    return _wall(moment, zone) if isinstance(moment, date) else None


def _rule(entry: icalendar.Event, start: datetime, zone: str, *, all_day: bool) -> str:
    rule = entry.get("RRULE")
    if rule is None or "RECURRENCE-ID" in entry:
        return ""
    if isinstance(rule, list):
        raise UnusableEntryError("it has several rules for its repetition")
    try:
        return readable_rule(rule.to_ical().decode(), start, zone, all_day=all_day)
    except UnusableRuleError as error:
        raise UnusableEntryError(str(error)) from None
    except (ValueError, AttributeError):
        raise UnusableEntryError("it repeats in a way that I cannot keep") from None


def _skipped(entry: icalendar.Event, zone: str) -> tuple[datetime, ...]:
    found = {_wall(each, zone) for each in _dates(entry, "EXDATE")}
    if len(found) > MAX_SKIPPED:
        raise UnusableEntryError(f"more than {MAX_SKIPPED:,} of its times are taken out")
    return tuple(sorted(found))


def _dates(entry: icalendar.Event, name: str) -> Iterable[date]:
    found: Any = entry.get(name, [])
    lists: Any = [found] if hasattr(found, "dts") else found
    for each in lists:
        for one in getattr(each, "dts", ()):
            moment = getattr(one, "dt", None)
            if isinstance(moment, date):
                yield moment


def _created(entry: icalendar.Event, now: str) -> str:
    moment = _value(entry, "CREATED")
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        return now
    return moment.astimezone(UTC).isoformat()
