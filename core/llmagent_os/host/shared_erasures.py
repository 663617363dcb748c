"""Erasures among hosts that share a ledger: what one host forgets, no other host goes on deciding for."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Collection, Iterable

import msgspec
import structlog

from llmagent_os.adapter_kit.background_tasks import BackgroundTasks
from llmagent_os.host.dispatcher import Dispatcher
from llmagent_os.identity import Identity
from llmagent_os.ledger import Membership
from llmagent_os.ledger.membership import Watcher

_log = structlog.stdlib.get_logger(__name__)

#: What a host asks of the others, and what they answer.
ERASE, ERASED = "erase", "erased"

#: How many accounts are named in one text at most, and how long their names are together, in bytes. A longer text
#: reaches the other hosts without its words: see ``shared_membership.MAX_TOLD_BYTES``.
ACCOUNTS_AT_ONCE, BYTES_AT_ONCE = 50, 6000


class _Order(msgspec.Struct, frozen=True):
    """What the other hosts are asked to drop."""

    id: str  #: of this order; an answer names it
    identities: list[Identity]


class SharedErasures:
    """Asks the other hosts to drop what they run for a person, and does so where another host asks."""

    def __init__(self, membership: Membership, dispatcher: Dispatcher, patience_seconds: float) -> None:
        """Args: ``patience_seconds`` is how long an answer of another host is waited for."""
        self._membership = membership
        self._dispatcher = dispatcher
        self._patience_seconds = patience_seconds
        self._answered: dict[str, set[int]] = {}  # by order, the hosts that have answered
        self._changed = asyncio.Event()

    async def run(self) -> None:
        """Do what other hosts ask for, until cancelled."""
        background = BackgroundTasks()

        def drop(text: str) -> None:
            if text:
                background.spawn(self._drop(text))

        watched: dict[str, Watcher] = {ERASE: drop, ERASED: self._note, "hosts": lambda _: self._changed.set()}
        stops = [self._membership.watch(topic, watcher) for topic, watcher in watched.items()]
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            for stop in stops:
                stop()
            await background.close()

    async def ask(self, identities: Collection[Identity]) -> None:
        """Have all other hosts drop what they run for these accounts. Returns when all that live have done so.

        What a host decides after that for these accounts is not kept: the ledger has finished their events.
        """
        if not self._membership.is_shared:
            return
        for names in _parts(identities):
            order = _Order(secrets.token_hex(8), names)
            self._answered[order.id] = set()
            self._membership.tell(ERASE, msgspec.json.encode(order).decode())
            try:
                async with asyncio.timeout(self._patience_seconds):
                    while await self._open(order):
                        await self._changed.wait()
                        self._changed.clear()
            except TimeoutError:
                _log.error("another host does not say that it has dropped what it ran for a person who is erased")
            finally:
                del self._answered[order.id]

    async def _open(self, order: _Order) -> bool:
        """Whether a living host has not answered."""
        others = {host.number for host in await self._membership.hosts()} - {self._membership.number}
        return bool(others - self._answered[order.id])

    async def _drop(self, text: str) -> None:
        order = msgspec.json.decode(text, type=_Order)
        if running := self._dispatcher.drop_events(set(order.identities), None):
            await asyncio.wait(running, timeout=self._patience_seconds)
        self._membership.tell(ERASED, f"{order.id} {self._membership.number}")

    def _note(self, text: str) -> None:
        order, _, number = text.partition(" ")
        if order in self._answered:
            self._answered[order].add(int(number))
        self._changed.set()


def _parts(identities: Iterable[Identity]) -> list[list[Identity]]:
    """The accounts in parts, of which each is told in one text."""
    parts: list[list[Identity]] = []
    left = 0
    for identity in identities:
        size = len(msgspec.json.encode(identity)) + 1
        if not parts or size > left or len(parts[-1]) == ACCOUNTS_AT_ONCE:
            parts.append([])
            left = BYTES_AT_ONCE
        parts[-1].append(identity)
        left -= size
    return parts
