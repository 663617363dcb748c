"""The sync in a running host: within seconds, with no password in the ledger, and nothing left once it is forgotten."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from llmagent_os.adapter_kit.pages import add_pages
from llmagent_os.agent import Agent, AgentSettings
from llmagent_os.chat import ToolCall
from llmagent_os.credentials.stored import StoredCredential
from llmagent_os.credentials.vault import Vault
from llmagent_os.events import Command, Conversation, Sender
from llmagent_os.host.host import Host
from llmagent_os.identity import Identity
from llmagent_os.ledger import Ledger
from llmagent_os.people.profiles import Profiles
from llmagent_os.plugin import WebAccess
from llmagent_os.plugins.calendar import CalendarPlugin
from llmagent_os.plugins.calendar.caldav import connect
from llmagent_os.plugins.calendar.caldav.account import DavAccount
from llmagent_os.plugins.calendar.calendar_event import CalendarEvent
from llmagent_os.privacy.secret_store import SecretStore
from llmagent_os.privacy.stores import DataSubject
from llmagent_os.reply.plugin_pages import PluginPages
from llmagent_os.reply.services import Services
from llmagent_os.testing import MemoryAdapter, ScriptedLLM, running
from llmagent_os.tools.registry import Plugins
from tests.unit.plugins.radicale_server import PASSWORD, USER, running_server

pytest.importorskip("radicale", reason="the dev extra brings Radicale")

ANA = Identity("telegram::u1")
ROOM = Conversation(platform="telegram", channel="c1")


def contents(folder: Path, pattern: str) -> list[bytes]:
    return [path.read_bytes() for path in folder.glob(pattern) if path.is_file()]


async def test_from_the_command_to_the_phone_and_to_oblivion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connect, "FORM_POLL", timedelta(seconds=0.5))
    (tmp_path / "server").mkdir()
    ledger = await Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}")
    profiles, secrets = Profiles(tmp_path / "profiles"), tmp_path / "secrets"
    vault = Vault(secrets, records=ledger.records, accounts=ledger.identities.everyone, allow_private=True)
    async with (
        running_server(tmp_path / "server") as (server, phone),
        Plugins(installed=(), records=ledger.records, timers=ledger.timers, vault=vault) as plugins,
    ):
        await plugins.add(CalendarPlugin())
        pages = PluginPages(
            plugins=plugins, ledger=ledger, profiles=profiles, time_zone="Europe/Berlin", secrets=secrets, vault=vault
        )
        application = web.Application()
        add_pages(application, lambda name, request: pages.answer(name, request))
        site = TestServer(application)
        await site.start_server()
        access = WebAccess(allow_private=True, public_url=str(site.make_url("")).rstrip("/"))
        vault.public_url = access.public_url
        services = Services(
            settings=AgentSettings(web=access, time_zone="Europe/Berlin"),
            ledger=ledger,
            profiles=profiles,
            plugins=plugins,
            secrets=secrets,
        )
        date = (datetime.now(UTC) + timedelta(days=9)).strftime("%Y-%m-%d")
        llm = ScriptedLLM(ToolCall("create_event", {"title": "gym", "date": date, "time": "6pm"}), "Added gym.")
        platform = MemoryAdapter("telegram")
        async with running(Host(Agent(llm=llm, services=services), ledger, [platform])):
            await platform.deliver(Command(event_id="e0", conversation=ROOM, sender=Sender("u1"), name="caldav"))
            (offered,) = await platform.sent(1)
            address = offered.reply.text.splitlines()[1]
            async with aiohttp.ClientSession() as browser:
                given = {"address": server.url, "user": USER, "secret": PASSWORD}
                assert (await browser.post(address, data=given)).status == 200
                assert (await browser.get(address)).status == 404
            said = (await platform.sent(2))[1].reply.text
            assert said == "Connected: I keep “ana/work” on 127.0.0.1 in step with your calendar here."
            await platform.say("gym")
            await platform.sent(3)
            began = time.monotonic()
            while not await phone.objects():
                assert time.monotonic() - began < 60
                await asyncio.sleep(0.1)
            (text,) = (await phone.objects()).values()
            assert "SUMMARY:gym" in text
        await site.close()
    subject = DataSubject.of([ANA])
    store = SecretStore(tmp_path)
    assert await store.export(subject) == {"secrets": [{"name": "calendar.caldav", "value": "(not shown)"}]}
    exported = str(await ledger.export(ANA))
    assert "dav:" in exported
    assert PASSWORD not in exported
    await ledger.wipe()
    assert not any(PASSWORD.encode() in content for content in contents(tmp_path, "ledger.db*"))
    await ledger.forget(ANA)
    assert await store.erase(subject) == 1
    assert await ledger.records("calendar", ANA).items() == []
    await ledger.close()
    assert contents(secrets, "*/*") == []


@pytest.mark.usefixtures("warm_programs")
async def test_a_process_that_is_killed_in_mid_sync_doubles_nothing(tmp_path: Path) -> None:
    (tmp_path / "server").mkdir()
    asked = Command(event_id="e0", conversation=ROOM, sender=Sender("u1"), name="caldav")
    async with running_server(tmp_path / "server") as (server, phone):
        ledger = await Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}")
        records = ledger.records("calendar", ANA)
        account = DavAccount(state="on", since="", server=server.url, user=USER, calendar=phone.calendar, name="work")
        await records.put("caldav", msgspec.to_builtins(account))
        for number in range(3):
            event = CalendarEvent(event_id=f"{number:016}", title=f"walk{number}", start=datetime(2099, 12, 3, 9))
            await records.put(f"event:{event.event_id}", msgspec.to_builtins(event))
        await ledger.timers("calendar", asked).set("caldav", datetime.now(UTC))
        await ledger.close()
        stored = StoredCredential(secret=PASSWORD, user=USER, address=server.url, given=datetime.now(UTC))
        await Vault(tmp_path / "secrets").put("calendar", "caldav", ANA, stored)
        assert await run_child(tmp_path, "written") == -signal.SIGKILL
        assert len(await phone.objects()) == 1
        assert await run_child(tmp_path) == 0
        objects = await phone.objects()
        assert sorted(text.split("SUMMARY:")[1].split()[0] for text in objects.values()) == ["walk0", "walk1", "walk2"]


async def run_child(folder: Path, *arguments: str) -> int | None:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.unit.plugins.caldav_child", str(folder), *arguments
    )
    return await child.wait()
