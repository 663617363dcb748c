"""Marks the words of a message that say what is not so, what was long ago, and what is only asked about.

A negation never reaches over "but", "and" or a new subject, and over a comma only in a list that "or" ends. So it
hides nothing that the person does say.

>>> words = words_of("no fever, cough or rash, but chest pain")
>>> [word for place, word in enumerate(words) if Marks.of(words).negator(place) is not None]
['fever', ',', 'cough', 'or', 'rash']
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

import msgspec

from llmagent_os.plugins.health.word_patterns import COMMAS, Match, Words, parse_pattern, rows_at, words_of

__all__ = ["Marks", "words_of"]

#: How many words a negation speaks of, from the last comma on.
MOST_NEGATED = 7

#: The most words of an item in a list that a negation goes on in.
MOST_OF_ITEM = 3

_Rows = tuple[tuple[str, ...], ...]


@cache
def _tables() -> dict[str, _Rows]:
    read = tomllib.loads(files("llmagent_os.plugins.health").joinpath("spoken_marks.toml").read_text(encoding="utf-8"))
    return {name: tuple(parse_pattern(each).parts[0][0] for each in written) for name, written in read.items()}


class Marks(msgspec.Struct, frozen=True):
    """What is marked in the words of one message, by their places."""

    negated: dict[int, int]  #: the place of a word that is not so, to the place of the word that says this
    set_aside: frozenset[int]  #: long ago, or asked about in general

    @classmethod
    def of(cls, words: Words) -> Marks:
        """Read the marks of ``words``."""
        negated: dict[int, int] = {}
        aside: set[int] = set()
        for sentence in words.sentences:
            negated |= _negated_in(words, sentence)
            aside |= _aside_in(words, sentence)
        return cls(negated, frozenset(aside))

    def negator(self, place: int) -> int | None:
        """The place of the word that negates the word at ``place``. None: nothing does."""
        return self.negated.get(place)

    def holds(self, match: Match) -> bool:
        """Whether what a pattern found is said to be so. A pattern may hold the negation itself: "can't breathe"."""
        own = set(match.words)
        return not own & self.set_aside and all(self.negated.get(place, place) in own for place in own)

    def denies(self, match: Match) -> bool:
        """Whether what a pattern found is said not to be so."""
        own = set(match.words)
        return not own & self.set_aside and any(self.negated.get(place, place) not in own for place in own)


def _negated_in(words: Sequence[str], sentence: range) -> dict[int, int]:
    tables, found = _tables(), dict[int, int]()
    place = sentence.start
    while place < sentence.stop:
        if skipped := rows_at(tables["no_negators"], words, place):
            place += skipped
        elif length := rows_at(tables["negators"], words, place):
            reached = _reach(words, place + length, sentence.stop)
            found |= dict.fromkeys(range(place + 1, reached), place)
            place += length
        else:
            if length := rows_at(tables["negated_before"], words, place):
                start = place
                while start > sentence.start and words[start - 1] not in COMMAS and place - start < MOST_NEGATED:
                    start -= 1
                found |= dict.fromkeys(range(start, place), place + length - 1)
            place += 1
    return found


def _reach(words: Sequence[str], start: int, stop: int) -> int:
    """Where what a negation speaks of ends, which begins at ``start``."""
    tables, count = _tables(), 0
    for place in range(start, stop):
        if words[place] in COMMAS:
            if not _is_list(words, place + 1, stop):
                return place
            count = 0
        elif rows_at(tables["stops"], words, place) and place > start:
            return place
        count += 1
        if count > MOST_NEGATED:
            return place
    return stop


def _is_list(words: Sequence[str], start: int, stop: int) -> bool:
    """Whether a list of short items goes on at ``start``, which "or" ends."""
    tables, length = _tables(), 0
    for place in range(start, stop):
        if rows_at(tables["joiners"], words, place):
            return True
        if rows_at(tables["stops"], words, place) or rows_at(tables["negators"], words, place):
            return False
        length = 0 if words[place] in COMMAS else length + 1
        if length > MOST_OF_ITEM:
            return False
    return False


def _aside_in(words: Sequence[str], sentence: range) -> set[int]:
    tables = _tables()
    about_person = any(rows_at(tables["people"], words, place) for place in sentence)
    if not about_person and any(rows_at(tables["in_general"], words, place) for place in sentence):
        return set(sentence)
    aside: set[int] = set()
    for clause in _clauses(words, sentence):
        if any(rows_at(tables["past"], words, place) for place in clause):
            aside |= set(clause)
    return aside


def _clauses(words: Sequence[str], sentence: range) -> list[range]:
    """The clauses of a sentence, between commas and words such as "and now"."""
    found, start = list[range](), sentence.start
    for place in sentence:
        if words[place] in COMMAS or words[place] in (
            "and",
            "but",
            "now",
            "und",
            "aber",
            "jetzt",
            "y",
            "pero",
            "ahora",
        ):
            found.append(range(start, place))
            start = place + 1
    return [*found, range(start, sentence.stop)]
