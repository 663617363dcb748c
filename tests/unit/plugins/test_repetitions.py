"""Repetitions as people say them, of new events and of events that are there, and their limits.

What breaks without this: "every tuesday for six weeks" repeats for ever, and a day that was excepted takes place.
"""

from __future__ import annotations

from datetime import datetime
from itertools import islice

import pytest
from dateutil.rrule import rrulestr

from tests.unit.plugins.timed_person import TimedPerson

#: A repetition of a choir at 7 PM, from Friday 27 November on: its first times, and how it is told.
REPETITIONS = [
    ("every thursday, until december 10", ["12-03", "12-10"], "every Thursday until 10 December"),
    ("every tuesday, ten times", ["12-01", "12-08", "12-15"], "every Tuesday, 10 times"),
    ("every tuesday for six weeks", ["12-01", "12-08", "12-15"], "every Tuesday, 6 times"),
    ("weekly, 6 sessions", ["11-27", "12-04", "12-11"], "every week, 6 times"),
    ("every day, for 5 days", ["11-27", "11-28", "11-29"], "every day, 5 times"),
    ("every weekday but friday", ["11-30", "12-01", "12-02"], "every Monday, Tuesday, Wednesday and Thursday"),
    (
        "every day but sunday",
        ["11-27", "11-28", "11-30"],
        "every Monday, Tuesday, Wednesday, Thursday, Friday and Saturday",
    ),
    ("every thursday, except december 3", ["12-10", "12-17", "12-24"], "every Thursday, except 3 December"),
    ("weekly except december 11", ["11-27", "12-04", "12-18"], "every week, except 11 December"),
    ("every 2nd and 4th tuesday", ["12-08", "12-22", "01-12"], "every month on the second and fourth Tuesday"),
    ("every monday, starting next week", ["11-30", "12-07", "12-14"], "every Monday"),
    ("every monday starting january 4", ["01-04", "01-11", "01-18"], "every Monday"),
    ("every day, from december 7 to december 9", ["12-07", "12-08", "12-09"], "every day until 9 December"),
    ("every saturday until the end of the year", ["11-28", "12-05", "12-12"], "every Saturday until 31 December"),
    (
        "every 31st of the month",
        ["12-31", "01-31", "03-31"],
        "every month on the 31st (months without a 31st are left out)",
    ),
]


@pytest.mark.parametrize("is_there", [False, True], ids=["new", "changed"])
@pytest.mark.parametrize(("said", "days", "told"), REPETITIONS, ids=[each[0] for each in REPETITIONS])
async def test_a_repetition_is_kept_and_said_back(said: str, days: list[str], told: str, is_there: bool) -> None:
    """A new event and one that was there before repeat alike."""
    person = TimedPerson(now=datetime(2026, 11, 27, 9, 0))
    if is_there:
        await person.create("choir today 7pm", title="choir", date="today", time="7pm")
        result = await person.change(f"make choir {said}", title="choir", new_repeat=said)
    else:
        result = await person.create("put it in", title="choir", repeat=said, time="7pm")
    assert (result.data["status"], result.data["repeat"]) == ("moved" if is_there else "created", told)
    assert result.data["repeat"] in result.text
    assert await person.starts() == [f"{day} 19:00" for day in days]


@pytest.mark.parametrize(
    ("text", "arguments", "starts"),
    [
        (
            "pills every day at 8am and 8pm",
            {"repeat": "every day", "time": "at 8am and 8pm"},
            ["11-25 20:00", "11-26 08:00"],
        ),
        (
            "pills every day at 8, 2 and 8",
            {"repeat": "every day", "time": "at 8, 2 and 8"},
            ["11-25 14:00", "11-25 20:00", "11-26 08:00"],
        ),
        (
            "swimming tuesdays at 6am and saturdays at 8am",
            {"repeat": "tuesdays, saturdays", "time": "at 6am, at 8am"},
            ["11-28 08:00", "12-01 06:00"],
        ),
        (
            "swimming at 6am on tuesdays and 8am on saturdays until march",
            {"repeat": "on tuesdays, on saturdays until march", "time": "at 6am, 8am"},
            ["11-28 08:00", "12-01 06:00"],
        ),
        (
            "yoga mon-fri 7am and sat 9am",
            {"repeat": "mon-fri", "date": "sat", "time": "7am, 9am"},
            ["11-26 07:00", "11-28 09:00"],
        ),
        (
            "pills at 9 and 9 for a week",
            {"time": "at 9 and 9", "duration": "for a week"},
            ["11-25 21:00", "11-26 09:00"],
        ),
        (
            "book club last thursday of the month at 8pm every month",
            {"date": "last thursday of the month", "repeat": "every month", "time": "at 8pm"},
            ["11-26 20:00"],
        ),
        ("water it for the next 3 days at 9pm", {"date": "for the next 3 days", "time": "at 9pm"}, ["11-25 21:00"]),
        ("yoga every day this week at 7am", {"repeat": "every day this week", "time": "at 7am"}, ["11-26 07:00"]),
        ("board quarterly at 10", {"repeat": "quarterly on the first tuesday", "time": "at 10"}, ["12-01 10:00"]),
    ],
)
async def test_each_day_and_time_of_a_request_is_a_series(
    text: str, arguments: dict[str, str], starts: list[str]
) -> None:
    person = TimedPerson()
    await person.create(text, title="swimming", **arguments)
    assert await person.starts(1) == starts


