"""Moments at which a plugin wants to be woken for one person: the protocol, and a twin in memory.

>>> import asyncio
>>> from datetime import UTC, datetime, timedelta
>>> six = datetime(2026, 11, 22, 18, tzinfo=UTC)
>>> async def main() -> list[tuple[str, datetime]]:
...     timers = MemoryTimers()
...     await timers.set("tea", six)
...     return timers.ring(six + timedelta(minutes=1))
>>> asyncio.run(main())
[('tea', datetime.datetime(2026, 11, 22, 18, 0, tzinfo=datetime.timezone.utc))]
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol

from llmagent_os.errors import LedgerError

MAX_KEY = 200  #: characters


class Timers(Protocol):
    """One plugin's timers for one person. What comes of them is said in the conversation in which they were set."""

    async def set(self, key: str, at: datetime) -> None:
        """Have ``Plugin.due`` called at ``at``, or at once where that is past; durable on return.

        An earlier moment under ``key`` is replaced. A moment that has been answered under this key is not answered
        again, so that a call which runs again after a crash may set it again.

        Raises:
            LedgerError: ``at`` has no time zone, or ``key`` is empty, too long or no text.
        """
        ...

    async def cancel(self, key: str) -> bool:
        """Forget the moment under ``key``. Returns whether there was one."""
        ...


def checked_timer(key: str, at: datetime) -> datetime:
    """``at`` in UTC.

    Raises:
        LedgerError: it has no time zone, or ``key`` cannot be stored.
    """
    if at.tzinfo is None:
        raise LedgerError(f"timer {key[:80]!r}: {at} has no time zone; give a moment such as context.now + an hour")
    try:
        key.encode()
    except UnicodeEncodeError as error:
        raise LedgerError(f"timer {key[:80]!r}: the key is no text that can be stored: {error}") from error
    if not 0 < len(key) <= MAX_KEY:
        raise LedgerError(f"timer {key[:80]!r}: the key has {len(key)} characters; 1 to {MAX_KEY} are possible")
    return at.astimezone(UTC)


class MemoryTimers:
    """Timers that nothing rings but :meth:`ring`, and that otherwise behave as the ledger's do."""

    def __init__(self) -> None:
        self._pending: dict[str, datetime] = {}
        self._rung: set[tuple[str, datetime]] = set()

    @property
    def pending(self) -> dict[str, datetime]:
        """Key to moment, the earliest first."""
        return dict(sorted(self._pending.items(), key=lambda item: (item[1], item[0])))

    async def set(self, key: str, at: datetime) -> None:
        self._pending[key] = checked_timer(key, at)

    async def cancel(self, key: str) -> bool:
        return self._pending.pop(key, None) is not None

    def ring(self, now: datetime) -> list[tuple[str, datetime]]:
        """Take out what is due, in order: what a host would call ``Plugin.due`` with."""
        due = [item for item in self.pending.items() if item[1] <= now]
        for key, _ in due:
            del self._pending[key]
        found = [item for item in due if item not in self._rung]
        self._rung.update(found)
        return found
