"""The contract of the engines: what listens, and what speaks. It is all that the rest of the project knows of them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from llmagent_os.errors import RecordingError
from llmagent_os.sealing.sealed_files import read_file
from llmagent_os.voice.recording_problems import GONE

if TYPE_CHECKING:
    from llmagent_os.voice.sound import Sound


@dataclass(frozen=True)
class Recording:
    """What a person said, as a file."""

    path: Path  #: the file, as it came from the platform
    content_type: str  #: its media type, as the platform gives it

    async def content(self) -> bytes:
        """What the file holds. It is sealed on the disk where the owner wants that.

        Raises:
            RecordingError: it is gone.
        """
        try:
            return await asyncio.to_thread(read_file, self.path)
        except OSError as error:
            raise RecordingError(str(GONE)) from error


class Transcriber(Protocol):
    """Turns recordings into words."""

    async def transcribe(self, recording: Recording) -> str:
        """The words of a recording. Nothing of it blocks the event loop.

        Raises:
            RecordingError: nobody could understand the recording. The message is for the person who sent it.
            VoiceError: the engine does not work, or has too much to do.
        """
        ...

    async def aclose(self) -> None:
        """Let go of threads and connections."""
        ...


class Speaker(Protocol):
    """Turns words into sound."""

    async def speak(self, text: str) -> bytes:
        """``text``, spoken, as an Ogg file with Opus. Nothing of it blocks the event loop.

        Raises:
            VoiceError: the engine does not work, has too much to do, or cannot speak this text.
        """
        ...

    async def aclose(self) -> None:
        """Let go of threads and connections."""
        ...


class LocalTranscriber(Protocol):
    """A model that listens, in the process of an engine."""

    def transcribe(self, sound: Sound) -> str:
        """The words of a sound at 16 kHz; empty: the model does not understand it."""
        ...


class LocalSpeaker(Protocol):
    """A model that speaks, in the process of an engine."""

    def speak(self, text: str) -> Sound:
        """``text``, spoken.

        Raises:
            VoiceError: the model cannot speak this text.
        """
        ...
