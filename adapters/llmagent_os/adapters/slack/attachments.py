"""Files: fetched from Slack with the bot's token, which is shown to nobody else, and uploaded to it."""

from __future__ import annotations

import asyncio
import mimetypes
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import yarl

from llmagent_os.adapter_kit.files import Files, missing
from llmagent_os.adapters.slack.api import SlackApi
from llmagent_os.adapters.slack.reading import File
from llmagent_os.errors import AdapterError, TryLaterError
from llmagent_os.events import Attachment, Conversation

SECONDS = 60.0  #: for one file


class Attachments:
    """Files in both directions."""

    def __init__(self, api: SlackApi, api_url: str, token: str, files: Files) -> None:
        self._api = api
        self._host = yarl.URL(api_url).host or ""
        self._token = token
        self._files = files

    async def fetch(self, person: str, event_id: str, file: File, number: int = 0) -> Attachment:
        """The bytes of one file of a message, its ``number``-th from 0, on disk. Never raises: where there are none it
        says why.
        """
        kind = file.mimetype or "application/octet-stream"
        name = file.name or file.id
        if number:  # two of one message may have one name
            name = f"{number + 1}-{name}"
        voice = file.subtype == "slack_audio" or (kind.startswith("audio/") and name.startswith("audio_message"))
        if file.subtype == "slack_audio" and not kind.startswith("audio/"):
            kind = "audio/mp4"  # Slack calls its voice clips videos
        url = file.url_private_download or file.url_private
        if file.mode in ("tombstone", "hidden_by_limit") or not url:
            return missing(name, kind, "it is no longer there", voice=voice)
        if file.size is not None and not self._files.fits(file.size):
            return missing(name, kind, self._files.too_large, size=file.size, voice=voice)
        if not self.is_slacks(url):
            return missing(name, kind, "it is kept outside of Slack", voice=voice)
        return await self._files.keep(person, event_id, name, kind, self._chunks(url, kind), voice=voice)

    def is_slacks(self, url: str) -> bool:
        """Whether an address is Slack's own, or of the server that stands in for it."""
        try:
            address = yarl.URL(url)
        except ValueError:
            return False
        host = address.host or ""
        return (address.scheme == "https" and (host == "slack.com" or host.endswith(".slack.com"))) or (
            host == self._host and address.scheme in ("http", "https")
        )

    async def _chunks(self, url: str, kind: str) -> AsyncIterator[bytes]:
        headers = {"Authorization": f"Bearer {self._token}"}
        timeout = aiohttp.ClientTimeout(total=SECONDS)
        # Without files:read Slack sends its page for logging in, elsewhere: the token must not follow.
        async with self._api.session.get(url, headers=headers, timeout=timeout, allow_redirects=False) as answer:
            if answer.status != 200 or (answer.content_type == "text/html" and kind != "text/html"):
                raise AdapterError(f"slack: a file was answered with {answer.status}; is the scope files:read there?")
            async for chunk in answer.content.iter_chunked(65_536):
                yield chunk

    async def upload(self, where: Conversation, path: str) -> str:
        """Put a local file into a conversation; returns the file's id.

        Raises:
            TryLaterError: Slack takes it later.
            AdapterError: it cannot be read, or Slack does not take it.
        """
        file = Path(path)
        try:
            data = await asyncio.to_thread(file.read_bytes)
        except OSError as error:
            raise AdapterError(f"slack: {file.name} cannot be read: {error.strerror or error}") from error
        place = await self._api.call("files.getUploadURLExternal", filename=file.name, length=len(data))
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        form = aiohttp.FormData()
        form.add_field("filename", data, filename=file.name, content_type=kind)
        try:
            async with self._api.session.post(str(place.get("upload_url", "")), data=form) as answer:
                if answer.status != 200:
                    raise TryLaterError(f"slack: the upload of {file.name} was answered with {answer.status}")
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise TryLaterError(f"slack: the upload of {file.name} did not get through: {error!r}") from error
        await self._api.call(
            "files.completeUploadExternal",
            files=[{"id": place.get("file_id"), "title": file.name}],
            channel_id=where.channel,
            thread_ts=where.thread,
        )
        return str(place.get("file_id", ""))
