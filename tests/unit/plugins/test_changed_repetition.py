"""Events with another repetition, and its limits.

What breaks without this: "every tuesday for six weeks" repeats for ever, and a day that was excepted takes place.
"""

from __future__ import annotations

import pytest

from llmagent_os.plugin import ToolResult
from llmagent_os.plugins.calendar import CalendarPlugin
from llmagent_os.tools.registry import Plugins
from tests.unit.plugins.test_event_times import Person


async def change(person: Person, text: str, **arguments: str) -> ToolResult:
    plugins = Plugins(installed=())
    await plugins.add(CalendarPlugin())
    return await plugins.call("move_event", arguments, person.context(text))


#: The new repetition of a choir on Friday 27 November, the rule that results, its first times, and how it is told.
LIMITED = [
    (
        "every tuesday for six weeks",
        "FREQ=WEEKLY;BYDAY=TU;COUNT=6",
        ["12-01 19:00", "12-08 19:00", "12-15 19:00"],
        "every Tuesday, 6 times",
    ),
    (
        "every thursday until december 17",
        "FREQ=WEEKLY;BYDAY=TH;UNTIL=20261217T235959",
        ["12-03 19:00", "12-10 19:00", "12-17 19:00"],
        "every Thursday until 17 December",
    ),
    (
        "weekly except december 11",
        "FREQ=WEEKLY",
        ["11-27 19:00", "12-04 19:00", "12-18 19:00"],
        "every week, except 11 December",
    ),
    (
        "every monday starting january 4",
        "FREQ=WEEKLY;BYDAY=MO",
        ["01-04 19:00", "01-11 19:00", "01-18 19:00"],
        "every Monday",
    ),
    ("every day but sunday", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR,SA", ["11-27 19:00", "11-28 19:00", "11-30 19:00"], ""),
]


@pytest.mark.parametrize(("said", "rule", "starts", "told"), LIMITED, ids=[each[0] for each in LIMITED])
async def test_limits_of_a_new_repetition_are_kept(said: str, rule: str, starts: list[str], told: str) -> None:
    person = Person()
    await person.create("choir friday 7pm", title="choir", date="friday", time="7pm")
    result = await change(person, f"make choir {said}", title="choir", new_repeat=said)
    (event,) = await person.events()
    assert (result.data["status"], event.repeat) == ("moved", rule)
    assert await person.starts() == starts
    assert told in result.text
    assert result.data["repeat"] in result.text


async def test_what_repeats_already_gets_limits() -> None:
    person = Person()
    await person.create("choir", title="choir", date="friday", time="7pm", repeat="every friday, 30 times")
    said = "until december 18 except december 11"
    result = await change(person, f"choir {said}", title="choir", new_repeat=said)
    (event,) = await person.events()
    assert event.repeat == "FREQ=WEEKLY;BYDAY=FR;UNTIL=20261218T235959"
    assert await person.starts(5) == ["11-27 19:00", "12-04 19:00", "12-18 19:00"]
    assert result.data["repeat"] == "every Friday until 18 December, except 11 December"


async def test_an_exception_leaves_the_end_as_it_is() -> None:
    person = Person()
    await person.create("choir", title="choir", date="friday", time="7pm", repeat="every friday, 3 times")
    result = await change(person, "x", title="choir", new_repeat="except december 4")
    assert await person.starts(5) == ["11-27 19:00", "12-11 19:00"]
    assert result.data["repeat"] == "every Friday, 3 times, except 4 December"


async def test_times_of_a_running_series_are_counted_from_the_next_one() -> None:
    person = Person()
    await person.create("gym", title="gym", date="monday", time="6pm", repeat="every monday")
    person.now = person.now.replace(month=12, day=16)
    await change(person, "gym every monday three more times", title="gym", new_repeat="every monday, three times")
    assert await person.starts(9) == ["12-21 18:00", "12-28 18:00", "01-04 18:00"]


@pytest.mark.parametrize("said", ["every tuesday until november 30", "twice a week", "every tuesday except tuesdays"])
async def test_what_cannot_be_is_asked_about(said: str) -> None:
    person = Person()
    await person.create("choir friday 7pm", title="choir", date="friday", time="7pm")
    before = await person.events()
    result = await change(person, f"make choir {said}", title="choir", new_repeat=said)
    assert result.data["status"] in ("unclear", "past")
    assert "?" in result.text
    assert await person.events() == before
