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
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo

from llmagent_os.plugins.calendar.time.clock_changes import wall_after
from llmagent_os.plugins.calendar.time.clock_times import clock_range, clock_time
from llmagent_os.plugins.calendar.time.duration_parsing import QUANTITY, parse_duration
from llmagent_os.plugins.calendar.time.parts_of_day import PART_HALVES, PART_NAMES, named_time
from llmagent_os.plugins.calendar.time.text_normalization import normalize
from llmagent_os.plugins.calendar.time.time_errors import TimeExpressionError
from llmagent_os.plugins.calendar.time.time_of_day import DAY_MINUTES, HalfOfDay, TimeOfDay, minutes_after_midnight
from llmagent_os.plugins.calendar.time.zone_names import named_zone

_DELAY = re.compile(
    rf"in (?:about |just )?(?:{QUANTITY} (?:days?|weeks?),? (?:and )?)?"
    rf"{QUANTITY} ?(?:minutes|hours|seconds|h|m|s)(?![a-z])"
)
_LISTED = re.compile(r",|;|&|\+|\band\b|\bplus\b|\bas well as\b|\bagain\b", re.I)
__all__ = ["DAY_MINUTES", "HalfOfDay", "TimeOfDay", "minutes_after_midnight", "parse_time", "parse_times"]

MAX_TIMES = 24  #: that one list of times names


def parse_time(text: str, now: datetime, zone: tzinfo | None = None) -> TimeOfDay | datetime:
    """Parse a time of day. ``in 20 minutes`` gives a moment instead: so much real time after ``now``.

    Args:
        text: the person's words.
        now: the present moment, on the person's wall clock.
        zone: the person's time zone, whose clocks may change in between. None: they never change.

    Raises:
        TimeExpressionError: ``text`` is not a time, or is one that no clock shows.
    """
    if re.match(r"(?:at |@ ?)?[-−–]\s?\d{1,2}(?::\d\d)?\s?(?:[ap]\.?m\.?)?$", text.strip(), re.I):
        raise TimeExpressionError(
            "impossible", "time", text, why=f"“{text.strip()}” is before midnight, so no clock shows it."
        )
    try:
        found = _parse(normalize(text), now, zone)
    except TimeExpressionError as error:
        raise TimeExpressionError(error.problem, "time", text, why=error.why) from None
    if found is None:
        raise TimeExpressionError("unknown", "time", text)
    return found


def parse_times(text: str, now: datetime, zone: tzinfo | None = None) -> tuple[TimeOfDay | datetime, ...]:
    """Parse one or several times: "8am and 8pm", "at 8, 12 and 6pm".

    Raises:
        TimeExpressionError: a part of ``text`` is not a time.
    """
    try:
        return (parse_time(text, now, zone),)
    except TimeExpressionError as error:
        parts = [part for part in _LISTED.split(text) if part.strip(" ,;")]
        if error.problem == "impossible" or not 1 < len(parts) <= MAX_TIMES:
            raise
        found = [parse_time(part, now, zone) for part in parts]
        return tuple(dict.fromkeys(_ascending(found)))


def _ascending(found: list[TimeOfDay | datetime]) -> list[TimeOfDay | datetime]:
    """Settle the halves of the day so that times follow each other: "8 and 10pm", "8, 2 and 8"."""
    if len(found) > 2 or len(set(found)) < len(found):
        found = _around_the_clock(found)
    done: list[TimeOfDay | datetime] = []
    following: int | None = None
    for each in reversed(found):
        if isinstance(each, TimeOfDay) and not each.sure and following is not None and each.kind == "at":
            after_noon = each.settled("pm")
            each = after_noon if after_noon.start < following else each.settled("am")
        following = each.start if isinstance(each, TimeOfDay) and each.sure else None
        done.append(each)
    return _after_sure(done[::-1])


def _after_sure(found: list[TimeOfDay | datetime]) -> list[TimeOfDay | datetime]:
    """Settle a time by the one before it: "8 in the evening and again at 10"."""
    done = found[:1]
    for each in found[1:]:
        before = done[-1]
        if isinstance(each, TimeOfDay) and isinstance(before, TimeOfDay) and before.sure and not each.sure:
            halves = (each.settled("am"), each.settled("pm"))
            each = next((half for half in halves if half.start > before.start), each)
        done.append(each)
    return done


def _around_the_clock(found: list[TimeOfDay | datetime]) -> list[TimeOfDay | datetime]:
    """Settle times of which none says its half: each is the first on a clock face after the one before it."""
    times = [each for each in found if isinstance(each, TimeOfDay) and not each.sure and each.kind == "at"]
    if len(times) < len(found):
        return found
    for first in (times[0].settled(), times[0].settled("am")):
        done = [first]
        for each in times[1:]:
            halves = (each.settled("am"), each.settled("pm"))
            done += [half for half in halves if half.start > done[-1].start][:1]
        if len(done) == len(found):
            return [*done]
    return found


