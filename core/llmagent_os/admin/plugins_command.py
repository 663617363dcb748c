"""``llmagent-os plugins``: which plugins there are, what each of them is, and which a bot has."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import partial
from importlib.metadata import EntryPoint, entry_points

from llmagent_os.bot import GROUP as BOTS
from llmagent_os.bot import Bot
from llmagent_os.config import Settings
from llmagent_os.config.plugin_tables import described
from llmagent_os.errors import ConfigError, LLMAgentOSError, PluginError
from llmagent_os.plugin import Tool, ToolSource
from llmagent_os.tools.declared_tools import check_declaration, declared_tools, settings_model
from llmagent_os.tools.plugin_choice import PLUGINS_FOLDER, Chosen
from llmagent_os.tools.plugin_loading import MadePlugin, from_entry_point, from_path
from llmagent_os.tools.plugin_requests import PluginAnswer, PluginRequest, ask, is_host_running
from llmagent_os.tools.plugin_sources import PluginFolder, installed_plugins, not_installed


@dataclass(frozen=True)
class _Known:
    """A plugin that is installed, or in a bot's folder of plugins."""

    name: str
    version: str  #: of its package; empty: it is in a folder
    where: str  #: its package, or its path
    bot: str = ""  #: of its folder; empty: it is installed


async def listing(settings: Settings, bot_name: str = "") -> str:
    """Print every plugin: its name, its version, where it comes from, the bots that have it, and how it does.

    Args:
        settings: of the installation.
        bot_name: a bot whose folder of plugins is listed, too; empty: none.

    Raises:
        ConfigError: there is no such bot.
    """
    bots = await asyncio.to_thread(lambda: [*_bots(settings, bot_name)])
    known = [_installed(entry) for entry in await installed_plugins()]
    for bot in bots:
        folder = settings.plugin_folder or bot.plugin_folder
        known += [_Known(path.stem, "", str(path), bot.name) for path in await PluginFolder(folder).plugins()]
    running = await _running(settings)
    called = {source: name for name, source in running.sources.items()}  # a file need not be called as its plugin
    known = [replace(each, name=called.get(each.where, each.name)) for each in known]
    rows: list[tuple[str, ...]] = [("NAME", "VERSION", "FROM", "BOTS", "STATE")]
    for each in sorted(known, key=lambda each: each.name):
        having = {bot.name for bot in bots if (bot.name == each.bot if each.bot else each.name in bot.config.plugins)}
        state = running.states.get(each.name, "-")
        rows.append((each.name, each.version or "-", each.where, ", ".join(sorted(having)) or "-", state))
    return _table(rows)


async def info(settings: Settings, name: str, bot_name: str = "") -> str:
    """Print what a plugin is: its tools, commands, settings, what it needs, and where it works.

    Raises:
        ConfigError: there is no such plugin.
        PluginError: the plugin cannot be loaded.
    """
    made, known = await _made(settings, name, bot_name)
    try:
        return "\n".join(_described(made.plugin, known))
    finally:
        if made.namespace is not None:
            made.namespace.close()


async def switch(settings: Settings, name: str, bot_name: str, *, on: bool, allow: bool = False) -> str:
    """Enable or disable a plugin for a bot, and say which file was changed. A running host follows.

    Args:
        settings: of the installation.
        name: of the plugin.
        bot_name: of the bot, or its folder.
        on: whether the bot has it from now on.
        allow: also give the permissions that its tools need.

    Raises:
        ConfigError: there is no such plugin or bot, or the file cannot be changed.
        PluginError: the plugin cannot be loaded, so it is not enabled.
    """
    bot = await asyncio.to_thread(Bot.load, bot_name)
    choice = bot.plugin_choice(settings.data)
    needed: list[str] = []
    gone: list[str] = []
    if on:
        made, _ = await _made(settings, name, "")
        check_declaration(made.plugin)
        needed = [*_permissions(made.plugin)]
    elif name not in choice.chosen().plugins:
        raise ConfigError(
            f"bot {bot.name!r} does not have the plugin {name!r}; it has: {_listed(choice.chosen().plugins)}"
        )
    else:
        gone = await _without_use(settings, name, choice.chosen())
    change = partial(choice.switch, name, on=on, permissions=needed if allow else (), gone=gone)
    changed = await asyncio.to_thread(change)
    lines = [f"{name} is {'enabled' if on else 'disabled'} for {bot.name}: {choice.changed_file}"]
    if not changed:
        lines = [f"{bot.name} has {name} already: {choice.changed_file} was not changed"]
    missing = [each for each in needed if not _is_given(each, choice.chosen().permissions)]
    if missing:
        lines.append(f"Its tools need permissions that {bot.name} does not give: {_listed(missing)}")
        lines.append(f"  llmagent-os plugins enable {name} --bot {bot_name} --allow")
    if not on:
        lines.append("What it keeps about people stays, and is there again when it is enabled again.")
    return "\n".join(lines)


