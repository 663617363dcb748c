"""In which language the host itself speaks to a person: when it is busy, or cannot answer."""

from __future__ import annotations

from collections.abc import Callable

from llmagent_os.events import Event
from llmagent_os.languages import ENGLISH

#: Says the language of the person who did an event, at once: it reads no file.
LanguageOf = Callable[[Event], str]


def always_english(event: Event) -> str:
    """The language of a host that knows nobody's."""
    return ENGLISH
