"""The sync with a calendar server, against Radicale: nothing may be lost, doubled, or told to the wrong server."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import aiohttp
import msgspec
import pytest

from llmagent_os.credentials.credential_pages import CredentialPages
from llmagent_os.credentials.vault import Vault
from llmagent_os.events import Command, Conversation, Sender
from llmagent_os.identity import Identity
from llmagent_os.plugin import PageRequest, PageResponse, ToolContext, ToolResult, WebAccess
from llmagent_os.plugins.calendar import CalendarPlugin
from llmagent_os.plugins.calendar.caldav import connect
from llmagent_os.plugins.calendar.caldav.dav_client import DavClient
from llmagent_os.plugins.calendar.caldav.synced_objects import SyncedObject, SyncedObjects
from llmagent_os.plugins.calendar.calendar_call import CalendarCall
from llmagent_os.plugins.calendar.calendar_event import CalendarEvent
from llmagent_os.timers import MemoryTimers
from llmagent_os.tools.registry import Plugins
from tests.unit.plugins.radicale_server import AUTHORIZATION, PASSWORD, USER, Phone, Radicale, running_server
from tests.unit.plugins.test_calendar import Person as Talker
from tests.unit.plugins.test_calendar import button

pytest.importorskip("radicale", reason="the dev extra brings Radicale")

ANA = Identity("test::ana")
DENTIST = "SUMMARY:dentist\nDTSTART;TZID=Europe/Berlin:20261126T100000\nDTEND;TZID=Europe/Berlin:20261126T110000"
STANDUP = """SUMMARY:standup
DTSTART;TZID=Europe/Berlin:20261123T090000
DURATION:PT15M
RRULE:FREQ=DAILY;COUNT=10
EXDATE;TZID=Europe/Berlin:20261125T090000
DESCRIPTION:bring the numbers
ATTENDEE;CN=Bo:mailto:bo@example.org
BEGIN:VALARM
ACTION:DISPLAY
DESCRIPTION:soon
TRIGGER:-PT10M
END:VALARM"""
LATE_STANDUP = """RECURRENCE-ID;TZID=Europe/Berlin:20261126T090000
SUMMARY:late standup
DTSTART;TZID=Europe/Berlin:20261126T113000
DURATION:PT15M
DESCRIPTION:only today"""


@dataclass
class Person(Talker):
    """Somebody who connects a server, with a clock that only moves when told."""

    timers: MemoryTimers = field(default_factory=MemoryTimers)
    vault: Vault = field(init=False)
    said: list[str] = field(default_factory=list[str])
    kind: str = "direct"

    def __post_init__(self) -> None:
        self.vault = Vault(
            public_url="https://bot.example",
            allow_private=True,
            clock=lambda: self.now.replace(tzinfo=ZoneInfo(self.zone)),
        )
        self.plugins = Plugins(installed=(), vault=self.vault)

    def context(self, text: str = "", call_id: str = "") -> ToolContext:
        context = super().context(text, call_id)
        room = Conversation(platform="test", channel="room", kind="direct" if self.kind == "direct" else "group")
        event = Command(event_id=context.call_id, conversation=room, sender=Sender("ana"), name="x")
        web = WebAccess(allow_private=True, public_url="https://bot.example")
        return replace(context, timers=self.timers, event=event, web=web)

    async def type(self, name: str, arguments: str = "") -> ToolResult:
        if not self.plugins.specs():
            await self.plugins.add(CalendarPlugin())
        return await self.plugins.command(name, arguments, self.context())

    async def open(self, url: str, **fields: str) -> PageResponse | None:
        request = PageRequest(
            method="POST" if fields else "GET",
            path=url.removeprefix("https://bot.example/pages/credentials/"),
            body=urlencode(fields).encode(),
        )
        return await CredentialPages(self.vault, self.plugins.credential).answer(request)

    async def password(self) -> str | None:
        """The password that is kept."""
        stored = await self.vault.read("calendar", "caldav", ANA)
        return None if stored is None else stored.secret

    async def wait(self, minutes: float = 0, *, rounds: int = 6) -> None:
        """Let time pass, and answer the timers that ring."""
        self.now += timedelta(minutes=minutes)
        for _ in range(rounds):
            self.now += timedelta(seconds=2)
            for key, at in self.timers.ring(self.now.replace(tzinfo=ZoneInfo(self.zone))):
                if not key.startswith("caldav"):
                    continue
                result = await self.plugins.due("calendar", key, at, self.context())
                self.said += [result.text] if result else []

    async def connect(self, server: str, password: str = PASSWORD) -> None:
        offered = await self.type("caldav")
        assert offered.is_secret
        address = offered.text.splitlines()[1]
        page = await self.open(address, address=server, user=USER, secret=password)
        assert page is not None
        assert page.status == 200, page.body
        await self.wait(1)

    async def remind(self, title: str, lead: str) -> None:
        result = await self.plugins.call("remind_before", {"title": title, "lead": lead}, self.context())
        assert result.data["status"] == "created"

    async def events(self) -> list[CalendarEvent]:
        return await CalendarCall(self.context()).store.events()

    async def named(self) -> list[str]:
        return sorted(event.title for event in await self.events())


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine is no broken server."""
    monkeypatch.setattr(connect, "SYNC_SECONDS", 60.0)
    monkeypatch.setattr(connect, "REQUEST_SECONDS", 60.0)


