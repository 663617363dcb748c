"""Files that people send, downloaded from Discord."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import aiohttp

from llmagent_os.adapter_kit.files import CHUNK_BYTES, NOT_FOR_BOT, UNKNOWN_TYPE, Files, missing, numbered_name
from llmagent_os.adapters.discord.payloads import VOICE, FilePayload, MessagePayload
from llmagent_os.events import Attachment

#: Limits of one download, in seconds: in all, for the connection, and without a single byte.
_TIMEOUT = aiohttp.ClientTimeout(total=300, sock_connect=10, sock_read=30)


class Downloads:
    """Downloads the files of messages."""

    def __init__(self, files: Files) -> None:
        """Args: ``files`` keeps what was downloaded."""
        self._files = files
        self._session: aiohttp.ClientSession | None = None

    def open(self) -> None:
        """Make an HTTP session for downloads. Discord's own session would send the bot's token along."""
        self._session = aiohttp.ClientSession(timeout=_TIMEOUT)

    async def close(self) -> None:
        """End the HTTP session."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def fetch(self, message: MessagePayload) -> tuple[Attachment, ...]:
        """Download the files of ``message``, one after the other. An attachment without a file says why."""
        voice = bool(message.flags & VOICE)
        return await self.fetch_files(message.files, user_id=message.author.id, event_id=message.id, voice=voice)

    async def fetch_files(
        self, files: Sequence[FilePayload], *, user_id: str, event_id: str, voice: bool = False
    ) -> tuple[Attachment, ...]:
        """Download files that a person sent, one after the other. An attachment without a file says why.

        Args:
            files: which.
            user_id: of the person.
            event_id: of the message or the command that they came with.
            voice: whether they are voice messages.
        """
        return tuple(
            [await self._fetch(file, number, user_id, event_id, voice=voice) for number, file in enumerate(files)]
        )

    async def _fetch(self, file: FilePayload, number: int, user_id: str, event_id: str, *, voice: bool) -> Attachment:
        content_type = file.content_type or UNKNOWN_TYPE
        if not self._files.fits(file.size):
            return missing(file.filename, content_type, self._files.too_large, size=file.size, voice=voice)
        name = numbered_name(file.filename, number)
        chunks = self._chunks(file.url)
        return await self._files.keep(user_id, event_id, name, content_type, chunks, voice=voice)

    async def _chunks(self, url: str) -> AsyncIterator[bytes]:
        if self._session is None:
            raise ConnectionError("not connected")
        async with self._session.get(url) as answer:
            if answer.status != 200:  # the address is not part of the error: it is signed
                raise ConnectionError(f"answered with {answer.status}")
            async for chunk in answer.content.iter_chunked(CHUNK_BYTES):
                yield chunk


def not_fetched(message: MessagePayload) -> tuple[Attachment, ...]:
    """The attachments of a message whose files are not downloaded, because it was not meant for the bot."""
    return tuple(_not_fetched(file) for file in message.files)


def _not_fetched(file: FilePayload) -> Attachment:
    return missing(file.filename, file.content_type or UNKNOWN_TYPE, NOT_FOR_BOT, size=file.size)
