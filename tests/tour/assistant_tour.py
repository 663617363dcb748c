"""The tour of the assistant and of plugins: with every platform and the browser at once."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from playwright.async_api import Browser

from tests.platforms.server import PlatformServer
from tests.tour.assistant_walk import medicine_comes, set_medicine, walk_money, walk_poll, walk_poll_form, walk_red_flag
from tests.tour.browser_person import BrowserPerson
from tests.tour.browser_walk import BrowserWalk
from tests.tour.person import Person
from tests.tour.platform_person import PATIENCE, PlatformPerson
from tests.tour.plugin_walk import BOT, PERMISSIONS, PluginWalk, build_wheel, health
from tests.tour.scripted_model import ScriptedModel
from tests.tour.server_tool_walk import CALLS, PERMISSION, SERVER, walk_server_tool
from tests.tour.shipped_bot import ShippedBot
from tests.tour.transcript import Transcript

#: Nothing is tried at random, so that the tour can be repeated.
CALM = "[policy]\nexploration = 0.0"


@dataclass(frozen=True)
class AssistantTour:
    """Walks through the assistant."""

    folder: Path  #: for the bot's files
    servers: Sequence[PlatformServer]  #: that have started
    browser: Browser | None  #: None: there is none on this machine
    transcript: Transcript  #: gets every word

    async def walk(self, places: Collection[str]) -> None:
        """The parts that are among ``places``: ``assistant``, ``server-tool`` and ``plugins``."""
        if "assistant" in places:
            await self.everyday(self.servers)
        if "server-tool" in places:
            await self.server_tool(self.servers)
        if "plugins" in places:
            await self.plugins()

    async def everyday(self, servers: Sequence[PlatformServer]) -> None:
        """Money, health and polls, in the browser and on these platforms."""
        variables = {name: value for server in servers for name, value in server.environment.items()}
        async with ShippedBot(self.folder / "assistant", variables, "assistant").running(CALM) as url:
            people = await self._people(servers, url)
            set_for = [await set_medicine(ana, self.transcript) for ana in people]
            for ana in people:
                await walk_money(ana, self.transcript)
                await walk_red_flag(ana, self.transcript)
            for server in servers:
                ana, ben = (
                    PlatformPerson(server, name, user, self.transcript)
                    for name, user in (("Ana", server.ana), ("Ben", server.ben))
                )
                await walk_poll(server, ana, ben)
            for page in people:
                if isinstance(page, BrowserPerson):
                    await walk_poll_form(page)
            for ana, at in zip(people, set_for, strict=True):
                await medicine_comes(ana, at, self.transcript)

    async def _people(self, servers: Sequence[PlatformServer], url: str) -> list[Person]:
        """Ana on each platform, and in the browser."""
        people: list[Person] = []
        for server in servers:
            async with asyncio.timeout(PATIENCE):
                await server.connected()
            people.append(PlatformPerson(server, "Ana", server.ana, self.transcript))
        if self.browser is not None:
            people.append(await BrowserWalk(self.browser, url, self.transcript, self.folder).visiting("Ana"))
        return people

    async def plugins(self) -> None:
        """Plugins that are changed and do harm while the host runs, and a wheel: on Telegram, or in the browser."""
        telegram = next(each for each in self.servers if each.name == "telegram")
        owner = PlatformPerson(telegram, "Olga", telegram.newcomer(5), self.transcript)
        more = {"LLMAGENT_OS_OWNERS": f"telegram::{owner.user}", "PYTHONPATH": str(self.folder / "site")}
        bot = ShippedBot(self.folder / "plugins", {**telegram.environment, **more}, "assistant")
        walk = PluginWalk(bot, self.transcript)
        await walk.write()
        await asyncio.to_thread(build_wheel, bot, self.folder / "site")
        async with bot.running(CALM, first=BOT, permissions=PERMISSIONS) as url:
            async with asyncio.timeout(PATIENCE):
                await telegram.connected()
            ana: Person = PlatformPerson(telegram, "Ana", telegram.ana, self.transcript)
            ben: Person = PlatformPerson(telegram, "Ben", telegram.ben, self.transcript)
            if self.browser is not None:
                ana = await BrowserWalk(self.browser, url, self.transcript, self.folder).visiting("Ana")
            await walk.change(ana)
            await walk.break_it(ana)
            await walk.crash(ana, ben, owner)
            await walk.harm(ana, ben, owner)
            self.transcript.said("healthz", "plugins", str((await asyncio.to_thread(health, url))["plugins"]))
            await walk.isolated(ana, ben)
            await walk.wheel(ana)

    async def server_tool(self, servers: Sequence[PlatformServer]) -> None:
        """A tool of an MCP server, which a model calls: in the browser and on these platforms."""
        variables = {name: value for server in servers for name, value in server.environment.items()}
        async with ScriptedModel(CALLS).serving() as model:
            bot = ShippedBot(self.folder / "server-tool", {**variables, **model}, "assistant")
            async with bot.running(CALM + SERVER, permissions=PERMISSION) as url:
                for ana in await self._people(servers, url):
                    await walk_server_tool(ana, self.transcript)
