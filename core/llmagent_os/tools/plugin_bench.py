"""A bench for one plugin: calls it as a host calls it, without a host, a platform and a model. For tests of plugins."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from llmagent_os.config.plugin_tables import PluginTables
from llmagent_os.identity import PersonId
from llmagent_os.people.profiles import Profile
from llmagent_os.plugin import Plugin, ToolContext, ToolResult
from llmagent_os.records import MemoryRecords
from llmagent_os.timers import MemoryTimers
from llmagent_os.tools.registry import Plugins


class PluginBench:
    """One plugin, called as a host calls it: with checked arguments, settings and results. Made by :func:`trying`.

    The person of every call is the same one. ``records`` and ``timers`` hold what the plugin keeps about the person.
    """

    def __init__(self, plugins: Plugins, name: str, now: datetime) -> None:
        self.plugins = plugins
        self.name = name  #: of the plugin
        self.now = now  #: the moment of the next call; change it freely
        self.records = MemoryRecords()
        self.timers = MemoryTimers()
        self._calls = 0

    def context(self, text: str = "") -> ToolContext:
        """The context of a new call. ``text`` is the person's message."""
        self._calls += 1
        person = PersonId("web::ana")
        return ToolContext(
            user_id=person,
            conversation_key="web",
            call_id=str(self._calls),
            now=self.now,
            time_zone="UTC",
            text=text,
            records=self.records,
            profile=Profile(user_id=person),
            timers=self.timers,
        )

    async def call(self, tool: str, **arguments: Any) -> ToolResult:
        """Call a tool, as a model would.

        Raises:
            PluginError: the arguments are wrong, or the call failed.
        """
        return await self.plugins.call(tool, arguments, self.context())

    async def command(self, name: str, arguments: str = "") -> ToolResult:
        """Type a slash command.

        Raises:
            PluginError: there is no such command, or it failed.
        """
        return await self.plugins.command(name, arguments, self.context(f"/{name} {arguments}".strip()))

    async def press(self, value: str) -> ToolResult:
        """Press a button. ``value`` is that of a button of an earlier result.

        Raises:
            PluginError: the plugin has no such button, or failed.
        """
        return await self.plugins.press(value, self.context())

    async def pass_time(self, by: timedelta) -> list[ToolResult]:
        """Let time pass. Returns what the plugin said when its timers were due.

        Raises:
            PluginError: the plugin failed.
        """
        self.now += by
        said: list[ToolResult] = []
        for key, at in self.timers.ring(self.now):
            if (result := await self.plugins.due(self.name, key, at, self.context())) is not None:
                said.append(result)
        return said


@contextlib.asynccontextmanager
async def trying(
    plugin: Plugin, *, settings: Mapping[str, Any] | None = None, now: datetime | None = None
) -> AsyncGenerator[PluginBench]:
    """Load one plugin for the length of the block.

    Args:
        plugin: the plugin.
        settings: what ``[plugin.NAME]`` of a bot's file would say.
        now: the moment of the calls, aware. None: noon of a day.

    Raises:
        PluginError: the plugin cannot be loaded.
        ConfigError: its settings are wrong.
    """
    tables = PluginTables(tables={plugin.name: settings or {}})
    async with Plugins(installed=(), tables=tables) as plugins:
        await plugins.add(plugin)
        yield PluginBench(plugins, plugin.name, now or datetime(2026, 11, 23, 12, tzinfo=UTC))
