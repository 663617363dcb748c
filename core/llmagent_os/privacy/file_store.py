"""The store of files that people send, on all platforms."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from llmagent_os.adapter_kit.files import FOLDER, Files
from llmagent_os.privacy.retention import FILES
from llmagent_os.privacy.stores import DataSubject, EraseOrder, FileToExport, Holds
from llmagent_os.sealing.sealed_files import read_file


class FileStore:
    """The folder ``files`` of every platform, also of those that no longer run or have no token any more."""

    name = "files"
    unit = "message"  #: with files
    order = EraseOrder.DISK
    holds = Holds(paths=(f"*/{FOLDER}",))

    def __init__(self, data: Path, keep: timedelta = FILES.time) -> None:
        """Args: ``data`` is the data folder of the installation, ``keep`` is how long files are kept."""
        self._data = data
        self._keep = keep

    async def export(self, subject: DataSubject) -> dict[str, Any]:
        """``files``: path below the data folder, and size in bytes, of each file that the person has sent."""
        found: list[dict[str, Any]] = []
        for platform in subject.platforms:
            for own_id in subject.ids_on(platform):
                for path, size in await self._files(platform).listed(own_id):
                    found.append({"platform": platform, "path": str(path.relative_to(self._data)), "bytes": size})
        return {"files": found}

    async def files(self, subject: DataSubject) -> list[FileToExport]:
        """The files that the person has sent, as ``PLATFORM/MESSAGE/NAME``."""
        found: list[FileToExport] = []
        for platform in subject.platforms:
            for own_id in subject.ids_on(platform):
                for path, size in await self._files(platform).listed(own_id):
                    name = f"{platform}/{path.parent.name}/{path.name}"
                    found.append(FileToExport(name, size, partial(read_file, path)))
        return found

    async def erase(self, subject: DataSubject) -> int:
        """Erase the person's files on all platforms; returns how many messages had files."""
        erased = 0
        for platform in subject.platforms:
            for own_id in subject.ids_on(platform):
                erased += await self._files(platform).forget(own_id)
        return erased

    async def prune(self) -> int:
        """Erase old files; returns how many messages had them."""
        folders = await asyncio.to_thread(lambda: sorted(self._data.glob(f"*/{FOLDER}")))
        return sum([await Files(folder, 0).prune(self._keep.total_seconds() / 86_400) for folder in folders])

    def _files(self, platform: str) -> Files:
        return Files(self._data / platform / FOLDER, 0)
