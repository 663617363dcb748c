"""The dialect contract: all that differs between platforms. What is the same everywhere is below it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Protocol

from llmagent_os.markup.block import BULLET, Block, Span

#: A rule across the page, where a platform has none.
RULE = "─" * 10


class Dialect(Protocol):
    """How one platform writes."""

    @property
    def bullet(self) -> str:
        """What a list's item starts with."""
        ...

    def length(self, text: str) -> int:
        """How much of the platform's limit ``text``, which is in this dialect, takes."""
        ...

    def inline(self, spans: Sequence[Span]) -> str:
        """A paragraph's words."""
        ...

    def heading(self, spans: Sequence[Span], level: int) -> str:
        """A heading's words, in a line of their own. ``level`` is 1 to 6."""
        ...

    def code(self, text: str, language: str) -> str:
        """Lines of code. ``language`` may be empty."""
        ...

    def quote(self, text: str) -> str:
        """``text``, which is in this dialect, as somebody else's words."""
        ...


def write(blocks: Sequence[Block], dialect: Dialect) -> str:
    """``blocks`` in ``dialect``; code inside a quotation stands outside it, as most platforms allow no other way."""
    out = ""
    for quoted, run in itertools.groupby(blocks, key=lambda block: block.quoted and block.kind != "code"):
        gap, text = "", ""
        for block in run:
            between = "\n" if block.tight else "\n\n"
            gap, text = (gap, text + between) if text else (between, "")
            text += _written(block, dialect)
        out += (gap if out else "") + (dialect.quote(text) if quoted else text)
    return out.rstrip() if blocks and blocks[0].kind == "code" else out.strip()


def quoted_lines(text: str) -> str:
    r"""A quotation, line by line.

    >>> quoted_lines("a\nb")
    '> a\n> b'
    """
    return "> " + text.replace("\n", "\n> ")


def _written(block: Block, dialect: Dialect) -> str:
    match block.kind:
        case "code":
            # A quotation's or item's columns are not part of the code.
            body = dialect.code(block.text.strip("\n"), block.language)
        case "rule":
            body = RULE
        case "heading":
            body = dialect.heading(block.spans, block.level)
        case "paragraph":
            body = dialect.inline(block.spans)
    if not block.depth:
        return body
    indent = "  " * (block.depth - 1)
    marker = dialect.bullet if block.marker == BULLET else block.marker
    if block.kind == "code":
        return f"{indent}{marker}\n{body}" if marker else body
    return f"{indent}{marker or ' '} " + body.strip().replace("\n", f"\n{indent}  ")
