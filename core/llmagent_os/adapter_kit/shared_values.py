"""Short-lived values of an adapter that any of several hosts may need: where an answer to a command goes, for one.

The host that has received an event knows them. Where hosts share the ledger, another one may send the answer, so they
are in the adapter's store too, until their time is over.

>>> import asyncio
>>> from llmagent_os.records import MemoryRecords
>>> async def main() -> tuple[object, object]:
...     store = MemoryRecords()
...     here, there = (SharedValues(store, "url:", shared=True, seconds=60.0) for _ in range(2))
...     await here.put("k", {"url": "https://example.org"})
...     seen = await there.get("k")
...     await there.drop("k")
...     return seen, await SharedValues(store, "url:", shared=True, seconds=60.0).get("k")
>>> asyncio.run(main())
({'url': 'https://example.org'}, None)
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, cast

from llmagent_os.adapter_kit.expiring_dict import ExpiringDict
from llmagent_os.records import Records

#: How many values are remembered: the latest ones.
MAX_VALUES = 1000

#: How many values are stored before those are deleted whose time is over.
PRUNE_AFTER = 100


class SharedValues:
    """JSON objects by key, each for so many seconds."""

    def __init__(
        self,
        store: Records,
        prefix: str,
        *,
        shared: bool,
        seconds: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Args:
        store: the adapter's own documents.
        prefix: begins the keys in the store.
        shared: whether other hosts may need them; False: they are kept in memory only.
        seconds: how long a value is there.
        clock: the present moment, in seconds of Unix time.
        """
        self._store = store
        self._prefix = prefix
        self._shared = shared
        self._seconds = seconds
        self._clock = clock
        self._known = ExpiringDict[str, dict[str, Any]](MAX_VALUES, seconds=seconds, clock=clock)
        self._puts = 0

    async def put(self, key: str, value: dict[str, Any]) -> None:
        """Keep ``value``. Other hosts see it when this returns."""
        self._known.put(key, value)
        if not self._shared:
            return
        await self._store.put(self._prefix + key, {"until": self._clock() + self._seconds, "value": value})
        self._puts += 1
        if self._puts >= PRUNE_AFTER:
            await self._prune()

    async def get(self, key: str, *, again: bool = False) -> dict[str, Any] | None:
        """The value under ``key``; None: there is none, or its time is over.

        Args:
            key: of the value.
            again: look into the store first: another host may have changed the value.
        """
        known = self._known.get(key)
        if not self._shared or (known is not None and not again):
            return known
        stored = await self._store.get(self._prefix + key)
        if stored is None or float(stored.get("until", 0.0)) < self._clock():
            return known
        value = stored.get("value")
        return cast("dict[str, Any]", value) if isinstance(value, dict) else known

    async def drop(self, key: str) -> None:
        """Forget the value under ``key``."""
        self._known.drop(key)
        if self._shared:
            await self._store.delete(self._prefix + key)

    async def _prune(self) -> None:
        self._puts = 0
        for name, stored in await self._store.items():
            if name.startswith(self._prefix) and float(stored.get("until", 0.0)) < self._clock():
                await self._store.delete(name)
