"""Files that visitors attach. The page sends each by itself, and then the message that names them."""

from __future__ import annotations

import asyncio
import contextlib
import mimetypes
import secrets
import time
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from llmagent_os.adapter_kit.files import FOLDER, UNKNOWN_TYPE, Files, discard, problem_text
from llmagent_os.adapters.web.access import Visitor
from llmagent_os.adapters.web.request_body import body_chunks
from llmagent_os.events import Attachment
from llmagent_os.identity import file_name_of
from llmagent_os.sealing.sealed_files import content_size

#: Begins the id of every upload, and so the name of its folder: recordings lie beside them.
PREFIX = "up-"

#: How many bytes of an id nobody can guess.
ID_BYTES = 24

#: How long a file is kept that no message names.
UNNAMED_SECONDS = 3600.0

#: How many files of the largest size may wait for a message: those of one visitor, and those of all.
WAITING_OF_VISITOR, WAITING_OF_ALL = 20, 200

TOO_MANY = "too many files wait to be sent"
EMPTY = "it is empty"
UNNAMED = "it has no name"


@dataclass
class _Waiting:
    """A file that no message has named yet."""

    folder: str  #: of the visitor's files
    size: int  #: in bytes; while it arrives, as many as may come
    since: float
    file: Attachment | None = None  #: None: it is arriving


class Uploads:
    """The files that visitors have attached, on disk."""

    def __init__(self, data: Path, max_bytes: int, named: Callable[[], Awaitable[Collection[str]]]) -> None:
        """Args:
        data: the adapter's data folder.
        max_bytes: larger files are refused.
        named: gives the absolute paths of all files that messages name.
        """
        self._named = named
        self._waiting: dict[str, _Waiting] | None = None  # by upload; None: the disk was not looked at yet
        self._starting = asyncio.Lock()
        self.max_bytes = max_bytes  #: of one file
        self._folder = data / FOLDER
        self._files = Files(self._folder, max_bytes)

    async def receive(self, visitor: Visitor, request: web.Request) -> web.Response:
        """Keep the file in the body of ``request``, which ``?name=`` names.

        Returns:
            ``{"id": …}`` for :class:`~llmagent_os.adapters.web.frames.Say`; or a status of 400 or 413 with
            ``{"problem": …}``, the end of a sentence about the file.
        """
        name = request.query.get("name", "").strip()
        if not name:
            return _refused(UNNAMED)
        if not self._files.fits(request.content_length or 0):
            return _refused(self._files.too_large, status=413)
        all_waiting = await self._all_waiting()
        await _erase_unnamed(all_waiting)
        size = self.max_bytes if request.content_length is None else request.content_length
        folder = file_name_of(visitor.id)
        if not self._has_room(all_waiting, folder, size):
            return _refused(TOO_MANY, status=413)
        upload_id = PREFIX + secrets.token_urlsafe(ID_BYTES)
        waiting = all_waiting[upload_id] = _Waiting(folder, size, time.time())
        try:
            kept = await self._files.keep(visitor.id, upload_id, name, _type_of(name), body_chunks(request))
            if kept.path:
                waiting.file, waiting.size = kept, kept.size
        finally:
            if waiting.file is None:
                del all_waiting[upload_id]
        if kept.problem:
            return _refused(kept.problem, status=413 if kept.problem == self._files.too_large else 400)
        if not kept.size:
            return _refused(EMPTY)
        return web.json_response({"id": upload_id})

    def named(self, upload_ids: Sequence[str]) -> None:
        """Keep these files like others: the host has taken a message that names them."""
        for each in upload_ids:
            if self._waiting is not None:
                self._waiting.pop(each, None)

    async def _all_waiting(self) -> dict[str, _Waiting]:
        """What waits, with what has waited since before the program was started."""
        async with self._starting:
            if self._waiting is None:
                named = await self._named()
                self._waiting = await asyncio.to_thread(lambda: dict(_found(self._folder, named)))
            return self._waiting

    def _has_room(self, waiting: dict[str, _Waiting], folder: str, size: int) -> bool:
        of_visitor = sum(each.size for each in waiting.values() if each.folder == folder)
        of_all = sum(each.size for each in waiting.values())
        return (
            of_visitor + size <= WAITING_OF_VISITOR * self.max_bytes
            and of_all + size <= WAITING_OF_ALL * self.max_bytes
        )

    async def attachments(self, user_id: str, upload_ids: Sequence[str]) -> tuple[Attachment, ...] | None:
        """What a visitor has sent under these ids. None: one of them is not there, or not the visitor's."""
        found = [await self._files.of_message(user_id, upload_id) for upload_id in upload_ids]
        if not all(found):
            return None
        return tuple(
            Attachment(path.name, _type_of(path.name), str(path), size) for files in found for path, size in files
        )


def _found(folder: Path, named: Collection[str]) -> Iterator[tuple[str, _Waiting]]:
    """The uploads on disk that no message names. What arrived in part when the program ended is erased."""
    for path in folder.glob(f"*/{PREFIX}*/*"):
        with contextlib.suppress(OSError):  # another process erases it
            if path.name.startswith("."):
                path.unlink()
            elif str(path.absolute()) not in named:
                size = content_size(path)
                file = Attachment(path.name, _type_of(path.name), str(path), size)
                yield path.parent.name, _Waiting(path.parent.parent.name, size, path.stat().st_mtime, file)


async def _erase_unnamed(waiting: dict[str, _Waiting]) -> None:
    before = time.time() - UNNAMED_SECONDS
    for upload_id, each in list(waiting.items()):
        if each.file is not None and each.since < before:
            waiting.pop(upload_id, None)
            await discard(each.file)


def _type_of(name: str) -> str:
    """The content type, by the ending: what a browser claims depends on the programs beside it."""
    return mimetypes.guess_type(name)[0] or UNKNOWN_TYPE


def _refused(problem: str, *, status: int = 400) -> web.Response:
    return web.json_response({"problem": problem_text(problem)}, status=status)
