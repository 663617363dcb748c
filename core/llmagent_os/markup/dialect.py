"""The dialect contract: all that differs between platforms, and below it what is the same everywhere."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Protocol

from llmagent_os.markup.block import Block, Span

#: A rule across the page, for platforms without rules.
RULE = "─" * 10


class Dialect(Protocol):
    """How one platform writes text."""

    def marker(self, written: str, *, in_order: bool) -> str:
        """The marker of a list item.

        Args:
            written: :data:`BULLET`, a number with its dot or bracket, a box, or a number and a box.
            in_order: whether each number of the list is one more than the number before it.
        """
        ...

    def length(self, text: str) -> int:
        """The length of ``text``, which is in this dialect, as the platform counts it against its limit."""
        ...

    def inline(self, spans: Sequence[Span]) -> str:
        """The words of a paragraph."""
        ...

    def heading(self, spans: Sequence[Span], level: int) -> str:
        """The words of a heading, in a line of their own. ``level`` is 1 to 6."""
        ...

    def code(self, text: str, language: str) -> str:
        """A block of code. ``language`` may be empty."""
        ...

    def quote(self, text: str) -> str:
        """``text``, which is in this dialect, as a quotation."""
        ...


def write(blocks: Sequence[Block], dialect: Dialect) -> str:
    """``blocks`` in ``dialect``. Code inside a quotation is taken out of it: most platforms allow no code there."""
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
    r"""``text`` as a quotation, with a mark before every line.

    >>> quoted_lines("a\nb")
    '> a\n> b'
    """
    return "> " + text.replace("\n", "\n> ")


def _written(block: Block, dialect: Dialect) -> str:
    match block.kind:
        case "code":
            # The indentation of a quotation or list item is not part of the code.
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
    marker = dialect.marker(block.marker, in_order=block.in_order) if block.marker else ""
    if block.kind == "code":
        return f"{indent}{marker}\n{body}" if marker else body
    return f"{indent}{marker or ' '} " + body.strip().replace("\n", f"\n{indent}  ")
