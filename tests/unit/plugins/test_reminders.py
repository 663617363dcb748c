"""Reminders that ring: every wrong answer here is a call to mom that was not made, or one that never stops."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import pytest

from llmagent_os.identity import PersonId
from llmagent_os.languages import speaking
from llmagent_os.people.profiles import Profile
from llmagent_os.plugin import ToolContext, ToolResult
from llmagent_os.plugins.calendar import CalendarPlugin
from llmagent_os.plugins.calendar.calendar_event import CalendarEvent
from llmagent_os.plugins.calendar.reminder_timers import next_ring
from llmagent_os.records import MemoryRecords, Record
from llmagent_os.timers import MemoryTimers
from llmagent_os.tools.registry import Plugins

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 22, 17, 0, tzinfo=BERLIN)  # a Sunday
MINUTE = timedelta(minutes=1)


@dataclass
class Person:
    """Somebody with a calendar, and a clock that stands still until it is moved."""

    now: datetime = NOW
    initiative: Literal["act", "ask_first"] = "act"
    records: MemoryRecords = field(default_factory=MemoryRecords)
    timers: MemoryTimers = field(default_factory=MemoryTimers)
    plugins: Plugins = field(default_factory=lambda: Plugins(installed=()))
    calls: int = 0

    def context(self, text: str = "", call_id: str = "") -> ToolContext:
        self.calls += 1
        return ToolContext(
            user_id=PersonId("ana"),
            conversation_key="room",
            call_id=call_id or str(self.calls),
            now=self.now,
            time_zone="Europe/Berlin",
            text=text,
            initiative=self.initiative,
            records=self.records,
            profile=Profile(user_id=PersonId("ana")),
            timers=self.timers,
        )

    async def call(self, tool: str, text: str = "", call_id: str = "", **arguments: str) -> ToolResult:
        if not self.plugins.specs():
            await self.plugins.add(CalendarPlugin())
        return await self.plugins.call(f"{tool}_event", arguments, self.context(text, call_id))

    async def remind(self, title: str = "call mom", **arguments: str) -> ToolResult:
        return await self.call("create", "remind me", title=title, **arguments)

    async def press(self, result: ToolResult, label: str, call_id: str = "") -> ToolResult:
        value = next(each.value for each in result.buttons if each.label == label)
        return await self.plugins.press(value, self.context("", call_id))

    async def at(self, moment: datetime) -> list[ToolResult]:
        """Everything said until then, each thing at its moment."""
        said: list[ToolResult] = []
        while pending := [at for at in self.timers.pending.values() if at <= moment]:
            said += await self.off_until(max(pending[0].astimezone(BERLIN), self.now))
        self.now = moment
        return said

    async def off_until(self, moment: datetime) -> list[ToolResult]:
        """What is said at a start at that moment, after which nothing had been said since ``now``."""
        self.now = moment
        answers = [
            await self.plugins.due("calendar", key, at, self.context()) for key, at in self.timers.ring(self.now)
        ]
        return [answer for answer in answers if answer is not None]

    def ringing(self) -> list[str]:
        """When the timers are due, on the wall clock."""
        return [f"{at.astimezone(BERLIN):%a %d %b %H:%M}" for at in self.timers.pending.values()]


@pytest.fixture
def person() -> Person:
    return Person()


def texts(said: list[ToolResult]) -> list[str]:
    return [each.text for each in said]


async def test_call_mom_every_sunday_at_six(person: Person) -> None:
    """The issue's own words."""
    await person.remind(repeat="every Sunday", time="6pm")
    assert await person.at(NOW + 59 * MINUTE) == []
    for week in range(4):
        (said,) = await person.at(NOW + 60 * MINUTE + timedelta(weeks=week))
        assert said.text == "Reminder: call mom."
        assert said.data == {"status": "reminder", "title": "call mom"}
        assert [each.label for each in said.buttons] == ["Done", "Snooze 10 min"]
    assert person.ringing() == ["Sun 20 Dec 18:00"]


async def test_a_reminder_is_told_once_at_its_moment(person: Person) -> None:
    await person.remind("take the bins out", time="7:30pm", place="the gate")
    assert texts(await person.at(NOW + timedelta(days=9))) == ["Reminder: take the bins out at the gate."]
    assert person.ringing() == []


