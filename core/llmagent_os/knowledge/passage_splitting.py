"""Splits the sections of a document into passages: whole paragraphs, up to a length that a prompt has room for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import msgspec

from llmagent_os.knowledge.passages import Section

#: The longest passage, in characters: about 150 words, so that three of them fit into a small model's prompt.
MAX_CHARACTERS = 900

#: The most characters of a section's title, place and key, which every passage of it repeats.
MAX_PLACE = 200
#: The most characters of what a section is about, which every passage of it repeats.
MAX_ABOUT = 500

#: What a text is split at, in this order: paragraphs, lines, sentences, words.
_SEPARATORS = (
    re.compile(r"\n\s*\n"),
    re.compile(r"\n"),
    re.compile(r"(?<=[.!?…])\s+|(?<=[。！？])"),
    re.compile(r"\s+"),
)


def split_section(section: Section, limit: int = MAX_CHARACTERS) -> Iterator[Section]:
    """Split one section at paragraphs; a paragraph that is too long at lines, then at sentences, then at words.

    >>> [each.text for each in split_section(Section("One two. Three four."), 10)]
    ['One two.', 'Three', 'four.']
    """
    for text in _packed(_pieces(section.text.strip(), limit, 0), limit):
        yield msgspec.structs.replace(section, text=text)


def one_line(text: str) -> str:
    """``text`` with single spaces.

    >>> one_line("tea  at   four ")
    'tea at four'
    """
    return " ".join(text.split())


def _pieces(text: str, limit: int, level: int) -> Iterator[str]:
    if len(text) <= limit:
        if text.strip():
            yield one_line(text)
    elif level == len(_SEPARATORS):
        yield from (text[at : at + limit] for at in range(0, len(text), limit))
    else:
        for part in _SEPARATORS[level].split(text):
            yield from _pieces(part, limit, level + 1)


def _packed(pieces: Iterable[str], limit: int) -> Iterator[str]:
    """Join neighbours as long as they fit."""
    held = ""
    for piece in pieces:
        if held and len(held) + 1 + len(piece) > limit:
            yield held
            held = piece
        else:
            held = f"{held} {piece}" if held else piece
    if held:
        yield held
