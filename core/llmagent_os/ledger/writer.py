"""Who runs the ledger's database work: one thread that commits in groups, or the event loop itself for memory.

All that waits goes into one transaction, so that under load many messages share one write to the disk, and work is
done in the order in which it was asked for: a read sees every write asked for before it.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Protocol, TypeVar

import structlog
from sqlalchemy.exc import SQLAlchemyError

from llmagent_os.errors import LedgerError
from llmagent_os.ledger.connection import Database

T = TypeVar("T")

_log = structlog.stdlib.get_logger(__name__)

#: Work on the database, inside a transaction. Run again by itself where another's work spoilt its transaction.
Work = Callable[[Database], T]

#: How long work that nobody waits for may wait for company, in seconds.
HOLD = 0.02

#: SQLite's ``synchronous`` that waits for the disk only now and then.
_NORMAL = 1

#: At most so much shares one transaction, so that the first in it is not kept waiting by the last.
GROUP = 256


class Writer(Protocol):
    """Runs work on the database in order."""

    async def run(
        self, work: Work[T], then: Callable[[T], None] | None = None, *, alone: bool = False, lasting: bool = True
    ) -> T:
        """Run ``work`` and return what it returns, once it is committed.

        Args:
            work: what to do with the database.
            then: called on the event loop with what ``work`` returned, in the order of the work, even where the
                caller was cancelled in the meantime.
            alone: run it outside any transaction.
            lasting: once returned, it survives a power cut, as far as the ledger was opened to; else a crash of the
                process only, and the disk is not waited for.

        Raises:
            LedgerError: the database refused.
        """
        ...

    def later(self, work: Work[object]) -> None:
        """Run ``work`` with whatever comes next, or within :data:`HOLD`. Nobody waits for it: lost in a crash."""
        ...

    async def close(self) -> None:
        """Finish what was asked for and let go of the database."""
        ...


def _by_itself(database: Database, work: Work[T], alone: bool) -> T:
    driver = database.driver
    try:
        if alone:
            return work(database)
        driver.execute("BEGIN IMMEDIATE")
        result = work(database)
        driver.execute("COMMIT")
    except BaseException as error:
        if driver.in_transaction:
            driver.execute("ROLLBACK")
        if isinstance(error, sqlite3.Error | SQLAlchemyError):
            raise LedgerError(f"the ledger cannot be written: {error}") from error
        raise
    return result


class InlineWriter:
    """Runs work at once, on the event loop: for a database in memory, which never waits for anything."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._closed = False

    async def run(
        self, work: Work[T], then: Callable[[T], None] | None = None, *, alone: bool = False, lasting: bool = True
    ) -> T:
        if self._closed:
            raise LedgerError("the ledger is closed")
        result = _by_itself(self._database, work, alone)
        if then is not None:
            then(result)
        return result

    def later(self, work: Work[object]) -> None:
        try:
            _by_itself(self._database, work, alone=False)
        except LedgerError as error:
            _log_lost(error)

    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._database.close()


class _Job:
    """Work that was asked for, and where its result goes."""

    __slots__ = ("alone", "error", "future", "lasting", "result", "then", "work")

    def __init__(
        self,
        work: Work[Any],
        then: Callable[[Any], None] | None,
        alone: bool,
        lasting: bool,
        future: asyncio.Future[Any] | None,
    ) -> None:
        self.work = work
        self.then = then
        self.alone = alone
        self.lasting = lasting
        self.future = future
        self.result: Any = None
        self.error: Exception | None = None


def _deliver(jobs: list[_Job]) -> None:
    for job in jobs:
        if job.error is None and job.then is not None:
            try:
                job.then(job.result)
            except Exception as error:  # those behind it in the group wait too
                job.error = error
        future = job.future
        if future is not None and not future.done():  # else its caller was cancelled
            if job.error is None:
                future.set_result(job.result)
            else:
                future.set_exception(job.error)