@pytest.mark.parametrize(
    ("language", "text", "buttons", "snoozed"),
    [
        ("de", "Erinnerung: call mom.", ["Erledigt", "In 10 Minuten"], "Ich erinnere dich noch einmal: 18:10."),
        ("es", "Recordatorio: call mom.", ["Hecho", "En 10 minutos"], "Te lo recuerdo otra vez: 18:10."),
        ("zh", "提醒：call mom。", ["完成", "10 分钟后"], "我会再次提醒你：18:10。"),
    ],
)
async def test_it_rings_in_the_language_of_the_person(
    person: Person, language: str, text: str, buttons: list[str], snoozed: str
) -> None:
    await person.remind(time="6pm")
    with speaking(language):
        (said,) = await person.at(NOW + 60 * MINUTE)
        assert (said.text, [each.label for each in said.buttons]) == (text, buttons)
        assert (await person.press(said, buttons[1])).text == snoozed


@pytest.mark.parametrize(
    ("late", "text"),
    [
        (timedelta(minutes=5), "Reminder: call mom."),
        (timedelta(minutes=6), "Reminder (due today at 6 PM): call mom."),
        (timedelta(days=1), "Reminder (due yesterday at 6 PM): call mom."),
        (timedelta(days=24), "Reminder (due Sunday 22 November at 6 PM): call mom."),
    ],
)
async def test_one_that_comes_late_says_when_it_was_due(person: Person, late: timedelta, text: str) -> None:
    await person.remind(time="6pm")
    assert texts(await person.off_until(NOW + 60 * MINUTE + late)) == [text]


async def test_what_was_missed_of_a_repetition_is_told_once(person: Person) -> None:
    """Not thirty times after a month on the beach."""
    await person.remind("stretch", repeat="every day", time="6pm")
    assert texts(await person.off_until(NOW + timedelta(days=30))) == [
        "Reminder (due Sunday 22 November at 6 PM): stretch."
    ]
    assert person.ringing() == ["Tue 22 Dec 18:00"]


@pytest.mark.parametrize(
    ("repeat", "times"),
    [
        ("every hour", ["Sun 22 Nov 18:00", "Sun 22 Nov 19:00"]),
        ("every 20 minutes", ["Sun 22 Nov 17:20", "Sun 22 Nov 17:40"]),
        ("every weekday", ["Mon 23 Nov 00:00", "Tue 24 Nov 00:00"]),
    ],
)
async def test_all_kinds_of_repetition_ring(person: Person, repeat: str, times: list[str]) -> None:
    await person.remind("drink water", repeat=repeat, **({"time": "midnight"} if "day" in repeat else {}))
    found = [person.ringing()[0]]
    await person.at(next(iter(person.timers.pending.values())))
    assert [*found, *person.ringing()] == times


async def test_a_plain_event_does_not_ring(person: Person) -> None:
    await person.call("create", title="lunch", date="tomorrow", time="noon")
    await person.call("move", new_time="1pm")
    assert person.ringing() == []


async def test_a_reminder_without_a_day_does_not_ring(person: Person) -> None:
    await person.remind("buy milk")
    assert person.ringing() == []


async def test_a_reminder_of_a_day_rings_in_the_morning(person: Person) -> None:
    await person.remind("pay rent", date="december 1")
    assert person.ringing() == ["Tue 01 Dec 09:00"]
    assert texts(await person.off_until(datetime(2026, 12, 1, 12, tzinfo=BERLIN))) == [
        "Reminder (due today): pay rent."
    ]


async def test_a_reminder_of_today_made_in_the_afternoon_rings_in_the_evening(person: Person) -> None:
    await person.remind("water the plants", date="today")
    assert person.ringing() == ["Sun 22 Nov 18:00"]


async def test_a_reminder_of_the_minute_that_has_begun_rings_at_once(person: Person) -> None:
    """The calendar takes "at 5" for now while it is 5; then it must not keep silent about it."""
    person.now += timedelta(seconds=10)
    made = await person.remind(time="5pm")
    assert made.data["when"] == "today at 5 PM"
    assert texts(await person.off_until(person.now + timedelta(seconds=1))) == ["Reminder: call mom."]


async def test_reminders_ring_by_the_wall_clock(person: Person) -> None:
    """At 6 PM in summer too."""
    event = CalendarEvent(
        event_id="e",
        title="call mom",
        start=datetime(2026, 11, 22, 18),
        minutes=0,
        zone="Europe/Berlin",
        repeat="FREQ=WEEKLY;BYDAY=SU",
        reminder=True,
    )
    assert next_ring(event, datetime(2026, 12, 1, tzinfo=UTC)) == datetime(2026, 12, 6, 17, tzinfo=UTC)
    assert next_ring(event, datetime(2027, 4, 1, tzinfo=UTC)) == datetime(2027, 4, 4, 16, tzinfo=UTC)


