"""``python -m tests.tour``: the whole tour, into a folder of screenshots and a transcript.

The shipped bots run as people start them, on loopback Slack, Discord and Telegram and in Chromium. Each step
says what must be seen. The first step that does not hold ends the tour with exit code 1::

    python -m tests.tour --folder data/tour
    python -m tests.tour --only telegram        # or slack, discord, browser, limits, bot-file
    python -m tests.tour --only assistant       # or server-tool, plugins: other bots, on all platforms at once
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib.util
import os
import shutil
import sys
from collections.abc import AsyncGenerator, Collection
from pathlib import Path

from playwright.async_api import Browser, async_playwright

from llmagent_os.graphics.font_package import FONT_FILE, FONT_PACKAGE
from llmagent_os.voice.hibari_voice import HibariVoice
from llmagent_os.voice.sound import Sound
from llmagent_os.voice.sound_files import as_ogg_opus
from tests.acceptance.browsing import CHROMIUM
from tests.acceptance.test_voice import QUESTION, microphone
from tests.platforms.__main__ import platforms
from tests.platforms.server import PlatformServer
from tests.tour.assistant_tour import CALM, AssistantTour
from tests.tour.bot_file_walk import walk_bot_file
from tests.tour.browser_walk import BrowserWalk
from tests.tour.platform_person import PATIENCE, PlatformPerson
from tests.tour.platform_walk import PlatformWalk
from tests.tour.shipped_bot import ShippedBot
from tests.tour.transcript import StepFailed, Transcript

PLACES = ("bot-file", "slack", "discord", "telegram", "browser", "limits", "assistant", "server-tool", "plugins")
#: A bot that gives everybody three messages an hour.
SHORT_PURSE = "[budgets]\nperson.hour = { messages = 3 }"


async def main(folder: Path, places: Collection[str]) -> int:
    """Walk through ``places``; returns the exit code."""
    await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    transcript = Transcript(folder)
    try:
        await tour(transcript, folder, places)
    except (StepFailed, AssertionError, TimeoutError) as failed:
        transcript.said("tour", "FAILED", str(failed) or type(failed).__name__)
        return 1
    transcript.said("tour", "done", f"every step holds; {transcript.pictures} screenshots are in {folder}")
    return 0


async def tour(transcript: Transcript, folder: Path, places: Collection[str]) -> None:
    """Every step, in order.

    Raises:
        StepFailed: a step does not hold.
    """
    question = await asyncio.to_thread(HibariVoice().speak, QUESTION)
    async with contextlib.AsyncExitStack() as stack:
        servers = platforms()
        for server in servers:
            await server.start()
            stack.push_async_callback(server.stop)
        variables = {name: value for server in servers for name, value in server.environment.items()}
        bot = ShippedBot(folder / "bot", variables)
        browser = await stack.enter_async_context(chromium(folder, question)) if CHROMIUM else None
        if browser is None:
            transcript.said("browser", "SKIPPED", "there is no chromium (apt-get install chromium)")
        if "bot-file" in places:
            await walk_bot_file(bot, transcript)
        if {*places} & {"slack", "discord", "telegram", "browser"}:
            async with bot.running(CALM) as url:
                for server in servers:
                    if server.name in places:
                        await walk_platform(PlatformWalk(server, transcript, folder), as_ogg_opus(question))
                if browser is not None and "browser" in places:
                    await walk_browser(BrowserWalk(browser, url, transcript, folder), bot.data)
        if "limits" in places:
            async with bot.running(SHORT_PURSE) as url:
                await walk_limits(servers, transcript)
                if browser is not None:
                    await BrowserWalk(browser, url, transcript, folder).limit()
        await AssistantTour(folder, servers, browser, transcript).walk(places)


async def walk_platform(walk: PlatformWalk, spoken: bytes) -> None:
    """Everything on one platform."""
    async with asyncio.timeout(PATIENCE):
        await walk.server.connected()
    await walk.teach()
    await walk.picture()
    await walk.voice(spoken)
    await walk.thumb()
    await walk.refused()
    await walk.languages()
    await walk.quiet()
    await walk.wrong()
    await walk.pane()


async def walk_browser(walk: BrowserWalk, data: Path) -> None:
    """Everything in the browser."""
    ana = await walk.visiting("Ana")
    await walk.teach(ana)
    await walk.week(ana)
    await walk.thumb(ana)
    await walk.speak(ana)
    await walk.wrong(ana)
    walk.transcript.holds(ana.wrong == [], f"nothing goes wrong on Ana's page {ana.wrong or ''}")
    await walk.languages()
    await walk.leave(data)


async def walk_limits(servers: Collection[PlatformServer], transcript: Transcript) -> None:
    """A newcomer on each platform, who may write three messages an hour."""
    for server in servers:
        transcript.step(server.name, "a budget that ends")
        async with asyncio.timeout(PATIENCE):
            await server.connected()
        mia = PlatformPerson(server, "Mia", server.newcomer(3), transcript)
        for _ in range(3):
            await mia.say("hello", r"[.!?]")
        await mia.say("what do I have tomorrow?", r"3 messages")
        await mia.command("/usage", r"This hour.*3 of 3 messages")


@contextlib.asynccontextmanager
async def chromium(folder: Path, spoken: Sound) -> AsyncGenerator[Browser]:
    """A browser whose microphone hears ``spoken``."""
    arguments = [
        "--no-sandbox",
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={await asyncio.to_thread(microphone, folder, spoken)}%noloop",
    ]
    fonts = await asyncio.to_thread(own_fonts, folder)
    async with async_playwright() as playwright:
        environment: dict[str, str | float | bool] = {**os.environ, "XDG_DATA_HOME": str(fonts)}
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=arguments, env=environment)
        yield browser
        await browser.close()


def own_fonts(folder: Path) -> Path:
    """A folder of data for the browser, with the font for Chinese that the extra ``graphics`` brings."""
    fonts = folder / "browser" / "fonts"
    fonts.mkdir(parents=True, exist_ok=True)
    package = importlib.util.find_spec(FONT_PACKAGE)
    for place in (package.submodule_search_locations or ()) if package else ():
        for file in Path(place).rglob(FONT_FILE):
            shutil.copy(file, fonts)
    return fonts.parent


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument(
        "--folder", type=Path, default=Path("data/tour"), help="emptied first; what is seen goes there"
    )
    options.add_argument("--only", choices=PLACES, action="append", help="walk there alone; can be given again")
    given = options.parse_args(sys.argv[1:])
    sys.exit(asyncio.run(main(given.folder.absolute(), given.only or PLACES)))
