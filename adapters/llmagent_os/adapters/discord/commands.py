"""The bot's slash commands, as Discord lists them to people."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, cast

import structlog

from llmagent_os.adapters.discord.api import Api

_log = structlog.stdlib.get_logger(__name__)

#: The name of the one argument that every command has: whatever a person writes after its name.
ARGUMENTS = "arguments"

_NAME = re.compile(r"[-_a-z0-9]{1,32}")
_MOST = 100  #: commands of one bot
_SERVER, _DIRECT = 0, 1  #: contexts: in servers, and in direct messages with the bot


class Commands:
    """What is registered, everywhere at once, whenever it is not what it should be."""

    def __init__(self, wanted: Callable[[], Mapping[str, str]]) -> None:
        """Args: ``wanted`` gives names and what they do, as of now."""
        self._wanted = wanted
        self._registered: dict[str, str] | None = None

    async def register(self, api: Api, application_id: str) -> None:
        """Have Discord show what there is now. A request is made only where something has changed.

        Raises:
            AdapterError: Discord does not take it.
        """
        wanted = dict(self._wanted())
        if not wanted or wanted == self._registered:
            return
        body = _described(wanted)
        path = "/applications/{application_id}/commands"
        listed = await api.call("looking at the commands", "GET", path, application_id=application_id)
        if _essence(listed) != _essence(body):
            await api.call("registering the commands", "PUT", path, application_id=application_id, body=body)
            _log.info("discord: commands registered", count=len(body))
        self._registered = wanted

    def forget(self) -> None:
        """Look again at the next occasion."""
        self._registered = None


def _described(wanted: Mapping[str, str]) -> list[dict[str, Any]]:
    fit = {name: about for name, about in wanted.items() if _NAME.fullmatch(name)}
    if len(fit) < len(wanted):
        _log.warning("discord: names that Discord does not allow are left out", names=sorted(set(wanted) - set(fit)))
    if len(fit) > _MOST:
        _log.warning("discord: Discord lists no more commands than the first", most=_MOST, count=len(fit))
    option = {"type": 3, "name": ARGUMENTS, "description": "What to do it with, where it needs that", "required": False}
    return [
        {
            "type": 1,
            "name": name,
            "description": (about or name)[:100],
            "options": [option],
            "contexts": [_SERVER, _DIRECT],
        }
        for name, about in list(fit.items())[:_MOST]
    ]


def _essence(commands: object) -> set[tuple[str, str, tuple[int, ...], tuple[str, ...]]]:
    """What people see of commands, in whatever way they are written."""
    found: set[tuple[str, str, tuple[int, ...], tuple[str, ...]]] = set()
    for each in cast("list[dict[str, Any]]", commands or []):
        options = tuple(str(option.get("name")) for option in each.get("options") or ())
        contexts = tuple(sorted(each.get("contexts") or ()))
        found.add((str(each.get("name")), str(each.get("description")), contexts, options))
    return found
