"""Marked text: which characters of a text are a tool's argument.

Marks travel inside the text as characters of Unicode's private use area, so that whatever is done to the text
afterwards (spacing, typos, case) is done to the arguments too. One opens argument number n, another closes the
innermost.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_FIRST = 0xE100  #: opens argument 0
_LIMIT = 0x100  #: how many arguments there can be
END = "\ue001"
ANY = "[\ue001\ue100-\ue1ff]"  #: a regular expression for one of these characters
_OPEN = re.compile("[\ue100-\ue1ff]")
_EDGES = " ,.!?;"  #: no argument begins or ends with these


@dataclass(frozen=True)
class Phrase:
    """A text and the parts of it that are a tool's arguments."""

    text: str
    marks: dict[str, str]  #: argument name to a substring of ``text``, in the order of their names


def opening(number: int) -> str:
    """The character that opens argument ``number``.

    Raises:
        ValueError: there are more arguments than characters.
    """
    if not 0 <= number < _LIMIT:
        raise ValueError(f"argument number {number} is not between 0 and {_LIMIT - 1}")
    return chr(_FIRST + number)


def tidy(marked: str) -> str:
    """Normalise spaces: one between words, none before punctuation, none at a mark's inner edges; and ``a`` to ``an``.

    >>> tidy("book  a  event  , please")
    'book an event, please'
    """
    marked = re.sub(r"\s+", " ", marked)
    marked = re.sub("([\ue100-\ue1ff]) +", r" \1", marked)  # a mark opens after the space, not before it
    marked = re.sub(f" +({END})", r"\1 ", marked)
    marked = re.sub(f" ({ANY}*) +", r" \1", marked)
    marked = re.sub(f" +({ANY}*(?:[,.?!;:]|'s\\b))", r"\1", marked)
    marked = re.sub(f"\\b([Aa]) (?={ANY}*[aeioAEIO])", r"\1n ", marked)
    return re.sub(r"\s+", " ", marked).strip()


def unmark(marked: str, arguments: Sequence[str]) -> Phrase:
    """Take the marks out of a text; ``arguments`` are the names, by number. Empty arguments are left out."""
    text: list[str] = []
    opened: list[tuple[str, int]] = []
    spans: dict[str, tuple[int, int]] = {}
    for char in marked:
        if char == END:
            argument, start = opened.pop()
            spans[argument] = (start, len(text))
        elif _OPEN.match(char):
            opened.append((arguments[ord(char) - _FIRST], len(text)))
        else:
            text.append(char)
    whole = "".join(text)
    marks = {name: whole[start:stop].strip(_EDGES) for name, (start, stop) in sorted(spans.items())}
    return Phrase(whole, {name: value for name, value in marks.items() if value})
