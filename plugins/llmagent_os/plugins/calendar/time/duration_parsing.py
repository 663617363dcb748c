"""Parses amounts of time in people's words: durations, and shifts such as "an hour later".

>>> parse_duration("an hour and a half")
datetime.timedelta(seconds=5400)
>>> parse_shift("push it back by 30 minutes")
Shift(by=datetime.timedelta(seconds=1800), direction=1)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

from llmagent_os.plugins.calendar.time.text_normalization import normalize
from llmagent_os.plugins.calendar.time.time_errors import TimeExpressionError

#: An amount without its unit, as a regular expression. :func:`parse_quantity` turns it into a number.
QUANTITY = (
    r"(?:\d{1,4}(?:\.\d{1,2})?(?: and a half)?|half of an?|half an?|a half"
    r"|an? quarter of an?|quarter of an?|3 quarters of an?"
    r"|an? couple(?: of)?|couple(?: of)?|an? few|few|several|an?|half)"
)
_MINUTES = {"minutes": 1, "m": 1, "hours": 60, "h": 60, "day": 1440, "days": 1440, "nights": 1440, "night": 1440} | {
    "week": 10080,
    "weeks": 10080,
    "month": 43200,
    "months": 43200,
}
_UNIT = r"(?:minutes|m|hours|h|days?|nights?|weeks?|months?)"
_AMOUNT = re.compile(rf"({QUANTITY}) ?({_UNIT})(?![a-z])(?: (and a half))?")
_WHOLE = {
    "day": timedelta(days=1),
    "morning": timedelta(hours=3),
    "afternoon": timedelta(hours=4),
    "evening": timedelta(hours=3),
    "night": timedelta(hours=8),
    "weekend": timedelta(days=2),
    "week": timedelta(days=7),
    "month": timedelta(days=30),
}
_LATER = re.compile(r"\b(later|back|postpone|delay|delayed|forward by|after|push|defer|behind|extend|longer)\b")
_EARLIER = re.compile(r"\b(earlier|sooner|bring\b.*\b(forward|up)|forward|ahead|before|move up|advance|prepone)\b")


@dataclass(frozen=True)
class Shift:
    """How far an event moves."""

    by: timedelta
    direction: int  #: 1: later; -1: earlier; 0: the words do not say


def parse_quantity(text: str) -> float:
    """Return the number that a :data:`QUANTITY` stands for."""
    number = re.match(r"\d+(?:\.\d+)?", text)
    if "quarter" in text:
        return 0.75 if number else 0.25
    if number:
        return float(number[0]) + (0.5 if text.endswith("and a half") else 0)
    if "half" in text:
        return 0.5
    if "couple" in text:
        return 2
    return 3 if "few" in text or "several" in text else 1


def parse_duration(text: str) -> timedelta:
    """Parse a length between minutes and months.

    Raises:
        TimeExpressionError: ``text`` is not a length of time.
    """
    said = re.sub(r"^(?:for|about|at least|up to|lasting|the next|another|an? good)\s+", "", normalize(text))
    whole = re.fullmatch(
        rf"(?:all|the whole|the entire|a full|a whole|whole|full|the) ?({'|'.join(_WHOLE)})(?: long)?", said
    )
    if whole:
        return _WHOLE[whole[1]]
    compact = re.fullmatch(r"(\d{1,2})h ?(\d{2})m?", said)
    if compact:
        return timedelta(hours=int(compact[1]), minutes=int(compact[2]))
    total = _sum(re.sub(r" long$", "", said))
    if total is None or not timedelta() < total <= timedelta(days=366):
        raise TimeExpressionError("unknown", "duration", text)
    return total


def parse_shift(text: str, said: str = "") -> Shift:
    """Parse how far to move an event: "by an hour", "30 minutes earlier", "a week later".

    Args:
        text: the amount, with or without its direction.
        said: the whole message, which may name the direction.

    Raises:
        TimeExpressionError: ``text`` holds no amount, as in "back a bit".
    """
    words = normalize(text)
    found = _AMOUNT.search(words)
    total = _sum(words[found.start() :].split(" later")[0].split(" earlier")[0]) if found else None
    if found and total is None:
        total = _one(found)
    if not total:
        raise TimeExpressionError("unknown", "time", text)
    for place in (words, normalize(said)):
        if re.search(r"\b(bring|move|push|put)\b.*\b(forward|up)\b", place) and not re.search(
            r"\b(later|back)\b", place
        ):
            return Shift(total, -1)
        if _LATER.search(place):
            return Shift(total, 1)
        if _EARLIER.search(place):
            return Shift(total, -1)
    return Shift(total, 0)


def _one(found: re.Match[str]) -> timedelta:
    amount = parse_quantity(found[1]) + (0.5 if found[3] else 0)
    return timedelta(minutes=round(amount * _MINUTES[found[2]]))


def _sum(text: str) -> timedelta | None:
    total, rest = timedelta(), text.strip()
    while rest:
        found = _AMOUNT.match(rest)
        if not found:
            return None
        total += _one(found)
        rest = re.sub(r"^(?:\s*,?\s*and\b)?\s*", "", rest[found.end() :])
    return total
