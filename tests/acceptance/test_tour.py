"""The tour's steps that nothing else tests with the real process.

What breaks without this: parts that work alone, and not in the bot that people start. ``make tour`` walks the rest.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.platforms.telegram import TelegramServer
from tests.stored_bytes import found, left_over
from tests.tour.assistant_tour import CALM
from tests.tour.assistant_walk import walk_red_flag
from tests.tour.platform_person import PlatformPerson
from tests.tour.platform_walk import PlatformWalk
from tests.tour.plugin_walk import BOT, PERMISSIONS, PluginWalk
from tests.tour.shipped_bot import ShippedBot
from tests.tour.transcript import Transcript

#: Ana's words and her account, in whatever place they stood.
HERS = ("garden at noon", "John", "swimming", "telegram::1001", '"1001"', "1001:")
#: Enough for the walk, and an end that comes.
LIMITED = "[policy]\nexploration = 0.0\n[budgets]\nperson.day = { messages = 12 }"


@pytest.fixture
async def telegram(warm_programs: None) -> AsyncIterator[TelegramServer]:
    server = TelegramServer()
    await server.start()
    yield server
    await server.stop()


@pytest.mark.timeout(300)  # it starts a model
async def test_what_people_walk_through_holds_and_leaves_no_byte(telegram: TelegramServer, tmp_path: Path) -> None:
    transcript = Transcript(tmp_path / "tour")
    bot = ShippedBot(tmp_path / "bot", telegram.environment)
    walk = PlatformWalk(telegram, transcript, tmp_path)
    async with bot.running(LIMITED):
        await telegram.connected()
        await walk.teach()  # 7 messages
        await walk.refused()  # 4 messages
        mia = PlatformPerson(telegram, "Mia", telegram.newcomer(3), transcript)
        for _ in range(12):
            await mia.say("hello", r"[.!?]")
        await mia.say("hello", r"12 messages")

        assert {text for _, text in await asyncio.to_thread(found, [bot.data], HERS)} >= {"garden at noon", "John"}
        asked = await walk.ana.command("/forget", r"Are you sure")
        await walk.ana.press(asked, "Yes, forget me", r"forgotten you")
        assert await left_over(bot.data, HERS) == set()


@pytest.mark.timeout(300)  # it starts a bot with all plugins
async def test_the_assistant_warns_and_takes_a_saved_plugin(telegram: TelegramServer, tmp_path: Path) -> None:
    transcript = Transcript(tmp_path / "tour")
    bot = ShippedBot(tmp_path / "bot", telegram.environment, "assistant")
    plugins = PluginWalk(bot, transcript)
    await plugins.write()
    ana = PlatformPerson(telegram, "Ana", telegram.ana, transcript)
    async with bot.running(CALM, first=BOT, permissions=PERMISSIONS):
        await telegram.connected()
        await plugins.change(ana)
        await walk_red_flag(ana, transcript)
