"""Moments and wall clocks when the clocks change.

A naive datetime is a time on the wall clock of a zone. If the clocks are set back, some times come twice; the second
one has ``fold=1`` (PEP 495). If they are set forward, some times do not come at all.

>>> from zoneinfo import ZoneInfo
>>> berlin = ZoneInfo("Europe/Berlin")
>>> wall_after(datetime(2026, 10, 24, 22, 0), timedelta(hours=8), berlin)  # that night has an hour more
datetime.datetime(2026, 10, 25, 5, 0)
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

from dateutil import tz

__all__ = ["existing_wall", "is_past", "next_pass", "to_aware", "to_wall", "wall_after"]


def to_aware(wall: datetime, zone: tzinfo) -> datetime:
    """Make ``wall`` aware in ``zone``.

    A time that the clocks skip moves forward by the skipped amount. Of a time that comes twice, ``fold`` says which.
    """
    try:
        return tz.resolve_imaginary(wall.replace(tzinfo=zone))
    except OverflowError:
        return wall.replace(tzinfo=UTC)


def to_wall(moment: datetime, zone: tzinfo) -> datetime:
    """Return what the wall clock of ``zone`` shows at an aware moment."""
    return moment.astimezone(zone).replace(tzinfo=None)


def wall_after(wall: datetime, elapsed: timedelta, zone: tzinfo | None) -> datetime:
    """Return what the wall clock shows after so much real time. Without a zone, clocks never change.

    Raises:
        OverflowError: that is beyond the year 9999.
    """
    if zone is None:
        return wall + elapsed
    return to_wall(to_aware(wall, zone).astimezone(UTC) + elapsed, zone)


def existing_wall(wall: datetime, zone: tzinfo | None) -> datetime:
    """Return ``wall``, or for a time that the clocks skip, what they show instead."""
    return wall if zone is None else to_aware(wall, zone).replace(tzinfo=None)


def next_pass(wall: datetime, now: datetime, zone: tzinfo | None) -> datetime:
    """Return ``wall`` with the ``fold`` of its first pass that is not over at ``now``, on the same wall clock.

    If both passes are over, or the time comes once, this is the first pass.
    """
    first, second = wall.replace(fold=0), wall.replace(fold=1)
    if zone is None or _in_utc(first, zone) >= _in_utc(now, zone):
        return first
    again = _in_utc(second, zone)
    return second if _in_utc(first, zone) < again and again >= _in_utc(now, zone) else first


def is_past(wall: datetime, now: datetime, zone: tzinfo | None) -> bool:
    """Return whether a time on the wall clock was more than a minute ago."""
    if zone is None:
        return wall < now - timedelta(minutes=1)
    return _in_utc(wall, zone) < _in_utc(now, zone) - timedelta(minutes=1)


def _in_utc(wall: datetime, zone: tzinfo) -> datetime:
    # Datetimes of the same zone are compared by their wall clocks, which is wrong when a time comes twice.
    return to_aware(wall, zone).astimezone(UTC)
