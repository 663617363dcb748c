"""Buttons' values as Discord carries them: in 100 characters, or kept here under a name that fits."""

from __future__ import annotations

import hashlib

from llmagent_os.events import now
from llmagent_os.records import Records

#: Of a ``custom_id``.
LIMIT = 100

#: So many long values are kept, the latest.
KEPT = 2000

#: In front of a name; a value that begins like this is kept too.
_MARK = "kept:"

_PREFIX = "button:"


class Buttons:
    """Values that are too long for Discord, in the adapter's store: a button may be pressed weeks later."""

    def __init__(self, store: Records) -> None:
        """Args: ``store`` is the adapter's own."""
        self._store = store
        self._since_pruned = 0

    async def custom_id(self, value: str) -> str:
        """What Discord is given for ``value``: the same each time."""
        if value and len(value) <= LIMIT and not value.startswith(_MARK):
            return value
        name = hashlib.sha256(value.encode()).hexdigest()[:40]
        await self._store.put(_PREFIX + name, {"value": value, "at": now().isoformat()})
        self._since_pruned += 1
        if self._since_pruned >= KEPT // 10:
            await self.prune()
        return _MARK + name

    async def value(self, custom_id: str) -> str | None:
        """The value behind ``custom_id``; None: it was forgotten."""
        if not custom_id.startswith(_MARK):
            return custom_id
        kept = await self._store.get(_PREFIX + custom_id.removeprefix(_MARK))
        return None if kept is None else str(kept["value"])

    async def prune(self) -> None:
        """Forget all but the latest."""
        self._since_pruned = 0
        kept = [(str(record["at"]), key) for key, record in await self._store.items() if key.startswith(_PREFIX)]
        for _, key in sorted(kept, reverse=True)[KEPT:]:
            await self._store.delete(key)
