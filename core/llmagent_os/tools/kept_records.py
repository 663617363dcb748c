"""What a plugin keeps, as the plugin sees it: in the form that its code knows, and not without limit.

A document has the version of the plugin's records that wrote it. Where the plugin's code knows a newer version, the
document goes through the plugin's migrations when it is first read or replaced. The new document is written only if the
old one is still there as it was read, in one step. So a migration holds once, also where the host crashes in between
or two calls read at the same moment. A document of a version that the code does not know yet is left alone.
"""

from __future__ import annotations

import copy
import inspect
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import cast

from llmagent_os.errors import PluginError
from llmagent_os.identity import PersonId
from llmagent_os.plugin import ToolSource
from llmagent_os.records import Record, Records, SharedRecords, VersionedRecords, VersionedSharedRecords, encode_record
from llmagent_os.timers import CountedTimers, Timers


@dataclass(frozen=True)
class KeepingLimits:
    """How much one plugin may keep for one person. What goes beyond it is refused."""

    records: int = 20_000  #: documents
    record_bytes: int = 4_000_000  #: of one document, as JSON
    total_bytes: int = 200_000_000  #: of all documents, as they are stored
    timers: int = 5_000  #: that are set and not due yet


async def migrated(source: ToolSource, key: str, record: Record, version: int) -> Record | None:
    """Return a document in the form that ``source`` knows; None: the document goes.

    Raises:
        PluginError: the document is of a newer version, or a migration failed.
    """
    known = source.records_version
    if version > known:
        raise PluginError(
            f"the record {key!r} was written by version {version} of the records of {source.name!r}, and this plugin "
            f"knows version {known}: install the newer plugin again; the record was left as it is"
        )
    found: Record | None = copy.deepcopy(record)
    for step in range(version, known):
        if found is None:
            return None
        try:
            made = source.migrations[step](found)
            found = await made if inspect.isawaitable(made) else made
        except Exception as error:
            raise PluginError(
                f"the migration of {source.name!r} from version {step} failed at the record {key!r}, which was left as "
                f"it is: {type(error).__name__}: {error}"
            ) from error
        if found is not None and not isinstance(found, dict):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise PluginError(f"the migration of {source.name!r} from version {step} gave no document for {key!r}")
    return found


class KeptRecords:
    """The records of a plugin about a person: a :class:`~llmagent_os.records.Records`."""

    def __init__(self, inner: VersionedRecords, source: ToolSource, limits: KeepingLimits) -> None:
        self._inner = inner
        self._source = source
        self._limits = limits
        self._count: int | None = None  # at most so many are there; None: not counted yet
        self._bytes: int | None = None  # at most so much is there; None: not measured yet

    async def get(self, key: str) -> Record | None:
        return next((record for _, record in await self._read(key)), None)

    async def items(self) -> list[tuple[str, Record]]:
        return await self._read(None)

    async def put(self, key: str, record: Record) -> None:
        name, limits = self._source.name, self._limits
        size = len(encode_record(key, record).encode())
        if size > limits.record_bytes:
            raise PluginError(
                f"the plugin {name!r} keeps a record {key[:80]!r} of {size} bytes; at most {limits.record_bytes} "
                "are allowed"
            )
        if self._count is None or self._count >= limits.records:
            self._count = await self._inner.count()
        if self._count >= limits.records and not await self._inner.versions(key):
            raise PluginError(f"the plugin {name!r} keeps {self._count} records for one person; no more are allowed")
        await self._check_total(key, size, self._count + 1)
        await self._inner.put_version(key, record, self._source.records_version)
        self._count += 1

    async def _check_total(self, key: str, size: int, count: int) -> None:
        """Refuse a document with which all would have too many bytes. Few documents cannot: nothing is measured."""
        most = self._limits.total_bytes
        if count * self._limits.record_bytes <= most:
            return
        if self._bytes is None or self._bytes + size > most:
            self._bytes = await self._inner.size(but=key)
        self._bytes += size
        if self._bytes > most:
            raise PluginError(
                f"the plugin {self._source.name!r} would keep {self._bytes} bytes for one person; at most {most} are "
                "allowed"
            )

    async def delete(self, key: str) -> bool:
        return await self._inner.delete(key, self._source.records_version)

    async def _read(self, key: str | None) -> list[tuple[str, Record]]:
        found: list[tuple[str, Record]] = []
        for name, record, version in await self._inner.versions(key):
            if version == self._source.records_version:
                found.append((name, record))
                continue
            new = await migrated(self._source, name, record, version)
            if not await self._inner.replace(name, record, version, new, self._source.records_version):
                found += await self._read(name)  # another call was faster
            elif new is not None:
                found.append((name, new))
        return found


class KeptSharedRecords:
    """What all people keep with a plugin: a :class:`~llmagent_os.records.SharedRecords`. Reading changes nothing."""

    def __init__(self, inner: VersionedSharedRecords, source: ToolSource) -> None:
        self._inner = inner
        self._source = source

    async def under(self, key: str) -> list[tuple[PersonId, Record]]:
        found: list[tuple[PersonId, Record]] = []
        for person, record, version in await self._inner.versions_under(key):
            new = await migrated(self._source, key, record, version)
            if new is not None:
                found.append((person, new))
        return found


class KeptTimers:
    """The timers of a plugin for a person: a :class:`~llmagent_os.timers.Timers` with a most."""

    def __init__(self, inner: CountedTimers, source: ToolSource, limits: KeepingLimits) -> None:
        self._inner = inner
        self._source = source
        self._limits = limits
        self._count: int | None = None

    async def set(self, key: str, at: datetime, *, deferrable: bool = False) -> None:
        most = self._limits.timers
        if self._count is None or self._count >= most:
            self._count = await self._inner.count(but=key)
        if self._count >= most:
            raise PluginError(f"the plugin {self._source.name!r} has {most} timers for one person; no more are allowed")
        await self._inner.set(key, at, deferrable=deferrable)
        self._count += 1

    async def cancel(self, key: str) -> bool:
        return await self._inner.cancel(key)


def kept_records(inner: Records, source: ToolSource, limits: KeepingLimits) -> Records:
    """The records that ``source`` gets. Records that know no versions, of a program's own, are given as they are."""
    if not _is_of(type(inner), VersionedRecords):
        return inner
    return KeptRecords(cast("VersionedRecords", inner), source, limits)


def kept_shared(inner: SharedRecords, source: ToolSource) -> SharedRecords:
    """What ``source`` reads of all people."""
    return KeptSharedRecords(inner, source) if isinstance(inner, VersionedSharedRecords) else inner


def kept_timers(inner: Timers, source: ToolSource, limits: KeepingLimits) -> Timers:
    """The timers that ``source`` gets."""
    return KeptTimers(cast("CountedTimers", inner), source, limits) if _is_of(type(inner), CountedTimers) else inner


@cache
def _is_of(kind: type, protocol: type) -> bool:
    """Whether a class has the methods of a protocol. Asked at every call of a plugin, and slow to find out."""
    return issubclass(kind, protocol)
