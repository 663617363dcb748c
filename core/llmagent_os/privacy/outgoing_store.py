"""The store of files that plugins have made for people, such as exported calendars."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from llmagent_os.adapter_kit import outgoing_files
from llmagent_os.adapter_kit.outgoing_files import OUTGOING_FOLDER
from llmagent_os.identity import person_kept_under
from llmagent_os.privacy.retention import OUTGOING_FILES
from llmagent_os.privacy.stores import DataSubject, EraseOrder, FileToExport, Holds
from llmagent_os.sealing.sealed_files import read_file

#: The folder of an archive in which these files are.
MADE = "made"


class OutgoingStore:
    """The folder ``outgoing``."""

    name = "outgoing files"
    unit = "file"
    order = EraseOrder.DISK
    holds = Holds(paths=(OUTGOING_FOLDER,))

    def __init__(self, data: Path, keep: timedelta = OUTGOING_FILES.time) -> None:
        """Args: ``data`` is the data folder of the installation, ``keep`` is how long files are kept."""
        self._keep = keep
        self._folder = data / OUTGOING_FOLDER
        self._data = data

    async def export(self, subject: DataSubject) -> dict[str, Any]:
        """``outgoing``: path below the data folder, and size in bytes, of each file made for the person."""
        found: list[dict[str, Any]] = []
        for identity in subject.identities:
            kept = await asyncio.to_thread(outgoing_files.listed, self._folder, person_kept_under(identity))
            found += [{"path": str(path.relative_to(self._data)), "bytes": size} for path, size in kept]
        return {"outgoing": found}

    async def files(self, subject: DataSubject) -> list[FileToExport]:
        """The files that were made for the person, as ``made/NAME``."""
        found: list[FileToExport] = []
        for identity in subject.identities:
            kept = await asyncio.to_thread(outgoing_files.listed, self._folder, person_kept_under(identity))
            found += [FileToExport(f"{MADE}/{path.name}", size, partial(read_file, path)) for path, size in kept]
        return found

    async def erase(self, subject: DataSubject) -> int:
        """Erase the files made for the person; returns how many there were."""
        await asyncio.to_thread(_erase_of_earlier_versions)
        people = map(person_kept_under, subject.identities)
        return sum([await asyncio.to_thread(outgoing_files.erase, self._folder, person) for person in people])

    async def prune(self) -> int:
        """Erase old files; returns how many."""
        await asyncio.to_thread(_erase_of_earlier_versions)
        return await asyncio.to_thread(outgoing_files.prune, self._folder, self._keep.total_seconds() / 86_400)


def _erase_of_earlier_versions() -> None:
    """Earlier versions wrote exported calendars into the temporary folder, and nobody deleted them."""
    old = Path(tempfile.gettempdir()) / f"llmagent-os-{os.getuid()}"
    if old.is_dir() and not old.is_symlink() and old.stat().st_uid == os.getuid():
        shutil.rmtree(old, ignore_errors=True)
