"""Cleans values as people paste them, with quotes and invisible characters, and says what kind a token is."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

#: Invisible characters that are copied along with a text: zero-width ones, soft hyphens, marks of direction, a BOM.
INVISIBLE = "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"

_TYPOGRAPHIC = "“”„‟‘’‚‛«»‹›「」『』＂＇″′"
_STRAIGHT = "\"'`"
#: What is sent before a token, and is sometimes copied with it.
_SENT_BEFORE = re.compile(r"(?:authorization\s*:\s*)?(?:bot|bearer)\s+", re.IGNORECASE)
_EXAMPLE = re.compile(
    r"\.\.\.|…|^<.*>$|^\[.*\]$|^(?:your|my|paste|insert)[-_ ].*|^(?:changeme|todo|xxx+)$", re.IGNORECASE
)


def cleaned(text: str, *, straight: bool = True) -> str:
    """Return ``text`` without white space, invisible characters and quotes around it.

    Args:
        text: as pasted.
        straight: also take off a pair of straight quotes. ``docker run --env-file`` keeps those of a file.

    >>> cleaned(" “xoxb-1” "), cleaned("'data'"), cleaned("it's")
    ('xoxb-1', 'data', "it's")
    """
    before = None
    while before != text:
        before = text
        text = text.strip().strip(INVISIBLE).strip(_TYPOGRAPHIC)
        if straight and len(text) > 1 and text[0] == text[-1] and text[0] in _STRAIGHT:
            text = text[1:-1]
    return text


def clean_token(text: str, *, any_words: bool = False) -> str:
    """Return the token in ``text``: without ``Bot`` or ``Bearer`` before it, and without invisible characters in it.

    Args:
        text: as pasted.
        any_words: take what looks like an example, too. Who runs a server of their own may call a key as they like.

    Raises:
        ValueError: ``text`` is the example of a documentation, or has a character that no token has. The error shows
            nothing of the text but that character.

    >>> clean_token("Bot MTIz.abc.def")
    'MTIz.abc.def'
    """
    token = cleaned(_SENT_BEFORE.sub("", cleaned(text), count=1))
    token = token.translate(dict.fromkeys(map(ord, INVISIBLE)))
    if not any_words and _EXAMPLE.search(token):
        raise ValueError("this is an example, not a token")
    for position, character in enumerate(token, 1):
        if not "!" <= character <= "~":
            raise ValueError(
                f"character {position} is U+{ord(character):04X}, which no token has: copy the token again"
            )
    return re.sub(r"^bot(?=[0-9]+:)", "", token)  # as it stands in the addresses of Telegram's Bot API


@dataclass(frozen=True)
class Kind:
    """What a token is, as its form shows."""

    what: str  #: in words, with its first characters
    variable: str  #: the setting that it belongs in; empty: no setting


def kind_of(token: str) -> Kind | None:
    """Return what kind of token this is. None: its form does not say.

    >>> kind_of("xapp-1-A1-2").variable
    'SLACK_APP_TOKEN'
    """
    for start, kind in _BY_START.items():
        if token.startswith(start):
            return kind
    if re.fullmatch(r"[0-9]{5,}:[A-Za-z0-9_-]{30,}", token):
        return Kind("a Telegram bot token", "TELEGRAM_TOKEN")
    if _is_discord_token(token):
        return Kind("a Discord bot token", "DISCORD_TOKEN")
    return None


_BY_START = {
    "xoxb-": Kind("a Slack bot token (xoxb-...)", "SLACK_BOT_TOKEN"),
    "xoxe.xoxb-": Kind("a Slack bot token that is rotated (xoxe.xoxb-...)", "SLACK_BOT_TOKEN"),
    "xapp-": Kind("a Slack app-level token (xapp-...)", "SLACK_APP_TOKEN"),
    "xox": Kind("a Slack token of a person (xoxp-...), which no bot may use", ""),
    "sk-": Kind("a key of a language-model server (sk-...)", "LLMAGENT_OS_API_KEY"),
    "https://hooks.slack.com": Kind("the address of a Slack webhook, which only takes messages", ""),
    "https://discord.com/api/webhooks": Kind("the address of a Discord webhook, which only takes messages", ""),
}


def _is_discord_token(token: str) -> bool:
    """Whether the first of three parts is the id of a bot, in base64."""
    parts = token.split(".")
    if len(parts) != 3 or not all(re.fullmatch(r"[\w-]+", part, re.ASCII) for part in parts):
        return False
    try:
        return base64.urlsafe_b64decode(parts[0] + "=" * (-len(parts[0]) % 4)).isdigit()
    except (binascii.Error, ValueError):
        return False
