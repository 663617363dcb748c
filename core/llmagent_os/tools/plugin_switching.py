"""Follows in a running host what is switched: plugins of the bot's file, their settings, and requests to reload one."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, cast

import structlog
import watchfiles

from llmagent_os.config.plugin_tables import TABLE
from llmagent_os.config.toml_tables import read_file
from llmagent_os.errors import ConfigError, PluginError
from llmagent_os.tools.plugin_choice import Chosen, PluginChoice
from llmagent_os.tools.plugin_requests import PluginAnswer, PluginRequest, answer_requests
from llmagent_os.tools.registry import Plugins

RESCAN_MILLISECONDS = 5_000  #: the files are looked at at least this often

#: Which plugins a bot has, and their settings by name.
PluginFiles = tuple[Chosen, dict[str, Any]]

_log = structlog.get_logger(__name__)


class PluginSwitching:
    """Keeps the plugins of a running host as its files say.

    Args:
        plugins: those of the host.
        choice: the bot's.
        before: what :func:`read_files` gave before the plugins were started: whatever was changed since is followed.
            None: nothing that was changed before :meth:`follow` is first called.
    """

    def __init__(self, plugins: Plugins, choice: PluginChoice, before: PluginFiles | None = None) -> None:
        self._plugins = plugins
        self._choice = choice
        self._switching = asyncio.Lock()
        self._before = before

    async def run(self) -> None:
        """Follow the files until cancelled."""
        folder = self._choice.folder
        await asyncio.to_thread((folder / "requests").mkdir, mode=0o700, parents=True, exist_ok=True)
        await self.follow()
        async for _ in watchfiles.awatch(  # pyright: ignore[reportUnknownMemberType]
            self._choice.file.parent,
            folder,
            folder / "requests",
            recursive=False,
            debounce=200,
            step=50,
            rust_timeout=RESCAN_MILLISECONDS,
            yield_on_timeout=True,
        ):
            await self.follow()
            await answer_requests(folder, self.answer)

    async def follow(self) -> None:
        """Load and take away what the files say. A file that cannot be read changes nothing, and is logged."""
        async with self._switching:
            now = await read_files(self._choice)
            if now is None:
                return
            before, self._before = self._before, now
            if before is None or before == now:
                return
            chosen, tables = now
            self._plugins.allow(chosen.permissions)
            if chosen.plugins != before[0].plugins:
                try:
                    await self._plugins.choose_by(lambda: self._choice.chosen().plugins)
                except ConfigError as error:  # the file was broken a moment ago: it is read again
                    self._before = before
                    _log.error("plugins stay as they are", error=str(error))
                    return
                _log.info("plugins were switched", plugins=chosen.plugins)
            names = {each.name for each in self._plugins.health()}
            for name in sorted({*tables, *before[1]} & names):
                if tables.get(name) != before[1].get(name):
                    await self._reload(name)

    async def answer(self, request: PluginRequest) -> PluginAnswer:
        """Do what a request says."""
        given = await self._reload(request.reload) if request.reload else PluginAnswer(True, "")
        health = self._plugins.health()
        states = {each.name: each.state + (f": {each.problem}" if each.problem else "") for each in health}
        return PluginAnswer(given.done, given.text, states, {each.name: each.source for each in health})

    async def _reload(self, name: str) -> PluginAnswer:
        try:
            await self._plugins.reload_named(name)
        except PluginError as error:
            _log.error("a plugin was not reloaded", plugin=name, error=str(error))
            return PluginAnswer(False, str(error))
        _log.info("a plugin was reloaded", plugin=name)
        return PluginAnswer(True, f"{name} was reloaded.")


async def read_files(choice: PluginChoice) -> PluginFiles | None:
    """Return what the files of a bot say of its plugins. None: a file cannot be read, which is logged."""

    def read() -> PluginFiles:
        tables = read_file(Path(choice.file)).values.get(TABLE, {})
        return choice.chosen(), dict(cast("dict[str, Any]", tables)) if isinstance(tables, dict) else {}

    try:
        return await asyncio.to_thread(read)
    except ConfigError as error:
        _log.error("plugins stay as they are", error=str(error))
        return None
