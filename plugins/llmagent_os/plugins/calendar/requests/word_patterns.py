"""Writes lists of words as regular expressions."""

from __future__ import annotations


def any_of(words: str) -> str:
    """Return a pattern for any of the words, which are separated by a comma and a space.

    >>> any_of("add, set up, jot(?: down)?")
    '(?:add|set up|jot(?: down)?)'
    """
    return f"(?:{words.replace(', ', '|')})"