@pytest.fixture
def person() -> Person:
    return Person()


@pytest.fixture
async def server_and_phone(tmp_path: Path) -> AsyncIterator[tuple[Radicale, Phone]]:
    async with running_server(tmp_path) as found:
        yield found


@pytest.fixture
def server(server_and_phone: tuple[Radicale, Phone]) -> Radicale:
    return server_and_phone[0]


@pytest.fixture
def phone(server_and_phone: tuple[Radicale, Phone]) -> Phone:
    return server_and_phone[1]


async def test_what_is_said_to_the_bot_is_on_the_phone(person: Person, server: Radicale, phone: Phone) -> None:
    await person.say("create", title="gym", date="friday", time="6pm")
    await person.connect(server.url)
    assert person.said == ["Connected: I keep “ana/work” on 127.0.0.1 in step with your calendar here."]
    (text,) = (await phone.objects()).values()
    assert "SUMMARY:gym" in text
    assert "DTSTART;TZID=Europe/Berlin:20261127T180000" in text
    await person.say("move", title="gym", new_time="7pm")
    await person.wait()
    (text,) = (await phone.objects()).values()
    assert "DTSTART;TZID=Europe/Berlin:20261127T190000" in text
    await person.say("delete", title="gym")
    await person.wait()
    assert await phone.objects() == {}


async def test_what_is_done_on_the_phone_is_in_the_bot(person: Person, server: Radicale, phone: Phone) -> None:
    await person.connect(server.url)
    await phone.put("a.ics", DENTIST)
    await person.wait(2)
    assert (await person.say("list", date="thursday")).data["when"] == "Thursday 26 November from 10 AM to 11 AM"
    await phone.put("a.ics", DENTIST.replace("T10", "T14").replace("T11", "T15"))
    await person.wait(2)
    assert (await person.say("list", date="thursday")).data["when"] == "Thursday 26 November from 2 PM to 3 PM"
    await phone.delete("a.ics")
    await person.wait(2)
    assert await person.named() == []


