"""Loads plugins, reloads them, and takes them away: the half of the registry that changes what is loaded.

A reload builds the new plugin beside the old one and then swaps the entry of one dictionary. The old plugin stops when
its last call has ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Callable, Collection, Generator, Iterable, Mapping
from pathlib import Path
from typing import Self

import structlog

from llmagent_os.adapter_kit.containment import contain
from llmagent_os.errors import PluginError
from llmagent_os.plugin import Tool, ToolSource
from llmagent_os.tools.circuit_breaker import CircuitBreaker
from llmagent_os.tools.declared_tools import check_declaration, declared_tools
from llmagent_os.tools.loaded_plugin import ENTRY_POINT, LoadedPlugin, PluginHealth, health_of_all
from llmagent_os.tools.plugin_loading import from_entry_point, from_file
from llmagent_os.tools.plugin_sources import PluginFolder, installed_plugins, not_installed

_log = structlog.get_logger(__name__)


class PluginLifecycle:
    """The plugins that are loaded. Use :class:`~llmagent_os.tools.registry.Plugins`, which also calls them.

    Args:
        folder: a folder of plugins, which ``watch`` reloads. None: there is none.
        installed: the names of the installed plugins to load. None loads all.
        breaker: makes the circuit breaker of a plugin.
        start_timeout: seconds that a plugin may take to start or stop.
    """

    def __init__(
        self,
        folder: Path | None,
        installed: Collection[str] | None,
        breaker: Callable[[], CircuitBreaker],
        start_timeout: float,
    ) -> None:
        self.folder = folder
        self._folder = PluginFolder(folder)
        self._installed = installed
        self._breaker = breaker
        self._start_timeout = start_timeout
        self._loaded: dict[str, LoadedPlugin] = {}  # by plugin name; replaced as a whole, never changed in place
        self._problems: dict[str, str] = {}  # source -> why it (or its newest version) is not loaded
        self._leaving: set[asyncio.Task[None]] = set()
        self._loading = asyncio.Lock()
        self._versions = 0

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Load everything. ``health`` reports a plugin that cannot be loaded; the others load all the same."""
        entries = await installed_plugins()
        for entry in entries:
            if self._installed is None or entry.name in self._installed:
                with self._reported(f"{ENTRY_POINT} {entry.name}"):
                    await self.add(await asyncio.to_thread(from_entry_point, entry.name, entry.load), ENTRY_POINT)
        for name in self._installed or ():
            if name not in self._loaded and f"{ENTRY_POINT} {name}" not in self._problems:
                with self._reported(f"{ENTRY_POINT} {name}"):
                    raise PluginError(not_installed(name, [entry.name for entry in entries]))
        for path in await self._folder.files():
            await self.reload(path)

    async def stop(self) -> None:
        """Stop every plugin, after the calls under way have ended."""
        loaded, self._loaded = self._loaded, {}
        for each in loaded.values():
            self._leave(each)
        while self._leaving:
            await asyncio.wait(set(self._leaving))

    def health(self) -> tuple[PluginHealth, ...]:
        """Return the state of every plugin, including those that could not be loaded."""
        return health_of_all(self._loaded, self._problems)

    async def add(self, plugin: ToolSource, source: str = "added") -> None:
        """Load ``plugin``. It replaces a plugin of the same name once it has started.

        Raises:
            PluginError: a tool is badly defined, another plugin has the name, or the plugin does not start.
        """
        async with self._loading:
            await self._swap(plugin, source, ())

    async def reload(self, path: Path) -> bool:
        """Load or reload a plugin file. If the file is gone, unload its plugin.

        Returns:
            Whether that worked. If not, the version loaded before stays, and ``health`` says why.
        """
        source = str(path)
        async with self._loading:
            there = await self._folder.look_at(path)
            with self._reported(source):
                if there:
                    await self._load_file(path, source)
                else:
                    self._drop(source)
                self._problems.pop(source, None)
                return True
        return False

    async def _load_file(self, path: Path, source: str) -> None:
        self._versions += 1
        # Every version gets a module name of its own, so that the old module stays intact while it is in use.
        plugin, module = await asyncio.to_thread(from_file, path, f"llmagent_os_plugin_{self._versions}_{path.stem}")
        try:
            await self._swap(plugin, source, (module,))
        except BaseException:
            sys.modules.pop(module, None)
            raise

    async def watch(self) -> None:
        """Reload the folder's plugins as their files change, until cancelled."""
        async with contextlib.aclosing(self._folder.changes()) as changes:
            async for path in changes:
                await self.reload(path)

    async def _swap(self, plugin: ToolSource, source: str, modules: tuple[str, ...]) -> None:
        check_declaration(plugin)
        old = self._loaded.get(plugin.name)
        if old is not None and old.source != source:
            raise PluginError(f"the name {plugin.name!r} is taken by the plugin from {old.source}")
        replaced = [each for each in self._loaded.values() if each is old or (modules and each.source == source)]
        new = LoadedPlugin(plugin, source, self._breaker(), modules)
        await new.start(self._start_timeout)
        try:
            new.tools = declared_tools(plugin)
            self._check_names(plugin, new.tools, [each for each in self._loaded.values() if each not in replaced])
        except PluginError:
            self._leave(new)
            raise
        self._loaded = {**{name: each for name, each in self._loaded.items() if each not in replaced}, plugin.name: new}
        for each in replaced:
            self._leave(each)

    async def refresh(self, name: str) -> None:
        """Read the tools of a source again, because it says that they have changed.

        Raises:
            PluginError: there is no such source, or a tool is badly defined. The tools that were there stay.
        """
        async with self._loading:
            each = self._loaded.get(name)
            if each is None:
                raise PluginError(f"there is no plugin {name!r}")
            tools = declared_tools(each.plugin)
            self._check_names(each.plugin, tools, [other for other in self._loaded.values() if other is not each])
            each.tools = tools

    def _check_names(self, plugin: ToolSource, tools: Mapping[str, Tool], others: Iterable[LoadedPlugin]) -> None:
        for other in others:
            for name in (*(set(tools) & set(other.tools)), *(set(plugin.commands) & set(other.plugin.commands))):
                raise PluginError(f"plugin {plugin.name!r}: {name!r} is taken by the plugin {other.plugin.name!r}")

    def _drop(self, source: str) -> None:
        gone = [each for each in self._loaded.values() if each.source == source]
        self._loaded = {name: each for name, each in self._loaded.items() if each not in gone}
        for each in gone:
            self._leave(each)

    def _leave(self, each: LoadedPlugin) -> None:
        task = asyncio.get_running_loop().create_task(each.stop_when_idle(self._start_timeout))
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    @contextlib.contextmanager
    def _reported(self, source: str) -> Generator[None]:
        try:
            yield
        except BaseException as raised:
            error = contain(raised)
            self._problems[source] = str(error)
            _log.error("plugin not loaded", source=source, problem=str(error))
