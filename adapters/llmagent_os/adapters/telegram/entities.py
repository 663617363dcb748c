"""Mentions and commands in a text. Telegram marks them as entities, with offsets in UTF-16 code units."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from telegram import MessageEntity, User


class ParsedText(msgspec.Struct, frozen=True):
    """A text and what was found in it."""

    text: str  #: without the bot's name
    mentioned: bool = False  #: whether the bot's name was in it
    command: str = ""  #: with its slash and, if it is there, ``@`` and the name of a bot


def parse_text(text: str, entities: Sequence[MessageEntity], bot: User) -> ParsedText:
    """Take the bot's name out of ``text``, and find the command that the text begins with.

    >>> bot = User(1, "Calendar", True, username="calendar_bot")
    >>> parse_text("🍜 @Calendar_Bot lunch?", [MessageEntity("mention", 3, 13)], bot)
    ParsedText(text='🍜 lunch?', mentioned=True, command='')
    """
    encoded = text.encode("utf-16-le")  # two bytes per code unit
    cuts: list[tuple[int, int]] = []
    command = ""
    for entity in entities:
        start, end = 2 * entity.offset, 2 * (entity.offset + entity.length)
        words = encoded[start:end].decode("utf-16-le", "replace")
        if entity.type == MessageEntity.BOT_COMMAND and start == 0:
            command = words
        elif (entity.type == MessageEntity.MENTION and words.lower() == f"@{bot.username}".lower()) or (
            entity.type == MessageEntity.TEXT_MENTION and entity.user is not None and entity.user.id == bot.id
        ):
            cuts.append((start, end))
    if not cuts:
        return ParsedText(text, command=command)
    for start, end in sorted(cuts, reverse=True):
        before, after = encoded[:start], encoded[end:]
        if before.endswith(b" \0") and after.startswith((b" \0", b",\0")):
            before = before[:-2]
        encoded = before + after
    return ParsedText(_trimmed(encoded.decode("utf-16-le", "replace")), True, command)


def _trimmed(text: str) -> str:
    return text.strip().lstrip(",:").strip()
