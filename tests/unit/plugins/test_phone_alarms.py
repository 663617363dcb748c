"""Alarms that are set on the phone, as reminders here: only for those who want it, and never twice.

What breaks without this: an alarm rings twice on the phone, or a reminder of an alarm that was taken off still rings.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from llmagent_os.plugins.calendar.caldav import connect
from tests.unit.plugins.radicale_server import Phone, Radicale, running_server
from tests.unit.plugins.test_calendar import button
from tests.unit.plugins.test_calendar_caldav import DENTIST, STANDUP, Person

pytest.importorskip("radicale", reason="the dev extra brings Radicale")


def alarm(trigger: str) -> str:
    return f"BEGIN:VALARM\nACTION:DISPLAY\nDESCRIPTION:x\nTRIGGER:{trigger}\nEND:VALARM"


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine is no broken server."""
    monkeypatch.setattr(connect, "SYNC_SECONDS", 60.0)
    monkeypatch.setattr(connect, "REQUEST_SECONDS", 60.0)


@pytest.fixture
async def server_and_phone(tmp_path: Path) -> AsyncIterator[tuple[Radicale, Phone]]:
    async with running_server(tmp_path) as found:
        yield found


async def leads(person: Person) -> list[tuple[str, int]]:
    return sorted((event.title, event.lead) for event in await person.events() if event.leads_to)


async def test_alarms_of_the_phone_remind_here_once_that_is_wanted(server_and_phone: tuple[Radicale, Phone]) -> None:
    server, phone = server_and_phone
    person = Person()
    await phone.put("a.ics", f"{DENTIST}\n{alarm('-PT30M')}")
    await phone.put("s.ics", STANDUP)
    await person.connect(server.url)
    assert await leads(person) == []
    status = await person.type("caldav")
    before = await phone.read("a.ics")
    wanted = await person.press(button(status, "Phone alarms: remind me here, too"))
    assert wanted.text == "Alarms that you set on your phone become reminders here, too."
    await person.wait(1)
    assert await leads(person) == [("dentist", 30), ("standup", 10)]
    assert await phone.read("a.ics") == before, "nothing is written back, so nothing rings twice there"
    await phone.put("a.ics", f"{DENTIST}\n{alarm('-PT1H')}")
    await person.wait(3)
    assert await leads(person) == [("dentist", 60), ("standup", 10)]
    await person.say("move", title="dentist", new_time="4pm")
    await person.wait(3)
    assert await leads(person) == [("dentist", 60), ("standup", 10)], "the reminder follows its event"
    assert (await phone.read("a.ics")).count("BEGIN:VALARM") == 1
    off = await person.type("caldav", "alarms off")
    assert off.text == "Alarms that you set on your phone ring on the phone only."
    assert await leads(person) == []
    await person.wait(3)
    assert "TRIGGER:-PT1H" in await phone.read("a.ics")
    assert await leads(person) == []


async def test_reminders_made_here_stay_apart_from_alarms(server_and_phone: tuple[Radicale, Phone]) -> None:
    server, phone = server_and_phone
    person = Person()
    await person.say("create", title="dinner", date="friday", time="7pm")
    await person.remind("dinner", "2 hours before")
    await person.connect(server.url)
    asked = await person.type("caldav", "alarms")
    assert asked.text.startswith("Alarms that you set on your phone ring on the phone only.")
    await person.type("caldav", "alarms on")
    await person.wait(1)
    assert await leads(person) == [("dinner", 120)]
    ((_, text),) = (await phone.objects()).items()
    assert text.count("BEGIN:VALARM") == 1
    await person.type("caldav", "alarms off")
    assert await leads(person) == [("dinner", 120)], "what was asked for here is kept"
