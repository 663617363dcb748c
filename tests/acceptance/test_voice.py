"""Speaking to the calendar bot and hearing it, on Slack, Discord, Telegram and in the browser, with the real engines.

What breaks without this: a voice message that works in parts and not from the microphone to the loudspeaker.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import re
import wave
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import pytest_asyncio
from playwright.async_api import async_playwright, expect

from llmagent_os.voice.hibari_voice import HibariVoice
from llmagent_os.voice.sound import Sound
from llmagent_os.voice.sound_files import as_ogg_opus, read_sound
from tests.acceptance.browsing import CHROMIUM, desk, needs_chromium, replies, visit
from tests.acceptance.test_platforms import Bot
from tests.platforms.__main__ import platforms
from tests.platforms.server import PlatformServer, Shown

QUESTION = "What do I have tomorrow?"


@pytest.fixture(scope="module")
def question() -> Sound:
    return HibariVoice().speak(QUESTION)


class Spoken(NamedTuple):
    """A bot that is spoken to, and the platforms that it is on beside the web."""

    data: Path
    bot: Bot
    servers: tuple[PlatformServer, ...]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def spoken(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Spoken]:
    """One bot for all: it costs ten seconds to start a model and two engines."""
    servers = platforms()
    data = tmp_path_factory.mktemp("voice") / "data"
    async with contextlib.AsyncExitStack() as stack:
        for server in servers:
            await server.start()
            stack.push_async_callback(server.stop)
        bot = Bot(data, {key: value for server in servers for key, value in server.environment.items()})
        await bot.start()
        yield Spoken(data, bot, servers)
        await bot.stop()


def kept_recordings(data: Path) -> list[str]:
    return [str(path.relative_to(data)) for path in data.glob("*/files/**/*") if path.is_file()]


async def shows(server: PlatformServer, ready: Callable[[list[Shown]], bool]) -> None:
    """Wait until Ana sees it: a busy machine takes long to load three models."""
    await server.wait(lambda: ready([one for one in server.shown() if not one.draft]), 90.0)


def has_sound(one: Shown) -> bool:
    return one.voice or any(name.endswith(".ogg") for name in one.files)


@pytest.mark.asyncio(loop_scope="module")
async def test_spoken_to_on_every_platform_it_answers_in_words_and_aloud(spoken: Spoken, question: Sound) -> None:
    data, bot, servers = spoken
    voice_message = as_ogg_opus(question)

    async def talk(server: PlatformServer) -> None:
        async with asyncio.timeout(90):
            await server.connected()
        await server.say("", files={"voice.ogg": voice_message}, voice=True)
        await shows(server, lambda seen: any(f"You said: {QUESTION}" in one.text for one in seen))
        assert not any(map(has_sound, server.shown())), "nobody asked to hear it"
        await server.command("voice", "on")
        await shows(server, lambda seen: any("from now on" in one.text for one in seen))
        await server.say("hello")
        await shows(server, lambda seen: any(map(has_sound, seen)))
        await server.say("", files={"voice.ogg": b"no sound at all"}, voice=True)
        await shows(server, lambda seen: any("it is no sound" in one.text for one in seen))

    try:
        await asyncio.gather(*map(talk, servers))
        assert kept_recordings(data) == []
        sounds = [read_sound(path, 60) for path in (data / "outgoing").rglob("*.ogg")]
        assert len(sounds) >= len(servers)
        assert [
            (sound.seconds, sound.is_silent) for sound in sounds if not 0.3 < sound.seconds < 60 or sound.is_silent
        ] == []
    finally:
        print(bot.log.read_text())  # shown where the test fails


def microphone(folder: Path, sound: Sound) -> Path:
    """What Chromium takes for the microphone: half a second of silence, the sound, and silence."""
    rate = 48_000
    count = int(len(sound.samples) * rate / sound.rate)
    at = np.linspace(0, len(sound.samples) - 1, count)
    speech = np.interp(at, np.arange(len(sound.samples)), sound.samples)
    samples = np.concatenate([np.zeros(rate // 2), speech, np.zeros(rate * 60)])
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((samples * 32767).astype(np.int16).tobytes())
    path = folder / "microphone.wav"
    path.write_bytes(out.getvalue())
    return path


async def address(bot: Bot) -> str:
    async with asyncio.timeout(90):
        while True:
            if found := re.search(r"http://127\.0\.0\.1:\d+/", await asyncio.to_thread(bot.log.read_text)):
                return found[0]
            await asyncio.sleep(0.1)


@needs_chromium
@pytest.mark.asyncio(loop_scope="module")
async def test_spoken_to_in_the_browser_it_shows_what_it_understood_and_plays_the_answer(
    tmp_path: Path, spoken: Spoken, question: Sound
) -> None:
    data, bot, _ = spoken
    arguments = [
        "--no-sandbox",
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={await asyncio.to_thread(microphone, tmp_path, question)}%noloop",
    ]
    try:
        url = await address(bot)
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
            page, wrong = await visit(await desk(browser), url)
            button = page.get_by_role("button", name="Record a voice message")
            await expect(button).to_be_visible()

            # push to talk: held down while speaking
            await button.hover()
            await page.mouse.down()
            await expect(page.get_by_text("Recording 0:03", exact=False)).to_be_visible()
            await page.mouse.up()
            await expect(page.locator("#log .message.person")).to_contain_text("Voice message (0:0")
            await expect(replies(page)).to_contain_text(re.compile("You said: .*tomorrow"))
            await expect(page.locator("audio")).to_have_count(0)

            # a press begins, the next one ends; the microphone is silent by now
            await page.get_by_label("Message", exact=True).fill("/voice on")
            await page.keyboard.press("Enter")
            await expect(replies(page).last).to_contain_text("from now on")
            await page.get_by_label("Message", exact=True).fill("hello")
            await page.keyboard.press("Enter")
            player = replies(page).last.locator("audio")
            await expect(player).to_be_visible()
            seconds = "async node => { node.muted = true; await node.play(); return node.duration }"
            assert 0.3 < await player.evaluate(seconds) < 60, "the browser cannot play it"

            # Escape discards what was said
            count = await page.locator("#log .message.person").count()
            await button.press("Enter")
            await expect(page.get_by_text("Recording 0:01", exact=False)).to_be_visible()
            await page.keyboard.press("Escape")
            await expect(page.get_by_text("Recording", exact=False)).to_have_count(0)
            assert await page.locator("#log .message.person").count() == count
            assert wrong == []
            await page.screenshot(path=tmp_path / "voice.png")
            await browser.close()
        assert kept_recordings(data) == []
    finally:
        print(bot.log.read_text())
