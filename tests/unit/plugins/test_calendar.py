"""The calendar, spoken to as a model does: every wrong answer here is a missed appointment or a lost one."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, cast
from zoneinfo import ZoneInfo

import icalendar
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmagent_os.adapter import Card
from llmagent_os.identity import PersonId
from llmagent_os.people.profiles import Profile
from llmagent_os.plugin import ToolContext, ToolResult
from llmagent_os.plugins.calendar import CalendarPlugin
from llmagent_os.records import MemoryRecords, Record
from llmagent_os.tools.registry import Plugins

NOW = datetime(2026, 11, 22, 17, 0)  # a Sunday


@dataclass
class Person:
    """Somebody with a calendar."""

    zone: str = "Europe/Berlin"
    initiative: Literal["act", "ask_first"] = "act"
    now: datetime = NOW
    records: MemoryRecords = field(default_factory=MemoryRecords)
    plugins: Plugins = field(default_factory=lambda: Plugins(installed=()))
    calls: int = 0

    def context(self, text: str = "", call_id: str = "") -> ToolContext:
        self.calls += 1
        return ToolContext(
            user_id=PersonId("ana"),
            conversation_key="room",
            call_id=call_id or str(self.calls),
            now=self.now.replace(tzinfo=ZoneInfo(self.zone)),
            time_zone=self.zone,
            text=text,
            initiative=self.initiative,
            records=self.records,
            profile=Profile(user_id=PersonId("ana")),
        )

    async def say(self, tool: str, text: str = "", call_id: str = "", **arguments: str) -> ToolResult:
        if not self.plugins.specs():
            await self.plugins.add(CalendarPlugin())
        result = await self.plugins.call(
            f"{tool}_event{'s' if tool == 'list' else ''}", arguments, self.context(text, call_id)
        )
        assert all(isinstance(value, str) and value for value in result.data.values())
        assert result.text[-1] in ".?"
        return result

    async def press(self, value: str) -> ToolResult:
        return await self.plugins.press(value, self.context())

    async def titles(self, date_said: str = "") -> list[str]:
        result = await self.say("list", **({"date": date_said} if date_said else {}))
        return [str(each) for each in result.data.get("events", "").split("; ") if each]


@pytest.fixture
def person() -> Person:
    return Person()


def get(component: Any, name: str) -> Any:
    return component.get(name)


def button(result: ToolResult, label: str) -> str:
    return next(each.value for each in result.buttons if each.label.startswith(label))


async def test_the_conversation_that_a_newcomer_has(person: Person) -> None:
    """The first page of the README."""
    made = await person.say("create", title="meeting with John", person="John", time="3pm", date="tomorrow")
    assert made.data == {
        "status": "created",
        "title": "meeting with John",
        "when": "tomorrow, Monday 23 November, at 3 PM",
    }
    listed = await person.say("list", date="tomorrow")
    assert listed.data["events"] == "meeting with John, tomorrow, Monday 23 November, at 3 PM"
    moved = await person.say("move", "make it 4 instead", new_time="4")
    assert moved.data["when"] == "tomorrow, Monday 23 November, at 4 PM"
    assert moved.data["old"] == "tomorrow, Monday 23 November, at 3 PM"
    await person.say("create", title="dentist appointment", date="next tuesday", time="10am")
    gone = await person.say("delete", title="dentist appointment", date="next week")
    assert gone.data == {"status": "deleted", "title": "dentist appointment", "when": "Tuesday 24 November at 10 AM"}
    free = await person.say("list", "am I free Friday afternoon?", date="Friday", time="afternoon")
    assert free.data == {"status": "empty", "when": "Friday 27 November in the afternoon", "free": "yes"}
    assert free.text == "You're free on Friday 27 November in the afternoon."
    mom = await person.say(
        "create", "remind me to call mom every Sunday", title="call mom", repeat="every Sunday", time="6pm"
    )
    assert mom.data == {
        "status": "created",
        "title": "call mom",
        "when": "today at 6 PM",
        "repeat": "every Sunday",
        "kind": "reminder",
    }


async def test_a_call_run_again_after_a_crash_writes_once(person: Person) -> None:
    """The same turn may run twice; there must be one event, one deletion, one move."""
    for _ in range(2):
        made = await person.say("create", call_id="a", title="gym", date="friday", time="6pm")
        assert made.data["status"] == "created"
    for _ in range(2):
        moved = await person.say("move", call_id="b", title="gym", new_time="an hour later")
        assert moved.data["when"] == "Friday 27 November at 7 PM"
    assert await person.titles("friday") == ["gym, Friday 27 November at 7 PM"]
    for _ in range(2):
        assert (await person.say("delete", call_id="c", title="gym")).data["status"] == "deleted"
    assert await person.titles() == []


class Crashing(MemoryRecords):
    """Records whose process dies at the n-th write."""

    def __init__(self, writes: int) -> None:
        super().__init__()
        self.writes = writes

    async def put(self, key: str, record: Record) -> None:
        self._count()
        await super().put(key, record)

    async def delete(self, key: str, version: int | None = None) -> bool:
        self._count()
        return await super().delete(key, version)

    def _count(self) -> None:
        self.writes -= 1
        if self.writes < 0:
            raise OSError("killed")


@pytest.mark.parametrize("writes", range(6))
async def test_a_crash_in_the_middle_of_a_write_loses_nothing(writes: int) -> None:
    """Whichever write it dies at, running the turn again gives the same calendar."""
    person = Person()
    await person.say("create", title="gym", date="friday", time="6pm")
    crashing = Crashing(writes)
    for key, record in await person.records.items():
        await MemoryRecords.put(crashing, key, record)
    person.records = crashing
    plugin = CalendarPlugin()
    try:
        await plugin.move_event(person.context(call_id="x"), title="gym", new_time="8pm")
    except OSError:
        crashing.writes = 100
        await plugin.move_event(person.context(call_id="x"), title="gym", new_time="8pm")
    crashing.writes = 100
    assert await person.titles("friday") == ["gym, Friday 27 November at 8 PM"]


async def test_a_missing_time_is_asked_for_and_completes_the_event(person: Person) -> None:
    asked = await person.say("create", title="lunch with Ana", date="friday", place="Cafe Luna")
    assert asked.data == {"status": "missing", "need": "time", "title": "lunch with Ana", "when": "Friday 27 November"}
    made = await person.say("create", "at noon", time="noon")
    assert made.data["when"] == "Friday 27 November at noon"
    assert made.data["place"] == "Cafe Luna"
    assert (await person.say("create", "at one", time="1pm")).data["need"] == "title"


async def test_the_answer_may_come_as_a_move(person: Person) -> None:
    """A model that takes "3pm" for a change of the event in the making means the same."""
    await person.say("create", title="lunch", date="friday")
    assert (await person.say("move", "make it 1", new_time="1")).data["status"] == "created"


async def test_an_old_question_is_forgotten(person: Person) -> None:
    await person.say("create", title="lunch", date="friday")
    person.now = NOW.replace(hour=20)
    assert (await person.say("create", time="9pm")).data["need"] == "title"


@pytest.mark.parametrize(
    ("arguments", "text", "data"),
    [
        ({"title": "lunch"}, "", "missing need=when title=lunch"),
        ({"title": "lunch", "date": "december 1"}, "", "missing need=time title=lunch when=Tuesday 1 December"),
        (
            {"title": "tea", "date": "next week"},
            "",
            "missing need=date title=tea when=Monday 23 November to Sunday 29 November",
        ),
        ({"title": "buy milk"}, "remind me to buy milk", "noted title=buy milk kind=reminder"),
        ({"title": "Mia's birthday", "date": "march 19"}, "", "created title=Mia's birthday when=Friday 19 March 2027"),
        ({"title": "gym", "date": "today", "time": "8am"}, "", "past title=gym when=today at 8 AM"),
        ({"title": "trip", "date": "spring break"}, "", "unclear need=date heard=spring break title=trip"),
        (
            {"title": "run", "date": "friday", "time": "the usual time"},
            "",
            "unclear need=time heard=the usual time title=run",
        ),
        (
            {"person": "Bo", "date": "friday", "time": "3"},
            "",
            "created title=meeting with Bo when=Friday 27 November at 3 PM",
        ),
        ({"title": "off", "date": "friday", "time": "all day"}, "", "created title=off when=Friday 27 November"),
        (
            {"title": "holiday", "date": "friday to sunday"},
            "",
            "created title=holiday when=Friday 27 November to Sunday 29 November",
        ),
        (
            {"title": "sync", "date": "friday", "time": "2 to 4"},
            "",
            "created title=sync when=Friday 27 November from 2 PM to 4 PM",
        ),
        ({}, "", "missing need=title"),
    ],
)
async def test_created_or_asked(person: Person, arguments: dict[str, str], text: str, data: str) -> None:
    """What the model is told, word for word: it copies these into its reply."""
    found = (await person.say("create", text, **arguments)).data
    told = " ".join([found.pop("status"), *(f"{key}={value}" for key, value in found.items())])
    assert sorted(told.split()) == sorted(data.split())


async def test_a_conflict_is_noticed_and_does_not_stop(person: Person) -> None:
    await person.say("create", title="team sync", date="friday", time="noon")
    made = await person.say("create", title="lunch", date="friday", time="12:30")
    assert (made.data["status"], made.data["conflict"]) == ("created", "team sync at noon")
    later = await person.say("create", title="tea", date="friday", time="4pm")
    assert "conflict" not in later.data


async def test_ask_first_writes_nothing_before_yes(person: Person) -> None:
    person.initiative = "ask_first"
    asked = await person.say("create", title="dinner", date="today", time="7pm")
    assert asked.data["status"] == "confirm"
    assert await person.titles() == []
    for _ in range(2):  # a button may be pressed twice
        assert (await person.press(button(asked, "Yes"))).data["status"] == "created"
    assert await person.titles("today") == ["dinner, today at 7 PM"]
    asked = await person.say("delete", title="dinner")
    assert asked.data == {"status": "confirm", "title": "dinner", "when": "today at 7 PM"}
    assert (await person.press(button(asked, "No"))).data["status"] == "kept"
    assert (await person.press(button(asked, "Yes"))).data["status"] == "stale"
    assert await person.titles("today") == ["dinner, today at 7 PM"]


async def test_yes_in_words_answers_the_last_question(person: Person) -> None:
    """Where a platform has no buttons."""
    person.initiative = "ask_first"
    await person.say("create", title="dinner", date="today", time="7pm")
    assert (await person.press("calendar:yes")).data["status"] == "created"
    assert (await person.press("calendar:yes")).data["status"] == "stale"


async def _three(person: Person) -> None:
    await person.say("create", title="lunch with Ana", person="Ana", date="friday", time="noon")
    await person.say("create", title="lunch with Bo", person="Bo", date="saturday", time="1pm")
    await person.say("create", title="gym", date="friday", time="6pm")


async def test_of_several_matches_the_person_chooses(person: Person) -> None:
    await _three(person)
    asked = await person.say("delete", title="lunch")
    assert (asked.data["status"], asked.data["count"], asked.data["about"]) == ("ambiguous", "2", "lunch")
    assert len(asked.buttons) == 3
    gone = await person.press(button(asked, "lunch with Bo"))
    assert gone.data["title"] == "lunch with Bo"
    assert (await person.press(button(asked, "lunch with Ana"))).data["status"] == "stale"
    assert (await person.say("list", title="lunch")).data["count"] == "1"


@pytest.mark.parametrize(
    ("text", "arguments", "count"),
    [
        ("cancel everything on friday", {"which": "everything", "date": "friday"}, "2"),
        ("clear my friday", {"date": "friday"}, "2"),
        ("delete all my lunches", {"which": "all", "title": "lunches"}, "2"),
        ("cancel next week", {"date": "next week"}, "3"),
    ],
)
async def test_more_than_one_is_never_deleted_without_asking(
    person: Person, text: str, arguments: dict[str, str], count: str
) -> None:
    await _three(person)
    asked = await person.say("delete", text, **arguments)
    assert (asked.data["status"], asked.data["count"]) == ("confirm", f"{count} events")
    assert len(await person.titles()) == 3
    gone = await person.press(button(asked, "Yes"))
    assert gone.data == {"status": "deleted", "count": count}
    assert len(await person.titles()) == 3 - int(count)
    await person.press(button(gone, "Undo"))
    assert len(await person.titles()) == 3


async def test_undo_gives_back_exactly_what_was_there(person: Person) -> None:
    await _three(person)
    before = await person.titles()
    gone = await person.say("delete", title="gym")
    for _ in range(2):
        assert (await person.press(button(gone, "Undo"))).data == {"status": "restored", "title": "gym"}
    assert await person.titles() == before


async def test_undo_of_something_that_changed_since_is_refused(person: Person) -> None:
    """Otherwise it would throw away the later change."""
    await _three(person)
    moved = await person.say("move", title="gym", new_time="7pm")
    await person.say("move", title="gym", new_time="8pm")
    assert (await person.press(button(moved, "Undo"))).data["status"] == "stale"
    assert "gym, Friday 27 November at 8 PM" in await person.titles()


async def test_a_question_about_something_that_changed_since_does_nothing(person: Person) -> None:
    await _three(person)
    asked = await person.say("delete", title="lunch")
    await person.say("move", title="lunch with Bo", person="Bo", new_time="2pm")
    assert (await person.press(button(asked, "lunch with Bo"))).data["status"] == "stale"
    assert len(await person.titles()) == 3


@pytest.mark.parametrize(
    "value",
    ["", "do:", "do:0000000000000000:0", "undo:zzz", "no:" + "0" * 16, "do:../../x:9", "x" * 150, "undo:" + "0" * 16],
)
async def test_made_up_buttons_do_nothing(person: Person, value: str) -> None:
    """Values come from outside."""
    await _three(person)
    result = await CalendarPlugin().pressed(person.context(), value)
    assert result.data["status"] in ("stale", "kept")
    assert len(await person.titles()) == 3


async def test_nothing_found_names_what_is_near(person: Person) -> None:
    await person.say("create", title="yoga", date="friday", time="6pm")
    missed = await person.say("delete", title="yogurt tasting")
    assert missed.data["status"] == "not_found"
    assert missed.data["near"] == "yoga, Friday 27 November at 6 PM"
    assert "near" not in (await person.say("move", title="board of directors", new_time="5")).data


@pytest.mark.parametrize("title", ["dentist", "dentist appointment", "the dentist", "dentits", "Dentist visit"])
async def test_titles_are_found_as_people_shorten_them(person: Person, title: str) -> None:
    await person.say("create", title="dentist appointment", date="friday", time="9")
    await person.say("create", title="doctor's appointment", date="friday", time="11")
    assert (await person.say("delete", title=title)).data["title"] == "dentist appointment"


async def test_it_without_anything_to_mean_is_asked_about(person: Person) -> None:
    assert (await person.say("delete", "cancel it", title="it")).data == {"status": "missing", "need": "event"}
    assert (await person.say("move", "make it 4", new_time="4")).data == {"status": "missing", "need": "event"}


@pytest.mark.parametrize(
    ("text", "new", "when"),
    [
        ("", {"new_time": "4"}, "Friday 27 November at 4 PM"),
        ("", {"new_time": "11"}, "Friday 27 November at 11 AM"),
        ("", {"new_time": "11am"}, "Friday 27 November at 11 AM"),
        ("", {"new_time": "by an hour"}, "Friday 27 November at 4 PM"),
        ("", {"new_time": "an hour earlier"}, "Friday 27 November at 2 PM"),
        ("bring it forward 30 minutes", {"new_time": "30 minutes"}, "Friday 27 November at 2:30 PM"),
        ("", {"new_date": "thursday"}, "Thursday 26 November at 3 PM"),
        ("", {"new_date": "the next day"}, "Saturday 28 November at 3 PM"),
        ("", {"new_date": "a week later"}, "Friday 4 December at 3 PM"),
        ("", {"new_date": "tomorrow", "new_time": "noon"}, "tomorrow, Monday 23 November, at noon"),
        ("", {"new_time": "tomorrow at 9"}, "tomorrow, Monday 23 November, at 9 AM"),
        ("", {"new_duration": "2 hours"}, "Friday 27 November from 3 PM to 5 PM"),
        ("", {"new_duration": "30 minutes longer"}, "Friday 27 November from 3 PM to 4:30 PM"),
        ("", {"new_time": "2-4pm"}, "Friday 27 November from 2 PM to 4 PM"),
    ],
)
async def test_moves(person: Person, text: str, new: dict[str, str], when: str) -> None:
    await person.say("create", title="team sync", date="friday", time="3pm")
    moved = await person.say("move", text, **new)
    assert (moved.data["status"], moved.data["when"], moved.data["old"]) == (
        "moved",
        when,
        "Friday 27 November at 3 PM",
    )


async def test_other_changes(person: Person) -> None:
    await person.say("create", title="team sync", date="friday", time="3pm")
    renamed = await person.say("move", new_title="budget review")
    assert renamed.data == {
        "status": "moved",
        "title": "budget review",
        "when": "Friday 27 November at 3 PM",
        "old_title": "team sync",
    }
    assert (await person.say("move", new_place="room 12")).data["place"] == "room 12"
    assert (await person.say("move", new_repeat="every friday")).data["repeat"] == "every Friday"
    assert (await person.say("move", new_time="3pm")).data["status"] == "unchanged"
    assert (await person.say("move", title="budget review")).data["need"] == "change"
    assert (await person.say("move", new_date="spring break")).data["status"] == "unclear"
    assert (await person.say("move", title="budget", new_date="yesterday")).data["status"] == "past"


async def test_a_day_of_a_repetition_is_not_the_whole_of_it(person: Person) -> None:
    """Cancelling one Sunday's call must leave the others."""
    await person.say("create", "remind me", title="call mom", repeat="every Sunday", time="6pm")
    await person.say("delete", title="call mom", date="next sunday")
    assert (await person.say("list", date="next sunday")).data["status"] == "empty"
    assert (await person.say("list", date="december 6")).data["count"] == "1"
    moved = await person.say("move", title="call mom", date="december 6", new_time="8")
    assert moved.data["when"] == "Sunday 6 December at 8 PM"
    assert (await person.say("list", date="december 13")).data["when"] == "Sunday 13 December at 6 PM"
    everything = await person.say("delete", title="call mom", which="all")
    assert everything.data["status"] == "confirm"
    await person.press(button(everything, "Yes"))
    assert await person.titles() == []


