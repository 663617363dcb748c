"""What a person stated about themselves in one clause of a message."""

from __future__ import annotations

import re

import msgspec

#: Begins the topic of what a person explicitly asked to be remembered and no rule reads.
NOTE = "note"

_ARTICLES = re.compile(r"^(?:(?:a|an|the|some|any|my|our|to|very|really) )+", re.IGNORECASE)


class Statement(msgspec.Struct, frozen=True):
    """One fact or preference, or that one holds no longer."""

    topic: str  #: what it is about: ``home``, ``likes``, ``favourite:colour``; see :mod:`llmagent_os.memory.topics`
    value: str  #: what distinguishes it from other statements on the topic, in the person's own words
    text: str  #: the statement in the second person, as a sentence without its full stop: ``You live in Rome``
    said: str = ""  #: the clause as the person wrote it
    #: the topics on which whatever has this value holds no longer. With these, the statement itself is not kept
    ends: frozenset[str] = frozenset()


def value_key(value: str) -> str:
    """Return ``value`` so that two ways to write the same thing are equal.

    >>> value_key("The red Apples"), value_key("red apple")
    ('red apple', 'red apple')
    """
    words = re.findall(r"[\w'+#]+", _ARTICLES.sub("", " ".join(value.casefold().split())))
    return " ".join(_singular(word) for word in words)


def _singular(word: str) -> str:
    if len(word) > 4 and word.endswith("ies"):
        return f"{word[:-3]}y"
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
