"""Writes several words as a part of an English sentence."""

from __future__ import annotations

from collections.abc import Sequence


def join_words(words: Sequence[str]) -> str:
    """Join at least one word: ``a``, ``a and b``, ``a, b and c``.

    >>> join_words(["Slack"]), join_words(["Slack", "Discord", "the web chat"])
    ('Slack', 'Slack, Discord and the web chat')
    """
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