async def _without_use(settings: Settings, name: str, chosen: Chosen) -> list[str]:
    """The permissions of a bot that no plugin asks for any more once ``name`` is gone. A start would refuse them."""
    theirs: dict[str, set[str]] = {}
    for each in chosen.plugins:
        try:
            made, _ = await _made(settings, each, "")
            theirs[each] = {*_permissions(made.plugin)}
        except LLMAgentOSError:  # its permissions are not known, so none is taken away
            return []
    own = theirs.pop(name, set[str]())
    others = {permission for each in theirs.values() for permission in each}
    return [
        pattern
        for pattern in chosen.permissions
        if any(fnmatchcase(each, pattern) for each in own) and not any(fnmatchcase(each, pattern) for each in others)
    ]


async def reload(settings: Settings, name: str) -> str:
    """Have the running host load a plugin again.

    Raises:
        ConfigError: no host runs.
        PluginError: the plugin was not reloaded; says why.
    """
    if not await asyncio.to_thread(is_host_running, settings.ledger_url):
        raise ConfigError(f"no host runs on the data folder {settings.data}; its next start loads what is there")
    answer = await ask(settings.data / PLUGINS_FOLDER, PluginRequest(name))
    if not answer.done:
        raise PluginError(answer.text)
    return answer.text


async def running_states(settings: Settings) -> dict[str, str]:
    """How the plugins of the running host do; none: no host runs."""
    return (await _running(settings)).states


async def _running(settings: Settings) -> PluginAnswer:
    """What the running host says of its plugins; nothing if no host runs."""
    try:
        if await asyncio.to_thread(is_host_running, settings.ledger_url):
            return await ask(settings.data / PLUGINS_FOLDER, PluginRequest())
    except ConfigError:
        pass
    return PluginAnswer(False, "")


def _bots(settings: Settings, bot_name: str) -> Iterator[Bot]:
    """The installed bots that can be read, and the one that was named."""
    for point in entry_points(group=BOTS):
        if point.name != bot_name:
            try:
                yield Bot.load(point.name).switched(settings.data)
            except LLMAgentOSError:
                continue
    if bot_name:
        yield Bot.load(bot_name).switched(settings.data)


def _installed(entry: EntryPoint) -> _Known:
    package = entry.dist
    return _Known(entry.name, package.version if package else "-", package.name if package else entry.module)


async def _made(settings: Settings, name: str, bot_name: str) -> tuple[MadePlugin, _Known]:
    """A plugin that is not started, from its package, or from a bot's folder."""
    if bot_name:
        bot = await asyncio.to_thread(Bot.load, bot_name)
        for path in await PluginFolder(settings.plugin_folder or bot.plugin_folder).plugins():
            made = await asyncio.to_thread(from_path, path)
            if name in (made.plugin.name, path.stem):
                return made, _Known(made.plugin.name, "", str(path))
            if made.namespace is not None:
                made.namespace.close()
    entries = {entry.name: entry for entry in await installed_plugins()}
    if name not in entries:
        own = f"`llmagent-os plugins info {name} --bot BOT` finds one in the plugin folder of a bot, where each is on"
        if bot_name:
            own = f"the plugin folder of {bot_name!r} has none of that name either"
        raise ConfigError(f"{not_installed(name, entries)}; {own}")
    made = await asyncio.to_thread(partial(from_entry_point, entries[name], fresh=False))
    return made, _installed(entries[name])


def _described(plugin: ToolSource, known: _Known) -> Iterator[str]:
    tools = declared_tools(plugin)
    yield f"{plugin.name} {known.version}".rstrip() + f", from {known.where}"
    if about := (type(plugin).__doc__ or "").strip().partition("\n")[0]:
        yield about
    yield from _part("Tools", [_tool(name, each) for name, each in tools.items()])
    yield from _part("Commands", [f"/{name}: {help_}" for name, help_ in plugin.commands.items()])
    yield from _part("Permissions", [*_permissions(plugin)])
    yield from _part("Needs", [*plugin.requires, *(f"the plugin {each}" for each in plugin.requires_plugins)])
    yield f"Works on: {_listed(plugin.platforms) if plugin.platforms else 'every platform'}"
    yield f"Records: version {plugin.records_version}"
    if (model := settings_model(plugin)) is not None:
        yield f"Settings:\n\n{described(plugin.name, model)}"
    else:
        yield "Settings: none"


def _tool(name: str, tool: Tool) -> str:
    asked = f"needs {tool.spec.permission}" if tool.spec.permission else "needs no permission"
    return f"{name}: {tool.mark.effect}; {asked}; at most {tool.mark.timeout:g} s"


def _permissions(plugin: ToolSource) -> Iterable[str]:
    tools = {tool.spec.permission for tool in declared_tools(plugin).values()}
    return sorted((tools | {*plugin.extra_permissions}) - {""})


def _is_given(permission: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(permission, pattern) for pattern in patterns)


def _part(title: str, lines: list[str]) -> Iterator[str]:
    yield f"{title}:" if lines else f"{title}: none"
    yield from (f"  {line}" for line in lines)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"


def _table(rows: list[tuple[str, ...]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
