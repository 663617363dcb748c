"""Explains how to set a bot up on a platform: ``llmagent-os setup PLATFORM``.

A guide says what to do, gives the text to paste into the platform, and checks the tokens so far. An entry point of the
group ``llmagent_os.guides`` is a :class:`Guide`. It has the same name as its adapter:

.. code-block:: python

    async def guide(setup: GuideSetup) -> Guidance:
        return Guidance(steps="1. Build a loft.", paste="coo", findings=(Finding("pigeon", "ok", "the loft is there"),))
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
from typing import Protocol, cast

from llmagent_os.admin.findings import Finding
from llmagent_os.bot import Bot, BotConfig
from llmagent_os.config import Settings
from llmagent_os.errors import ConfigError

GROUP = "llmagent_os.guides"  #: the entry points that are guides


@dataclass(frozen=True)
class GuideSetup:
    """The bot and the installation that a guide is for."""

    settings: Settings
    bot: BotConfig
    commands: Mapping[str, str]  #: the bot's slash commands: name to one line of help
    address: str = ""  #: the public https address that the platform calls; empty: the bot calls the platform


@dataclass(frozen=True)
class Guidance:
    """Instructions for setting a platform up. They contain no token."""

    steps: str  #: the steps, as text for a terminal
    paste: str = ""  #: the text to paste into the platform, and nothing else; empty: a later step gives it
    findings: tuple[Finding, ...] = ()  #: checks of the tokens so far


class Guide(Protocol):
    """Reads the settings, asks the platform about its tokens if there are any, and says what to do."""

    async def __call__(self, setup: GuideSetup, /) -> Guidance:
        """Return the instructions. A wrong token or an unreachable platform is a finding, not an exception."""
        ...


def known_guides() -> dict[str, EntryPoint]:
    """Return the installed guides by the name of their platform."""
    return {point.name: point for point in entry_points(group=GROUP)}


def find_guide(platform: str) -> Guide:
    """Return the guide to a platform.

    Raises:
        ConfigError: there is no such guide, or it cannot be imported.
    """
    known = known_guides()
    if platform not in known:
        near = get_close_matches(platform, known, 1, 0.6)
        names = ", ".join(sorted(known)) or "none"
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise ConfigError(f"there is no guide to {platform!r}; {hint}There are: {names}")
    try:
        return cast("Guide", known[platform].load())
    except Exception as error:
        raise ConfigError(f"the guide to {platform!r} cannot be imported: {type(error).__name__}: {error}") from error


async def guide(settings: Settings, bot: Bot, platform: str, address: str = "") -> Guidance:
    """Return the instructions for setting ``bot`` up on ``platform``.

    Args:
        settings: of the installation.
        bot: the bot.
        platform: the platform's name.
        address: the public https address that the platform calls; empty: the bot calls the platform.

    Raises:
        ConfigError: there is no such guide, or ``address`` is not such an address.
    """
    found = find_guide(platform)
    if address and not re.fullmatch(r"https://[^\s/]+\S*", address):
        raise ConfigError(f"--http cannot be {address!r}: write a public address such as https://bot.example.com")
    guidance = await found(GuideSetup(settings, bot.config, await commands_of(settings, bot), address))
    findings = guidance.findings
    if platform not in bot.config.adapters:
        text = (
            f"bot {bot.name!r} is not on this platform yet: add {platform!r} to `adapters` in its bot.toml, or run it"
        )
        findings += (Finding(platform, "note", f"{text} with `llmagent-os run {bot.name} --adapter {platform}`"),)
    return Guidance(f"{guidance.steps.rstrip()}\n\n{who_is_answered(settings)}", guidance.paste, findings)


async def commands_of(settings: Settings, bot: Bot) -> dict[str, str]:
    """Return the bot's slash commands without running it: those of every agent, and those of its plugins."""
    from llmagent_os.commands.command_table import listed_commands

    async with bot.plugins(settings) as plugins:
        return listed_commands(plugins, for_admins=bool(settings.admins or settings.owners))


def who_is_answered(settings: Settings) -> str:
    """Say who may talk to the bot on a platform, according to the settings."""
    lets_in = {
        "pairing": "only people whom you let in. Everyone else who writes to the bot gets a code;\n"
        "`llmagent-os people approve CODE` lets that person in.",
        "closed": "only the people in LLMAGENT_OS_ALLOW (LLMAGENT_OS_ACCESS=closed).",
        "everyone": "everyone who can write to the bot (LLMAGENT_OS_ACCESS=everyone).",
    }[settings.access]
    return (
        f"Who is answered: {lets_in}\n"
        "LLMAGENT_OS_ALLOW lists people who are always answered, written as in `llmagent-os people list`.\n"
        "LLMAGENT_OS_ACCESS=everyone opens the bot to everyone there."
    )
