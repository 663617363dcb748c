"""Files that the bot sends, uploaded to Slack."""

from __future__ import annotations

import asyncio
import mimetypes
from pathlib import Path

import aiohttp

from llmagent_os.adapter_kit.files import UNKNOWN_TYPE
from llmagent_os.adapters.slack.api import Api
from llmagent_os.errors import AdapterError, TryLaterError
from llmagent_os.events import Conversation
from llmagent_os.markup.shortening import shorten
from llmagent_os.sealing.sealed_files import read_file

ALT_CHARACTERS = 1000  #: of what a picture shows in words


async def upload(api: Api, conversation: Conversation, path: str, alt: str = "") -> str:
    """Upload the local file ``path`` into a conversation. Returns the file's id.

    Args:
        api: Slack's.
        conversation: where to.
        path: of the file.
        alt: what a picture shows, in words, for whoever does not see it; empty: the file is no picture of the bot.

    Raises:
        TryLaterError: Slack takes the file later.
        AdapterError: the file cannot be read, or Slack refuses it.
    """
    file = Path(path)
    try:
        data = await asyncio.to_thread(read_file, file)
    except OSError as error:
        raise AdapterError(f"slack: {file.name} cannot be read: {error.strerror or error}") from error
    words = shorten(alt, ALT_CHARACTERS) or None
    place = await api.call("files.getUploadURLExternal", filename=file.name, length=len(data), alt_txt=words)
    kind = mimetypes.guess_type(file.name)[0] or UNKNOWN_TYPE
    form = aiohttp.FormData()
    form.add_field("filename", data, filename=file.name, content_type=kind)
    try:
        async with api.session.post(str(place.get("upload_url", "")), data=form) as answer:
            if answer.status != 200:
                raise TryLaterError(f"slack: the upload of {file.name} was answered with {answer.status}")
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
        raise TryLaterError(f"slack: the upload of {file.name} did not get through: {error!r}") from error
    await api.call(
        "files.completeUploadExternal",
        files=[{"id": place.get("file_id"), "title": file.name}],
        channel_id=conversation.channel,
        thread_ts=conversation.thread,
    )
    return str(place.get("file_id", ""))
