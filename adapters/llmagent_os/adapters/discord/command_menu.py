"""The menu of slash commands that Discord shows to people."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, cast

import structlog

from llmagent_os.adapter_kit.localized_commands import Commands, localized_commands
from llmagent_os.adapters.discord.api import COMMANDS, Api

_log = structlog.stdlib.get_logger(__name__)

#: The name of the argument that every command has: all that a person writes after the command's name.
ARGUMENTS = "arguments"

#: The name of the argument of commands with which people may give a file.
FILE = "file"

MAX_COMMANDS = 100  #: of one bot
MAX_DESCRIPTION = 100  #: characters

#: What Discord calls each language.
LOCALES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"en": ("en-US", "en-GB"), "de": ("de",), "es": ("es-ES", "es-419"), "zh": ("zh-CN",)}
)

_NAME = re.compile(r"[-_a-z0-9]{1,32}")
_SERVER, _DIRECT = 0, 1  #: contexts of a command: in servers, and in direct messages with the bot


class CommandMenu:
    """Keeps Discord's menu equal to the commands that there are. Plugins come and go while the bot runs."""

    def __init__(
        self,
        commands: Commands,
        languages: Sequence[str],
        file_commands: Callable[[], frozenset[str]] = frozenset[str],
    ) -> None:
        """Args:
        commands: returns the present names and descriptions.
        languages: those of the bot.
        file_commands: returns the names of the commands that take a file.
        """
        self._commands, self._file_commands = commands, file_commands
        self._languages = languages
        self._registered: tuple[dict[str, dict[str, str]], frozenset[str]] | None = None

    async def update(self, api: Api, application_id: str) -> None:
        """Register the present commands. A request is made only if they have changed.

        Raises:
            AdapterError: Discord does not take them.
        """
        wanted, with_file = await localized_commands(self._commands, self._languages), self._file_commands()
        if not any(wanted.values()) or (wanted, with_file) == self._registered:
            return
        body = _described(wanted, with_file)
        listed = await api.call(
            "listing the commands",
            "GET",
            COMMANDS,
            query={"with_localizations": "true"},
            application_id=application_id,
        )
        if _essence(listed) != _essence(body):
            await api.call("registering the commands", "PUT", COMMANDS, application_id=application_id, body=body)
            _log.info("discord: commands registered", count=len(body))
        self._registered = wanted, with_file

    def forget(self) -> None:
        """Compare the menu with Discord's again at the next update."""
        self._registered = None


def _described(wanted: Mapping[str, Mapping[str, str]], with_file: frozenset[str]) -> list[dict[str, Any]]:
    first, *others = wanted
    allowed = {name: about for name, about in wanted[first].items() if _NAME.fullmatch(name)}
    if len(allowed) < len(wanted[first]):
        _log.warning(
            "discord: commands are left out whose names Discord does not allow",
            names=sorted(set(wanted[first]) - set(allowed)),
        )
    if len(allowed) > MAX_COMMANDS:
        _log.warning("discord: only the first commands are registered", most=MAX_COMMANDS, count=len(allowed))
    option = {
        "type": 3,
        "name": ARGUMENTS,
        "description": "What the command is about, if it needs that",
        "required": False,
    }
    file = {"type": 11, "name": FILE, "description": "A file that the command is about", "required": False}
    return [
        {
            "type": 1,
            "name": name,
            "description": _short(about or name),
            "description_localizations": {
                locale: _short(wanted[language].get(name) or name)
                for language in others
                for locale in LOCALES.get(language, ())
            },
            "options": [option, file] if name in with_file else [option],
            "contexts": [_SERVER, _DIRECT],
        }
        for name, about in list(allowed.items())[:MAX_COMMANDS]
    ]


def _short(about: str) -> str:
    """A description of the length that Discord takes."""
    return about if len(about) <= MAX_DESCRIPTION else f"{about[: MAX_DESCRIPTION - 1].rstrip()}…"


#: What people see of a command: name, description, its contexts, its options, and the description by locale.
Essence = tuple[str, str, tuple[int, ...], tuple[str, ...], tuple[tuple[str, str], ...]]


def _essence(commands: object) -> set[Essence]:
    """What people see of ``commands``, however the JSON is written."""
    found: set[Essence] = set()
    for command in cast("list[dict[str, Any]]", commands or []):
        options = tuple(str(option.get("name")) for option in command.get("options") or ())
        contexts = tuple(sorted(command.get("contexts") or ()))
        localizations = cast("dict[str, str]", command.get("description_localizations") or {})
        localized = tuple(sorted(localizations.items()))
        found.add((str(command.get("name")), str(command.get("description")), contexts, options, localized))
    return found
