"""Files that cancel events, bring new alarms or hold damaged ones.

What breaks without this: one bad alarm costs a person the whole file, and a meeting that was called off stays.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from llmagent_os.plugin import ToolResult
from llmagent_os.plugins.calendar.calendar_call import CalendarCall
from tests.unit.plugins.test_calendar import button
from tests.unit.plugins.test_calendar_import import Person, file

DENTIST = "UID:1\nSUMMARY:dentist\nDTSTART;TZID=Europe/Berlin:20261127T100000\nDURATION:PT1H"
YOGA = "UID:2\nSUMMARY:yoga\nDTSTART;TZID=Europe/Berlin:20261124T180000\nRRULE:FREQ=DAILY;COUNT=4"


def alarm(trigger: str) -> str:
    return f"BEGIN:VALARM\nACTION:DISPLAY\nDESCRIPTION:x\n{trigger}\nEND:VALARM"


@pytest.fixture
def person() -> Person:
    return Person()


async def imported(person: Person, folder: Path, *entries: str) -> ToolResult:
    result = await person.send(folder, file(*entries))
    assert result is not None
    return result


async def sent(person: Person, folder: Path, *entries: str) -> str:
    return (await imported(person, folder, *entries)).text


async def leads(person: Person) -> list[int]:
    return sorted(event.lead for event in await CalendarCall(person.context()).store.events() if event.leads_to)


@pytest.mark.parametrize(
    "trigger",
    ["TRIGGER:soon", "TRIGGER:-PT10X", "TRIGGER:", "TRIGGER;VALUE=DATE-TIME:2026", "REPEAT:x\nTRIGGER:-PT5M"],
)
async def test_only_a_damaged_alarm_is_left_out_and_it_is_named(person: Person, tmp_path: Path, trigger: str) -> None:
    said = await sent(person, tmp_path, f"{DENTIST}\n{alarm(trigger)}\n{alarm('TRIGGER:-PT15M')}", YOGA)
    assert said == (
        "I've imported: 2 events added (dentist and yoga). Left out: an alarm of dentist (I cannot read when it rings)."
    )
    assert await leads(person) == [15]


async def test_an_alarm_that_a_file_brings_later_reminds(person: Person, tmp_path: Path) -> None:
    await sent(person, tmp_path, DENTIST)
    again = f"{DENTIST}\n{alarm('TRIGGER:-PT30M')}"
    assert await sent(person, tmp_path, again) == "I've imported: 1 event changed."
    assert await leads(person) == [30]
    assert await sent(person, tmp_path, again) == "Nothing to import: 1 event was there already."
    assert await leads(person) == [30]


async def test_what_a_file_cancels_is_deleted_named_and_put_back_by_undo(person: Person, tmp_path: Path) -> None:
    await sent(person, tmp_path, f"{DENTIST}\n{alarm('TRIGGER:-PT30M')}", YOGA)
    result = await imported(person, tmp_path, f"{DENTIST}\nSTATUS:CANCELLED")
    assert result.text == "I've imported: 1 event deleted because the calendar cancels it (dentist)."
    assert await person.titles("friday") == ["yoga, Friday 27 November at 6 PM"]
    assert await leads(person) == []
    undone = await person.press(button(result, "Undo"))
    assert undone.text == "I've undone the import: 1 event put back (dentist)."
    assert await person.titles("friday") == ["dentist from 10 AM to 11 AM", "yoga at 6 PM"]
    assert await leads(person) == [30]


async def test_a_time_that_a_file_cancels_is_left_out_of_its_repetition(person: Person, tmp_path: Path) -> None:
    await sent(person, tmp_path, YOGA)
    off = "UID:2\nSUMMARY:yoga\nSTATUS:CANCELLED\nRECURRENCE-ID;TZID=Europe/Berlin:20261127T180000\n"
    said = await sent(person, tmp_path, f"{off}DTSTART;TZID=Europe/Berlin:20261127T180000")
    assert said == "I've imported: 1 event changed."
    assert await person.titles("friday") == []
    assert await person.titles("thursday") == ["yoga, Thursday 26 November at 6 PM"]


async def test_a_cancelled_event_that_was_never_here_changes_nothing(person: Person, tmp_path: Path) -> None:
    said = await sent(person, tmp_path, f"{DENTIST}\nSTATUS:CANCELLED")
    assert said == "There is no event that I could import. Left out: dentist (it is cancelled)."
