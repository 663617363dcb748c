"""Files that people send, on disk, one folder a person, so that forgetting somebody forgets their files too.

Nothing about a file is believed: not its name, not its size, not that its bytes ever end.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import time
import unicodedata
from collections.abc import AsyncIterable
from pathlib import Path
from typing import BinaryIO

import structlog

from llmagent_os.events import Attachment
from llmagent_os.people.profiles import file_name

_log = structlog.stdlib.get_logger(__name__)

#: The folder of them in an adapter's data.
FOLDER = "files"

#: So many characters of a file's name are kept, its ending among them.
MAX_NAME = 100

#: Files are kept so long, in days: as long as what was said along with them may be looked at.
KEEP_DAYS = 30


class Files:
    """What came in on one platform."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        """Args: ``folder`` is made when there is a first file; larger files than ``max_bytes`` are not kept."""
        self._folder = folder
        self._max = max_bytes

    async def keep(
        self,
        person: str,
        event_id: str,
        name: str,
        content_type: str,
        chunks: AsyncIterable[bytes],
        *,
        voice: bool = False,
    ) -> Attachment:
        """Write what ``chunks`` bring. The same file of the same event is written over, not written twice.

        Returns:
            The attachment; with a ``problem`` and without a path where the file is too large or could not be fetched.
        """
        safe = safe_name(name)
        path = self._folder / file_name(person) / file_name(event_id) / safe
        partial = path.with_name(f".{safe}.part")
        size = 0
        try:
            opening = asyncio.ensure_future(asyncio.to_thread(_create, partial))
            try:
                file = await asyncio.shield(opening)
            except asyncio.CancelledError:
                opening.add_done_callback(_close)
                raise
            try:
                async for chunk in chunks:
                    size += len(chunk)
                    if size > self._max:
                        break
                    await asyncio.to_thread(file.write, chunk)
            finally:
                await asyncio.to_thread(file.close)
            if size <= self._max:
                await asyncio.to_thread(partial.replace, path)
                return Attachment(safe, content_type, str(path), size, voice)
            problem = self.too_large
        except Exception as error:  # whatever a network or a disk can do: the message itself must not be lost
            _log.warning("a file could not be fetched", content_type=content_type, error=repr(error))
            problem = "it could not be fetched"
        await asyncio.to_thread(_remove, partial)
        return missing(name, content_type, problem, voice=voice)

    @property
    def too_large(self) -> str:
        """What is wrong with a file that is too large."""
        return f"larger than {self._max / 1_000_000:g} MB"

    def fits(self, size: int) -> bool:
        """Whether a file that claims to have so many bytes is worth fetching."""
        return size <= self._max

    async def forget(self, person: str) -> int:
        """Erase a person's files, by the id they were kept under; returns how many messages had some."""
        return await asyncio.to_thread(_erase, self._folder / file_name(person))

    async def listed(self, person: str) -> list[tuple[Path, int]]:
        """A person's files, by the id under which they were kept: path and size in bytes of each, sorted by path."""
        return await asyncio.to_thread(_listed, self._folder / file_name(person))

    async def prune(self) -> int:
        """Erase files older than :data:`KEEP_DAYS`. Returns how many messages had them."""
        return await asyncio.to_thread(_prune, self._folder, time.time() - KEEP_DAYS * 86_400)


def missing(name: str, content_type: str, problem: str, *, size: int = 0, voice: bool = False) -> Attachment:
    """An attachment of which there is no file, and why."""
    return Attachment(safe_name(name), content_type, "", size, voice, problem)


def safe_name(name: str) -> str:
    """``name`` as a file may be called: no folders, no control characters, not hidden, not too long.

    >>> safe_name("../../etc/passwd"), safe_name("..."), safe_name("a" * 200 + ".txt")[-8:]
    ('passwd', 'file', 'aaaa.txt')
    """
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    clean = "".join(each for each in last if unicodedata.category(each)[0] != "C").strip().lstrip(".").strip()
    stem, dot, ending = clean.rpartition(".")
    if dot and len(ending) <= 16:
        # A file system counts bytes: four a character at most.
        return f"{stem[: MAX_NAME // 2]}.{ending}" if len(clean.encode()) > MAX_NAME else clean
    return clean[: MAX_NAME // 2] if len(clean.encode()) > MAX_NAME else clean or "file"


def _create(path: Path) -> BinaryIO:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # What people send is theirs: nobody else on the machine reads it.
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")


def _close(opened: asyncio.Future[BinaryIO]) -> None:
    """Nobody waits for it any more."""
    if not opened.cancelled() and opened.exception() is None:
        opened.result().close()


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()


def _listed(folder: Path) -> list[tuple[Path, int]]:
    return [(path, path.stat().st_size) for path in sorted(folder.rglob("*")) if path.is_file()]


def _erase(folder: Path) -> int:
    if not folder.is_dir():
        return 0
    count = sum(1 for _ in folder.iterdir())
    shutil.rmtree(folder)
    return count


def _prune(folder: Path, before: float) -> int:
    erased = 0
    for each in folder.glob("*/*"):
        try:
            if each.stat().st_mtime < before:
                erased += _erase(each) > 0
        except OSError as error:  # somebody else's, or gone meanwhile: the others need not stay for it
            _log.warning("old files cannot be erased", error=repr(error))
    return erased
