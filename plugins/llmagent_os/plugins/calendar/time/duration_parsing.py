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
    r"|an? quarter(?: of an?)?|quarter of an?|3 quarters of an?"
    r"|an? couple(?: of)?|couple(?: of)?|an? few|few|several|an?|half)"
)
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_SECONDS = {
    "seconds": 1,
    "s": 1,
    "minutes": _MINUTE,
    "m": _MINUTE,
    "hours": _HOUR,
    "h": _HOUR,
    "day": _DAY,
    "days": _DAY,
    "night": _DAY,
    "nights": _DAY,
    "week": 7 * _DAY,
    "weeks": 7 * _DAY,
    "month": 30 * _DAY,
    "months": 30 * _DAY,
    "year": 365 * _DAY,
    "years": 365 * _DAY,
}
_UNIT = r"(?:seconds|s|minutes|m|hours|h|days?|nights?|weeks?|months?|years?)"
#: Parts of a unit that are said behind it: "an hour and a quarter".
_PARTS = {"a half": 0.5, "half": 0.5, "a quarter": 0.25, "3 quarters": 0.75}
_AMOUNT = re.compile(rf"({QUANTITY}) ?({_UNIT})(?![a-z])(?: and ({'|'.join(_PARTS)}))?")
# "2h15", "2 hours 15", "1 hour thirty": the minutes have no unit.
_HOURS_MINUTES = re.compile(r"(\d{1,2}) ?(?:h|hours) ?(?:and )?([0-5]?\d) ?(?:m|minutes)?")
_CLOCK_LIKE = re.compile(r"(\d{1,2}):([0-5]\d) ?(?:h|hours)?")
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
#: Words around a length that do not change it.
_MORE_OR_LESS = re.compile(
    r"^(?:(?:for|by|about|at (?:least|most)|up to|lasting|the next|another|an? good|max(?:imum)?|just|say"
    r"|not? (?:longer|more) than) )+"
    r"|(?:,? (?:long|in length|or (?:so|less|more)|max(?:imum)?|tops|at most|in total))+$|(?<=s) time$"
)
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
    said = _MORE_OR_LESS.sub("", normalize(text))
    said = re.sub(r"(?<=\d )(?:full|whole|entire|good|solid) (?=[a-z])", "", said)
    said = re.sub(r"^(?=(?:hours|day|week|month|year) and )", "an ", said)
    whole = re.fullmatch(
        rf"(?:all|the whole|the entire|a full|a whole|whole|full|the) ?({'|'.join(_WHOLE)})(?: long)?", said
    )
    if whole:
        return _WHOLE[whole[1]]
    compact = _HOURS_MINUTES.fullmatch(said) or (
        _CLOCK_LIKE.fullmatch(said) if said.endswith("h") or "hours" in said else None
    )
    if compact:
        return timedelta(hours=int(compact[1]), minutes=int(compact[2]))
    total = _sum(said)
    if total == timedelta():
        raise TimeExpressionError("impossible", "duration", text, why=f"“{text.strip()}” is no time at all.")
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
    amount = parse_quantity(found[1]) + _PARTS.get(found[3] or "", 0)
    return timedelta(seconds=round(amount * _SECONDS[found[2]]))


def _sum(text: str) -> timedelta | None:
    total, rest = timedelta(), text.strip()
    while rest:
        found = _AMOUNT.match(rest)
        if not found:
            return None
        total += _one(found)
        rest = re.sub(r"^(?:\s*,?\s*and\b)?\s*", "", rest[found.end() :])
        if found[2] in ("hours", "h") and re.fullmatch(r"\d\d?", rest):  # "2 hours 15"
            rest += " minutes"
    return total
