"""New events at the times that people say: several at once, spans, repetitions with limits, other zones."""

from __future__ import annotations

from datetime import datetime
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr

from llmagent_os.identity import PersonId
from llmagent_os.people.profiles import Profile
from llmagent_os.plugin import ToolContext, ToolResult
from llmagent_os.plugins.calendar import CalendarPlugin
from llmagent_os.plugins.calendar.calendar_call import CalendarCall
from llmagent_os.plugins.calendar.calendar_event import CalendarEvent
from llmagent_os.records import MemoryRecords
from llmagent_os.timers import MemoryTimers
from llmagent_os.tools.registry import Plugins

WEDNESDAY = datetime(2026, 11, 25, 9, 0)


class Person:
    """Somebody with an empty calendar."""

    def __init__(self, zone: str = "UTC", now: datetime = WEDNESDAY) -> None:
        self.zone, self.now = zone, now.replace(tzinfo=ZoneInfo(zone))
        self.records, self.timers = MemoryRecords(), MemoryTimers()
        self.calls = 0

    def context(self, text: str) -> ToolContext:
        self.calls += 1
        return ToolContext(
            user_id=PersonId("ana"),
            conversation_key="room",
            call_id=str(self.calls),
            now=self.now,
            time_zone=self.zone,
            text=text,
            initiative="act",
            records=self.records,
            profile=Profile(user_id=PersonId("ana")),
            timers=self.timers,
        )

    async def create(self, text: str, **arguments: str) -> ToolResult:
        plugins = Plugins(installed=())
        await plugins.add(CalendarPlugin())
        return await plugins.call("create_event", arguments, self.context(text))

    async def events(self) -> list[CalendarEvent]:
        events = await CalendarCall(self.context("")).store.events()
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


@pytest.mark.parametrize(
    ("arguments", "starts"),
    [
        (
            {"date": "monday, wednesday and friday next week", "time": "at 6pm"},
            ["11-30 18:00", "12-02 18:00", "12-04 18:00"],
        ),
        ({"date": "tomorrow", "time": "at 2 and 4"}, ["11-26 14:00", "11-26 16:00"]),
        ({"date": "dec 3 and 10", "time": "9am"}, ["12-03 09:00", "12-10 09:00"]),
        ({"date": "dec 20 - jan 2"}, ["12-20 +13"]),
        ({"date": "this weekend"}, ["11-28 +1"]),
        ({"date": "from the 4th to the 6th"}, ["12-04 +2"]),
        ({"date": "monday and tuesday"}, ["11-30 +1"]),
        ({"date": "from monday to wednesday", "time": "9 to 5"}, ["11-30 09:00", "12-01 09:00", "12-02 09:00"]),
        ({"date": "december 14", "duration": "3 days"}, ["12-14 +2"]),
    ],
)
async def test_several_days_and_times(arguments: dict[str, str], starts: list[str]) -> None:
    """Each of them is in the calendar, and a stretch of days is one event."""
    person = Person()
    result = await person.create("put it in", title="holiday", **arguments)
    assert result.data["status"] == "created"
    assert await person.starts() == starts


async def test_days_and_times_that_alternate_belong_together() -> None:
    """ "monday at 9 and tuesday at 10" are two appointments, not four."""
    person = Person()
    text = "dentist monday at 9 and tuesday at 10"
    result = await person.create(text, title="dentist", date="monday, tuesday", time="at 9, at 10")
    assert await person.starts() == ["11-30 09:00", "12-01 10:00"]
    assert result.data["when"] == "Monday 30 November at 9 AM and Tuesday 1 December at 10 AM"


@pytest.mark.parametrize(
    ("repeat", "time", "starts", "told"),
    [
        (
            "every thursday, until december 10",
            "7pm",
            ["11-26 19:00", "12-03 19:00", "12-10 19:00"],
            "every Thursday until 10 December",
        ),
        ("every tuesday, ten times", "5pm", ["12-01 17:00", "12-08 17:00", "12-15 17:00"], "every Tuesday, 10 times"),
        ("every day, for 5 days", "9am", ["11-26 09:00", "11-27 09:00", "11-28 09:00"], "every day, 5 times"),
        (
            "every weekday but friday",
            "10am",
            ["11-25 10:00", "11-26 10:00", "11-30 10:00"],
            "every Monday, Tuesday, Wednesday and Thursday",
        ),
        (
            "every thursday, except december 3",
            "7pm",
            ["11-26 19:00", "12-10 19:00", "12-17 19:00"],
            "every Thursday, except 3 December",
        ),
        (
            "every 2nd and 4th tuesday",
            "10am",
            ["12-08 10:00", "12-22 10:00", "01-12 10:00"],
            "every month on the second and fourth Tuesday",
        ),
        ("every monday, starting next week", "8", ["11-30 08:00", "12-07 08:00", "12-14 08:00"], "every Monday"),
        (
            "every day, from december 7 to december 9",
            "10",
            ["12-07 10:00", "12-08 10:00", "12-09 10:00"],
            "every day until 9 December",
        ),
        (
            "every 31st of the month",
            "11pm",
            ["12-31 23:00", "01-31 23:00", "03-31 23:00"],
            "every month on the 31st (months without a 31st are left out)",
        ),
    ],
)
async def test_repetitions_keep_their_limits(repeat: str, time: str, starts: list[str], told: str) -> None:
    """What was said is stored, and said back."""
    person = Person()
    result = await person.create("put it in", title="gym", repeat=repeat, time=time)
    assert await person.starts() == starts
    assert result.data["repeat"] == told


