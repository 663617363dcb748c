"""Combines a date and a time in a person's words into a moment, a day or a period.

All datetimes here are naive, on the wall clock of one time zone.
:func:`~llmagent_os.plugins.calendar.time.clock_changes.to_aware` makes them aware at the end.

>>> now = datetime(2026, 11, 22, 17, 0)
>>> find_slot(parse_time_expression("next tuesday", "3", now), now).start
datetime.datetime(2026, 11, 24, 15, 0)
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

from llmagent_os.plugins.calendar.time.clock_changes import existing_wall, is_past, next_pass, to_aware, to_wall
from llmagent_os.plugins.calendar.time.date_parsing import DateRange
from llmagent_os.plugins.calendar.time.time_errors import TimeExpressionError
from llmagent_os.plugins.calendar.time.time_parsing import (
    HalfOfDay,
    TimeOfDay,
    minutes_after_midnight,
)
from llmagent_os.plugins.calendar.time.zone_names import named_zone, zone_info

ONE_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
#: A time of a day that the person named, and that was this short ago, may be a slip of the pen.
SLIP_TIME = timedelta(hours=3)


@dataclass(frozen=True)
class TimeExpression:
    """The known parts of a moment. All of them may be missing."""

    days: DateRange | None = None
    time_of_day: TimeOfDay | None = None
    moment: datetime | None = None  #: an exact moment ("in 20 minutes"); the other parts are then None

    def __bool__(self) -> bool:
        return self.days is not None or self.time_of_day is not None or self.moment is not None


@dataclass(frozen=True)
class TimeSlot:
    """A time in the calendar, on the wall clock."""

    start: datetime
    end: datetime  #: exclusive; for an all-day slot, the midnight after its last day
    all_day: bool = False
    end_said: bool = False  #: whether the person gave the end or the length
    there: datetime | None = None  #: the start on the clocks of the zone that the person named, if it is another one
    there_zone: str = ""  #: that zone, as :func:`~llmagent_os.plugins.calendar.time.zone_names.named_zone` gives it


def writes_month_first(zone: str) -> bool:
    """Return whether people in this IANA time zone write 3/4 for the 4th of March."""
    return zone.startswith(("America/", "US/", "Pacific/Honolulu")) or zone in ("UTC", "Etc/UTC")


def find_slot(
    when: TimeExpression,
    now: datetime,
    *,
    length: timedelta | None = None,
    zone: ZoneInfo | None = None,
    half: HalfOfDay | None = None,
    usual_length: timedelta = ONE_HOUR,
    to_the_second: bool = False,
) -> TimeSlot:
    """Find the time in the calendar that ``when`` means for a new or moved event.

    Args:
        when: at least a day or a time.
        now: the present moment on the person's wall clock.
        length: the length, if the person gave one.
        zone: the person's time zone, for times given in another zone.
        half: morning or evening, for a time that does not say which ("make it 4" keeps the half of the old time).
        usual_length: the length, if the person gave none.
        to_the_second: a delay ("in 10 minutes") ends when it is over, and not at the beginning of that minute.

    Raises:
        TimeExpressionError: the time is past, or several days are given for an event of one day.
    """
    try:
        return _slot(when, now, length, zone, half, usual_length, to_the_second)
    except (OverflowError, ValueError):
        raise TimeExpressionError("unknown", "date", "a date that far away") from None


def _slot(
    when: TimeExpression,
    now: datetime,
    length: timedelta | None,
    zone: ZoneInfo | None,
    half: HalfOfDay | None,
    usual_length: timedelta,
    to_the_second: bool,
) -> TimeSlot:
    said = length is not None
    if when.moment is not None:
        start = _whole_minute(when.moment, now, to_the_second)
        return TimeSlot(start, start + (length or usual_length), end_said=said)
    if when.time_of_day is None or when.time_of_day.kind == "all_day":
        return _whole_days(when, now, length)
    if when.days is not None and not when.days.single:
        raise TimeExpressionError("ambiguous", "date", _spoken(when.days))
    if when.time_of_day.zone and zone is not None:
        slot = _elsewhere(when, when.time_of_day.zone, now, zone, half)
    else:
        slot = _timed(when, when.time_of_day, now, zone, half)
    if when.time_of_day.kind == "range":
        return replace(slot, end=slot.start + length if length else slot.end, end_said=True)
    return replace(slot, end=slot.start + (length or usual_length), end_said=said)


def _timed(
    when: TimeExpression, said: TimeOfDay, now: datetime, zone: tzinfo | None, half: HalfOfDay | None
) -> TimeSlot:
    """Return the slot of a time of day on the wall clock of ``now``."""
    day = when.days.first if when.days else now.date()
    start, end = _on(day, said, now, half, named=when.days is not None)
    if start < now and said.kind in ("part", "after", "before") and now < end:
        start = _next_quarter(now)  # "this afternoon", said in the afternoon
    start = next_pass(start, now, zone)
    if is_past(start, now, zone):
        if when.days is None and day == now.date():
            start, end = _on(day + _DAY, said, now, half, named=False)
        elif when.days is not None and when.days.next_match_days:
            start, end = _on(day + timedelta(days=when.days.next_match_days), said, now, half, named=True)
        else:
            raise TimeExpressionError("past", "time", str(start), start)
    length = end - start
    start = existing_wall(start, zone)
    return TimeSlot(start, start + length)


def _elsewhere(when: TimeExpression, zone_said: str, now: datetime, zone: ZoneInfo, half: HalfOfDay | None) -> TimeSlot:
    """Return the slot of a time on the clocks of another zone, on the person's wall clock."""
    day = when.days.first if when.days else now.date()
    name = named_zone(zone_said, zone.key, datetime.combine(day, time())) or zone.key
    there = zone_info(name)
    said = replace(when.time_of_day, zone=None) if when.time_of_day else None
    if said is None:
        raise TimeExpressionError("unknown", "time", zone_said)
    slot = _timed(when, said, to_wall(to_aware(now, zone), there), there, half)
    start = to_wall(to_aware(slot.start, there), zone)
    same = name == zone.key or (start == slot.start and name.startswith("UTC") == zone.key.startswith("UTC"))
    return TimeSlot(start, start + (slot.end - slot.start), there=None if same else slot.start, there_zone=name)


