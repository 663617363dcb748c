"""A statement of a bank, all the way. What breaks without this: the file is taken in, and nothing comes of it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from llmagent_os.adapters.web import WebAdapter
from llmagent_os.agent import Agent
from llmagent_os.host.host import Host
from llmagent_os.ledger import Ledger
from llmagent_os.people.profiles import Profiles
from llmagent_os.plugins.finance import FinancePlugin
from llmagent_os.reply.agent_settings import AgentSettings
from llmagent_os.reply.services import Services
from llmagent_os.testing import ScriptedLLM, running
from llmagent_os.tools.registry import Plugins
from tests.platforms.telegram import TelegramServer

from .page import FakePage
from .test_telegram import TelegramPlatform
from .test_web import upload

STATEMENT = (
    b"Date;Payee;Amount;Currency\n2026-10-03;Lidl;-41.20;EUR\n2026-10-28;Acme GmbH;2900.00;EUR\n"
    b"2026-11-02;Lidl;-38.75;EUR\n2026-11-28;Acme GmbH;2900.00;EUR\n"
)


@pytest.fixture
async def agent(tmp_path: Path) -> AsyncIterator[Agent]:
    """An agent with a ledger and the plugin, as a bot has it."""
    async with contextlib.AsyncExitStack() as stack:
        ledger = await Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}")
        stack.push_async_callback(ledger.close)
        plugins = Plugins(installed=(), records=ledger.records, timers=ledger.timers)
        await stack.enter_async_context(plugins)
        await plugins.add(FinancePlugin())
        services = Services(
            ledger=ledger,
            profiles=Profiles(tmp_path / "profiles"),
            plugins=plugins,
            outgoing=tmp_path / "outgoing",
            settings=AgentSettings(asks_consent=False),
        )
        yield Agent(llm=ScriptedLLM(), services=services)


async def test_a_statement_with_a_command_is_imported_and_drawn_on_telegram(agent: Agent, tmp_path: Path) -> None:
    server = TelegramServer()
    await server.start()
    platform = TelegramPlatform(server, tmp_path / "telegram")
    platform.commands["finance"] = "your statements"
    assert agent.ledger is not None
    async with running(Host(agent, agent.ledger, [platform.make()])):
        await server.say("/finance import", files={"october.txt": STATEMENT})
        asked = (await server.until(lambda seen: any("Shall I import it?" in one.text for one in seen)))[-1]
        await server.press(asked.message_id, "Import")
        await server.until(lambda seen: any("I have imported 4 transactions." in one.text for one in seen))
        await server.command("finance", "cashflow")
        shown = await server.until(lambda seen: any("photo.jpg" in one.files for one in seen))
        assert any("2900" in "".join(one.alternatives).replace(",", "") for one in shown)
    await server.stop()


async def test_a_statement_with_a_command_is_imported_and_drawn_on_the_page(agent: Agent, tmp_path: Path) -> None:
    adapter = WebAdapter(port=0, data=tmp_path / "web")
    assert agent.ledger is not None
    async with running(Host(agent, agent.ledger, [adapter])):
        page = FakePage(await adapter.started())
        await page.open()
        _, file = await upload(page, "october.csv", STATEMENT)
        said = {"type": "message", "id": "event-001", "text": "/finance import", "files": [file["id"]]}
        assert (await page.act(said))["type"] == "ack"
        await page.until(lambda: any("Shall I import it?" in item["text"] for item in page.listed("bot")))
        asked = page.listed("bot")[-1]
        value = next(button["value"] for button in asked["buttons"] if button["label"] == "Import")
        await page.act({"type": "press", "id": "event-002", "message_id": asked["message_id"], "value": value})
        await page.until(lambda: any("I have imported 4 transactions." in item["text"] for item in page.listed("bot")))
        await page.act({"type": "message", "id": "event-003", "text": "/finance cashflow", "files": []})
        await page.until(lambda: any(item.get("files") for item in page.listed("bot")))
        (picture,) = page.listed("bot")[-1]["files"]
        async with page.http.get(page.url.rstrip("/") + picture["url"]) as answer:
            assert (answer.status, (await answer.read())[:4]) == (200, b"\x89PNG")
        await page.quit()
