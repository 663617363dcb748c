"""Parses when a request wants its events: one or several times, each with its repetition."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import pairwise

from llmagent_os.plugins.calendar.calendar_call import CalendarCall
from llmagent_os.plugins.calendar.separate_series import separate_series
from llmagent_os.plugins.calendar.time.date_parsing import DateRange
from llmagent_os.plugins.calendar.time.duration_parsing import parse_duration
from llmagent_os.plugins.calendar.time.recurrence import Recurrence
from llmagent_os.plugins.calendar.time.recurrence_limits import RecurrenceLimits
from llmagent_os.plugins.calendar.time.time_errors import TimeExpressionError
from llmagent_os.plugins.calendar.time.time_expressions import TimeExpression, find_slot
from llmagent_os.plugins.calendar.time.time_mentions import MentionKind, time_mentions
from llmagent_os.plugins.calendar.time.time_of_day import DAY_MINUTES, HalfOfDay, TimeOfDay

_DAY_AND_TIME = (MentionKind.DATE, MentionKind.TIME)
_TO = re.compile(r"(?:to|until|till?|through|thru|[-–])(?:\s+|$)", re.I)
_LONGEST = timedelta(days=60)  #: of a stretch from one time to another
MAX_NEW_EVENTS = 20  #: of one request
_DAY = timedelta(days=1)
_NIGHT = 20 * 60  #: from these minutes after midnight on it is night
# What a repetition leaves out, to the end of the clause.
_EXCEPTION = re.compile(
    r"\b(?:except|excluding|apart from|unless|until(?! further)|till(?! late| further))\b[^.;!?\n]*", re.I
)


@dataclass(frozen=True)
class RequestedTime:
    """When a request wants one event, or one series, in parsed form."""

    when: TimeExpression = field(default_factory=TimeExpression)
    again: Recurrence | None = None


@dataclass(frozen=True)
class RequestedTimes:
    """When a request wants its events, in parsed form."""

    times: tuple[RequestedTime, ...] = (RequestedTime(),)  #: one for each event
    length: timedelta | None = None

    @property
    def first(self) -> TimeExpression:
        """The first time: what is missing in it, is missing in all."""
        return self.times[0].when

    @property
    def again(self) -> Recurrence | None:
        """How the first event repeats."""
        return self.times[0].again


def requested_times(call: CalendarCall, said: Mapping[str, str], words: str) -> RequestedTimes:
    """Parse when a request wants its events.

    Args:
        call: the tool's call.
        said: the arguments ``date``, ``time``, ``duration`` and ``repeat``, as far as they were given.
        words: the message that asks for the events.

    Raises:
        TimeExpressionError: one of them cannot be resolved, or there are too many times.
    """
    length = parse_duration(said["duration"]) if "duration" in said else None
    if "repeat" in said:
        _check_exceptions(words, call.month_first)
        parts = separate_series(call, said, words)
        found = RequestedTimes(_alike([each for part in parts for each in _repeated(call, part, words)]), length)
    else:
        found = _stretch(call, said, words) or _unrepeated(call, said, words, length)
    if len(found.times) > MAX_NEW_EVENTS:
        raise TimeExpressionError("ambiguous", "date", said.get("date", ""), why="These are too many events at once.")
    return found


def _unrepeated(call: CalendarCall, said: Mapping[str, str], words: str, length: timedelta | None) -> RequestedTimes:
    """Parse times without words of repetition."""
    whens = call.parse_several(said.get("date"), said.get("time"), paired=_paired(words))
    if length and length >= _DAY and ("reminder" in said or len(whens) > 1) and all(map(_is_timed, whens)):
        again = Recurrence("FREQ=DAILY", limits=RecurrenceLimits(count=length // _DAY))  # "at 8 and 8 for a week"
        return RequestedTimes(tuple(RequestedTime(when, again) for when in whens))
    if re.match(r"(?:for|over|during) the (?:next|coming)\b", said.get("date", ""), re.I):
        whens = tuple(replace(when, days=replace(when.days, span=True)) if when.days else when for when in whens)
    whens, daily = _with_span(_joined(whens), length)
    return RequestedTimes(tuple(RequestedTime(when, daily) for when in whens), length)


def _stretch(call: CalendarCall, said: Mapping[str, str], words: str) -> RequestedTimes | None:
    """Parse a stretch from a time of one day to a time of another: "friday 5pm until saturday 11am"."""
    found = [each for each in time_mentions(words, month_first=call.month_first) if each.kind in _DAY_AND_TIME]
    if [each.kind for each in found] != [*_DAY_AND_TIME, *_DAY_AND_TIME] or not {"date", "time"} <= said.keys():
        return None
    day, time, last_day, last_time = (each.text for each in found)
    between = words[found[1].end : found[2].start].strip()
    if not _TO.fullmatch(between) and not (not between and _TO.match(last_day)):
        return None
    start = call.parse(day, time)
    first = find_slot(start, call.now, zone=call.zone).start
    end = call.parse(_TO.sub("", last_day), last_time, first.date())
    length = find_slot(end, call.now, zone=call.zone).start - first
    return RequestedTimes((RequestedTime(start),), length) if timedelta() < length <= _LONGEST else None


def _alike(times: list[RequestedTime]) -> tuple[RequestedTime, ...]:
    """Give all series the limits that are said behind the last one: "tuesdays at 6 and fridays at 7 until march"."""
    last = times[-1].again
    if last is None or any(each.again is None or each.again.limits for each in times[:-1]):
        return tuple(times)
    return tuple(replace(each, again=replace(each.again, limits=last.limits)) if each.again else each for each in times)


def _is_timed(when: TimeExpression) -> bool:
    """Whether it is at a time of one day, and so can come again on the next one."""
    return (
        when.time_of_day is not None and when.time_of_day.kind != "all_day" and (when.days is None or when.days.single)
    )


def _repeated(call: CalendarCall, said: Mapping[str, str], words: str) -> list[RequestedTime]:
    """Parse the times of one rule: as many as its day has."""
    said = _of_every_month(call, said)
    whens = call.parse_several(said.get("date"), said.get("time"), paired=_paired(words))
    again = call.parse_repetition(said["repeat"])
    if again.within_day and whens[0].time_of_day is not None and whens[0].time_of_day.kind == "before":
        end = whens[0].time_of_day  # "every 45 minutes until 5pm"
        until = TimeOfDay("at", end.end, end.end, sure=end.sure)
        again = replace(again, limits=replace(again.limits, until_time=until))
        whens = (replace(whens[0], time_of_day=None),)
    whens, again = _with_recurrence(whens, again, call.today)
    return [RequestedTime(when, again) for when in whens]


def _of_every_month(call: CalendarCall, said: Mapping[str, str]) -> Mapping[str, str]:
    """Put a day of the month into the repetition: "the last thursday of the month", "every month"."""
    day = re.sub(r"\bof (?:the|each|every) month\b", "", said.get("date", ""))
    if day == said.get("date", "") or not re.match(r"(?:every|each) month\b|monthly\b", said["repeat"].strip()):
        return said
    try:
        call.parse_repetition(repeat := f"every month on {day.strip()}")
    except TimeExpressionError:
        return said
    return {key: value for key, value in said.items() if key != "date"} | {"repeat": repeat}


def _check_exceptions(words: str, month_first: bool) -> None:
    """Raise an error for an exception of a repetition that is in no words of time: "except the last of the month"."""
    inside = [(each.start, each.end) for each in time_mentions(words, month_first=month_first)]
    for match in _EXCEPTION.finditer(words):
        if not any(start <= match.start() < end for start, end in inside):
            why = f"I don't know which days “{match[0].strip(' .,!?')[:60]}” means."
            raise TimeExpressionError("unknown", "repeat", match[0], why=why)


def _paired(message: str) -> bool:
    """Whether days and times alternate: "monday at 9 and tuesday at 10"."""
    kinds = [each.kind for each in time_mentions(message) if each.kind in (MentionKind.DATE, MentionKind.TIME)]
    return len(kinds) > 2 and all(left != right for left, right in pairwise(kinds))


def _with_recurrence(
    whens: tuple[TimeExpression, ...], again: Recurrence, today: date
) -> tuple[tuple[TimeExpression, ...], Recurrence]:
    """Give a repetition the times that its own words name, and the first and last day that the date names."""
    if again.times and all(when.time_of_day is None and when.moment is None for when in whens):
        whens = tuple(replace(when, time_of_day=each) for when in whens for each in again.times)
    elif len(again.times) == 1:  # "every evening, at 9"
        whens = tuple(_in_part(when, again.times[0]) for when in whens)
    start = again.limits.start
    days = whens[0].days
    if days is not None and not days.single:
        last = days.last if days.span and again.limits.until is None else again.limits.until
        again = replace(again, limits=replace(again.limits, until=last))
        start = start or days
        whens = tuple(replace(when, days=None) for when in whens)
    begun = start is not None and start.first <= today and whens[0].time_of_day is not None
    if start is not None and not begun:  # "every day this week at 7am" begins tomorrow once it is 8
        whens = tuple(replace(when, days=when.days or DateRange(start.first, start.first)) for when in whens)
    return whens, again


def _in_part(when: TimeExpression, part: TimeOfDay) -> TimeExpression:
    """Settle a time that does not say its half of the day by a part of the day."""
    said = when.time_of_day
    if said is None or said.sure or part.kind != "part":
        return when
    half: HalfOfDay = "am" if part.end <= DAY_MINUTES // 2 else "night" if part.start >= _NIGHT else "pm"
    return replace(when, time_of_day=said.settled(half))


def _joined(whens: tuple[TimeExpression, ...]) -> tuple[TimeExpression, ...]:
    """Make one stretch of days that follow each other and have no time: "off on monday and tuesday"."""
    if any(when.time_of_day or when.moment or when.days is None for when in whens):
        return whens
    found: list[TimeExpression] = []
    for when in whens:
        last = found[-1].days if found else None
        if last and when.days and when.days.first - last.last == _DAY:
            found[-1] = TimeExpression(days=DateRange(last.first, when.days.last, span=True))
        else:
            found.append(when)
    return tuple(found)


def _with_span(
    whens: tuple[TimeExpression, ...], length: timedelta | None
) -> tuple[tuple[TimeExpression, ...], Recurrence | None]:
    """Make what is at a time of every day of a span a daily repetition: "training from monday to wednesday, 9 to 5"."""
    if len(whens) != 1:
        return whens, None
    days, said = whens[0].days, whens[0].time_of_day
    timed = said is not None and said.kind != "all_day"
    if days is None or days.single or not days.span or not timed or (length and length >= _DAY):
        return whens, None
    when = replace(whens[0], days=DateRange(days.first, days.first))
    return (when,), Recurrence("FREQ=DAILY", limits=RecurrenceLimits(count=(days.last - days.first).days + 1))
