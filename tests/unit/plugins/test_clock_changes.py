"""Reminders when the clocks change, in every time zone and over thirty years.

"In 8 hours" is 8 hours, also on the night on which a wall clock shows 7 or 9 of them. Whatever was confirmed has a
moment at which it rings.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice, pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest

from llmagent_os.plugins.calendar.calendar_event import CalendarEvent, event_starts, occurrences
from llmagent_os.plugins.calendar.reminder_timers import next_ring
from llmagent_os.plugins.calendar.time.clock_changes import to_aware, to_wall
from llmagent_os.plugins.calendar.time.expression_parsing import parse_time_expression
from llmagent_os.plugins.calendar.time.time_errors import TimeExpressionError
from llmagent_os.plugins.calendar.time.time_expressions import TimeSlot, find_slot

FIRST_YEAR, LAST_YEAR = 2008, 2038
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


@dataclass(frozen=True)
class ClockChange:
    """A moment at which the clocks of a zone are set."""

    zone: ZoneInfo
    at: datetime  #: the first second of the new time, in UTC
    by: timedelta  #: positive: set forward

    def wall(self, before: timedelta) -> datetime:
        """What the clocks show so long before the change."""
        return to_wall(self.at - before, self.zone)


@lru_cache(maxsize=1)
def clock_changes() -> tuple[ClockChange, ...]:
    """Every change of thirty years. Zones whose clocks always agree are looked at once."""
    days = [datetime(FIRST_YEAR, 1, 1, tzinfo=UTC) + timedelta(days=8 * number) for number in range(1370)]
    found: list[ClockChange] = []
    seen: set[tuple[timedelta | None, ...]] = set()
    for name in sorted(available_timezones()):
        zone = ZoneInfo(name)
        offsets = tuple(day.astimezone(zone).utcoffset() for day in days)
        if offsets in seen:
            continue
        seen.add(offsets)
        for (left, before), (right, after) in pairwise(zip(days, offsets, strict=True)):
            if before != after and before is not None and after is not None:
                found.append(_between(zone, left, right, before))
    return tuple(found)


def _between(zone: ZoneInfo, left: datetime, right: datetime, before: timedelta) -> ClockChange:
    while right - left > timedelta(seconds=1):
        middle = (left + (right - left) / 2).replace(microsecond=0)
        if middle.astimezone(zone).utcoffset() == before:
            left = middle
        else:
            right = middle
    return ClockChange(zone, right, (right.astimezone(zone).utcoffset() or timedelta()) - before)


def slot_of(said: str, now: datetime, zone: ZoneInfo) -> TimeSlot:
    """The slot of a reminder that is asked for at ``now``, on the wall clock."""
    when = parse_time_expression(None, said, now, zone=zone)
    return find_slot(when, now, zone=zone, usual_length=timedelta(), to_the_second=True)


def reminder(slot: TimeSlot, zone: ZoneInfo, repeat: str = "") -> CalendarEvent:
    return CalendarEvent(
        event_id="r",
        title="pill",
        start=slot.start,
        second_pass=bool(slot.start.fold),
        minutes=0,
        zone=zone.key,
        repeat=repeat,
        reminder=True,
    )


def test_there_are_clock_changes_of_all_kinds() -> None:
    """The other tests would pass if there were none."""
    found = clock_changes()
    assert len(found) > 3000
    sizes = {change.by for change in found}
    assert {HOUR, -HOUR, timedelta(minutes=30), timedelta(days=1), timedelta(hours=2)} <= sizes


def moments(change: ClockChange) -> Iterator[tuple[timedelta, timedelta, str]]:
    """How long before a change somebody asks, for which delay, and in which words."""
    yield 5 * HOUR, 8 * HOUR, "in 8 hours"
    yield 4 * MINUTE, 10 * MINUTE, "in 10 minutes"
    yield -20 * MINUTE, 90 * MINUTE, "in 1h30"


def test_a_delay_is_as_long_as_it_says() -> None:
    """Somebody takes a pill every 8 hours, and not after 7 or 9 on one night of the year."""
    for change in clock_changes():
        for before, delay, said in moments(change):
            now = change.wall(before)
            event = reminder(slot_of(said, now, change.zone), change.zone)
            due = change.at - before + delay
            assert next_ring(event, change.at - before) == due, (change, said)


def test_what_repeats_in_minutes_and_hours_is_real_time() -> None:
    """Between two rings of "every 30 minutes" lie 30 minutes."""
    for change in clock_changes()[::7]:
        for before, rule, step in (
            (50 * MINUTE, "FREQ=MINUTELY;INTERVAL=30", 30 * MINUTE),
            (7 * HOUR, "FREQ=HOURLY;INTERVAL=3", 3 * HOUR),
        ):
            start = change.wall(before)
            event = reminder(TimeSlot(start, start), change.zone, f"{rule};COUNT=6")
            rings = [to_aware(each, change.zone).astimezone(UTC) for each in islice(event_starts(event, start), 9)]
            assert rings == [change.at - before + number * step for number in range(6)], change
            assert next_ring(event, change.at - before + 4 * step) == change.at - before + 5 * step
            assert next_ring(event, change.at - before + 5 * step) is None, "the sixth is the last one"


def test_the_second_pass_of_a_time_is_the_second() -> None:
    """Said between the two 2:30 of a night, "at 2:30" is the one that is still to come."""
    for change in clock_changes():
        if change.by > -10 * MINUTE:
            continue
        later = min(-change.by, HOUR) / 2
        wall = to_wall(change.at + later, change.zone)
        assert wall.fold == 1
        now = change.wall(timedelta(seconds=-1))
        found = slot_of(f"{wall:%H:%M}", now, change.zone)
        event = reminder(found, change.zone)
        due = change.at + later
        ring = next_ring(event, change.at)
        assert ring is not None, change
        assert change.at <= ring <= due, (change, ring)
        assert next(occurrences(event, wall - HOUR, wall + HOUR, change.zone)).start == found.start


@pytest.mark.parametrize("repeat", ["", "FREQ=DAILY", "FREQ=HOURLY", "FREQ=MINUTELY;INTERVAL=45"])
def test_nothing_confirmed_has_no_timer(repeat: str) -> None:
    """A reminder that was answered with "I'll remind you" rings, and not before it was asked for."""
    for change in clock_changes()[len(repeat) % 5 :: 5]:
        for before in (90 * MINUTE, 20 * MINUTE, -10 * MINUTE, -70 * MINUTE):
            now = change.wall(before)
            for said in (f"{change.wall(before - 25 * MINUTE):%H:%M}", f"{change.wall(-change.by / 2):%H:%M}"):
                try:
                    event = reminder(slot_of(said, now, change.zone), change.zone, repeat)
                except TimeExpressionError:
                    continue  # nothing is confirmed
                ring = next_ring(event, change.at - before - MINUTE)
                assert ring is not None, (change, said)
                assert change.at - before - MINUTE < ring < change.at - before + timedelta(days=4), (change, said, ring)
