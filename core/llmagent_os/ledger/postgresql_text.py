"""Text on its way to PostgreSQL and back: what it cannot hold is written in another way, and seals are opened."""

from __future__ import annotations

import contextlib
from typing import Any

import psycopg
from psycopg.adapt import Buffer, Loader
from psycopg.types.string import StrDumperUnknown

from llmagent_os.ledger.postgresql_escapes import ESCAPE_BYTE, with_nul, without_nul
from llmagent_os.sealing.key_ring import MARK, KeyRing, SealedError


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
            return with_nul(text) if ESCAPE_BYTE in raw else text

    connection.adapters.register_dumper(str, _TextDumper)
    for name in ("text", "varchar"):
        connection.adapters.register_loader(name, TextLoader)
