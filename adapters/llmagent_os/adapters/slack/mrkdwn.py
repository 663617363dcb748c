"""Slack's markup in what people write, as plain text (https://docs.slack.dev/messaging/formatting-message-text)."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Protocol

import msgspec

from llmagent_os.adapter_kit.inbound_text import A_CHANNEL, OWN_NAME, SOMEONE, clean_name

_MARKUP = re.compile(r"<([@#!]?)([^<>|]*)(?:\|([^<>]*))?>")


class KnownNames(Protocol):
    """Names that were asked for earlier."""

    def user(self, user_id: str) -> str | None:
        """The name of a person; None if it is not known."""
        ...

    def channel(self, channel_id: str) -> str | None:
        """The name of a channel; None if it is not known."""
        ...


class MentionedIds(msgspec.Struct, frozen=True):
    """Ids in a text, in their order, each once."""

    users: tuple[str, ...] = ()  #: of people
    unnamed_users: tuple[str, ...] = ()  #: of people for whom the text has no name
    unnamed_channels: tuple[str, ...] = ()  #: of channels for which the text has no name


def mentioned_ids(markup: str) -> MentionedIds:
    """The people and channels that ``markup`` mentions.

    >>> mentioned_ids("<@U1> and <@U2|ben> in <#C1>")
    MentionedIds(users=('U1', 'U2'), unnamed_users=('U1',), unnamed_channels=('C1',))
    """
    found = list(_MARKUP.finditer(markup))

    def of(kind: str, *, unnamed: bool) -> Iterator[str]:
        return (each[2] for each in found if each[1] == kind and each[2] and not (unnamed and each[3]))

    users, unnamed = of("@", unnamed=False), of("@", unnamed=True)
    return MentionedIds(
        tuple(dict.fromkeys(users)), tuple(dict.fromkeys(unnamed)), tuple(dict.fromkeys(of("#", unnamed=True)))
    )


def plain(markup: str, names: KnownNames, bot_user: str) -> str:
    """``markup`` as plain text. ``OWN_NAME`` stands for the bot's name.

    Args:
        markup: as Slack sends it.
        names: of the people and channels for which the text has no name.
        bot_user: the bot's own user id.
    """

    def word(match: re.Match[str]) -> str:
        kind, target, label = match[1], match[2], match[3]
        if kind == "@":
            if target == bot_user:
                return OWN_NAME
            name = label or html.escape(clean_name(names.user(target) or ""), quote=False)
            return f"@{name.removeprefix('@')}" if name else SOMEONE
        if kind == "#":
            name = label or html.escape(clean_name(names.channel(target) or ""), quote=False)
            return f"#{name.removeprefix('#')}" if name else A_CHANNEL
        if kind == "!":
            return _special(target, label)
        address = target.removeprefix("mailto:").removeprefix("tel:")
        return f"{label} ({address})" if label and label != address and label not in address else address

    return html.unescape(_MARKUP.sub(word, markup.replace(OWN_NAME, ""))).strip()


def _special(target: str, label: str | None) -> str:
    """A group of people, a moment, or everybody in a channel."""
    what, _, rest = target.partition("^")
    if what == "date":
        return label or _moment(rest.partition("^")[0])
    if what == "subteam":
        return f"@{label.removeprefix('@')}" if label else "a group"
    return f"@{target}" if target in ("here", "channel", "everyone") else label or target


def _moment(seconds: str) -> str:
    try:
        return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (ValueError, OverflowError, OSError):
        return "some time"
