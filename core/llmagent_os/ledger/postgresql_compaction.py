"""Writes the tables of a ledger in PostgreSQL anew, so that nothing of erased rows is left in their files.

This runs on a thread and a connection of its own. A table that is written anew is locked meanwhile, and whoever waits
for that lock holds up all that come later. So nothing is locked while a transaction is open that still sees what was
erased, as a backup's: PostgreSQL would keep the rows anyway. And no lock is waited for long.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from typing import Any

import psycopg
import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from llmagent_os.errors import LedgerError
from llmagent_os.ledger.database import WIPE_DUE
from llmagent_os.ledger.postgresql_server import described, driver_of, lock_number
from llmagent_os.ledger.schema import hosts, keys, leases, metadata

#: How long the lock of a table is waited for. Whoever wants the table meanwhile waits as long.
LOCK_MILLISECONDS = 2_000

#: How long older transactions are waited for, and how often they are looked for in that time.
OLDER_SECONDS, LOOK_SECONDS = 2.0, 0.1

#: Whether a transaction, a prepared one or a replica still sees rows that were deleted before a transaction's number.
_OLDER = (
    "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
    "AND (datname = current_database() OR datname IS NULL) "
    "AND greatest(age(backend_xmin), age(backend_xid)) > age(%(number)s::xid)) "
    "OR EXISTS (SELECT 1 FROM pg_prepared_xacts "
    "WHERE database = current_database() AND age(transaction) > age(%(number)s::xid)) "
    "OR EXISTS (SELECT 1 FROM pg_replication_slots WHERE age(xmin) > age(%(number)s::xid))"
)

#: The ledger's own tables: another program's in the same schema are not its business. Those of the hosts say nothing
#: about people, and a host's signs of life must not wait.
TABLES = tuple(table for table in metadata.sorted_tables if table not in (hosts, leases))


class Compaction:
    """Compacts the tables of one ledger, one after the other. What was done counts for the next try."""

    def __init__(self, engine: sa.Engine, schema: str) -> None:
        """Args: ``schema`` is where the tables are."""
        self._engine = engine
        self._lock = lock_number("compaction", schema)
        self._mark = ""  # what the row of the ledger says since this began; another erasure overwrites it
        self._done: set[str] = set()  # the tables that were compacted since then
        self._running: psycopg.Connection[Any] | None = None
        self._stopped = threading.Event()

    def run(self) -> None:
        """Compact all tables, and take the ledger's mark away unless more was erased meanwhile. Blocks.

        Raises:
            LedgerError: something had to be left. It is to be tried again.
        """
        try:
            with self._engine.connect() as sql:
                self._running = driver_of(sql)
                try:
                    self._compact(sql, self._running)
                finally:
                    self._running = None
                    sql.invalidate()  # its locks and settings end with it
        except (SQLAlchemyError, psycopg.Error) as error:
            raise LedgerError(f"the tables cannot be written anew: {described(error)}") from None

    def stop(self) -> None:
        """Have :meth:`run` end now, wherever it is. It is called on another thread."""
        self._stopped.set()
        running = self._running
        if running is not None:
            with contextlib.suppress(psycopg.Error):
                running.cancel()

    def _compact(self, sql: sa.Connection, driver: psycopg.Connection[Any]) -> None:
        if not _asked(driver, "SELECT pg_try_advisory_lock(%(number)s)", self._lock):
            raise LedgerError("another host writes the tables anew just now")
        due = keys.c.name == WIPE_DUE
        found = sql.execute(sa.select(keys.c.value).where(due)).scalar()
        if not self._mark or found != self._mark:
            self._mark, self._done = secrets.token_hex(8), set()
            sql.execute(sa.update(keys).where(due).values(value=self._mark))
        wait_for_older(driver, self._stopped)
        driver.execute(f"SET lock_timeout = {LOCK_MILLISECONDS}".encode())
        for table in TABLES:
            if table.name in self._done:
                continue
            if self._stopped.is_set():
                raise LedgerError("the ledger is closed")
            name = self._engine.dialect.identifier_preparer.format_table(table)
            try:
                driver.execute(f"VACUUM FULL {name}".encode(), prepare=False)
            except psycopg.errors.LockNotAvailable:
                raise LedgerError(f"another program uses the table {table.name}") from None
            self._done.add(table.name)
        sql.execute(sa.delete(keys).where(due, keys.c.value == self._mark))
        self._mark = ""


def wait_for_older(driver: psycopg.Connection[Any], stopped: threading.Event) -> None:
    """Return once no transaction sees any more what is erased by now.

    Raises:
        LedgerError: one still does.
    """
    number = str(_asked(driver, "SELECT pg_current_xact_id()::xid::text"))
    until = time.monotonic() + OLDER_SECONDS
    while _asked(driver, _OLDER, number):
        if time.monotonic() > until or stopped.wait(LOOK_SECONDS):
            raise LedgerError("an older transaction of another program still sees what was erased")


def _asked(driver: psycopg.Connection[Any], query: str, number: int | str | None = None) -> Any:
    row = driver.execute(query.encode(), {"number": number} if number is not None else None).fetchone()
    return None if row is None else row[0]
