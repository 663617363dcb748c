"""Finds the times in the calendar for new events: one or several, each with its repetition."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from llmagent_os.plugins.calendar.calendar_call import CalendarCall
from llmagent_os.plugins.calendar.calendar_event import rule_dates
from llmagent_os.plugins.calendar.requested_times import RequestedTime, RequestedTimes
from llmagent_os.plugins.calendar.time.bounded_rules import without_weekdays
from llmagent_os.plugins.calendar.time.clock_changes import wall_after
from llmagent_os.plugins.calendar.time.recurrence import Recurrence
from llmagent_os.plugins.calendar.time.time_errors import TimeExpressionError
from llmagent_os.plugins.calendar.time.time_expressions import TimeExpression, TimeSlot, find_slot
from llmagent_os.plugins.calendar.time.usual_half import morning_of_most_days, usual_half

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class PlannedTime:
    """When one new event is to be."""

    slot: TimeSlot
    repeat: str = ""  #: the value of an RRULE with its limits; empty: it happens once
    skipped: tuple[datetime, ...] = ()  #: starts that the repetition leaves out


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
    found = [_planned(call, each, wanted.length, title, reminder) for each in wanted.times]
    return tuple(sorted(found, key=lambda each: each.slot.start))


def _planned(
    call: CalendarCall, wanted: RequestedTime, length: timedelta | None, title: str, reminder: bool
) -> PlannedTime:
    when = wanted.when
    half = usual_half(title, when.time_of_day)
    if wanted.again is not None and when.time_of_day is not None:
        # That 8 o'clock is over today says nothing about the 8 o'clock of every Monday.
        half = half or morning_of_most_days(wanted.again.rule, when.time_of_day)
        when = replace(when, time_of_day=when.time_of_day.settled(half))
    slot = find_slot(
        when,
        call.now,
        length=length,
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
    rhythm = re.sub(r";INTERVAL=\d+", "", rule) if rule.startswith(("FREQ=WEEKLY", "FREQ=MONTHLY")) else rule
    try:  # "every other monday" begins on the next Monday, "quarterly on the first monday" on the next such one
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
