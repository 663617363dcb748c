"""Finds in a text when something is to be, and what is left of the text.

The parsers are the calendar's (``llmagent_os.plugins.calendar.time``), so that a time means the same to every plugin.
The plugins do not import them there: a change inside the calendar then has one place to look at.

>>> from zoneinfo import ZoneInfo
>>> now = datetime(2026, 12, 1, 8, 0, tzinfo=ZoneInfo("Europe/Berlin"))
>>> found = read_moment("water the plants every 2 weeks on friday at 6pm", now)
>>> found.rest, found.rule, found.wall
('water the plants', 'FREQ=WEEKLY;INTERVAL=2;BYDAY=FR', datetime.datetime(2026, 12, 4, 18, 0))
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec
from dateutil import tz
from dateutil.rrule import rrulestr

from llmagent_os.plugins.calendar.time.clock_changes import to_aware, to_wall
from llmagent_os.plugins.calendar.time.expression_parsing import parse_time_expression
from llmagent_os.plugins.calendar.time.recurrence import Recurrence, parse_recurrence
from llmagent_os.plugins.calendar.time.time_errors import TimeExpressionError
from llmagent_os.plugins.calendar.time.time_expressions import TimeExpression, find_slot, writes_month_first
from llmagent_os.plugins.calendar.time.time_mentions import MentionKind, TimeMention, time_mentions
from llmagent_os.plugins.kit.translated_times import in_english

__all__ = ["MORNING", "SaidMoment", "TimeExpressionError", "clock_note", "next_wall", "read_moment", "to_aware"]

MORNING = time(9)  #: of a day for which no time is said
#: Whether the clocks skip a time on the wall clock of that day, or show it twice.
ClockNote = Literal["", "skipped", "twice"]

_WANTED = (MentionKind.DATE, MentionKind.TIME, MentionKind.RECURRENCE)
#: Times with their day as forms and computers write them.
_ISO = re.compile(r"(?<!\w)(\d{4}-\d\d-\d\d)(?:[T ](\d\d?:\d\d))?(?!\w)")
_EDGE = re.compile(r"^(?:[\s,;:.-]|(?:to|that|about)\b)+|(?:[\s,;:-]|\b(?:at|on|in|by|from|every)$)+$", re.I)


class SaidMoment(msgspec.Struct, frozen=True):
    """When something is to be, as a text says it."""

    rest: str  #: the text without the words of time
    wall: datetime | None = None  #: on the person's wall clock; None: the text says no time
    rule: str = ""  #: the value of an RRULE, on the wall clock; empty: it is once
    skipped: tuple[datetime, ...] = ()  #: times that the repetition leaves out
    repeats: str = ""  #: the words of the repetition
    is_delay: bool = False  #: a delay ("in 20 minutes"), which no other time zone changes
    is_clock_time: bool = False  #: a time of day alone: the text says no day
    clock: ClockNote = ""  #: what the clocks do at the time that was asked for


def read_moment(text: str, now: datetime) -> SaidMoment:
    """Read the words of time in a text.

    Args:
        text: such as "call mom tomorrow at 6pm". The commonest words of German, Spanish and Chinese are read, too.
        now: the present moment, aware, in the person's zone.

    Raises:
        TimeExpressionError: the words name no moment that is to come.
    """
    zone = now.tzinfo
    if not isinstance(zone, ZoneInfo):
        raise ValueError(f"{now} is in no IANA time zone")
    text = in_english(text)
    if iso := _ISO.search(text):
        return _iso(text, iso, now, zone)
    month_first = writes_month_first(zone.key)
    mentions = [each for each in time_mentions(text, month_first=month_first) if each.kind in _WANTED]
    rest = _without(text, mentions)
    days, times, again = (", ".join(each.text for each in mentions if each.kind is kind) for kind in _WANTED)
    if not mentions:
        return SaidMoment(rest=rest)
    here = to_wall(now, zone)
    when = parse_time_expression(days or None, times or None, here, month_first=month_first, zone=zone)
    if again:
        repetition = parse_recurrence(again, here.date(), month_first=month_first)
        return _repeated(rest, again, repetition, when, here, zone)
    if when.time_of_day is None and when.moment is None and when.days is not None:
        wall = datetime.combine(when.days.first, MORNING)
        return _once(rest, wall, wall, now, zone)
    slot = find_slot(when, here, zone=zone, to_the_second=True)
    if when.moment is not None:
        return SaidMoment(rest=rest, wall=slot.start, is_delay=True)
    elsewhere = when.time_of_day is not None and when.time_of_day.zone is not None
    asked = slot.start if elsewhere else find_slot(when, here).start
    return msgspec.structs.replace(_once(rest, slot.start, asked, now, zone), is_clock_time=not days)


def next_wall(wall: datetime, rule: str, after: datetime, skipped: Collection[datetime] = ()) -> datetime | None:
    """The first time of a repetition after ``after``. All are on one wall clock. None: the repetition is over."""
    starts = rrulestr(rule, dtstart=wall)
    found: datetime | None = starts.after(after)
    while found is not None and found in skipped:
        found = starts.after(found)
    return found


def clock_note(wall: datetime, zone: ZoneInfo) -> ClockNote:
    """What the clocks of a zone do at a time.

    >>> clock_note(datetime(2027, 3, 28, 2, 30), ZoneInfo("Europe/Berlin"))
    'skipped'
    """
    if not tz.datetime_exists(wall, zone):
        return "skipped"
    return "twice" if tz.datetime_ambiguous(wall, zone) else ""


def _once(rest: str, wall: datetime, asked: datetime, now: datetime, zone: ZoneInfo) -> SaidMoment:
    if to_aware(wall, zone) <= now - timedelta(minutes=1):
        raise TimeExpressionError("past", "time", str(wall), wall)
    return SaidMoment(rest=rest, wall=wall, clock="" if wall.fold else clock_note(asked, zone))


def _repeated(
    rest: str, said: str, again: Recurrence, when: TimeExpression, here: datetime, zone: ZoneInfo
) -> SaidMoment:
    if again.within_day:
        raise TimeExpressionError("impossible", "repeat", said)
    part = when.time_of_day or again.time_of_day
    minutes = part.settled().begins if part is not None else MORNING.hour * 60
    starts = when.days or again.limits.start
    day = max(starts.first, here.date()) if starts is not None else here.date()
    begin = datetime.combine(day, time()) + timedelta(minutes=minutes)
    first = next_wall(begin, again.rule, max(begin - timedelta(seconds=1), here))
    if first is None:
        raise TimeExpressionError("impossible", "repeat", said)
    bounded = again.bounded(first)
    start = next_wall(first, bounded.rule, first - timedelta(seconds=1), bounded.skipped) or first
    return SaidMoment(
        rest=rest,
        wall=start,
        rule=bounded.rule,
        skipped=bounded.skipped,
        repeats=said,
        clock=clock_note(start, zone),
    )


def _iso(text: str, found: re.Match[str], now: datetime, zone: ZoneInfo) -> SaidMoment:
    try:
        wall = datetime.fromisoformat(f"{found[1]} {(found[2] or f'{MORNING:%H:%M}').zfill(5)}")
    except ValueError:
        raise TimeExpressionError("unknown", "date", found[0]) from None
    return _once(_trimmed(text[: found.start()] + " " + text[found.end() :]), wall, wall, now, zone)


def _without(text: str, mentions: list[TimeMention]) -> str:
    kept, at = "", 0
    for each in mentions:
        kept += text[at : each.start] + " "
        at = each.end
    return _trimmed(kept + text[at:])


def _trimmed(text: str) -> str:
    return _EDGE.sub("", " ".join(text.split())).strip()
