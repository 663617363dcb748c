"""Put tastes into words."""

from __future__ import annotations

from llmagent_os.languages import gettext, lazy_gettext
from llmagent_os.policy.persona import style_of

#: How a taste is put into words. One of a bot's own dimensions is named as it is.
_LIKED = {
    ("mode", "task_oriented"): lazy_gettext("task-oriented answers rather than chatty ones"),
    ("mode", "conversational"): lazy_gettext("chatty answers rather than task-oriented ones"),
    ("verbosity", "brief"): lazy_gettext("short answers"),
    ("verbosity", "normal"): lazy_gettext("answers of medium length"),
    ("verbosity", "detailed"): lazy_gettext("detailed answers"),
    ("initiative", "act"): lazy_gettext("me to act at once rather than ask first"),
    ("initiative", "ask_first"): lazy_gettext("me to ask first rather than act at once"),
}


def liked(name: str, value: str) -> str:
    """What somebody likes who likes a value of a dimension.

    >>> liked("verbosity", "brief"), liked("tone", "very_formal")
    ('short answers', 'tone: very formal')
    """
    known = _LIKED.get((name, value))
    return str(known) if known is not None else f"{name}: {value}".replace("_", " ")


def persona_in_words(persona: str) -> str:
    """Who the people of a persona are.

    >>> persona_in_words("verbosity=brief")
    'people who like short answers'
    """
    return gettext("people who like {taste}", taste=liked(*style_of(persona)))
