"""Calendars of other programs: an import that doubles, drops or hangs would cost a person their calendar."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from llmagent_os.adapter_kit.guarded_http import AddressError, GuardedHttp
from llmagent_os.events import Attachment, Conversation, Message, Sender
from llmagent_os.languages import speaking
from llmagent_os.plugin import ToolResult, WebAccess
from llmagent_os.plugins.calendar import CalendarPlugin
from llmagent_os.plugins.calendar.calendar_call import CalendarCall
from llmagent_os.plugins.calendar.calendar_event import CalendarEvent
from llmagent_os.plugins.calendar.icalendar_export import to_icalendar
from llmagent_os.plugins.calendar.ics.file_reading import CalendarFileError, read_calendar_file
from llmagent_os.plugins.calendar.ics.import_plan import plan_import
from llmagent_os.plugins.calendar.ics.import_request import calendar_address
from tests.unit.plugins.test_calendar import Person as Talker
from tests.unit.plugins.test_calendar import button

NOW = "2026-11-22T16:00:00+00:00"


def file(*entries: str, head: str = "") -> bytes:
    """A calendar file of entries, which are written as lines without their frame."""
    framed = [f"BEGIN:VEVENT\n{entry.strip()}\nEND:VEVENT" for entry in entries]
    return "\r\n".join(
        "\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", head, *framed, "END:VCALENDAR"]).split("\n")
    ).encode()


def read(*entries: str, head: str = "", there: list[CalendarEvent] | None = None) -> dict[str, CalendarEvent]:
    """The events that an import adds or changes, by title."""
    plan = plan_import(read_calendar_file(file(*entries, head=head)).entries, there or [], "Europe/Berlin", NOW)
    assert not plan.left_out
    return {event.title: event for event in plan.after}


@dataclass
class Person(Talker):
    """Somebody who sends files."""

    private: bool = False

    async def send(self, folder: Path, *contents: bytes, text: str = "", call_id: str = "") -> ToolResult | None:
        if not self.plugins.specs():
            await self.plugins.add(CalendarPlugin())
        attachments: list[Attachment] = []
        for number, content in enumerate(contents):
            path = folder / f"{number}.ics"
            path.write_bytes(content)
            attachments.append(Attachment(path.name, "text/calendar", str(path), len(content)))
        context = self.context(text, call_id)
        room = Conversation(platform="test", channel="room")
        said = Message(
            event_id=context.call_id,
            conversation=room,
            sender=Sender("ana"),
            text=text,
            message_id="m",
            attachments=tuple(attachments),
        )
        web_access = WebAccess(allow_private=self.private)
        return await self.plugins.received(replace(context, event=said, web=web_access))


@pytest.fixture
def person() -> Person:
    return Person()


def test_an_entry_becomes_an_event() -> None:
    events = read(
        """UID:1
SUMMARY:lunch\\, with Ana
LOCATION:Trude
DTSTART;TZID=America/New_York:20261203T123000
DTEND;TZID=America/New_York:20261203T140000""",
        "UID:2\nSUMMARY:holiday\nDTSTART;VALUE=DATE:20261224\nDTEND;VALUE=DATE:20261227",
        "UID:3\nSUMMARY:call\nDTSTART:20261203T090000Z\nDURATION:PT15M",
        "UID:4\nSUMMARY:floating\nDTSTART:20261203T090000",
        "UID:5\nSUMMARY:birthday\nDTSTART;VALUE=DATE:20261224",
    )
    lunch = events["lunch, with Ana"]
    assert (lunch.start, lunch.minutes, lunch.zone) == (datetime(2026, 12, 3, 12, 30), 90, "America/New_York")
    assert lunch.place == "Trude"
    assert (events["holiday"].all_day, events["holiday"].minutes) == (True, 3 * 1440)
    assert (events["call"].start, events["call"].minutes, events["call"].zone) == (
        datetime(2026, 12, 3, 9),
        15,
        "UTC",
    )
    assert events["floating"].zone == "Europe/Berlin"
    assert events["birthday"].minutes == 1440


def test_a_repetition_keeps_its_end_its_gaps_and_its_exceptions() -> None:
    events = read(
        """UID:1
