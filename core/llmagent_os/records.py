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
from typing import Any, Protocol, runtime_checkable

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

#: Begins the key of an adapter's record of how a command or a pressed button is answered. The id of its event follows.
#: The value names the person (``user_id``): an erasure deletes theirs.
INTERACTION = "interaction:"

#: Begins the key of an adapter's record of the address that takes an answer. The ``event_key`` of the event follows.
RESPONSE_URL = "response:"

#: Adapters' records with these beginnings end by themselves: at ``until``, in seconds of Unix time.
SHORT_LIVED = (INTERACTION, RESPONSE_URL)


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


@runtime_checkable
class VersionedRecords(Records, Protocol):
    """Records that note by which version of the plugin's records each document was written. The host uses them."""

    async def versions(self, key: str | None) -> list[tuple[str, Record, int]]:
        """Return the documents with their keys and versions, sorted by key. None: all; else that under ``key``."""
        ...

    async def put_version(self, key: str, record: Record, version: int) -> None:
        """Store a document of ``version``, as :meth:`Records.put` does.

        Raises:
            LedgerError: ``record`` is no JSON object, or the old document is of a newer version and stays.
        """
        ...

    async def replace(self, key: str, old: Record, of: int, new: Record | None, version: int) -> bool:
        """Put ``new``, of ``version``, in the place of the document ``old`` of version ``of``. None: remove it.

        Returns:
            Whether that was done. False: another document is there by now.
        """
        ...

    async def delete(self, key: str, version: int | None = None) -> bool:
        """Remove the document under ``key``, as :meth:`Records.delete` does.

        Args:
            key: of the document.
            version: the newest that the plugin knows; None: any.

        Raises:
            LedgerError: the document is of a newer version, and stays.
        """
        ...

    async def count(self) -> int:
        """How many documents there are."""
        ...

    async def size(self, *, but: str) -> int:
        """How many characters all documents have as they are stored, but the one under a key."""
        ...


@runtime_checkable
class VersionedSharedRecords(Protocol):
    """What all people keep with one plugin, with the versions of the documents."""

    async def versions_under(self, key: str) -> list[tuple[PersonId, Record, int]]:
        """As :meth:`SharedRecords.under`, with each document's version."""
        ...


class SharedRecords(Protocol):
    """What all people keep with one plugin, by key. So a key that others must not guess is a random one."""

    async def under(self, key: str) -> list[tuple[PersonId, Record]]:
        """The document of each person who has one under ``key``: one of a person, also of one with several accounts."""
        ...


def newer_record(key: str, version: int) -> LedgerError:
    """The error of a document that newer code has written."""
    return LedgerError(
        f"the record {key!r} was written by version {version} of the plugin's records, which this plugin does not "
        "know; it was left as it is"
    )


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
        self._stored: dict[str, tuple[str, int]] = {}  # by key: the document as JSON, and its version

    async def get(self, key: str) -> Record | None:
        return next((record for _, record, _ in await self.versions(key)), None)

    async def put(self, key: str, record: Record) -> None:
        self._stored[key] = encode_record(key, record), 1

    async def delete(self, key: str, version: int | None = None) -> bool:
        self._check_newer(key, version)
        return self._stored.pop(key, None) is not None

    async def items(self) -> list[tuple[str, Record]]:
        return [(key, record) for key, record, _ in await self.versions(None)]

    async def versions(self, key: str | None) -> list[tuple[str, Record, int]]:
        keys = sorted(self._stored) if key is None else [key] if key in self._stored else []
        return [(each, decode_record(self._stored[each][0]), self._stored[each][1]) for each in keys]

    async def put_version(self, key: str, record: Record, version: int) -> None:
        self._check_newer(key, version)
        self._stored[key] = encode_record(key, record), version

    async def replace(self, key: str, old: Record, of: int, new: Record | None, version: int) -> bool:
        if await self.versions(key) != [(key, old, of)]:
            return False
        if new is None:
            del self._stored[key]
        else:
            self._stored[key] = encode_record(key, new), version
        return True

    async def count(self) -> int:
        return len(self._stored)

    async def size(self, *, but: str) -> int:
        return sum(len(body) for key, (body, _) in self._stored.items() if key != but)

    def _check_newer(self, key: str, version: int | None) -> None:
        if version is not None and key in self._stored and self._stored[key][1] > version:
            raise newer_record(key, self._stored[key][1])


class MemorySharedRecords:
    """The records of several people that live only as long as they do. Without people, there are none.

    Args:
        people: the records of each of them.
    """

    def __init__(self, people: Mapping[PersonId, MemoryRecords] | None = None) -> None:
        self.people: Mapping[PersonId, MemoryRecords] = people if people is not None else {}

    async def under(self, key: str) -> list[tuple[PersonId, Record]]:
        return [(person, record) for person, record, _ in await self.versions_under(key)]

    async def versions_under(self, key: str) -> list[tuple[PersonId, Record, int]]:
        return [
            (person, record, version)
            for person, records in self.people.items()
            for _, record, version in await records.versions(key)
        ]