async def test_a_moved_reminder_rings_at_its_new_time_only(person: Person) -> None:
    await person.remind(time="6pm")
    await person.call("move", new_time="8pm")
    assert person.ringing() == ["Sun 22 Nov 20:00"]
    await person.call("move", new_title="call dad")
    assert texts(await person.at(NOW + timedelta(days=1))) == ["Reminder: call dad."]


async def test_a_deleted_reminder_says_nothing_and_undo_brings_it_back(person: Person) -> None:
    await person.remind(time="6pm")
    gone = await person.call("delete", title="call mom")
    assert person.ringing() == []
    await person.press(gone, "Undo")
    assert person.ringing() == ["Sun 22 Nov 18:00"]
    assert texts(await person.at(NOW + timedelta(days=1))) == ["Reminder: call mom."]


async def test_undoing_a_move_brings_the_old_time_back(person: Person) -> None:
    await person.remind(time="6pm")
    moved = await person.call("move", new_time="8pm")
    await person.press(moved, "Undo")
    assert person.ringing() == ["Sun 22 Nov 18:00"]


async def test_a_timer_on_its_way_when_its_reminder_is_deleted_or_moved_says_nothing(person: Person) -> None:
    for change, new in (("delete", {}), ("move", {"new_time": "8pm"})):
        await person.remind(f"{change} me", time="6pm")
        ((key, at),) = person.timers.ring(NOW + 60 * MINUTE)
        await person.call(change, title=f"{change} me", **new)
        assert await person.plugins.due("calendar", key, at, person.context()) is None
    assert person.ringing() == ["Sun 22 Nov 20:00"]


async def test_a_day_taken_out_of_a_repetition_is_silent_and_the_next_rings(person: Person) -> None:
    await person.remind(repeat="every Sunday", time="6pm")
    await person.call("delete", title="call mom", date="today")
    assert person.ringing() == ["Sun 29 Nov 18:00"]
    moved = await person.call("move", title="call mom", date="november 29", new_time="8pm")
    assert moved.data["when"] == "Sunday 29 November at 8 PM"
    assert person.ringing() == ["Sun 29 Nov 20:00", "Sun 06 Dec 18:00"]


async def test_a_repetition_that_changes_just_after_it_rang_goes_on(person: Person) -> None:
    await person.remind(repeat="every Sunday", time="6pm")
    assert len(await person.at(NOW + 60 * MINUTE)) == 1
    person.now += timedelta(seconds=20)
    await person.call("move", title="call mom", new_title="call mum")
    assert person.ringing() == ["Sun 29 Nov 18:00"]
    assert texts(await person.at(NOW + timedelta(days=7, hours=1))) == ["Reminder: call mum."]


async def test_ask_first_sets_no_timer_before_yes(person: Person) -> None:
    person.initiative = "ask_first"
    asked = await person.remind(time="6pm")
    assert person.ringing() == []
    for _ in range(2):
        await person.press(asked, "Yes")
    assert person.ringing() == ["Sun 22 Nov 18:00"]


async def test_a_call_run_again_after_it_rang_does_not_ring_again(person: Person) -> None:
    for _ in range(2):
        await person.call("create", "remind me", call_id="a", title="call mom", time="6pm")
    assert len(await person.at(NOW + 60 * MINUTE)) == 1
    await person.call("create", "remind me", call_id="a", title="call mom", time="6pm")
    assert await person.at(NOW + timedelta(days=1)) == []


class Dies(MemoryTimers):
    """Timers whose process dies at the n-th write of the timers or the records that share the count."""

    def __init__(self, count: list[int]) -> None:
        super().__init__()
        self.writes = count

    async def set(self, key: str, at: datetime, *, deferrable: bool = False) -> None:
        step(self.writes)
        await super().set(key, at)

    async def cancel(self, key: str) -> bool:
        step(self.writes)
        return await super().cancel(key)


class DyingRecords(MemoryRecords):
    def __init__(self, count: list[int]) -> None:
        super().__init__()
        self.writes = count

    async def put(self, key: str, record: Record) -> None:
        step(self.writes)
        await super().put(key, record)

    async def delete(self, key: str, version: int | None = None) -> bool:
        step(self.writes)
        return await super().delete(key, version)