async def test_a_series_with_exceptions_survives_the_way_there_and_back(
    person: Person, server: Radicale, phone: Phone
) -> None:
    """What the calendar here does not know of, such as guests and alarms, must stay on the phone."""
    await phone.put("s.ics", STANDUP, LATE_STANDUP)
    await person.connect(server.url)
    assert await person.titles("thursday") == ["late standup, Thursday 26 November from 11:30 AM to 11:45 AM"]
    assert await person.titles("wednesday") == []
    await person.say("move", title="standup", date="friday", new_time="10am")
    await person.say("move", title="late standup", new_title="very late standup")
    await person.wait()
    text = await phone.read("s.ics")
    for kept in ("bring the numbers", "mailto:bo@example.org", "TRIGGER:-PT10M", "only today", "COUNT=10"):
        assert kept in text
    assert "EXDATE;TZID=Europe/Berlin:20261125T090000" in text
    assert text.count("BEGIN:VEVENT") == 3
    assert "RECURRENCE-ID;TZID=Europe/Berlin:20261127T090000" in text
    assert "SUMMARY:very late standup" in text
    await person.type("caldav", "off")
    again = Person(now=person.now)
    await again.connect(server.url)
    assert await again.titles("friday") == ["standup, Friday 27 November from 10 AM to 10:15 AM"]
    assert await again.titles("thursday") == ["very late standup, Thursday 26 November from 11:30 AM to 11:45 AM"]


def changed_on_phone(at: datetime, hour: int) -> str:
    return f"{DENTIST.replace('T10', f'T{hour}').replace('T11', f'T{hour + 1}')}\nLAST-MODIFIED:{at:%Y%m%dT%H%M%SZ}"


async def test_notes_and_reminders_before_events_are_on_the_phone(
    person: Person, server: Radicale, phone: Phone
) -> None:
    await person.say("create", title="dinner", date="friday", time="7pm")
    await person.remind("dinner", "2 hours before")
    await person.connect(server.url)
    (text,) = (await phone.objects()).values()
    assert text.count("BEGIN:VEVENT") == 1
    assert "TRIGGER:-PT2H" in text
    assert "DESCRIPTION:bring wine" not in text
    await person.say("move", title="dinner", new_note="bring wine")
    await person.remind("dinner", "10 minutes before")
    await person.wait()
    ((name, text),) = (await phone.objects()).items()
    assert "DESCRIPTION:bring wine" in text
    assert text.count("BEGIN:VALARM") == 2
    changed = text.replace("T190000", "T200000").replace("wine", "beer")
    await phone.put_text(name, changed)
    await person.wait(2)
    events = {(event.title, event.lead): event for event in await person.events()}
    dinner = events["dinner", 0]
    assert (dinner.start, dinner.notes) == (datetime(2026, 11, 27, 20), "bring beer")
    assert events["dinner", 120].start == datetime(2026, 11, 27, 18), "the reminder follows its event"
    await phone.delete(name)
    await person.wait(2)
    assert await person.events() == []


async def test_an_event_that_is_cancelled_on_the_phone_is_gone_here(
    person: Person, server: Radicale, phone: Phone
) -> None:
    await person.connect(server.url)
    await phone.put("a.ics", DENTIST)
    await phone.put("b.ics", DENTIST.replace("dentist", "haircut"))
    await person.wait(2)
    assert await person.named() == ["dentist", "haircut"]
    await phone.put("a.ics", f"{DENTIST}\nSTATUS:CANCELLED")
    await person.wait(2)
    assert await person.named() == ["haircut"]
    await person.wait(20)
    assert await person.named() == ["haircut"], "it does not come back"
    assert "STATUS:CANCELLED" in await phone.read("a.ics"), "and stays there as it is"
    await person.say("move", title="haircut", new_time="4pm")
    await phone.put("b.ics", f"{DENTIST.replace('dentist', 'haircut')}\nSTATUS:CANCELLED")
    await person.wait(2)
    assert await person.named() == ["haircut"]
    assert "haircut was deleted on another device after it was changed here. I kept it." in person.said[-1]


@pytest.mark.parametrize("phone_is_later", [True, False])
async def test_of_two_changes_the_later_wins_and_the_person_is_told(
    person: Person, server: Radicale, phone: Phone, phone_is_later: bool
) -> None:
    await phone.put("a.ics", DENTIST)
    await person.connect(server.url)
    await server.stop()
    person.now += timedelta(hours=1)
    await person.say("move", title="dentist", new_time="4pm")
    await person.wait()
    await server.start()
    hours = 1 if phone_is_later else -3  # the clock of Berlin is an hour ahead of UTC
    await phone.put("a.ics", changed_on_phone(person.now + timedelta(hours=hours), 14))
    await person.wait(60)
    await person.wait(60)
    hour = 14 if phone_is_later else 16
    (event,) = await person.events()
    assert event.start == datetime(2026, 11, 26, hour)
    assert f"T{hour}0000" in await phone.read("a.ics")
    kept = "the change made there" if phone_is_later else "the one made here"
    assert person.said[-1] == (f"dentist was changed here and on another device. I kept {kept}, because it is later.")


