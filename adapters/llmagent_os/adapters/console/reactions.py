"""Reactions as people type them."""

from __future__ import annotations

import re
import unicodedata

from llmagent_os.markup.graphemes import grapheme_ends

#: Emojis by the names that may be typed for them.
EMOJI_BY_NAME = {
    "+1": "👍", "thumbsup": "👍", "-1": "👎", "thumbsdown": "👎", "heart": "❤️", "tada": "🎉", "smile": "😄",
    "laughing": "😆", "pray": "🙏", "fire": "🔥", "clap": "👏", "100": "💯", "check": "✅", "x": "❌", "thinking": "🤔",
    "confused": "😕", "cry": "😢", "angry": "😡", "eyes": "👀", "rocket": "🚀", "ok_hand": "👌", "wave": "👋",
}  # fmt: skip

LONGEST_EMOJI = 16  #: characters of one emoji, with its skin tones and joiners

_NAMED = re.compile(r":([a-z0-9_+-]{1,40}):")
_EMOJI = re.compile(r"\+ ?(\S{1,32})")


def reaction_in(line: str) -> str | None:
    """The emoji with which ``line`` reacts to the last reply; None if the line is not a reaction.

    >>> reaction_in("+1"), reaction_in(":tada:"), reaction_in("+🎉"), reaction_in(":blob_wave:")
    ('👍', '🎉', '🎉', 'blob_wave')
    >>> reaction_in("👍"), reaction_in("👎🏽"), reaction_in("❤️"), reaction_in("+ 👍")
    ('👍', '👎🏽', '❤️', '👍')
    >>> reaction_in("+49 30 1234"), reaction_in("+2"), reaction_in("ok :)"), reaction_in("👍 thanks"), reaction_in("©")
    (None, None, None, None, None)
    """
    if line in ("+1", "-1"):
        return EMOJI_BY_NAME[line]
    if named := _NAMED.fullmatch(line):
        return EMOJI_BY_NAME.get(named[1], named[1])
    typed = _EMOJI.fullmatch(line)
    if typed and any(unicodedata.category(character) == "So" for character in typed[1]):
        return typed[1]
    return line if _is_one_emoji(line) else None


def _is_one_emoji(line: str) -> bool:
    """Whether ``line`` is one emoji and nothing else. Signs that are older than emojis, such as ©, are not."""
    one = len(line) <= LONGEST_EMOJI and next(grapheme_ends(line, 0, len(line)), 0) == len(line)
    return one and line[0] >= "\u2300" and unicodedata.category(line[0]) == "So"
