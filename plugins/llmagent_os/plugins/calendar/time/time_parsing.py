"""Parses times of day in people's words.

>>> from datetime import datetime
>>> now = datetime(2026, 11, 22, 17, 0)
>>> parse_time("half past six", now)
TimeOfDay(kind='at', start=390, end=390, sure=False, day=None, zone=None, usual=None)
>>> parse_time("between 2 and 4pm", now)
TimeOfDay(kind='range', start=840, end=960, sure=True, day=None, zone=None, usual=None)
>>> parse_time("in 20 minutes", now)
datetime.datetime(2026, 11, 22, 17, 20)
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from llmagent_os.plugins.calendar.time.duration_parsing import QUANTITY, parse_duration
from llmagent_os.plugins.calendar.time.text_normalization import normalize
from llmagent_os.plugins.calendar.time.time_errors import TimeExpressionError

HalfOfDay = Literal["am", "pm", "night"]
DAY_MINUTES = 24 * 60


@dataclass(frozen=True)
class TimeOfDay:
    """A time of day, or a part of a day, in minutes after midnight."""

    kind: Literal["at", "range", "part", "before", "after", "all_day"]
    start: int  #: minutes; for ``before``, the earliest time that counts
    end: int  #: minutes; equal to ``start`` for a point in time; above 1440 on the next day
    sure: bool = True  #: the words say whether morning or evening is meant
    day: int | None = None  #: days from today, if the words name a day ("tonight")
    zone: str | None = None  #: the IANA time zone, if the words name one
    usual: int | None = None  #: for a ``part``: the minute at which an event "in the morning" usually begins

    @property
    def begins(self) -> int:
        """The minute at which an event at this time begins."""
        if self.usual is not None:
            return self.usual
        return max(self.end - 60, self.start) if self.kind == "before" else self.start

    def settled(self, half: HalfOfDay | None = None) -> TimeOfDay:
        """Decide between morning and evening: by ``half``, or else the time between 8 AM and 8 PM."""
        if self.sure:
            return self
        start = _in_half(self.start, half) if half else _working(self.start)
        end = start + (self.end - self.start) % (12 * 60)
        if self.end != self.start and end == start:
            end += 12 * 60
        if self.kind == "before":
            return replace(self, start=0, end=_in_half(self.end, half) if half else _working(self.end), sure=True)
        if self.kind == "after":
            return replace(self, start=start, end=DAY_MINUTES, sure=True)
        return replace(self, start=start, end=end, sure=True)


_HOUR = r"(\d{1,2})(?: ?[:.h] ?([0-5]\d)| ?([0-5]\d))? ?(am|pm|h|hours|a|p)?"
_HOUR_RE = re.compile(_HOUR)
_PART_NAMES = r"(morning|afternoon|evening|night|tonight)"
_HALVES: dict[str, HalfOfDay] = {
    "morning": "am",
    "afternoon": "pm",
    "evening": "pm",
    "night": "night",
    "tonight": "night",
}
# start, end, and the usual beginning of an event at this time, in minutes after midnight
_PARTS: dict[str, tuple[int, int, int]] = {
    "morning": (360, 720, 540),
    "early morning": (300, 540, 420),
    "late morning": (600, 720, 660),
    "mid morning": (540, 660, 600),
    "midmorning": (540, 660, 600),
    "afternoon": (720, 1080, 840),
    "early afternoon": (720, 900, 780),
    "late afternoon": (900, 1080, 960),
    "mid afternoon": (840, 960, 900),
    "evening": (1080, 1320, 1140),
    "early evening": (1020, 1170, 1080),
    "late evening": (1200, DAY_MINUTES, 1260),
    "night": (1200, DAY_MINUTES, 1200),
    "tonight": (1080, DAY_MINUTES, 1200),
    "late night": (1320, DAY_MINUTES, 1320),
    "late at night": (1320, DAY_MINUTES, 1320),
    "late in day": (960, 1140, 1020),
    "early in day": (420, 600, 480),
    "first thing": (420, 540, 480),
    "lunch": (720, 840, 735),
    "lunchtime": (720, 840, 735),
    "breakfast": (420, 570, 480),
    "dinner": (1080, 1260, 1140),
    "bedtime": (1290, DAY_MINUTES, 1320),
    "after breakfast": (540, 660, 540),
    "before breakfast": (330, 450, 390),
    "before work": (390, 525, 450),
    "before school": (390, 510, 450),
    "before lunch": (600, 720, 660),
    "after lunch": (780, 960, 780),
    "after school": (900, 1080, 930),
    "after class": (900, 1080, 930),
    "after work": (1020, 1260, 1050),
    "before dinner": (1020, 1140, 1020),
    "after dinner": (1170, 1380, 1200),
    "before bed": (1260, 1410, 1290),
}
_POINTS = {
    "noon": 720,
    "12 noon": 720,
    "12noon": 720,
    "midnight": DAY_MINUTES,
    "end of day": 1020,
    "close of business": 1020,
}
_ZONES = {
    "est edt et eastern": "America/New_York",
    "cst cdt ct central": "America/Chicago",
    "mst mdt mt mountain": "America/Denver",
    "pst pdt pt pacific": "America/Los_Angeles",
    "gmt utc": "UTC",
    "bst": "Europe/London",
    "cet cest": "Europe/Berlin",
}


def parse_time(text: str, now: datetime) -> TimeOfDay | datetime:
    """Parse a time of day. ``in 20 minutes`` gives a moment instead.

    Args:
        text: the person's words.
        now: the present moment, on the person's wall clock.

    Raises:
        TimeExpressionError: ``text`` is not a time.
    """
    found = _parse(normalize(text), now)
    if found is None:
        raise TimeExpressionError("unknown", "time", text)
    return found


def _parse(said: str, now: datetime) -> TimeOfDay | datetime | None:
    said = (
        re.sub(r"^(?:(?:at|about|for|during|over|the|my|some time|by|in|on|-) )+(?=\S)", "", said)
        if not _is_delay(said)
        else said
    )
    if said in ("now", "right now", "immediately"):
        return now
    delay = re.fullmatch(
        rf"(?:in|after) ({QUANTITY} ?(?:minutes|hours|h|m)(?: .*)?)|({QUANTITY} ?(?:minutes|hours)(?: .*)?) from now",
        said,
    )
    if delay:
        try:
            return now + parse_duration(delay[1] or delay[2])
        except (TimeExpressionError, OverflowError):
            return None
    if re.fullmatch(r"(?:all|whole|entire|full) day(?: long)?", said):
        return TimeOfDay("all_day", 0, DAY_MINUTES)
    if said in ("later", "later today", "rest of day", "rest of today", "remainder of day"):
        return TimeOfDay("after", min(now.hour * 60 + now.minute, DAY_MINUTES - 1), DAY_MINUTES, day=0)
    zoned = re.fullmatch(
        r"(.+?) ?(est|edt|et|eastern|[cmp][sd]?t|central|mountain|pacific|gmt|utc|bst|cest|cet)(?: time)?", said
    )
    if zoned and (inner := _single(zoned[1])) is not None:
        zone = next(name for names, name in _ZONES.items() if zoned[2] in names.split())
        return replace(inner, zone=zone)
    return _point(said) or _with_part(said, now) or _open(said) or _single(said) or _range(said)


def _is_delay(said: str) -> bool:
    return re.match(rf"in {QUANTITY} ?(?:minutes|hours|h|m)\b", said) is not None


def _point(said: str) -> TimeOfDay | None:
    said = re.sub(r" time$", "", said)
    said = re.sub(r"\bof the\b", "of", said)
    if said in _POINTS:
        return TimeOfDay("at", _POINTS[said], _POINTS[said])
    said = re.sub(r" in (?:the )?(?:morning|evening)$", "", said) if said.startswith("first thing") else said
    said = re.sub(r"\b(?:the|my|hour|break) ?", "", said).strip()
    if said in _PARTS:
        start, end, usual = _PARTS[said]
        return TimeOfDay("part", start, end, day=0 if said == "tonight" else None, usual=usual)
    return None


def _with_part(said: str, now: datetime) -> TimeOfDay | None:
    """Parse a part of the day, with or without a time: "this evening", "morning at 8", "8 in the evening"."""
    this = re.fullmatch(
        rf"(later )?this ((?:early |late |mid )?{_PART_NAMES})(?: (.+))?|(late|later|early) (tonight)", said
    )
    if this:
        name = f"{this[2]}" if this[2] else "late night" if this[5] != "early" else "early evening"
        inner = _parse(f"{name} {this[4]}" if this[4] else name, now)
        return replace(inner, day=0) if isinstance(inner, TimeOfDay) else None
    before = re.fullmatch(rf"(?:early |late |mid )?{_PART_NAMES} ?(?:,|-)? ?(?:at |about |by )?(.+)", said)
    after = re.fullmatch(rf"(.+?) (?:in (?:the )?|at |this )?(?:early |late )?{_PART_NAMES}", said)
    for match, part, rest in ((before, 1, 2), (after, 2, 1)):
        if match:
            inner = _open(match[rest]) or _single(match[rest]) or _range(match[rest])
            if inner:
                settled = inner.settled(_HALVES[match[part]])
                return replace(settled, day=0 if match[part] == "tonight" or "this" in said.split() else None)
    return None


def _open(said: str) -> TimeOfDay | None:
    """Parse a time with one end: "after 3", "before noon", "from 5pm on", "until 6"."""
    match = re.fullmatch(
        r"(after|before|until|past|any ?time after|any ?time before|from|since) (.+?)( on| onwards?)?", said
    )
    if not match or (match[1] == "from" and not match[3]):
        return None
    inner = _point(match[2]) or _single(match[2])
    if inner is None or inner.kind != "at":
        return None
    if match[1].endswith("before") or match[1] == "until":
        return TimeOfDay("before", 0, inner.start, sure=inner.sure)
    return TimeOfDay("after", inner.start, DAY_MINUTES if inner.sure else inner.start, sure=inner.sure)


def _single(said: str) -> TimeOfDay | None:
    said = re.sub(r"^(?:at|about|by) ", "", said)
    if said in _POINTS:
        return TimeOfDay("at", _POINTS[said], _POINTS[said])
    near = re.fullmatch(
        r"(?:(half)(?: past)?|(?:an? )?(quarter) (past|after|to|until|of)"
        rf"|(\d\d?) (?:minutes )?(past|after|to|until|of)) {_HOUR}",
        said,
    )
    if near:
        hour = _hour(near, 6)
        # "10 to 5" in digits is a range of hours. "ten to five" (now "10 minutes to 5") and "20 to 5" are minutes.
        if hour is None or (near[4] and near[5] in ("to", "until") and "minutes" not in said and int(near[4]) <= 12):
            return None
        offset = 30 if near[1] else 15 if near[2] else int(near[4])
        sign = -1 if (near[3] or near[5]) in ("to", "until", "of") else 1
        start = hour.start + sign * offset
        if offset >= 60:
            return None
        start %= DAY_MINUTES if hour.sure else 12 * 60
        return replace(hour, start=start, end=start)
    match = _HOUR_RE.fullmatch(said)
    return _hour(match, 1) if match else None


def _hour(match: re.Match[str], group: int) -> TimeOfDay | None:
    hour, minute, suffix = match[group], int(match[group + 1] or match[group + 2] or 0), match[group + 3] or ""
    number = int(hour)
    if number > 24 or (number == 24 and minute) or (suffix[:1] in ("a", "p") and not 1 <= number <= 23):
        return None
    if suffix == "hours" and not (match[group + 1] or match[group + 2]):
        return None  # "3 hours" is a length, not a time
    if suffix[:1] in ("a", "p") and number <= 12:
        start = number % 12 * 60 + minute + (720 if suffix[0] == "p" else 0)
        return TimeOfDay("at", start, start)
    sure = number > 12 or number == 0 or hour.startswith("0") or suffix in ("h", "hours")
    start = number * 60 + minute
    return TimeOfDay("at", start, start) if sure else TimeOfDay("at", start % 720, start % 720, sure=False)


def _range(said: str) -> TimeOfDay | None:
    match = re.fullmatch(r"(?:(?:from|between) )?(.+?) ?(?:-| and | to | until ) ?(.+)", said)
    if not match:
        return None
    first, last = _single(match[1].strip()), _single(match[2].strip())
    if first is None or last is None:
        return None
    if first.sure and last.sure:
        end = last.start if last.start > first.start else last.start + DAY_MINUTES
        return TimeOfDay("range", first.start, end)
    if last.sure:
        # "9-11am", "11-1pm": the latest start before the end.
        start = max((s for s in (first.start, first.start + 720) if s < last.start), default=first.start)
        end = last.start if last.start > start else last.start + DAY_MINUTES
        return TimeOfDay("range", start, end)
    length = (last.start - first.start) % 720 or 720
    return TimeOfDay("range", first.start, first.start + length, sure=first.sure)


def _working(minutes: int) -> int:
    """Return the time of the two that lies between 8 AM and 8 PM."""
    minutes %= 720
    return minutes if 480 <= minutes < 720 else minutes + 720


def _in_half(minutes: int, half: HalfOfDay) -> int:
    minutes %= 720
    if half == "night":  # "12 at night", "2 at night"
        return minutes + DAY_MINUTES if minutes < 60 else minutes if minutes < 300 else minutes + 720
    return minutes + (720 if half == "pm" else 0)


def minutes_after_midnight(moment: datetime, minutes: int) -> datetime:
    """Return the midnight that begins the day of ``moment``, plus ``minutes``."""
    return moment.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(minutes=minutes)
