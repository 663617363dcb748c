"""Graphemes: what people take for one character. A word that does not fit is broken between two of them.

The common part of Unicode's rules (UAX #29): marks, joiners, skin tones and flags stay with their character.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

_JOINER = "\u200d"


def grapheme_ends(text: str, start: int, stop: int) -> Iterator[int]:
    r"""The offsets between ``start`` and ``stop`` at which a grapheme of ``text`` ends.

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
    """Whether ``char`` changes the character before it."""
    return not char.isascii() and (
        char == _JOINER
        or unicodedata.category(char)[0] == "M"
        or "\U0001f3fb" <= char <= "\U0001f3ff"
        or "\U000e0020" <= char <= "\U000e007f"
    )


def _is_flag(char: str) -> bool:
    """Whether ``char`` is half of a flag."""
    return "\U0001f1e6" <= char <= "\U0001f1ff"
