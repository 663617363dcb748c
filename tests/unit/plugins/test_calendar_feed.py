"""The feed of a calendar: the wrong address must show nothing, and the right one must end when its person says so."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import icalendar
import msgspec
import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from llmagent_os.adapter import Reply
from llmagent_os.adapter_kit.pages import add_pages
from llmagent_os.agent import Agent, AgentSettings
from llmagent_os.events import ButtonPress, Command, Conversation, Sender
from llmagent_os.host.host import Host
from llmagent_os.identity import Identity
from llmagent_os.ledger import Ledger
from llmagent_os.people.profiles import Profiles
from llmagent_os.plugin import WebAccess
from llmagent_os.plugins.calendar import CalendarPlugin
from llmagent_os.plugins.calendar.calendar_event import CalendarEvent
from llmagent_os.privacy.secret_store import SecretStore
from llmagent_os.privacy.stores import DataSubject
from llmagent_os.reply.plugin_pages import PluginPages
from llmagent_os.reply.services import Services
from llmagent_os.testing import MemoryAdapter, ScriptedLLM, running
from llmagent_os.tools.registry import Plugins

ANA = Identity("telegram::7")
ROOM = Conversation(platform="telegram", channel="7")


class Bot:
    """A bot with real storage whose pages are served, and a person who types commands."""

    def __init__(self, folder: Path, ledger: Ledger, plugins: Plugins, server: TestServer, pages: PluginPages) -> None:
        self.folder, self.ledger, self.plugins, self.server, self.pages = folder, ledger, plugins, server, pages
        self.count = 0
        access = WebAccess(public_url=str(server.make_url("")).rstrip("/"))
        services = Services(
            settings=AgentSettings(web=access),
            ledger=ledger,
            profiles=Profiles(folder / "profiles"),
            plugins=plugins,
            secrets=folder / "secrets",
        )
        self.agent = Agent(llm=ScriptedLLM(), services=services)

    async def type(self, name: str, arguments: str = "") -> Reply:
        self.count += 1
        command = Command(
            event_id=f"e{self.count}", conversation=ROOM, sender=Sender("7"), name=name, arguments=arguments
        )
        return await self._answered(command)

    async def press(self, value: str) -> Reply:
        self.count += 1
        press = ButtonPress(
            event_id=f"e{self.count}", conversation=ROOM, sender=Sender("7"), message_id="m", value=value
        )
        return await self._answered(press)

    async def _answered(self, event: Command | ButtonPress) -> Reply:
        async def draft(text: str) -> None: ...

        outcome = await self.agent.handle(event, draft)
        assert outcome.reply is not None
        return outcome.reply

    async def keep(self, **fields: Any) -> None:
        known: dict[str, Any] = {"event_id": "0123456789abcdef", "title": "gym", "start": datetime(2026, 12, 3, 9)}
        event = CalendarEvent(**known | fields)
        await self.ledger.records("calendar", ANA).put(f"event:{event.event_id}", msgspec.to_builtins(event))


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[Bot]:
    ledger = await Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}")
    async with Plugins(installed=(), records=ledger.records, timers=ledger.timers) as plugins:
        await plugins.add(CalendarPlugin())
        pages = PluginPages(
            plugins=plugins,
            ledger=ledger,
            profiles=Profiles(tmp_path / "profiles"),
            time_zone="Europe/Berlin",
            secrets=tmp_path / "secrets",
        )
        application = web.Application()
        add_pages(application, pages.answer)
        server = TestServer(application)
        await server.start_server()
        yield Bot(tmp_path, ledger, plugins, server, pages)
        await server.close()
    await ledger.close()


def address_in(reply: Reply) -> str:
    return next(line for line in reply.text.splitlines() if line.startswith("http"))


async def test_a_program_reads_the_calendar_and_asks_again_only_for_changes(bot: Bot) -> None:
    await bot.keep()
    address = address_in(await bot.type("feed"))
    assert address_in(await bot.type("feed")) == address  # it is shown again
    async with ClientSession() as http:
        first = await http.get(address)
        assert first.status == 200
        assert first.headers["Content-Type"] == "text/calendar; charset=utf-8"
        calendar = cast("Any", icalendar.Calendar.from_ical(await first.read()))
        assert [str(entry["summary"]) for entry in calendar.walk("VEVENT")] == ["gym"]
        same = await http.get(address, headers={"If-None-Match": first.headers["ETag"]})
        assert (same.status, await same.read()) == (304, b"")
        await bot.keep(title="gym with Bo")
        changed = await http.get(address, headers={"If-None-Match": first.headers["ETag"]})
        assert changed.status == 200
        assert (await http.head(address)).status == 200
        assert (await http.post(address)).status == 405


async def test_a_renewed_and_an_ended_feed_no_longer_answer_at_the_old_address(bot: Bot) -> None:
    old = address_in(await bot.type("feed"))
    new = address_in(await bot.press("calendar:feed:new"))
    async with ClientSession() as http:
        assert (await http.get(old)).status == 404
        assert (await http.get(new)).status == 200
        ended = await bot.type("feed", "off")
        assert ended.text == "Your feed is off: its address no longer works."
        assert (await http.get(new)).status == 404


@pytest.mark.parametrize(
    "path", ["feed/x.ics", "feed/" + "A" * 43 + ".ics", "feed/" + "A" * 43, "../../etc/passwd", "feed", "event:1"]
)
async def test_a_made_up_address_shows_nothing(bot: Bot, path: str) -> None:
    await bot.type("feed")
    async with ClientSession() as http:
        answer = await http.get(bot.server.make_url(f"/pages/calendar/{path}"))
        assert answer.status == 404
        assert (await http.get(bot.server.make_url("/pages/profile/x"))).status == 404


async def test_the_ledger_does_not_hold_the_address(bot: Bot) -> None:
    """Who copies the ledger must not get everybody's calendars."""
    platform = MemoryAdapter("telegram")
    async with running(Host(bot.agent, bot.ledger, [platform])):
        await platform.deliver(Command(event_id="e0", conversation=ROOM, sender=Sender("7"), name="feed"))
        (sent,) = await platform.sent(1)
    token = address_in(sent.reply).rsplit("/", 1)[1].removesuffix(".ics")
    await bot.ledger.close()
    assert all(token.encode() not in path.read_bytes() for path in bot.folder.glob("ledger.db*"))
    (kept,) = (bot.folder / "secrets").rglob("calendar~calendar-feed")
    assert kept.stat().st_mode & 0o777 == 0o600


async def test_forgetting_the_person_ends_the_feed(bot: Bot) -> None:
    address = address_in(await bot.type("feed"))
    store, subject = SecretStore(bot.folder), DataSubject.of([ANA])
    assert await store.export(subject) == {"secrets": [{"name": "calendar~calendar-feed", "value": "(not shown)"}]}
    await bot.ledger.forget(ANA)
    assert await store.erase(subject) == 1
    async with ClientSession() as http:
        assert (await http.get(address)).status == 404


async def test_without_an_address_on_the_web_the_file_is_offered(bot: Bot) -> None:
    bot.agent = Agent(llm=ScriptedLLM(), plugins=bot.plugins, ledger=bot.ledger)
    assert "LLMAGENT_OS_PUBLIC_URL" in (await bot.type("feed")).text
