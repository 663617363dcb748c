"""Spans of the clock, such as ``22:00-07:00``, and the moments at which they begin and end in a time zone.

A span is a piece of time on a date, with a beginning and an end that are moments. So the change to summer time moves
neither: a night is an hour shorter or longer then, and never happens twice.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache

import msgspec

_SPAN = re.compile(r"\s*(\d{1,2})[:.](\d{2})\s*(?:-|–|to)\s*(\d{1,2})[:.](\d{2})\s*")
_DAY_MINUTES = 24 * 60


class TimeSpan(msgspec.Struct, frozen=True):
    """A span of the clock. One that does not end after its beginning ends on the next day."""

    begins: int  #: minutes after midnight, 0 to 1439
    ends: int  #: minutes after midnight, 1 to 1440

    def on(self, day: date, zone: tzinfo) -> tuple[datetime, datetime]:
        """The beginning and the end of the span that begins on ``day``, in UTC.

        A clock time that the zone leaves out, in spring, is the moment an hour later on the clock. Of a clock time that
        comes twice, in autumn, the first one counts.
        """
        last = day if self.ends > self.begins else day + timedelta(days=1)
        return _moment(day, self.begins, zone), _moment(last, self.ends, zone)

    def __str__(self) -> str:
        return f"{_clock(self.begins)}-{_clock(self.ends)}"


def _moment(day: date, minutes: int, zone: tzinfo) -> datetime:
    days, left = divmod(minutes, _DAY_MINUTES)
    clock = time(left // 60, left % 60, tzinfo=zone)
    return datetime.combine(day + timedelta(days=days), clock).astimezone(UTC)


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


@lru_cache(maxsize=256)
def parse_span(text: str) -> TimeSpan:
    """Read a span.

    Raises:
        ValueError: it is none; the text says what to write.

    >>> str(parse_span("9:00 - 17.30")), parse_span("22:00-07:00").ends
    ('09:00-17:30', 420)
    """
    found = _SPAN.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no span of time; write one like 22:00-07:00")
    hour, minute, last_hour, last_minute = map(int, found.groups())
    begins, ends = hour * 60 + minute, last_hour * 60 + last_minute
    if minute > 59 or last_minute > 59 or begins >= _DAY_MINUTES or ends > _DAY_MINUTES:
        raise ValueError(f"{text!r} has no time of a day; the clock goes from 00:00 to 24:00")
    if begins == ends % _DAY_MINUTES and (begins, ends) != (0, _DAY_MINUTES):
        raise ValueError(f"{text!r} begins and ends at the same time; for a whole day write 00:00-24:00")
    return TimeSpan(begins, ends or _DAY_MINUTES)


def end_of(spans: Sequence[TimeSpan], now: datetime, zone: tzinfo) -> datetime | None:
    """When the time that ``spans`` cover on every day is over. None: ``now`` is in none of them.

    Args:
        spans: of every day.
        now: the present, aware.
        zone: whose clock the spans are read on.
    """
    until, today = now, now.astimezone(zone).date()
    for day in (today + timedelta(days=number) for number in range(-1, 3)):
        for begins, ends in sorted(span.on(day, zone) for span in spans):
            if begins <= until < ends:
                until = ends
    return until if until > now else None


def never_ends(spans: Sequence[TimeSpan]) -> bool:
    """Whether ``spans`` cover the whole day together.

    >>> never_ends([parse_span("22:00-08:00"), parse_span("08:00-22:00")]), never_ends([parse_span("22:00-08:00")])
    (True, False)
    """
    covered = bytearray(_DAY_MINUTES)
    for span in spans:
        last = span.ends if span.ends > span.begins else span.ends + _DAY_MINUTES
        for minute in range(span.begins, last):
            covered[minute % _DAY_MINUTES] = 1
    return all(covered)