async def test_moving_a_repetition_moves_all_of_it(person: Person) -> None:
    await person.say("create", title="standup", repeat="every weekday", time="9am")
    moved = await person.say("move", "from now on the standup is at 10", title="standup", new_time="10")
    assert moved.data["when"] == "tomorrow, Monday 23 November, at 10 AM"
    assert (await person.say("list", date="friday")).data["when"] == "Friday 27 November at 10 AM"


async def test_a_repetition_is_listed_once(person: Person) -> None:
    await person.say("create", title="standup", repeat="every weekday", time="9am")
    listed = await person.say("list", date="next week")
    assert (listed.data["count"], listed.data["when"]) == ("1", "next week")
    assert (listed.text, listed.card) == ("You have standup, every weekday at 9 AM.", None)
    on_friday = await person.say("list", date="friday")
    assert on_friday.text == "You have standup, Friday 27 November at 9 AM (every weekday)."


async def test_what_the_sentence_says_the_card_does_not_say_again(person: Person) -> None:
    """One or two events are named in the sentence; more are in the card only."""
    await person.say("create", title="board meeting", date="november 30", time="10am")
    assert (await person.say("list", date="november 30")).card is None
    await person.say("create", title="lunch", date="november 30", time="noon", place="Trude")
    two = await person.say("list", date="november 30")
    assert (two.text, two.card) == (
        "You have 2 events on Monday 30 November: board meeting at 10 AM and lunch at noon.",
        None,
    )
    await person.say("create", title="choir", date="november 30", time="7pm")
    three = await person.say("list", date="november 30")
    assert three.text == "You have 3 events on Monday 30 November."
    assert three.card == Card(rows=(("10 AM", "board meeting"), ("Noon", "lunch (Trude)"), ("7 PM", "choir")))


