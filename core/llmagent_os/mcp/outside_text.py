"""Text of outside servers, as data: what nobody sees is taken out, and the length is bounded."""

from __future__ import annotations

import unicodedata
from typing import Any, cast

#: Unicode's categories of control and format characters, surrogates, private ones, and ones that there are not yet.
#: Tags (U+E0000…) are among them: they spell words that a model reads and a person does not see.
_UNSEEN = ("Cc", "Cf", "Cs", "Co", "Cn")
#: Emoji are joined by it, and some scripts need it.
_JOINERS = "\u200c\u200d"
#: Variation selectors are marks, and yet invisible: in rows of them whole texts can be hidden.
_SELECTORS = (range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0))

#: How deep lists and objects of a server may be nested.
MAX_DEPTH = 12
#: How many values an object of a server may have in all.
MAX_VALUES = 2_000


def cleaned_text(text: str, most: int, *, lines: bool = True) -> str:
    r"""``text`` without what nobody sees, at most ``most`` characters long.

    Args:
        text: of a server.
        most: characters. What is cut off is shown as ``…``.
        lines: keep line breaks and tabs; otherwise they become spaces.

    >>> cleaned_text("ad\u200bd \U000e0041\x1b[31m two\nnumbers", 16, lines=False)
    'add [31m two nu…'
    """
    kept: list[str] = []
    before = ""
    for char in text[: 4 * most + 100]:  # what is unseen takes no part of the rest
        if char in "\n\t" or char.isspace():
            kept.append(char if lines and char in "\n\t" else " ")
        elif char in _JOINERS:
            if before and before not in _JOINERS:
                kept.append(char)
        elif not _is_selector(char):
            if unicodedata.category(char) not in _UNSEEN:
                kept.append(char)
        elif before and not _is_selector(before):
            kept.append(char)
        before = char
    joined = "".join(kept)
    joined = joined.strip() if lines else " ".join(joined.split())
    return joined if len(joined) <= most else f"{joined[: most - 1].rstrip()}…"


def _is_selector(char: str) -> bool:
    return any(ord(char) in some for some in _SELECTORS)


def cleaned_json(value: object, most: int) -> Any:
    """JSON of a server with all its texts cleaned, and what is nested too deep or too much left out.

    Args:
        value: as ``json`` reads it.
        most: characters of one text.
    """
    left = [MAX_VALUES]

    def walk(value: object, depth: int) -> Any:
        left[0] -= 1
        if depth > MAX_DEPTH or left[0] < 0:
            return None
        if isinstance(value, str):
            return cleaned_text(value, most)
        if isinstance(value, dict):
            items = cast("dict[object, object]", value).items()
            return {
                cleaned_text(str(key), 100, lines=False): walk(each, depth + 1) for key, each in items if left[0] > 0
            }
        if isinstance(value, list):
            return [walk(each, depth + 1) for each in cast("list[object]", value) if left[0] > 0]
        if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
            return None
        return value if value is None or isinstance(value, bool | int | float) else cleaned_text(str(value), most)

    return walk(value, 0)
