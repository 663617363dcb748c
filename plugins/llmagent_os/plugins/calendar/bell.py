"""When a reminder rings, and what is said then.

Each reminder with a day has one timer, for the next time it rings; ringing sets the one after. A second one stands for
"snooze". What a timer says is checked against the calendar when it rings: a reminder that was deleted or moved in the
meantime says nothing.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from llmagent_os.plugins.calendar.events import Event, starts
from llmagent_os.plugins.calendar.when import aware
from llmagent_os.records import Records
from llmagent_os.timers import Timers

MORNING = timedelta(hours=9)  #: when a reminder of a whole day rings
EVENING = timedelta(hours=18)  #: when it does on the day itself, where it was made too late for the morning
SNOOZE = timedelta(minutes=10)
LATE = timedelta(minutes=5)  #: after which it is told when it was due
#: The calendar counts in whole minutes, and takes "at 5" for now while it is 5: what is no older rings at once.
JUST_NOW = timedelta(minutes=1)

_LOOK = 3000  #: starts looked at for the next one that rings


def next_ring(event: Event, after: datetime) -> datetime | None:
    """The first moment after ``after`` at which ``event`` rings, in UTC; None: it does not, or never again."""
    if not event.reminder or event.start is None:
        return None
    zone = _zone(event)
    try:
        wall = after.astimezone(zone).replace(tzinfo=None) - timedelta(days=1 if event.all_day else 0, hours=2)
        for start in islice(starts(event, wall), _LOOK):
            ring = aware(_on_the_day(event, start, zone), zone).astimezone(UTC)
            if ring > after and start not in event.skipped:
                return ring
    except (OverflowError, ValueError):  # beyond the last year that there is
        return None
    return None


def rings_at(event: Event, at: datetime) -> bool:
    """Whether ``event`` rings at this very moment."""
    return next_ring(event, at - timedelta(microseconds=1)) == at


def _on_the_day(event: Event, start: datetime, zone: ZoneInfo) -> datetime:
    if not event.all_day:
        return start
    made = datetime.fromisoformat(event.created).astimezone(zone).replace(tzinfo=None) if event.created else start
    return start + (MORNING if made < start + MORNING else EVENING)


def _zone(event: Event) -> ZoneInfo:
    try:
        return ZoneInfo(event.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


class Bell:
    """The timers of one person's reminders."""

    def __init__(self, records: Records, timers: Timers, now: datetime) -> None:
        self._records = records
        self._timers = timers
        self._now = now

    async def arm(self, event: Event, since: datetime) -> None:
        """Have a reminder that is new or changed since ``since`` ring when it should, and no snooze of what it was.

        What should have rung between then and now rings at once: a crash may lie in between. Not so a repetition, which
        would wait for ever where it has rung then, since no moment is answered twice.
        """
        if not event.reminder:
            return
        ring = next_ring(event, self._now if event.repeat else since - JUST_NOW)
        if ring is None:
            await self._timers.cancel(f"ring:{event.event_id}")
        else:
            await self._timers.set(f"ring:{event.event_id}", ring)
        await self.stop_snooze(event.event_id)

    async def disarm(self, event: Event) -> None:
        """A reminder is gone."""
        if event.reminder:
            await self._timers.cancel(f"ring:{event.event_id}")
            await self.stop_snooze(event.event_id)

    async def rang(self, event: Event, at: datetime) -> None:
        """Set the next time after the one at ``at``. What was missed meanwhile is told once, not once each."""
        ring = next_ring(event, max(at, self._now))
        if ring is not None:
            await self._timers.set(f"ring:{event.event_id}", ring)

    async def snooze(self, event_id: str, stamp: str) -> datetime:
        """Ring again in a while; at the same moment for the same ``stamp``, that of the reminder with the button."""
        known = await self._records.get(f"snooze:{event_id}")
        if known is not None and known["of"] == stamp:
            until = datetime.fromisoformat(known["until"])
        else:
            until = self._now.astimezone(UTC) + SNOOZE
            await self._records.put(f"snooze:{event_id}", {"of": stamp, "until": until.isoformat()})
        await self._timers.set(f"snooze:{event_id}", until)
        return until

    async def snoozed_until(self, event_id: str) -> datetime | None:
        """When a snoozed reminder rings."""
        known = await self._records.get(f"snooze:{event_id}")
        return None if known is None else datetime.fromisoformat(known["until"])

    async def stop_snooze(self, event_id: str) -> None:
        """Do not ring again."""
        if await self._records.get(f"snooze:{event_id}") is not None:
            await self._timers.cancel(f"snooze:{event_id}")
            await self._records.delete(f"snooze:{event_id}")