async def test_a_week_is_a_table_by_day(person: Person) -> None:
    for title, date_said, time in (("gym", "friday", "6pm"), ("dentist", "tuesday", "10am"), ("lunch", "friday", "1")):
        await person.say("create", title=title, date=date_said, time=time)
    await person.say("create", title="standup", repeat="every weekday", time="9am")
    await person.say("create", title="holiday", date="thursday")
    week = await person.say("list", date="next week")
    assert week.text == "You have 5 events next week."
    assert week.card is not None
    assert week.card.rows == (
        ("Tuesday 24 November", "10 AM dentist"),
        ("Thursday 26 November", "all day holiday"),
        ("Friday 27 November", "1 PM lunch\n6 PM gym"),
        ("Every weekday at 9 AM", "standup"),
    )


async def test_wall_clock_times_stay_when_the_clocks_change(person: Person) -> None:
    """A weekly meeting at 9 is at 9 in summer too."""
    await person.say("create", title="sync", repeat="every monday", time="9am")
    assert (await person.say("list", date="2027-04-05")).data["when"] == "Monday 5 April 2027 at 9 AM"


async def test_after_travelling_events_are_told_in_the_new_zone(person: Person) -> None:
    await person.say("create", title="call", date="tomorrow", time="3pm")
    person.zone = "America/New_York"
    assert (await person.say("list", title="call")).data["when"] == "tomorrow, Monday 23 November, at 9 AM"


