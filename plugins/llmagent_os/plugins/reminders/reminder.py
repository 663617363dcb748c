"""A reminder, and when it rings."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from llmagent_os.languages import date_and_time_text
from llmagent_os.plugins.kit.numbered_items import Item
from llmagent_os.plugins.kit.said_moment import SaidMoment, next_wall, to_aware


class Reminder(Item, frozen=True, kw_only=True):
    """What a person is reminded of, and when."""

    what: str
    wall: datetime  #: the first time, on the wall clock of ``zone``
    zone: str  #: IANA time zone
    next: datetime  #: when it rings, or rang if it is over, in UTC
    rule: str = ""  #: the value of an RRULE; empty: once
    skipped: tuple[datetime, ...] = ()  #: times on the wall clock that the repetition leaves out
    repeats: str = ""  #: the repetition in the person's words
    is_delay: bool = False  #: it was set as a delay, so no change of the time zone moves it
    rang: datetime | None = None  #: when it rang last
    snoozed: datetime | None = None  #: when it rings once more
    is_over: bool = False  #: it has rung for the last time

    @property
    def when(self) -> str:
        """When it rings next, for replies."""
        return date_and_time_text((self.snoozed or self.next).astimezone(ZoneInfo(self.zone)))

    @property
    def is_pending(self) -> bool:
        """Whether it will ring."""
        return not self.is_over or self.snoozed is not None

    def at(self, said: SaidMoment) -> Reminder:
        """Give this reminder another time, from which it is as if it were new."""
        wall = said.wall or self.wall
        return replace(
            self,
            wall=wall,
            next=to_aware(wall, ZoneInfo(self.zone)).astimezone(UTC),
            rule=said.rule,
            skipped=said.skipped,
            repeats=said.repeats,
            is_delay=said.is_delay,
            rang=None,
            snoozed=None,
            is_over=False,
        )

    def in_zone(self, zone: str, now: datetime) -> Reminder:
        """Give this reminder at the same time of day on the clocks of another zone."""
        moved = replace(self, zone=zone)
        if not self.rule:
            return replace(moved, next=to_aware(self.wall, ZoneInfo(zone)).astimezone(UTC))
        following = moved.ring_after(now)
        return moved if following is None else replace(moved, next=following)

    def rung(self, at: datetime, now: datetime) -> Reminder:
        """Give this reminder after it rang. Repetitions that were missed while the host was off are left out."""
        following = self.ring_after(max(at, now)) if self.rule else None
        if following is None:
            return replace(self, rang=at, is_over=True)
        return replace(self, rang=at, next=following)

    def ring_after(self, after: datetime) -> datetime | None:
        """The first ring of a repetition after a moment, in UTC. A time that the clocks skip moves forward."""
        zone = ZoneInfo(self.zone)
        wall: datetime | None = after.astimezone(zone).replace(tzinfo=None)
        while wall is not None:
            wall = next_wall(self.wall, self.rule, wall, self.skipped)
            moment = None if wall is None else to_aware(wall, zone).astimezone(UTC)
            if moment is not None and moment > after:  # in a doubled hour, the clock shows the time again
                return moment
        return None
