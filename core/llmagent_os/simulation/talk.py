"""Finds what simulated people say to a bot: the bot's own ``simulated_talk``, or else general questions."""

from __future__ import annotations

import importlib.util
import random
from typing import Protocol

from llmagent_os.bot import Bot
from llmagent_os.simulation import general_talk


class Talk(Protocol):
    """Writes messages of a part, ``talk``, ``fresh`` or ``calibration``. No two parts have a topic in common."""

    def __call__(self, part: str, count: int, rng: random.Random, /) -> list[str]: ...


def talk_of(bot: Bot) -> Talk:
    """What people say to a bot: the function ``talk`` of ``simulated_talk`` in its package, if there is one."""
    module = f"{bot.package}.simulated_talk"
    if bot.package is None or importlib.util.find_spec(module) is None:
        return general_talk.talk
    found: Talk = bot.part("simulated_talk").talk
    return found