@pytest.mark.parametrize(
    ("text", "arguments", "data"),
    [
        (
            "am i busy friday at noon",
            {"date": "friday", "time": "noon"},
            {"count": "1", "free": "no", "title": "lunch with Ana"},
        ),
        (
            "am i free friday at 3",
            {"date": "friday", "time": "3"},
            {"free": "yes", "when": "Friday 27 November at 3 PM"},
        ),
        ("what's next", {"which": "next"}, {"count": "1", "title": "lunch with Ana"}),
        ("when do i see bo", {"person": "bo"}, {"count": "1", "title": "lunch with Bo"}),
        ("friday", {"date": "friday"}, {"count": "2 events", "events": "lunch with Ana at noon; gym at 6 PM"}),
        ("this week", {"date": "this week"}, {"status": "empty", "when": "today"}),
        ("anything with zoe", {"person": "zoe"}, {"status": "empty", "about": "zoe"}),
        ("what about spring break", {"date": "spring break"}, {"status": "unclear", "need": "date"}),
        ("what's the last one", {"which": "last", "date": "next week"}, {"title": "lunch with Bo"}),
    ],
)
async def test_look_ups(person: Person, text: str, arguments: dict[str, str], data: dict[str, str]) -> None:
    await _three(person)
    found = (await person.say("list", text, **arguments)).data
    assert {key: found.get(key) for key in data} == data


