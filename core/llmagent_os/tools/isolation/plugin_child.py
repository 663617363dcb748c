"""The program of a plugin's own process: ``python -P -m llmagent_os.tools.isolation.plugin_child FD``.

It loads one plugin, and answers the host on the socket with the number FD until the host closes it.
"""

from __future__ import annotations

import asyncio
import importlib.util
import inspect
import os
import socket
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import msgspec
from pydantic import ValidationError

from llmagent_os.errors import PluginError
from llmagent_os.languages import speaking
from llmagent_os.plugin import Tool, ToolContext, ToolSource
from llmagent_os.tools.declared_tools import settings_model
from llmagent_os.tools.isolation.child_limits import restrict
from llmagent_os.tools.isolation.child_reaper import run_below_reaper
from llmagent_os.tools.isolation.declared_plugin import (
    METHODS,
    DeclaredPlugin,
    DeclaredTool,
    LoadPlugin,
    MethodCall,
    Migration,
    PageAsked,
    ToolRun,
    WrongSettings,
)
from llmagent_os.tools.isolation.passed_context import PassedContext
from llmagent_os.tools.isolation.passed_form import PassedAnswer, filled_values
from llmagent_os.tools.isolation.rpc_connection import RpcConnection, unpacked
from llmagent_os.tools.plugin_loading import from_entry_point, from_path
from llmagent_os.tools.plugin_sources import GROUP


class PluginChild:
    """Answers the host for one plugin."""

    def __init__(self, plugin: ToolSource | None, problem: str, open_files: str) -> None:
        """Args:
        plugin: the plugin; None: it could not be loaded.
        problem: why not.
        open_files: see :attr:`DeclaredPlugin.open_files`.
        """
        self._plugin, self._problem, self._open_files = plugin, problem, open_files
        self._tools: Mapping[str, Tool] = {}
        self.host: RpcConnection | None = None

    async def answer(self, method: str, body: msgspec.Raw) -> object:
        """Answer a question of the host."""
        plugin = self._plugin
        if plugin is None:
            raise PluginError(self._problem)
        match method:
            case "declare":
                return DeclaredPlugin.of(plugin, self._open_files)
            case "settings":
                return _take_settings(plugin, unpacked(body, dict[str, Any], method))
            case "migrate":
                migration: Migration = unpacked(body, Migration, method)
                made = plugin.migrations[migration.version](migration.record)
                return await made if inspect.isawaitable(made) else made
            case "start":
                await plugin.start()
                return None
            case "stop":
                await plugin.stop()
                return None
            case "tools":
                self._tools = plugin.tools()
                return [DeclaredTool(tool.spec, tool.mark) for tool in self._tools.values()]
            case "call":
                run: ToolRun = unpacked(body, ToolRun, method)
                tool = self._tools[run.tool]
                arguments = tool.check(run.arguments)
                with speaking(run.context.language):
                    return await tool.call(self._context(run.context), arguments)
            case "method":
                call: MethodCall = unpacked(body, MethodCall, method)
                kinds, _ = METHODS[call.method]
                values = [unpacked(raw, kind, method) for raw, kind in zip(call.arguments, kinds, strict=True)]
                with speaking(call.context.language):
                    context = self._context(call.context)
                    if call.method == "submitted":
                        form, filled = values
                        return PassedAnswer.of(await plugin.submitted(context, form, filled_values(filled)))
                    return await getattr(plugin, call.method)(context, *values)
            case "page":
                return await self._page(plugin, unpacked(body, PageAsked, method))
            case _:
                raise PluginError(f"the process of a plugin answers no {method!r}")

    async def _page(self, plugin: ToolSource, asked: PageAsked) -> object:
        async def visitor(key: str) -> ToolContext | None:
            found: PassedContext | None = await self._ask(asked.number, "visit", [key], PassedContext | None)
            return None if found is None else self._context(found)

        return await plugin.page(asked.request, visitor)

    def _context(self, passed: PassedContext) -> ToolContext:
        async def ask(method: str, arguments: list[Any], kind: Any) -> Any:
            return await self._ask(passed.number, method, arguments, kind)

        return passed.as_context(ask)

    async def _ask(self, number: int, method: str, arguments: list[Any], kind: Any) -> Any:
        if self.host is None:
            raise PluginError("there is no host")
        return await self.host.ask(method, (number, arguments), kind)


def _code_of(load: LoadPlugin) -> Iterator[Path]:
    """Where the plugin's code is. Nothing is imported."""
    if load.file:
        yield Path(load.file)
    for entry in entry_points(group=GROUP):
        if entry.name == load.entry_point:
            spec = importlib.util.find_spec(entry.module.partition(".")[0])
            if spec is not None:
                yield from (Path(each) for each in spec.submodule_search_locations or ())
                yield from [Path(spec.origin)] if spec.has_location and spec.origin else []


def _take_settings(plugin: ToolSource, values: dict[str, Any]) -> WrongSettings:
    model = settings_model(plugin)
    if model is None:
        return []
    try:
        plugin.settings = model.model_validate(values)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        return [(str(each["loc"][0]) if each["loc"] else "", each["msg"]) for each in details]
    return []


def _loaded(load: LoadPlugin) -> ToolSource:
    if load.file:
        return from_path(Path(load.file)).plugin
    found = [each for each in entry_points(group=GROUP) if each.name == load.entry_point]
    if not found:
        raise PluginError(f"no installed plugin is called {load.entry_point!r}")
    return from_entry_point(found[0], fresh=False).plugin


async def _serve(channel: socket.socket, child: PluginChild) -> None:
    reader, writer = await asyncio.open_connection(sock=channel)
    child.host = RpcConnection(reader, writer)
    child.host.answer = child.answer
    await child.host.serve()


def main() -> None:
    """Load the plugin that the environment names, under the limits, and answer the host."""
    load = msgspec.json.decode(sys.argv[2], type=LoadPlugin)
    run_below_reaper(load.host)
    channel = socket.socket(fileno=int(sys.argv[1]))
    open_files = restrict(Path(load.own_folder), [Path(load.inbox), *_code_of(load)], load.memory_bytes)
    try:
        child = PluginChild(_loaded(load), "", open_files)
    except PluginError as error:
        child = PluginChild(None, str(error), open_files)
    asyncio.run(_serve(channel, child))
    sys.stdout.flush()
    os._exit(0)  # a thread of the plugin must not keep the process


if __name__ == "__main__":
    main()
