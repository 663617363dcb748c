"""Small documents that a plugin keeps about one person: the protocol, and an implementation in memory.

>>> import asyncio
>>> async def main() -> list[tuple[str, dict[str, object]]]:
...     records = MemoryRecords()
...     await records.put("e1", {"title": "lunch"})
...     return await records.items()
>>> asyncio.run(main())
[('e1', {'title': 'lunch'})]
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from llmagent_os.errors import LedgerError
from llmagent_os.identity import PersonId

#: One document: a JSON object.
Record = dict[str, Any]

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Record)


#: Begins the key of an adapter's record of how far a reply has got. The ``event_key`` of the event follows. An erasure
#: deletes those of events that it drops.
DELIVERY = "delivery:"


class Records(Protocol):
    """One plugin's documents about one person. No other documents can be reached through this object."""

    async def get(self, key: str) -> Record | None:
        """Return the document under ``key``, or None."""
        ...

    async def put(self, key: str, record: Record) -> None:
        """Store ``record`` under ``key`` and replace the old document. The document is durable on return.

        Raises:
            LedgerError: ``record`` cannot be written as a JSON object.
        """
        ...

    async def delete(self, key: str) -> bool:
        """Remove the document under ``key``. Returns whether there was one."""
        ...

    async def items(self) -> list[tuple[str, Record]]:
        """Return every key with its document, sorted by key."""
        ...


class SharedRecords(Protocol):
    """What all people keep with one plugin, by key. So a key that others must not guess is a random one."""

    async def under(self, key: str) -> list[tuple[PersonId, Record]]:
        """The document of each person who has one under ``key``: one of a person, also of one with several accounts."""
        ...


def encode_record(key: str, record: Record) -> str:
    """Write ``record`` as JSON. ``key`` is for the error message.

    Raises:
        LedgerError: ``record`` cannot be written as a JSON object.
    """
    try:
        raw = _encoder.encode(record)
        _decoder.decode(raw)
    except (TypeError, ValueError, msgspec.MsgspecError) as error:
        raise LedgerError(f"record {key!r} cannot be stored as JSON: {error}") from error
    return raw.decode()


def decode_record(raw: str) -> Record:
    """Read a document from JSON."""
    return _decoder.decode(raw)


class MemoryRecords:
    """Records that live only as long as this object. Otherwise they behave like the ledger's records."""

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


class MemorySharedRecords:
    """The records of several people that live only as long as they do. Without people, there are none.

    Args:
        people: the records of each of them.
    """

    def __init__(self, people: Mapping[PersonId, MemoryRecords] | None = None) -> None:
        self.people: Mapping[PersonId, MemoryRecords] = people if people is not None else {}

    async def under(self, key: str) -> list[tuple[PersonId, Record]]:
        found = [(person, await records.get(key)) for person, records in self.people.items()]
        return [(person, record) for person, record in found if record is not None]
