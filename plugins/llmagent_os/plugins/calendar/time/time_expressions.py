"""Combines a date and a time in a person's words into a moment, a day or a period.

All datetimes here are naive, on the wall clock of one time zone. :func:`to_aware` makes them aware at the end.

>>> now = datetime(2026, 11, 22, 17, 0)
>>> find_slot(parse_time_expression("next tuesday", "3", now), now).start
datetime.datetime(2026, 11, 24, 15, 0)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from dateutil import tz

from llmagent_os.plugins.calendar.time.date_parsing import DateRange, parse_dates
from llmagent_os.plugins.calendar.time.text_normalization import normalize
from llmagent_os.plugins.calendar.time.time_errors import TimeExpressionError
from llmagent_os.plugins.calendar.time.time_parsing import HalfOfDay, TimeOfDay, minutes_after_midnight, parse_time

ONE_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)


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


def writes_month_first(zone: str) -> bool:
    """Return whether people in this IANA time zone write 3/4 for the 4th of March."""
    return zone.startswith(("America/", "US/", "Pacific/Honolulu")) or zone in ("UTC", "Etc/UTC")


def to_aware(wall: datetime, zone: ZoneInfo) -> datetime:
    """Make ``wall`` aware in ``zone``.

    A time that the clocks skip moves forward by the skipped amount. Of a time that comes twice, this is the first.
    """
    try:
        return tz.resolve_imaginary(wall.replace(tzinfo=zone, fold=0))
    except OverflowError:
        return wall.replace(tzinfo=UTC)


def parse_time_expression(
    date_said: str | None,
    time_said: str | None,
    now: datetime,
    *,
    anchor: date | None = None,
    month_first: bool = True,
) -> TimeExpression:
    """Parse a date and a time in the person's words. Either text may hold a date, a time or both.

    Args:
        date_said: "next tuesday", "tomorrow evening".
        time_said: "3pm", "in 20 minutes", "tomorrow at 3".
        now: the present moment on the person's wall clock.
        anchor: the day of the event in question, for "the next day".
        month_first: whether 3/4 is the 4th of March.

    Raises:
        TimeExpressionError: one of the texts cannot be parsed.
    """
    known = TimeExpression()
    for said, is_date in ((date_said, True), (time_said, False)):
        if said and normalize(said):
            known = _merge(known, _either(said, is_date, now, anchor, month_first))
    if known.time_of_day is not None and known.time_of_day.day is not None and known.days is None:
        day = now.date() + timedelta(days=known.time_of_day.day)
        known = replace(known, days=DateRange(day, day))
    return known


def _either(said: str, is_date: bool, now: datetime, anchor: date | None, month_first: bool) -> TimeExpression:
    readers = (_date, _time) if is_date else (_time, _date)
    first: TimeExpressionError | None = None
    for reader in readers:
        try:
            return reader(said, now, anchor, month_first)
        except TimeExpressionError as error:
            first = first or error
    for left, right in _halves(said):
        for one, other in ((_date, _time), (_time, _date)):
            try:
                return _merge(one(left, now, anchor, month_first), other(right, now, anchor, month_first))
            except TimeExpressionError:
                continue
    raise first or TimeExpressionError("unknown", "date", said)


def _date(said: str, now: datetime, anchor: date | None, month_first: bool) -> TimeExpression:
    found = parse_dates(said, now.date(), month_first=month_first, anchor=anchor)
    part = {"tonight": "tonight", "last night": "night"}.get(normalize(said))
    found_part = parse_time(part, now) if part else None
    return TimeExpression(days=found, time_of_day=found_part if isinstance(found_part, TimeOfDay) else None)


def _time(said: str, now: datetime, anchor: date | None, month_first: bool) -> TimeExpression:
    found = parse_time(said, now)
    return TimeExpression(time_of_day=found) if isinstance(found, TimeOfDay) else TimeExpression(moment=found)


def _halves(said: str) -> Iterator[tuple[str, str]]:
    words = normalize(said).split()
    for at in range(len(words) - 1, 0, -1) if len(words) <= 12 else ():
        yield " ".join(words[:at]), " ".join(words[at:])


def _merge(one: TimeExpression, other: TimeExpression) -> TimeExpression:
    return TimeExpression(
        days=one.days or other.days, time_of_day=other.time_of_day or one.time_of_day, moment=one.moment or other.moment
    )


def find_slot(
    when: TimeExpression,
    now: datetime,
    *,
    length: timedelta | None = None,
    zone: ZoneInfo | None = None,
    half: HalfOfDay | None = None,
    usual_length: timedelta = ONE_HOUR,
) -> TimeSlot:
    """Find the time in the calendar that ``when`` means for a new or moved event.

    Args:
        when: at least a day or a time.
        now: the present moment on the person's wall clock.
        length: the length, if the person gave one.
        zone: the person's time zone, for times given in another zone.
        half: morning or evening, for a time that does not say which ("make it 4" keeps the half of the old time).
        usual_length: the length, if the person gave none.

    Raises:
        TimeExpressionError: the time is past, or several days are given for an event of one day.
    """
    try:
        return _slot(when, now, length, zone, half, usual_length)
    except (OverflowError, ValueError):
        raise TimeExpressionError("unknown", "date", "a date that far away") from None


def _slot(
    when: TimeExpression,
    now: datetime,
    length: timedelta | None,
    zone: ZoneInfo | None,
    half: HalfOfDay | None,
    usual_length: timedelta,
) -> TimeSlot:
    said = length is not None
    if when.moment is not None:
        start = when.moment.replace(second=0, microsecond=0)
        return TimeSlot(start, start + (length or usual_length), end_said=said)
    if when.time_of_day is None or when.time_of_day.kind == "all_day":
        return _whole_days(when, now, length)
    if when.days is not None and not when.days.single:
        raise TimeExpressionError("ambiguous", "date", _spoken(when.days))
    day = when.days.first if when.days else now.date()
    start, end = _on(day, when.time_of_day, now, half)
    if start < now and when.time_of_day.kind in ("part", "after", "before") and now < end:
        start = _next_quarter(now)  # "this afternoon", said in the afternoon
    if start < now - timedelta(minutes=1):
        if when.days is None and day == now.date():
            start, end = _on(day + _DAY, when.time_of_day, now, half)
        elif when.days is not None and when.days.next_match_days:
            start, end = _on(day + timedelta(days=when.days.next_match_days), when.time_of_day, now, half)
        else:
            raise TimeExpressionError("past", "time", str(start), start)
    if when.time_of_day.zone and zone is not None:
        moved = to_aware(start, ZoneInfo(when.time_of_day.zone)).astimezone(zone).replace(tzinfo=None)
        start, end = moved, moved + (end - start)
    if when.time_of_day.kind == "range":
        return TimeSlot(start, start + length if length else end, end_said=True)
    return TimeSlot(start, start + (length or usual_length), end_said=said)


def _whole_days(when: TimeExpression, now: datetime, length: timedelta | None) -> TimeSlot:
    found = when.days or DateRange(now.date(), now.date())
    if found.last < now.date():
        raise TimeExpressionError("past", "date", _spoken(found), datetime.combine(found.first, time()))
    start = datetime.combine(found.first, time())
    count = (found.last - found.first).days + 1
    if length and length >= _DAY and found.single:
        count = length.days
    return TimeSlot(start, start + timedelta(days=count), all_day=True, end_said=count > 1)


def _on(day: date, said: TimeOfDay, now: datetime, half: HalfOfDay | None) -> tuple[datetime, datetime]:
    midnight = datetime.combine(day, time())
    settled = said.settled(half)
    start = minutes_after_midnight(midnight, settled.begins)
    if not said.sure and half is None and start < now and day == now.date():
        other = said.settled("pm")  # "at 9", said at 5 PM, is 9 PM
        start, settled = minutes_after_midnight(midnight, other.begins), other
    return start, minutes_after_midnight(midnight, settled.end)


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
