"""The plugins of a running host: found, checked, called, watched, and cut off where they fail.

A call takes the plugin from one dictionary. A reload builds the new plugin beside the old one and then swaps that
entry, so a call runs on the one or the other and never on a mix; the old plugin stops when its last call has ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import sys
import time
from collections.abc import Awaitable, Callable, Collection, Generator, Mapping
from datetime import datetime
from fnmatch import fnmatchcase
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Literal, Self

import msgspec
import structlog
import watchfiles

from llmagent_os.chat import ToolSpec
from llmagent_os.errors import PluginError
from llmagent_os.events import Event
from llmagent_os.identity import identity_of
from llmagent_os.plugin import Plugin, ToolContext, ToolResult
from llmagent_os.records import Records
from llmagent_os.timers import Timers
from llmagent_os.tools.circuit_breaker import CircuitBreaker
from llmagent_os.tools.plugin_loading import from_entry_point, from_file, version
from llmagent_os.tools.result_check import checked
from llmagent_os.tools.tool_schema import Tool, tools_of

GROUP = "llmagent_os.plugins"  #: the entry points that are plugins
PROFILE_WRITE = "profile.write"  #: the permission of a tool that may change the profile

_SILENT = ToolResult({}, "(nothing is said)")  #: stands for ``Plugin.due`` returning None

_log = structlog.get_logger(__name__)


class PluginHealth(msgspec.Struct, frozen=True, kw_only=True):
    """How a plugin is doing, for ``llmagent-os doctor`` and ``/healthz``."""

    name: str
    source: str  #: ``entry point``, ``added``, or its file
    state: Literal["working", "resting", "trial", "not loaded"]  #: resting: cut off after failures in a row
    tools: tuple[str, ...] = ()
    failures: int = 0  #: in a row
    retry_in: float = 0.0  #: seconds until a resting plugin is tried again
    problem: str = ""  #: the last failure, or why its newest version could not be loaded
    hung: int = 0  #: calls that did not end when they were cancelled


@dataclasses.dataclass(eq=False)
class _Loaded:
    plugin: Plugin
    tools: dict[str, Tool]
    source: str
    breaker: CircuitBreaker
    modules: tuple[str, ...] = ()  # in sys.modules, for as long as it is loaded
    running: int = 0
    idle: asyncio.Event = dataclasses.field(default_factory=asyncio.Event)
    hung: set[asyncio.Task[Any]] = dataclasses.field(default_factory=set[asyncio.Task[Any]])


class Plugins:
    """The registry. Use it as ``async with Plugins(...) as plugins``, or call ``start`` and ``stop``.

    Args:
        folder: a folder of single-file plugins (``weather.py`` with one :class:`Plugin` class in it), which ``watch``
            reloads.
        installed: which installed plugins (entry points ``llmagent_os.plugins``) to load: names, or ``None`` for all.
        allowed: the permissions given to plugins, with wildcards (``calendar.*``); ``None`` for all.
        records: gives a plugin its documents about a person, by the identity who acts: ``ledger.records``. Where
            given, every call gets the records of its own plugin and person, whatever the context holds.
        timers: gives a plugin its timers for whoever an event is of: ``ledger.timers``. As ``records``, but only for
            calls that an event led to.
        failures: failures in a row after which a plugin is cut off.
        rest: seconds that it is cut off for, doubled with every further failure.
        start_timeout: seconds that a plugin may take to start or stop.
        grace: seconds that a cancelled call is waited for before it is given up as hung.
    """

    def __init__(
        self,
        *,
        folder: Path | None = None,
        installed: Collection[str] | None = None,
        allowed: Collection[str] | None = None,
        records: Callable[[str, str], Records] | None = None,
        timers: Callable[[str, Event], Timers] | None = None,
        failures: int = 3,
        rest: float = 60.0,
        start_timeout: float = 10.0,
        grace: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.folder = folder
        self._installed = installed
        self._allowed = allowed
        self._records = records
        self._timers = timers
        self._breaker: Callable[[], CircuitBreaker] = lambda: CircuitBreaker(failures=failures, rest=rest, clock=clock)
        self._start_timeout = start_timeout
        self._grace = grace
        self._loaded: dict[str, _Loaded] = {}  # by plugin name; replaced as a whole, never changed in place
        self._problems: dict[str, str] = {}  # source -> why it (or its newest version) is not loaded
        self._leaving: set[asyncio.Task[None]] = set()
        self._loading = asyncio.Lock()
        self._versions = 0
        self._seen: dict[Path, tuple[int, int]] = {}  # what watch compares with

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Load everything. What cannot be loaded is reported by ``health`` and does not keep the rest away."""
        for entry in await asyncio.to_thread(lambda: tuple(entry_points(group=GROUP))):
            if self._installed is None or entry.name in self._installed:
                with self._reported(f"entry point {entry.name}"):
                    await self.add(await asyncio.to_thread(from_entry_point, entry.name, entry.load), "entry point")
        for name in self._installed or ():
            if name not in self._loaded and f"entry point {name}" not in self._problems:
                with self._reported(f"entry point {name}"):
                    raise PluginError(f"no installed plugin is called {name!r}")
        for path in await asyncio.to_thread(self._files):
            await self.reload(path)

    async def stop(self) -> None:
        """Stop every plugin, after the calls under way have ended."""
        loaded, self._loaded = self._loaded, {}
        for each in loaded.values():
            self._leave(each)
        while self._leaving:
            await asyncio.wait(set(self._leaving))

    # -- what there is ------------------------------------------------------------------------------------------------

    def specs(self, allowed: Collection[str] | None = None) -> tuple[ToolSpec, ...]:
        """The tools that the permissions allow (and ``allowed``, where given), of plugins that are not cut off."""
        return tuple(
            tool.spec
            for each in self._loaded.values()
            if each.breaker.state != "open"
            for tool in each.tools.values()
            if self._permits(tool.spec, allowed)
        )

    @property
    def commands(self) -> dict[str, str]:
        """Every plugin's slash commands: name to help."""
        return {name: help_ for each in self._loaded.values() for name, help_ in each.plugin.commands.items()}

    def health(self) -> tuple[PluginHealth, ...]:
        """How every plugin is doing, also those that could not be loaded."""
        states: dict[str, Literal["working", "resting", "trial"]] = {
            "closed": "working",
            "open": "resting",
            "half-open": "trial",
        }
        problems = dict(self._problems)
        working = [
            PluginHealth(
                name=name,
                source=each.source,
                state=states[each.breaker.state],
                tools=tuple(each.tools),
                failures=each.breaker.failures,
                retry_in=each.breaker.retry_in,
                problem=problems.pop(each.source, "") or each.breaker.last_error,
                hung=len(each.hung),
            )
            for name, each in self._loaded.items()
        ]
        return (
            *working,
            *(
                PluginHealth(
                    name=Path(source).stem.removeprefix("entry point "),
                    source=source,
                    state="not loaded",
                    problem=problem,
                )
                for source, problem in problems.items()
            ),
        )

    # -- calling ------------------------------------------------------------------------------------------------------

    async def call(
        self, name: str, arguments: Mapping[str, Any], context: ToolContext, *, allowed: Collection[str] | None = None
    ) -> ToolResult:
        """Call a tool as a model asked for it.

        Raises:
            ToolArgumentError: the arguments do not fit; the plugin was not called.
            PluginError: there is no such tool, it is not permitted, its plugin is cut off, or it failed.
        """
        for each in self._loaded.values():
            if name in each.tools:
                break
        else:
            raise PluginError(
                f"there is no tool {name!r}; there are: {', '.join(spec.name for spec in self.specs(allowed))}"
            )
        tool = each.tools[name]
        if not self._permits(tool.spec, allowed):
            raise PluginError(
                f"the tool {name!r} needs the permission {tool.spec.permission!r}, which this bot does not give"
            )
        values = tool.check(arguments)
        return await self._run(
            each,
            name,
            lambda own: tool.method(own, **values),
            context,
            tool.timeout,
            tool.spec.permission == PROFILE_WRITE,
        )

    async def press(self, value: str, context: ToolContext, *, allowed: Collection[str] | None = None) -> ToolResult:
        """Answer the press of a plugin's button: the value that a reply of it carried.

        Raises:
            PluginError: no plugin has such a button, or it failed.
        """
        owner, _, rest = value.partition(":")
        each = self._loaded.get(owner)
        if each is None or not rest or not self._any_permitted(each, allowed):
            raise PluginError(f"no plugin answers the button {value[:80]!r}")
        return await self._run(each, "a button", lambda own: each.plugin.pressed(own, rest), context)

    async def command(
        self, name: str, arguments: str, context: ToolContext, *, allowed: Collection[str] | None = None
    ) -> ToolResult:
        """Answer a slash command of a plugin.

        Raises:
            PluginError: no plugin has this command, or it failed.
        """
        each = next((each for each in self._loaded.values() if name in each.plugin.commands), None)
        if each is None or not self._any_permitted(each, allowed):
            raise PluginError(f"no plugin answers /{name}")
        return await self._run(each, f"/{name}", lambda own: each.plugin.command(own, name, arguments), context)

    async def due(
        self, plugin: str, key: str, at: datetime, context: ToolContext, *, allowed: Collection[str] | None = None
    ) -> ToolResult | None:
        """Tell ``plugin`` that a moment it had asked for has come. None: nothing is to be said.

        Raises:
            PluginError: there is no such plugin now, or it failed.
        """
        each = self._loaded.get(plugin)
        if each is None or not self._any_permitted(each, allowed):
            raise PluginError(f"the plugin {plugin!r}, which set the timer {key[:80]!r}, is not there")
        said = True

        async def answer(own: ToolContext) -> ToolResult:
            nonlocal said
            result = await each.plugin.due(own, key, at)
            said = result is not None
            return _SILENT if result is None else result

        result = await self._run(each, "a timer", answer, context)
        return result if said else None

    def _permits(self, spec: ToolSpec, allowed: Collection[str] | None) -> bool:
        return not spec.permission or all(
            given is None or any(fnmatchcase(spec.permission, pattern) for pattern in given)
            for given in (self._allowed, allowed)
        )

    def _any_permitted(self, each: _Loaded, allowed: Collection[str] | None) -> bool:
        return any(self._permits(tool.spec, allowed) for tool in each.tools.values()) or not each.tools

    async def _run(
        self,
        each: _Loaded,
        what: str,
        method: Callable[[ToolContext], Awaitable[ToolResult]],
        context: ToolContext,
        seconds: float = 10.0,
        may_change_profile: bool = False,
    ) -> ToolResult:
        name, breaker = each.plugin.name, each.breaker
        if not breaker.allow():
            raise PluginError(
                f"the plugin {name!r} is cut off after {breaker.failures} failures in a row ({breaker.last_error}); "
                f"it is tried again in {breaker.retry_in:.0f} s"
            )
        if self._records is not None:
            identity = context.user_id if context.event is None else identity_of(context.event)
            context = dataclasses.replace(context, records=self._records(name, identity))
        if self._timers is not None and context.event is not None:
            context = dataclasses.replace(context, timers=self._timers(name, context.event))
        each.running += 1
        each.idle.clear()
        try:
            result = checked(
                await self._bounded(each, method(context), seconds), plugin=name, may_change_profile=may_change_profile
            )
        except asyncio.CancelledError:
            breaker.abandoned()
            raise
        except Exception as error:
            why = str(error) if isinstance(error, PluginError | TimeoutError) else f"{type(error).__name__}: {error}"
            breaker.failed(f"{what}: {why}"[:500])
            _log.warning(
                "plugin failed", plugin=name, what=what, failures=breaker.failures, state=breaker.state, exc_info=error
            )
            raise PluginError(f"the plugin {name!r} failed: {what}: {why}") from error
        finally:
            each.running -= 1
            if not each.running:
                each.idle.set()
        breaker.succeeded()
        return result

    async def _bounded(self, each: _Loaded, work: Awaitable[ToolResult], seconds: float) -> ToolResult:
        """Wait for ``work``, cancel it after so many ``seconds``, and give it up where it does not heed that."""
        task = asyncio.ensure_future(work)
        try:
            done, _ = await asyncio.wait({task}, timeout=seconds)
        except asyncio.CancelledError:
            await self._cancel(each, task)
            raise
        if not done:
            await self._cancel(each, task)
            raise TimeoutError(f"took longer than {seconds:g} s")
        if task.cancelled():
            raise PluginError("cancelled itself")
        return task.result()

    async def _cancel(self, each: _Loaded, task: asyncio.Future[Any]) -> None:
        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=self._grace)
        if done:
            _ = task.cancelled() or task.exception()  # seen: nothing is left for asyncio to complain about
        elif isinstance(task, asyncio.Task):
            each.hung.add(task)
            task.add_done_callback(each.hung.discard)
            task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
            _log.error("plugin ignores cancellation", plugin=each.plugin.name)

    # -- loading ------------------------------------------------------------------------------------------------------

    async def add(self, plugin: Plugin, source: str = "added") -> None:
        """Load ``plugin``; one of the same name is replaced when the new one has started.

        Raises:
            PluginError: a tool is badly defined, a name is taken by another plugin, or it does not start.
        """
        async with self._loading:
            await self._swap(plugin, source, ())

    async def reload(self, path: Path) -> bool:
        """Load, reload or (where the file is gone) unload a plugin file.

        Returns:
            whether it worked. Where it did not, what was loaded before stays, and ``health`` says why.
        """
        source = str(path)
        async with self._loading:
            self._seen.pop(path, None)
            found = await asyncio.to_thread(version, path)
            self._seen.update(found)
            with self._reported(source):
                if found:
                    self._versions += 1
                    # The module's name is new with every version, so that the old one is left alone while it is in use.
                    plugin, module = await asyncio.to_thread(
                        from_file, path, f"llmagent_os_plugin_{self._versions}_{path.stem}"
                    )
                    try:
                        await self._swap(plugin, source, (module,))
                    except BaseException:
                        sys.modules.pop(module, None)
                        raise
                else:
                    self._drop(source)
                self._problems.pop(source, None)
                return True
        return False

    async def watch(self) -> None:
        """Reload the folder's plugins as their files change, until cancelled."""
        if self.folder is None:
            return
        folder = self.folder
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        # Also looks every few seconds: network folders send no events, and a file may change before the watch begins.
        async for _ in watchfiles.awatch(  # pyright: ignore[reportUnknownMemberType]
            folder, debounce=200, step=50, recursive=False, rust_timeout=5_000, yield_on_timeout=True
        ):
            files = await asyncio.to_thread(self._files)
            for path in sorted(path for path in {*files, *self._seen} if files.get(path) != self._seen.get(path)):
                await self.reload(path)

    def _files(self) -> dict[Path, tuple[int, int]]:
        """The folder's plugin files, and what tells one version from another."""
        found: dict[Path, tuple[int, int]] = {}
        if self.folder is not None and self.folder.is_dir():
            for path in sorted(self.folder.glob("[!_.]*.py")):
                found.update(version(path))
        return found

    async def _swap(self, plugin: Plugin, source: str, modules: tuple[str, ...]) -> None:
        new = _Loaded(plugin, tools_of(plugin), source, self._breaker(), modules)
        new.idle.set()
        old = self._loaded.get(plugin.name)
        if old is not None and old.source != source:
            raise PluginError(f"the name {plugin.name!r} is taken by the plugin from {old.source}")
        for other in self._loaded.values():
            for name in (*(set(new.tools) & set(other.tools)), *(set(plugin.commands) & set(other.plugin.commands))):
                if other.plugin.name != plugin.name and not (modules and other.source == source):
                    raise PluginError(f"plugin {plugin.name!r}: {name!r} is taken by the plugin {other.plugin.name!r}")
        try:
            async with asyncio.timeout(self._start_timeout):
                await plugin.start()
        except Exception as error:
            raise PluginError(f"plugin {plugin.name!r} does not start: {type(error).__name__}: {error}") from error
        replaced = [each for each in self._loaded.values() if each is old or (modules and each.source == source)]
        self._loaded = {**{name: each for name, each in self._loaded.items() if each not in replaced}, plugin.name: new}
        for each in replaced:
            self._leave(each)

    def _drop(self, source: str) -> None:
        gone = [each for each in self._loaded.values() if each.source == source]
        self._loaded = {name: each for name, each in self._loaded.items() if each not in gone}
        for each in gone:
            self._leave(each)

    def _leave(self, each: _Loaded) -> None:
        task = asyncio.get_running_loop().create_task(self._wind_down(each))
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    async def _wind_down(self, each: _Loaded) -> None:
        await each.idle.wait()  # bounded: every call has a timeout
        try:
            async with asyncio.timeout(self._start_timeout):
                await each.plugin.stop()
        except Exception as error:
            _log.warning("plugin did not stop", plugin=each.plugin.name, exc_info=error)
        for module in each.modules:
            sys.modules.pop(module, None)

    @contextlib.contextmanager
    def _reported(self, source: str) -> Generator[None]:
        try:
            yield
        except Exception as error:
            self._problems[source] = str(error)
            _log.error("plugin not loaded", source=source, problem=str(error))
