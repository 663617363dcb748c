"""The store of what waits to be answered in a running host."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from typing import Any

from llmagent_os.identity import Identity
from llmagent_os.privacy.stores import DataSubject, EraseOrder, Holds

#: Drops all events of accounts that wait or are being answered; returns how many. See ``Host.drop_events``.
DropEvents = Callable[[Collection[Identity]], Awaitable[int]]


class QueueStore:
    """Events that wait, and replies that are being decided. On disk they are in the ledger's inbox, which exports them.

    It is erased before all other stores: a reply that is decided meanwhile would write to them again.
    """

    name = "queue"
    unit = "event"
    order = EraseOrder.QUEUE
    holds = Holds()

    def __init__(self, drop: DropEvents) -> None:
        """Args: ``drop`` is the host's."""
        self._drop = drop

    async def export(self, subject: DataSubject) -> dict[str, Any]:
        """Nothing: the ledger exports what waits."""
        return {}

    async def erase(self, subject: DataSubject) -> int:
        """Drop everything of the person that waits; returns how many events."""
        return await self._drop(subject.identities)

    async def prune(self) -> int:
        """Delete nothing: what waits is answered."""
        return 0
