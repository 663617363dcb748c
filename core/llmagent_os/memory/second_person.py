"""Turns a person's words about themselves into the second person: "I park on level 3" into "You park on level 3"."""

from __future__ import annotations

import re

_SWAPS = {
    "i": "you",
    "me": "you",
    "my": "your",
    "mine": "yours",
    "myself": "yourself",
    "am": "are",
    "we": "you",
    "us": "you",
    "our": "your",
    "ours": "yours",
    "ourselves": "yourselves",
}
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_FIRST_PERSON = re.compile(r"\b(?:i|i'm|i've|me|my|mine|we|our|us)\b", re.IGNORECASE)


def is_first_person(text: str) -> bool:
    """Return whether ``text`` speaks of whoever says it."""
    return _FIRST_PERSON.search(text) is not None


def to_second_person(text: str) -> str:
    """Return what somebody said of themselves as it is said to them. Contractions are written out before.

    >>> to_second_person("I was told that my spot is 12")
    'You were told that your spot is 12'
    """
    words = _WORD.sub(lambda found: _SWAPS.get(found[0].casefold(), found[0]), text)
    words = re.sub(r"\byou was\b", "you were", words).strip()
    return words[:1].upper() + words[1:]