SUMMARY:standup
DTSTART;TZID=Europe/Berlin:20261130T090000
DURATION:PT15M
RRULE:FREQ=DAILY;UNTIL=20261210T080000Z
EXDATE;TZID=Europe/Berlin:20261202T090000,20261203T090000""",
        "UID:1\nSUMMARY:late standup\nRECURRENCE-ID;TZID=Europe/Berlin:20261204T090000\n"
        "DTSTART;TZID=Europe/Berlin:20261204T110000\nDURATION:PT15M",
        "UID:1\nSUMMARY:standup\nSTATUS:CANCELLED\nRECURRENCE-ID;TZID=Europe/Berlin:20261205T090000\n"
        "DTSTART;TZID=Europe/Berlin:20261205T090000",
    )
    standup = events["standup"]
    assert standup.repeat == "FREQ=DAILY;UNTIL=20261210T090000"
    assert [skipped.day for skipped in standup.skipped] == [2, 3, 4, 5]
    assert events["late standup"].start == datetime(2026, 12, 4, 11)
    assert events["late standup"].instance == datetime(2026, 12, 4, 9)


def test_times_besides_the_rule_are_kept() -> None:
    plan = plan_import(
        read_calendar_file(
            file("UID:1\nSUMMARY:choir\nDTSTART:20261203T190000Z\nRRULE:FREQ=WEEKLY;COUNT=2\nRDATE:20261225T190000Z")
        ).entries,
        [],
        "UTC",
        NOW,
    )
    assert sorted(event.start or datetime.max for event in plan.after) == [
        datetime(2026, 12, 3, 19),
        datetime(2026, 12, 25, 19),
    ]


def test_zones_under_other_names_are_known() -> None:
    strange = """BEGIN:VTIMEZONE