async def test_one_persons_two_places_do_not_overwrite_each_other(person: Person) -> None:
    plugin = CalendarPlugin()
    calls = [
        plugin.create_event(person.context(), title=f"event {n}", date="friday", time=str(n + 1)) for n in range(8)
    ]
    await asyncio.gather(*calls)
    assert (await person.say("list", date="friday")).data["count"] == "8 events"


async def test_old_questions_and_changes_are_cleared_away(person: Person) -> None:
    """The records of somebody who talks for years must not grow with every sentence."""
    await person.say("create", title="gym", date="friday", time="6pm")
    for hour in range(100):
        await person.say("move", title="gym", new_time=f"{1 + hour % 2}pm")
    assert len(await person.records.items()) < 60


async def test_the_export_opens_in_other_programs(person: Person) -> None:
    """Times with zones, repetitions with their exceptions, and text that needs escaping."""
    await person.say("create", title="lunch; with, Ana\\Bo", date="friday", time="noon", place="Cafe, Luna")
    await person.say("create", title="standup", repeat="every weekday", time="9am")
    await person.say("delete", title="standup", date="tuesday")
    await person.say("create", title="Mia's birthday", date="march 19")
    await person.say("create", "remind me", title="buy milk")
    result = await person.plugins.export_files("calendar", person.context())
    assert result is not None
    (path,) = result.files
    calendar = cast("Any", icalendar.Calendar.from_ical(await asyncio.to_thread(Path(path).read_bytes)))
    events: dict[str, Any] = {str(get(event, "summary")): event for event in calendar.walk("VEVENT")}
    assert set(events) == {"lunch; with, Ana\\Bo", "standup", "Mia's birthday"}
    lunch = events["lunch; with, Ana\\Bo"]
    assert get(lunch, "dtstart").dt == datetime(2026, 11, 27, 12, 0, tzinfo=ZoneInfo("Europe/Berlin"))
    assert get(lunch, "dtstart").params["TZID"] == "Europe/Berlin"
    assert str(get(lunch, "location")) == "Cafe, Luna"
    assert len({str(get(event, "uid")) for event in events.values()}) == 3
    assert all(get(event, "dtstamp") for event in events.values())
    assert get(events["standup"], "rrule")["BYDAY"] == ["MO", "TU", "WE", "TH", "FR"]
    assert get(events["standup"], "exdate") is not None
    assert get(events["Mia's birthday"], "dtstart").dt == date(2027, 3, 19)
    assert [str(get(zone, "tzid")) for zone in calendar.walk("VTIMEZONE")] == ["Europe/Berlin"]


