"""Finds the end of a JSON value that comes in pieces, reading every character once."""

from __future__ import annotations

import re

# What matters inside a string, and outside of one.
_IN_STRING = re.compile(r'["\\]')
_OUTSIDE = re.compile(r'["{}\[\]]')

_WORDS = frozenset(("null", "None"))  # servers write a call without arguments so


class JsonEnd:
    """Follows brackets and strings. To read the whole text again for every piece would take quadratic time.

    >>> end = JsonEnd()
    >>> for piece in ('{"title": "a } ', 'b"', "}"):
    ...     end.feed(piece)
    ...     print(end.reached)
    False
    False
    True
    """

    def __init__(self) -> None:
        self._depth = 0  # open brackets
        self._in_string = False
        self._escaped = False  # the last character was a backslash
        self._word = ""  # the beginning of the text, as long as no bracket and no string has come
        self._ended = False

    @property
    def reached(self) -> bool:
        """Whether a whole object, list or string has come, or a word that stands for nothing."""
        return self._ended or self._word.strip() in _WORDS

    def feed(self, piece: str) -> None:
        """Take the next piece."""
        if len(self._word) < 8:
            self._word += piece[:8]
        at = 0
        while at < len(piece):
            if self._escaped:
                self._escaped = False
                at += 1
                continue
            found = (_IN_STRING if self._in_string else _OUTSIDE).search(piece, at)
            if found is None:
                return
            at = found.end()
            self._take(found[0])

    def _take(self, character: str) -> None:
        if character == "\\":
            self._escaped = True
        elif character == '"':
            self._in_string = not self._in_string
            self._ended = self._ended or (not self._in_string and self._depth == 0)
        elif character in "{[":
            self._depth += 1
        else:
            self._depth -= 1
            self._ended = self._ended or self._depth <= 0
