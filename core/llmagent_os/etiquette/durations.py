"""How long people say that the bot should be silent: ``2h``, "an hour", "half an hour", "3 days"."""

from __future__ import annotations

import re
from datetime import timedelta

#: The longest time that somebody can ask for.
LONGEST = timedelta(days=30)

_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_NUMBERS = {"a": 1.0, "an": 1.0, "one": 1.0, "two": 2.0, "three": 3.0, "four": 4.0, "five": 5.0, "ten": 10.0}
_PART = re.compile(
    r"(\d{1,4}(?:\.\d)?|half an?|an?|one|two|three|four|five|ten)\s*"
    r"(m|min|mins|minutes?|h|hrs?|hours?|d|days?|w|weeks?)(?![a-z])"
)


def parse_duration(text: str) -> timedelta | None:
    """Read a time such as ``2h``, ``1h 30m`` or "half an hour". None: it is none.

    >>> str(parse_duration("1h 30m")), str(parse_duration("half an hour")), parse_duration("soon")
    ('1:30:00', '0:30:00', None)
    """
    plain = " ".join(text.lower().replace(",", " ").replace(" and ", " ").split())
    total, at = timedelta(), 0
    while at < len(plain):
        found = _PART.match(plain, at)
        if found is None:
            return None
        number, unit = found.groups()
        times = 0.5 if number.startswith("half") else _NUMBERS.get(number) or float(number)
        total += times * _UNITS[unit[0]]
        at = found.end()
        while at < len(plain) and plain[at] == " ":
            at += 1
    return min(total, LONGEST) if total > timedelta() else None
