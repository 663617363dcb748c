"""What the host and the process of an engine say to each other."""

from __future__ import annotations

from typing import Literal

import msgspec

from llmagent_os.languages import ENGLISH

#: The most bytes of a frame: half an hour of Opus has 8 MB.
MAX_FRAME_BYTES = 1 << 26
LENGTH_BYTES = 8  #: of the number before each frame

OGG_MAGIC = b"OggS"  #: what an Ogg file begins with (RFC 3533)
OGG_ENDING = ".ogg"  #: of the name of a file with a spoken reply


class EngineOrder(msgspec.Struct, frozen=True, kw_only=True):
    """Which engine a process runs, and how."""

    #: ``check`` only finds out whether a recording can be played, is too long, or silent
    engine: Literal["whisper", "transformers", "hibari", "check"]
    model: str = ""  #: a folder, or a name; empty: the engine's usual one
    language: str = ""  #: that is spoken, as ISO 639-1; empty: the engine finds out
    voice: str = ""  #: the name of a voice; empty: the engine's usual one
    threads: int = 1  #: of the processor
    device: str = "cpu"  #: ``cpu`` or ``cuda``
    max_seconds: float = 120.0  #: the longest recording that is listened to


class EngineRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """One piece of work: a recording to listen to, or a text to speak."""

    recording: bytes = b""  #: the file, opened: on the disk it may be sealed
    text: str = ""
    language: str = ENGLISH  #: of what the sender of a recording reads that nobody could understand


class EngineAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What came of it."""

    words: str = ""  #: of the recording
    sound: bytes = b""  #: the text, spoken, as Ogg/Opus
    #: ``recording``: nobody could understand it, and :attr:`message` is for its sender; ``engine``: it does not work
    problem: Literal["", "recording", "engine"] = ""
    message: str = ""
