"""Finds the tokens that may come next where a value must be copied, word for word, from what a person wrote.

A span begins where a word begins and ends where a word ends. A word is a run of letters, marks and digits. A span never
holds a quote, a backslash or a control character, so it stands in JSON without escaping.

There are two ways to walk through a message. If the tokenizer cuts each span by itself into the same tokens as inside
the message (checked for every message), a place is an index into the message's tokens, and exactly one token may come
next. Otherwise a place is a byte of the message, and any token that spells the next bytes may come.
"""

from __future__ import annotations

import unicodedata
from typing import Protocol

from llmagent_os.serving.vocabulary import Vocabulary

_BEFORE, _AFTER = '": "', '", "'  # the JSON around a value

#: Where a span may be: the index of a token, or of a byte.
Place = int


class SpanSource(Protocol):
    """One stretch of a message that spans are copied from."""

    starts: list[Place]  #: where spans may begin

    def step(self, place: Place) -> list[tuple[int, Place]]:
        """Give the tokens that may come at ``place``, with the place after each token."""
        ...

    def ends(self, place: Place) -> bool:
        """Tell whether a span may end before ``place``."""
        ...


def words(text: str) -> list[tuple[int, int]]:
    """Find the words of ``text``: where each begins and ends, in characters.

    >>> words("Dr. Ana, 8am")
    [(0, 2), (4, 7), (9, 12)]
    """
    found: list[tuple[int, int]] = []
    begin: int | None = None
    for at, character in enumerate(text):
        if unicodedata.category(character)[0] in "LMN":
            begin = at if begin is None else begin
        elif begin is not None:
            found.append((begin, at))
            begin = None
    return [*found, (begin, len(text))] if begin is not None else found


def span_sources(text: str, vocabulary: Vocabulary) -> list[SpanSource]:
    """Cut ``text`` into stretches that spans can be copied from. The cuts are at characters that JSON escapes."""
    sources: list[SpanSource] = []
    begin = 0
    for at, character in enumerate(text + "\n"):
        if character in '"\\' or unicodedata.category(character) == "Cc":
            stretch = text[begin:at]
            begin = at + 1
            if found := words(stretch):
                sources.append(_TokenSource.of(stretch, found, vocabulary) or _ByteSource(stretch, found, vocabulary))
    return sources


class _TokenSource:
    """A stretch in which places are indices into its own tokens."""

    def __init__(self, ids: list[int], starts: list[Place], ends: frozenset[Place]) -> None:
        self.starts = starts
        self._ids = ids
        self._ends = ends
        self._last = max(ends)

    @classmethod
    def of(cls, text: str, found: list[tuple[int, int]], vocabulary: Vocabulary) -> _TokenSource | None:
        """Make the source; ``None``: the tokens of some span are not a slice of the stretch's tokens."""
        ids = vocabulary.encode(text)
        place_of = {0: 0}  # bytes before a token -> index of the token
        length = 0
        for index, id_ in enumerate(ids):
            length += len(vocabulary.token_bytes[id_])
            place_of[length] = index + 1
        raw = text.encode()
        if b"".join(vocabulary.token_bytes[id_] for id_ in ids) != raw:
            return None
        begins = [len(text[:begin].encode()) for begin, _ in found]
        finishes = [len(text[:finish].encode()) for _, finish in found]
        if not all(place in place_of for place in (*begins, *finishes)):
            return None
        # The JSON before and after the value must not change any of the value's tokens.
        before, after = vocabulary.encode(_BEFORE), vocabulary.encode(_AFTER)
        tails = vocabulary.encode_many([_BEFORE + text[begin:] for begin, _ in found])
        heads = vocabulary.encode_many([text[found[0][0] : finish] + _AFTER for _, finish in found])
        first = place_of[begins[0]]
        same = all(tail == before + ids[place_of[begin] :] for tail, begin in zip(tails, begins, strict=True)) and all(
            head == ids[first : place_of[finish]] + after for head, finish in zip(heads, finishes, strict=True)
        )
        if not same:
            return None
        return cls(ids, [place_of[begin] for begin in begins], frozenset(place_of[finish] for finish in finishes))

    def step(self, place: Place) -> list[tuple[int, Place]]:
        return [(self._ids[place], place + 1)] if place < self._last else []

    def ends(self, place: Place) -> bool:
        return place in self._ends


class _ByteSource:
    """A stretch in which places are bytes."""

    def __init__(self, text: str, found: list[tuple[int, int]], vocabulary: Vocabulary) -> None:
        self.starts = [len(text[:begin].encode()) for begin, _ in found]
        self._ends = frozenset(len(text[:finish].encode()) for _, finish in found)
        self._last = max(self._ends)
        self._raw = text.encode()
        self._by_bytes = vocabulary.by_bytes
        self._longest = vocabulary.longest

    def step(self, place: Place) -> list[tuple[int, Place]]:
        found: list[tuple[int, Place]] = []
        for end in range(place + 1, min(place + self._longest, self._last) + 1):
            token = self._by_bytes.get(self._raw[place:end])
            if token is not None:
                found.append((token, end))
        return found

    def ends(self, place: Place) -> bool:
        return place in self._ends
