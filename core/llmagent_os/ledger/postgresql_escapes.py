"""The characters that PostgreSQL's text cannot hold, written in another way.

PostgreSQL's text holds any character but U+0000. People may send one all the same. It is written as U+001A and a digit,
and U+001A itself, which hardly anybody sends, as U+001A and another digit. Two texts that differ stay different.
"""

from __future__ import annotations

_NUL, _ESCAPE = "\x00", "\x1a"
_ESCAPED_NUL, _ESCAPED_ESCAPE = _ESCAPE + "0", _ESCAPE + "1"
ESCAPE_BYTE = _ESCAPE.encode()  #: is in every text that was written in another way


def without_nul(text: str) -> str:
    """``text`` as PostgreSQL can hold it.

    >>> text = "a" + chr(0) + "b" + chr(26) + "0"
    >>> with_nul(without_nul(text)) == text
    True
    """
    if _NUL not in text and _ESCAPE not in text:
        return text
    return text.replace(_ESCAPE, _ESCAPED_ESCAPE).replace(_NUL, _ESCAPED_NUL)


def with_nul(text: str) -> str:
    """What :func:`without_nul` was given."""
    return text.replace(_ESCAPED_NUL, _NUL).replace(_ESCAPED_ESCAPE, _ESCAPE)
