"""The plugins of a running host: loads them, reloads them, and calls their tools.

A call takes the plugin from one dictionary. A reload builds the new plugin beside the old one and then swaps that
entry. So every call runs on one version and never on a mix. The old plugin stops when its last call has ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import Awaitable, Callable, Collection, Generator, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import structlog

from llmagent_os.adapter import OPEN_TO_ALL, is_open_to_all
from llmagent_os.adapter_kit.containment import contain
from llmagent_os.adapter_kit.pages import PageRequest, PageResponse
from llmagent_os.chat import ToolCall, ToolSpec
from llmagent_os.contacts import Contacts
from llmagent_os.credentials.credential import Credential
from llmagent_os.credentials.vault import Vault
from llmagent_os.errors import PluginError
from llmagent_os.events import Event
from llmagent_os.identity import Identity
from llmagent_os.people.profiles import Profile
from llmagent_os.plugin import RECEIVING_SECONDS, Tool, ToolContext, ToolMark, ToolResult, ToolSource, joined_results
from llmagent_os.records import Records, SharedRecords
from llmagent_os.timers import Timers
from llmagent_os.tools.circuit_breaker import CircuitBreaker
from llmagent_os.tools.declared_tools import check_declaration, declared_tools
from llmagent_os.tools.loaded_plugin import ENTRY_POINT, LoadedPlugin, PluginHealth, health_of_all
from llmagent_os.tools.plugin_loading import from_entry_point, from_file
from llmagent_os.tools.plugin_privacy import is_refused_here, private_refusal
from llmagent_os.tools.plugin_sources import PluginFolder, installed_plugins, not_installed
from llmagent_os.tools.result_check import without_prefix
from llmagent_os.tools.tool_calling import ToolCaller, is_permitted

PROFILE_WRITE = "profile.write"  #: the permission of a tool that may change the profile
EXPORT_SECONDS = 60.0  #: that a plugin may take to write its files for an export
BUTTON_CHARACTERS = 80  #: of an unknown button's value or a timer's key, shown in an error

_SILENT = ToolResult({}, "(nothing is said)")  #: stands for ``ToolSource.due`` returning None

_log = structlog.get_logger(__name__)


class Plugins:
    """The registry. Use it as ``async with Plugins(...) as plugins``, or call ``start`` and ``stop``.

    Args:
        folder: a folder of single-file plugins (``weather.py`` with one :class:`Plugin` class in it), which ``watch``
            reloads.
        installed: the names of the installed plugins (entry points ``llmagent_os.plugins``) to load. None loads all.
        allowed: the permissions given to plugins, with wildcards (``calendar.*``). None gives all.
        records: gives a plugin its documents about a person, by the identity who acts: ``ledger.records``. If given,
            every call gets the records of its own plugin and person, whatever the context holds.
        timers: gives a plugin its timers for the sender of an event: ``ledger.timers``. It works like ``records``, but
            only for calls that an event caused.
        contacts: gives a plugin that asks for them the contacts of the sender of an event: ``ledger.contacts``.
        shared: gives a plugin that says so what all people keep with it: ``ledger.shared_records``.
        vault: keeps people's credentials. None: a call has those of its context.
        failures: the number of failures in a row after which a plugin is cut off.
        rest: seconds that a plugin is cut off for, doubled with every further failure.
        start_timeout: seconds that a plugin may take to start or stop.
        grace: seconds to wait for a cancelled call before it counts as hung.
        clock: seconds that only ever increase, for the rest of a plugin and for how long a call blocks.
    """

    def __init__(
        self,
        *,
        folder: Path | None = None,
        installed: Collection[str] | None = None,
        allowed: Collection[str] | None = None,
        records: Callable[[str, Identity], Records] | None = None,
        timers: Callable[[str, Event], Timers] | None = None,
        contacts: Callable[[str, Event], Contacts] | None = None,
        shared: Callable[[str], SharedRecords] | None = None,
        vault: Vault | None = None,
        failures: int = 3,
        rest: float = 60.0,
        start_timeout: float = 10.0,
        grace: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.folder = folder
        self._folder = PluginFolder(folder)
        self._installed = installed
        self._allowed = allowed
        self._caller = ToolCaller(records, timers, contacts, grace, clock, vault, shared)
        self._breaker: Callable[[], CircuitBreaker] = lambda: CircuitBreaker(failures=failures, rest=rest, clock=clock)
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

    # -- what is loaded -----------------------------------------------------------------------------------------------

    def specs(self, allowed: Collection[str] | None = None) -> tuple[ToolSpec, ...]:
        """Return the permitted tools that models are offered, of all plugins that are not cut off.

        Args:
            allowed: permissions that are asked for besides the registry's own. None asks for no more.
        """
        return tuple(
            tool.spec
            for each in self._loaded.values()
            if each.breaker.state != "open"
            for tool in each.tools.values()
            if tool.mark.offered and is_permitted(tool.spec, self._allowed, allowed)
        )

    def permitted(self) -> frozenset[str]:
        """The names of the tools that may be called, also of those that only a plugin's own rules call."""
        tools = (tool for each in self._loaded.values() for tool in each.tools.values())
        return frozenset(tool.spec.name for tool in tools if is_permitted(tool.spec, self._allowed, None))

    def mark_of(self, name: str) -> ToolMark | None:
        """What a plugin says of its tool ``name``. None: there is no such tool."""
        return next((each.tools[name].mark for each in self._loaded.values() if name in each.tools), None)

    def spec_of(self, name: str) -> ToolSpec | None:
        """How a tool is offered to models. None: there is no such tool."""
        return next((each.tools[name].spec for each in self._loaded.values() if name in each.tools), None)

    def keep_private(self, names: Iterable[str]) -> bool:
        """Whether one of the tools ``names`` is of a plugin that keeps private what it is told and says."""
        private = {tool for each in self._loaded.values() if each.plugin.keeps_private for tool in each.tools}
        return not private.isdisjoint(names)

    def credential(self, plugin: str, name: str) -> Credential | None:
        """What a plugin says of one of its credentials. None: there is none such."""
        each = self._loaded.get(plugin)
        declared = each.plugin.credentials if each is not None else ()
        return next((credential for credential in declared if credential.name == name), None)

    @property
    def credentials(self) -> list[tuple[str, Credential]]:
        """Every credential that a loaded plugin declares, with the plugin's name."""
        return [(name, credential) for name, each in self._loaded.items() for credential in each.plugin.credentials]

    @property
    def marks(self) -> dict[str, ToolMark]:
        """What the plugins say of their tools that may be called, by name."""
        tools = (tool for each in self._loaded.values() for tool in each.tools.values())
        return {tool.spec.name: tool.mark for tool in tools if is_permitted(tool.spec, self._allowed, None)}

    @property
    def ask_others(self) -> bool:
        """Whether a loaded plugin finds other people by name, so that who writes to the bot is to be noted."""
        return any(each.plugin.asks_others for each in self._loaded.values())

    @property
    def permissions(self) -> frozenset[str]:
        """Every permission that a tool of a loaded plugin asks for, given or not."""
        return frozenset(tool.spec.permission for each in self._loaded.values() for tool in each.tools.values()) - {""}

    @property
    def awaits_first_file(self) -> bool:
        """Whether there is a folder of plugins, and no plugin of it was loaded yet."""
        return self.folder is not None and all(each.source == ENTRY_POINT for each in self._loaded.values())

    @property
    def commands(self) -> dict[str, str]:
        """The slash commands of all plugins: name to one line of help."""
        return {name: help_ for each in self._loaded.values() for name, help_ in each.plugin.commands.items()}

    @property
    def file_commands(self) -> frozenset[str]:
        """The names of the slash commands of plugins with which files may be given."""
        return frozenset(name for each in self._loaded.values() for name in each.plugin.file_commands)

    def health(self) -> tuple[PluginHealth, ...]:
        """Return the state of every plugin, including those that could not be loaded."""
        return health_of_all(self._loaded, self._problems)

    # -- calling ------------------------------------------------------------------------------------------------------

    async def call(
        self, name: str, arguments: Mapping[str, Any], context: ToolContext, *, allowed: Collection[str] | None = None
    ) -> ToolResult:
        """Call a tool as a model asked for it.

        Raises:
            ToolArgumentError: the arguments do not fit the tool's schema; the plugin was not called.
            PluginError: there is no such tool, it is not permitted, its plugin is cut off, or the call failed.
        """
        each, tool, values = self._checked(name, arguments, allowed)
        if is_refused_here(each.plugin, context):
            return private_refusal()
        return await self._caller.call(
            each,
            name,
            lambda own: tool.call(own, values),
            context,
            seconds=tool.mark.timeout,
            may_change_profile=tool.spec.permission == PROFILE_WRITE,
            credentials=tool.mark.credentials,
        )

    async def proposed(
        self, name: str, arguments: Mapping[str, Any], context: ToolContext, *, allowed: Collection[str] | None = None
    ) -> str:
        """What a call would do, in its plugin's words; empty: the plugin has none.

        Raises:
            PluginError: as for :meth:`call`.
        """
        each, _, values = self._checked(name, arguments, allowed)
        if not each.plugin.answers("proposed"):
            return ""
        words: list[str] = []

        async def ask(own: ToolContext) -> ToolResult:
            words.append(await each.plugin.proposed(own, name, values))
            return _SILENT

        await self._caller.call(each, f"what {name} would do", ask, context)
        return words[-1]

    def _checked(
        self, name: str, arguments: Mapping[str, Any], allowed: Collection[str] | None
    ) -> tuple[LoadedPlugin, Tool, dict[str, Any]]:
        """The plugin and the tool of a call, and its arguments as the tool takes them. Raises as :meth:`call` does."""
        each = next((each for each in self._loaded.values() if name in each.tools), None)
        if each is None:
            raise PluginError(
                f"there is no tool {name!r}; there are: {', '.join(spec.name for spec in self.specs(allowed))}"
            )
        tool = each.tools[name]
        if not is_permitted(tool.spec, self._allowed, allowed):
            raise PluginError(
                f"the tool {name!r} needs the permission {tool.spec.permission!r}, which this bot does not give"
            )
        return each, tool, tool.check(arguments)

    async def press(self, value: str, context: ToolContext, *, allowed: Collection[str] | None = None) -> ToolResult:
        """Answer the press of a plugin's button. ``value`` is the button's value in the plugin's checked result.

        Raises:
            PluginError: no plugin has such a button, or the call failed.
        """
        owner, _, rest = value.removeprefix(OPEN_TO_ALL).partition(":")
        each = self._loaded.get(owner)
        if each is None or not rest or not self._any_permitted(each, allowed):
            raise PluginError(f"no plugin answers the button {value[:BUTTON_CHARACTERS]!r}")
        if is_refused_here(each.plugin, context):
            return private_refusal()
        return await self._caller.call(
            each, "a button", lambda own: _pressed(each.plugin, own, value, rest), context, credentials=None
        )

    async def button_meant(self, context: ToolContext, *, allowed: Collection[str] | None = None) -> str | None:
        """The value of the button that the words in ``context.text`` mean. None: they mean none.

        Only plugins that have a rule for it are asked. One that fails has no say, and the model answers.
        """
        for name, each in self._loaded.items():
            if not each.plugin.answers("button_meant") or not self._is_asked(each, context, allowed):
                continue
            meant: list[str] = []

            async def ask(own: ToolContext, source: ToolSource = each.plugin, meant: list[str] = meant) -> ToolResult:
                value = await source.button_meant(own)
                meant.extend([] if value is None else [str(value)])
                return _SILENT

            try:
                await self._caller.call(each, "words that mean a button", ask, context)
            except PluginError:  # logged where it was called
                continue
            if meant:
                return f"{name}:{meant[0]}"
        return None

    async def urgent_answer_to(
        self, context: ToolContext, *, allowed: Collection[str] | None = None
    ) -> ToolResult | None:
        """The first plugin's answer to words that cannot wait. None: nothing is urgent. One that fails has no say."""
        for each in self._loaded.values():
            if not each.plugin.answers("urgent_answer_to") or not self._any_permitted(each, allowed):
                continue
            silent: list[bool] = []

            async def ask(
                own: ToolContext, source: ToolSource = each.plugin, silent: list[bool] = silent
            ) -> ToolResult:
                result = await source.urgent_answer_to(own)
                silent.append(result is None)
                return _SILENT if result is None else result

            try:
                result = await self._caller.call(each, "urgent words", ask, context)
            except PluginError:  # logged where it was called
                continue
            if not silent[-1]:
                return result
        return None

    async def answer_to(self, context: ToolContext, *, allowed: Collection[str] | None = None) -> ToolResult | None:
        """The answer of the first plugin whose rules have one to ``context.text``. None: no rules have.

        A plugin that fails has no say.
        """
        for name, each in self._loaded.items():
            if not each.plugin.answers("answer_to") or not self._is_asked(each, context, allowed):
                continue
            silent = False

            async def ask(own: ToolContext, source: ToolSource = each.plugin) -> ToolResult:
                nonlocal silent
                result = await source.answer_to(own)
                silent = result is None
                return _SILENT if result is None else result

            try:
                result = await self._caller.call(each, "answering by rules", ask, context)
            except PluginError as error:
                _log.warning("a plugin's rules failed", plugin=name, error=str(error))
                continue
            if not silent:
                return result
        return None

    async def requests_in(
        self, context: ToolContext, *, allowed: Collection[str] | None = None
    ) -> tuple[ToolCall, ...] | ToolResult:
        """What ``context.text`` asks for by the rules of one plugin: calls, or the answer. No call: the model decides.

        The first plugin that understands the words has its way. Calls that a model could not make are never made: then
        the plugin's rules are wrong, and the model decides.
        """
        for name, each in self._loaded.items():
            if not each.plugin.answers("requests_in") or not self._is_asked(each, context, allowed):
                continue
            found: list[ToolCall] = []

            async def ask(
                own: ToolContext, source: ToolSource = each.plugin, found: list[ToolCall] = found
            ) -> ToolResult:
                read = await source.requests_in(own)
                if isinstance(read, ToolResult):
                    return read
                found.extend(read)
                return _SILENT

            try:
                result = await self._caller.call(each, "reading a message", ask, context)
                for call in found:
                    self._checked(call.name, call.arguments, allowed)
            except PluginError as error:
                _log.warning("the calls that a plugin read cannot be made", plugin=name, error=str(error))
                continue
            if found:
                return tuple(found)
            if result != _SILENT:
                return result
        return ()

    async def joined(
        self, names: Collection[str], results: Mapping[str, ToolResult], context: ToolContext
    ) -> ToolResult:
        """Make one result of several calls that one message asked for, by their plugin's rule where it has one.

        Args:
            names: of the tools.
            results: by the ``call_id`` of their calls, in order.
            context: of the message.
        """
        for each in self._loaded.values():
            if not set(names) <= set(each.tools) or not each.plugin.answers("joined"):
                continue
            own_results = {key: without_prefix(result, each.plugin.name) for key, result in results.items()}

            async def join(
                own: ToolContext, source: ToolSource = each.plugin, results: Mapping[str, ToolResult] = own_results
            ) -> ToolResult:
                return await source.joined(own, results)

            try:
                return await self._caller.call(each, "several results", join, context)
            except PluginError as error:
                _log.warning("results cannot be joined by their plugin", plugin=each.plugin.name, error=str(error))
        return joined_results([*results.values()])

    async def received(self, context: ToolContext, *, allowed: Collection[str] | None = None) -> ToolResult | None:
        """The answer of the first plugin that has one to the files or the address in a message. None: none has.

        Only plugins that have a rule for it are asked. One that fails has no say.
        """
        for each in self._loaded.values():
            if not each.plugin.answers("received") or not self._is_asked(each, context, allowed):
                continue
            silent: list[bool] = []

            async def ask(
                own: ToolContext, source: ToolSource = each.plugin, silent: list[bool] = silent
            ) -> ToolResult:
                result = await source.received(own)
                silent.append(result is None)
                return _SILENT if result is None else result

            try:
                result = await self._caller.call(each, "what was sent", ask, context, seconds=RECEIVING_SECONDS)
            except PluginError:  # logged where it was called
                continue
            if not silent[-1]:
                return result
        return None

    async def profile_changed(self, context: ToolContext, before: Profile, assumed_zone: str) -> list[str]:
        """Tell the plugins that follow it of a change of the person's profile. Returns what they have to say.

        A plugin that fails has no say.
        """
        said: list[str] = []
        for name, each in self._loaded.items():
            if not each.plugin.answers("profile_changed"):
                continue

            async def follow(own: ToolContext, source: ToolSource = each.plugin) -> ToolResult:
                return await source.profile_changed(own, before, assumed_zone) or _SILENT

            try:
                result = await self._caller.call(each, "a changed profile", follow, context)
            except PluginError as error:
                _log.warning("a plugin could not follow a changed profile", plugin=name, error=str(error))
                continue
            said += [result.text] if result != _SILENT else []
        return said

    async def suggestions(self, context: ToolContext, *, allowed: Collection[str] | None = None) -> list[str]:
        """What the plugins suggest that the person could ask now. A plugin that fails suggests nothing."""
        found: list[str] = []
        for each in self._loaded.values():
            if not each.plugin.answers("suggestions") or not self._any_permitted(each, allowed):
                continue

            async def ask(own: ToolContext, source: ToolSource = each.plugin) -> ToolResult:
                found.extend(str(words) for words in await source.suggestions(own))
                return _SILENT

            with contextlib.suppress(PluginError):  # logged where it was called
                await self._caller.call(each, "suggestions", ask, context)
        return found

    def work(self, tool: str) -> str:
        """What people read while ``tool`` is called; empty: nothing of its own."""
        return next((each.plugin.work for each in self._loaded.values() if tool in each.tools), "")

    async def command(
        self, name: str, arguments: str, context: ToolContext, *, allowed: Collection[str] | None = None
    ) -> ToolResult:
        """Answer a slash command of a plugin.

        Raises:
            PluginError: no plugin has this command, or the call failed.
        """
        each = next((each for each in self._loaded.values() if name in each.plugin.commands), None)
        if each is None or not self._any_permitted(each, allowed):
            raise PluginError(f"no plugin answers /{name}")
        if is_refused_here(each.plugin, context):
            return private_refusal()
        return await self._caller.call(
            each, f"/{name}", lambda own: each.plugin.command(own, name, arguments), context, credentials=None
        )

    @property
    def exporting(self) -> tuple[str, ...]:
        """The names of the plugins that give what they keep about a person as files."""
        return tuple(name for name, each in self._loaded.items() if each.plugin.answers("export_files"))

    async def export_files(self, plugin: str, context: ToolContext) -> ToolResult | None:
        """What ``plugin`` keeps about the person of ``context``, with files. None: it has no files for the person.

        Raises:
            PluginError: there is no such plugin, it is cut off, or the call failed.
        """
        each = self._loaded.get(plugin)
        if each is None:
            raise PluginError(f"there is no plugin {plugin!r}; {', '.join(self.exporting) or 'none'} can export files")
        given = False

        async def ask(own: ToolContext) -> ToolResult:
            nonlocal given
            result = await each.plugin.export_files(own)
            given = result is not None
            return _SILENT if result is None else result

        result = await self._caller.call(each, "an export", ask, context, seconds=EXPORT_SECONDS)
        return result if given else None

    async def page(
        self,
        plugin: str,
        request: PageRequest,
        context_of: Callable[[str], Awaitable[ToolContext | None]],
        nobody: ToolContext,
    ) -> PageResponse | None:
        """The answer of ``plugin`` to a request from the web. None: there is no such page.

        Args:
            plugin: the plugin's name.
            request: what is asked.
            context_of: the context of the person who has a record of the plugin under a key.
            nobody: a context of no person.

        Raises:
            PluginError: the plugin is cut off, or the call failed.
        """
        each = self._loaded.get(plugin)
        if each is None or not each.plugin.answers("page"):
            return None
        found: list[PageResponse | None] = []

        async def visitor(key: str) -> ToolContext | None:
            context = await context_of(key)
            return None if context is None else self._caller.own(plugin, context)

        async def ask(_: ToolContext) -> ToolResult:
            found.append(await each.plugin.page(request, visitor))
            return _SILENT

        await self._caller.call(each, "a page", ask, nobody)
        return found[-1]

    async def due(
        self, plugin: str, key: str, at: datetime, context: ToolContext, *, allowed: Collection[str] | None = None
    ) -> ToolResult | None:
        """Tell ``plugin`` that one of its timers is due. None: the plugin has nothing to say.

        Raises:
            PluginError: there is no such plugin now, or the call failed.
        """
        each = self._loaded.get(plugin)
        if each is None or not self._any_permitted(each, allowed):
            raise PluginError(f"the plugin {plugin!r}, which set the timer {key[:BUTTON_CHARACTERS]!r}, is not there")
        silent = False

        async def answer(own: ToolContext) -> ToolResult:
            nonlocal silent
            result = await each.plugin.due(own, key, at)
            silent = result is None
            return _SILENT if result is None else result

        result = await self._caller.call(each, "a timer", answer, context, credentials=None)
        return None if silent else result

    def _any_permitted(self, each: LoadedPlugin, allowed: Collection[str] | None) -> bool:
        return not each.tools or any(is_permitted(tool.spec, self._allowed, allowed) for tool in each.tools.values())

    def _is_asked(self, each: LoadedPlugin, context: ToolContext, allowed: Collection[str] | None) -> bool:
        return self._any_permitted(each, allowed) and not is_refused_here(each.plugin, context)

    # -- loading ------------------------------------------------------------------------------------------------------

    async def add(self, plugin: ToolSource, source: str = "added") -> None:
        """Load ``plugin``. It replaces a plugin of the same name once it has started.

        Raises:
            PluginError: a tool is badly defined, another plugin has the name, or the plugin does not start.
        """
        async with self._loading:
            await self._swap(plugin, source, ())

    async def add_reported(self, plugin: ToolSource, source: str) -> bool:
        """Load ``plugin`` as :meth:`add` does. Returns whether that worked; if not, ``health`` says why."""
        with self._reported(source):
            await self.add(plugin, source)
            self._problems.pop(source, None)
            return True
        return False

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


async def _pressed(plugin: ToolSource, context: ToolContext, value: str, rest: str) -> ToolResult:
    """Have the plugin answer a press. A button that anybody may press has a method of its own."""
    return await (plugin.pressed_by_anyone if is_open_to_all(value) else plugin.pressed)(context, rest)
