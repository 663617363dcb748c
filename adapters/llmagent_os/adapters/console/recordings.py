"""Voice messages in the terminal: a line that is the path of a sound file."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from llmagent_os.adapter_kit.files import CHUNK_BYTES, Files
from llmagent_os.events import Attachment

#: The endings of sound files, and their media types.
TYPES = {
    ".aac": "audio/aac", ".amr": "audio/amr", ".flac": "audio/flac", ".m4a": "audio/mp4", ".mp3": "audio/mpeg",
    ".oga": "audio/ogg", ".ogg": "audio/ogg", ".opus": "audio/ogg", ".wav": "audio/wav", ".weba": "audio/webm",
    ".webm": "audio/webm",
}  # fmt: skip

#: Around a path that was dragged into the terminal, or copied.
QUOTES = "'\""


def sound_file_in(line: str) -> Path | None:
    """The sound file whose path is all of ``line``; None: the line is something else.

    >>> sound_file_in("what do I have tomorrow?") is None, sound_file_in("missing.wav") is None
    (True, True)
    """
    text = line.strip().strip(QUOTES).removeprefix("file://")
    if "\n" in text or not text.lower().endswith(tuple(TYPES)):
        return None
    path = Path(text).expanduser()
    try:
        return path if path.is_file() else None
    except OSError:
        return None


async def keep_copy(files: Files, person: str, event_id: str, path: Path) -> Attachment:
    """A copy of a sound file: the bot erases what it has listened to, and the original is the person's."""
    content_type = TYPES[path.suffix.lower()]
    return await files.keep(person, event_id, path.name, content_type, file_chunks(path), voice=True)


async def file_chunks(path: Path) -> AsyncIterator[bytes]:
    """The bytes of a file."""
    file = await asyncio.to_thread(path.open, "rb")
    try:
        while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
            yield chunk
    finally:
        await asyncio.to_thread(file.close)
