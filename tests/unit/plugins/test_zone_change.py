"""What becomes of events when the person says where they are.

What breaks without this: "meeting at 2 PM", said by somebody whose zone was not known, silently becomes 3 PM once they
say "I'm in Berlin"; and on a journey the meetings at home move.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import msgspec
import pytest

from llmagent_os.identity import PersonId
from llmagent_os.people.profiles import Profile
from llmagent_os.plugin import ToolContext
from llmagent_os.plugins.calendar import CalendarPlugin
from llmagent_os.timers import MemoryTimers
from tests.unit.plugins.test_calendar import Person, button


@dataclass
class Traveller(Person):
    """Somebody whose time zone is learned, changes, or is forgotten."""

    zone: str = "UTC"
    profile: Profile = field(default_factory=lambda: Profile(user_id=PersonId("ana")))
    timers: MemoryTimers = field(default_factory=MemoryTimers)

    def context(self, text: str = "", call_id: str = "") -> ToolContext:
        plain = super().context(text, call_id)
        zone = self.profile.time_zone or "UTC"
        now = plain.now.astimezone(ZoneInfo(zone))
        return replace(plain, profile=self.profile, time_zone=zone, now=now, timers=self.timers)

    async def is_in(self, place: str | None, zone: str | None) -> list[str]:
        if not self.plugins.specs():
            await self.plugins.add(CalendarPlugin())
        before = self.profile
        self.profile = msgspec.structs.replace(before, place=place, time_zone=zone)
        return await self.plugins.profile_changed(self.context(), before, "UTC")


@pytest.fixture
def ana() -> Traveller:
    return Traveller()


async def test_the_first_zone_keeps_the_wall_time(ana: Traveller) -> None:
    await ana.say("create", title="meeting", date="friday", time="2pm")
    said = await ana.is_in("Tokyo", "Asia/Tokyo")
    assert said == ["What is in your calendar keeps its times: they are Tokyo times now."]
    assert await ana.titles() == ["meeting, Friday 27 November at 2 PM"]


async def test_a_reminder_rings_at_the_wall_time_of_the_first_zone(ana: Traveller) -> None:
    await ana.say("create", "remind me to call", title="call", date="friday", time="2pm")
    await ana.is_in("Tokyo", "Asia/Tokyo")
    assert [at for _, at in rings(ana)] == [datetime(2026, 11, 27, 5, tzinfo=UTC)]


async def test_what_is_the_same_moment_everywhere_stays(ana: Traveller) -> None:
    await ana.say("create", "remind me in 2 hours to call", title="call", time="in 2 hours")
    await ana.say("create", title="review", date="friday", time="3pm London time")
    assert await ana.is_in("Berlin", "Europe/Berlin") == []
    assert [at for _, at in rings(ana)] == [datetime(2026, 11, 22, 19, tzinfo=UTC)]
    assert "review, Friday 27 November at 4 PM" in await ana.titles()


async def test_a_known_zone_that_changes_leaves_the_moments(ana: Traveller) -> None:
    await ana.is_in("Berlin", "Europe/Berlin")
    await ana.say("create", title="meeting", date="friday", time="2pm")
    said = await ana.is_in("Tokyo", "Asia/Tokyo")
    assert said == ["Your events stay at the same moments, and I show them in Tokyo time."]
    assert await ana.titles() == ["meeting, Friday 27 November at 10 PM"]


async def test_nothing_is_said_of_an_empty_calendar_or_of_the_same_clocks(ana: Traveller) -> None:
    assert await ana.is_in("Berlin", "Europe/Berlin") == []
    await ana.say("create", title="meeting", date="friday", time="2pm")
    assert await ana.is_in("Paris", "Europe/Paris") == []


async def test_a_first_zone_that_is_taken_back_leaves_the_wall_time(ana: Traveller) -> None:
    await ana.say("create", title="meeting", date="friday", time="2pm")
    await ana.is_in("Tokyo", "Asia/Tokyo")
    assert await ana.is_in(None, None) == []
    assert await ana.titles() == ["meeting, Friday 27 November at 2 PM"]
    await ana.is_in("Berlin", "Europe/Berlin")
    assert await ana.titles() == ["meeting, Friday 27 November at 2 PM"]


async def test_an_earlier_change_can_still_be_undone(ana: Traveller) -> None:
    await ana.say("create", title="meeting", date="friday", time="2pm")
    moved = await ana.say("move", title="meeting", new_time="5pm")
    await ana.is_in("Tokyo", "Asia/Tokyo")
    assert await ana.titles() == ["meeting, Friday 27 November at 5 PM"]
    await ana.press(button(moved, "Undo"))
    assert await ana.titles() == ["meeting, Friday 27 November at 2 PM"]


def rings(person: Traveller) -> list[tuple[str, datetime]]:
    return [(key, at) for key, at in person.timers.pending.items() if key.startswith("ring:")]
