"""Finds the words of a message that say the same as other words: in full, cut short, mistyped, or in other spelling.

Only the spelling is compared. That "arvo" is an afternoon, no spelling tells.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import NamedTuple

from rapidfuzz import fuzz

from llmagent_os.serving.copied_spans import words

#: The likeness of the same words.
EXACT_PERCENT = 100.0
#: The similarity of two words, in percent, from which on one is the other with a slip of the keyboard: ``dentsit`` and
#: ``dentist`` have 86, ``tuesday`` and ``thursday`` 80.
MIN_TYPO_PERCENT = 85.0
#: The similarity, in percent, from which on a word is short for one with the same letters in the same order: ``tmrw``
#: and ``tomorrow`` have 67, ``appt`` and ``appointment`` 53.
MIN_ABBREVIATION_PERCENT = 50.0

_TO = re.compile(r"\b2(?=[a-z]{3})")  # "2moro"
_ISH = re.compile(r"(?<=\d)ish\b")
_LEADING_NUMBER = re.compile(r"\d+")
_NUMBER = re.compile(r"\d+")


class Part(NamedTuple):
    """A stretch of whole words of a text."""

    text: str
    begin: int  #: the place of its first character
    end: int  #: the place after its last character
    source: int = 0  #: which of several texts it is of

    def overlaps(self, others: Collection[Part]) -> bool:
        """Whether it shares a character with another part."""
        return any(
            other.source == self.source and self.begin < other.end and other.begin < self.end for other in others
        )


def parts_of(text: str, source: int = 0, *, longest: int = 1) -> list[Part]:
    """Give every stretch of at most ``longest`` words of a text, where a copied argument may begin and end.

    >>> [part.text for part in parts_of("+gym, fri", longest=2)]
    ['gym', 'gym, fri', 'fri']
    """
    found = words(text)
    return [
        Part(text[found[first][0] : found[last][1]], found[first][0], found[last][1], source)
        for first in range(len(found))
        for last in range(first, min(first + longest, len(found)))
    ]


def same_part(value: str, parts: Sequence[Part], taken: Collection[Part] = ()) -> Part | None:
    """Return the part that says ``value``, the likest one; None: no part does.

    >>> same_part("tomorrow", parts_of("lunch with tom tmrw")).text
    'tmrw'

    Args:
        value: other words.
        parts: the parts to choose among.
        taken: parts that say something else already. They say ``value`` too only if they do so word for word: a person
            who is named in a title.
    """
    found: Part | None = None
    best = (0.0, False)
    for part in parts:
        alike, is_free = likeness(value, part.text), not part.overlaps(taken)
        if alike and (is_free or alike == EXACT_PERCENT) and (alike, is_free) > best:
            found, best = part, (alike, is_free)
    return found


def likeness(one: str, other: str) -> float:
    """Return how surely two wordings say the same, in percent; 0: they do not, as far as their spelling tells.

    >>> likeness("tomorrow", "tmrw") > likeness("tomorrow", "tom") > likeness("tomorrow", "monday")
    True
    >>> likeness("half past 6", "half 6") > 0, likeness("half past 6", "half")
    (True, 0.0)
    """
    plain, said = _plain(one), _plain(other)
    if plain == said:
        return EXACT_PERCENT
    if _NUMBER.findall(plain) != _NUMBER.findall(said) or plain[:1] != said[:1]:
        return 0.0
    if _is_one_number(plain) and _is_one_number(said):  # "4pm" and "4ish"
        return MIN_TYPO_PERCENT
    alike = fuzz.ratio(plain, said)
    short, long = sorted((plain, said), key=len)
    letters = iter(long)
    abbreviates = all(letter in letters for letter in short)
    return alike if alike >= (MIN_ABBREVIATION_PERCENT if abbreviates else MIN_TYPO_PERCENT) else 0.0


def _plain(text: str) -> str:
    return _ISH.sub("", _TO.sub("to", text.casefold().strip(" .:")))


def _is_one_number(text: str) -> bool:
    return " " not in text and _LEADING_NUMBER.match(text) is not None
