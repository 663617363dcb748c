"""Texts that must fit into a small place: labels of buttons, rows of cards, notifications."""

from __future__ import annotations


def shorten(text: str, limit: int) -> str:
    """``text``, cut to at most ``limit`` characters. A text that was cut ends in an ellipsis.

    >>> shorten("lunch", 5), shorten("luncheon", 5)
    ('lunch', 'lunc…')
    """
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
