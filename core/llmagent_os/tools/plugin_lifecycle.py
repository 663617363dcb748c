"""Loads plugins, reloads them, and takes them away: the half of the registry that changes what is loaded.

A reload builds the new plugin beside the old one and then swaps the entry of one dictionary. The old plugin stops when
its last call has ended.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Generator, Iterable, Mapping
from fnmatch import fnmatchcase
from functools import partial
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Self

import structlog

from llmagent_os.adapter_kit.containment import contain
from llmagent_os.config.plugin_tables import PluginTables
from llmagent_os.errors import ConfigError, PluginError
from llmagent_os.plugin import Tool, ToolSource
from llmagent_os.tools.circuit_breaker import CircuitBreaker
from llmagent_os.tools.declared_tools import check_declaration, declared_tools, settings_model
from llmagent_os.tools.form_check import check_forms
from llmagent_os.tools.isolation.isolated_plugin import IsolatedPlugin
from llmagent_os.tools.loaded_plugin import ADDED, ENTRY_POINT, LoadedPlugin, PluginHealth, health_of_all
from llmagent_os.tools.module_namespace import ModuleNamespace
from llmagent_os.tools.plugin_loading import MadePlugin, from_entry_point, from_path
from llmagent_os.tools.plugin_sources import PluginFolder, installed_plugins, not_installed, plugin_names
from llmagent_os.tools.time_limits import in_limited_thread, within

IMPORTS = 3  #: times the time to start is what the import of a plugin may take

_log = structlog.get_logger(__name__)


class PluginLifecycle:
    """The plugins that are loaded. Use :class:`~llmagent_os.tools.registry.Plugins`, which also calls them.

    Args:
        folder: a folder of plugins, which ``watch`` reloads. None: there is none.
        installed: the names of the installed plugins to load. None loads all.
        breaker: makes the circuit breaker of a plugin.
        start_timeout: seconds that a plugin may take to start or stop; :data:`IMPORTS` times that, to be imported.
        tables: where the settings of plugins stand.
        isolated: the plugins that run in a process of their own, with wildcards: names of entry points, of files and of
            folders, with or without ``llmagent_os_`` before them.
    """

    def __init__(
        self,
        folder: Path | None,
        installed: Collection[str] | None,
        breaker: Callable[[], CircuitBreaker],
        start_timeout: float,
        tables: PluginTables,
        isolated: Collection[str] = (),
    ) -> None:
        self.folder = folder
        self._folder = PluginFolder(folder)
        self._installed = installed
        self._breaker = breaker
        self._start_timeout = start_timeout
        self._import_seconds = IMPORTS * start_timeout
        self._loaded: dict[str, LoadedPlugin] = {}  # by plugin name; replaced as a whole, never changed in place
        self._problems: dict[str, str] = {}  # origin -> why it (or its newest version) is not loaded
        self._mistakes: dict[str, ConfigError] = {}  # origin -> what is wrong with its settings
        self._waiting: set[str] = set()  # origins of plugins that need a plugin which is not loaded
        self._tables = tables
        self._isolated = tuple(isolated)
        self._leaving: set[asyncio.Task[None]] = set()
        self._loading = asyncio.Lock()
        self._choosing = asyncio.Lock()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Load everything. ``health`` reports a plugin that cannot be loaded; the others load all the same."""
        entries = {entry.name: entry for entry in await installed_plugins()}
        wanted = [*entries] if self._installed is None else [*self._installed]
        for name in wanted:
            if name not in entries:
                with self._reported(f"{ENTRY_POINT} {name}"):
                    raise PluginError(not_installed(name, entries))
        # In the order of the names: their rules read in it. One that needs another waits until that one is there.
        left = [entries[name] for name in dict.fromkeys(wanted) if name in entries]
        paths = [*await self._folder.plugins()]
        while left or paths:
            later = [entry for entry in left if not await self._load_entry(entry)]
            still = [path for path in paths if not await self.reload(path) and str(path) in self._waiting]
            waiting = [entry for entry in later if f"{ENTRY_POINT} {entry.name}" in self._waiting]
            if (len(waiting), len(still)) == (len(left), len(paths)):
                break
            left, paths = waiting, still

    async def stop(self) -> None:
        """Stop every plugin, after the calls under way have ended."""
        loaded = self._loaded
        self._set_loaded({})
        for each in loaded.values():
            self._leave(each)
        while self._leaving:
            await asyncio.wait(set(self._leaving))

    def health(self) -> tuple[PluginHealth, ...]:
        """Return the state of every plugin, including those that could not be loaded."""
        return health_of_all(self._loaded, self._problems)

    async def origins(self) -> frozenset[str]:
        """The names of the entry points, files and folders that are loaded, or would be."""
        entries = [entry.name for entry in await installed_plugins()] if self._installed is None else self._installed
        return frozenset([*entries, *(path.stem for path in await self._folder.plugins())])

    async def add(self, plugin: ToolSource, source: str = ADDED) -> None:
        """Load ``plugin``. It replaces a plugin of the same name once it has started.

        Raises:
            PluginError: a tool is badly defined, another plugin has the name, or the plugin does not start.
        """
        async with self._loading:
            await self._swap(plugin, source, source)

    async def add_reported(self, plugin: ToolSource, source: str) -> bool:
        """Load ``plugin`` as :meth:`add` does. Returns whether that worked; if not, ``health`` says why."""
        with self._reported(source):
            await self.add(plugin, source)
            self._note_fine(source)
            return True
        return False

    async def reload(self, path: Path) -> bool:
        """Load or reload a plugin's file or folder. If it is gone, unload its plugin.

        Returns:
            Whether that worked. If not, the version loaded before stays, and ``health`` says why.
        """
        source = str(path)
        async with self._loading:
            there = await self._folder.look_at(path)
            with self._reported(source):
                if there:
                    await self._swap_in(await self._made_from_path(path), source, source)
                else:
                    self._drop(source)
                self._note_fine(source)
                return True
        return False

    async def reload_named(self, name: str) -> None:
        """Reload a plugin: from its file or folder, or from the files of its package.

        Raises:
            PluginError: there is no such plugin, or the new version cannot be loaded. The one before stays.
        """
        each = self._loaded.get(name)
        if each is not None and each.source != ENTRY_POINT and each.namespace is None:
            raise PluginError(f"the plugin {name!r} was added by a program, and can only be reloaded by that program")
        failed = next((source for source in self._problems if Path(source).stem == name), None)
        if each is not None and each.source != ENTRY_POINT:
            done, origin = await self.reload(Path(each.source)), each.origin
        elif each is None and failed is not None and not failed.startswith(f"{ENTRY_POINT} "):
            done, origin = await self.reload(Path(failed)), failed
        else:
            entries = {entry.name: entry for entry in await installed_plugins()}
            entry = entries.get(name) if each is None else entries.get(each.origin.removeprefix(f"{ENTRY_POINT} "))
            if entry is None or (each is None and f"{ENTRY_POINT} {name}" not in self._problems):
                there = ", ".join(sorted({*self._loaded})) or "none"
                raise PluginError(f"no plugin {name!r} is loaded; loaded are: {there}")
            done, origin = await self._load_entry(entry, fresh=True), f"{ENTRY_POINT} {entry.name}"
        if not done:
            raise PluginError(f"{name} was not reloaded, and the version before goes on: {self._problems[origin]}")

    async def choose(self, installed: Collection[str]) -> None:
        """Have exactly these installed plugins loaded: load what is missing, and take away what is not named."""
        async with self._choosing:
            await self._choose(installed)

    async def choose_by(self, read: Callable[[], Collection[str]]) -> None:
        """Choose as :meth:`choose` does, by what ``read`` says in a thread once earlier choices are carried out.

        Where several choose at once, each reads what is chosen when its turn has come. So the last one is right.
        """
        async with self._choosing:
            await self._choose(await asyncio.to_thread(read))

    async def _choose(self, installed: Collection[str]) -> None:
        entries = {entry.name: entry for entry in await installed_plugins()}
        self._installed = tuple(installed)
        for each in [*self._loaded.values()]:
            if each.source == ENTRY_POINT and each.origin.removeprefix(f"{ENTRY_POINT} ") not in installed:
                self._drop(each.origin)
        for origin in [each for each in self._problems if each.startswith(f"{ENTRY_POINT} ")]:
            if origin.removeprefix(f"{ENTRY_POINT} ") not in installed:
                self._note_fine(origin)
        there = {each.origin for each in self._loaded.values()}
        for name in installed:
            if f"{ENTRY_POINT} {name}" in there:
                continue
            if (entry := entries.get(name)) is not None:
                await self._load_entry(entry)
                continue
            with self._reported(f"{ENTRY_POINT} {name}"):
                raise PluginError(not_installed(name, entries))
        rank = {f"{ENTRY_POINT} {name}": number for number, name in enumerate(installed)}
        ordered = sorted(self._loaded.items(), key=lambda item: rank.get(item[1].origin, len(rank)))
        self._set_loaded(dict(ordered))

    @property
    def mistakes(self) -> tuple[ConfigError, ...]:
        """The settings of plugins that are wrong. Such a plugin is not loaded."""
        return tuple(self._mistakes.values())

    async def _load_entry(self, entry: EntryPoint, *, fresh: bool = False) -> bool:
        """Load an installed plugin. Returns whether that worked. If not, the version before stays."""
        origin = f"{ENTRY_POINT} {entry.name}"
        async with self._loading:
            with self._reported(origin):
                await self._swap_in(await self._made_from_entry(entry, fresh=fresh), ENTRY_POINT, origin)
                self._note_fine(origin)
                return True
        return False

    async def _made_from_path(self, path: Path) -> MadePlugin:
        if self._is_isolated(path.stem):
            file = await asyncio.to_thread(path.resolve)
            return await self._launched(path.stem, IsolatedPlugin.launched(file=str(file)))
        return await in_limited_thread(partial(from_path, path), self._import_seconds, f"loading {path}", late=_give_up)

    async def _made_from_entry(self, entry: EntryPoint, *, fresh: bool) -> MadePlugin:
        if self._is_isolated(entry.name):
            return await self._launched(entry.name, IsolatedPlugin.launched(entry_point=entry.name))
        made = partial(from_entry_point, entry, fresh=fresh)
        return await in_limited_thread(made, self._import_seconds, f"importing {entry.value}", late=_give_up)

    async def _launched(self, name: str, launched: Awaitable[IsolatedPlugin]) -> MadePlugin:
        seconds = self._import_seconds
        return MadePlugin(await within(seconds, f"the process of the plugin {name!r} did not start", launched))

    def _is_isolated(self, name: str) -> bool:
        return any(fnmatchcase(each, pattern) for each in plugin_names(name) for pattern in self._isolated)

    async def _swap_in(self, made: MadePlugin, source: str, origin: str) -> None:
        try:
            await self._swap(made.plugin, source, origin, made.namespace)
        except BaseException:
            if made.namespace is not None:
                made.namespace.close()
            if isinstance(made.plugin, IsolatedPlugin):
                await made.plugin.end()
            raise

    def _note_fine(self, origin: str) -> None:
        self._problems.pop(origin, None)
        self._mistakes.pop(origin, None)
        self._waiting.discard(origin)

    async def watch(self) -> None:
        """Reload the folder's plugins as their files change, until cancelled."""
        async with contextlib.aclosing(self._folder.changes()) as changes:
            async for path in changes:
                await self.reload(path)

    async def _swap(
        self, plugin: ToolSource, source: str, origin: str, namespace: ModuleNamespace | None = None
    ) -> None:
        check_declaration(plugin)
        check_forms(plugin)
        if isinstance(plugin, IsolatedPlugin):
            await self._check_claims(plugin, origin)
        old = self._loaded.get(plugin.name)
        if old is not None and old.origin != origin:
            raise PluginError(f"the name {plugin.name!r} is taken by the plugin from {old.source}")
        if missing := [name for name in plugin.requires_plugins if name not in self._loaded]:
            self._waiting.add(origin)
            raise PluginError(f"plugin {plugin.name!r} needs the plugin {missing[0]!r}, which is not loaded")
        if isinstance(plugin, IsolatedPlugin):
            given = plugin.give_settings(self._tables)
            await within(self._start_timeout, f"the plugin {plugin.name!r} did not check its settings", given)
        elif (model := settings_model(plugin)) is not None:
            read = partial(self._tables.checked, plugin.name, model)
            what = f"checking the settings of the plugin {plugin.name!r}"
            plugin.settings = await in_limited_thread(read, self._start_timeout, what)
        # A file whose plugin has another name now has no second one.
        replaced = [
            each for each in self._loaded.values() if each is old or (each.origin == origin and origin != ADDED)
        ]
        new = LoadedPlugin(plugin, source, origin, self._breaker(), namespace)
        await new.start(self._start_timeout)
        try:
            new.tools = declared_tools(plugin)
            self._check_names(plugin, new.tools, [each for each in self._loaded.values() if each not in replaced])
        except PluginError:
            self._leave(new)
            raise
        kept = {name: each for name, each in self._loaded.items() if each not in replaced}
        self._set_loaded({**kept, plugin.name: new})
        for each in replaced:
            self._leave(each)

    async def _check_claims(self, plugin: IsolatedPlugin, origin: str) -> None:
        """Check what a plugin that is not trusted says of itself: under its name lies what people keep with it.

        Raises:
            PluginError: it has another name than its file or entry point, or the name of an installed plugin; or it
                wants to find other people and may not.
        """
        named = Path(origin.removeprefix(f"{ENTRY_POINT} ")).stem
        installed = {entry.name for entry in await installed_plugins()}
        if plugin.name not in plugin_names(named) or (plugin.name in installed and not origin.startswith(ENTRY_POINT)):
            raise PluginError(
                f"the isolated plugin of {named!r} calls itself {plugin.name!r}; it has to be called as its file or "
                "entry point, and not as an installed plugin: what is kept under that name is not for it"
            )
        if plugin.asks_others and not self._is_given(f"{plugin.name}.contacts"):
            raise PluginError(
                f"the isolated plugin {plugin.name!r} finds other people; if it may, add '{plugin.name}.contacts' to "
                "`permissions` of the bot"
            )

    def _is_given(self, permission: str) -> bool:
        """Whether the bot gives a permission."""
        return True

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
            self._note_change()

    def _check_names(self, plugin: ToolSource, tools: Mapping[str, Tool], others: Iterable[LoadedPlugin]) -> None:
        for other in others:
            for name in (*(set(tools) & set(other.tools)), *(set(plugin.commands) & set(other.plugin.commands))):
                raise PluginError(f"plugin {plugin.name!r}: {name!r} is taken by the plugin {other.plugin.name!r}")

    def _set_loaded(self, loaded: dict[str, LoadedPlugin]) -> None:
        self._loaded = loaded
        self._note_change()

    def _note_change(self) -> None:
        """Called when a plugin has come or gone, or has other tools."""

    def _drop(self, origin: str) -> None:
        gone = [each for each in self._loaded.values() if each.origin == origin]
        self._set_loaded({name: each for name, each in self._loaded.items() if each not in gone})
        for each in gone:
            self._leave(each)

    def _leave(self, each: LoadedPlugin) -> None:
        task = asyncio.get_running_loop().create_task(each.stop_when_idle(self._start_timeout))
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    @contextlib.contextmanager
    def _reported(self, origin: str) -> Generator[None]:
        self._waiting.discard(origin)
        self._mistakes.pop(origin, None)
        try:
            yield
        except BaseException as raised:
            error = contain(raised)
            self._problems[origin] = str(error)
            if isinstance(error, ConfigError):
                self._mistakes[origin] = error
            _log.error("plugin not loaded", source=origin, problem=str(error))


def _give_up(made: MadePlugin) -> None:
    if made.namespace is not None:
        made.namespace.close()
