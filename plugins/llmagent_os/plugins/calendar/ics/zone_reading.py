"""Finds the IANA name of a time zone that a file defines itself, or calls by a name of its own."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from llmagent_os.plugins.calendar.calendar_event import known_zone


def zone_name(moment: datetime, own: str) -> str:
    """Return the name of the zone in which ``moment`` is on the same clock, through the year.

    Args:
        moment: of an event. Without a zone, it is on the clock of whoever looks at it.
        own: the person's time zone.
    """
    zone = moment.tzinfo
    if zone is None:
        return own
    key = getattr(zone, "key", None)
    if isinstance(key, str) and known_zone(key):
        return key
    offsets = _offsets(zone, moment.year)
    if _offsets_of(own, moment.year) == offsets:
        return own
    return _names_by_offsets(moment.year).get(offsets, "UTC")


def _offsets(zone: tzinfo, year: int) -> tuple[timedelta, ...]:
    """The distances to UTC at noon of six days, those around the usual clock changes among them."""
    days = ((1, 15), (3, 20), (4, 7), (7, 1), (10, 20), (11, 7))
    found = (datetime(year, month, day, 12).replace(tzinfo=zone).utcoffset() for month, day in days)
    return tuple(offset or timedelta() for offset in found)


def _offsets_of(name: str, year: int) -> tuple[timedelta, ...]:
    zone = known_zone(name)
    return _offsets(zone, year) if zone else ()


@lru_cache(maxsize=4)
def _names_by_offsets(year: int) -> dict[tuple[timedelta, ...], str]:
    """A zone for each row of distances: of several, a city's that comes first in the alphabet."""
    names = sorted(available_timezones(), key=lambda name: (name.startswith("Etc/"), "/" not in name, name))
    found: dict[tuple[timedelta, ...], str] = {}
    for name in names:
        if "/" in name and not name.startswith(("posix", "right", "SystemV")):
            found.setdefault(_offsets(ZoneInfo(name), year), name)
    return found
