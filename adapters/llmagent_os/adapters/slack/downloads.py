"""Files that people send, downloaded from Slack with the bot's token, which only Slack gets to see."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp

from llmagent_os.adapter_kit.files import CHUNK_BYTES, UNKNOWN_TYPE, Files, missing, numbered_name
from llmagent_os.adapters.slack.api import Api
from llmagent_os.adapters.slack.payloads import FilePayload
from llmagent_os.errors import AdapterError
from llmagent_os.events import Attachment

DOWNLOAD_SECONDS = 60.0  #: for one file


class Downloads:
    """Downloads the files of messages."""

    def __init__(self, api: Api, token: str, files: Files) -> None:
        """Args:
        api: knows which addresses are Slack's.
        token: of the bot.
        files: keeps what was downloaded.
        """
        self._api = api
        self._token = token
        self._files = files

    async def fetch(self, user_id: str, event_id: str, file: FilePayload, number: int = 0) -> Attachment:
        """Download one file of a message. Never raises: an attachment without a file says why.

        Args:
            user_id: of the sender.
            event_id: of the message.
            file: what Slack says about the file.
            number: of the file in the message, from 0.
        """
        kind = file.mimetype or UNKNOWN_TYPE
        name = numbered_name(file.name or file.id, number)
        voice = file.subtype == "slack_audio" or (kind.startswith("audio/") and name.startswith("audio_message"))
        if file.subtype == "slack_audio" and not kind.startswith("audio/"):
            kind = "audio/mp4"  # Slack calls its voice clips videos
        url = file.url_private_download or file.url_private
        if file.mode in ("tombstone", "hidden_by_limit") or not url:
            return missing(name, kind, "it is no longer there", voice=voice)
        if file.size is not None and not self._files.fits(file.size):
            return missing(name, kind, self._files.too_large, size=file.size, voice=voice)
        if not self._api.is_own_address(url):
            return missing(name, kind, "it is kept outside of Slack", voice=voice)
        return await self._files.keep(user_id, event_id, name, kind, self._chunks(url, kind), voice=voice)

    async def _chunks(self, url: str, kind: str) -> AsyncIterator[bytes]:
        headers = {"Authorization": f"Bearer {self._token}"}
        timeout = aiohttp.ClientTimeout(total=DOWNLOAD_SECONDS)
        # Without the scope files:read Slack redirects to its login page. The token must not follow there.
        async with self._api.session.get(url, headers=headers, timeout=timeout, allow_redirects=False) as answer:
            if answer.status != 200 or (answer.content_type == "text/html" and kind != "text/html"):
                raise AdapterError(f"slack: a file was answered with {answer.status}; is the scope files:read there?")
            async for chunk in answer.content.iter_chunked(CHUNK_BYTES):
                yield chunk
