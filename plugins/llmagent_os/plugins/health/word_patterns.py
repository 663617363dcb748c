"""Finds patterns of words in what a person wrote: in any order, near each other, with misspellings.

A pattern is written in one line, as the tables of this plugin have it:

- Words with a space between them must all be there, in one sentence and near each other.
- ``chest|breast`` is either of them. ``heart_attack`` are two words in a row. ``hurt*`` is how a word begins.
- ``=stroke`` is the word to the letter. Other words of five letters and more may have a misspelling.
- ``#`` is a number.
- Chinese is written without spaces: ``胸 痛`` are two words that are near each other.

>>> [match.words for match in matches(parse_pattern("chest pain|hurt*"), words_of("My chset hurts. Pain!"))]
[(1, 2)]
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache

import msgspec
from rapidfuzz.distance import OSA

#: How many other words may stand among those of a pattern.
MOST_BETWEEN = 5

_CJK = "\u3400-\u9fff"
_WORD = re.compile(rf"\d+(?:[.,:]\d+)*|[{_CJK}]|[^\W\d_{_CJK}]+|[.,;:!?\n，。；：！？、]")
_SENTENCE_ENDS = frozenset(".;!?\n。；！？")
COMMAS = frozenset(",:，：")


class WordPattern(msgspec.Struct, frozen=True):
    """A pattern, read. Every part must be there; a part is one of several rows of words."""

    parts: tuple[tuple[tuple[str, ...], ...], ...]


class Match(msgspec.Struct, frozen=True):
    """Where a pattern was found."""

    words: tuple[int, ...]  #: the places of the words that match, ascending


class Words(list[str]):
    """The words and the punctuation of a text, in order."""

    @cached_property
    def sentences(self) -> list[range]:
        """The places of the words of each sentence."""
        found: list[range] = []
        start = 0
        for place, word in enumerate([*self, "."]):
            if word in _SENTENCE_ENDS:
                if place > start:
                    found.append(range(start, place))
                start = place + 1
        return found

    @cached_property
    def by_initial(self) -> dict[str, list[int]]:
        """The places of the words by their first letter; those of numbers also under ``#``."""
        found: dict[str, list[int]] = {}
        for place, word in enumerate(self):
            found.setdefault(word[0], []).append(place)
            if word.isdigit():
                found.setdefault("#", []).append(place)
        return found


def words_of(text: str) -> Words:
    """The words and the punctuation of ``text``, in lower case and without accents. A Chinese character is a word.

    >>> words_of("Ich kann’s nicht: 38,5 Übelkeit")
    ['ich', 'kanns', 'nicht', ':', '38,5', 'ubelkeit']
    """
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return Words(_WORD.findall(re.sub("['’`´]", "", plain)))


@lru_cache(maxsize=4096)
def parse_pattern(written: str) -> WordPattern:
    """Read a pattern, see above."""
    return WordPattern(tuple(tuple(_row(row) for row in part.split("|")) for part in written.split()))


def _row(written: str) -> tuple[str, ...]:
    row: list[str] = []
    for piece in written.split("_"):
        mark = "=" if piece.startswith("=") else ""
        tail = "*" if piece.endswith("*") else ""
        plain = words_of(piece.strip("=*")) or [piece]
        row += [f"{mark}{word}{tail}" for word in plain]
    return tuple(row)


def matches(pattern: WordPattern, words: Words) -> Iterator[Match]:
    """Where ``pattern`` is in ``words``: at most one match for each place of its first part."""
    places: list[list[range]] = []
    for part in pattern.parts:
        found = [
            range(place, place + len(row))
            for row in part
            for place in words.by_initial.get(row[0].lstrip("=")[0], ())
            if _stands(row, words, place)
        ]
        if not found:
            return
        places.append(found)
    for sentence in words.sentences:
        inside = [[each for each in part if sentence.start <= each.start < sentence.stop] for part in places]
        if all(inside):
            yield from _near(inside)


def rows_at(rows: Sequence[tuple[str, ...]], words: Sequence[str], place: int) -> int:
    """How many words the longest of ``rows`` has that stands at ``place``; 0: none stands there."""
    return max((len(row) for row in rows if _stands(row, words, place)), default=0)


def _stands(row: tuple[str, ...], words: Sequence[str], place: int) -> bool:
    return place + len(row) <= len(words) and all(
        is_word(asked, words[place + number]) for number, asked in enumerate(row)
    )


def _near(places: Sequence[Sequence[range]]) -> Iterator[Match]:
    for first in places[0]:
        chosen = [first]
        for others in places[1:]:
            free = [
                other for other in others if all(other.stop <= one.start or one.stop <= other.start for one in chosen)
            ]
            if not free:
                break
            chosen.append(min(free, key=lambda other: (abs(other.start - first.start), other.start)))
        else:
            taken = sorted(place for one in chosen for place in one)
            if taken[-1] - taken[0] < len(taken) + MOST_BETWEEN:
                yield Match(tuple(taken))


@lru_cache(maxsize=65536)
def is_word(asked: str, word: str) -> bool:
    """Whether ``word`` is the word of a pattern, or a misspelling of it.

    >>> is_word("breathe", "braethe"), is_word("=stroke", "strike"), is_word("hurt*", "hurting")
    (True, False, True)
    """
    if asked.endswith("*"):
        return word.startswith(asked.strip("=*"))
    if asked == "#":
        return word.isdigit()
    if asked.startswith("="):
        return word == asked[1:]
    if word == asked:
        return True
    if len(asked) < 5 or len(word) < 4 or word[0] != asked[0]:
        return False
    most = 1 if len(asked) < 8 else 2
    return OSA.distance(asked, word, score_cutoff=most) <= most
