"""What a text is made of, whatever it was written in. Nothing here nests, so that nothing can nest too deeply."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec

#: How words look. What is code is nothing else: not every platform has bold code.
Style = Literal["bold", "italic", "strike", "code"]

BOLD: frozenset[Style] = frozenset({"bold"})

#: The marker of an item without a number.
BULLET = "•"

_CORE = re.compile(r"\s+|\S(?:[^\n]*\S)?")
_VISIBLE = re.compile(r"[^\s\u00ad\u200b-\u200f\u2060\ufeff]")


class Span(msgspec.Struct, frozen=True):
    """Words of one look."""

    text: str
    styles: frozenset[Style] = frozenset()
    link: str = ""  #: where a click leads: http, https or mailto

    @property
    def address(self) -> str:
        """The link as people write it.

        >>> Span("Ana", link="mailto:ana@example.org").address
        'ana@example.org'
        """
        return self.link.removeprefix("mailto:")

    @property
    def bare(self) -> bool:
        """Whether its words are its address."""
        return self.text == self.address

    def unlinked(self) -> Span:
        """The same without a link, its address written out.

        >>> Span("Ana", link="mailto:ana@example.org").unlinked().text
        'Ana (ana@example.org)'
        """
        return Span(self.text if self.bare or not self.link else f"{self.text} ({self.address})", self.styles)


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """A paragraph, or what stands in place of one. A table is code: words in columns."""

    spans: tuple[Span, ...] = ()
    kind: Literal["paragraph", "heading", "code", "rule"] = "paragraph"
    level: int = 0  #: of a heading, 1 to 6
    language: str = ""  #: of code, where it is known
    quoted: bool = False
    depth: int = 0  #: how many lists it is in
    marker: str = ""  #: what a list's item starts with: a bullet, number or box; empty for what else is in the item
    tight: bool = False  #: no empty line before it

    @property
    def text(self) -> str:
        """All words of it."""
        return "".join(span.text for span in self.spans)


def is_visible(text: str) -> bool:
    r"""Whether there is anything to see.

    >>> is_visible(" \u200b\n"), is_visible(".")
    (False, True)
    """
    return _VISIBLE.search(text) is not None


def cores(spans: Iterable[Span]) -> Iterator[Span]:
    r"""``spans`` with every style ending at the line's end and hugging words, as marks around them must.

    >>> [span.text for span in cores([Span("two \nlines ", BOLD)])]
    ['two', ' \n', 'lines', ' ']
    """
    for span in spans:
        if not span.styles or span.link:
            yield span
            continue
        for match in _CORE.finditer(span.text):
            yield Span(match[0]) if match[0].isspace() else Span(match[0], span.styles)


def emboldened(spans: Iterable[Span]) -> list[Span]:
    """``spans`` in bold, as a heading is written where there are none."""
    return [span if "code" in span.styles else Span(span.text, span.styles | BOLD, span.link) for span in spans]
