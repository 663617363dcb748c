"""Checks the names of plugins and permissions that a bot's configuration gives."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from difflib import get_close_matches
from fnmatch import fnmatchcase

from llmagent_os.config.plugin_tables import TABLE
from llmagent_os.config.toml_places import Path as TomlPath
from llmagent_os.errors import ConfigError
from llmagent_os.tools.plugin_sources import installed_plugins, not_installed, plugin_names
from llmagent_os.tools.registry import Plugins


async def wrong_plugins(names: Iterable[str]) -> list[tuple[int, str]]:
    """Return which of the names are no installed plugins: their numbers, and the nearest plugin or all of them."""
    known = [entry.name for entry in await installed_plugins()]
    return [(at, f"`plugins`: {not_installed(name, known)}") for at, name in enumerate(names) if name not in known]


def wrong_permissions(
    plugins: Plugins, patterns: Iterable[str], *, known_elsewhere: Callable[[str], bool] = lambda _: False
) -> list[tuple[int, str]]:
    """Return which of the patterns match no permission: their numbers, and what they were probably meant for.

    Args:
        plugins: whose tools ask for permissions.
        patterns: as the bot's file gives them.
        known_elsewhere: whether a pattern is for tools that are not known yet, such as those of an MCP server.

    Nothing is checked if a plugin is not loaded, or if the folder of plugins is still empty: their tools are not known.
    """
    if _are_unknown(plugins):
        return []
    numbered = [(at, pattern) for at, pattern in enumerate(patterns) if not known_elsewhere(pattern)]
    found = [(at, unmatched(pattern, plugins.permissions)) for at, pattern in numbered]
    return [(at, f"`permissions`: {text}") for at, text in found if text]


async def wrong_names(
    plugins: Plugins,
    *,
    permissions: Iterable[str],
    tables: Iterable[str],
    isolated: Iterable[str],
    known_elsewhere: Callable[[str], bool],
) -> list[tuple[TomlPath, str]]:
    """Return what a bot's file says of plugins that there are not: the places, and what is probably meant.

    Args:
        plugins: that are loaded.
        permissions: the patterns of ``permissions``.
        tables: the names of the tables ``[plugin.NAME]``.
        isolated: the patterns of ``isolated_plugins``.
        known_elsewhere: see :func:`wrong_permissions`.
    """
    wrong = wrong_permissions(plugins, permissions, known_elsewhere=known_elsewhere)
    found: list[tuple[TomlPath, str]] = [(("permissions", at), text) for at, text in wrong]
    found += wrong_tables(plugins, tables)
    found += [(("isolated_plugins", at), text) for at, text in await wrong_isolated(plugins, isolated)]
    return found


def wrong_tools(plugins: Plugins, names: Iterable[str]) -> list[tuple[int, str]]:
    """Return which of the names are no tools that models are offered: their numbers, and the nearest tool.

    Nothing is checked where :func:`wrong_permissions` checks nothing.
    """
    if _are_unknown(plugins):
        return []
    known = [spec.name for spec in plugins.specs()]
    wrong: list[tuple[int, str]] = []
    for at, name in enumerate(names):
        if name not in known:
            near = get_close_matches(name, known, 1, 0.6)
            hint = f"did you mean {near[0]!r}?" if near else "a tool that no permission allows is not shown"
            wrong.append((at, f"`tools.always`: this bot's plugins have no tool {name!r}; {hint}"))
    return wrong


def wrong_tables(plugins: Plugins, names: Iterable[str]) -> list[tuple[tuple[str, str], str]]:
    """Return which tables ``[plugin.NAME]`` are of no plugin with settings: their paths, and what is probably meant.

    Nothing is checked where :func:`wrong_permissions` checks nothing.
    """
    if _are_unknown(plugins):
        return []
    known = plugins.with_settings
    found: list[tuple[tuple[str, str], str]] = []
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, 1, 0.6)
            hint = f"did you mean `plugin.{near[0]}`?" if near else f"these have: {', '.join(sorted(known)) or 'none'}"
            found.append(((TABLE, name), f"`plugin.{name}`: this bot has no plugin of that name with settings; {hint}"))
    return found


async def wrong_isolated(plugins: Plugins, patterns: Iterable[str]) -> list[tuple[int, str]]:
    """Return which of the patterns of ``isolated_plugins`` fit no plugin: their numbers, and what is probably meant.

    A name that fits none would leave a plugin in the host's own process.
    """
    origins = await plugins.origins()
    known = sorted({name for origin in origins for name in plugin_names(origin)})
    shown = sorted({plugin_names(origin)[0] for origin in origins})
    wrong: list[tuple[int, str]] = []
    for at, pattern in enumerate(patterns):
        if not any(fnmatchcase(name, pattern) for name in known):
            near = get_close_matches(pattern, known, 1, 0.6)
            hint = f"did you mean {near[0]!r}?" if near else f"it has: {', '.join(shown) or 'none'}"
            why = (
                "the name is that of its entry point, its file or its folder, which is known before the code is loaded"
            )
            wrong.append((at, f"`isolated_plugins`: this bot has no plugin {pattern!r} ({why}); {hint}"))
    return wrong


def _are_unknown(plugins: Plugins) -> bool:
    """Whether not all tools are known: a plugin is not loaded, or the folder of plugins is still empty."""
    return "not loaded" in [health.state for health in plugins.health()] or plugins.awaits_first_file


def check_permissions(
    plugins: Plugins, patterns: Iterable[str], *, known_elsewhere: Callable[[str], bool] = lambda _: False
) -> None:
    """Check that every permission of the configuration is one that a tool asks for: see :func:`wrong_permissions`.

    Raises:
        ConfigError: a pattern matches no permission. The message names the nearest one, or all that there are.
    """
    if wrong := wrong_permissions(plugins, patterns, known_elsewhere=known_elsewhere):
        raise ConfigError("\n".join(text for _, text in wrong))


def unmatched(pattern: str, known: Collection[str]) -> str:
    """Say that a pattern matches none of the permissions, and which is nearest. Empty: it matches one, or is ``*``.

    >>> unmatched("calender.*", ["calendar.read", "calendar.write"])
    "'calender.*' matches no permission of this bot's plugins; did you mean 'calendar.*'?"
    """
    if pattern == "*" or any(fnmatchcase(permission, pattern) for permission in known):
        return ""
    groups = {f"{permission.rpartition('.')[0]}.*" for permission in known if "." in permission}
    near = get_close_matches(pattern, [*known, *sorted(groups)], 1, 0.6)
    there = f"their tools ask for: {', '.join(sorted(known))}" if known else "their tools ask for none: remove it"
    hint = f"did you mean {near[0]!r}?" if near else there
    return f"{pattern!r} matches no permission of this bot's plugins; {hint}"
