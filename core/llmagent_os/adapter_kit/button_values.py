"""Values of buttons that are longer than a platform carries. The value is stored, and the button carries a short name.

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

#: How many long values are stored: the latest ones.
MAX_VALUES = 2000

_MARK = "~"  #: begins every short name; a value that begins with it is stored too
_PREFIX = "button:"


class ButtonValues:
    """The long values of one adapter's buttons, in its store: a button may be pressed weeks and restarts later."""

    def __init__(self, store: Records, limit: int) -> None:
        """Args:
        store: the adapter's own documents.
        limit: the longest value that the platform carries, in bytes of UTF-8; at least 33.
        """
        self._store = store
        self._limit = limit
        self._since_pruned = 0

    async def carried(self, value: str) -> str:
        """What the platform carries for ``value``: the value itself, or a name. Equal values have equal names.

        A value that is stored is durable on return.
        """
        if value and len(value.encode()) <= self._limit and not value.startswith(_MARK):
            return value
        name = hashlib.sha256(value.encode()).hexdigest()[:32]
        await self._store.put(_PREFIX + name, {"value": value, "at": now().isoformat()})
        self._since_pruned += 1
        if self._since_pruned >= MAX_VALUES // 10:
            await self.prune()
        return _MARK + name

    async def value(self, carried: str) -> str | None:
        """The value of a pressed button, given what the platform carried; None: it is not stored, or is damaged."""
        if not carried.startswith(_MARK):
            return carried
        stored = await self._store.get(_PREFIX + carried.removeprefix(_MARK))
        value: object = None if stored is None else stored.get("value")
        return value if isinstance(value, str) else None

    async def prune(self) -> None:
        """Delete all but the latest :data:`MAX_VALUES` values."""
        self._since_pruned = 0
        stored = [(str(record.get("at")), key) for key, record in await self._store.items() if key.startswith(_PREFIX)]
        for _, key in sorted(stored, reverse=True)[MAX_VALUES:]:
            await self._store.delete(key)
