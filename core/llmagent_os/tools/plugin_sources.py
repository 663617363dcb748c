"""Knows where plugins come from: entry points of installed packages, and a watched folder of files and packages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection, Iterator
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

import watchfiles

GROUP = "llmagent_os.plugins"  #: the entry points that are plugins
PACKAGE_PREFIX = "llmagent_os_"  #: of the name of a plugin's package; the plugin's own name follows
RESCAN_MILLISECONDS = 5_000  #: the folder is looked through at least this often

#: A file of a plugin: its name below the plugin's path, modification time in nanoseconds, and size in bytes.
PluginVersion = tuple[tuple[str, int, int], ...]


async def installed_plugins() -> tuple[EntryPoint, ...]:
    """Return the entry points of all installed plugins."""
    return await asyncio.to_thread(lambda: tuple(entry_points(group=GROUP)))


def plugin_names(stem: str) -> tuple[str, ...]:
    """The names by which a bot's file may call what lies under ``stem``: they are known before its code is loaded.

    >>> plugin_names("llmagent_os_tea"), plugin_names("tea")
    (('tea', 'llmagent_os_tea'), ('tea',))
    """
    return tuple(dict.fromkeys((stem.removeprefix(PACKAGE_PREFIX) or stem, stem)))


def not_installed(name: str, known: Collection[str]) -> str:
    """Say that there is no such plugin, and which is nearest.

    >>> not_installed("calender", ["calendar", "profile"])
    "no installed plugin is called 'calender'; did you mean 'calendar'?"
    """
    near = get_close_matches(name, known, 1, 0.6)
    hint = f"did you mean {near[0]!r}?" if near else f"installed: {', '.join(sorted(known)) or 'none'}"
    return f"no installed plugin is called {name!r}; {hint}"


def version(path: Path) -> dict[Path, PluginVersion]:
    """Return ``path`` and what tells one version of the plugin from another. Empty: there is no such plugin."""
    files = [path] if path.suffix == ".py" else sorted(_files_below(path)) if is_package(path) else []
    found: list[tuple[str, int, int]] = []
    for file in files:
        try:
            status = file.stat()
        except OSError:  # it was removed a moment ago
            continue
        found.append((str(file.relative_to(path)), status.st_mtime_ns, status.st_size))
    return {path: tuple(found)} if found else {}


def is_package(path: Path) -> bool:
    """Whether ``path`` is a folder that Python imports as a package."""
    return (path / "__init__.py").is_file()


def _files_below(folder: Path) -> Iterator[Path]:
    """The files of a package, also those that it only reads. What Python and editors write beside them is left out."""
    for path in folder.rglob("*"):
        below = path.relative_to(folder).parts
        if path.is_file() and not any(part.startswith(".") or part == "__pycache__" for part in below):
            yield path


class PluginFolder:
    """A folder of plugins: files such as ``weather.py``, and packages such as ``weather/`` with an ``__init__.py``.

    Names that start with ``_`` or ``.`` are left out.

    Args:
        path: the folder. None: there is no folder, and so no plugin.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._seen: dict[Path, PluginVersion] = {}  # the versions that were loaded, or that failed to load

    async def plugins(self) -> dict[Path, PluginVersion]:
        """Return the folder's plugins with their versions, sorted by path."""
        return await asyncio.to_thread(self._plugins)

    def _plugins(self) -> dict[Path, PluginVersion]:
        found: dict[Path, PluginVersion] = {}
        if self.path is not None and self.path.is_dir():
            for path in sorted(self.path.glob("[!_.]*")):
                if path.suffix == ".py" or path.name.isidentifier():
                    found.update(version(path))
        return found

    async def look_at(self, path: Path) -> bool:
        """Note the present version of a plugin as seen. Returns whether it exists."""
        self._seen.pop(path, None)
        found = await asyncio.to_thread(version, path)
        self._seen.update(found)
        return bool(found)

    async def changes(self) -> AsyncGenerator[Path]:
        """Yield each plugin that is new, changed or gone since :meth:`look_at` saw it. Ends only when cancelled.

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
            rust_timeout=RESCAN_MILLISECONDS,
            yield_on_timeout=True,
        ):
            there = await self.plugins()
            for path in sorted(path for path in {*there, *self._seen} if there.get(path) != self._seen.get(path)):
                yield path
