"""Writes several words as a part of a sentence."""

from __future__ import annotations

from collections.abc import Sequence

from babel.lists import format_list

from llmagent_os.languages import ENGLISH, language_in_force

#: English has no comma before its "and" here.
_BRITISH = "en_GB"


def join_words(words: Sequence[str]) -> str:
    """Join at least one word in the language in force: ``a``, ``a and b``, ``a, b and c``.

    >>> from llmagent_os.languages import speaking
    >>> join_words(["Slack"]), join_words(["Slack", "Discord", "the web chat"])
    ('Slack', 'Slack, Discord and the web chat')
    >>> with speaking("de"):
    ...     join_words(["Slack", "Discord"])
    'Slack und Discord'
    """
    language = language_in_force()
    return words[0] if len(words) == 1 else format_list(words, locale=_BRITISH if language == ENGLISH else language)