TZID:Customized Time Zone
BEGIN:STANDARD
DTSTART:19701101T020000
TZOFFSETFROM:-0400
TZOFFSETTO:-0500
RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=1SU
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:19700308T020000
TZOFFSETFROM:-0500
TZOFFSETTO:-0400
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=2SU
END:DAYLIGHT
END:VTIMEZONE"""
    events = read(
        "UID:1\nSUMMARY:strange\nDTSTART;TZID=Customized Time Zone:20261203T090000",
        "UID:2\nSUMMARY:windows\nDTSTART;TZID=W. Europe Standard Time:20261203T090000",
        head=strange,
    )
    zone = ZoneInfo(events["strange"].zone)
    assert (
        datetime(2026, 7, 1).replace(tzinfo=zone).utcoffset()
        == datetime(2026, 7, 1).replace(tzinfo=ZoneInfo("America/New_York")).utcoffset()
    )
    assert events["windows"].zone == "Europe/Berlin"


async def test_a_file_is_imported_once_however_often_it_is_sent(person: Person, tmp_path: Path) -> None:
    content = file("UID:1\nSUMMARY:gym\nDTSTART:20261203T090000Z", "UID:2\nSUMMARY:lunch\nDTSTART:20261204T110000Z")
    first = await person.send(tmp_path, content)
    assert first is not None
    assert first.text == "I've imported: 2 events added (gym and lunch)."
    again = await person.send(tmp_path, content)
    assert again is not None
    assert again.text == "Nothing to import: 2 events were there already."
    moved = content.replace(b"20261204T110000Z", b"20261205T110000Z")
    changed = await person.send(tmp_path, moved)
    assert changed is not None
    assert changed.text == "I've imported: 1 event changed, and 1 event was there already."
    assert len(await person.titles()) == 2


@pytest.mark.parametrize(
    ("language", "imported", "listed", "row"),
    [
        ("de", "Ich habe importiert: 2 Termine hinzugefügt (gym und lunch).", "Du hast 2 Termine:", "03.12.2026"),
        ("es", "He importado: 2 eventos más (gym y lunch).", "Tienes 2 eventos:", "3 dic 2026"),
        ("zh", "我已导入：新增 2 个日程 (gym和lunch)。", "你有 2 个日程：", "2026年12月3日"),
    ],
)
async def test_an_import_and_the_list_are_in_the_persons_language(
    person: Person, tmp_path: Path, language: str, imported: str, listed: str, row: str
) -> None:
    content = file("UID:1\nSUMMARY:gym\nDTSTART:20261203T090000Z", "UID:2\nSUMMARY:lunch\nDTSTART:20261204T110000Z")
    with speaking(language):
        result = await person.send(tmp_path, content)
        assert result is not None and result.text == imported
        shown = await person.plugins.command("calendar", "", person.context(""))
        assert shown.text == listed and shown.card is not None
        assert shown.card.rows[0] == (row, "10:00 gym")


async def test_a_calendar_can_be_pasted_where_no_files_can_be_sent(person: Person, tmp_path: Path) -> None:
    pasted = file("UID:1\nSUMMARY:gym\nDTSTART:20261203T090000Z").decode().replace("\r\n", "\n")
    result = await person.send(tmp_path, text=f"here is my calendar\n{pasted}\nthanks")
    assert result is not None
    assert result.text == "I've imported: 1 event added (gym)."


async def test_one_undo_takes_an_import_back(person: Person, tmp_path: Path) -> None:
    await person.say("create", title="dentist", date="friday", time="10am")
    entries = [f"UID:{number}\nSUMMARY:event {number}\nDTSTART:20261203T090000Z" for number in range(30)]
    result = await person.send(tmp_path, file(*entries, head="X-WR-CALNAME:Work"))
    assert result is not None
    assert result.text == "I've imported from “Work”: 30 events added."
    undone = await person.press(button(result, "Undo"))
    assert undone.text == "I've undone the import: 30 events taken out."
    assert await person.titles() == ["dentist, Friday 27 November at 10 AM"]


async def test_an_import_run_again_after_a_crash_adds_once(person: Person, tmp_path: Path) -> None:
    content = file("UID:1\nSUMMARY:gym\nDTSTART:20261203T090000Z")
    results = [await person.send(tmp_path, content, call_id="same") for _ in range(2)]
    assert results[0] == results[1]
    assert len(await person.titles()) == 1


async def test_ones_own_export_adds_nothing(person: Person, tmp_path: Path) -> None:
    await person.say("create", title="standup", repeat="every weekday", time="9am")
    await person.say("move", title="standup", date="friday", new_time="11am")
    await person.say("create", title="holiday", date="december 24")
    events = await CalendarCall(person.context()).store.events()
    exported = to_icalendar(events, person.context().now)
    assert exported.count == 3
    result = await person.send(tmp_path, exported.content)
    assert result is not None
    assert result.data["status"] == "unchanged"


async def test_what_was_moved_here_stays_moved_after_another_import(person: Person, tmp_path: Path) -> None:
    content = file("UID:1\nSUMMARY:standup\nDTSTART;TZID=Europe/Berlin:20261123T090000\nRRULE:FREQ=DAILY;COUNT=9")
    await person.send(tmp_path, content)
    await person.say("move", title="standup", date="friday", new_time="11am")
    await person.send(tmp_path, content)
    assert await person.titles("friday") == ["standup, Friday 27 November at 11 AM"]


async def test_the_reply_names_what_was_left_out(person: Person, tmp_path: Path) -> None:
    content = file(
        "UID:1\nSUMMARY:gym\nDTSTART:20261203T090000Z",
        "UID:2\nSUMMARY:pulse\nDTSTART:20261203T090000Z\nRRULE:FREQ=SECONDLY",
        "UID:3\nSUMMARY:nowhen",
        "UID:4\nSUMMARY:never\nDTSTART:20260130T090000Z\nRRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "UID:5\nSUMMARY:off\nDTSTART:20261203T090000Z\nSTATUS:CANCELLED",
    )
    result = await person.send(tmp_path, content)
    assert result is not None
    assert result.text == (
        "I've imported: 1 event added (gym). Left out: pulse (it repeats in a way that I cannot keep), nowhen (it has "
        "no date), never (it never happens) and 1 more."
    )


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "not a calendar file"),
        (b"\x89PNG\r\n\x1a\n" + bytes(2000), "not a calendar file"),
        (b"<html>Please sign in</html>", "not a calendar file"),
        (b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:x\r\n", "cut off"),
        (b"BEGIN:VCALENDAR\r\n" * 5000 + b"END:VCALENDAR\r\n" * 5000, "nested too deeply"),
        (b"BEGIN:VCALENDAR\r\n" + b"BEGIN:VEVENT\r\nEND:VEVENT\r\n" * 2001 + b"END:VCALENDAR\r\n", "up to 2,000"),
        (b"BEGIN:VCALENDAR\r\nX:" + b"y" * 300_000 + b"\r\nEND:VCALENDAR\r\n", "too long"),
        (b"BEGIN:VCALENDAR\r\n" + b"A:" + b"y" * 6_000_000, "larger than"),
        (b"BEGIN:VCALENDAR\r\n" + b"X:1\r\n" * 200_000 + b"END:VCALENDAR\r\n", "200,002 lines"),
        (b"BEGIN:VCALENDAR\r\nthis is no line\r\nEND:VCALENDAR\r\n", "could not read"),
    ],
)
def test_a_file_that_is_none_gets_a_clear_sentence(content: bytes, says: str) -> None:
    with pytest.raises(CalendarFileError, match=says) as raised:
        read_calendar_file(content)
    assert str(raised.value)[-1] == "."


HOSTILE = [
    "RRULE:FREQ=MINUTELY;BYMONTH=2;BYMONTHDAY=30",
    "RRULE:FREQ=HOURLY;BYDAY=5MO",
    "RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
    "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=31",
    "RRULE:FREQ=DAILY;INTERVAL=999999999",
    "RRULE:FREQ=DAILY;COUNT=99999999999999",
    "RRULE:FREQ=WEEKLY;BYDAY=" + ",".join(["MO"] * 5000),
    "RRULE:FREQ=DAILY;UNTIL=yesterday",
    f"RRULE:FREQ=DAILY;BYHOUR={','.join(map(str, range(24)))};BYMINUTE={','.join(map(str, range(60)))}",
    "RRULE:;;;=;",
    "DURATION:P9999999D",
    "DTEND:19700101T000000Z",
    "EXDATE:"
    + ",".join(
        f"2026{month:02}{day:02}T{hour:02}0000Z" for month in range(1, 13) for day in range(1, 29) for hour in range(4)
    ),
]


@pytest.mark.parametrize("line", HOSTILE, ids=lambda line: line[:40])
@pytest.mark.parametrize(
    "start",
    ["DTSTART:20260130T090000Z", "DTSTART:19000101T000000Z", "DTSTART:00010101T000000Z", "DTSTART:99991231T235959Z"],
)
async def test_a_hostile_entry_costs_no_time_and_hurts_nothing(
    person: Person, tmp_path: Path, start: str, line: str
) -> None:
    content = file("UID:1\nSUMMARY:gym\nDTSTART:20261203T090000Z", f"UID:2\nSUMMARY:bad\n{start}\n{line}")
    before = time.process_time()
    result = await person.send(tmp_path, content)
    assert result is not None
    await person.say("list", "what's next", which="next")
    await person.say("list", date="next week")
    assert "gym" in "".join(await person.titles("december 3"))
    assert time.process_time() - before < 3


def test_a_zone_that_changes_every_second_keeps_nobody_busy() -> None:
    zone = (
        "BEGIN:VTIMEZONE\nTZID:Evil\nBEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0200\n"
        "RRULE:FREQ=SECONDLY\nEND:STANDARD\nEND:VTIMEZONE"
    )
    before = time.process_time()
    assert read("UID:1\nSUMMARY:x\nDTSTART;TZID=Evil:20261203T090000", head=zone)["x"].zone == "Europe/Berlin"
    assert time.process_time() - before < 2


def test_zones_without_an_end_keep_nobody_busy() -> None:
    content = b"BEGIN:VCALENDAR\n" + b"BEGIN:VTIMEZONE\nEND:X\n" * 20_000 + b"END:VCALENDAR\n"
    before = time.process_time()
    assert not read_calendar_file(content).entries
    assert time.process_time() - before < 3


async def test_a_large_calendar_does_not_stop_the_event_loop(person: Person, tmp_path: Path) -> None:
    entries = [f"UID:{number}\nSUMMARY:event {number}\nDTSTART:20261203T090000Z" for number in range(2000)]
    longest, running = 0.0, True

    async def watch() -> None:
        nonlocal longest
        while running:
            before = time.thread_time()
            await asyncio.sleep(0.01)
            longest = max(longest, time.thread_time() - before)

    watching = asyncio.create_task(watch())
    result = await person.send(tmp_path, file(*entries))
    running = False
    await watching
    assert result is not None
    assert result.data["added"] == "2000"
    assert longest < 2


# ── addresses ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("webcal://example.org/a.ics", "https://example.org/a.ics"),
        ("import https://example.org/ical?id=7", "https://example.org/ical?id=7"),
        ("here: https://example.org/team.ics.", "https://example.org/team.ics"),
        ("meeting at 3, https://zoom.us/j/123", None),
        ("import my calendar", None),
        ("please load my calendar from https://example.org/cal", "https://example.org/cal"),
        ("could you subscribe to https://example.org/cal", "https://example.org/cal"),
        ("remind me to load the dishwasher, manual: https://example.org/m", None),
        ("https://example.org/news says that import duties rise", None),
    ],
)
def test_an_address_is_read_only_where_one_is_meant(text: str, address: str | None) -> None:
    assert calendar_address(text) == address


Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@pytest.fixture
async def site() -> AsyncIterator[Callable[[Answer], Awaitable[str]]]:
    servers: list[TestServer] = []

    async def serve(answer: Answer) -> str:
        application = web.Application()
        application.router.add_get("/{tail:.*}", answer)
        server = TestServer(application)
        await server.start_server()
        servers.append(server)
        return str(server.make_url("/team.ics"))

    yield serve
    for server in servers:
        await server.close()


async def test_an_address_is_imported(person: Person, tmp_path: Path, site: Callable[[Answer], Awaitable[str]]) -> None:
    async def answer(request: web.Request) -> web.Response:
        if request.path == "/team.ics":
            raise web.HTTPFound("/moved.ics")
        return web.Response(body=file("UID:1\nSUMMARY:gym\nDTSTART:20261203T090000Z"))

    address = await site(answer)
    person.private = True
    result = await person.send(tmp_path, text=f"import {address}")
    assert result is not None
    assert result.text == "I've imported: 1 event added (gym)."
    person.private = False
    refused = await person.send(tmp_path, text=f"import {address}")
    assert refused is not None
    assert refused.text == (
        "I could not read that address: 127.0.0.1 is an address of a private network or of this machine, which "
        "I do not read; give me an address that anybody on the internet can open."
    )


async def test_a_redirection_into_the_own_network_is_refused(site: Callable[[Answer], Awaitable[str]]) -> None:
    """A public server must not lead the bot to a machine that only the bot can reach."""

    async def inside(_: web.Request) -> web.Response:
        return web.Response(text="secret")

    secret = await site(inside)

    async def outside(_: web.Request) -> web.Response:
        raise web.HTTPFound(secret)

    entrance = await site(outside)
    port = entrance.split(":")[2].split("/")[0]

    class OnlyTheEntrance(GuardedHttp):
        def _refuse_private_literal(self, url: str) -> None:
            if f":{port}/" not in url:
                super()._refuse_private_literal(url)

    async with OnlyTheEntrance() as http:
        with pytest.raises(AddressError, match="an address of a private network or of this machine"):
            await http.request("GET", entrance)


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1/",
        "http://localhost/",
        "http://[::1]/",
        "http://[::ffff:10.0.0.1]/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://127.1/",
        "http://169.254.169.254/latest/meta-data",
        "http://10.1.2.3/",
        "http://0.0.0.0/",
        "http://[64:ff9b::10.1.2.3]/",
        "http://[::10.1.2.3]/",
        "http://[fd00::1]/",
        "http://0177.0.0.1/",
        "http://127.0.0.1.:80/",
    ],
)
async def test_private_addresses_are_refused(address: str) -> None:
    async with GuardedHttp() as http:
        with pytest.raises(AddressError, match="an address of a private network or of this machine"):
            await http.request("GET", address)


async def test_a_slow_or_endless_server_is_given_up(site: Callable[[Answer], Awaitable[str]]) -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x" * 60_000)
            await asyncio.sleep(0.02)

    async def slow(_: web.Request) -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    async with GuardedHttp(allow_private=True, seconds=1, max_bytes=100_000) as http:
        with pytest.raises(AddressError, match="larger than"):
            await http.request("GET", await site(endless))
        with pytest.raises(AddressError, match="within 1 seconds"):
            await http.request("GET", await site(slow))
