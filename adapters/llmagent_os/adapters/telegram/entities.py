"""What in a text is a mention or a command: Telegram marks it, in offsets that count UTF-16 units."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from telegram import MessageEntity, User


class Marked(msgspec.Struct, frozen=True):
    """A text, read."""

    text: str  #: without the bot's name
    named: bool = False  #: the bot's name was in it
    command: str = ""  #: with its slash and, perhaps, ``@`` and whose it is


def read(text: str, entities: Sequence[MessageEntity], me: User) -> Marked:
    """Find the bot's name, and take it out; and the command that the text begins with.

    >>> me = User(1, "Calendar", True, username="calendar_bot")
    >>> read("🍜 @Calendar_Bot lunch?", [MessageEntity("mention", 3, 13)], me)
    Marked(text='🍜 lunch?', named=True, command='')
    """
    wide = text.encode("utf-16-le")
    cuts: list[tuple[int, int]] = []
    command = ""
    for entity in entities:
        start, end = 2 * entity.offset, 2 * (entity.offset + entity.length)
        words = wide[start:end].decode("utf-16-le", "replace")
        if entity.type == MessageEntity.BOT_COMMAND and start == 0:
            command = words
        elif (entity.type == MessageEntity.MENTION and words.lower() == f"@{me.username}".lower()) or (
            entity.type == MessageEntity.TEXT_MENTION and entity.user is not None and entity.user.id == me.id
        ):
            cuts.append((start, end))
    if not cuts:
        return Marked(text, command=command)
    for start, end in sorted(cuts, reverse=True):
        before, after = wide[:start], wide[end:]
        if before.endswith(b" \0") and after.startswith((b" \0", b",\0")):
            before = before[:-2]
        wide = before + after
    return Marked(_trimmed(wide.decode("utf-16-le", "replace")), True, command)


def _trimmed(text: str) -> str:
    return text.strip().lstrip(",:").strip()
