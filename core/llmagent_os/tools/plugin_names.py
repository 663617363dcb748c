"""Checks the names of plugins and permissions that a bot's configuration gives."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from difflib import get_close_matches
from fnmatch import fnmatchcase

from llmagent_os.errors import ConfigError
from llmagent_os.tools.plugin_sources import installed_plugins, not_installed
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
    states = [health.state for health in plugins.health()]
    if "not loaded" in states or plugins.awaits_first_file:
        return []
    numbered = [(at, pattern) for at, pattern in enumerate(patterns) if not known_elsewhere(pattern)]
    found = [(at, unmatched(pattern, plugins.permissions)) for at, pattern in numbered]
    return [(at, f"`permissions`: {text}") for at, text in found if text]


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
