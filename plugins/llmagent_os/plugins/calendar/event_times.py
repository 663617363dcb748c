"""Resolves when new events are to be: one or several times, each with its repetition."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from itertools import pairwise

from llmagent_os.markup.word_list import join_words
from llmagent_os.plugins.calendar.calendar_call import CalendarCall
from llmagent_os.plugins.calendar.calendar_event import CalendarEvent, rule_dates
from llmagent_os.plugins.calendar.phrasing import clock_text
from llmagent_os.plugins.calendar.time.bounded_rules import without_weekdays
from llmagent_os.plugins.calendar.time.clock_changes import wall_after
from llmagent_os.plugins.calendar.time.date_parsing import DateRange
from llmagent_os.plugins.calendar.time.duration_parsing import parse_duration
from llmagent_os.plugins.calendar.time.recurrence import (
    Recurrence,
    exceptions_text,
    recurrence_note,
    recurrence_text,
)
from llmagent_os.plugins.calendar.time.recurrence_limits import RecurrenceLimits
from llmagent_os.plugins.calendar.time.time_errors import TimeExpressionError
from llmagent_os.plugins.calendar.time.time_expressions import TimeExpression, TimeSlot, find_slot
from llmagent_os.plugins.calendar.time.time_mentions import MentionKind, time_mentions
from llmagent_os.plugins.calendar.time.time_of_day import DAY_MINUTES, HalfOfDay, TimeOfDay
from llmagent_os.plugins.calendar.time.usual_half import usual_half
from llmagent_os.plugins.calendar.time.zone_names import zone_label

MAX_NEW_EVENTS = 20  #: of one request
_DAY = timedelta(days=1)
_NIGHT = 20 * 60  #: from these minutes after midnight on it is night
# What a repetition leaves out, to the end of the clause.
_EXCEPTION = re.compile(
    r"\b(?:except|excluding|apart from|unless|until(?! further)|till(?! late| further))\b[^.;!?\n]*", re.I
)


@dataclass(frozen=True)
class RequestedTimes:
    """When a request wants its events, in parsed form."""

    whens: tuple[TimeExpression, ...] = (TimeExpression(),)  #: one for each event
    again: Recurrence | None = None
    length: timedelta | None = None

    @property
    def first(self) -> TimeExpression:
        """The first time: what is missing in it, is missing in all."""
        return self.whens[0]


@dataclass(frozen=True)
class PlannedTime:
    """When one new event is to be."""

    slot: TimeSlot
    repeat: str = ""  #: the value of an RRULE with its limits; empty: it happens once
    skipped: tuple[datetime, ...] = ()  #: starts that the repetition leaves out


def requested_times(call: CalendarCall, said: Mapping[str, str], words: str) -> RequestedTimes:
    """Parse when a request wants its events.

    Args:
        call: the tool's call.
        said: the arguments ``date``, ``time``, ``duration`` and ``repeat``, as far as they were given.
        words: the message that asks for the events.

    Raises:
        TimeExpressionError: one of them cannot be resolved, or there are too many times.
    """
    whens = call.parse_several(said.get("date"), said.get("time"), paired=_paired(words))
    again = call.parse_repetition(said["repeat"]) if "repeat" in said else None
    length = parse_duration(said["duration"]) if "duration" in said else None
    if again is not None:
        _check_exceptions(words, call.month_first)
        whens, again = _with_recurrence(whens, again)
    else:
        whens, again = _with_span(_joined(whens), length)
    if len(whens) > MAX_NEW_EVENTS:
        raise TimeExpressionError("ambiguous", "date", said.get("date", ""), why="These are too many events at once.")
    return RequestedTimes(whens, again, length)


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
    whens: tuple[TimeExpression, ...], again: Recurrence
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
    if start is not None:
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


def planned_times(call: CalendarCall, wanted: RequestedTimes, title: str, *, reminder: bool) -> tuple[PlannedTime, ...]:
    """Find the times in the calendar for new events.

    Args:
        call: the tool's call.
        wanted: complete: a day or a time for each of them.
        title: may say which half of the day is meant.
        reminder: a reminder has no length.

    Raises:
        TimeExpressionError: a time is past, or a repetition never takes place.
    """
    found = [_planned(call, when, wanted, title, reminder) for when in wanted.whens]
    return tuple(sorted(found, key=lambda each: each.slot.start))


def _planned(
    call: CalendarCall, when: TimeExpression, wanted: RequestedTimes, title: str, reminder: bool
) -> PlannedTime:
    half = usual_half(title, when.time_of_day)
    if wanted.again is not None and when.time_of_day is not None:
        # That 8 o'clock is over today says nothing about the 8 o'clock of every Monday.
        when = replace(when, time_of_day=when.time_of_day.settled(half))
    slot = find_slot(
        when,
        call.now,
        length=wanted.length,
        zone=call.zone,
        half=half,
        usual_length=timedelta(hours=0 if reminder else 1),
        to_the_second=reminder,
    )
    if wanted.again is None:
        return PlannedTime(slot)
    slot = _first(call, slot, when, wanted.again)
    bounded = wanted.again.bounded(slot.start)
    return PlannedTime(slot, bounded.rule, bounded.skipped)


def _first(call: CalendarCall, slot: TimeSlot, when: TimeExpression, again: Recurrence) -> TimeSlot:
    """Move a repeated event to the first time of its rule that is still to come."""
    start = slot.start
    if "BYHOUR=" in again.rule and when.days is None:  # the hours of today that are still to come
        start = datetime.combine(call.today, start.time())
    rule = without_weekdays(again.rule, again.limits.skipped_weekdays)
    if again.within_day and when.time_of_day is None and when.moment is None:
        start = _first_within_day(call, when.days.first if when.days else None, again)
        slot = TimeSlot(start, start)
    elif when.days is None and when.moment is None and not slot.all_day and start > call.now + timedelta(hours=12):
        earlier = start - _DAY  # the time is over today, but a rule may still begin today
        start = earlier if earlier > call.now else start
    rhythm = re.sub(r";INTERVAL=\d+", "", rule) if rule.startswith("FREQ=WEEKLY") else rule
    try:  # "every other monday" begins on the next Monday
        first = rule_dates(rhythm, start).after(start, inc=slot.all_day or start > call.now)
    except (ValueError, OverflowError):
        first = None
    if not isinstance(first, datetime):
        raise TimeExpressionError("unknown", "repeat", again.rule)
    return replace(
        slot, start=first.replace(fold=start.fold) if first == start else first, end=first + (slot.end - slot.start)
    )


def _first_within_day(call: CalendarCall, day: date | None, again: Recurrence) -> datetime:
    """Return the first time of a repetition of hours or minutes: after one interval, or when its words say."""
    begins = again.limits.from_time
    if begins is not None:
        at = datetime.combine(day or call.today, time()) + timedelta(minutes=begins.start)
        if at > call.now:
            return at
    if day is not None and day > call.today:
        return datetime.combine(day, time(9))
    interval = re.search(r"INTERVAL=(\d+)", again.rule)
    unit = timedelta(hours=1) if "HOURLY" in again.rule else timedelta(minutes=1)
    after = wall_after(call.now, unit * (int(interval[1]) if interval else 1), call.zone)
    return after.replace(second=0, microsecond=0)


def repeat_text(repeat: str, skipped: Sequence[datetime], today: date) -> str:
    """Phrase the repetition of an event, with its end and its exceptions.

    Args:
        repeat: the value of an RRULE with its limits.
        skipped: starts that it leaves out.
        today: the date in the person's time zone.
    """
    note = recurrence_note(repeat)
    exceptions = f", except {exceptions_text(skipped, today)}" if skipped else ""
    return recurrence_text(repeat, today) + exceptions + (f" ({note})" if note else "")


def elsewhere_text(slot: TimeSlot) -> str:
    """Phrase a time on the clocks that the person named: " (3 PM New York time)". Empty: they named none."""
    return f" ({clock_text(slot.there)} {zone_label(slot.there_zone)})" if slot.there is not None else ""


def several_text(phrases: Sequence[str]) -> str:
    """Join phrases, which may have commas."""
    unique = list(dict.fromkeys(phrases))
    return "; ".join(unique) if len(unique) > 1 and any("," in each for each in unique) else join_words(unique)


def whens_text(call: CalendarCall, events: Sequence[CalendarEvent], planned: Sequence[PlannedTime]) -> str:
    """Phrase the times of new events. Several on one day name the day once: "today at 2 PM and at 4 PM"."""
    days: dict[date, list[str]] = {}
    for event, each in zip(events, planned, strict=True):
        told = days.setdefault(each.slot.start.date(), [])
        phrase = call.time_text(event, event.start, same_day=bool(told) and not event.all_day)
        told.append(phrase + elsewhere_text(each.slot))
    return several_text([join_words(told) for told in days.values()])
