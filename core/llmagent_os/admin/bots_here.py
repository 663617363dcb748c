"""Knows the bots of the folder in which a command is given: folders with a ``bot.toml`` in it."""

from __future__ import annotations

from pathlib import Path

import click

#: The bot of a command that names none, in a folder with no bot or with several.
FALLBACK = "calendar"


def bots_here() -> list[str]:
    """The paths of the bots in this folder and in its folder ``bots``, in the order of the alphabet."""
    return sorted(str(file.parent) for pattern in ("*/bot.toml", "bots/*/bot.toml") for file in Path().glob(pattern))


def bot_here() -> str:
    """The bot of a command that names none: the only one of this folder, which is said, or :data:`FALLBACK`."""
    there = bots_here()
    if len(there) != 1:
        return FALLBACK
    click.echo(f"bot: {there[0]}, the only one in this folder", err=True)
    return there[0]
