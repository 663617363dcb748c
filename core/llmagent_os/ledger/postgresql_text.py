"""Text on its way to PostgreSQL and back: what PostgreSQL cannot hold is written in another way, and seals are opened.

PostgreSQL's text holds any character but U+0000. People may send one all the same. It is written as U+001A and a digit,
and U+001A itself, which hardly anybody sends, as U+001A and another digit. Two texts that differ stay different.
"""

from __future__ import annotations

import contextlib
from typing import Any

import psycopg
from psycopg.adapt import Buffer, Loader
from psycopg.types.string import StrDumperUnknown

from llmagent_os.sealing.key_ring import MARK, KeyRing, SealedError

_NUL, _ESCAPE = "\x00", "\x1a"
_ESCAPED_NUL, _ESCAPED_ESCAPE = _ESCAPE + "0", _ESCAPE + "1"
_ESCAPE_BYTE = _ESCAPE.encode()


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


class _TextDumper(StrDumperUnknown):
    """Writes text. The server finds the type, as it does by default."""

    def dump(self, obj: str) -> Buffer | None:
        return super().dump(without_nul(obj))


def adapt(connection: psycopg.Connection[Any], ring: KeyRing | None) -> None:
    """Have all text that goes through ``connection`` written and read in this way.

    A value whose key was destroyed is read as it is, and whoever decodes it finds that it is damaged.
    """

    class TextLoader(Loader):
        def load(self, data: Buffer) -> str:
            raw = bytes(data)
            if ring is not None and raw.startswith(MARK):
                with contextlib.suppress(SealedError):
                    return ring.open_text(raw).decode("utf-8", "replace")
            text = raw.decode("utf-8", "replace")
            return with_nul(text) if _ESCAPE_BYTE in raw else text

    connection.adapters.register_dumper(str, _TextDumper)
    for name in ("text", "varchar"):
        connection.adapters.register_loader(name, TextLoader)