async def test_every_hour_of_the_working_days() -> None:
    person = TimedPerson()
    said = "every hour from 9 to 5 on weekdays remind me to stretch"
    await person.create(said, title="stretch", repeat="every hour from 9 to 5 on weekdays")
    [event] = await person.events()
    assert event.repeat == "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;BYHOUR=9,10,11,12,13,14,15,16,17"
    starts = list(islice(rrulestr(event.repeat, dtstart=event.start), 9))
    assert [f"{each:%a %H:%M}" for each in (starts[0], starts[7], starts[8])] == ["Wed 10:00", "Wed 17:00", "Thu 09:00"]


async def test_every_other_monday_begins_on_the_next_one() -> None:
    person = TimedPerson()
    await person.create("guitar every other monday at 5pm", title="guitar", time="5pm", repeat="every other monday")
    [event] = await person.events()
    assert event.start == datetime(2026, 11, 30, 17, 0)


async def test_an_exception_that_nobody_understands_is_named() -> None:
    """Stored without it, the event would be on days on which it is not."""
    person = TimedPerson()
    text = "yoga every monday at 7 except when it rains"
    result = await person.create(text, title="yoga", repeat="every monday", time="at 7")
    assert "“except when it rains”" in result.text
    assert await person.events() == []


@pytest.mark.parametrize(("repeat", "hour"), [("every evening", 21), ("every morning", 9), ("every night", 21)])
async def test_a_time_lies_in_the_part_of_the_day_that_repeats(repeat: str, hour: int) -> None:
    person = TimedPerson()
    await person.create("journal", title="journal", time="at 9", repeat=f"{repeat}, for the next two weeks")
    [event] = await person.events()
    assert event.start is not None
    assert event.start.hour == hour


async def test_what_repeats_already_gets_limits() -> None:
    person = TimedPerson()
    await person.create("choir", title="choir", date="friday", time="7pm", repeat="every friday, 30 times")
    said = "until december 18 except december 11"
    result = await person.change(f"choir {said}", title="choir", new_repeat=said)
    (event,) = await person.events()
    assert event.repeat == "FREQ=WEEKLY;BYDAY=FR;UNTIL=20261218T235959"
    assert await person.starts(5) == ["11-27 19:00", "12-04 19:00", "12-18 19:00"]
    assert result.data["repeat"] == "every Friday until 18 December, except 11 December"


async def test_an_exception_leaves_the_end_as_it_is() -> None:
    person = TimedPerson()
    await person.create("choir", title="choir", date="friday", time="7pm", repeat="every friday, 3 times")
    result = await person.change("x", title="choir", new_repeat="except december 4")
    assert await person.starts(5) == ["11-27 19:00", "12-11 19:00"]
    assert result.data["repeat"] == "every Friday, 3 times, except 4 December"


async def test_times_of_a_running_series_are_counted_from_the_next_one() -> None:
    person = TimedPerson()
    await person.create("gym", title="gym", date="monday", time="6pm", repeat="every monday")
    person.now = person.now.replace(month=12, day=16)
    await person.change("gym every monday three more times", title="gym", new_repeat="every monday, three times")
    assert await person.starts(9) == ["12-21 18:00", "12-28 18:00", "01-04 18:00"]


@pytest.mark.parametrize("said", ["every tuesday until november 30", "twice a week", "every tuesday except tuesdays"])
async def test_what_cannot_be_is_asked_about(said: str) -> None:
    person = TimedPerson()
    await person.create("choir friday 7pm", title="choir", date="friday", time="7pm")
    before = await person.events()
    result = await person.change(f"make choir {said}", title="choir", new_repeat=said)
    assert result.data["status"] in ("unclear", "past")
    assert "?" in result.text
    assert await person.events() == before
