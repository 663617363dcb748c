"""Somebody whose calendar is compared by the times at which its events start, on a Wednesday morning."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice

from dateutil.rrule import rrulestr

from llmagent_os.plugin import ToolContext, ToolResult
from llmagent_os.plugins.calendar.calendar_call import CalendarCall
from llmagent_os.plugins.calendar.calendar_event import CalendarEvent
from llmagent_os.timers import MemoryTimers
from tests.unit.plugins.test_calendar import Person

WEDNESDAY = datetime(2026, 11, 25, 9, 0)


@dataclass
class TimedPerson(Person):
    """Somebody with an empty calendar."""

    zone: str = "UTC"
    now: datetime = WEDNESDAY
    timers: MemoryTimers = field(default_factory=MemoryTimers)

    def context(self, text: str = "", call_id: str = "") -> ToolContext:
        return replace(super().context(text, call_id), timers=self.timers)

    async def create(self, text: str, **arguments: str) -> ToolResult:
        return await self.say("create", text, **arguments)

    async def change(self, text: str, **arguments: str) -> ToolResult:
        return await self.say("move", text, **arguments)

    async def events(self) -> list[CalendarEvent]:
        events = await CalendarCall(self.context()).store.events()
        return sorted(events, key=lambda event: event.start or datetime.max)

    async def starts(self, count: int = 3) -> list[str]:
        """The first starts of every event, or its days."""
        found: list[str] = []
        for event in await self.events():
            assert event.start is not None
            form = "%m-%d" if event.all_day else "%m-%d %H:%M"
            if event.repeat:
                dates = list(islice(rrulestr(event.repeat, dtstart=event.start), count + 3))
                found += [f"{each:{form}}" for each in dates if each not in event.skipped][:count]
            else:
                days = event.minutes // 1440
                found.append(f"{event.start:{form}}" + (f" +{days - 1}" if event.all_day and days > 1 else ""))
        return found
