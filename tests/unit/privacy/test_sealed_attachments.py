"""What people send, on an encrypted disk. What breaks without this: the bot cannot read it, or a thief can.

A document is learned, a recording understood, an upload fetched again, and an answer spoken.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmagent_os.config import Settings
from llmagent_os.voice.voice_config import VoiceConfig
from llmagent_os.voice.voice_service import Voice, VoiceMachine
from tests.stored_bytes import found
from tests.unit.privacy.test_encryption import master, settings
from tests.unit.privacy.test_every_byte import temporary
from tests.unit.privacy.test_known_stores import World, server, world
from tests.unit.reply.fake_voice import FakeEngine, fake_voice

__all__ = ["master", "server", "settings", "temporary", "world"]

HANDBOOK = b"# Airfield\n\nThe zeppelin lands behind the heffalump."
#: Words of the document, of the recording, of the answers, and what a spoken answer begins with.
SAID = ("zeppelin", "Airfield", "heffalump", "gugelhupf", "You said", "OggS")


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    engine = FakeEngine()

    def made(_config: VoiceConfig, _machine: VoiceMachine) -> Voice:
        return fake_voice(engine, keeps_recordings=True)

    monkeypatch.setattr("llmagent_os.runtime.make_voice", made)
    return engine


async def send(world: World, address: str, body: bytes, **headers: str) -> dict[str, Any]:
    url = f"{world.page.url}{address}&person=ana-ypsilon"
    async with world.page.http.post(url, data=body, headers={"Origin": world.page.origin} | headers) as answer:
        assert answer.status == 200, await answer.text()
        found: dict[str, Any] = await answer.json()
        return found


async def fetched(world: World, file: dict[str, Any]) -> bytes:
    async with world.page.http.get(world.page.url.rstrip("/") + file["url"]) as got:
        assert got.status == 200
        return await got.read()


async def test_what_is_sent_is_read_by_the_bot_and_by_nobody_else(
    world: World, settings: Settings, temporary: Path, engine: FakeEngine
) -> None:
    page = world.page

    async def answered(kind: str, **fields: Any) -> dict[str, Any]:
        before = len(page.listed("bot"))
        await world.act(kind, **fields)
        await page.until(lambda: len(page.listed("bot")) > before)
        return page.listed("bot")[-1]

    upload = await send(world, "uploads?name=a.md", HANDBOOK)
    learned = await answered("message", text="learn this", files=[upload["id"]])
    assert learned["text"].startswith("Learned “Airfield” (1 passage)")
    (file,) = page.listed("person")[-1]["files"]
    assert await fetched(world, file) == HANDBOOK
    answer = await answered("message", text="/knowledge show 1")
    assert "behind the heffalump" in answer["text"]

    await send(world, "recordings?id=voice-0001", b"tell me of the gugelhupf", **{"Content-Type": "audio/webm"})
    world.count += 1
    before = len(page.listed("bot"))
    await page.act({"type": "voice", "id": "voice-0001", "seconds": 2.0})
    await page.until(lambda: len(page.listed("bot")) > before)
    assert page.listed("bot")[-1]["text"].startswith("> You said: tell me of the gugelhupf")

    await world.say("/voice on")
    spoken = await world.say("where does the zeppelin land?")
    assert engine.spoken and await fetched(world, spoken["files"][-1]) == b"OggS" + engine.spoken[-1].encode()

    kept = {path.name for path in settings.data.rglob("*") if path.is_file()}
    assert {"a.md", "recording.webm"} <= kept and any(name.endswith(".ogg") for name in kept)
    assert found((settings.data, temporary), SAID) == set()
