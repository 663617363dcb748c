"""Sound files for the tests of voice, made in place."""

from __future__ import annotations

import io
import wave
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from llmagent_os.voice.hibari_voice import HibariVoice
from llmagent_os.voice.sound import Sound
from llmagent_os.voice.sound_files import as_ogg_opus

SAID = "What do I have tomorrow afternoon?"


def tone(seconds: float, rate: int = 16_000, level: float = 0.3) -> Sound:
    """A sound in which nobody speaks."""
    time = np.arange(int(seconds * rate)) / rate
    return Sound((level * np.sin(2 * np.pi * 440 * time)).astype(np.float32), rate)


def as_wav(samples: NDArray[np.float32], rate: int = 16_000) -> bytes:
    """A WAV file with 16 bits a sample."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((samples * 32767).astype(np.int16).tobytes())
    return out.getvalue()


@cache
def spoken(text: str = SAID) -> bytes:
    """``text`` as a voice message in Ogg/Opus, spoken once in a test run."""
    return as_ogg_opus(HibariVoice().speak(text))


def written(folder: Path, data: bytes, name: str = "recording.ogg") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path
