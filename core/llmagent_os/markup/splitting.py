"""Splitting of a text into messages that fit, with as few breaks as possible, in the best places.

A text is split level by level: groups of blocks, blocks, lines, sentences, words, characters. A part that fits into the
open message goes there. A part that fits into a message of its own begins a new one. Only a part that fits into no
message is split further.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate

import msgspec

from llmagent_os.markup.block import Block, Span, is_visible
from llmagent_os.markup.dialect import Dialect, write
from llmagent_os.markup.graphemes import grapheme_ends
from llmagent_os.markup.parsing import parse

#: The smallest limit: a message must have room for one character with all the marks that can be around it.
MIN_LIMIT = 100

#: A block, and an offset in its text.
_Position = tuple[int, int]


def render(markdown: str, dialect: Dialect) -> str:
    """All of ``markdown`` in ``dialect``, whatever its length; empty if there is nothing to see."""
    return write(parse(markdown), dialect)


def pieces(markdown: str, dialect: Dialect, limit: int) -> tuple[str, ...]:
    """Split ``markdown`` into messages in ``dialect``.

    Args:
        markdown: what a model wrote, or has written so far.
        dialect: of the platform.
        limit: the length of the longest message, as ``dialect.length`` counts.

    Returns:
        Messages, none of them blank; no messages if ``markdown`` is blank.

    Raises:
        ValueError: ``limit`` is below :data:`MIN_LIMIT`.

    >>> from llmagent_os.markup import PLAIN
    >>> [len(piece) for piece in pieces("Yes. " * 50, PLAIN, 100)]
    [99, 99, 49]
    """
    if limit < MIN_LIMIT:
        raise ValueError(f"a message of {limit} is too short to write in: give at least {MIN_LIMIT}")
    blocks = parse(markdown)
    splitter = _Splitter([_with_links_that_fit(block, dialect, limit) for block in blocks], dialect, limit)
    splitter.fill(splitter.groups())
    splitter.flush()
    return tuple(splitter.pieces)


def _with_links_that_fit(block: Block, dialect: Dialect, limit: int) -> Block:
    """``block``, with links that are longer than a message written out: links are never split."""

    def fits(span: Span) -> bool:
        return dialect.length(write([msgspec.structs.replace(block, spans=(span,))], dialect)) <= limit

    spans = tuple(span if not span.link or fits(span) else span.unlinked() for span in block.spans)
    return msgspec.structs.replace(block, spans=spans)


class _Splitter:
    """Fills one message after the other. The open message is given by where it starts and ends."""

    def __init__(self, blocks: Sequence[Block], dialect: Dialect, limit: int) -> None:
        self.pieces: list[str] = []
        self._blocks = blocks
        self._texts = [block.text for block in blocks]
        self._offsets = [list(accumulate((len(span.text) for span in block.spans), initial=0)) for block in blocks]
        self._dialect, self._limit = dialect, limit
        self._start = self._end = (0, 0)
        self._last: tuple[_Position, _Position, str] = ((0, 0), (0, 0), "")  # what was written last, and of what

    def groups(self) -> list[_Position]:
        """The ends of groups that belong together: a list; a heading and the block below it."""
        ends = range(1, len(self._blocks) + 1)
        return [
            (end, 0)
            for end in ends
            if end == len(self._blocks) or not (self._blocks[end].tight or self._blocks[end - 1].kind == "heading")
        ]

    def fill(self, ends: Sequence[_Position], level: int = 0) -> None:
        """Add the text up to the last of ``ends``. Break at these positions if that is enough, or at finer ones."""
        done = 0
        while True:
            done += _most(ends[done:], lambda end: self._length(self._start, end), self._limit)
            if done:
                self._end = max(self._end, ends[done - 1])
            if done == len(ends):
                return
            if self._start < self._end and self._length(self._end, ends[done]) <= self._limit:
                self.flush()
            else:
                self.fill(self._finer(ends[done], level), level + 1)
                done += 1

    def flush(self) -> None:
        """Finish the open message."""
        text = self._written(self._start, self._end)
        if text:
            self.pieces.append(text)
        self._start = self._end

    def _finer(self, end: _Position, level: int) -> list[_Position]:
        """The breaks between the end of the open message and ``end`` that are one level below ``level``."""
        block, start = self._end
        if level == 0:
            return [(after, 0) for after in range(block + 1, end[0] + 1)]
        stop = end[1] if end[0] == block else len(self._texts[block])
        inside = (at for at in _BREAKS[level - 1](self._texts[block], start, stop) if start < at < stop)
        return [*((block, at) for at in inside if not self._is_in_link(block, at)), end]

    def _is_in_link(self, block: int, at: int) -> bool:
        offsets = self._offsets[block]
        span = bisect_right(offsets, at) - 1
        return offsets[span] < at and self._blocks[block].spans[span].link != ""

    def _length(self, start: _Position, end: _Position) -> int:
        return self._dialect.length(self._written(start, end))

    def _written(self, start: _Position, end: _Position) -> str:
        if self._last[0] == start and self._last[1] == end:  # measured just now: nearly every reply is one message
            return self._last[2]
        last = end[0] + (end[1] > 0)
        parts = [
            self._cut(at, start[1] if at == start[0] else 0, end[1] if at == end[0] else None)
            for at in range(start[0], last)
        ]
        text = write([part for part in parts if part.kind == "rule" or is_visible(part.text)], self._dialect)
        self._last = start, end, text
        return text

    def _cut(self, at: int, start: int, stop: int | None) -> Block:
        """A block from one offset to another. Only the beginning has the marker."""
        block, offsets = self._blocks[at], self._offsets[at]
        if start == 0 and stop is None:
            return block
        stop = offsets[-1] if stop is None else stop
        first, after = bisect_right(offsets, start) - 1, bisect_left(offsets, stop)
        spans = tuple(
            Span(span.text[max(0, start - begin) : stop - begin], span.styles, span.link)
            for span, begin in zip(block.spans[first:after], offsets[first:after], strict=True)
        )
        return msgspec.structs.replace(block, spans=spans, marker="" if start else block.marker)


def _most(ends: Sequence[_Position], length: Callable[[_Position], int], limit: int) -> int:
    """How many of ``ends`` fit. The last measurement says how many to try next, as measuring takes the most time.

    >>> _most([(0, at) for at in range(100)], lambda end: 2 * end[1], 74)
    38
    """
    low, high, guess, tries = 0, len(ends) + 1, 1, 0
    while high - low > 1:
        taken = length(ends[guess - 1])
        low, high = (guess, high) if taken <= limit else (low, guess)
        tries += 1
        # As if all parts had one length; every third time by halves, because they may not.
        likely = guess * limit // max(taken, 1) if tries % 3 else (low + high) // 2
        guess = min(max(low + 1, min(likely, 8 * guess)), high - 1)
    return low


def _after(pattern: str) -> Callable[[str, int, int], Iterable[int]]:
    compiled = re.compile(pattern)
    return lambda text, start, stop: (match.end() for match in compiled.finditer(text, start, stop))


#: Where a block may be broken, the best places first: lines, sentences, words, graphemes, any character.
_BREAKS: tuple[Callable[[str, int, int], Iterable[int]], ...] = (
    _after(r"\n+"),
    _after(r"[.!?…]+[\"'”’)\]]*\s+|[。！？]+"),
    _after(r"\s+"),
    grapheme_ends,
    lambda text, start, stop: range(start + 1, stop + 1),
)
