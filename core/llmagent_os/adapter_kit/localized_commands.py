"""The help of slash commands in several languages, for platforms that show a menu of commands."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from llmagent_os.languages import speaking
from llmagent_os.languages.catalogues import read_catalogues

#: The help of each command by name, in the language in force.
Commands = Callable[[], Mapping[str, str]]


async def localized_commands(commands: Commands, languages: Sequence[str]) -> dict[str, dict[str, str]]:
    """The help of every command at the moment of the call, by language and name.

    Args:
        commands: the present commands.
        languages: that the bot speaks, in their order.
    """
    await asyncio.to_thread(read_catalogues, tuple(languages))
    found: dict[str, dict[str, str]] = {}
    for language in languages:
        with speaking(language):
            found[language] = dict(commands())
    return found