async def test_the_command_lists_what_is_coming_up(person: Person) -> None:
    await _three(person)
    assert (await person.plugins.command("calendar", "", person.context())).data["count"] == "3 events"
    assert (await person.plugins.command("calendar", "saturday", person.context())).data["count"] == "1"


_SAID = st.sampled_from(
    "it gym lunch friday tomorrow 4 noon all next every week by an hour later between 2 and 4 march 5th - ... 25:99 the"
    " every day every hour weekend 10pm-2am".split(" ")
) | st.text(max_size=12)
_ARGUMENTS = st.dictionaries(
    st.sampled_from(
        "which title date time duration person place repeat new_title new_date new_time new_duration new_place"
        " new_repeat".split()
    ),
    st.lists(_SAID, min_size=1, max_size=3).map(" ".join),
    max_size=4,
)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["create", "list", "delete", "move"]), _ARGUMENTS), min_size=1, max_size=6))
def test_no_call_of_a_model_breaks_it(calls: list[tuple[str, dict[str, str]]]) -> None:
    """Whatever a small model makes of a sentence, the person gets an answer and keeps their calendar."""

    async def run() -> None:
        person = Person()
        await person.say("create", title="gym", date="friday", time="6pm")
        for tool, arguments in calls:
            names = {spec.name: spec for spec in person.plugins.specs()}
            allowed = names[f"{tool}_event{'s' if tool == 'list' else ''}"].parameters["properties"]
            await person.say(tool, **{key: value for key, value in arguments.items() if key in allowed})
        result = await person.plugins.export_files("calendar", person.context())
        assert result is not None
        for path in result.files:
            icalendar.Calendar.from_ical(await asyncio.to_thread(Path(path).read_bytes))

    asyncio.run(run())


