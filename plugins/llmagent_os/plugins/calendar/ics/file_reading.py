"""Reads iCalendar files from anywhere: large ones, broken ones, and ones made to do harm."""

# A strict type checker cannot follow the many types of icalendar's components.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import re
from dataclasses import dataclass

import icalendar

MAX_FILE_BYTES = 5_000_000  #: of one file
MAX_ENTRIES = 2000  #: events in one file
MAX_LINE_CHARACTERS = 200_000  #: of one unfolded line, such as a picture in an event
MAX_LINES = 150_000  #: unfolded lines of one file: a parser takes some seconds for more

_FOLD = re.compile(r"\r?\n[ \t]")
_PARTS = re.compile(r"^(BEGIN|END):([A-Z-]+)[ \t]*$", re.M | re.I)
_ZONE_BEGINS = re.compile(r"^BEGIN:VTIMEZONE[ \t]*\r?$", re.M | re.I)
_ZONE_ENDS = re.compile(r"^END:VTIMEZONE[ \t]*\r?$\n?", re.M | re.I)
_ZONE_RULE = re.compile(r"^RRULE[^:\n]*:(?!FREQ=YEARLY;|FREQ=YEARLY\r?$)", re.M | re.I)
_MAX_ZONE_CHARACTERS = 20_000
_ENTRY = re.compile(r"^BEGIN:VEVENT[ \t]*\r?$.*?^END:VEVENT[ \t]*\r?$", re.M | re.S | re.I)
_ALARM = re.compile(r"^BEGIN:VALARM[ \t]*\r?$.*?^END:VALARM[ \t]*\r?$\n?", re.M | re.S | re.I)
_SUMMARY = re.compile(r"^SUMMARY[^:\n]*:([^\r\n]*)", re.M | re.I)
#: What a parser raises for damaged text.
_DAMAGES = (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError, OverflowError)


class CalendarFileError(Exception):
    """A file cannot be read. The message is a sentence for the person."""


@dataclass(frozen=True)
class CalendarFile:
    """What is in a file."""

    entries: tuple[icalendar.Event, ...]
    others: int = 0  #: tasks and notes (VTODO, VJOURNAL), which are no events
    name: str = ""  #: what the file calls the calendar
    damaged_alarms: tuple[str, ...] = ()  #: titles of the events whose alarms cannot be read, one for each alarm


def read_calendar_file(content: bytes) -> CalendarFile:
    """Return the entries of a file. Takes up to a second of processor time for the largest one: call it in a thread.

    Raises:
        CalendarFileError: the file is no calendar, too large, or damaged.
    """
    if len(content) > MAX_FILE_BYTES:
        raise CalendarFileError(f"This file is larger than the {MAX_FILE_BYTES // 1_000_000} MB that I read.")
    text = unfolded(_decoded(content))
    if not re.match(r"\s*BEGIN:VCALENDAR\b", text, re.I):
        raise CalendarFileError("This is not a calendar file: it does not begin with BEGIN:VCALENDAR.")
    _check_shape(text)
    try:
        calendars, damaged = parse_calendars(_harmless_zones(text))
        entries = [each for calendar in calendars for each in calendar.subcomponents if each.name == "VEVENT"]
        others = [each for calendar in calendars for each in calendar.subcomponents if each.name in _OTHERS]
        name = str(calendars[0].get("X-WR-CALNAME", "")) if calendars else ""
    except _DAMAGES as error:
        raise CalendarFileError(f"I could not read this calendar file: {_shown(error)}.") from None
    events = tuple(each for each in entries if isinstance(each, icalendar.Event))
    return CalendarFile(events, len(others), " ".join(name.split())[:80], tuple(damaged))


def unfolded(text: str) -> str:
    """Join the lines of a file that were broken because they are long."""
    return _FOLD.sub("", text)


def parse_calendars(text: str) -> tuple[list[icalendar.Calendar], list[str]]:
    """Parse unfolded text. An alarm that cannot be read is left out, and its event is kept.

    Returns:
        The calendars, and the titles of the events whose alarms were left out.

    Raises:
        ValueError: or another of the errors that a parser raises for damaged text.
    """
    try:
        return _calendars(text), []
    except _DAMAGES:
        damaged: list[str] = []
        readable = _ENTRY.sub(lambda entry: _without_damaged_alarms(entry[0], damaged), text)
        if not damaged:
            raise
        return _calendars(readable), damaged


def _calendars(text: str) -> list[icalendar.Calendar]:
    return icalendar.Calendar.from_ical(text, multiple=True)


def _without_damaged_alarms(entry: str, damaged: list[str]) -> str:
    """Take the alarms that cannot be read out of the text of an entry. Its title is added to ``damaged`` for each."""
    summary = _SUMMARY.search(entry)
    title = " ".join(re.sub(r"\\(.)", r"\1", summary[1]).split())[:200] if summary else "an event without a title"

    def kept(alarm: re.Match[str]) -> str:
        try:
            icalendar.Alarm.from_ical(alarm[0])
        except _DAMAGES:
            damaged.append(title)
            return ""
        return alarm[0]

    return _ALARM.sub(kept, entry)


_OTHERS = ("VTODO", "VJOURNAL")


def _decoded(content: bytes) -> str:
    for encoding in ("utf-16",) if content[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "cp1252"):
        try:
            return content.decode(encoding).replace("\x00", "")
        except UnicodeDecodeError:
            continue
    return content.decode("latin-1").replace("\x00", "")


def _check_shape(text: str) -> None:
    """Count and nest before anything is parsed: a parser needs memory and depth for both."""
    depth = deepest = events = 0
    for match in _PARTS.finditer(text.replace("\r\n", "\n")):
        begins = match[1].upper() == "BEGIN"
        depth += 1 if begins else -1
        deepest = max(deepest, depth)
        events += begins and match[2].upper() == "VEVENT"
    if deepest > 5:
        raise CalendarFileError("This calendar file is nested too deeply for me to read.")
    if events > MAX_ENTRIES:
        raise CalendarFileError(f"This calendar has {events:,} events; I take up to {MAX_ENTRIES:,} at a time.")
    if depth != 0:
        raise CalendarFileError("This calendar file is cut off: a part of it has no end.")
    lines = text.splitlines()
    if len(lines) > MAX_LINES:
        raise CalendarFileError(f"This calendar file has {len(lines):,} lines; I read up to {MAX_LINES:,}.")
    if any(len(line) > MAX_LINE_CHARACTERS for line in lines):
        raise CalendarFileError("This calendar file has a line that is too long for me to read.")


def _harmless_zones(text: str) -> str:
    """Leave out definitions of time zones that change more often than a few times a year.

    A definition by the second would keep a parser busy for hours. An event whose zone has no definition is read by the
    zone's name.
    """
    kept: list[str] = []
    at = 0
    while (begins := _ZONE_BEGINS.search(text, at)) and (ends := _ZONE_ENDS.search(text, begins.end())):
        zone = text[begins.start() : ends.end()]
        harmless = len(zone) <= _MAX_ZONE_CHARACTERS and not _ZONE_RULE.search(zone)
        kept += [text[at : begins.start()], zone if harmless else ""]
        at = ends.end()
    return "".join([*kept, text[at:]])


def _shown(error: Exception) -> str:
    text = " ".join(str(error).split())
    return (text[:100] + "…" if len(text) > 100 else text).rstrip(".") or "it is damaged"
