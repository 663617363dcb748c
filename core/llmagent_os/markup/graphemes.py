"""Where a word may be broken when nothing else helps: between what people take for characters.

The common part of Unicode's rules (UAX #29): marks, joiners, skin tones and flags stay with what they belong to.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

_JOINER = "\u200d"


def grapheme_ends(text: str, start: int, stop: int) -> Iterator[int]:
    r"""The offsets in ``text`` where a character ends, of those between ``start`` and ``stop``.

    >>> list(grapheme_ends("e\u0301👩\u200d🚀🇫🇷!", 0, 8))
    [2, 5, 7, 8]
    """
    flags = 0
    for at in range(start + 1, stop):
        flags = flags + 1 if _is_flag(text[at - 1]) else 0
        joined = text[at - 1] == _JOINER or _extends(text[at]) or (flags % 2 and _is_flag(text[at]))
        if not joined:
            yield at
    yield stop


def _extends(char: str) -> bool:
    """Whether it changes the character before it."""
    return not char.isascii() and (
        char == _JOINER
        or unicodedata.category(char)[0] == "M"
        or "\U0001f3fb" <= char <= "\U0001f3ff"
        or "\U000e0020" <= char <= "\U000e007f"
    )


def _is_flag(char: str) -> bool:
    """Whether it is half of a flag."""
    return "\U0001f1e6" <= char <= "\U0001f1ff"
