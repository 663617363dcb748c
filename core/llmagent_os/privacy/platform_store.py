"""The stores of adapters that keep what was said, such as the web chat with its transcript."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from datetime import timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from llmagent_os.adapter import Adapter, DeletesOld, KeepsRows, Remembers
from llmagent_os.adapter_kit.files import FOLDER
from llmagent_os.ledger.shared_rows import SharedRows
from llmagent_os.ledger.shared_tables import SHARED_TABLES
from llmagent_os.privacy.retention import TRANSCRIPT, UNTIL_FORGOTTEN, oldest_kept
from llmagent_os.privacy.stores import DataSubject, EraseOrder, Holds


class PlatformStore:
    """What one running adapter keeps in its folder."""

    unit = "conversation"
    order = EraseOrder.DISK

    def __init__(self, adapter: Remembers, keep: timedelta = TRANSCRIPT.time) -> None:
        """Args:
        adapter: used as it is, so that people who are connected see the erasure at once.
        keep: how long what was said is kept.
        """
        self._keep = keep
        self.name = adapter.name
        tables = frozenset(adapter.keeps_tables) if isinstance(adapter, KeepsRows) else frozenset[str]()
        self.holds = Holds(paths=tuple(f"{adapter.name}/{pattern}" for pattern in adapter.keeps), tables=tables)
        self._adapter = adapter

    async def export(self, subject: DataSubject) -> dict[str, Any]:
        """``conversations``: what the person said there and was answered, as the adapter exports it."""
        return await _export(self._adapter, subject)

    async def erase(self, subject: DataSubject) -> int:
        """Erase the person's conversations; returns how many there were."""
        return await _erase(self._adapter, subject)

    async def prune(self) -> int:
        """Delete what was said too long ago; returns how many messages. Some adapters cannot do that."""
        if self._keep == UNTIL_FORGOTTEN or not isinstance(self._adapter, DeletesOld):
            return 0
        return await self._adapter.delete_old(oldest_kept(self._keep))


class OtherPlatformStore:
    """What adapters that do not run have left. An adapter is made only if its folder or tables hold anything.

    What they keep is known to the adapters alone, so this store names no paths in ``holds``.
    """

    name = "other platforms"
    unit = "conversation"
    order = EraseOrder.DISK
    holds = Holds()

    def __init__(
        self,
        data: Path,
        running: Collection[str],
        make: Callable[[str], Adapter],
        shared: SharedRows | None = None,
    ) -> None:
        """Args:
        data: the data folder of the installation.
        running: names of adapters that have a :class:`PlatformStore` of their own.
        make: makes the adapter of a name. Raises ConfigError where it cannot: then nothing is claimed to be erased.
        shared: the tables that several hosts share; None: adapters keep files only.
        """
        self._shared = shared
        self._data = data
        self._running = frozenset(running)
        self._make = make

    async def export(self, subject: DataSubject) -> dict[str, Any]:
        """``conversations``, as :meth:`PlatformStore.export`."""
        found: list[dict[str, Any]] = []
        for adapter in await self._adapters(subject):
            found += (await _export(adapter, subject))["conversations"]
        return {"conversations": found}

    async def erase(self, subject: DataSubject) -> int:
        """Erase the person's conversations; returns how many there were."""
        return sum([await _erase(adapter, subject) for adapter in await self._adapters(subject)])

    async def prune(self) -> int:
        """Delete nothing: see ``retention.TRANSCRIPT``."""
        return 0

    async def _adapters(self, subject: DataSubject) -> list[Remembers]:
        """Adapters for the platforms of ``subject`` that do not run and have left something.

        Raises:
            ConfigError: an adapter cannot be made: it is not installed, or its settings are wrong.
        """
        found: list[Remembers] = []
        for platform in subject.platforms:
            if platform in self._running or not await asyncio.to_thread(self._holds_something, platform):
                continue
            adapter = await asyncio.to_thread(self._make, platform)
            if isinstance(adapter, Remembers):
                found.append(adapter)
        return found

    def _holds_something(self, platform: str) -> bool:
        """Whether there is anything besides the files that people sent, which have a store of their own."""
        folder = self._data / platform
        if folder.is_dir() and any(entry.name != FOLDER for entry in folder.iterdir()):
            return True
        if self._shared is None:
            return False
        tables = [table for table in SHARED_TABLES if table.name.startswith(f"{platform}_")]
        queries = [sa.select(table).limit(1) for table in tables]
        return self._shared.run(lambda db: any(db.execute(query).first() is not None for query in queries))


async def _export(adapter: Remembers, subject: DataSubject) -> dict[str, Any]:
    found: list[dict[str, Any]] = []
    for own_id in subject.ids_on(adapter.name):
        found += [{"platform": adapter.name, **conversation} for conversation in await adapter.export(own_id)]
    return {"conversations": found}


async def _erase(adapter: Remembers, subject: DataSubject) -> int:
    return sum([await adapter.forget(own_id) for own_id in subject.ids_on(adapter.name)])
