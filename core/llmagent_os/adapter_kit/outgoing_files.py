"""Files that plugins make for a person, such as an exported calendar, and files that they keep, such as a note's.

They are in the data folder, in one folder a person, so that an erasure finds them. What was made goes after a week.
What is kept stays until its plugin drops it.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
import tempfile
import time
from pathlib import Path
from uuid import uuid4

from llmagent_os.adapter_kit.files import safe_name
from llmagent_os.errors import PluginError
from llmagent_os.identity import PersonId, account_in_file_name, file_name_of
from llmagent_os.sealing.sealed_files import write_file

#: The folder inside the data folder.
OUTGOING_FOLDER = "outgoing"

#: The folder of files that are kept, inside a person's.
KEPT_FOLDER = "kept"

MOST_FILE_BYTES = 100_000_000  #: of one file that a plugin writes
MOST_KEPT_FILES = 2_000  #: of one person; a plugin that keeps more has forgotten to drop them

#: How many days a file that was made is kept: a page of the web chat may fetch it later.
KEEP_DAYS = 7


class OutgoingFiles:
    """The files that are made for one person."""

    def __init__(self, folder: Path | None = None, person_id: PersonId | None = None) -> None:
        """Args:
        folder: of all people's outgoing files. None: a new temporary folder for each file, for plain scripts.
        person_id: whom the files are for.
        """
        self._folder = folder
        self._person_id = person_id

    async def write(self, name: str, content: bytes) -> str:
        """Write a file, in the place of an earlier one with this name. Returns its path, for ``ToolResult.files``.

        Args:
            name: what other programs show.
            content: the bytes.

        Raises:
            PluginError: the file is too large.
        """
        return await self._written(safe_name(name), content)

    async def _written(self, path: str, content: bytes) -> str:
        writing = asyncio.ensure_future(asyncio.to_thread(self._write, path, content))
        try:
            return str(await asyncio.shield(writing))
        except asyncio.CancelledError:
            # A thread cannot be stopped. Where its person is being erased, nothing of the file may stay.
            with contextlib.suppress(OSError):
                await asyncio.to_thread((await writing).unlink, missing_ok=True)
            raise

    def _write(self, name: str, content: bytes) -> Path:
        if self._folder is None:
            folder = Path(tempfile.mkdtemp(prefix="llmagent-os-"))
        else:
            folder = self._folder / file_name_of(self._person_id or "")
        if len(content) > MOST_FILE_BYTES:
            raise PluginError(
                f"the file {name[-80:]!r} has {len(content)} bytes; at most {MOST_FILE_BYTES} are written"
            )
        if name.startswith(f"{KEPT_FOLDER}/") and _count(folder / KEPT_FOLDER) >= MOST_KEPT_FILES:
            raise PluginError(f"{MOST_KEPT_FILES} files are kept for this person; no more are allowed")
        part = folder / f".{uuid4().hex}.part"
        write_file(part, account_in_file_name(folder.name), content)
        (folder / name).parent.mkdir(exist_ok=True, mode=0o700)
        return part.replace(folder / name)

    async def keep(self, name: str, content: bytes) -> str:
        """Keep a file until it is dropped. Returns its key.

        Args:
            name: what other programs show.
            content: the bytes.

        Raises:
            PluginError: the file is too large, or the person has too many.
        """
        path = await self._written(f"{KEPT_FOLDER}/{uuid4().hex[:8]}-{safe_name(name)}", content)
        return "/".join(Path(path).parts[-3:])

    def kept_path(self, key: str) -> str:
        """The path of a kept file, for ``ToolResult.files``. The file may be gone.

        Raises:
            ValueError: ``key`` is none that :meth:`keep` has given.
        """
        if not re.fullmatch(rf"(?!\.)[^/\0]+/{KEPT_FOLDER}/[0-9a-f]{{8}}-[^/\0]+", key):
            raise ValueError(f"{key!r} is the key of no kept file")
        return str((self._folder or Path(tempfile.gettempdir())) / key)

    @property
    def kept_root(self) -> str:
        """What :meth:`kept_path` puts in front of a key."""
        return f"{self._folder or Path(tempfile.gettempdir())}/"

    def holds(self, path: str) -> bool:
        """Whether ``path`` is a file of this person's folder. Without a folder there is none."""
        if self._folder is None:
            return False
        own = (self._folder / file_name_of(self._person_id or "")).resolve()
        return Path(path).resolve().is_relative_to(own)

    async def drop(self, key: str) -> None:
        """Erase a kept file. Once more changes nothing."""
        await asyncio.to_thread(Path(self.kept_path(key)).unlink, missing_ok=True)


class MemoryFiles(OutgoingFiles):
    """Files that are only read again by the program itself: nothing is written to the disk."""

    def __init__(self) -> None:
        super().__init__()
        self.written: dict[str, bytes] = {}  #: by name

    async def write(self, name: str, content: bytes) -> str:
        """Keep a file; returns its name."""
        name = safe_name(name)
        self.written[name] = content
        return name

    async def keep(self, name: str, content: bytes) -> str:
        """Keep a file; returns its key, which is its path, too."""
        key = f"memory/{KEPT_FOLDER}/{uuid4().hex[:8]}-{safe_name(name)}"
        self.written[key] = content
        return key

    @property
    def kept_root(self) -> str:
        return ""

    def kept_path(self, key: str) -> str:
        return key

    def holds(self, path: str) -> bool:
        return path in self.written

    async def drop(self, key: str) -> None:
        self.written.pop(key, None)


def _count(folder: Path) -> int:
    return sum(1 for _ in folder.iterdir()) if folder.is_dir() else 0


def listed(folder: Path, person_id: PersonId) -> list[tuple[Path, int]]:
    """The files made for a person: path and size in bytes, sorted by path."""
    own = folder / file_name_of(person_id)
    return [(path, path.stat().st_size) for path in sorted(own.rglob("*")) if path.is_file()]


def erase(folder: Path, person_id: PersonId) -> int:
    """Erase the files made for a person. Returns how many there were."""
    count = len(listed(folder, person_id))
    shutil.rmtree(folder / file_name_of(person_id), ignore_errors=True)
    return count


def prune(folder: Path, days: float = KEEP_DAYS) -> int:
    """Erase files older than so many days. Returns how many."""
    before, erased = time.time() - days * 86_400, 0
    for path in [path for path in folder.glob("*/*") if path.is_file()]:
        if path.stat().st_mtime < before:
            path.unlink(missing_ok=True)
            erased += 1
    return erased
