"""Knows where plugins come from: entry points of installed packages, and a watched folder of single files."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

import watchfiles

GROUP = "llmagent_os.plugins"  #: the entry points that are plugins
RESCAN_MILLISECONDS = 5_000  #: the folder is looked through at least this often

FileVersion = tuple[int, int]  #: modification time in nanoseconds, and size in bytes


async def installed_plugins() -> tuple[EntryPoint, ...]:
    """Return the entry points of all installed plugins."""
    return await asyncio.to_thread(lambda: tuple(entry_points(group=GROUP)))


def not_installed(name: str, known: Collection[str]) -> str:
    """Say that there is no such plugin, and which is nearest.

    >>> not_installed("calender", ["calendar", "profile"])
    "no installed plugin is called 'calender'; did you mean 'calendar'?"
    """
    near = get_close_matches(name, known, 1, 0.6)
    hint = f"did you mean {near[0]!r}?" if near else f"installed: {', '.join(sorted(known)) or 'none'}"
    return f"no installed plugin is called {name!r}; {hint}"


def version(path: Path) -> dict[Path, FileVersion]:
    """Return ``path`` and what tells one version of the file from another. Empty: there is no such file."""
    try:
        found = path.stat()
    except OSError:
        return {}
    return {path: (found.st_mtime_ns, found.st_size)}


class PluginFolder:
    """A folder of single-file plugins, such as ``weather.py``. Names that start with ``_`` or ``.`` are left out.

    Args:
        path: the folder. None: there is no folder, and so no file.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._seen: dict[Path, FileVersion] = {}  # the versions that were loaded, or that failed to load

    async def files(self) -> dict[Path, FileVersion]:
        """Return the folder's plugin files with their versions, sorted by path."""
        return await asyncio.to_thread(self._files)

    def _files(self) -> dict[Path, FileVersion]:
        found: dict[Path, FileVersion] = {}
        if self.path is not None and self.path.is_dir():
            for path in sorted(self.path.glob("[!_.]*.py")):
                found.update(version(path))
        return found

    async def look_at(self, path: Path) -> bool:
        """Note the present version of a file as seen. Returns whether the file exists."""
        self._seen.pop(path, None)
        found = await asyncio.to_thread(version, path)
        self._seen.update(found)
        return bool(found)

    async def changes(self) -> AsyncGenerator[Path]:
        """Yield each file that is new, changed or gone since :meth:`look_at` saw it. Ends only when cancelled.

        The folder is made where there is none. Without a folder nothing is yielded.
        """
        if self.path is None:
            return
        await asyncio.to_thread(self.path.mkdir, parents=True, exist_ok=True)
        # Rescans on a timer too: network folders send no events, and a file may change before the watch begins.
        async for _ in watchfiles.awatch(  # pyright: ignore[reportUnknownMemberType]
            self.path,
            debounce=200,
            step=50,
            recursive=False,
            rust_timeout=RESCAN_MILLISECONDS,
            yield_on_timeout=True,
        ):
            files = await self.files()
            for path in sorted(path for path in {*files, *self._seen} if files.get(path) != self._seen.get(path)):
                yield path