def _whole_days(when: TimeExpression, now: datetime, length: timedelta | None) -> TimeSlot:
    found = when.days or DateRange(now.date(), now.date())
    if found.last < now.date():
        raise TimeExpressionError("past", "date", _spoken(found), datetime.combine(found.first, time()))
    start = datetime.combine(found.first, time())
    count = (found.last - found.first).days + 1
    if length and length >= _DAY and found.single:
        count = length.days
    return TimeSlot(start, start + timedelta(days=count), all_day=True, end_said=count > 1)


def _on(day: date, said: TimeOfDay, now: datetime, half: HalfOfDay | None, *, named: bool) -> tuple[datetime, datetime]:
    midnight = datetime.combine(day, time())
    settled = said.settled(half)
    start = minutes_after_midnight(midnight, settled.begins)
    if not said.sure and half is None and start < now and day == now.date():
        later = said.settled("pm")
        # "at 9", said at 5 PM, is 9 PM. "at 8:30 today", said at 9 AM, may be a slip: it is asked about.
        if not named or now - start >= SLIP_TIME:
            start, settled = minutes_after_midnight(midnight, later.begins), later
    return start, minutes_after_midnight(midnight, settled.end)


def _whole_minute(moment: datetime, now: datetime, to_the_second: bool) -> datetime:
    """Return the minute of a delay's end. Delays of seconds end with a full minute, so that they do not end at once."""
    if moment - now < timedelta(minutes=1):
        moment = (moment + timedelta(seconds=-moment.second % 60)).replace(second=0, fold=moment.fold)
    return moment.replace(microsecond=0) if to_the_second else moment.replace(second=0, microsecond=0)


def _next_quarter(now: datetime) -> datetime:
    return (now + timedelta(minutes=15 - now.minute % 15)).replace(second=0, microsecond=0)


def _spoken(found: DateRange) -> str:
    return f"{found.first} to {found.last}" if not found.single else str(found.first)


def search_windows(
    when: TimeExpression, now: datetime, *, point: timedelta = timedelta(minutes=1)
) -> list[tuple[datetime, datetime]]:
    """Return the periods that a search covers, as start and end on the wall clock. Empty: ``when`` is empty.

    Args:
        when: the parsed date and time.
        now: the present moment on the person's wall clock.
        point: the length of a point in time.
    """
    if when.moment is not None:
        return [(when.moment, when.moment + point)]
    if when.days is None and when.time_of_day is None:
        return []
    found = when.days or DateRange(now.date(), now.date())
    if when.time_of_day is None or when.time_of_day.kind == "all_day":
        return [(datetime.combine(found.first, time()), datetime.combine(found.last, time()) + _DAY)]
    spans: list[tuple[datetime, datetime]] = []
    for offset in range(min((found.last - found.first).days, 400) + 1):
        midnight = datetime.combine(found.first + timedelta(days=offset), time())
        settled = when.time_of_day.settled()
        start = minutes_after_midnight(midnight, settled.start)
        spans.append(
            (start, minutes_after_midnight(midnight, settled.end) if settled.end > settled.start else start + point)
        )
    return spans
