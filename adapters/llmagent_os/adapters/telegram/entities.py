"""Mentions and commands in a text. Telegram marks them as entities, with offsets in UTF-16 code units."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from telegram import MessageEntity, User

from llmagent_os.adapter_kit.inbound_text import OWN_NAME, without_own_name


class ParsedText(msgspec.Struct, frozen=True):
    """A text and what was found in it."""

    text: str  #: without the bot's name; the address of a link follows its words
    mentioned: bool = False  #: whether the bot's name was in it
    command: str = ""  #: with its slash and, if it is there, ``@`` and the name of a bot
    mentions: tuple[User, ...] = ()  #: other people in it, of whom Telegram says who they are


def parse_text(text: str, entities: Sequence[MessageEntity], bot: User) -> ParsedText:
    """Take the bot's name out of ``text``, write out its links, and find the command that the text begins with.

    >>> bot = User(1, "Calendar", True, username="calendar_bot")
    >>> parse_text("🍜 @Calendar_Bot lunch?", [MessageEntity("mention", 3, 13)], bot)
    ParsedText(text='🍜 lunch?', mentioned=True, command='', mentions=())
    """
    encoded = text.replace(OWN_NAME, " ").encode("utf-16-le")  # two bytes per code unit
    changes: list[tuple[int, int, str]] = []
    command, mentioned = "", False
    people: dict[int, User] = {}
    for entity in entities:
        start, end = 2 * entity.offset, 2 * (entity.offset + entity.length)
        words = encoded[start:end].decode("utf-16-le", "replace")
        if entity.type == MessageEntity.BOT_COMMAND and start == 0:
            command = words
        elif (entity.type == MessageEntity.MENTION and words.lower() == f"@{bot.username}".lower()) or (
            entity.type == MessageEntity.TEXT_MENTION and entity.user is not None and entity.user.id == bot.id
        ):
            changes.append((start, end, OWN_NAME))
            mentioned = True
        elif entity.type == MessageEntity.TEXT_MENTION and entity.user is not None:
            people[entity.user.id] = entity.user
        elif entity.type == MessageEntity.TEXT_LINK and (address := _address(entity.url, words)):
            changes.append((end, end, f" ({address})"))
    for start, end, words in sorted(changes, reverse=True):
        encoded = encoded[:start] + words.encode("utf-16-le") + encoded[end:]
    whole = encoded.decode("utf-16-le", "replace") if changes else text
    return ParsedText(without_own_name(whole), mentioned, command, tuple(people.values()))


def _address(url: str | None, words: str) -> str:
    """The address of a link, as it follows the link's words; empty if the words say it."""
    address = "".join(str(url or "").split()).removeprefix("mailto:")
    return "" if words.strip() and words.strip().rstrip("/") in (address, address.rstrip("/")) else address
