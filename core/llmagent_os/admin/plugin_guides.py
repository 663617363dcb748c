"""The documents about plugins that ``llmagent-os init`` gives a bot: they follow the plugins that are chosen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from llmagent_os.bot import Bot


def missing_guides(pattern: Bot, bot: Bot, plugins: tuple[str, ...]) -> dict[Path, bytes]:
    """The documents about plugins that a bot, which was made before, gets and lacks: their content by path.

    Args:
        pattern: the bot with all documents.
        bot: that was made.
        plugins: that are chosen now.
    """
    new = set(plugins) - set(bot.config.plugins)  # a document that its owner took away stays away
    return {path: content for path, content in _guides(pattern, bot) if path.stem in new and not path.exists()}


def stale_guides(pattern: Bot, bot: Bot, plugins: tuple[str, ...]) -> tuple[list[Path], list[Path]]:
    """The documents about plugins that a bot does not have any more: as they were written, and those that were changed.

    Args:
        pattern: the bot with all documents.
        bot: that was made.
        plugins: that are chosen now.
    """
    found = [each for each in _guides(pattern, bot) if each[0].stem not in plugins and each[0].is_file()]
    changed = [path for path, content in found if path.read_bytes() != content]
    return [path for path, _ in found if path not in changed], changed


def _guides(pattern: Bot, bot: Bot) -> Iterator[tuple[Path, bytes]]:
    """Where each document about a plugin lies, or would lie, in a folder that the bot's file names; and its content."""
    for document in pattern.documents:
        own = bot.folder / document.relative_to(pattern.folder)
        if own not in bot.documents:
            continue
        for file in sorted(document.glob("*.md")):
            if file.stem in pattern.config.plugins:
                yield own / file.name, file.read_bytes()
