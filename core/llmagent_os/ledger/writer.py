"""Who runs the ledger's work on the database: the protocol, and the writer of a ledger in memory.

The writer of a ledger on disk is in ``group_commit``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

import structlog

from llmagent_os.errors import LedgerError
from llmagent_os.ledger.database import DATABASE_ERRORS, Database

T = TypeVar("T")

_log = structlog.stdlib.get_logger(__name__)

#: Work on the database, inside a transaction. It may run twice: again, alone, where other work has spoilt the
#: transaction that the two shared.
Work = Callable[[Database], T]


class Writer(Protocol):
    """Runs work on the database in the order in which it is asked for. A read sees every write asked for before it."""

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
        """Run ``work`` and return its result once it is committed.

        Args:
            work: what to do with the database.
            then: called on the event loop with the result of ``work``, in the order of the work, even where the
                caller was cancelled in the meantime.
            failed: called in the same way where the database refused ``work``.
            alone: run ``work`` outside any transaction.
            lasting: True: once this returns, ``work`` survives a power cut, as far as the ledger was opened to. False:
                it survives a crash of the process only, and the disk is not waited for.
            reads: ``work`` only reads, so that it needs to wait for no other host. Where it does write all the same,
                as a note of a damaged row, it is run again as work that writes.
            held: wait for a moment for the work that comes next, and share its commit.

        Raises:
            LedgerError: the database refused.
        """
        ...

    def later(self, work: Work[object]) -> None:
        """Run ``work`` together with what comes next, or after a moment. Nobody waits for it: a crash loses it."""
        ...

    async def close(self) -> None:
        """Finish the work that was asked for and close the database."""
        ...


class InlineWriter:
    """Runs work at once, on the event loop: for a database in memory, which never waits for a disk, or only to read."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._closed = False

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
        try:
            result = run_by_itself(self._database, work, alone)
        except Exception:
            if failed is not None:
                failed()
            raise
        if then is not None:
            then(result)
        return result

    def later(self, work: Work[object]) -> None:
        try:
            run_by_itself(self._database, work, alone=False)
        except LedgerError as error:
            log_lost_work(error)

    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._database.close()


def run_by_itself(database: Database, work: Work[T], alone: bool) -> T:
    """Run ``work`` in a transaction that it shares with nothing; where ``alone``, outside any transaction.

    Raises:
        LedgerError: the database refused.
    """
    try:
        if alone:
            return work(database)
        database.begin()
        result = work(database)
        database.commit()
    except BaseException as error:
        database.roll_back()
        if isinstance(error, DATABASE_ERRORS):
            raise refusal(database, error) from (None if database.hides_causes else error)
        raise
    return result


def refusal(database: Database, error: Exception) -> LedgerError:
    """What callers get when the database has refused work."""
    return LedgerError(f"the ledger cannot be written: {database.describe(error)}")


def log_lost_work(error: Exception) -> None:
    """Log that work of :meth:`Writer.later` failed: nobody waits for it who could be given the error."""
    _log.error("the ledger could not note that a reply was sent; it is sent again at the next start", error=str(error))
