"""Engines on a server, over HTTP. What breaks without this: a wrong key or a slow server looks like a deaf bot."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from llmagent_os.errors import RecordingError, VoiceBusyError, VoiceError
from llmagent_os.voice import server_speech
from llmagent_os.voice.engine_order import OGG_MAGIC
from llmagent_os.voice.engines import Recording
from llmagent_os.voice.sound_files import as_ogg_opus
from llmagent_os.voice.voice_config import VoiceConfig
from llmagent_os.voice.voice_service import Voice, VoiceMachine, make_voice
from tests.unit.voice.recordings import as_wav, tone, written

CONFIG = VoiceConfig(transcriber="openai:whisper-1", speaker="openai:tts-1", voice="nova", server_seconds=5)


class SpeechServer:
    """``/audio/transcriptions`` and ``/audio/speech`` as OpenAI's documentation describes them."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.words = " Book a table for two. "
        self.sound = as_ogg_opus(tone(0.5))
        self.status = 200
        self.came = asyncio.Event()
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def transcriptions(self, request: web.Request) -> web.Response:
        form = await request.post()
        file = form["file"]
        assert isinstance(file, web.FileField)
        fields = {key: value for key, value in form.items() if isinstance(value, str)}
        self.asked.append({**fields, "name": file.filename, "type": file.content_type, "bytes": file.file.read()})
        self.came.set()
        await self.go_on.wait()
        return web.json_response({"text": self.words}, status=self.status)

    async def speech(self, request: web.Request) -> web.Response:
        self.asked.append({**await request.json(), "key": request.headers["Authorization"]})
        if self.status != 200:
            return web.json_response({"error": {"message": "no such key"}}, status=self.status)
        return web.Response(body=self.sound, content_type="audio/ogg")


@pytest.fixture
async def server() -> SpeechServer:
    return SpeechServer()


@pytest.fixture
async def voice(server: SpeechServer) -> AsyncIterator[Voice]:
    application = web.Application()
    application.router.add_post("/v1/audio/transcriptions", server.transcriptions)
    application.router.add_post("/v1/audio/speech", server.speech)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    voice = make_voice(CONFIG, VoiceMachine(base_url=url, api_key="key-1"))
    yield voice
    await voice.aclose()
    await runner.cleanup()


async def test_a_recording_is_sent_as_it_came_and_its_words_come_back(
    voice: Voice, server: SpeechServer, tmp_path: Path
) -> None:
    data = as_ogg_opus(tone(1))
    path = written(tmp_path, data, "Ana's secret plan.ogg")
    assert await voice.transcribe(Recording(path, "audio/ogg")) == "Book a table for two."
    (asked,) = server.asked
    assert asked == {
        "model": "whisper-1",
        "language": "en",
        "name": "recording.ogg",
        "type": "audio/ogg",
        "bytes": data,
    }
    server.words = " "
    with pytest.raises(RecordingError, match="could not understand"):
        await voice.transcribe(Recording(path, "audio/ogg"))


async def test_silence_and_damaged_files_stay_here(voice: Voice, server: SpeechServer, tmp_path: Path) -> None:
    for data, why in ((as_ogg_opus(tone(1, level=0.0)), "could not hear"), (b"rubbish", "damaged")):
        with pytest.raises(RecordingError, match=why):
            await voice.transcribe(Recording(written(tmp_path, data), "audio/ogg"))
    assert server.asked == []


async def test_a_reply_is_spoken_as_opus_whatever_the_server_sends(voice: Voice, server: SpeechServer) -> None:
    assert await voice.speak("Hello **Ana**") == server.sound
    (asked,) = server.asked
    wanted = {"model": "tts-1", "voice": "nova", "input": "Hello Ana.", "response_format": "opus"}
    assert asked == {**wanted, "key": "Bearer key-1"}
    server.sound = as_wav(tone(0.5).samples)
    assert (await voice.speak("Hello")).startswith(OGG_MAGIC)
    server.sound = b"<html>not a sound</html>"
    with pytest.raises(VoiceError, match="no sound"):
        await voice.speak("Hello")


async def test_a_refusal_names_the_server_and_what_it_said(voice: Voice, server: SpeechServer) -> None:
    server.status = 401
    with pytest.raises(VoiceError, match=r"http://127\.0\.0\.1.*no such key"):
        await voice.speak("Hello")


async def test_a_server_that_hangs_is_left_and_its_queue_has_a_bound(
    voice: Voice, server: SpeechServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_speech, "MAX_WAITING", 1)
    server.go_on.clear()
    recording = Recording(written(tmp_path, as_ogg_opus(tone(1))), "audio/ogg")
    first = asyncio.ensure_future(voice.transcribe(recording))
    await server.came.wait()
    with pytest.raises(VoiceBusyError):
        await voice.transcribe(recording)
    server.go_on.set()
    assert await first == "Book a table for two."


async def test_a_server_that_is_not_there_is_named(tmp_path: Path) -> None:
    voice = make_voice(CONFIG, VoiceMachine(base_url="http://127.0.0.1:9/v1"))
    with pytest.raises(VoiceError, match=r"http://127\.0\.0\.1:9/v1"):
        await voice.speak("Hello")
    await voice.aclose()
