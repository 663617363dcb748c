"""The ledger in PostgreSQL: its transactions, what they wait for, and what becomes of one when the connection is cut.

SQLite lets one process write at a time, and all work on the ledger relies on that: it reads, and writes what follows
from it. Here, every transaction that writes takes the same advisory lock first: its turn. So rows also get their
numbers in the order in which they are committed, and whoever reads "all after row N" misses none.

A turn must be short. So a transaction is committed without waiting for the disk, which ends the turn, and the disk is
waited for after that: a small commit that waits has the server write all that came before it.
"""

from __future__ import annotations

from typing import Any

import psycopg
import sqlalchemy as sa
import structlog
from psycopg.pq import TransactionStatus
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from llmagent_os.errors import LedgerError
from llmagent_os.ledger.database import SEALED_MARK, Database, UnsettledError
from llmagent_os.ledger.location import locate
from llmagent_os.ledger.postgresql_compaction import Compaction
from llmagent_os.ledger.postgresql_server import (
    START_SECONDS,
    TURN_MILLISECONDS,
    connect_first,
    described,
    driver_of,
    lock_number,
    make_engine,
    make_schema,
    wrapped,
)
from llmagent_os.ledger.postgresql_tables import bring_up_to_date, revision
from llmagent_os.ledger.pseudonyms import key_of
from llmagent_os.ledger.schema import REVISION, keys
from llmagent_os.ledger.statements import Statement, for_postgresql
from llmagent_os.sealing.key_ring import KeyRing
from llmagent_os.sealing.mounts import ring_of_server

_log = structlog.stdlib.get_logger(__name__)

_BEGIN_READING = b"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

#: A commit that waits for the disk, and with it for all that was committed before.
_FLUSH = b"SELECT pg_logical_emit_message(true, 'llmagent-os', '')"


class PostgresqlDatabase(Database):
    """One connection to a server, which is made anew after it was cut."""

    hides_causes = compacts_beside = True

    def __init__(
        self,
        sql: sa.Connection,
        ring: KeyRing | None,
        *,
        name: str,
        schema: str,
        lasting: bool,
        only_reads: bool = False,
    ) -> None:
        """Use :func:`connect`."""
        super().__init__(sql, ring)
        self._name = name
        self._engine = sql.engine
        self._only_reads = only_reads
        self._lasting = self._waits = lasting
        self._transaction = ""  # the number of the open transaction; empty: it only reads
        self._compaction = Compaction(self._engine, schema)
        turn = lock_number("turn", schema)
        # One round trip: the turn, and the number by which the server tells later whether the transaction counts.
        self._take_turn = (
            f"SET LOCAL lock_timeout = {TURN_MILLISECONDS}; SELECT pg_advisory_xact_lock({turn}); "
            "SET LOCAL lock_timeout = 0; SELECT pg_current_xact_id()::text"
        )
        self._begin = f"BEGIN; SET LOCAL synchronous_commit = off; {self._take_turn}".encode()
        self._use(sql)

    def _use(self, sql: sa.Connection) -> None:
        self.sql = sql
        self._driver = driver_of(sql)
        self.execute = self._execute

    def _execute(self, statement: Statement, parameters: tuple[Any, ...]) -> psycopg.Cursor[Any]:
        try:
            return self._driver.execute(for_postgresql(statement), parameters)
        except psycopg.Error as error:
            raise wrapped(error) from error

    def _run(self, statement: bytes) -> psycopg.Cursor[Any]:
        try:
            return self._driver.execute(statement, prepare=False)  # several statements cannot be prepared
        except psycopg.Error as error:
            raise wrapped(error) from error

    # ── transactions ──────────────────────────────────────────────────────────────────────────────────────────────

    def begin(self, *, reads: bool = False) -> None:
        self._transaction, self.reads = "", reads or self._only_reads
        try:
            self._begin_now(reads)
        except SQLAlchemyError as error:
            if not self._driver.closed:
                self.roll_back()
                raise
            _log.warning("the connection to the database was cut; connecting again", why=described(error))
            self._connect_again()
            self._begin_now(reads)

    def _begin_now(self, reads: bool) -> None:
        if reads or self._only_reads:
            self._run(_BEGIN_READING)
            return
        cursor = self._run(self._begin)
        while cursor.nextset():
            if cursor.description is not None and (row := cursor.fetchone()) is not None and row[0]:
                self._transaction = str(row[0])

    def commit(self) -> None:
        transaction, self._transaction = self._transaction, ""
        try:
            self._run(b"COMMIT")
            if transaction and self._waits:
                self.flush()
        except SQLAlchemyError as error:
            if not transaction or not self._driver.closed:
                raise
            _log.warning("the connection to the database was cut in a commit", why=described(error))
            self._settle(transaction)

    def flush(self) -> None:
        """Wait for the disk. A role that may not do this waits with each commit from now on, during its turn.

        What was committed counts in any case: it must not look like work that has failed.
        """
        try:
            self._run(_FLUSH)
        except SQLAlchemyError as error:
            if self._driver.closed:
                raise
            _log.warning(
                "the server refuses to say when a transaction is on its disk, so hosts wait for each other's: allow "
                "the role EXECUTE on the function pg_logical_emit_message (docs/database.md)",
                why=str(getattr(error, "orig", error)),
            )
            self._begin = f"BEGIN; {self._take_turn}".encode()

    def _settle(self, transaction: str) -> None:
        """Find out at once what became of a transaction, if the server is back already."""
        try:
            counts = self.outcome(transaction)
        except LedgerError:
            raise UnsettledError(transaction) from None
        if not counts:
            raise LedgerError("the connection to the database was cut before a transaction was committed")

    def outcome(self, transaction: str) -> bool:
        try:
            if self._driver.closed:
                self._connect_again()
            counts = self._status(transaction) == "committed"
            if counts and self._waits:
                self.flush()
        except SQLAlchemyError as error:
            raise LedgerError(f"the ledger cannot be read: {described(error)}") from None
        return counts

    def _status(self, transaction: str) -> str | None:
        """``committed`` or ``aborted``; None: the server does not know it. One that still runs there is waited for."""
        self._run(self._begin)  # its turn has ended, or it ends now
        try:
            row = self._run(f"SELECT pg_xact_status('{int(transaction)}'::xid8)".encode()).fetchone()
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", "") == "22023":  # in the future: the server has forgotten it in a crash
                return None
            raise
        finally:
            self.roll_back()
        return None if row is None else row[0]

    def roll_back(self) -> None:
        self._transaction = ""
        if not self._driver.closed and self._driver.info.transaction_status != TransactionStatus.IDLE:
            try:
                self._run(b"ROLLBACK")
            except SQLAlchemyError as error:
                _log.warning("a transaction could not be undone; the server does so", why=described(error))
                self._driver.close()

    @property
    def can_go_on(self) -> bool:
        return not self._driver.closed and self._driver.info.transaction_status == TransactionStatus.INTRANS

    def wait_for_disk(self, lasting: bool) -> None:
        self._waits = lasting and self._lasting

    def _connect_again(self) -> None:
        if not self.sql.closed:
            self.sql.invalidate()
            self.sql.close()
        try:
            self._use(self._engine.connect())
        except SQLAlchemyError as error:
            raise LedgerError(f"the ledger {self._name} cannot be reached: {described(error)}") from None

    # ── erasing, and the end ──────────────────────────────────────────────────────────────────────────────────────

    def checkpoint(self) -> bool:
        return True  # the server writes and recycles its log by itself: see docs/database.md

    def compact(self) -> None:
        self._compaction.run()

    def describe(self, error: Exception) -> str:
        return described(error)

    def close(self) -> None:
        self._compaction.stop()
        self.sql.close()
        self._engine.dispose()


