"""Finds what simulated people say to a bot: ``simulated_talk.py`` beside its TOML file, or else general questions."""

from __future__ import annotations

import importlib.util
import random
from typing import Any, Protocol, cast

from llmagent_os.bot import Bot
from llmagent_os.errors import ConfigError
from llmagent_os.simulation import general_talk

#: The file of a bot's own talk. It has a function ``talk``, which is a :class:`Talk`.
TALK_FILE = "simulated_talk.py"


class Talk(Protocol):
    """Writes messages of a part, ``talk``, ``fresh`` or ``calibration``. No two parts have a topic in common."""

    def __call__(self, part: str, count: int, rng: random.Random, /) -> list[str]:
        """Write ``count`` messages, with ``rng`` as the source of the draws."""
        ...


def talk_of(bot: Bot) -> Talk:
    """What people say to a bot.

    Raises:
        ConfigError: the bot's file cannot be imported, or has no function ``talk``.
    """
    file = bot.folder / TALK_FILE
    if not file.is_file():
        return general_talk.talk
    spec = importlib.util.spec_from_file_location(f"llmagent_os_talk_{bot.name.replace('-', '_')}", file)
    if spec is None or spec.loader is None:
        raise ConfigError(f"{file} is no Python file")
    module: Any = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ConfigError(f"{file} cannot be imported: {type(error).__name__}: {error}") from error
    if not callable(getattr(module, "talk", None)):
        raise ConfigError(f"{file} has no function talk(part, count, rng)")
    return cast("Talk", module.talk)
