"""The writer of a ledger on disk: one thread that commits work in groups.

All work that waits goes into one transaction. Under load, many messages then share one write to the disk.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

from llmagent_os.errors import LedgerError
from llmagent_os.ledger.database import Database, UnsettledError
from llmagent_os.ledger.writer import Work, log_lost_work, run_by_itself

T = TypeVar("T")

#: How long work of :meth:`ThreadWriter.later` waits for other work to share a transaction with.
HOLD_SECONDS = 0.02

#: How long work that is ``held`` waits for other work to share a transaction with. Somebody waits for it.
BRIEF_HOLD_SECONDS = 0.002

#: How much work shares one transaction at most, so that the last does not keep the first waiting.
MAX_GROUP_SIZE = 256


class _PendingWork:
    """Work that was asked for, and where its result goes."""

    __slots__ = ("alone", "error", "failed", "future", "lasting", "reads", "result", "then", "work")

    def __init__(
        self,
        work: Work[Any],
        then: Callable[[Any], None] | None,
        failed: Callable[[], None] | None,
        alone: bool,
        lasting: bool,
        reads: bool,
        future: asyncio.Future[Any] | None,
    ) -> None:
        self.work = work
        self.then = then
        self.failed = failed
        self.alone = alone
        self.lasting = lasting
        self.reads = reads
        self.future = future  #: None: nobody waits for the result
        self.result: Any = None
        self.error: Exception | None = None

    def done_after_all(self) -> _PendingWork:
        """The same work, which has not failed."""
        found = _PendingWork(self.work, self.then, None, self.alone, self.lasting, self.reads, self.future)
        found.result = self.result
        return found


class ThreadWriter:
    """Runs work on a thread of its own, in groups that share a transaction: for a database on disk."""

    def __init__(self, database: Callable[[], Database]) -> None:
        """Args: ``database`` opens the database, on the thread that will use it."""
        self._open = database
        self._queue: SimpleQueue[list[_PendingWork] | None] = SimpleQueue()
        self._held: list[_PendingWork] = []
        self._held_until = 0.0  # on the loop's clock
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._thread = threading.Thread(target=self._work, name="ledger", daemon=True)
        self._opened: asyncio.Future[None] | None = None
        self._closed = False
        self._unsettled: list[tuple[str, list[_PendingWork]]] = []  # only the thread uses it

    async def start(self) -> None:
        """Open the database.

        Raises:
            LedgerError: the database cannot be opened.
        """
        self._opened = asyncio.get_running_loop().create_future()
        self._thread.start()
        await self._opened

    async def run(
        self,
        work: Work[T],
        then: Callable[[T], None] | None = None,
        *,
        failed: Callable[[], None] | None = None,
        alone: bool = False,
        lasting: bool = True,
        reads: bool = False,
        held: bool = False,
    ) -> T:
        if self._closed:
            raise LedgerError("the ledger is closed")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        pending = _PendingWork(work, then, failed, alone, lasting, reads, future)
        if held:
            self._hold(pending, loop, BRIEF_HOLD_SECONDS)
        elif self._held:
            self._held.append(pending)
            self._flush()
        else:
            self._queue.put([pending])
        return await future

    def later(self, work: Work[object]) -> None:
        pending = _PendingWork(work, None, None, alone=False, lasting=False, reads=False, future=None)
        self._hold(pending, asyncio.get_running_loop(), HOLD_SECONDS)

    def _hold(self, pending: _PendingWork, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        until = loop.time() + seconds
        if not self._held or until < self._held_until:
            self._held_until = until
        self._held.append(pending)
        # A timer left by work that is committed by now is not cancelled, which costs more: it finds out when it is due.
        if self._timer is not None and self._timer_at > self._held_until:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._set_timer(loop)

    def _set_timer(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer_at = self._held_until
        self._timer = loop.call_at(self._timer_at, self._end_hold, loop)

    def _end_hold(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        if not self._held or self._closed:
            return
        if self._held_until > loop.time():
            self._set_timer(loop)
        else:
            self._flush()

    def _flush(self) -> None:
        self._queue.put(self._held)
        self._held = []

    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._flush()
            self._queue.put(None)
            await asyncio.to_thread(self._thread.join)

    # ── on the thread ─────────────────────────────────────────────────────────────────────────────────────────────

    def _work(self) -> None:
        opened = self._opened
        if opened is None:
            raise RuntimeError("a ThreadWriter is opened by start()")
        try:
            database = self._open()
        except Exception as error:
            _call_soon(opened.get_loop(), _fail, opened, error)
            return
        _call_soon(opened.get_loop(), _succeed, opened)
        try:
            while self._run_group(database):
                pass
        finally:
            database.close()

    def _settle(self, database: Database) -> None:
        """Find out what became of work whose commit was cut off. Who asked for it was told that it failed.

        Where it counts all the same, what comes after it is done now: an event that was stored is run.
        """
        while self._unsettled:
            transaction, group = self._unsettled[0]
            try:
                counts = database.outcome(transaction)
            except Exception:  # the database is still away: the work that comes next says so
                return
            del self._unsettled[0]
            if counts:  # in new objects: the event loop may not have seen yet that the others have failed
                self._deliver([pending.done_after_all() for pending in group])

    def _run_group(self, database: Database) -> bool:
        """Run all work that waits. Returns whether more may come."""
        queue = self._queue
        group: list[_PendingWork] = []
        more = queue.get()
        while more is not None:
            group += more
            if (more and more[-1].alone) or len(group) >= MAX_GROUP_SIZE or queue.empty():
                break
            more = queue.get()
        if group:
            if self._unsettled:
                self._settle(database)
            self._commit(database, group)
            self._deliver(group)
        return more is not None

    def _deliver(self, group: list[_PendingWork]) -> None:
        by_loop: dict[asyncio.AbstractEventLoop, list[_PendingWork]] = {}  # nearly always one loop
        for pending in group:
            if pending.future is not None:
                by_loop.setdefault(pending.future.get_loop(), []).append(pending)
            elif pending.error is not None:
                log_lost_work(pending.error)
        for loop, done in by_loop.items():
            _call_soon(loop, _deliver, done)

    def _commit(self, database: Database, group: list[_PendingWork]) -> None:
        last = group.pop() if group[-1].alone else None
        if group:
            self._commit_together(database, group)
        if last is not None:
            self._commit_by_itself(database, last)
            group.append(last)

    def _commit_together(self, database: Database, group: list[_PendingWork]) -> None:
        database.wait_for_disk(any(pending.lasting for pending in group))
        try:
            database.begin(reads=all(pending.reads for pending in group))
            for pending in group:
                pending.result = pending.work(database)
            database.commit()
        except UnsettledError as error:
            self._leave_unsettled(group, error)
        except Exception:
            database.roll_back()
            # One of them is at fault. The others must not pay for it.
            for pending in group:
                self._commit_by_itself(database, pending)

    def _commit_by_itself(self, database: Database, pending: _PendingWork) -> None:
        def work(database: Database) -> None:
            pending.result = pending.work(database)

        try:
            run_by_itself(database, work, pending.alone)
        except UnsettledError as error:
            self._leave_unsettled([pending], error)
        except Exception as error:
            pending.error = error

    def _leave_unsettled(self, group: list[_PendingWork], error: UnsettledError) -> None:
        # It may count, so it is not run again. Nobody waits until the database is back: whoever asked can ask again.
        self._unsettled.append((error.transaction, list(group)))
        for pending in group:
            pending.error = error


# ── on the event loop ─────────────────────────────────────────────────────────────────────────────────────────────────


def _deliver(group: list[_PendingWork]) -> None:
    for pending in group:
        if pending.error is None and pending.then is not None:
            try:
                pending.then(pending.result)
            except Exception as error:  # the work behind it in the group must be delivered all the same
                pending.error = error
        if pending.error is not None and pending.failed is not None:
            pending.failed()
        future = pending.future
        if future is not None and not future.done():  # it is done where its caller was cancelled
            if pending.error is None:
                future.set_result(pending.result)
            else:
                future.set_exception(pending.error)


def _call_soon(loop: asyncio.AbstractEventLoop, call: Callable[..., None], *arguments: Any) -> None:
    try:
        loop.call_soon_threadsafe(call, *arguments)
    except RuntimeError:
        # The loop is closed: nobody is left to take the result. The work is committed all the same.
        if not loop.is_closed():
            raise


def _fail(future: asyncio.Future[None], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)


def _succeed(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