def _parse(said: str, now: datetime, zone: tzinfo | None = None) -> TimeOfDay | datetime | None:
    said = (
        re.sub(r"^(?:(?:at|about|for|during|over|the|my|some time|by|in|on|-) )+(?=\S)", "", said)
        if not _is_delay(said)
        else said
    )
    # Without what says when it ends at last, or begins in earnest: "8pm until late", "7 for 7:30".
    said = re.sub(r" (?:to|until) (?:late|close|whenever)$|(?<=\d) for \d{1,2}[:.]\d\d$", "", said)
    said = re.sub(r"^from (?=\d[\d:.]*(?: ?[ap]m)?$)", "", said)
    if said in ("now", "right now", "immediately"):
        return now
    if said == "this time":  # "this time tomorrow"
        of_day = now.hour * 60 + now.minute
        return TimeOfDay("at", of_day, of_day)
    delay = re.fullmatch(r"(?:in|after) (?:about |just )?(.+)|(.+) from now", said)
    if delay and re.search(r"\d ?(?:h|m|s)\b|\b(?:hours|minutes|seconds)\b|\d ?h ?\d", said):
        try:
            return wall_after(now, parse_duration(delay[1] or delay[2]), zone)
        except TimeExpressionError as error:
            if error.problem == "impossible":
                raise
            return None
        except OverflowError:
            return None
    past = re.fullmatch(r"(\d\d?|quarter|half)(?: minutes)? past", said)
    if past:  # the next hour
        minute = {"quarter": 15, "half": 30}.get(past[1]) or int(past[1])
        at = now.replace(minute=0, second=0, microsecond=0) + timedelta(minutes=minute)
        return (at if at > now else at + timedelta(hours=1)) if minute < 60 else None
    if re.fullmatch(r"in \d{3,4}", said):  # a year
        return None
    minutes = re.fullmatch(r"in (\d{1,2})", said)  # "in 20" is 20 minutes; "in 2" may be hours
    if minutes:
        short = 5 <= int(minutes[1]) < 60
        return wall_after(now, timedelta(minutes=int(minutes[1])), zone) if short else None
    if re.fullmatch(r"(?:all|whole|entire|full) day(?: long)?", said):
        return TimeOfDay("all_day", 0, DAY_MINUTES)
    if said in ("later", "later today", "rest of day", "rest of today", "remainder of day"):
        begin = min(now.hour * 60 + now.minute, DAY_MINUTES - 1)
        usual = min((now.hour + 2) * 60, DAY_MINUTES - 15)  # a reminder of "later" is not due at once
        return TimeOfDay("after", begin, DAY_MINUTES, day=0, usual=max(usual, begin))
    words = said.split()
    for count in (4, 3, 2, 1):
        name = " ".join(words[-count:])
        name = name if named_zone(name) else f"{name} time"  # "4pm New York"
        if count < len(words) and named_zone(name):
            rest = re.sub(r" (?:in|in the|the)$", "", " ".join(words[:-count]))
            inner = _parse(rest, now)
            return replace(inner, zone=name) if isinstance(inner, TimeOfDay) else None
    return named_time(said) or _with_part(said, now) or _open(said) or clock_time(said) or clock_range(said)


def _is_delay(said: str) -> bool:
    return re.fullmatch(r"in \d{1,4}", said) is not None or _DELAY.match(said) is not None


def _with_part(said: str, now: datetime) -> TimeOfDay | None:
    """Parse a part of the day, with or without a time: "this evening", "morning at 8", "8 in the evening"."""
    this = re.fullmatch(
        rf"(later )?this ((?:early |late |mid )?{PART_NAMES})(?: (.+))?|(late|later|early) (tonight)", said
    )
    if this:
        name = f"{this[2]}" if this[2] else "late night" if this[5] != "early" else "early evening"
        inner = _parse(f"{name} {this[4]}" if this[4] else name, now)
        return replace(inner, day=0) if isinstance(inner, TimeOfDay) else None
    before = re.fullmatch(rf"(?:early |late |mid )?{PART_NAMES} ?(?:,|-)? ?(?:at |about |by )?(.+)", said)
    after = re.fullmatch(rf"(.+?) (?:in (?:the )?|at |this )?(?:early |late )?{PART_NAMES}", said)
    for match, part, rest in ((before, 1, 2), (after, 2, 1)):
        if match:
            inner = _open(match[rest]) or clock_time(match[rest]) or clock_range(match[rest])
            if inner:
                settled = inner.settled(PART_HALVES[match[part]])
                return replace(settled, day=0 if match[part] == "tonight" or "this" in said.split() else None)
    return None


def _open(said: str) -> TimeOfDay | None:
    """Parse a time with one end: "after 3", "before noon", "from 5pm on", "until 6"."""
    match = re.fullmatch(
        r"(after|before|until|past|any ?time after|any ?time before|from|since) (.+?)( on| onwards?)?", said
    )
    if not match or (match[1] == "from" and not match[3]):
        return None
    inner = named_time(match[2]) or clock_time(match[2])
    if inner is None or inner.kind != "at":
        return None
    if match[1].endswith("before") or match[1] == "until":
        return TimeOfDay("before", 0, inner.start, sure=inner.sure)
    return TimeOfDay("after", inner.start, DAY_MINUTES if inner.sure else inner.start, sure=inner.sure)