async def test_what_was_changed_here_and_deleted_there_is_kept(person: Person, server: Radicale, phone: Phone) -> None:
    await phone.put("a.ics", DENTIST)
    await person.connect(server.url)
    await phone.delete("a.ics")
    await person.say("move", title="dentist", new_time="4pm")
    await person.wait()
    await person.wait(3)
    assert await person.named() == ["dentist"]
    assert len(await phone.objects()) == 1
    assert "deleted on another device" in person.said[-1]


async def test_a_server_that_is_down_is_asked_again_and_nothing_is_lost(
    person: Person, server: Radicale, phone: Phone
) -> None:
    await person.connect(server.url)
    await server.stop()
    await person.say("create", title="gym", date="friday", time="6pm")
    await person.wait()
    status = await person.type("caldav")
    assert "The last try failed: the server cannot be reached." in status.text
    for _ in range(4):
        await person.wait(10)
    await server.start()
    for _ in range(4):
        await person.wait(30)
    assert len(await phone.objects()) == 1
    assert await person.named() == ["gym"]


class KilledError(Exception):
    """Stands for the end of the process."""


@pytest.mark.parametrize("step", ["written", "taken", "noted"])
async def test_a_host_that_is_killed_in_mid_sync_doubles_nothing(
    person: Person, server: Radicale, phone: Phone, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await person.connect(server.url)
    await phone.put("a.ics", DENTIST)
    await person.say("create", title="gym", date="friday", time="6pm")
    write, keep = DavClient.write, SyncedObjects.keep
    writes = keeps = 0

    async def killed_after_write(self: DavClient, calendar: str, href: str, data: bytes, etag: str) -> tuple[int, str]:
        nonlocal writes
        result = await write(self, calendar, href, data, etag)
        writes += 1
        if writes == 1 and step == "written":
            raise KilledError
        return result

    async def killed_before_keep(self: SyncedObjects, synced: SyncedObject) -> None:
        nonlocal keeps
        keeps += 1
        if keeps == {"taken": 1, "noted": 2}.get(step):
            raise KilledError
        await keep(self, synced)

    monkeypatch.setattr(DavClient, "write", killed_after_write)
    monkeypatch.setattr(SyncedObjects, "keep", killed_before_keep)
    with pytest.raises(Exception, match="KilledError"):
        await person.wait(2)
    monkeypatch.undo()
    for _ in range(3):
        await person.wait(3)
    assert await person.named() == ["dentist", "gym"]
    assert len(await phone.objects()) == 2


async def test_a_wrong_password_is_said_and_not_kept(person: Person, server: Radicale) -> None:
    await person.connect(server.url, password="wrong")
    assert person.said == [
        "I could not connect your calendar: the server does not take the name or the password. Type /caldav to try "
        "again."
    ]
    assert await person.password() is None


async def test_of_several_calendars_the_person_chooses(
    person: Person, server: Radicale, phone: Phone, tmp_path: Path
) -> None:
    async with aiohttp.ClientSession(headers=AUTHORIZATION) as http:
        await Phone(server, http, "private").make_calendar()
    await person.connect(server.url)
    assert person.said == ["Which calendar shall I keep in step with yours here?"]
    await person.say("create", title="gym", date="friday", time="6pm")
    chosen = await person.press("calendar:caldav:pick:1")
    assert chosen.text.startswith("Connected")
    await person.wait(2)


async def test_the_form_works_once_for_its_person_and_for_a_while(person: Person, server: Radicale) -> None:
    address = (await person.type("caldav")).text.splitlines()[1]
    page = await person.open(address)
    assert page is not None
    assert b'type="password"' in page.body
    refused = await person.open(address, address="javascript:alert(1)", user="<b>", secret="x")
    assert refused is not None
    assert refused.status == 422
    assert b"<b>" not in refused.body
    assert await person.open(address[:-1] + ("A" if address[-1] != "A" else "B")) is None
    person.now += timedelta(minutes=16)
    assert await person.open(address) is None
    await person.wait()
    assert await person.records.get("caldav") is None


async def test_no_password_is_asked_for_in_a_group(person: Person) -> None:
    person.kind = "group"
    assert "private conversation" in (await person.type("caldav")).text


async def test_disconnecting_erases_the_password_and_keeps_both_calendars(
    person: Person, server: Radicale, phone: Phone
) -> None:
    await phone.put("a.ics", DENTIST)
    await person.connect(server.url)
    status = await person.type("caldav")
    await person.press(button(status, "Disconnect"))
    assert await person.password() is None
    assert await person.named() == ["dentist"]
    assert len(await phone.objects()) == 1
    assert all(not key.startswith(("dav:", "caldav", "page:")) for key, _ in await person.records.items())


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_both_sides_do_they_end_with_the_same(
    person: Person, server: Radicale, phone: Phone, seed: int
) -> None:
    """Both sides make, change and delete events at random, and the server is away now and then."""
    chance = random.Random(seed)
    await person.connect(server.url)
    made = 0
    for _ in range(12):
        for _ in range(chance.randint(0, 3)):
            made += 1
            titles = await person.named()
            match chance.choice(["make", "make", "move", "drop", "phone", "phone", "phone move", "phone drop"]):
                case "make":
                    await person.say("create", title=f"walk{made}", date=f"december {made % 27 + 1}", time="6pm")
                case "move" if titles:
                    await person.say("move", title=chance.choice(titles), new_time=f"{chance.randint(1, 5)}pm")
                case "drop" if titles:
                    await person.say("delete", title=chance.choice(titles))
                case "phone":
                    await phone.put(f"p{made}.ics", DENTIST.replace("dentist", f"call{made}"))
                case "phone move" if names := list(await phone.objects()):
                    name = chance.choice(names)
                    text = (await phone.read(name)).replace("SUMMARY:", "SUMMARY:new ")
                    await phone.put_text(name, text)
                case "phone drop" if names := list(await phone.objects()):
                    await phone.delete(chance.choice(names))
                case _:
                    pass
        if chance.random() < 0.2:
            await server.stop()
            await person.wait(2)
            await server.start()
        if chance.random() < 0.6:
            await person.wait(2)
    for _ in range(4):
        await person.wait(60)
    there = sorted(
        line.removeprefix("SUMMARY:")
        for text in (await phone.objects()).values()
        for line in text.splitlines()
        if line.startswith("SUMMARY:")
    )
    assert await person.named() == there
    uids = [line for text in (await phone.objects()).values() for line in text.splitlines() if line.startswith("UID:")]
    assert len(uids) == len(set(uids))


async def test_a_password_given_anew_loses_no_change_made_in_between(
    person: Person, server: Radicale, phone: Phone
) -> None:
    await phone.put("a.ics", DENTIST)
    await person.connect(server.url)
    stored = await person.vault.read("calendar", "caldav", ANA)
    assert stored is not None
    await person.vault.put("calendar", "caldav", ANA, msgspec.structs.replace(stored, secret="revoked"))
    await person.wait(3)
    assert "Type /caldav to renew it" in person.said[-1]
    await person.say("move", title="dentist", new_time="4pm")
    await person.connect(server.url, password="wrong again")
    await person.connect(server.url)
    await person.wait(3)
    assert "DTSTART;TZID=Europe/Berlin:20261126T160000" in await phone.read("a.ics")
    assert (await person.say("list", date="thursday")).data["when"] == "Thursday 26 November from 4 PM to 5 PM"
