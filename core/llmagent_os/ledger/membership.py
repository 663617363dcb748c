"""Whether a host is alone on its ledger, or shares it with others: the contract, and the host that is alone.

Of all that only one host may do, each host asks its :class:`Membership`: :meth:`Membership.while_held` runs the work of
a lease. What concerns other hosts is told by :meth:`Membership.tell`, and heard by :meth:`Membership.watch`. A host
that is alone holds every lease and has nobody to tell.

``shared_membership`` is the way of several hosts on a database server.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import Any, Protocol, TypeVar

import msgspec

from llmagent_os.ledger.database import Database
from llmagent_os.ledger.shared_rows import CHANNEL as SHARED_CHANNEL

T = TypeVar("T")

#: Is called with what was told. Empty: something may have been told that this host has not heard.
Watcher = Callable[[str], None]

#: On this topic, and on the channel of this name, hosts tell what has changed: see ``announcements``.
CHANGED = SHARED_CHANNEL

#: On this topic a host is told, by itself, that it hears the others no more.
DEAF = "deaf"

#: How many seconds a host counts as alive after it has last said so.
LEASE_SECONDS = 6.0


class HostCard(msgspec.Struct, frozen=True, kw_only=True):
    """How a host wants to be known by the others that share its ledger."""

    name: str = ""  #: of this host; a restarted host with the same name gets the same conversations; empty: made up
    lease_seconds: float = LEASE_SECONDS  #: how long the others wait for a sign of life before they take over


class HostRow(msgspec.Struct, frozen=True, kw_only=True):
    """A host that shares the ledger, as the database knows it."""

    number: int  #: its fencing number, which no other host ever has
    name: str
    process: str  #: machine and process id
    platforms: tuple[str, ...]  #: the names of its adapters
    version: str  #: of its program
    started_at: float  #: seconds since 1970
    alive_for: float  #: seconds until it is dead, unless it gives a sign of life
    stopping: bool  #: it is given nothing more
    waiting: int  #: events that it has
    leases: tuple[str, ...]  #: the names of what it alone does


def living_hosts(rows: Iterable[tuple[Any, ...]], leases: Iterable[tuple[str, int]]) -> list[HostRow]:
    """The hosts of rows that ``host_statements`` has asked for, with the leases of each."""
    held: dict[int, list[str]] = {}
    for lease, holder in leases:
        held.setdefault(holder, []).append(lease)
    found: list[HostRow] = []
    for number, name, process, platforms, program, started_at, alive_for, stopping, waiting in rows:
        found.append(
            HostRow(
                number=number,
                name=name,
                process=process,
                platforms=tuple(platforms.split()),
                version=program,
                started_at=started_at,
                alive_for=alive_for,
                stopping=stopping,
                waiting=waiting,
                leases=tuple(held.get(number, ())),
            )
        )
    return found


class Membership(Protocol):
    """One host's part among the hosts of a ledger."""

    @property
    def is_shared(self) -> bool:
        """Whether other hosts may run on the same ledger."""
        ...

    @property
    def number(self) -> int:
        """The fencing number of this host; 0: it is no host, or is alone."""
        ...

    @property
    def hears(self) -> bool:
        """Whether what other hosts tell arrives at present."""
        ...

    def may_act(self) -> bool:
        """Whether the others still count this host as alive, by its own clock. If not, it may send nothing."""
        ...

    async def join(self, platforms: Collection[str]) -> None:
        """Become one of the hosts. ``platforms`` are the names of its adapters.

        Raises:
            LedgerError: the database cannot be reached.
        """
        ...

    async def retire(self) -> None:
        """Be given nothing more: this host is about to stop."""
        ...

    async def retired(self) -> None:
        """Return when this host is about to stop. A host that is alone waits for ever."""
        ...

    async def leave(self) -> None:
        """Be a host no more. All leases end."""
        ...

    async def lost(self) -> None:
        """Return when the others count this host as dead. A host that is alone waits for ever."""
        ...

    async def while_held(
        self, lease: str, work: Callable[[], Awaitable[T]], otherwise: Callable[[], Awaitable[object]] | None = None
    ) -> T:
        """Run ``work`` while this host holds the lease, and once more whenever it gets the lease back.

        Args:
            lease: its name.
            work: cancelled if the lease is lost.
            otherwise: runs while another host holds the lease, and is cancelled when this one gets it; None: nothing.

        Returns:
            What ``work`` returns, when it ends by itself. The lease then goes to whichever host asks for it.
        """
        ...

    def check_held(self, database: Database, lease: str) -> None:
        """Have a transaction fail unless this host holds a lease, and keep the lease here until the transaction ends.

        Args:
            database: inside the transaction.
            lease: its name.

        Raises:
            LedgerError: another host has the lease, or none.
        """
        ...

    def tell(self, topic: str, what: str = "") -> None:
        """Tell all other hosts something short. Nobody waits for it."""
        ...

    def watch(self, topic: str, watcher: Watcher) -> Callable[[], None]:
        """Call ``watcher`` on the event loop with what other hosts tell. Returns the function that ends this."""
        ...

    async def hosts(self) -> list[HostRow]:
        """The hosts that are alive."""
        ...

    def report(self) -> dict[str, Any]:
        """What ``/healthz`` says, from memory: this host and how many others there are. Empty: it is alone."""
        ...


class Alone:
    """The membership of a host that shares its ledger with no other."""

    @property
    def is_shared(self) -> bool:
        return False

    @property
    def number(self) -> int:
        return 0

    @property
    def hears(self) -> bool:
        return True

    def may_act(self) -> bool:
        return True

    async def join(self, platforms: Collection[str]) -> None: ...

    async def retire(self) -> None: ...

    async def retired(self) -> None:
        await asyncio.get_running_loop().create_future()

    async def leave(self) -> None: ...

    async def lost(self) -> None:
        await asyncio.get_running_loop().create_future()

    async def while_held(
        self, lease: str, work: Callable[[], Awaitable[T]], otherwise: Callable[[], Awaitable[object]] | None = None
    ) -> T:
        return await work()

    def check_held(self, database: Database, lease: str) -> None: ...

    def tell(self, topic: str, what: str = "") -> None: ...

    def watch(self, topic: str, watcher: Watcher) -> Callable[[], None]:
        return _nothing

    async def hosts(self) -> list[HostRow]:
        return []

    def report(self) -> dict[str, Any]:
        return {}


def _nothing() -> None: ...
