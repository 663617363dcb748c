"""A plugin whose code runs in a process of its own. For the host it is a source of tools like any other.

A process that crashes, or that does not answer a cancelled call, is ended and started anew for the next call. The
circuit breaker counts the failed calls, as it does for every plugin.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import shutil
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import msgspec
import structlog

from llmagent_os.adapter_kit.pages import PageRequest, PageResponse
from llmagent_os.chat import ToolCall
from llmagent_os.config.plugin_tables import PluginTables
from llmagent_os.errors import PluginError
from llmagent_os.forms.form import FormErrors
from llmagent_os.forms.form_values import FormValues
from llmagent_os.people.profiles import Profile
from llmagent_os.plugin import Tool, ToolContext, ToolResult, ToolSource, Visitor
from llmagent_os.records import Record
from llmagent_os.tools.isolation.child_process import ChildProcess
from llmagent_os.tools.isolation.declared_plugin import (
    METHODS,
    DeclaredPlugin,
    DeclaredTool,
    MethodCall,
    Migration,
    PageAsked,
    ToolRun,
)
from llmagent_os.tools.isolation.isolated_settings import IsolatedSettings
from llmagent_os.tools.isolation.passed_context import ContextQuestion, LiveCall, PassedContext
from llmagent_os.tools.isolation.passed_form import PassedAnswer, passed_values
from llmagent_os.tools.isolation.rpc_connection import unpacked

LAUNCH_SECONDS = 30.0  #: for a process to load its plugin
CANCEL_SECONDS = 1.0  #: for a process to answer after a call was cancelled; it is ended otherwise
#: The optional methods that are given the files that came with a message.
_TAKE_FILES = ("received", "command", "submitted")
MAX_QUESTIONS = 10_000  #: that a plugin may ask the host in one call

_log = structlog.stdlib.get_logger(__name__)


class IsolatedPlugin(ToolSource):
    """The host's side of a plugin in a process of its own. Make it with :meth:`launched`.

    Args:
        declared: what the plugin says of itself.
        where: the entry point or the file that the process loads.
    """

    def __init__(self, declared: DeclaredPlugin, where: Mapping[str, str]) -> None:
        self.name = declared.name
        self.asks_others = declared.asks_others
        self.shares_records = declared.shares_records
        self.keeps_private, self.is_personal = declared.keeps_private, declared.is_personal
        self.about, self.forms, self.reading = declared.about, declared.forms, declared.reading
        self.has_settings = declared.settings is not None
        self.credentials = declared.credentials
        self.commands = declared.commands
        self.work = declared.work
        self.file_commands = declared.file_commands
        self.open_files = declared.open_files  #: why the process may read more files than it should; empty: it may not
        self.requires, self.requires_plugins = declared.requires, declared.requires_plugins
        contacts = (f"{declared.name}.contacts",) if declared.asks_others else ()
        self.extra_permissions, self.platforms = (*declared.extra_permissions, *contacts), declared.platforms
        self.records_version = declared.records_version
        self.migrations = {version: self._migration(version) for version in declared.migrations}
        self._settings = IsolatedSettings(declared.name, declared.settings)
        self._answers = frozenset(declared.answers)
        self._where = dict(where)
        self._tools: dict[str, Tool] = {}
        self._live: dict[int, LiveCall] = {}
        self._visits: dict[int, tuple[Visitor, list[int]]] = {}
        self._numbers = itertools.count(1)
        self._child: ChildProcess | None = None
        self._launching = asyncio.Lock()

    @classmethod
    async def launched(cls, *, entry_point: str = "", file: str = "") -> IsolatedPlugin:
        """Start the process of an installed plugin, or of a plugin file, and have it say what it is.

        Raises:
            PluginError: the process does not start, or the plugin cannot be loaded.
        """
        where = {"entry_point": entry_point} if entry_point else {"file": file}
        name = entry_point or Path(file).stem
        child = await ChildProcess.launched(name, **where)
        try:
            plugin = cls(await _declared(child, name), where)
        except BaseException:
            await child.end("it does not start")
            raise
        plugin._child, child.connection.answer = child, plugin._answer
        return plugin

    @property
    def process_id(self) -> int | None:
        """The number of the process; None: it does not run."""
        return self._child.process_id if self._child is not None and self._child.runs else None

    def answers(self, method: str) -> bool:
        return method in self._answers

    def tools(self) -> Mapping[str, Tool]:
        return self._tools

    async def start(self) -> None:
        if self._child is not None and self._child.runs:
            await self._begin(self._child)
        else:
            await self._running()

    async def stop(self) -> None:
        try:
            if self._child is not None and self._child.runs:
                await self._child.connection.ask("stop", None, None)
        finally:
            await self.end()

    async def end(self) -> None:
        """End the process."""
        child, self._child = self._child, None
        if child is not None:
            await child.end()

    async def give_settings(self, tables: PluginTables) -> None:
        """Read the plugin's settings, and have the process check them.

        Raises:
            ConfigError: a value is wrong or missing. The message names the file and the line, or the variable.
        """
        if self._child is not None:
            await self._settings.read(tables, self._child.connection)

    async def _running(self) -> ChildProcess:
        """The process, started anew where it has ended."""
        async with self._launching:
            if self._child is not None and self._child.runs:
                return self._child
            if self._child is not None:
                await self._child.end("its process has ended")
            child = await ChildProcess.launched(self.name, **self._where)
            child.connection.answer = self._answer
            try:
                declared = await _declared(child, self.name)
                if declared.name != self.name or frozenset(declared.answers) != self._answers:
                    raise PluginError(f"the plugin {self.name!r} is another one than before: reload it")
                await self._begin(child)
            except BaseException:
                await child.end("it does not start")
                raise
            self._child = child
            return child

    async def _begin(self, child: ChildProcess) -> None:
        """Have the plugin start, and read its tools."""
        await self._settings.give(child.connection)
        await child.connection.ask("start", None, None)
        tools: list[DeclaredTool] = await child.connection.ask("tools", None, list[DeclaredTool])
        self._tools = {each.spec.name: self._tool(each) for each in tools}

    def _migration(self, version: int) -> Callable[[Record], Awaitable[Record | None]]:
        async def migrate(record: Record) -> Record | None:
            child = await self._running()
            made: Record | None = await child.connection.ask("migrate", Migration(version, record), Record | None)
            return made

        return migrate

    def _tool(self, declared: DeclaredTool) -> Tool:
        name = declared.spec.name

        async def call(context: ToolContext, arguments: Mapping[str, Any]) -> ToolResult:
            async with self._passed(context, hands_files=True) as (child, passed):
                run = ToolRun(name, passed, dict(arguments))
                return cast("ToolResult", await self._answered(child, "call", run, ToolResult, passed.number))

        # The process checks the arguments: what they may be is known there.
        return Tool(declared.spec, declared.mark, dict, call)

    async def _asked(self, method: str, context: ToolContext, *arguments: object) -> Any:
        kind = METHODS[method][1]
        async with self._passed(context, hands_files=method in _TAKE_FILES) as (child, passed):
            raw = tuple(msgspec.Raw(msgspec.msgpack.encode(each)) for each in arguments)
            return await self._answered(child, "method", MethodCall(method, passed, raw), kind, passed.number)

    @contextlib.asynccontextmanager
    async def _passed(
        self, context: ToolContext, *, hands_files: bool
    ) -> AsyncGenerator[tuple[ChildProcess, PassedContext]]:
        """The process, and the context for it. The plugin may ask for what is in the context until the block ends."""
        child = await self._running()
        number = next(self._numbers)
        inbox = child.inbox / uuid4().hex if hands_files else None
        self._live[number] = LiveCall(context)
        try:
            yield child, await PassedContext.of(context, number, inbox)
        finally:
            del self._live[number]
            if inbox is not None and inbox.exists():
                await asyncio.to_thread(shutil.rmtree, inbox, ignore_errors=True)

    async def _answered(self, child: ChildProcess, method: str, body: object, kind: Any, number: int) -> Any:
        """The process's answer. Where it does not answer after a cancellation, it is ended."""
        asked = asyncio.ensure_future(child.connection.ask(method, body, kind))
        try:
            answer = await asyncio.shield(asked)
        except asyncio.CancelledError:
            asked.cancel()
            await self._end_if_stuck(child)
            raise
        result = answer.result if isinstance(answer, PassedAnswer) else answer
        if isinstance(result, ToolResult):
            _check_files(result, self._live[number])
        return answer

    async def _end_if_stuck(self, child: ChildProcess) -> None:
        try:
            async with asyncio.timeout(CANCEL_SECONDS):
                await child.connection.ask("declare", None, DeclaredPlugin)
        except (TimeoutError, PluginError):
            _log.error("the process of a plugin does not answer and is ended", plugin=self.name)
            await child.end("it did not answer")

    # -- what the plugin asks of the host -----------------------------------------------------------------------------

    async def _answer(self, method: str, body: msgspec.Raw) -> object:
        question: ContextQuestion = unpacked(body, ContextQuestion, method)
        number, arguments = question
        if method == "visit":
            return await self._visited(number, arguments)
        live = self._live.get(number)
        if live is None:
            raise PluginError(f"{method}: the call is over")
        live.asked += 1
        if live.asked > MAX_QUESTIONS:
            raise PluginError(f"{method}: a call asks the host {MAX_QUESTIONS} things at most")
        return await live.answer(method, arguments)

    async def _visited(self, number: int, arguments: list[Any]) -> PassedContext | None:
        if number not in self._visits or self._child is None or len(arguments) != 1:
            raise PluginError("visit: the call is over")
        visitor, numbers = self._visits[number]
        context = await visitor(str(arguments[0]))
        if context is None:
            return None
        own = next(self._numbers)
        numbers.append(own)
        self._live[own] = LiveCall(context)
        return await PassedContext.of(context, own, None)

    # -- the optional methods -----------------------------------------------------------------------------------------

    async def pressed(self, context: ToolContext, value: str) -> ToolResult:
        return cast("ToolResult", await self._asked("pressed", context, value))

    async def pressed_by_anyone(self, context: ToolContext, value: str) -> ToolResult:
        return cast("ToolResult", await self._asked("pressed_by_anyone", context, value))

    async def proposed(self, context: ToolContext, name: str, arguments: Mapping[str, Any]) -> str:
        return cast("str", await self._asked("proposed", context, name, dict(arguments)))

    async def button_meant(self, context: ToolContext) -> str | None:
        return cast("str | None", await self._asked("button_meant", context))

    async def requests_in(self, context: ToolContext) -> tuple[ToolCall, ...] | ToolResult:
        return cast("tuple[ToolCall, ...] | ToolResult", await self._asked("requests_in", context))

    async def answer_to(self, context: ToolContext) -> ToolResult | None:
        return cast("ToolResult | None", await self._asked("answer_to", context))

    async def urgent_answer_to(self, context: ToolContext) -> ToolResult | None:
        return cast("ToolResult | None", await self._asked("urgent_answer_to", context))

    async def joined(self, context: ToolContext, results: Mapping[str, ToolResult]) -> ToolResult:
        return cast("ToolResult", await self._asked("joined", context, dict(results)))

    async def received(self, context: ToolContext) -> ToolResult | None:
        return cast("ToolResult | None", await self._asked("received", context))

    async def profile_changed(self, context: ToolContext, before: Profile, assumed_zone: str) -> ToolResult | None:
        return cast("ToolResult | None", await self._asked("profile_changed", context, before, assumed_zone))

    async def suggestions(self, context: ToolContext) -> tuple[str, ...]:
        return cast("tuple[str, ...]", await self._asked("suggestions", context))

    async def submitted(self, context: ToolContext, form: str, values: FormValues) -> ToolResult | FormErrors:
        answer: PassedAnswer = await self._asked("submitted", context, form, passed_values(values))
        found = answer.result or answer.errors
        if found is None:
            raise PluginError("answered a form with nothing")
        return found

    async def due(self, context: ToolContext, key: str, at: datetime) -> ToolResult | None:
        return cast("ToolResult | None", await self._asked("due", context, key, at))

    async def export_files(self, context: ToolContext) -> ToolResult | None:
        return cast("ToolResult | None", await self._asked("export_files", context))

    async def command(self, context: ToolContext, name: str, arguments: str) -> ToolResult:
        return cast("ToolResult", await self._asked("command", context, name, arguments))

    async def page(self, request: PageRequest, visitor: Visitor) -> PageResponse | None:
        child = await self._running()
        number, visited = next(self._numbers), list[int]()
        self._visits[number] = (visitor, visited)
        try:
            asked = PageAsked(number, request)
            return cast("PageResponse | None", await child.connection.ask("page", asked, PageResponse | None))
        except asyncio.CancelledError:
            await self._end_if_stuck(child)
            raise
        finally:
            del self._visits[number]
            for each in visited:
                self._live.pop(each, None)


async def _declared(child: ChildProcess, name: str) -> DeclaredPlugin:
    try:
        async with asyncio.timeout(LAUNCH_SECONDS):
            return cast("DeclaredPlugin", await child.connection.ask("declare", None, DeclaredPlugin))
    except TimeoutError:
        raise PluginError(f"plugin {name!r}: its process said nothing in {LAUNCH_SECONDS:g} s") from None


def _check_files(result: ToolResult, live: LiveCall) -> None:
    """Check that the files of a result are all of this person.

    Raises:
        PluginError: it names another file.
    """
    for path in (*result.files, *(picture.path for picture in result.pictures)):
        if not live.may_send(path):
            raise PluginError(f"returned the file {path[-80:]!r}, which it has not written for this person")
