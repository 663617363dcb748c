"""The plugins of a running host: what they offer, and how they are called.

A call takes the plugin from one dictionary. A reload swaps an entry of it, see
:class:`~llmagent_os.tools.plugin_lifecycle.PluginLifecycle`. So every call runs on one version and never on a mix.
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import structlog

from llmagent_os.adapter import OPEN_TO_ALL, is_open_to_all
from llmagent_os.adapter_kit.pages import PageRequest, PageResponse
from llmagent_os.chat import ToolCall, ToolSpec
from llmagent_os.config.plugin_tables import PluginTables
from llmagent_os.contacts import Contacts
from llmagent_os.credentials.credential import Credential
from llmagent_os.credentials.vault import Vault
from llmagent_os.errors import PluginError
from llmagent_os.events import Event
from llmagent_os.forms.form import Form, FormErrors
from llmagent_os.forms.form_values import FormValues
from llmagent_os.identity import Identity
from llmagent_os.people.profiles import Profile
from llmagent_os.plugin import RECEIVING_SECONDS, Tool, ToolContext, ToolMark, ToolResult, ToolSource, joined_results
from llmagent_os.records import Records, SharedRecords
from llmagent_os.timers import Timers
from llmagent_os.tools.circuit_breaker import CircuitBreaker
from llmagent_os.tools.declared_tools import has_settings
from llmagent_os.tools.form_check import checked_errors
from llmagent_os.tools.kept_records import KeepingLimits
from llmagent_os.tools.loaded_plugin import ENTRY_POINT, LoadedPlugin
from llmagent_os.tools.plugin_lifecycle import PluginLifecycle
from llmagent_os.tools.plugin_lookup import PluginLookup
from llmagent_os.tools.plugin_platforms import refusal_here, works_on
from llmagent_os.tools.plugin_privacy import refused_call
from llmagent_os.tools.reading_only import only_reads, refusal_to_write
from llmagent_os.tools.result_check import without_prefix
from llmagent_os.tools.tool_calling import ToolCaller, is_permitted
from llmagent_os.tools.tool_choice import OfferedTools
from llmagent_os.tools.tool_index import ToolIndex

PROFILE_WRITE = "profile.write"  #: the permission of a tool that may change the profile
EXPORT_SECONDS = 60.0  #: that a plugin may take to write its files for an export
BUTTON_CHARACTERS = 80  #: of an unknown button's value or a timer's key, shown in an error

_SILENT = ToolResult({}, "(nothing is said)")  #: stands for ``ToolSource.due`` returning None

_log = structlog.get_logger(__name__)


class Plugins(PluginLifecycle):
    """The registry. Use it as ``async with Plugins(...) as plugins``, or call ``start`` and ``stop``.

    Args:
        folder: a folder of plugins (``weather.py`` with one :class:`Plugin` class in it, or a package ``weather/``),
            which ``watch`` reloads.
        installed: the names of the installed plugins (entry points ``llmagent_os.plugins``) to load. None loads all.
            Where the rules of several plugins read a message, the first of these that understands it answers.
        allowed: the permissions given to plugins, with wildcards (``calendar.*``). None gives all.
        records: gives a plugin its documents about a person, by the identity who acts: ``ledger.records``. If given,
            every call gets the records of its own plugin and person, whatever the context holds.
        timers: gives a plugin its timers for the sender of an event: ``ledger.timers``. It works like ``records``, but
            only for calls that an event caused.
        contacts: gives a plugin that asks for them the contacts of the sender of an event, with the version of its
            records: ``ledger.contacts``.
        shared: gives a plugin that says so what all people keep with it: ``ledger.shared_records``.
        vault: keeps people's credentials. None: a call has those of its context.
        tables: where the settings of plugins stand. None: nowhere, so they have their defaults.
        isolated: the plugins that run in a process of their own, with wildcards: see ``isolated_plugins`` of a bot.
        limits: how much a plugin may keep for one person; None: the usual.
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
        contacts: Callable[[str, Event, int], Contacts] | None = None,
        shared: Callable[[str], SharedRecords] | None = None,
        vault: Vault | None = None,
        tables: PluginTables | None = None,
        isolated: Collection[str] = (),
        limits: KeepingLimits | None = None,
        failures: int = 3,
        rest: float = 60.0,
        start_timeout: float = 10.0,
        grace: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(
            folder,
            installed,
            lambda: CircuitBreaker(failures=failures, rest=rest, clock=clock),
            start_timeout,
            tables or PluginTables(),
            isolated,
        )
        self._allowed = allowed
        self.calls: Counter[str] = Counter()  #: how often each tool was called since the start, by name
        self._caller = ToolCaller(records, timers, contacts, grace, clock, vault, shared, limits)
        self._note_change()

    def allow(self, permissions: Collection[str]) -> None:
        """Give plugins these permissions from now on, in the place of those before."""
        self._allowed = tuple(permissions)
        self._note_change()

    def _is_given(self, permission: str) -> bool:
        return self._allowed is None or any(fnmatchcase(permission, pattern) for pattern in self._allowed)

    def _note_change(self) -> None:
        self._lookup = PluginLookup(self._loaded, self._allowed)

    # -- what is loaded -----------------------------------------------------------------------------------------------

    def specs(self, allowed: Collection[str] | None = None, platform: str = "") -> tuple[ToolSpec, ...]:
        """Return the permitted tools that models are offered, of all plugins that are not cut off.

        Args:
            allowed: permissions that are asked for besides the registry's own. None asks for no more.
            platform: only of the plugins that work there. Empty: of all.
        """
        permitted = self._lookup.permitted(allowed)
        hidden = [each for each, _ in permitted.offered if not _is_offered(each, platform)]
        if not hidden:
            return permitted.specs
        return tuple(spec for each, specs in permitted.offered if each not in hidden for spec in specs)

    def offered(self, allowed: Collection[str] | None = None, platform: str = "") -> OfferedTools:
        """Return the tools of :meth:`specs`, prepared for choosing among them."""
        return self._lookup.offered(self.specs(allowed, platform))

    async def tool_index(self) -> ToolIndex:
        """Return the index by which tools are found: of all that models are offered, permitted or not."""
        return await self._lookup.index()

    def permitted(self) -> frozenset[str]:
        """The names of the tools that may be called, also of those that only a plugin's own rules call."""
        return self._lookup.permitted(None).names

    def owner_of(self, tool: str) -> str:
        """The name of the plugin whose tool it is; empty: there is no such tool."""
        return next((name for name, each in self._loaded.items() if tool in each.tools), "")

    def mark_of(self, name: str) -> ToolMark | None:
        """What a plugin says of its tool ``name``. None: there is no such tool."""
        found = self._lookup.tools.get(name)
        return None if found is None else found[1].mark

    def spec_of(self, name: str) -> ToolSpec | None:
        """How a tool is offered to models. None: there is no such tool."""
        found = self._lookup.tools.get(name)
        return None if found is None else found[1].spec

    def keep_private(self, names: Iterable[str]) -> bool:
        """Whether one of the tools ``names`` is of a plugin that keeps private what it is told and says."""
        found = (self._lookup.tools.get(name) for name in names)
        return any(each is not None and each[0].plugin.keeps_private for each in found)

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
        permitted = self._lookup.permitted(None).names
        return {name: tool.mark for name, (_, tool) in self._lookup.tools.items() if name in permitted}

    @property
    def ask_others(self) -> bool:
        """Whether a loaded plugin finds other people by name, so that who writes to the bot is to be noted."""
        return any(each.plugin.asks_others for each in self._loaded.values())

    @property
    def permissions(self) -> frozenset[str]:
        """Every permission that a loaded plugin or a tool of it asks for, given or not."""
        extra = frozenset(name for each in self._loaded.values() for name in each.plugin.extra_permissions)
        tools = (tool for each in self._loaded.values() for tool in each.tools.values())
        return (extra | frozenset(tool.spec.permission for tool in tools)) - {""}

    @property
    def with_settings(self) -> frozenset[str]:
        """The names of the loaded plugins that have settings."""
        return frozenset(name for name, each in self._loaded.items() if has_settings(each.plugin))

    def missing_permissions(self, plugin: str) -> tuple[str, ...]:
        """The permissions that the tools of ``plugin`` ask for and are not given."""
        each = self._loaded.get(plugin)
        specs = [] if each is None else [tool.spec for tool in each.tools.values()]
        return tuple(sorted({spec.permission for spec in specs if not is_permitted(spec, self._allowed)}))

    @property
    def awaits_first_file(self) -> bool:
        """Whether there is a folder of plugins, and no plugin of it was loaded yet."""
        return self.folder is not None and all(each.source == ENTRY_POINT for each in self._loaded.values())

    @property
    def commands(self) -> dict[str, str]:
        """The slash commands of all plugins: name to one line of help."""
        return self.commands_on("")

    def commands_on(self, platform: str) -> dict[str, str]:
        """The slash commands of the plugins that work on ``platform``: name to one line of help. Empty: of all."""
        there = [each.plugin for each in self._loaded.values() if works_on(each.plugin, platform)]
        return {name: help_ for plugin in there for name, help_ in plugin.commands.items()}

    @property
    def file_commands(self) -> frozenset[str]:
        """The names of the slash commands of plugins with which files may be given."""
        return frozenset(name for each in self._loaded.values() for name in each.plugin.file_commands)

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
        refusal = refused_call(each.plugin, tool.mark, context) or refusal_here(each.plugin, context)
        if refusal is not None:
            return refusal
        self.calls[name] += 1
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
        found = self._lookup.tools.get(name)
        if found is None:
            raise PluginError(
                f"there is no tool {name!r}; there are: {', '.join(spec.name for spec in self.specs(allowed))}"
            )
        each, tool = found
        if name not in self._lookup.permitted(allowed).names:
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
        if (refusal := self._refusal(each, rest, context, allowed)) is not None:
            return refusal
        return await self._caller.call(
            each, "a button", lambda own: _pressed(each.plugin, own, value, rest), context, credentials=None
        )

    async def _answer(
        self,
        each: LoadedPlugin,
        what: str,
        method: Callable[[ToolContext], Awaitable[ToolResult | None]],
        context: ToolContext,
        **options: Any,
    ) -> ToolResult | None:
        """The answer of a method that may have nothing to say: None. ``options`` are those of ``ToolCaller.call``."""
        silent = False

        async def ask(own: ToolContext) -> ToolResult:
            nonlocal silent
            result = await method(own)
            silent = result is None
            return _SILENT if result is None else result

        result = await self._caller.call(each, what, ask, context, **options)
        return None if silent else result

    async def button_meant(self, context: ToolContext, *, allowed: Collection[str] | None = None) -> str | None:
        """The value of the button that the words in ``context.text`` mean. None: they mean none.

        Only plugins that have a rule for it are asked. One that fails has no say, and the model answers.
        """
        for each in self._lookup.having("button_meant"):
            if not self._is_asked(each, context, allowed):
                continue
            name = each.plugin.name
            meant: list[str] = []

            async def ask(own: ToolContext, source: ToolSource = each.plugin, meant: list[str] = meant) -> ToolResult:
                value = await source.button_meant(own)
                meant.extend([] if value is None else [str(value)])
                return _SILENT

            try:
                await self._caller.call(each, "words that mean a button", ask, context, wanted=False)
            except PluginError:  # logged where it was called
                continue
            if meant:
                return f"{name}:{meant[0]}"
        return None

    async def urgent_answer_to(
        self, context: ToolContext, *, allowed: Collection[str] | None = None
    ) -> ToolResult | None:
        """The first plugin's answer to words that cannot wait. None: nothing is urgent. One that fails has no say."""
        platform = "" if context.event is None else context.event.conversation.platform
        for each in self._lookup.having("urgent_answer_to"):
            if not works_on(each.plugin, platform):
                continue
            if not self._any_permitted(each, allowed):
                continue
            try:
                result = await self._answer(each, "urgent words", each.plugin.urgent_answer_to, context, wanted=False)
            except PluginError:  # logged where it was called
                continue
            if result is not None:
                return result
        return None

    async def answer_to(
        self, context: ToolContext, *, allowed: Collection[str] | None = None, failed: list[str] | None = None
    ) -> ToolResult | None:
        """The answer of the first plugin whose rules have one to ``context.text``. None: no rules have.

        A plugin that fails has no say. Its name is added to ``failed``.
        """
        for each in self._lookup.having("answer_to"):
            if not self._is_asked(each, context, allowed):
                continue
            name = each.plugin.name
            try:
                result = await self._answer(each, "answering by rules", each.plugin.answer_to, context, wanted=False)
            except PluginError as error:
                _log.warning("a plugin's rules failed", plugin=name, error=str(error))
                if failed is not None:
                    failed.append(name)
                continue
            if result is not None:
                return result
        return None

    async def requests_in(
        self, context: ToolContext, *, allowed: Collection[str] | None = None, failed: list[str] | None = None
    ) -> tuple[ToolCall, ...] | ToolResult:
        """What ``context.text`` asks for by the rules of one plugin: calls, or the answer. No call: the model decides.

        The first plugin that understands the words has its way. Calls that a model could not make are never made: then
        the plugin's rules are wrong, and the model decides. The name of a plugin that fails is added to ``failed``.
        """
        for each in self._lookup.having("requests_in"):
            if not self._is_asked(each, context, allowed):
                continue
            name = each.plugin.name
            found: list[ToolCall] = []
            is_answered = False

            async def ask(
                own: ToolContext, source: ToolSource = each.plugin, found: list[ToolCall] = found
            ) -> ToolResult:
                nonlocal is_answered
                read = await source.requests_in(own)
                if is_answered := isinstance(read, ToolResult):
                    return read
                found.extend(read)
                return _SILENT

            try:
                result = await self._caller.call(each, "reading a message", ask, context, wanted=False)
            except PluginError as error:
                _log.warning("a plugin's rules failed", plugin=name, error=str(error))
                if failed is not None:
                    failed.append(name)
                continue
            try:
                for call in found:
                    self._checked(call.name, call.arguments, allowed)
            except PluginError as error:
                _log.warning("the calls that a plugin read cannot be made", plugin=name, error=str(error))
                continue
            if found:
                return tuple(found)
            if is_answered:
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
        for each in self._lookup.having("joined"):
            if not set(names) <= set(each.tools):
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
        for each in self._lookup.having("received"):
            if not self._is_asked(each, context, allowed):
                continue
            try:
                result = await self._answer(
                    each, "what was sent", each.plugin.received, context, seconds=RECEIVING_SECONDS, wanted=False
                )
            except PluginError:  # logged where it was called
                continue
            if result is not None:
                return result
        return None

    async def profile_changed(self, context: ToolContext, before: Profile, assumed_zone: str) -> list[str]:
        """Tell the plugins that follow it of a change of the person's profile. Returns what they have to say.

        A plugin that fails has no say.
        """
        said: list[str] = []
        for each in self._lookup.having("profile_changed"):
            name = each.plugin.name

            async def follow(own: ToolContext, source: ToolSource = each.plugin) -> ToolResult | None:
                return await source.profile_changed(own, before, assumed_zone)

            try:
                result = await self._answer(each, "a changed profile", follow, context)
            except PluginError as error:
                _log.warning("a plugin could not follow a changed profile", plugin=name, error=str(error))
                continue
            said += [] if result is None else [result.text]
        return said

    async def suggestions(self, context: ToolContext, *, allowed: Collection[str] | None = None) -> list[str]:
        """What the plugins suggest that the person could ask now. A plugin that fails suggests nothing."""
        found: list[str] = []
        for each in self._lookup.having("suggestions"):
            if not self._any_permitted(each, allowed):
                continue

            async def ask(own: ToolContext, source: ToolSource = each.plugin) -> ToolResult:
                found.extend(str(words) for words in await source.suggestions(own))
                return _SILENT

            with contextlib.suppress(PluginError):  # logged where it was called
                await self._caller.call(each, "suggestions", ask, context, wanted=False)
        return found

    def work(self, tool: str) -> str:
        """What people read while ``tool`` is called; empty: nothing of its own."""
        found = self._lookup.tools.get(tool)
        return "" if found is None else found[0].plugin.work

    async def command(
        self, name: str, arguments: str, context: ToolContext, *, allowed: Collection[str] | None = None
    ) -> ToolResult:
        """Answer a slash command of a plugin.

        Raises:
            PluginError: no plugin has this command, or the call failed.
        """
        each = self._lookup.commands.get(name)
        if each is None or not self._any_permitted(each, allowed):
            raise PluginError(f"no plugin answers /{name}")
        if (refusal := self._refusal(each, f"/{name} {arguments}", context, allowed)) is not None:
            return refusal
        return await self._caller.call(
            each, f"/{name}", lambda own: each.plugin.command(own, name, arguments), context, credentials=None
        )

    def forms(self, allowed: Collection[str] | None = None) -> list[tuple[ToolSource, Form]]:
        """Every form that a loaded plugin declares and people may fill in, with the plugin; see `Form.permission`."""
        return [(each.plugin, form) for each, form in self._lookup.forms(allowed)]

    async def submitted(
        self, plugin: str, form: str, values: FormValues, context: ToolContext, *, allowed: Collection[str] | None
    ) -> ToolResult | FormErrors:
        """Have ``plugin`` answer a form that a person has filled in.

        Raises:
            PluginError: there is no such form now, it is not permitted, or the call failed.
        """
        each = self._loaded.get(plugin)
        known = self._lookup.forms(allowed)
        if each is None or not any(each is owner and form == permitted.key for owner, permitted in known):
            raise PluginError(f"the plugin {plugin!r}, whose form {form[:BUTTON_CHARACTERS]!r} was sent, is not there")
        if (refusal := refusal_here(each.plugin, context)) is not None:
            return refusal
        wrong: list[FormErrors] = []

        async def ask(own: ToolContext) -> ToolResult:
            result = await each.plugin.submitted(own, form, values)
            if isinstance(result, FormErrors):
                wrong.append(checked_errors(result, each.plugin, form))
                return _SILENT
            return result

        result = await self._caller.call(each, "a form", ask, context, credentials=None)
        return wrong[-1] if wrong else result

    @property
    def exporting(self) -> tuple[str, ...]:
        """The names of the plugins that give what they keep about a person as files."""
        return tuple(each.plugin.name for each in self._lookup.having("export_files"))

    async def export_files(self, plugin: str, context: ToolContext) -> ToolResult | None:
        """What ``plugin`` keeps about the person of ``context``, with files. None: it has no files for the person.

        Raises:
            PluginError: there is no such plugin, it is cut off, or the call failed.
        """
        each = self._loaded.get(plugin)
        if each is None:
            raise PluginError(f"there is no plugin {plugin!r}; {', '.join(self.exporting) or 'none'} can export files")
        return await self._answer(each, "an export", each.plugin.export_files, context, seconds=EXPORT_SECONDS)

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
            return None if context is None else self._caller.own(each.plugin, context)

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
        return await self._answer(each, "a timer", lambda own: each.plugin.due(own, key, at), context, credentials=None)

    def _any_permitted(self, each: LoadedPlugin, allowed: Collection[str] | None) -> bool:
        return each.plugin.name in self._lookup.permitted(allowed).plugins

    def _refusal(
        self, each: LoadedPlugin, done: str, context: ToolContext, allowed: Collection[str] | None
    ) -> ToolResult | None:
        """Why a plugin does not answer a command or a button. None: it does."""
        if (refusal := refusal_here(each.plugin, context)) is not None:
            return refusal
        if each.plugin.name in self._lookup.permitted(allowed).writing or only_reads(each.plugin, done):
            return None
        return refusal_to_write()

    def _is_asked(self, each: LoadedPlugin, context: ToolContext, allowed: Collection[str] | None) -> bool:
        return self._any_permitted(each, allowed) and refusal_here(each.plugin, context) is None


def _is_offered(each: LoadedPlugin, platform: str) -> bool:
    """Whether models are offered the tools of a plugin: it is not cut off, and works on the platform."""
    return each.breaker.state != "open" and works_on(each.plugin, platform)


async def _pressed(plugin: ToolSource, context: ToolContext, value: str, rest: str) -> ToolResult:
    """Have the plugin answer a press. A button that anybody may press has a method of its own."""
    return await (plugin.pressed_by_anyone if is_open_to_all(value) else plugin.pressed)(context, rest)
