"""Files that people send, fetched from Discord's store of them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp

from llmagent_os.adapter_kit.files import Files, missing
from llmagent_os.adapters.discord import wire
from llmagent_os.events import Attachment

_CHUNK = 1 << 16  #: bytes
_TYPE = "application/octet-stream"


class Downloads:
    """Fetches what comes with a message, one file after the other."""

    def __init__(self, files: Files) -> None:
        """Args: ``files`` keeps them."""
        self._files = files
        self._session: aiohttp.ClientSession | None = None

    def open(self) -> None:
        """Be ready. Discord's own session would send the bot's token along."""
        # So long without a byte, and it is given up.
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=300, sock_connect=10, sock_read=30))

    async def close(self) -> None:
        """Fetch no more."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def fetch(self, said: wire.Said) -> tuple[Attachment, ...]:
        """The files of a message; one that could not be fetched says why."""
        return tuple([await self._one(said, each, bool(said.flags & wire.VOICE)) for each in said.attachments])

    async def _one(self, said: wire.Said, file: wire.File, voice: bool) -> Attachment:
        content_type = file.content_type or _TYPE
        if not self._files.fits(file.size):
            return missing(file.filename, content_type, self._files.too_large, size=file.size, voice=voice)
        # Two files of one message may have one name.
        number = said.attachments.index(file)
        name = file.filename if number == 0 else f"{number + 1}-{file.filename}"
        chunks = self._chunks(file.url)
        return await self._files.keep(said.author.id, said.id, name, content_type, chunks, voice=voice)

    async def _chunks(self, url: str) -> AsyncIterator[bytes]:
        if self._session is None:
            raise ConnectionError("not connected")
        async with self._session.get(url) as answer:
            if answer.status != 200:  # without the address, which is signed
                raise ConnectionError(f"answered with {answer.status}")
            async for chunk in answer.content.iter_chunked(_CHUNK):
                yield chunk
