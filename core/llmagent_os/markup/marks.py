"""Marks around words, as in ``*bold*``: where they touch, something invisible comes between."""

from __future__ import annotations

from collections.abc import Callable, Iterable

#: Zero width space: it can be broken at, is no letter, and is not seen.
INVISIBLE = "\u200b"


def set_apart(parts: Iterable[tuple[str, bool]], lets: Callable[[str], bool] = lambda char: True) -> str:
    r"""Join ``parts``, each with whether it has marks around it.

    Args:
        parts: what to join.
        lets: whether a character may stand directly before or after a mark.

    >>> set_apart([("*a*", True), (" ", False), ("*b*", True), ("_c_", True)])
    '*a* *b*\u200b_c_'
    """
    out: list[str] = []
    before = False
    for part, marked in parts:
        if out and part:
            last, first = out[-1][-1], part[0]
            if (before and (marked or not lets(first))) or (marked and not before and not lets(last)):
                out.append(INVISIBLE)
        if part:
            out.append(part)
            before = marked
    return "".join(out)
