"""Files that people send, downloaded from Telegram."""

from __future__ import annotations

import asyncio

from llmagent_os.adapter_kit.files import NOT_FOR_BOT, Files, larger_than, missing
from llmagent_os.adapters.telegram.api import Api
from llmagent_os.adapters.telegram.remote_files import RemoteFile
from llmagent_os.events import Attachment, Message

#: The largest file that Telegram gives to bots, in bytes.
MAX_FILE_BYTES = 20_000_000

MAX_TRIES = 3  #: for one file
PAUSE_SECONDS = 0.3  #: between two tries


class Downloads:
    """Downloads the files of messages."""

    def __init__(self, api: Api, files: Files) -> None:
        """Args:
        api: of Telegram.
        files: keeps what was downloaded.
        """
        self._api = api
        self._files = files

    async def fetch(self, message: Message, file: RemoteFile, *, wanted: bool) -> Attachment:
        """Download one file of ``message``. An attachment without a file says why.

        Args:
            message: that came with the file.
            file: what Telegram says about the file.
            wanted: whether the message was meant for the bot.
        """
        if not wanted:
            problem = NOT_FOR_BOT
        elif file.size > MAX_FILE_BYTES:
            problem = larger_than(MAX_FILE_BYTES)
        elif not self._files.fits(file.size):
            problem = self._files.too_large
        else:
            return await self._download(message, file)
        return missing(file.name, file.content_type, problem, size=file.size, voice=file.voice)

    async def _download(self, message: Message, file: RemoteFile) -> Attachment:
        tries = 0
        while True:
            tries += 1
            chunks = self._api.download(file.file_id)
            kept = await self._files.keep(
                message.sender.user_id, message.event_id, file.name, file.content_type, chunks, voice=file.voice
            )
            if kept.path or tries == MAX_TRIES or kept.problem == self._files.too_large:
                return kept
            await asyncio.sleep(PAUSE_SECONDS)
