"""Buttons' values that are longer than a platform carries: kept here, under a name that fits.

>>> import asyncio
>>> from llmagent_os.records import MemoryRecords
>>> async def main() -> tuple[str, int, str | None]:
...     values = ButtonValues(MemoryRecords(), limit=64)
...     short = await values.carried("x" * 1000)
...     return await values.carried("calendar:yes"), len(short), await values.value(short)
>>> carried, length, value = asyncio.run(main())
>>> carried, length, value == "x" * 1000
('calendar:yes', 33, True)
"""

from __future__ import annotations

import hashlib

from llmagent_os.events import now
from llmagent_os.records import Records

#: So many long values are kept, the latest.
KEPT = 2000

_MARK = "~"  #: in front of a name; a value that begins like this is kept too
_PREFIX = "button:"


class ButtonValues:
    """For adapters. In the adapter's store: a button may be pressed weeks and restarts later."""

    def __init__(self, store: Records, limit: int) -> None:
        """Args: ``limit`` is how much the platform carries, in bytes of UTF-8, 33 at least."""
        self._store = store
        self._limit = limit
        self._since_pruned = 0

    async def carried(self, value: str) -> str:
        """What the platform is given for ``value``, durable on return: the same each time."""
        if value and len(value.encode()) <= self._limit and not value.startswith(_MARK):
            return value
        name = hashlib.sha256(value.encode()).hexdigest()[:32]
        await self._store.put(_PREFIX + name, {"value": value, "at": now().isoformat()})
        self._since_pruned += 1
        if self._since_pruned >= KEPT // 10:
            await self.prune()
        return _MARK + name

    async def value(self, carried: str) -> str | None:
        """The value that the platform brought back; None: it was forgotten, or never there."""
        if not carried.startswith(_MARK):
            return carried
        kept = await self._store.get(_PREFIX + carried.removeprefix(_MARK))
        return None if kept is None else str(kept["value"])

    async def prune(self) -> None:
        """Forget all but the latest."""
        self._since_pruned = 0
        kept = [(str(record["at"]), key) for key, record in await self._store.items() if key.startswith(_PREFIX)]
        for _, key in sorted(kept, reverse=True)[KEPT:]:
            await self._store.delete(key)
