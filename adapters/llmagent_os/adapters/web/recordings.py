"""Recordings that visitors make at the page, on their way to the host.

The page uploads a recording under an id of its own, and then sends the frame ``voice`` with the same id. Both may come
again after a lost connection or a restart: the file is found on the disk.
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from aiohttp import web

from llmagent_os.adapter_kit.files import Files, problem_text
from llmagent_os.adapters.web.request_body import body_chunks
from llmagent_os.events import Attachment
from llmagent_os.languages import gettext

#: The formats in which browsers record, and the ending of each.
ENDINGS = {"audio/webm": ".webm", "audio/ogg": ".ogg", "audio/mp4": ".m4a", "audio/wav": ".wav", "audio/mpeg": ".mp3"}

#: The name of the file of a recording, without its ending.
NAME = "recording"

_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")


class Recordings:
    """The recordings of all visitors, among the files that they send."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        """Args:
        folder: of the files that people send.
        max_bytes: of the longest recording that is taken.
        """
        self._files = Files(folder, max_bytes)

    async def take(self, visitor_id: str, request: web.Request) -> str:
        """Keep the body of ``request`` under its ``?id=``. Returns why it was not kept; empty: it was."""
        recording_id = request.query.get("id", "")
        if not _ID.fullmatch(recording_id):
            return gettext("The recording has no id.")
        ending = ENDINGS.get(request.content_type)
        if ending is None:
            kind = request.content_type
            return gettext("This browser records {kind}, which is not understood here.", kind=kind)
        if not self._files.fits(request.content_length or 0):
            return gettext("The recording is {problem}.", problem=problem_text(self._files.too_large))
        chunks = body_chunks(request)
        kept = await self._files.keep(visitor_id, recording_id, NAME + ending, request.content_type, chunks, voice=True)
        if not kept.problem:
            return ""
        return gettext("The recording was not taken: {problem}.", problem=problem_text(kept.problem))

    async def find(self, visitor_id: str, recording_id: str) -> Attachment | None:
        """The recording that the visitor has uploaded under an id; None: there is none."""
        for path, size in await self._files.of_message(visitor_id, recording_id):
            for content_type, ending in ENDINGS.items():
                if path.name == NAME + ending and size:
                    return Attachment(path.name, content_type, str(await asyncio.to_thread(path.absolute)), size, True)
        return None
