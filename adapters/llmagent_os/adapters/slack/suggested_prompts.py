"""Suggested prompts of Slack's assistant pane, as the app's manifest and the Web API take them."""

from __future__ import annotations

from collections.abc import Sequence

from llmagent_os.markup.shortening import shorten

MAX_PROMPTS = 4  #: of one thread
TITLE_CHARACTERS = 75  #: of a prompt's title; the message that it stands for may be longer


def suggested_prompts(messages: Sequence[str]) -> list[dict[str, str]]:
    """The first few ``messages`` as prompts. Whoever picks a prompt says its message.

    >>> suggested_prompts(["What do I have tomorrow?"])
    [{'title': 'What do I have tomorrow?', 'message': 'What do I have tomorrow?'}]
    """
    return [{"title": shorten(words, TITLE_CHARACTERS), "message": words} for words in messages[:MAX_PROMPTS]]
