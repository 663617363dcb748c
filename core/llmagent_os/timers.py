"""Moments at which a plugin wants to be called for one person: the protocol, and an implementation in memory.

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
from typing import Protocol, runtime_checkable

from llmagent_os.errors import LedgerError

MAX_KEY = 200  #: characters of a timer's key


class Timers(Protocol):
    """One plugin's timers for one person. The answer to a timer goes to the conversation in which the timer was set."""

    async def set(self, key: str, at: datetime, *, deferrable: bool = False) -> None:
        """Set a timer: ``Plugin.due`` is called at ``at``, or at once if ``at`` is past. It is durable on return.

        A timer under the same ``key`` gets the new moment, and stays in its conversation. A moment that was already
        answered under this key is not answered again, so a call that runs again after a crash may set the same timer
        again.

        Args:
            key: the plugin's own name for the timer.
            at: the moment, aware.
            deferrable: the person did not ask for this moment, as with a digest or a question of the plugin's own. In
                quiet hours such a timer waits until they are over. A reminder for a time that the person named is not
                deferrable.

        Raises:
            LedgerError: ``at`` has no time zone, or ``key`` is empty, too long or not valid text.
        """
        ...

    async def cancel(self, key: str) -> bool:
        """Remove the timer under ``key``. Returns whether there was one."""
        ...


@runtime_checkable
class CountedTimers(Timers, Protocol):
    """Timers that can be counted. The host uses it: a plugin may set so many and no more."""

    async def count(self, *, but: str) -> int:
        """How many timers of the plugin there are for the person, without that under the key ``but``."""
        ...


def checked_timer(key: str, at: datetime) -> datetime:
    """Return ``at`` in UTC.

    Raises:
        LedgerError: ``at`` has no time zone, or ``key`` cannot be stored.
    """
    if at.tzinfo is None:
        raise LedgerError(f"timer {key[:80]!r}: {at} has no time zone; give a moment such as context.now + an hour")
    try:
        key.encode()
    except UnicodeEncodeError as error:
        raise LedgerError(f"timer {key[:80]!r}: the key is not text that can be stored: {error}") from error
    if not 0 < len(key) <= MAX_KEY:
        raise LedgerError(f"timer {key[:80]!r}: the key has {len(key)} characters; 1 to {MAX_KEY} are allowed")
    return at.astimezone(UTC)


class MemoryTimers:
    """Timers that only :meth:`ring` sets off. Otherwise they behave like the ledger's timers."""

    def __init__(self) -> None:
        self._pending: dict[str, datetime] = {}
        self._rung: set[tuple[str, datetime]] = set()

    @property
    def pending(self) -> dict[str, datetime]:
        """The pending timers: key to moment, the earliest first."""
        return dict(sorted(self._pending.items(), key=lambda item: (item[1], item[0])))

    async def set(self, key: str, at: datetime, *, deferrable: bool = False) -> None:
        self._pending[key] = checked_timer(key, at)

    async def cancel(self, key: str) -> bool:
        return self._pending.pop(key, None) is not None

    async def count(self, *, but: str) -> int:
        return len(self._pending.keys() - {but})

    def ring(self, now: datetime) -> list[tuple[str, datetime]]:
        """Remove and return the due timers, the earliest first. A host would call ``Plugin.due`` with each of them."""
        due = [item for item in self.pending.items() if item[1] <= now]
        for key, _ in due:
            del self._pending[key]
        found = [item for item in due if item not in self._rung]
        self._rung.update(found)
        return found
