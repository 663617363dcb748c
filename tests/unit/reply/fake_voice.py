"""Engines that do what a test asks for, behind the real contract."""

from __future__ import annotations

from llmagent_os.errors import VoiceError
from llmagent_os.voice.engines import Recording
from llmagent_os.voice.voice_service import Voice


class FakeEngine:
    """Listens and speaks. A recording's words are the bytes of its file."""

    def __init__(self) -> None:
        self.error: VoiceError | None = None
        self.spoken: list[str] = []
        self.closed = 0

    async def transcribe(self, recording: Recording) -> str:
        if self.error is not None:
            raise self.error
        return (await recording.content()).decode()

    async def speak(self, text: str) -> bytes:
        if self.error is not None:
            raise self.error
        self.spoken.append(text)
        return b"OggS" + text.encode()

    async def aclose(self) -> None:
        self.closed += 1


def fake_voice(engine: FakeEngine, *, keeps_recordings: bool = False) -> Voice:
    return Voice(engine, engine, keeps_recordings=keeps_recordings)