async def test_a_repetition_with_two_times_is_two_events() -> None:
    person = Person()
    await person.create("pills every day at 8am and 8pm", title="pills", repeat="every day", time="at 8am and 8pm")
    assert await person.starts(1) == ["11-25 20:00", "11-26 08:00"]


@pytest.mark.parametrize(
    ("zone", "date", "time", "when"),
    [
        ("UTC", "tomorrow", "3pm New York time", "tomorrow, Thursday 26 November, at 8 PM (3 PM New York time)"),
        ("Europe/Berlin", "thursday", "3pm London time", "tomorrow, Thursday 26 November, at 4 PM (3 PM London time)"),
        ("Asia/Kolkata", "tomorrow", "5:30pm IST", "tomorrow, Thursday 26 November, at 5:30 PM"),
        ("Europe/Dublin", "july 1", "5pm IST", "Thursday 1 July 2027 at 5 PM"),
        ("Asia/Tokyo", "friday", "10am Paris time", "Friday 27 November at 6 PM (10 AM Paris time)"),
        ("UTC", "tomorrow", "9am UTC+2", "tomorrow, Thursday 26 November, at 7 AM (9 AM UTC+02:00)"),
    ],
)
async def test_a_time_in_another_zone_is_told_in_both(zone: str, date: str, time: str, when: str) -> None:
    """The event is on the person's own clock."""
    person = Person(zone)
    result = await person.create("put it in", title="call", date=date, time=time)
    assert result.data["when"] == when
    assert [event.zone for event in await person.events()] == [zone]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"date": "the 32nd", "time": "3pm"}, "No month has a 32nd."),
        ({"date": "february 30", "time": "7pm"}, "there is no February 30"),
        ({"date": "tomorrow", "time": "25:00"}, "There is no 25:00 on a clock."),
        ({"date": "tomorrow", "time": "-3pm"}, "no clock shows it"),
        ({"date": "tomorrow", "time": "from 5pm to 3pm"}, "3pm is before 5pm."),
        ({"date": "someday", "time": "noon"}, "“someday” names no day."),
        ({"date": "today", "time": "8:30"}, "Today at 8:30 AM has already passed"),
        ({"date": "friday or saturday", "time": "noon"}, "It can only be on one of these days."),
        ({"repeat": "twice a week", "time": "noon"}, "does not say when"),
        ({"repeat": "every monday, except monday", "time": "noon"}, "no day is left"),
        ({"repeat": "every day, until yesterday", "time": "noon"}, "It would end before it begins."),
    ],
)
async def test_what_cannot_be_is_asked_about(arguments: dict[str, str], words: str) -> None:
    """It is named, and nothing is stored."""
    person = Person()
    result = await person.create("put it in", title="gym", **arguments)
    assert words in result.text
    assert result.text.endswith("?")
    assert await person.events() == []


async def test_an_exception_that_nobody_understands_is_named() -> None:
    """Stored without it, the event would be on days on which it is not."""
    person = Person()
    text = "yoga every monday at 7 except when it rains"
    result = await person.create(text, title="yoga", repeat="every monday", time="at 7")
    assert "“except when it rains”" in result.text
    assert await person.events() == []


async def test_the_answer_to_a_past_time_completes_the_event() -> None:
    person = Person()
    await person.create("pick up kids at 8:30 today", title="pick up kids", date="today", time="8:30")
    result = await person.create("tomorrow at 8:30", date="tomorrow", time="8:30")
    assert (result.data["title"], await person.starts()) == ("pick up kids", ["11-26 08:30"])


async def test_eight_hours_are_eight_hours_when_the_clocks_change() -> None:
    """The reminder of the longest night of the year."""
    person = Person("Europe/Berlin", datetime(2026, 10, 24, 22, 0))
    result = await person.create("remind me in 8 hours", title="pill", time="in 8 hours")
    assert result.data["when"] == "tomorrow, Sunday 25 October, at 5 AM"
    assert [f"{at.astimezone(ZoneInfo('UTC')):%d %H:%M}" for at in person.timers.pending.values()] == ["25 04:00"]


async def test_every_hour_of_the_working_days() -> None:
    person = Person()
    said = "every hour from 9 to 5 on weekdays remind me to stretch"
    await person.create(said, title="stretch", repeat="every hour from 9 to 5 on weekdays")
    [event] = await person.events()
    assert event.repeat == "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;BYHOUR=9,10,11,12,13,14,15,16,17"
    starts = list(islice(rrulestr(event.repeat, dtstart=event.start), 9))
    assert [f"{each:%a %H:%M}" for each in (starts[0], starts[7], starts[8])] == ["Wed 10:00", "Wed 17:00", "Thu 09:00"]


@pytest.mark.parametrize(("repeat", "hour"), [("every evening", 21), ("every morning", 9), ("every night", 21)])
async def test_a_time_lies_in_the_part_of_the_day_that_repeats(repeat: str, hour: int) -> None:
    person = Person()
    await person.create("journal", title="journal", time="at 9", repeat=f"{repeat}, for the next two weeks")
    [event] = await person.events()
    assert event.start is not None
    assert event.start.hour == hour


async def test_every_other_monday_begins_on_the_next_one() -> None:
    person = Person()
    await person.create("guitar every other monday at 5pm", title="guitar", time="5pm", repeat="every other monday")
    [event] = await person.events()
    assert event.start == datetime(2026, 11, 30, 17, 0)


async def test_a_note_is_kept_and_said() -> None:
    person = Person()
    result = await person.create("x", title="potluck", date="saturday", time="6pm", note="bring salad")
    [event] = await person.events()
    assert (event.title, event.notes) == ("potluck", "bring salad")
    assert "bring salad" in result.text
