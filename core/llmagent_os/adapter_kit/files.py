"""Files that people send, on disk. Every person has a folder, so that forgetting a person erases their files too.

Nothing that a platform says about a file is trusted: not its name, not its size, not that its bytes ever end.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
import time
import unicodedata
from collections.abc import AsyncIterable
from pathlib import Path

import structlog

from llmagent_os.events import Attachment
from llmagent_os.identity import account_in_file_name, file_name_of
from llmagent_os.languages import gettext, lazy_gettext
from llmagent_os.sealing.sealed_files import FileWriter, content_size, create_file

_log = structlog.stdlib.get_logger(__name__)

#: The folder of files, inside an adapter's data folder.
FOLDER = "files"

#: The longest file name that is kept, in bytes.
MAX_NAME = 100

#: How long files are kept, in days.
KEEP_DAYS = 30

#: Bytes that are read from a download at once.
CHUNK_BYTES = 1 << 16

#: The content type of a file about which nothing is known.
UNKNOWN_TYPE = "application/octet-stream"

#: Why the file of a message in a group was not fetched.
NOT_FOR_BOT = "it was not meant for the bot"

#: Why a file that should be there was not fetched.
NOT_FETCHED = "it could not be fetched"

#: Problems that say no number. They are kept in English, and people read them in their own language.
_PROBLEMS = (
    lazy_gettext("it was not meant for the bot"),
    lazy_gettext("it could not be fetched"),
    lazy_gettext("it is no longer there"),
    lazy_gettext("it is kept outside of Slack"),
    lazy_gettext("it is empty"),
    lazy_gettext("it has no name"),
    lazy_gettext("too many files wait to be sent"),
)
_TOO_LARGE = re.compile(r"larger than (\S+) MB")


class Files:
    """The files that people sent on one platform."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        """Args:
        folder: made with the first file.
        max_bytes: larger files are not kept.
        """
        self._folder = folder
        self._max_bytes = max_bytes

    async def keep(
        self,
        user_id: str,
        event_id: str,
        name: str,
        content_type: str,
        chunks: AsyncIterable[bytes],
        *,
        voice: bool = False,
    ) -> Attachment:
        """Write the bytes of ``chunks`` to disk. The same file of the same event overwrites the first copy.

        Args:
            user_id: the platform's id of the sender.
            event_id: of the message that came with the file.
            name: of the file, as the platform gives it.
            content_type: of the file, as the platform gives it.
            chunks: the bytes.
            voice: whether the file is a voice message.

        Returns:
            The attachment. It has a ``problem`` and no path if the file is too large or could not be fetched.
        """
        safe = safe_name(name)
        path = self._folder / file_name_of(user_id) / file_name_of(event_id) / safe
        partial = path.with_name(f".{safe}.part")
        size = 0
        try:
            account = f"{self._folder.parent.name}::{account_in_file_name(file_name_of(user_id))}"
            opening = asyncio.ensure_future(asyncio.to_thread(create_file, partial, account))
            try:
                file = await asyncio.shield(opening)
            except asyncio.CancelledError:
                opening.add_done_callback(_close)
                raise
            try:
                async for chunk in chunks:
                    size += len(chunk)
                    if size > self._max_bytes:
                        break
                    await asyncio.to_thread(file.write, chunk)
            finally:
                await asyncio.to_thread(file.close)
            if size <= self._max_bytes:
                await asyncio.to_thread(partial.replace, path)
                return Attachment(safe, content_type, str(path), size, voice)
            problem = self.too_large
        except Exception as error:  # whatever a network or a disk can do: the message itself must not be lost
            _log.warning("a file could not be fetched", content_type=content_type, error=repr(error))
            problem = NOT_FETCHED
        await asyncio.to_thread(_remove, partial)
        return missing(name, content_type, problem, voice=voice)

    @property
    def too_large(self) -> str:
        """The problem of a file that is too large."""
        return larger_than(self._max_bytes)

    def fits(self, size: int) -> bool:
        """Whether a file of ``size`` bytes, as the platform claims, is worth fetching."""
        return size <= self._max_bytes

    async def forget(self, user_id: str) -> int:
        """Erase a person's files, by the platform's id of the person. Returns how many messages had files."""
        return await asyncio.to_thread(_erase, self._folder / file_name_of(user_id))

    async def listed(self, user_id: str) -> list[tuple[Path, int]]:
        """The files of a person, by the platform's own id: path and size in bytes of every file, sorted by path."""
        return await asyncio.to_thread(_listed, self._folder / file_name_of(user_id))

    async def of_message(self, user_id: str, event_id: str) -> list[tuple[Path, int]]:
        """The files of one message: path and size in bytes of every file, sorted by path."""
        folder = self._folder / file_name_of(user_id) / file_name_of(event_id)
        found = await asyncio.to_thread(_listed, folder)
        return [(path, size) for path, size in found if not path.name.startswith(".")]  # not one that is half there

    async def prune(self, days: float = KEEP_DAYS) -> int:
        """Erase files older than so many days. Returns how many messages had them."""
        return await asyncio.to_thread(_prune, self._folder, time.time() - days * 86_400)


