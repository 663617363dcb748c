"""New events at the times that people say: several at once, spans, other zones."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from llmagent_os.plugins.calendar.calendar_call import CalendarCall
from tests.unit.plugins.calendar_talk import Talk
from tests.unit.plugins.timed_person import TimedPerson


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
        ({"date": "for the next 3 days", "time": "9pm"}, ["11-25 21:00", "11-26 21:00", "11-27 21:00"]),
    ],
)
async def test_several_days_and_times(arguments: dict[str, str], starts: list[str]) -> None:
    """Each of them is in the calendar, and a stretch of days is one event."""
    person = TimedPerson()
    result = await person.create("put it in", title="holiday", **arguments)
    assert result.data["status"] == "created"
    assert await person.starts() == starts


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("on call from friday 6pm to monday 8am", 62 * 60),
        ("conference wed dec 9 9am - fri dec 11 3pm", 54 * 60),
        ("sleepover friday 5pm until saturday 11am", 18 * 60),
    ],
)
async def test_a_stretch_ends_at_the_time_of_its_last_day(text: str, minutes: int) -> None:
    """It is one event, and not one on each of the two days."""
    talk = Talk()
    await talk.say(f"add {text}")
    [event] = await CalendarCall(talk.person.context()).store.events()
    assert (event.minutes, event.all_day) == (minutes, False)


async def test_days_and_times_that_alternate_belong_together() -> None:
    """ "monday at 9 and tuesday at 10" are two appointments, not four."""
    person = TimedPerson()
    text = "dentist monday at 9 and tuesday at 10"
    result = await person.create(text, title="dentist", date="monday, tuesday", time="at 9, at 10")
    assert await person.starts() == ["11-30 09:00", "12-01 10:00"]
    assert result.data["when"] == "Monday 30 November at 9 AM and Tuesday 1 December at 10 AM"


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
    person = TimedPerson(zone)
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
    person = TimedPerson()
    result = await person.create("put it in", title="gym", **arguments)
    assert words in result.text
    assert result.text.endswith("?")
    assert await person.events() == []


async def test_the_answer_to_a_past_time_completes_the_event() -> None:
    person = TimedPerson()
    await person.create("pick up kids at 8:30 today", title="pick up kids", date="today", time="8:30")
    result = await person.create("tomorrow at 8:30", date="tomorrow", time="8:30")
    assert (result.data["title"], await person.starts()) == ("pick up kids", ["11-26 08:30"])


async def test_eight_hours_are_eight_hours_when_the_clocks_change() -> None:
    """The reminder of the longest night of the year."""
    person = TimedPerson("Europe/Berlin", now=datetime(2026, 10, 24, 22, 0))
    result = await person.create("remind me in 8 hours", title="pill", time="in 8 hours")
    assert result.data["when"] == "tomorrow, Sunday 25 October, at 5 AM"
    assert [f"{at.astimezone(ZoneInfo('UTC')):%d %H:%M}" for at in person.timers.pending.values()] == ["25 04:00"]


async def test_a_note_is_kept_and_said() -> None:
    person = TimedPerson()
    result = await person.create("x", title="potluck", date="saturday", time="6pm", note="bring salad")
    [event] = await person.events()
    assert (event.title, event.notes) == ("potluck", "bring salad")
    assert "bring salad" in result.text
