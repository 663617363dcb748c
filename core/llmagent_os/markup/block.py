"""The parts of a text: blocks, and spans inside them. Neither nests, so that nothing can nest too deeply."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec

#: How words look. Code has no other style: not every platform has bold code.
Style = Literal["bold", "italic", "strike", "code"]

BOLD: frozenset[Style] = frozenset({"bold"})

#: The marker of a list item without a number.
BULLET = "•"

_WORDS_OR_SPACE = re.compile(r"\s+|\S(?:[^\n]*\S)?")
_VISIBLE = re.compile(r"[^\s\u00ad\u200b-\u200f\u2060\ufeff]")


class Span(msgspec.Struct, frozen=True):
    """Words with the same look."""

    text: str
    styles: frozenset[Style] = frozenset()
    link: str = ""  #: the address that a click opens: http, https or mailto; empty for none

    @property
    def address(self) -> str:
        """The link's address as people write it.

        >>> Span("Ana", link="mailto:ana@example.org").address
        'ana@example.org'
        """
        return self.link.removeprefix("mailto:")

    @property
    def bare(self) -> bool:
        """Whether the words are the address itself."""
        return self.text == self.address

    def unlinked(self) -> Span:
        """The span without its link; the address is written out.

        >>> Span("Ana", link="mailto:ana@example.org").unlinked().text
        'Ana (ana@example.org)'
        """
        return Span(self.text if self.bare or not self.link else f"{self.text} ({self.address})", self.styles)


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """A paragraph, heading, code block or rule. A table is code: words in columns."""

    spans: tuple[Span, ...] = ()
    kind: Literal["paragraph", "heading", "code", "rule"] = "paragraph"
    level: int = 0  #: of a heading, 1 to 6
    language: str = ""  #: of code, if it is known
    quoted: bool = False  #: whether the block is a quotation
    depth: int = 0  #: how many lists the block is in
    marker: str = ""  #: begins a list item: a bullet, number or box; empty for the item's further blocks
    in_order: bool = True  #: whether each number of the list is one more than the number before it
    tight: bool = False  #: whether there is no empty line before the block

    @property
    def text(self) -> str:
        """All words of the block."""
        return "".join(span.text for span in self.spans)


def is_visible(text: str) -> bool:
    r"""Whether ``text`` has anything to see.

    >>> is_visible(" \u200b\n"), is_visible(".")
    (False, True)
    """
    return _VISIBLE.search(text) is not None


def tight_spans(spans: Iterable[Span]) -> Iterator[Span]:
    r"""``spans`` without spaces at the edges of styled words: marks like ``*`` must touch words and end in the line.

    >>> [span.text for span in tight_spans([Span("two \nlines ", BOLD)])]
    ['two', ' \n', 'lines', ' ']
    """
    for span in spans:
        if not span.styles or span.link:
            yield span
            continue
        for match in _WORDS_OR_SPACE.finditer(span.text):
            yield Span(match[0]) if match[0].isspace() else Span(match[0], span.styles)


def in_bold(spans: Iterable[Span]) -> list[Span]:
    """``spans`` in bold, for platforms without headings."""
    return [span if "code" in span.styles else Span(span.text, span.styles | BOLD, span.link) for span in spans]
