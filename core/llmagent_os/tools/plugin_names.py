"""Checks the names of plugins and permissions that a bot's configuration gives."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from difflib import get_close_matches
from fnmatch import fnmatchcase

from llmagent_os.errors import ConfigError
from llmagent_os.tools.plugin_sources import installed_plugins, not_installed
from llmagent_os.tools.registry import Plugins


async def check_installed(names: Iterable[str]) -> None:
    """Check that every plugin is installed.

    Raises:
        ConfigError: one is not. The message names the nearest plugin, or all that there are.
    """
    known = [entry.name for entry in await installed_plugins()]
    if wrong := [not_installed(name, known) for name in names if name not in known]:
        raise ConfigError("\n".join(f"`plugins`: {text}" for text in wrong))


def check_permissions(plugins: Plugins, patterns: Iterable[str]) -> None:
    """Check that every permission of the configuration is one that a tool asks for.

    Nothing is checked if a plugin is not loaded, or if the folder of plugins is still empty: their tools are not known.

    Raises:
        ConfigError: a pattern matches no permission. The message names the nearest one, or all that there are.
    """
    states = [health.state for health in plugins.health()]
    if "not loaded" in states or plugins.awaits_first_file:
        return
    wrong = [text for pattern in patterns if (text := unmatched(pattern, plugins.permissions))]
    if wrong:
        raise ConfigError("\n".join(f"`permissions`: {text}" for text in wrong))


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
