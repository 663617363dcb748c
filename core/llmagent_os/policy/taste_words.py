"""Put tastes into words."""

from __future__ import annotations

from llmagent_os.policy.persona import style_of

#: How a taste is put into words. One of a bot's own dimensions is named as it is.
_LIKED = {
    ("mode", "task_oriented"): "task-oriented answers rather than chatty ones",
    ("mode", "conversational"): "chatty answers rather than task-oriented ones",
    ("verbosity", "brief"): "short answers",
    ("verbosity", "normal"): "answers of medium length",
    ("verbosity", "detailed"): "detailed answers",
    ("initiative", "act"): "me to act at once rather than ask first",
    ("initiative", "ask_first"): "me to ask first rather than act at once",
}


def liked(name: str, value: str) -> str:
    """What somebody likes who likes a value of a dimension.

    >>> liked("verbosity", "brief"), liked("tone", "very_formal")
    ('short answers', 'tone: very formal')
    """
    return _LIKED.get((name, value)) or f"{name}: {value}".replace("_", " ")


def persona_in_words(persona: str) -> str:
    """Who the people of a persona are.

    >>> persona_in_words("verbosity=brief")
    'people who like short answers'
    """
    return f"people who like {liked(*style_of(persona))}"
