"""A host among several on one PostgreSQL database: signs of life, leases, and what hosts tell each other.

A host says that it lives once in :data:`BEATS` of its lease. It is dead once its time has passed by the database's
clock: its row can only be deleted then, and never be prolonged. So a host that was only slow, stopped or cut off finds
out at its next sign of life, or by its own monotonic clock before that, whichever comes first. Its number stands in
every row that it may write, and no other host ever has that number.

Hosts tell each other things by NOTIFY. PostgreSQL loses none while a connection lasts. After every new connection, and
where its own signs of life are not heard, each watcher is called with an empty text: anything may have been missed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
import time
from collections.abc import Awaitable, Callable, Collection
from functools import partial
from hashlib import blake2b
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, LiteralString, TypeVar

import sqlalchemy as sa
import structlog

from llmagent_os.errors import LedgerError
from llmagent_os.ledger import host_statements as sql
from llmagent_os.ledger.database import Database
from llmagent_os.ledger.listeners import Listeners
from llmagent_os.ledger.membership import CHANGED, DEAF, HostCard, HostRow, Watcher, living_hosts
from llmagent_os.ledger.schema import leases
from llmagent_os.ledger.writer import Writer

if TYPE_CHECKING:
    from llmagent_os.ledger.postgresql_server import AsyncConnection

T = TypeVar("T")

_log = structlog.stdlib.get_logger(__name__)

#: How many signs of life a host gives in the time of one lease.
BEATS = 6

#: The part of a lease that a host does not use, by its own clock: it stops before the others may take over.
MARGIN = 1 / 6

#: On which everything is told. All ledgers of a database share it: each one's texts begin with its own tag.
CHANNEL = "llmagent_os"

#: How long a text may be, in bytes: PostgreSQL takes 8000.
MAX_TOLD_BYTES = 7000

#: How much longer a host waits before it asks for one more lease, for each that it holds: so they are spread.
SPREAD_SECONDS = 0.1


class _Lease:
    """A lease that this host asks for."""

    def __init__(self) -> None:
        self.held = asyncio.Event()
        self.gone = asyncio.Event()  #: it was held, and is not any more


class SharedMembership:
    """One host's part among the hosts of a PostgreSQL database."""

    def __init__(self, connect: Callable[[], Awaitable[AsyncConnection]], tag: str, lock: int, card: HostCard) -> None:
        """Nothing is asked before :meth:`join`.

        Args:
            connect: opens a connection to the database, in autocommit.
            tag: names the ledger in the database.
            lock: the advisory lock that keeps those out who must be alone on the ledger; hosts share it.
            card: how this host wants to be known.
        """
        self._connect = connect
        self._tag = tag
        self._lock = lock
        self._process = f"{socket.gethostname()}:{os.getpid()}"
        self.name = card.name or f"{self._process}-{secrets.token_hex(2)}"
        self._seconds = card.lease_seconds
        self.number = 0  #: this host's fencing number; 0: it is no host
        self.live: tuple[HostRow, ...] = ()  #: the hosts, as last heard
        self.hears = False  #: whether it hears now what the others tell
        self.waiting: Callable[[], int] = int  #: how many events this host has
        self.platforms: tuple[str, ...] = ()  #: the names of its adapters
        self._retired = asyncio.Event()
        self._valid_until = 0.0  # on the monotonic clock
        self._lost = asyncio.Event()
        self._watchers: dict[str, Listeners[[str]]] = {}
        self._leases: dict[str, _Lease] = {}
        self._held_numbers = 0
        self._told: list[str] = []
        self._wake = asyncio.Event()
        self._heard_beat = 0.0  # when the own sign of life was last heard, on the monotonic clock
        self._connection: AsyncConnection | None = None
        self._turn = asyncio.Lock()  # of the connection
        self._tasks: list[asyncio.Task[None]] = []

    # ── being a host ──────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def is_shared(self) -> bool:
        return True

    @property
    def is_retired(self) -> bool:
        """Whether this host is about to stop."""
        return self._retired.is_set()

    def may_act(self) -> bool:
        return time.monotonic() < self._valid_until

    async def join(self, platforms: Collection[str]) -> None:
        self.platforms = tuple(sorted(platforms))
        self._retired.clear()
        self._lost.clear()
        since = time.monotonic()
        row = (self.name, self._process, " ".join(self.platforms), version("llmagent-os"), self._seconds)
        try:
            self.number = int((await self._ask(sql.JOIN, row))[0][0])
            self._valid_until = since + self._seconds * (1 - MARGIN)
            await self.look_around()
            await self._ask(sql.NOTIFY, (CHANNEL, f"{self._tag}:{self.number}:hosts:"))
        except BaseException:
            await self._hang_up()
            raise
        self._heard_beat = time.monotonic()
        works = (self.keep_alive(), self._listen(), self._keep_asking())
        self._tasks = [asyncio.create_task(work) for work in works]
        if same := [host.process for host in self.live if host.name == self.name and host.number != self.number]:
            _log.warning("another host has the same name: give each its own", host=self.name, processes=same)
        _log.info("this host shares the ledger", host=self.name, number=self.number, hosts=len(self.live))

    async def retire(self) -> None:
        self._retired.set()
        with contextlib.suppress(LedgerError):
            await self._ask(sql.RETIRE, (self.number,))

    async def retired(self) -> None:
        await self._retired.wait()

    async def leave(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        self._end()
        if self.number and not self._lost.is_set():
            with contextlib.suppress(LedgerError):
                await self._ask(sql.LEAVE, (self.number,))
                await self._ask(sql.NOTIFY, (CHANNEL, f"{self._tag}:{self.number}:hosts:"))
        self.number = 0
        await self._hang_up()

    async def lost(self) -> None:
        await self._lost.wait()

    async def hosts(self) -> list[HostRow]:
        rows, names = await self._ask(sql.HOSTS, ()), await self._ask(sql.LEASES, ())
        await self._hang_up_if_no_host()
        return living_hosts(rows, names)

    def report(self) -> dict[str, Any]:
        held = sorted(name for name, lease in self._leases.items() if lease.held.is_set() and not lease.gone.is_set())
        return {"name": self.name, "number": self.number, "alive": len(self.live), "leases": held}

    def chosen(self, conversation: str, platform: str, *, here: bool, among: Collection[int] | None = None) -> int:
        """The number of the host that shall run a conversation which no host runs; 0: there is none.

        Of all hosts each conversation has the same one again, as long as the hosts are the same (rendezvous hashing,
        Thaler and Ravishankar 1998).

        Args:
            conversation: its pseudonym.
            platform: where it is.
            here: only the host that asks can answer there.
            among: the numbers of the hosts that live; None: as last heard.
        """
        if here and not self.is_retired:
            return self.number
        able = [
            host
            for host in self.live
            if platform in host.platforms
            and not host.stopping
            and not (self.is_retired and host.number == self.number)
            and (among is None or host.number in among)
        ]
        return max(able, key=lambda host: _weight(host, conversation)).number if able else 0

    # ── leases ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def while_held(
        self, lease: str, work: Callable[[], Awaitable[T]], otherwise: Callable[[], Awaitable[object]] | None = None
    ) -> T:
        while True:
            asked = self._leases[lease] = _Lease()
            self._wake.set()
            try:
                await _until(asked.held, otherwise)
                running = asyncio.ensure_future(work())
                gone = asyncio.ensure_future(asked.gone.wait())
                try:
                    await asyncio.wait({running, gone}, return_when=asyncio.FIRST_COMPLETED)
                    if running.done():
                        return running.result()
                    if not self.is_retired:  # a host that stops gives its leases away
                        _log.warning("this host has lost a lease", lease=lease)
                finally:
                    await _cancelled(running, gone)
            finally:
                del self._leases[lease]
                if asked.held.is_set() and not asked.gone.is_set():
                    await self._release(lease)

    def check_held(self, database: Database, lease: str) -> None:
        here = (leases.c.name == lease, leases.c.host == self.number, leases.c.host > 0)
        # Whoever takes the lease over waits for the row, and sees what this transaction has written.
        if database.sql.execute(sa.select(leases.c.name).where(*here).with_for_update(read=True)).first() is None:
            raise LedgerError(f"the lease {lease} is not this host's any more: nothing was written")

    async def _release(self, lease: str) -> None:
        with contextlib.suppress(LedgerError):
            await self._ask(sql.RELEASE, (lease, self.number))
            await self._ask(sql.NOTIFY, (CHANNEL, f"{self._tag}:{self.number}:leases:"))

    async def _keep_asking(self) -> None:
        """Ask for the leases that this host wants, whenever one may be free."""
        stop = self.watch("leases", lambda _: self._wake.set()), self.watch("hosts", lambda _: self._wake.set())
        try:
            while True:
                self._wake.clear()
                with contextlib.suppress(LedgerError):
                    await self.look_around()
                for name, lease in list(self._leases.items()):
                    if not lease.held.is_set() and not self.is_retired:
                        await self._ask_for(name, lease)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._seconds / BEATS):
                        await self._wake.wait()
        finally:
            for each in stop:
                each()

    async def _ask_for(self, name: str, lease: _Lease) -> None:
        held = sum(each.held.is_set() for each in self._leases.values())
        await asyncio.sleep(SPREAD_SECONDS * held)
        try:
            taken = await self._ask(sql.TAKE, (name, self.number))
        except LedgerError:
            return
        if taken and self._leases.get(name) is lease:
            _log.info("this host has a lease", lease=name, fence=taken[0][0])
            lease.held.set()

    # ── signs of life ─────────────────────────────────────────────────────────────────────────────────────────────

    async def keep_alive(self) -> None:
        beat = self._seconds / BEATS
        while True:
            await asyncio.sleep(beat)
            since = time.monotonic()
            try:
                beat_row = (self._seconds, self.waiting(), self.number, self._seconds * MARGIN / 2)
                alive = await self._ask(sql.BEAT, beat_row)
                if not alive:
                    return self._be_lost("the others have taken this host for dead")
                self._valid_until = since + self._seconds * (1 - MARGIN)
                await self.look_around()
                await self._ask(sql.NOTIFY, (CHANNEL, f"{self._tag}:{self.number}:beat:"))
            except LedgerError as error:
                _log.warning("the database is away; this host gives no sign of life", error=str(error))
            if not self.may_act():
                return self._be_lost("this host could not give a sign of life in time")

    def _be_lost(self, why: str) -> None:
        _log.error("this host stops what it does: others take over", why=why, host=self.name, number=self.number)
        self._lost.set()
        self._end()

    def _end(self) -> None:
        """All leases are gone, and nothing may be sent."""
        self._valid_until = 0.0
        for lease in self._leases.values():
            lease.gone.set()

    async def look_around(self) -> None:
        before = {host.number for host in self.live}
        self.live = tuple(living_hosts(await self._ask(sql.HOSTS, ()), ()))
        if {host.number for host in self.live} != before:
            self._call("hosts", "")

    # ── telling ───────────────────────────────────────────────────────────────────────────────────────────────────

    def tell(self, topic: str, what: str = "") -> None:
        if not self.number:
            return
        self._told.append(self.told(topic, what))
        if len(self._told) == 1:
            self._tasks.append(asyncio.create_task(self._say()))

    def told(self, topic: str, what: str) -> str:
        """The text of a NOTIFY, for work that tells something in its own transaction."""
        text = f"{self._tag}:{self.number}:{topic}:{what}"
        return text if len(text.encode()) <= MAX_TOLD_BYTES else f"{self._tag}:{self.number}:{topic}:"

    async def _say(self) -> None:
        await asyncio.sleep(0)  # what is told at the same moment goes together
        texts, self._told = self._told, []
        try:
            for text in dict.fromkeys(texts):
                await self._ask(sql.NOTIFY, (CHANNEL, text))
        except LedgerError as error:
            _log.warning("other hosts could not be told; they look by themselves later", error=str(error))
        self._tasks = [task for task in self._tasks if not task.done()]

    def watch(self, topic: str, watcher: Watcher) -> Callable[[], None]:
        return self._watchers.setdefault(topic, Listeners[[str]]()).add(watcher)

    def _call(self, topic: str, what: str) -> None:
        if (listeners := self._watchers.get(topic)) is not None:
            listeners.notify(what)

    async def _listen(self) -> None:
        """Hear what other hosts tell, over a connection of its own, which is made anew where it breaks."""
        while True:
            try:
                connection = await self._connect()
                async with connection:
                    for channel in (CHANNEL, CHANGED):
                        await connection.execute(f"LISTEN {channel}".encode())
                    for topic in set(self._watchers) - {DEAF}:
                        self._call(topic, "")  # what was told before is not heard any more
                    self.hears = True
                    await self._hear(connection)
            except Exception as error:
                _log.warning("the host does not hear the others; listening anew", error=type(error).__name__)
            finally:
                self.hears = False
                self._call(DEAF, "")
            await asyncio.sleep(self._seconds / BEATS)

    async def _hear(self, connection: AsyncConnection) -> None:
        self._heard_beat, deaf = time.monotonic(), self._seconds / 2
        while time.monotonic() - self._heard_beat < deaf:
            async for notify in connection.notifies(timeout=deaf):
                if notify.channel == CHANGED:
                    self._call(CHANGED, notify.payload)
                    continue
                tag, _, rest = notify.payload.partition(":")
                number, _, rest = rest.partition(":")
                topic, _, what = rest.partition(":")
                if tag != self._tag:
                    continue
                if number == str(self.number):
                    self._heard_beat = time.monotonic()
                else:
                    self._call(topic, what)

    # ── the connection ────────────────────────────────────────────────────────────────────────────────────────────

    async def _ask(self, statement: LiteralString, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        """Run one statement, over a connection that is made where there is none.

        Raises:
            LedgerError: the database does not answer in time, or refuses.
        """
        async with self._turn:
            sharing = False
            try:
                async with asyncio.timeout(self._seconds / 2):
                    if self._connection is None:
                        self._connection = await self._connect()
                        sharing = True
                        await self._connection.execute(sql.SHARE, (self._lock,))
                        sharing = False
                    cursor = await self._connection.execute(statement, values)
                    return list(await cursor.fetchall()) if cursor.description else []
            except BaseException as error:
                await self._hang_up()
                if sharing and isinstance(error, TimeoutError):
                    raise LedgerError(
                        "a command that must be alone on the ledger runs, such as `llmagent-os db copy`: start the "
                        "host again when it has ended"
                    ) from error
                if isinstance(error, Exception):
                    raise LedgerError(f"the database does not answer: {type(error).__name__}: {error}") from error
                raise

    async def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(Exception):
                connection.pgconn.finish()  # a server that is away is not waited for

    async def _hang_up_if_no_host(self) -> None:
        if not self.number:
            await self._hang_up()


async def shared_membership(url: str, writer: Writer, card: HostCard) -> SharedMembership:
    """The membership of a host of the ledger at ``url``, on PostgreSQL, whose work ``writer`` runs."""
    from llmagent_os.ledger.postgresql_server import connect_beside, lock_number

    def work(database: Database) -> tuple[str, str]:
        return database.pseudonym("ledger")[1:9], str(database.sql.scalar(sa.select(sa.func.current_schema())))

    tag, schema = await writer.run(work)
    return SharedMembership(partial(connect_beside, url), tag, lock_number("host", schema), card)


def _weight(host: HostRow, conversation: str) -> tuple[bytes, int]:
    return blake2b(f"{host.name}\0{conversation}".encode(), digest_size=8).digest(), host.number


async def _until(event: asyncio.Event, otherwise: Callable[[], Awaitable[object]] | None) -> None:
    """Wait for ``event``, and run ``otherwise`` meanwhile. Where that ends, nothing runs in its place."""
    if otherwise is None or event.is_set():
        await event.wait()
        return
    meanwhile = asyncio.ensure_future(otherwise())
    try:
        waiting = asyncio.ensure_future(event.wait())
        try:
            await asyncio.wait({meanwhile, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if meanwhile.done():
                meanwhile.result()
            await waiting
        finally:
            await _cancelled(waiting)
    finally:
        await _cancelled(meanwhile)


async def _cancelled(*futures: asyncio.Future[Any]) -> None:
    for future in futures:
        future.cancel()
    await asyncio.gather(*futures, return_exceptions=True)
