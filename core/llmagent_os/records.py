"""Small documents that a plugin keeps about one person: the protocol, and a twin in memory.

>>> import asyncio
>>> async def main() -> list[tuple[str, dict[str, object]]]:
...     records = MemoryRecords()
...     await records.put("e1", {"title": "lunch"})
...     return await records.items()
>>> asyncio.run(main())
[('e1', {'title': 'lunch'})]
"""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

from llmagent_os.errors import LedgerError

#: One document: what JSON can hold.
Record = dict[str, Any]

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Record)


class Records(Protocol):
    """One plugin's documents about one person. Nobody else's can be reached through it."""

    async def get(self, key: str) -> Record | None:
        """The document under ``key``, or None."""
        ...

    async def put(self, key: str, record: Record) -> None:
        """Store ``record`` under ``key``, in place of what was there; durable on return.

        Raises:
            LedgerError: ``record`` is nothing that JSON can hold.
        """
        ...

    async def delete(self, key: str) -> bool:
        """Remove the document under ``key``. Returns whether there was one."""
        ...

    async def items(self) -> list[tuple[str, Record]]:
        """Every key and its document, sorted by key."""
        ...


def encode_record(key: str, record: Record) -> str:
    """``record`` as JSON.

    Raises:
        LedgerError: ``record`` is no dict that JSON can hold.
    """
    try:
        raw = _encoder.encode(record)
        _decoder.decode(raw)
    except (TypeError, ValueError, msgspec.MsgspecError) as error:
        raise LedgerError(f"record {key!r} cannot be stored as JSON: {error}") from error
    return raw.decode()


def decode_record(raw: str) -> Record:
    """The document that the JSON ``raw`` holds."""
    return _decoder.decode(raw)


class MemoryRecords:
    """Records that live as long as the object, and otherwise behave as the ledger's do."""

    def __init__(self) -> None:
        self._stored: dict[str, str] = {}

    async def get(self, key: str) -> Record | None:
        raw = self._stored.get(key)
        return None if raw is None else decode_record(raw)

    async def put(self, key: str, record: Record) -> None:
        self._stored[key] = encode_record(key, record)

    async def delete(self, key: str) -> bool:
        return self._stored.pop(key, None) is not None

    async def items(self) -> list[tuple[str, Record]]:
        return [(key, decode_record(self._stored[key])) for key in sorted(self._stored)]
