r"""Joins the two halves of a character that JSON wrote as two escapes: ``\ud83d`` and ``\ude00`` are one emoji.

Servers that cut a text at tokens may send the halves in two chunks. Python keeps them apart, and a half alone can be
neither stored nor sent.
"""

from __future__ import annotations

import re
from typing import Any, cast

_HALF = re.compile("[\ud800-\udfff]")


def joined(text: str) -> str:
    r"""``text`` with the halves joined, and the replacement character for a half that stays alone.

    >>> joined("ok \ud83d\ude00") == "ok \U0001f600", joined("\ud83d!") == "\ufffd!"
    (True, True)
    """
    if not _HALF.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def joined_all(value: Any) -> Any:
    """The same for every string in a JSON value, names of fields included."""
    if isinstance(value, str):
        return joined(value)
    if isinstance(value, dict):
        return {joined_all(key): joined_all(each) for key, each in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [joined_all(each) for each in cast("list[object]", value)]
    return value


class PairJoiner:
    r"""Joins halves that come in two pieces.

    >>> joiner = PairJoiner()
    >>> joiner.feed("ok \ud83d") + joiner.feed("\ude00!") + joiner.finish() == "ok \U0001f600!"
    True
    """

    def __init__(self) -> None:
        self._half = ""

    def feed(self, piece: str) -> str:
        """Take the next piece; gives what is whole."""
        text, self._half = self._half + piece, ""
        if text and "\ud800" <= text[-1] <= "\udbff":
            text, self._half = text[:-1], text[-1]
        return joined(text)

    def finish(self) -> str:
        """Take the end; gives what was held back."""
        half, self._half = self._half, ""
        return joined(half)