class ThreadWriter:
    """Runs work on a thread of its own, in groups that share a transaction: for a database on disk."""

    def __init__(self, database: Callable[[], Database]) -> None:
        """Args: ``database`` opens it, on the thread that will use it."""
        self._open = database
        self._jobs: SimpleQueue[list[_Job] | None] = SimpleQueue()
        self._held: list[_Job] = []
        self._timer: asyncio.TimerHandle | None = None
        self._thread = threading.Thread(target=self._work, name="ledger", daemon=True)
        self._opened: asyncio.Future[None] | None = None
        self._closed = False
        self._lasting = self._level = 0  # SQLite's ``synchronous``: as the ledger was opened, and as it is now

    async def start(self) -> None:
        """Open the database.

        Raises:
            LedgerError: it cannot be opened.
        """
        self._opened = asyncio.get_running_loop().create_future()
        self._thread.start()
        await self._opened

    async def run(
        self, work: Work[T], then: Callable[[T], None] | None = None, *, alone: bool = False, lasting: bool = True
    ) -> T:
        if self._closed:
            raise LedgerError("the ledger is closed")
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        job = _Job(work, then, alone, lasting, future)
        if self._held:
            self._held.append(job)
            self._flush()
        else:
            self._jobs.put([job])
        return await future

    def later(self, work: Work[object]) -> None:
        self._held.append(_Job(work, None, alone=False, lasting=False, future=None))
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(HOLD, self._hold_over)

    def _hold_over(self) -> None:
        self._timer = None
        if self._held and not self._closed:
            self._flush()

    def _flush(self) -> None:
        self._jobs.put(self._held)
        self._held = []

    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._flush()
            self._jobs.put(None)
            await asyncio.to_thread(self._thread.join)

    def _work(self) -> None:
        opened = self._opened
        if opened is None:
            raise RuntimeError("a ThreadWriter is opened by start()")
        try:
            database = self._open()
            self._lasting = self._level = int(database.driver.execute("PRAGMA synchronous").fetchone()[0])
        except Exception as error:
            _soon(opened.get_loop(), _fail, opened, error)
            return
        _soon(opened.get_loop(), _succeed, opened)
        try:
            while self._group(database):
                pass
        finally:
            database.close()

    def _group(self, database: Database) -> bool:
        """Run all that waits. Returns whether more may come."""
        queue = self._jobs
        jobs: list[_Job] = []
        more = queue.get()
        while more is not None:
            jobs += more
            if (more and more[-1].alone) or len(jobs) >= GROUP or queue.empty():
                break
            more = queue.get()
        if jobs:
            self._commit(database, jobs)
            told: dict[asyncio.AbstractEventLoop, list[_Job]] = {}  # nearly always one loop
            for job in jobs:
                if job.future is not None:
                    told.setdefault(job.future.get_loop(), []).append(job)
                elif job.error is not None:
                    _log_lost(job.error)
            for loop, theirs in told.items():
                _soon(loop, _deliver, theirs)
        return more is not None

    def _commit(self, database: Database, jobs: list[_Job]) -> None:
        last = jobs.pop() if jobs[-1].alone else None
        if jobs:
            self._together(database, jobs)
        if last is not None:
            self._one(database, last)
            jobs.append(last)

    def _together(self, database: Database, jobs: list[_Job]) -> None:
        driver = database.driver
        level = self._lasting if any(job.lasting for job in jobs) else min(self._lasting, _NORMAL)
        if level != self._level:
            driver.execute(f"PRAGMA synchronous = {level}")
            self._level = level
        try:
            driver.execute("BEGIN IMMEDIATE")
            for job in jobs:
                job.result = job.work(database)
            driver.execute("COMMIT")
        except Exception:
            if driver.in_transaction:
                driver.execute("ROLLBACK")
            # One of them is at fault: the others must not pay for it.
            for job in jobs:
                self._one(database, job)

    def _one(self, database: Database, job: _Job) -> None:
        try:
            job.result = _by_itself(database, job.work, job.alone)
        except Exception as error:
            job.error = error


def _log_lost(error: Exception) -> None:
    _log.error("the ledger could not note that a reply was sent; it is sent again at the next start", error=str(error))


def _soon(loop: asyncio.AbstractEventLoop, call: Callable[..., None], *arguments: Any) -> None:
    try:
        loop.call_soon_threadsafe(call, *arguments)
    except RuntimeError:
        # The loop is closed: nobody is left to be told. What was asked for is committed all the same.
        if not loop.is_closed():
            raise


def _fail(future: asyncio.Future[None], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)


def _succeed(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