def step(count: list[int]) -> None:
    count[0] -= 1
    if count[0] < 0:
        raise OSError("killed")


@pytest.mark.parametrize("writes", range(1, 9))
@pytest.mark.parametrize("change", ["create", "move", "delete"])
async def test_a_crash_in_the_middle_keeps_timers_right(change: str, writes: int) -> None:
    """Whichever write it dies at once it has decided, the turn that runs again leaves the right timers."""
    count = [99]
    person = Person(records=DyingRecords(count), timers=Dies(count))
    plugin = CalendarPlugin()
    if change != "create":
        await person.remind(time="6pm")

    async def turn() -> None:
        context = person.context("cancel it" if change == "delete" else "remind me", "x")
        if change == "create":
            await plugin.create_event(context, title="call mom", time="6pm")
        elif change == "move":
            await plugin.move_event(context, title="call mom", new_time="7pm")
        else:
            await plugin.delete_event(context, title="call mom")

    count[0] = writes
    try:
        await turn()
    except OSError:
        count[0] = 99
        person.now = NOW + timedelta(hours=3)  # the host was off until after it was due
        await turn()
    count[0] = 99
    await person.plugins.add(plugin)
    said = await person.off_until(NOW + timedelta(hours=3))
    due = {"create": "6 PM", "move": "7 PM"}
    assert texts(said) == ([f"Reminder (due today at {due[change]}): call mom."] if change in due else [])
    assert person.ringing() == []


async def test_answering_a_timer_again_after_a_crash_says_the_same(person: Person) -> None:
    await person.remind(repeat="every Sunday", time="6pm")
    person.now = NOW + 60 * MINUTE
    ((key, at),) = person.timers.ring(person.now)
    answers = [await person.plugins.due("calendar", key, at, person.context()) for _ in range(2)]
    assert answers[0] == answers[1]
    assert person.ringing() == ["Sun 29 Nov 18:00"]


async def test_snooze_rings_again_in_ten_minutes_however_often_it_is_pressed(person: Person) -> None:
    await person.remind(repeat="every Sunday", time="6pm")
    (said,) = await person.at(NOW + 60 * MINUTE)
    for seconds in range(3):
        person.now = NOW + 60 * MINUTE + timedelta(seconds=seconds)
        assert (await person.press(said, "Snooze 10 min")).text == "I'll remind you again at 6:10 PM."
    (again,) = await person.at(NOW + 70 * MINUTE)
    assert again.text == "Reminder: call mom."
    await person.press(said, "Snooze 10 min")
    assert await person.at(NOW + 80 * MINUTE) == [], "the old button has done its work"
    await person.press(again, "Snooze 10 min")
    assert texts(await person.at(NOW + 90 * MINUTE)) == ["Reminder: call mom."]
    assert person.ringing() == ["Sun 29 Nov 18:00"], "the repetition goes on"


async def test_done_ends_a_snooze(person: Person) -> None:
    await person.remind(time="6pm")
    (said,) = await person.at(NOW + 60 * MINUTE)
    await person.press(said, "Snooze 10 min")
    for _ in range(2):
        assert (await person.press(said, "Done")).text == "Done: call mom."
    assert person.ringing() == []


@pytest.mark.parametrize("change", ["delete", "move"])
async def test_a_snoozed_reminder_that_is_deleted_or_moved_is_quiet(person: Person, change: str) -> None:
    await person.remind(time="6pm")
    (said,) = await person.at(NOW + 60 * MINUTE)
    await person.press(said, "Snooze 10 min")
    await person.call(change, title="call mom", date="today", **({"new_time": "9pm"} if change == "move" else {}))
    assert await person.at(NOW + 120 * MINUTE) == []
    pressed = await person.press(said, "Snooze 10 min")
    assert pressed.data["status"] == ("stale" if change == "delete" else "snoozed")


async def test_it_is_the_reminder_after_it_rang(person: Person) -> None:
    await person.remind(time="6pm")
    await person.call("create", title="lunch", date="tomorrow", time="noon")
    await person.at(NOW + 60 * MINUTE)
    assert (await person.call("move", "move it to 8", new_time="8pm")).data["title"] == "call mom"


async def test_a_made_up_timer_says_nothing(person: Person) -> None:
    await person.remind(time="6pm")
    for key in ("", "ring:", "ring:" + "0" * 16, "snooze:x", "nonsense"):
        assert await person.plugins.due("calendar", key, NOW, replace(person.context())) is None