async def test_a_name_taken_for_a_day_is_still_a_name(person: Person) -> None:
    """ "cancel lunch with Ana" must find it, even where a model copies "Ana" into the date as well."""
    await person.say("create", title="lunch with Ana", date="tomorrow", time="1pm")
    result = await person.say("delete", title="lunch with Ana", date="Ana", person="Ana")
    assert result.data["status"] == "deleted"
    assert (await person.say("delete", title="dinner", date="Ana")).data["status"] != "deleted"


async def test_a_calendar_on_disk_is_read_as_it_was_written(person: Person) -> None:
    """Renaming a field or a key would empty the calendar of everybody who has one."""
    change = "0123456789abcdef"
    stored: dict[str, Any] = {
        "event_id": "e1",
        "title": "gym",
        "start": "2026-11-27T18:00:00",
        "minutes": 90,
        "zone": "Europe/Berlin",
        "end_said": True,
        "place": "the park",
        "person": "Ana",
        "repeat": "FREQ=WEEKLY;BYDAY=FR",
        "skipped": ["2026-12-04T18:00:00"],
        "created": "2026-11-20T08:00:00+00:00",
    }
    gone = {"event_id": "e2", "title": "dentist", "start": "2026-11-24T10:00:00", "zone": "Europe/Berlin"}
    await person.records.put("event:e1", stored)
    await person.records.put(f"change:{change}", {"before": [gone], "at": "2026-11-22T16:00:00+01:00", "undo": True})
    await person.records.put(f"ask:{change[::-1]}", {"options": [{"before": [stored], "text": "Deleted gym."}]})
    listed = await person.say("list", title="gym")
    assert listed.data == {
        "status": "listed",
        "count": "1",
        "events": "gym, Friday 27 November from 6 PM to 7:30 PM",
        "title": "gym",
        "when": "Friday 27 November from 6 PM to 7:30 PM",
        "place": "the park",
        "repeat": "every Friday",
        "about": "gym",
    }
    assert (await person.press(f"calendar:undo:{change}")).text == "I've put dentist back as before."
    assert (await person.press(f"calendar:do:{change[::-1]}:0")).text == "Deleted gym."
    assert await person.titles() == ["dentist, Tuesday 24 November at 10 AM"]


