"""A bot's voice as it is configured. What breaks without this: no voice, and nobody knows why."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from pydantic import ValidationError

from llmagent_os.errors import ConfigError, RecordingError, VoiceError
from llmagent_os.voice import voice_packages
from llmagent_os.voice.engines import Recording
from llmagent_os.voice.voice_config import VoiceConfig
from llmagent_os.voice.voice_service import VoiceMachine, make_voice
from tests.unit.voice.recordings import written


async def test_by_default_it_hears_what_it_says_and_the_event_loop_goes_on(tmp_path: Path) -> None:
    voice = make_voice(VoiceConfig())
    latest, longest = time.perf_counter(), 0.0

    async def beat() -> None:
        nonlocal latest, longest
        while True:
            await asyncio.sleep(0.005)
            longest = max(longest, time.perf_counter() - latest)
            latest = time.perf_counter()

    beating = asyncio.ensure_future(beat())
    try:
        sound = await voice.speak("**Lunch** with John tomorrow at noon. 🎉")
        words = await voice.transcribe(Recording(written(tmp_path, sound), "audio/ogg"))
        with pytest.raises(RecordingError, match="no sound"):
            await voice.transcribe(Recording(written(tmp_path, b"rubbish"), "audio/ogg"))
        with pytest.raises(VoiceError, match="nothing to say"):
            await voice.speak("🎉")
        with pytest.raises(VoiceError, match="English only"):
            await voice.speak("明天中午和安娜吃午饭")
    finally:
        beating.cancel()
        await voice.aclose()
    assert "lunch with john tomorrow at noon" in words.lower()
    assert longest < 0.5, "in the loop itself, loading the models alone would take longer"


def test_switched_off_there_is_no_engine() -> None:
    voice = make_voice(VoiceConfig(transcriber="off", speaker="off"))
    assert (voice.can_listen, voice.can_speak) == (False, False)


def test_without_the_extra_nothing_is_there_and_what_was_asked_for_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voice_packages, "find_spec", lambda name: None)  # pyright: ignore[reportUnknownLambdaType,reportUnknownArgumentType]
    voice = make_voice(VoiceConfig())
    assert (voice.can_listen, voice.can_speak) == (False, False)
    for config in (VoiceConfig(transcriber="local"), VoiceConfig(speaker="local")):
        with pytest.raises(ConfigError, match=r'pip install "llmagent-os\[voice\]"'):
            make_voice(config)


def test_another_language_than_english_needs_another_engine() -> None:
    voice = make_voice(VoiceConfig(language="de"))
    assert (voice.can_listen, voice.can_speak) == (False, False)
    for config in (VoiceConfig(transcriber="local", language="de"), VoiceConfig(speaker="local", language="de")):
        with pytest.raises(ConfigError, match="English only"):
            make_voice(config)


@pytest.mark.parametrize("name", ["", "openai:", "google", "openai", "local:"])
def test_a_wrong_engine_is_explained(name: str) -> None:
    with pytest.raises(ValidationError, match="openai:MODEL"):
        VoiceConfig(transcriber=name)
    with pytest.raises(ValidationError, match="openai:MODEL"):
        VoiceConfig(speaker=name)


def test_a_folder_without_a_model_and_a_server_without_an_address_are_errors_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"model\.bin"):
        make_voice(VoiceConfig(transcriber=f"local:{tmp_path}"))
    with pytest.raises(ConfigError, match="LLMAGENT_OS_VOICE_BASE_URL"):
        make_voice(VoiceConfig(speaker="openai:tts-1"))
    assert make_voice(VoiceConfig(speaker="openai:tts-1"), VoiceMachine(api_key="k")).can_speak
