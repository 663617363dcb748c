"""Marks around words, as in ``*bold*``. Where two of them touch, an invisible character comes in between."""

from __future__ import annotations

from collections.abc import Callable, Iterable

#: Zero width space: it allows a line break, is no letter, and is not seen.
INVISIBLE = "\u200b"


def join_marked(parts: Iterable[tuple[str, bool]], may_touch: Callable[[str], bool] = lambda char: True) -> str:
    r"""Join ``parts`` so that their marks are read as marks.

    Args:
        parts: pairs of a text and whether it has marks around it.
        may_touch: whether a character may be directly before or after a mark.

    >>> join_marked([("*a*", True), (" ", False), ("*b*", True), ("_c_", True)])
    '*a* *b*\u200b_c_'
    """
    out: list[str] = []
    before = False
    for part, marked in parts:
        if out and part:
            last, first = out[-1][-1], part[0]
            if (before and (marked or not may_touch(first))) or (marked and not before and not may_touch(last)):
                out.append(INVISIBLE)
        if part:
            out.append(part)
            before = marked
    return "".join(out)