def connect(url: str, *, lasting: bool = True) -> PostgresqlDatabase:
    """Open the ledger on a server, and make or migrate its tables.

    Args:
        url: of the ledger.
        lasting: whether the commits wait for the server's disk.

    Raises:
        LedgerError: it cannot be opened; the error says what to check.
    """
    return _opened(url, lasting=lasting, only_reads=False)


def connect_to_read(url: str) -> PostgresqlDatabase:
    """Open the ledger on a server only to read it.

    Raises:
        LedgerError: it cannot be opened, or another version of this program has made it.
    """
    database = _opened(url, lasting=False, only_reads=True)
    database.no_notes_before = float("inf")  # a refused write would end the transaction
    return database


def _opened(url: str, *, lasting: bool, only_reads: bool) -> PostgresqlDatabase:
    name, ring = locate(url).name, ring_of_server()
    engine = make_engine(url, ring)
    sql = None
    try:
        sql = connect_first(engine, name, 0.0 if only_reads else START_SECONDS)
        schema = "" if only_reads else make_schema(sql, url)
        if not only_reads:
            bring_up_to_date(sql, name, schema)
        elif revision(sql) != REVISION:
            raise LedgerError(f"the ledger {name} is not of this version: open it with the host first")
        database = PostgresqlDatabase(sql, ring, name=name, schema=schema, lasting=lasting, only_reads=only_reads)
        if lasting and not only_reads:
            database.flush()
        database.know_key(key_of(sql))
        is_sealed = sql.execute(sa.select(keys.c.name).where(keys.c.name == SEALED_MARK)).first() is not None
        if is_sealed and ring is None:
            raise LedgerError(
                f"the ledger {name} is encrypted: set LLMAGENT_OS_ENCRYPTION_KEY or LLMAGENT_OS_ENCRYPTION_KEY_FILE"
            )
    except BaseException as error:
        if sql is not None:
            sql.close()
        engine.dispose()
        if isinstance(error, SQLAlchemyError | psycopg.Error):
            raise LedgerError(f"cannot open the ledger {name}: {described(error)}") from None
        raise
    return database