async def discard(attachment: Attachment) -> None:
    """Erase the file of an attachment, and its folder where that was the only file of the message."""
    if attachment.path:
        await asyncio.to_thread(_discard, Path(attachment.path))


def missing(name: str, content_type: str, problem: str, *, size: int = 0, voice: bool = False) -> Attachment:
    """An attachment without a file. ``problem`` says why there is none."""
    return Attachment(safe_name(name), content_type, "", size, voice, problem)


def larger_than(limit: int) -> str:
    """The problem of a file with more bytes than ``limit``.

    >>> larger_than(20_000_000)
    'larger than 20 MB'
    """
    return f"larger than {limit / 1_000_000:g} MB"


def problem_text(problem: str) -> str:
    """The problem of an attachment in the language in force. A problem of some other adapter stays as it is.

    >>> problem_text(larger_than(20_000_000))
    'larger than 20 MB'
    """
    if found := _TOO_LARGE.fullmatch(problem):
        return gettext("larger than {size} MB", size=found[1])
    return next((str(known) for known in _PROBLEMS if known.message == problem), problem)


def numbered_name(name: str, number: int) -> str:
    """The name of a message's ``number``-th file, from 0: two files of one message may have the same name.

    >>> numbered_name("image.png", 0), numbered_name("image.png", 1)
    ('image.png', '2-image.png')
    """
    return f"{number + 1}-{name}" if number else name


def safe_name(name: str) -> str:
    """``name`` as a safe file name: no folders, no control characters, not hidden, not too long.

    >>> safe_name("../../etc/passwd"), safe_name("..."), safe_name("a" * 200 + ".txt")[-8:]
    ('passwd', 'file', 'aaaa.txt')
    """
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    clean = "".join(char for char in last if unicodedata.category(char)[0] != "C").strip().lstrip(".").strip()
    stem, dot, ending = clean.rpartition(".")
    if dot and len(ending) <= 16:
        # A file system counts bytes, and a character has four at most.
        return f"{stem[: MAX_NAME // 2]}.{ending}" if len(clean.encode()) > MAX_NAME else clean
    return clean[: MAX_NAME // 2] if len(clean.encode()) > MAX_NAME else clean or "file"


def _close(opened: asyncio.Future[FileWriter]) -> None:
    """Close a file whose opener was cancelled."""
    if not opened.cancelled() and opened.exception() is None:
        opened.result().close()


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()


def _discard(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
        path.parent.rmdir()  # only an empty folder can be removed


def _listed(folder: Path) -> list[tuple[Path, int]]:
    return [(path, content_size(path)) for path in sorted(folder.rglob("*")) if path.is_file()]


def _erase(folder: Path) -> int:
    if not folder.is_dir():
        return 0
    count = sum(1 for _ in folder.iterdir())
    shutil.rmtree(folder)
    return count


def _prune(folder: Path, before: float) -> int:
    erased = 0
    for message in folder.glob("*/*"):
        try:
            if message.stat().st_mtime < before:
                erased += _erase(message) > 0
        except OSError as error:  # another user's folder, or one that is gone: the others are erased all the same
            _log.warning("old files cannot be erased", error=repr(error))
    return erased
