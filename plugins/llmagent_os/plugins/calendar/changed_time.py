"""An event at another time, of another length or with another end, in the person's words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import msgspec
from dateutil.relativedelta import relativedelta

from llmagent_os.plugins.calendar.calendar_call import CalendarCall
from llmagent_os.plugins.calendar.calendar_event import CalendarEvent
from llmagent_os.plugins.calendar.person_clock import EventMatch
from llmagent_os.plugins.calendar.time.date_parsing import DateRange
from llmagent_os.plugins.calendar.time.duration_parsing import Shift, parse_duration, parse_shift
from llmagent_os.plugins.calendar.time.text_normalization import WEEKDAYS, normalize
from llmagent_os.plugins.calendar.time.time_errors import TimeExpressionError
from llmagent_os.plugins.calendar.time.time_expressions import TimeExpression, find_slot
from llmagent_os.plugins.calendar.time.time_parsing import HalfOfDay, TimeOfDay
from llmagent_os.plugins.calendar.time.usual_half import usual_half

_RELATIVE = re.compile(r"\b(by|later|earlier|sooner|back|forward|ahead|up)\b")
_LENGTH = re.compile(r"\b(longer|shorter|extend\w*|extra|more|less|shorten)\b", re.I)
_SAME = re.compile(r"(?:at |on )?(?:the )?same (?:time|day|hour)(?: of day)?")
WAKING_FROM, WAKING_UNTIL = 7 * 60, 22 * 60  #: minutes after midnight: events are rarely moved out of these hours


def at_new_time(call: CalendarCall, match: EventMatch, new: Mapping[str, str]) -> CalendarEvent:
    """Return the event with its new ``date``, ``time``, ``duration`` and ``end``, on the person's wall clock.

    Raises:
        TimeExpressionError: one of them cannot be resolved, or is past.
    """
    event, start = match.event, match.occurrence.start if match.occurrence else None
    here = msgspec.structs.replace(event, start=start, zone=call.context.time_zone)
    here = _lengthened(call, here, new)
    if {"date", "time"} & set(new):
        here = _moved(call, here, start, new)
    return _ending(call, here, new["end"]) if "end" in new else here


def _moved(call: CalendarCall, event: CalendarEvent, start: datetime | None, new: Mapping[str, str]) -> CalendarEvent:
    if start is not None and (half := _half(new)) is not None and "date" not in new:
        other = start.replace(hour=start.hour % 12 + half)
        return _shifted(call, event, start, Shift(other - start, 1)) if other != start else event
    by = _shift(call, new)
    date_said = None if _SAME.fullmatch(normalize(new.get("date", ""))) else new.get("date")
    time_said = None if by is not None or _SAME.fullmatch(normalize(new.get("time", ""))) else new.get("time")
    if by is not None and start is not None and "time" in new and date_said:  # "to friday, an hour later"
        event = _at_time(call, event, start, call.parse(date_said, None, start.date()))
        return _shifted(call, event, event.start or start, by)
    if by is not None and start is not None:
        return _shifted(call, event, start, by)
    when = call.parse(date_said, time_said, start.date() if start else None)
    if (
        start is not None
        and when.days is not None
        and _names_today(call, date_said, when.days)
        and start.date() > call.today
    ):
        week = timedelta(days=7)  # "make that wednesday", said on a Wednesday of an event that is to come
        when = replace(when, days=DateRange(when.days.first + week, when.days.last + week))
    return _at_time(call, event, start, when) if when else event


def _names_today(call: CalendarCall, said: str | None, days: DateRange) -> bool:
    """Whether words name today by its weekday alone."""
    weekday = re.fullmatch(rf"(?:(?:on|for|to) )?(?:{'|'.join(WEEKDAYS)})", normalize(said or ""))
    return weekday is not None and days.single and days.first == call.today


def _half(new: Mapping[str, str]) -> int | None:
    """The first hour of the half of the day that is all that a new time says ("pm of course"); None: it says more."""
    return {"am": 0, "pm": 12}.get(new.get("time", "").casefold())


def _at_time(call: CalendarCall, event: CalendarEvent, start: datetime | None, when: TimeExpression) -> CalendarEvent:
    half = _likely_half(event, start, when.time_of_day)
    if when.time_of_day is not None or when.moment is not None:
        event = msgspec.structs.replace(event, zone_assumed=call.assumes_zone(when))
    if start is not None and when.days is not None and not when.days.single and when.moment is None:
        when = replace(when, days=_same_day_in(start, when.days))
    if start is not None and not event.all_day and when.days is not None and not (when.time_of_day or when.moment):
        return _on_day(call, event, start, when.days)
    if start is not None and when.days is None and when.moment is None and when.time_of_day is not None:
        when = replace(when, days=DateRange(start.date(), start.date()))
    usual = timedelta() if event.reminder else timedelta(hours=1)
    length = None if event.all_day else timedelta(minutes=event.minutes)
    found = find_slot(when, call.now, length=length, zone=call.zone, half=half, usual_length=usual)
    clock = when.time_of_day
    if clock is not None and clock.kind == "range" and clock.start != clock.end:
        said = clock.settled(half)
        minutes = said.end - said.start
        event = msgspec.structs.replace(event, start=found.start, second_pass=bool(found.start.fold))
        return msgspec.structs.replace(event, minutes=minutes, all_day=False, end_said=True)
    whole = found.all_day
    count = round((found.end - found.start).total_seconds() / 60)
    said_end = found.end_said if whole else event.end_said and not event.all_day
    event = msgspec.structs.replace(event, start=found.start, second_pass=bool(found.start.fold))
    return msgspec.structs.replace(event, minutes=count, all_day=whole, end_said=said_end)


def _likely_half(event: CalendarEvent, start: datetime | None, said: TimeOfDay | None) -> HalfOfDay | None:
    """The half of the day that a new time means which does not say it: the title's, or else the nearer waking hour.

    >>> from llmagent_os.plugins.calendar.time.time_parsing import parse_time
    >>> at = parse_time("5", datetime(2026, 11, 25))
    >>> assert isinstance(at, TimeOfDay)
    >>> _likely_half(CalendarEvent(event_id="1", title="dentist"), datetime(2026, 11, 27, 10), at)
    'pm'
    """
    if start is None or event.all_day or said is None or said.sure:
        return None
    if usual := usual_half(event.title, said):
        return usual
    face = said.start % 720
    old = start.hour * 60 + start.minute
    first, last = min(WAKING_FROM, old), max(WAKING_UNTIL, old)
    hours: list[tuple[int, HalfOfDay]] = [(face, "am"), (face + 720, "pm")]
    awake = [each for each in hours if first <= each[0] <= last] or hours
    return min(awake, key=lambda each: abs(each[0] - old))[1]


def _on_day(call: CalendarCall, event: CalendarEvent, start: datetime, days: DateRange) -> CalendarEvent:
    """The event on another day, at the same time."""
    if not days.single:
        raise TimeExpressionError("ambiguous", "date", f"{days.first} to {days.last}")
    if days.first < call.today:
        day = days.first
        raise TimeExpressionError("past", "date", str(day), datetime(day.year, day.month, day.day))
    moved = start.replace(year=days.first.year, month=days.first.month, day=days.first.day)
    if moved < call.now:
        raise TimeExpressionError("past", "time", str(moved), moved)
    return msgspec.structs.replace(event, start=moved, second_pass=False)


def _same_day_in(start: datetime, days: DateRange) -> DateRange:
    """Where a whole week, month or year is named: its day that is like the old one. Other spans stay as they are.

    >>> from datetime import date
    >>> _same_day_in(datetime(2026, 11, 27, 15), DateRange(date(2026, 12, 1), date(2026, 12, 31))).first
    datetime.date(2026, 12, 27)
    >>> _same_day_in(datetime(2026, 11, 27, 15), DateRange(date(2026, 11, 30), date(2026, 12, 6))).first
    datetime.date(2026, 12, 4)
    """
    first, last = days.first, days.last
    old = start.date()
    if first.day == 1 and last == first + relativedelta(months=1, days=-1):
        day = first + relativedelta(day=old.day)
    elif (first.day, first.month) == (1, 1) and last == first + relativedelta(years=1, days=-1):
        day = first + relativedelta(month=old.month, day=old.day)
    elif first.weekday() == 0 and (last - first).days in (4, 6) and old.weekday() <= (last - first).days:
        day = first + timedelta(days=old.weekday())
    else:
        return days
    return DateRange(day, day)


def _ending(call: CalendarCall, event: CalendarEvent, said: str) -> CalendarEvent:
    """The event with another end. Its start stays."""
    if event.start is None:
        raise TimeExpressionError("unknown", "time", said)
    when = call.parse(None, re.sub(r"^(?:until|till?|by|to|up to) ", "", said, flags=re.I), event.start.date())
    clock, start = when.time_of_day, event.start
    if clock is None or event.all_day:
        return _ending_on(event, start, when, said)
    day = start.replace(hour=0, minute=0)
    if when.days is not None:
        day = datetime.combine(when.days.first, day.time())
    faces = (0,) if clock.sure or when.days is not None else (0, 720)
    ends = sorted(day + timedelta(minutes=(clock.start + more) % 1440) for more in faces)
    end = next((each for each in ends if each > start), None)
    if end is None and ends[0] <= start.replace(hour=6, minute=0) < start:
        end = ends[0] + timedelta(days=1)  # a party may end after midnight
    if end is None:
        raise TimeExpressionError("unknown", "time", said)
    minutes = round((end - start).total_seconds() / 60)
    return msgspec.structs.replace(event, minutes=minutes, end_said=True, all_day=False)


def _ending_on(event: CalendarEvent, start: datetime, when: TimeExpression, said: str) -> CalendarEvent:
    """The event with another last day: it becomes, or stays, an all-day event if it has no time of day."""
    if when.days is None or not event.all_day or when.days.last < start.date():
        raise TimeExpressionError("unknown", "time", said)
    count = (when.days.last - start.date()).days + 1
    return msgspec.structs.replace(event, minutes=count * 1440, end_said=count > 1)


def _shifted(call: CalendarCall, event: CalendarEvent, start: datetime, by: Shift) -> CalendarEvent:
    moved = start + by.by * (by.direction or 1)
    if moved < call.now and start >= call.now:
        raise TimeExpressionError("past", "time", str(moved), moved)
    return msgspec.structs.replace(event, start=moved, second_pass=False)


def _shift(call: CalendarCall, new: Mapping[str, str]) -> Shift | None:
    """Return how far to move the event ("by an hour", "a week later"). None: the words give a time, not a distance."""
    said = new.get("time") or new.get("date", "")
    if not _RELATIVE.search(normalize(said)):
        try:
            call.parse(new.get("date"), new.get("time"))
        except TimeExpressionError:
            pass
        else:
            return None
    try:
        return parse_shift(said, call.words)
    except TimeExpressionError:
        return None


def _lengthened(call: CalendarCall, event: CalendarEvent, new: Mapping[str, str]) -> CalendarEvent:
    said = new.get("duration")
    if not said:
        return event
    length = parse_duration(re.sub(_LENGTH, " ", said))
    minutes = round(length.total_seconds() / 60)
    if _LENGTH.search(said) or (_LENGTH.search(call.words) and re.search(r"\bby\b|\blonger\b|\bshorter\b", call.words)):
        shorter = re.search(r"\b(shorter|less|shorten)\b", f"{said} {call.words}", re.I)
        minutes = max(5, event.minutes + (-minutes if shorter else minutes))
    return msgspec.structs.replace(event, minutes=minutes, end_said=True, all_day=event.all_day and minutes % 1440 == 0)
