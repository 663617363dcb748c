"""The menu of slash commands that Telegram shows to people."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import structlog
from telegram import BotCommand
from telegram.error import TelegramError

from llmagent_os.adapter_kit.localized_commands import Commands, localized_commands
from llmagent_os.adapters.telegram.api import Api

_log = structlog.stdlib.get_logger(__name__)

MAX_COMMANDS = 100  #: of one bot
MAX_DESCRIPTION = 256  #: characters

_NAME = re.compile(r"[a-z0-9_]{1,32}")


class CommandMenu:
    """Keeps Telegram's menu equal to the commands that there are. Plugins come and go while the bot runs."""

    def __init__(self, commands: Commands, languages: Sequence[str]) -> None:
        """Args: ``commands`` returns the present names and descriptions; ``languages`` are those of the bot."""
        self._commands = commands
        self._languages = languages
        self._registered: dict[str | None, list[BotCommand]] = {}  # by language; None: for all others

    async def update(self, api: Api) -> None:
        """Register the present commands. Requests are made only if they have changed; if one fails, that is logged."""
        found = await localized_commands(self._commands, self._languages)
        for number, (language, commands) in enumerate(found.items()):
            code = None if number == 0 else language
            wanted = _described(commands)
            if wanted == self._registered.get(code):
                continue
            try:
                await api.bot.set_my_commands(wanted, language_code=code)
                self._registered[code] = wanted
            except TelegramError as error:
                _log.warning("telegram: the slash commands were not registered", language=code, error=error.message)


def _described(commands: Mapping[str, str]) -> list[BotCommand]:
    allowed = ((name, about or name) for name, about in commands.items() if _NAME.fullmatch(name))
    return [BotCommand(name, _short(about)) for name, about in allowed][:MAX_COMMANDS]


def _short(about: str) -> str:
    """A description of the length that Telegram takes."""
    return about if len(about) <= MAX_DESCRIPTION else f"{about[: MAX_DESCRIPTION - 1].rstrip()}…"
