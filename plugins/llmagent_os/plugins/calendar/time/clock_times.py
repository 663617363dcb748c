"""Parses times on a clock, and ranges of them, in normalized words: "half past 6", "3:30p", "9-11am"."""

from __future__ import annotations

import re
from dataclasses import replace

from llmagent_os.plugins.calendar.time.time_errors import TimeExpressionError
from llmagent_os.plugins.calendar.time.time_of_day import DAY_MINUTES, TimeOfDay

MAX_NIGHT_MINUTES = 16 * 60  #: the longest stretch over midnight that is no slip of the pen
#: Times with a name, in minutes after midnight.
POINTS = {
    "noon": 720,
    "12 noon": 720,
    "12noon": 720,
    "midnight": DAY_MINUTES,
    "end of day": 1020,
    "close of business": 1020,
    "end of business": 1020,
    "end of play": 1020,
    "close of play": 1020,
}
_HOUR = r"(\d{1,2})(?: ?[:.h] ?([0-5]\d)| ?([0-5]\d))? ?(am|pm|h|hours|a|p)?"
_HOUR_RE = re.compile(_HOUR)


def clock_time(said: str) -> TimeOfDay | None:
    """Parse one time: "half past 6", "3:30p", "1400". None: it is none."""
    said = re.sub(r"^(?:at|about|by) ", "", said)
    if said in POINTS:
        return TimeOfDay("at", POINTS[said], POINTS[said])
    near = re.fullmatch(
        r"(?:(half)(?: past)?|(?:an? )?(quarter) (past|after|to|until|of)"
        rf"|(\d\d?) (?:minutes )?(past|after|to|until|of)) {_HOUR}",
        re.sub(r"\bnoon$", "12pm", re.sub(r"\bmidnight$", "12am", said)),
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
    _check_clock(said)
    match = _HOUR_RE.fullmatch(said)
    return _hour(match, 1) if match else None


def _check_clock(said: str) -> None:
    """Raise an error for a time that no clock shows: 25:00, 8:75, 17pm is one."""
    match = re.fullmatch(r"(\d{1,3}):(\d\d) ?(am|pm|h|hours)?|(\d{2,3}) ?(am|pm)", said)
    if match is None:
        return
    hour, minute = int(match[1] or match[4]), int(match[2] or 0)
    if hour > 24 or minute > 59 or (hour == 24 and minute):
        raise TimeExpressionError("impossible", "time", said, why=f"There is no {said} on a clock.")


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


def clock_range(said: str) -> TimeOfDay | None:
    """Parse a range of times: "9-11am", "from 9 to 10:30", "between 2 and 4". None: it is none."""
    if said.startswith("between "):
        match = re.fullmatch(r"between (.+?) ?(?:-| and | to | until ) ?(.+)", said)
    else:
        match = re.fullmatch(r"(?:from )?(.+?) ?(?:-| to | until ) ?(.+)", said)
    if not match:
        return None
    first, last = clock_time(match[1].strip()), clock_time(match[2].strip())
    if first is None or last is None or "at" not in (first.kind, last.kind):
        return None
    if first.sure and last.sure:
        return _sure_range(first, last, match[1].strip(), match[2].strip())
    if last.sure and last.start > 12 * 60 and not match[2].rstrip().endswith(("m", "p")):
        return TimeOfDay("range", first.start or 12 * 60, last.start)  # "7 to 23", by a clock of 24 hours
    if last.sure:
        # "9-11am", "11-1pm": the latest start before the end.
        start = max((s for s in (first.start, first.start + 720) if s < last.start), default=first.start)
        end = last.start if last.start > start else last.start + DAY_MINUTES
        return TimeOfDay("range", start, end)
    length = (last.start - first.start) % 720 or 720
    return TimeOfDay("range", first.start, first.start + length, sure=first.sure)


def _sure_range(first: TimeOfDay, last: TimeOfDay, begins: str, ends: str) -> TimeOfDay:
    if last.start > first.start:
        return TimeOfDay("range", first.start, last.start)
    # "10pm to 2am" goes past midnight. "5pm to 3pm" would last for most of a day, and is a slip.
    if last.start + DAY_MINUTES - first.start > MAX_NIGHT_MINUTES:
        raise TimeExpressionError("impossible", "time", f"{begins} to {ends}", why=f"{ends} is before {begins}.")
    return TimeOfDay("range", first.start, last.start + DAY_MINUTES)
