"""A date and a time as they were said, put together to a moment, a day or a stretch of time.

Everything here works on the wall clock of one zone: naive datetimes, made aware by :func:`aware` at the end.

>>> now = datetime(2026, 11, 22, 17, 0)
>>> slot(read("next tuesday", "3", now), now).start
datetime.datetime(2026, 11, 24, 15, 0)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from dateutil import tz

from llmagent_os.plugins.calendar.clock import Clock, Half, clock, later
from llmagent_os.plugins.calendar.days import Days, days
from llmagent_os.plugins.calendar.problems import WhenError
from llmagent_os.plugins.calendar.words import plain

HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class When:
    """What is known of a moment: any part of it, or none."""

    days: Days | None = None
    clock: Clock | None = None
    moment: datetime | None = None  #: exact, of "in 20 minutes"; then the others are None

    def __bool__(self) -> bool:
        return self.days is not None or self.clock is not None or self.moment is not None


@dataclass(frozen=True)
class Slot:
    """A place in the calendar, on the wall clock."""

    start: datetime
    end: datetime  #: exclusive; of an all-day one the midnight after its last day
    all_day: bool = False
    end_said: bool = False  #: whether the person gave the end or how long


def month_first(zone: str) -> bool:
    """Whether people in this IANA zone write 3/4 for the 4th of March."""
    return zone.startswith(("America/", "US/", "Pacific/Honolulu")) or zone in ("UTC", "Etc/UTC")


def aware(wall: datetime, zone: ZoneInfo) -> datetime:
    """The wall clock's ``wall`` in ``zone``. A time that the clocks skip is moved on by as much as they skip; of one
    that comes twice this is the first.
    """
    try:
        return tz.resolve_imaginary(wall.replace(tzinfo=zone, fold=0))
    except OverflowError:
        return wall.replace(tzinfo=UTC)


def read(
    date_said: str | None,
    time_said: str | None,
    now: datetime,
    *,
    anchor: date | None = None,
    us: bool = True,
) -> When:
    """What a date and a time, as said, tell. Each may hold the other one or both.

    Args:
        date_said: "next tuesday", "tomorrow evening".
        time_said: "3pm", "in 20 minutes", "tomorrow at 3".
        now: the present on the person's wall clock.
        anchor: the day of the event that is talked about, for "the next day".
        us: whether the month comes first in 3/4.

    Raises:
        WhenError: one of them cannot be made out.
    """
    known = When()
    for said, is_date in ((date_said, True), (time_said, False)):
        if said and plain(said):
            known = _merge(known, _either(said, is_date, now, anchor, us))
    if known.clock is not None and known.clock.day is not None and known.days is None:
        day = now.date() + timedelta(days=known.clock.day)
        known = replace(known, days=Days(day, day))
    return known


def _either(said: str, is_date: bool, now: datetime, anchor: date | None, us: bool) -> When:
    readers = (_date, _time) if is_date else (_time, _date)
    first: WhenError | None = None
    for reader in readers:
        try:
            return reader(said, now, anchor, us)
        except WhenError as error:
            first = first or error
    for left, right in _halves(said):
        for one, other in ((_date, _time), (_time, _date)):
            try:
                return _merge(one(left, now, anchor, us), other(right, now, anchor, us))
            except WhenError:
                continue
    raise first or WhenError("unknown", "date", said)


def _date(said: str, now: datetime, anchor: date | None, us: bool) -> When:
    found = days(said, now.date(), month_first=us, anchor=anchor)
    part = {"tonight": "tonight", "last night": "night"}.get(plain(said))
    found_part = clock(part, now) if part else None
    return When(days=found, clock=found_part if isinstance(found_part, Clock) else None)


def _time(said: str, now: datetime, anchor: date | None, us: bool) -> When:
    found = clock(said, now)
    return When(clock=found) if isinstance(found, Clock) else When(moment=found)


def _halves(said: str) -> Iterator[tuple[str, str]]:
    words = plain(said).split()
    for at in range(len(words) - 1, 0, -1) if len(words) <= 12 else ():
        yield " ".join(words[:at]), " ".join(words[at:])


def _merge(one: When, other: When) -> When:
    return When(days=one.days or other.days, clock=other.clock or one.clock, moment=one.moment or other.moment)


def slot(
    when: When,
    now: datetime,
    *,
    length: timedelta | None = None,
    zone: ZoneInfo | None = None,
    half: Half | None = None,
    usual_length: timedelta = HOUR,
) -> Slot:
    """Where something goes that was said to be at ``when``.

    Args:
        when: at least a day or a time.
        now: the present on the person's wall clock.
        length: how long, where it was said.
        zone: the person's zone, for times said in another one.
        half: morning or evening, for a time that does not say so ("make it 4": as the old one).
        usual_length: how long, where it was not said.

    Raises:
        WhenError: it is past, or several days where one is needed.
    """
    try:
        return _slot(when, now, length, zone, half, usual_length)
    except (OverflowError, ValueError):
        raise WhenError("unknown", "date", "a date that far away") from None


def _slot(
    when: When,
    now: datetime,
    length: timedelta | None,
    zone: ZoneInfo | None,
    half: Half | None,
    usual_length: timedelta,
) -> Slot:
    said = length is not None
    if when.moment is not None:
        start = when.moment.replace(second=0, microsecond=0)
        return Slot(start, start + (length or usual_length), end_said=said)
    if when.clock is None or when.clock.kind == "all_day":
        return _whole_days(when, now, length)
    if when.days is not None and not when.days.single:
        raise WhenError("ambiguous", "date", _spoken(when.days))
    day = when.days.first if when.days else now.date()
    start, end = _on(day, when.clock, now, half)
    if start < now and when.clock.kind in ("part", "after", "before") and now < end:
        start = _next_quarter(now)  # "this afternoon", said in the afternoon
    if start < now - timedelta(minutes=1):
        if when.days is None and day == now.date():
            start, end = _on(day + _DAY, when.clock, now, half)
        elif when.days is not None and when.days.again:
            start, end = _on(day + timedelta(days=when.days.again), when.clock, now, half)
        else:
            raise WhenError("past", "time", str(start), start)
    if when.clock.zone and zone is not None:
        moved = aware(start, ZoneInfo(when.clock.zone)).astimezone(zone).replace(tzinfo=None)
        start, end = moved, moved + (end - start)
    if when.clock.kind == "range":
        return Slot(start, start + length if length else end, end_said=True)
    return Slot(start, start + (length or usual_length), end_said=said)


def _whole_days(when: When, now: datetime, length: timedelta | None) -> Slot:
    found = when.days or Days(now.date(), now.date())
    if found.last < now.date():
        raise WhenError("past", "date", _spoken(found), datetime.combine(found.first, time()))
    start = datetime.combine(found.first, time())
    count = (found.last - found.first).days + 1
    if length and length >= _DAY and found.single:
        count = length.days
    return Slot(start, start + timedelta(days=count), all_day=True, end_said=count > 1)


def _on(day: date, said: Clock, now: datetime, half: Half | None) -> tuple[datetime, datetime]:
    midnight = datetime.combine(day, time())
    settled = said.settled(half)
    start = later(midnight, settled.begins)
    if not said.sure and half is None and start < now and day == now.date():
        other = said.settled("pm")  # "at 9", said at 5 PM, is 9 PM
        start, settled = later(midnight, other.begins), other
    return start, later(midnight, settled.end)


def _next_quarter(now: datetime) -> datetime:
    return (now + timedelta(minutes=15 - now.minute % 15)).replace(second=0, microsecond=0)


def _spoken(found: Days) -> str:
    return f"{found.first} to {found.last}" if not found.single else str(found.first)


def window(when: When, now: datetime, *, point: timedelta = timedelta(minutes=1)) -> list[tuple[datetime, datetime]]:
    """The stretches of time that a look-up covers, on the wall clock; none where nothing was said.

    Args:
        when: what was said.
        now: the present on the person's wall clock.
        point: how long a point in time counts for.
    """
    if when.moment is not None:
        return [(when.moment, when.moment + point)]
    if when.days is None and when.clock is None:
        return []
    found = when.days or Days(now.date(), now.date())
    if when.clock is None or when.clock.kind == "all_day":
        return [(datetime.combine(found.first, time()), datetime.combine(found.last, time()) + _DAY)]
    spans: list[tuple[datetime, datetime]] = []
    for offset in range(min((found.last - found.first).days, 400) + 1):
        midnight = datetime.combine(found.first + timedelta(days=offset), time())
        settled = when.clock.settled()
        start = later(midnight, settled.start)
        spans.append((start, later(midnight, settled.end) if settled.end > settled.start else start + point))
    return spans
