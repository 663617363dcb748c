"""People's time zones, on a machine that may not have them all."""

from __future__ import annotations

from zoneinfo import ZoneInfo


def is_known(name: str) -> bool:
    """Whether this machine has a time zone of this name.

    >>> is_known("Europe/Berlin"), is_known("Mars/Olympus"), is_known("../etc/passwd"), is_known("")
    (True, False, False, False)
    """
    return _found(name) is not None


def zone_or(name: str | None, default: str) -> ZoneInfo:
    """The time zone ``name``, or ``default`` if there is none or this machine lacks it.

    >>> zone_or("Europe/Berlin", "UTC").key, zone_or("Mars/Olympus", "UTC").key, zone_or(None, "UTC").key
    ('Europe/Berlin', 'UTC', 'UTC')
    """
    return (_found(name) if name else None) or ZoneInfo(default)


def _found(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError):  # not there, a folder, a path out of the database
        return None