async def test_a_list_names_what_waits_for_a_yes(person: Person) -> None:
    """ "You have no events tomorrow" is not the whole truth while lunch tomorrow waits for a Yes or No."""
    person.initiative = "ask_first"
    asked = await person.say("create", title="lunch", date="tomorrow", time="noon")
    listed = await person.say("list", "what do I have tomorrow?", date="tomorrow")
    assert listed.waiting == "Waiting for your yes: lunch, tomorrow, Monday 23 November, at noon."
    assert listed.text == f"You have no events tomorrow, Monday 23 November. {listed.waiting}"
    free = await person.say("list", "am I free tomorrow at noon?", date="tomorrow", time="noon")
    assert listed.waiting in free.text
    assert listed.waiting in (await person.say("list")).text
    assert (await person.say("list", date="friday")).waiting == ""
    await person.press(button(asked, "No"))
    assert (await person.say("list", date="tomorrow")).waiting == ""


async def test_a_list_names_deletions_and_choices_that_wait(person: Person) -> None:
    await _three(person)
    person.initiative = "ask_first"
    await person.say("delete", title="gym")
    person.now += timedelta(minutes=1)
    await person.say("delete", title="lunch")
    listed = await person.say("list", date="friday")
    assert listed.waiting == (
        "Waiting for your answer: whether to delete gym and which one of lunch with Ana and lunch with Bo you mean."
    )
    assert "Waiting" in listed.text
    assert (await person.say("list", date="sunday")).waiting == ""


async def test_a_list_names_a_choice_of_which_one_would_change_nothing(person: Person) -> None:
    """The list failed: the choice that changes nothing has no title."""
    await person.say("create", title="gym", date="friday", time="6pm")
    await person.say("create", title="gym", date="saturday", time="6pm")
    asked = await person.say("move", title="gym", new_date="friday")
    assert asked.data["status"] == "ambiguous"
    listed = await person.say("list", date="saturday")
    assert listed.waiting == "Waiting for your answer: which one of gym you mean."


async def test_a_question_can_be_answered_for_a_day(person: Person) -> None:
    """Then it is no more named, and its buttons do nothing."""
    person.initiative = "ask_first"
    asked = await person.say("create", title="lunch", date="friday", time="noon")
    person.now += timedelta(hours=23)
    assert "lunch, Friday 27 November at noon" in (await person.say("list", date="friday")).waiting
    person.now += timedelta(hours=1)
    assert (await person.say("list", date="friday")).waiting == ""
    assert (await person.press(button(asked, "Yes"))).data["status"] == "stale"
    assert await person.titles("friday") == []


async def test_a_damaged_question_does_not_hide_the_calendar(person: Person) -> None:
    await person.say("create", title="lunch", date="tomorrow", time="noon")
    await person.records.put("ask:broken", {"options": "none"})
    assert "lunch" in (await person.say("list", date="tomorrow")).text


@pytest.mark.parametrize(
    ("title", "time", "at"),
    [
        ("breakfast with Sam", "7", "7 AM"),
        ("dinner with Maria", "8", "8 PM"),
        ("dinner", "8am", "8 AM"),
        ("drinks", "9:30", "9:30 PM"),
        ("wake up", "6:30", "6:30 AM"),
        ("lunch", "1", "1 PM"),
        ("meeting", "3", "3 PM"),
        ("meeting", "9", "9 AM"),
        ("party", "noon", "noon"),
    ],
)
async def test_a_title_says_which_half_of_the_day_is_meant(person: Person, title: str, time: str, at: str) -> None:
    """Dinner at eight in the morning is a missed dinner."""
    made = await person.say("create", title=title, date="tomorrow", time=time)
    assert made.data["when"] == f"tomorrow, Monday 23 November, at {at}"


async def test_words_of_the_time_are_no_title(person: Person) -> None:
    asked = await person.say("create", title="at 6pm", date="tomorrow", time="6pm")
    assert asked.data["need"] == "title"
    named = await person.say("create", title="tomorrow land festival", date="tomorrow", time="6pm")
    assert named.data["title"] == "tomorrow land festival"
