"""The engines of the extra ``voice``, as they are. What breaks without this: the bot hears what nobody said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from llmagent_os.errors import ConfigError, VoiceError
from llmagent_os.voice.hibari_voice import HibariVoice
from llmagent_os.voice.sound import Sound
from llmagent_os.voice.sound_files import read_sound
from llmagent_os.voice.whisper_ctranslate2 import CTranslate2Whisper
from tests.unit.voice.recordings import SAID, spoken, tone, written


@pytest.fixture(scope="module")
def whisper() -> CTranslate2Whisper:
    return CTranslate2Whisper(threads=1)


def test_what_is_spoken_is_understood(whisper: CTranslate2Whisper, tmp_path: Path) -> None:
    assert whisper.transcribe(read_sound(written(tmp_path, spoken()), 30)) == SAID


def test_nothing_is_invented_where_nobody_speaks(whisper: CTranslate2Whisper, tmp_path: Path) -> None:
    noise = np.random.default_rng(1).normal(0, 0.1, 3 * 16_000).astype(np.float32)
    backwards = np.ascontiguousarray(read_sound(written(tmp_path, spoken()), 30).samples[::-1])
    for samples in (noise, tone(3).samples, backwards):
        assert whisper.transcribe(Sound(samples, 16_000)) == ""


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(VoiceError, match="cannot be loaded"):
        CTranslate2Whisper(str(tmp_path))


def test_the_same_text_sounds_the_same() -> None:
    voice = HibariVoice()
    first, second = voice.speak("Good morning."), voice.speak("Good morning.")
    assert np.array_equal(first.samples, second.samples)
    assert 0.5 < first.seconds < 3
    with pytest.raises(VoiceError, match="English only"):
        voice.speak("明天中午和安娜吃午饭")
    with pytest.raises(ConfigError, match="heart"):
        HibariVoice("nobody")
