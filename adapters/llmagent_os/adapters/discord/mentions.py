"""Discord's markup in what people write, as plain text (https://docs.discord.com/developers/reference#message-formatting)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from llmagent_os.adapter_kit.inbound_text import OWN_NAME

_MARKUP = re.compile(
    r"<(?P<kind>@[!&]?|\#)(?P<id>[0-9]{1,20})>"
    r"|<a?:(?P<emoji>\w{1,32}):[0-9]{1,20}>"
    r"|<t:(?P<seconds>-?[0-9]{1,20})(?::[tTdDfFsSR])?>"
    r"|</(?P<command>[^<>:\n]{1,120}):[0-9]{1,20}>"
    r"|<id:(?P<page>customize|browse|guide|linked-roles)(?::[0-9]{1,20})?>"
)
_PAGES = {
    "customize": "Channels & Roles",
    "browse": "Browse Channels",
    "guide": "Server Guide",
    "linked-roles": "Linked Roles",
}


class PlainText(msgspec.Struct, frozen=True):
    """A text without markup."""

    text: str  #: ``OWN_NAME`` stands for the bot's name
    users: tuple[str, ...] = ()  #: ids of the people in it, each once


def plain(markup: str, named: Callable[[str, str], str]) -> PlainText:
    """``markup`` as plain text.

    Args:
        markup: as Discord sends it.
        named: is given ``@``, ``@&`` or ``#`` and an id, and returns the name of the person, role or channel.

    >>> plain("<@7> at <t:1700000000:R>: </profile set:1> <:wave:2>", lambda kind, number: f"{kind}ana").text
    '@ana at 2023-11-14 22:13 UTC: /profile set :wave:'
    """
    users: dict[str, None] = {}

    def word(match: re.Match[str]) -> str:
        if kind := match["kind"]:
            kind = kind.replace("!", "")
            if kind == "@":
                users[match["id"]] = None
            return named(kind, match["id"])
        if match["emoji"]:
            return f":{match['emoji']}:"
        if match["seconds"]:
            return _moment(match["seconds"]) or match[0]
        return f"/{match['command']}" if match["command"] else _PAGES[match["page"]]

    text = markup.replace(OWN_NAME, "")
    return PlainText(_MARKUP.sub(word, text), tuple(users)) if "<" in text else PlainText(text)


def _moment(seconds: str) -> str:
    """A moment in UTC: whose time zone it would be is not known here. Discord shows such a moment to the minute."""
    try:
        return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (ValueError, OverflowError, OSError):
        return ""
