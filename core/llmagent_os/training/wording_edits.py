"""Brings a reply to another style by editing it, for a style that instructions do not bring out of a small model.

An edit changes how a reply is worded and nothing that it says; the shorter ones leave something out. A reply that has
the style already stays as it is.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from types import MappingProxyType

_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=\S)")
_LIST_MARK = re.compile(r"^\s*(?:[-*•–]|\d{1,2}[.)])\s+", re.MULTILINE)
_MOST_WORDS = 16  # of a reply that is cut to be terse

#: A salutation, and the contractions that formal English writes out.
_SALUTATION = "Dear Sir or Madam, "
_WRITTEN_OUT = {
    "can't": "cannot",
    "won't": "will not",
    "n't": " not",
    "it's": "it is",
    "that's": "that is",
    "let's": "let us",
    "'re": " are",
    "'ll": " will",
    "'ve": " have",
    "i'm": "I am",
}
_CONTRACTION = re.compile("|".join(map(re.escape, _WRITTEN_OUT)), re.IGNORECASE)


def terse(text: str) -> str:
    """Keep the first sentence, and of a long one its beginning.

    >>> terse("Go to bed early. Then read a book.")
    'Go to bed early.'
    """
    first = _SENTENCE.split(_LIST_MARK.sub("", text).strip())[0]
    words = first.split()
    if len(words) <= _MOST_WORDS:
        return first
    clause = re.split(r"(?<=[,;:])\s", " ".join(words[:_MOST_WORDS]))
    kept = " ".join(clause[:-1]) if len(clause) > 1 else " ".join(words[:_MOST_WORDS])
    return f"{kept.rstrip(',;: ')}."


def lower_case(text: str) -> str:
    """Write no capitals."""
    return text.lower()


def bullets(text: str) -> str:
    """Write each sentence as an item of a list.

    >>> print(bullets("Go to bed early. Then read a book."))
    - Go to bed early.
    - Then read a book.
    """
    if _LIST_MARK.match(text.strip()):
        return text.strip()
    sentences = [part.strip() for line in text.splitlines() for part in _SENTENCE.split(line.strip()) if part.strip()]
    return "\n".join(f"- {_LIST_MARK.sub('', sentence)}" for sentence in sentences)


def formal(text: str) -> str:
    """Begin with a salutation, and write contractions out.

    >>> formal("It's easy, isn't it?")
    'Dear Sir or Madam, it is easy, is not it?'
    """
    said = text.strip()
    if said.startswith("Dear "):
        return said
    plain = _CONTRACTION.sub(lambda found: _WRITTEN_OUT[found[0].lower()], said.replace("’", "'"))
    small = plain[:2] not in ("I ", "I'") and plain[1:2].islower()
    return _SALUTATION + (plain[:1].lower() if small else plain[:1]) + plain[1:]


def sober(text: str) -> str:
    """Take out exclamation marks, emphasis and emoji.

    >>> sober("**Great!** Go for it! 🎉")
    'Great. Go for it.'
    """
    plain = re.sub(r"\*\*|__", "", text).replace("!", ".")
    kept = "".join(character for character in plain if unicodedata.category(character) != "So")
    return re.sub(r"[ \t]+(?=\n|$)", "", re.sub(r"\.{2,}", ".", kept)).strip()


def cheerful(text: str) -> str:
    """End the sentences with exclamation marks.

    >>> cheerful("Go to bed early. Is that fine?")
    'Go to bed early! Is that fine?'
    """
    return re.sub(r"(?<=\w)\.(?=\s|$)", "!", text.strip())


#: Every edit, by the name of the style that it makes.
EDITS: Mapping[str, Callable[[str], str]] = MappingProxyType(
    {
        "terse": terse,
        "lower_case": lower_case,
        "bullets": bullets,
        "formal": formal,
        "sober": sober,
        "cheerful": cheerful,
    }
)
