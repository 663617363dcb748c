"""The menu of slash commands that Telegram shows to people."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import structlog
from telegram import BotCommand
from telegram.error import TelegramError

from llmagent_os.adapters.telegram.api import Api

_log = structlog.stdlib.get_logger(__name__)

MAX_COMMANDS = 100  #: of one bot
MAX_DESCRIPTION = 256  #: characters

_NAME = re.compile(r"[a-z0-9_]{1,32}")


class CommandMenu:
    """Keeps Telegram's menu equal to the commands that there are. Plugins come and go while the bot runs."""

    def __init__(self, commands: Callable[[], Mapping[str, str]]) -> None:
        """Args: ``commands`` returns the present names and descriptions."""
        self._commands = commands
        self._registered: list[BotCommand] | None = None

    async def update(self, api: Api) -> None:
        """Register the present commands. A request is made only if they have changed; if it fails, that is logged."""
        wanted = [
            BotCommand(name, (about or name)[:MAX_DESCRIPTION])
            for name, about in self._commands().items()
            if _NAME.fullmatch(name)
        ][:MAX_COMMANDS]
        if wanted == self._registered:
            return
        try:
            await api.bot.set_my_commands(wanted)
            self._registered = wanted
        except TelegramError as error:
            _log.warning("telegram: the slash commands were not registered", error=error.message)
