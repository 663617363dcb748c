"""Tables. No chat platform has them, so they become columns of text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from itertools import zip_longest

from markdown_it.rules_block import StateBlock, table

_BAR = re.compile(r"(?<!\\)\|")

#: A table with more columns stays as it was written.
_MAX_COLUMNS = 64

#: Cells are padded with spaces up to this width at most, in columns of the screen.
_MAX_WIDTH = 40

#: A table that padding would make longer than this many times its words is not padded.
_MAX_GROWTH = 4


def lossless_table(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A block rule of markdown-it: a table, unless a row has more cells than the head. GFM would drop those cells."""

    def cells(line: int) -> int:
        text = state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]].strip()
        return len(_BAR.findall(text.removeprefix("|").removesuffix("|")))

    if start + 1 >= end or cells(start) > _MAX_COLUMNS or not table(state, start, end, True):
        return False
    if silent:
        return True
    before = len(state.tokens)
    table(state, start, end, False)
    if any(cells(line) > cells(start) for line in range(start + 2, state.line)):
        del state.tokens[before:]
        state.line = start
        return False
    return True


def columns(rows: Sequence[Sequence[str]]) -> str:
    r"""``rows``, of which the first is the head, as text for letters of one width.

    >>> print(columns([["day", "what"], ["Monday", "lunch"], ["Tue", ""]]))
    day    | what
    -------|------
    Monday | lunch
    Tue
    >>> print(columns([["day", "what"], ["Monday", "lunch\ngym"]]))
    day    | what
    -------|------
    Monday | lunch
           | gym
    """
    head = _lines(rows[0])
    rows = [*head, *(line for row in rows[1:] for line in _lines(row))]
    widths = [min(max(map(_width, column)), _MAX_WIDTH) for column in zip(*rows, strict=True)]
    rows = [_without_empty_end(row) for row in rows]
    lines = [" | ".join(cell + " " * (w - _width(cell)) for cell, w in zip(row, widths, strict=False)) for row in rows]
    if sum(map(len, lines)) > _MAX_GROWTH * sum(len(cell) + 3 for row in rows for cell in row):
        lines = [" | ".join(row) for row in rows]
    lines.insert(len(head), "-|-".join("-" * width for width in widths))
    return "\n".join(line.rstrip() for line in lines)


def _lines(row: Sequence[str]) -> list[Sequence[str]]:
    """``row`` as lines: a cell with a line break goes on in the next one."""
    return list(zip_longest(*([part.strip() for part in cell.split("\n")] for cell in row), fillvalue=""))


def _without_empty_end(row: Sequence[str]) -> Sequence[str]:
    filled = [at for at, cell in enumerate(row) if cell]
    return row[: filled[-1] + 1] if filled else []


def _width(text: str) -> int:
    """The width of ``text`` in columns of the screen."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF") for c in text)
