"""Sets the timers of reminders.

A dated reminder has one timer, for the next time that it rings. When it rings, the next timer is set. A snoozed
reminder has a second timer. Before a reminder is announced, it is checked against the calendar: a reminder that was
deleted or moved in the meantime says nothing.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from llmagent_os.plugins.calendar.calendar_event import CalendarEvent, event_starts, known_zone, later
from llmagent_os.plugins.calendar.time.clock_changes import to_aware, to_wall
from llmagent_os.records import Records
from llmagent_os.timers import Timers

MORNING_RING = timedelta(hours=9)  #: after midnight: when an all-day reminder rings
EVENING_RING = timedelta(hours=18)  #: after midnight: when it rings if it was made too late for the morning
SNOOZE_TIME = timedelta(minutes=10)  #: from the press of Snooze to the next ring
LATE_AFTER = timedelta(minutes=5)  #: an announcement that is later than this says when the reminder was due
#: A reminder that became due less than this before it was made rings at once. The calendar counts in whole minutes, and
#: "at 5" still means now during the minute of 5:00.
RING_TOLERANCE = timedelta(minutes=1)

MAX_CLOCK_CHANGE = timedelta(hours=26)  #: no clocks were ever set by more than a day and an hour
_MAX_STARTS = 3000  #: starts that are tried for the next ring


def next_ring(event: CalendarEvent, after: datetime) -> datetime | None:
    """Return the first moment after ``after`` at which ``event`` rings, in UTC. None: it never rings again."""
    if not event.reminder or event.start is None:
        return None
    zone = _zone(event)
    try:
        wall = later(to_wall(after, zone), -MAX_CLOCK_CHANGE - timedelta(days=1 if event.all_day else 0))
        for start in islice(event_starts(event, wall), _MAX_STARTS):
            ring = to_aware(_on_the_day(event, start, zone), zone).astimezone(UTC)
            if ring > after and start not in event.skipped:
                return ring
    except (OverflowError, ValueError):  # beyond the year 9999
        return None
    return None


def rings_at(event: CalendarEvent, at: datetime) -> bool:
    """Return whether ``event`` rings at exactly this moment."""
    return next_ring(event, at - timedelta(microseconds=1)) == at


def _on_the_day(event: CalendarEvent, start: datetime, zone: ZoneInfo) -> datetime:
    if not event.all_day:
        return start
    made = datetime.fromisoformat(event.created).astimezone(zone).replace(tzinfo=None) if event.created else start
    return start + (MORNING_RING if made < start + MORNING_RING else EVENING_RING)


def _zone(event: CalendarEvent) -> ZoneInfo:
    return known_zone(event.zone) or ZoneInfo("UTC")


class ReminderTimers:
    """The timers of one person's reminders."""

    def __init__(self, records: Records, timers: Timers, now: datetime) -> None:
        self._records = records
        self._timers = timers
        self._now = now

    async def schedule(self, event: CalendarEvent, since: datetime) -> None:
        """Set the timer of a reminder that is new, or that was changed at ``since``. Ends its snooze.

        A ring that was due between ``since`` and now happens at once, because a crash may lie in between. A repetition
        waits for its next ring instead: no moment is answered twice, so it could wait for ever on one that has rung.
        """
        if not event.reminder:
            return
        ring = next_ring(event, self._now if event.repeat else since - RING_TOLERANCE)
        if ring is None:
            await self._timers.cancel(f"ring:{event.event_id}")
        else:
            await self._timers.set(f"ring:{event.event_id}", ring)
        await self.stop_snooze(event.event_id)

    async def cancel(self, event: CalendarEvent) -> None:
        """Cancel the timers of a deleted reminder."""
        if event.reminder:
            await self._timers.cancel(f"ring:{event.event_id}")
            await self.stop_snooze(event.event_id)

    async def schedule_next(self, event: CalendarEvent, at: datetime) -> None:
        """Set the timer for the ring after the one at ``at``. Rings missed in the meantime are announced only once."""
        ring = next_ring(event, max(at, self._now))
        if ring is not None:
            await self._timers.set(f"ring:{event.event_id}", ring)

    async def snooze(self, event_id: str, stamp: str) -> datetime:
        """Set the snooze timer and return its moment.

        Args:
            event_id: the reminder.
            stamp: tells one announcement from another. Snoozing the same announcement twice gives the same moment.
        """
        known = await self._records.get(f"snooze:{event_id}")
        if known is not None and known["of"] == stamp:
            until = datetime.fromisoformat(known["until"])
        else:
            until = self._now.astimezone(UTC) + SNOOZE_TIME
            await self._records.put(f"snooze:{event_id}", {"of": stamp, "until": until.isoformat()})
        await self._timers.set(f"snooze:{event_id}", until)
        return until

    async def snoozed_until(self, event_id: str) -> datetime | None:
        """Return when a snoozed reminder rings, or None."""
        known = await self._records.get(f"snooze:{event_id}")
        return None if known is None else datetime.fromisoformat(known["until"])

    async def stop_snooze(self, event_id: str) -> None:
        """End a snooze."""
        if await self._records.get(f"snooze:{event_id}") is not None:
            await self._timers.cancel(f"snooze:{event_id}")
            await self._records.delete(f"snooze:{event_id}")
