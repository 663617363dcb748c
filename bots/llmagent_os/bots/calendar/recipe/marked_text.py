"""Marks the characters of a text that are a tool's argument.

Marks are characters of Unicode's private use area inside the text. So every later change of the text (spacing, typos,
case) also changes the arguments. One kind of mark opens argument number n. Another mark closes the innermost argument.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_FIRST = 0xE100  #: the mark that opens argument 0
_LIMIT = 0x100  #: the largest number of arguments
END_MARK = "\ue001"  #: closes the innermost argument
ANY_MARK = "[\ue001\ue100-\ue1ff]"  #: a regular expression for one mark
_OPEN = re.compile("[\ue100-\ue1ff]")
_EDGES = " ,.!?;"  #: characters that no argument begins or ends with


@dataclass(frozen=True)
class Phrase:
    """A text and the parts of it that are a tool's arguments."""

    text: str
    marks: dict[str, str]  #: argument name to a substring of ``text``, in the order of their names


def opening_mark(number: int) -> str:
    """Return the mark that opens argument ``number``.

    Raises:
        ValueError: there are too many arguments.
    """
    if not 0 <= number < _LIMIT:
        raise ValueError(f"argument number {number} is not between 0 and {_LIMIT - 1}")
    return chr(_FIRST + number)


def tidy(marked: str) -> str:
    """Normalise spaces: one between words, none before punctuation, none inside a mark's edges. Turn ``a`` into ``an``.

    >>> tidy("book  a  event  , please")
    'book an event, please'
    """
    marked = re.sub(r"\s+", " ", marked)
    marked = re.sub("([\ue100-\ue1ff]) +", r" \1", marked)  # a mark opens after the space, not before it
    marked = re.sub(f" +({END_MARK})", r"\1 ", marked)
    marked = re.sub(f" ({ANY_MARK}*) +", r" \1", marked)
    marked = re.sub(f" +({ANY_MARK}*(?:[,.?!;:]|'s\\b))", r"\1", marked)
    marked = re.sub(f"\\b([Aa]) (?={ANY_MARK}*[aeioAEIO])", r"\1n ", marked)
    return re.sub(r"\s+", " ", marked).strip()


def unmark(marked: str, arguments: Sequence[str]) -> Phrase:
    """Take the marks out of a text.

    Args:
        marked: the text with marks.
        arguments: the arguments' names, by number.

    Returns:
        The text, and its arguments except the empty ones.
    """
    text: list[str] = []
    opened: list[tuple[str, int]] = []
    spans: dict[str, tuple[int, int]] = {}
    for char in marked:
        if char == END_MARK:
            argument, start = opened.pop()
            spans[argument] = (start, len(text))
        elif _OPEN.match(char):
            opened.append((arguments[ord(char) - _FIRST], len(text)))
        else:
            text.append(char)
    whole = "".join(text)
    marks = {name: whole[start:stop].strip(_EDGES) for name, (start, stop) in sorted(spans.items())}
    return Phrase(whole, {name: value for name, value in marks.items() if value})
