"""The ledger in SQLite: the file, its settings, its kind of transaction and its migrations."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from pathlib import Path
from typing import cast

import sqlalchemy as sa

from llmagent_os.errors import LedgerError
from llmagent_os.ledger.database import DATABASE_ERRORS, SEALED_MARK, Database
from llmagent_os.ledger.host_lock import FileLock
from llmagent_os.ledger.new_tables import is_new, make_tables, make_version
from llmagent_os.ledger.pseudonyms import key_of
from llmagent_os.ledger.schema import REVISION
from llmagent_os.sealing.key_ring import MARK, KeyRing, SealedError
from llmagent_os.sealing.mounts import ring_of

#: How long a statement waits for another process that writes.
BUSY_MILLISECONDS = 15_000

#: How long a checkpoint waits for another process that reads.
CHECKPOINT_MILLISECONDS = 200

#: Begins a transaction. No other process can write until it ends.
BEGIN = "BEGIN IMMEDIATE"

#: Begins a transaction that only reads. It sees one state of the ledger, and others may write meanwhile.
BEGIN_READING = "BEGIN"

#: A disk with less free space is full: SQLite's own files beside the ledger take about as much.
LEAST_FREE_BYTES = 2**20

#: SQLite's ``synchronous = NORMAL``: a commit does not wait for the disk; a checkpoint does.
_NORMAL = 1


class SqliteDatabase(Database):
    """One open connection to a file, or to a database in memory."""

    def __init__(self, sql: sa.Connection, driver: sqlite3.Connection, ring: KeyRing | None = None) -> None:
        """Use :func:`connect`."""
        super().__init__(sql, ring)
        self._driver = driver
        self.execute = driver.execute  # the bound method itself: it costs no call of Python's
        # SQLite's ``synchronous``: as the ledger was opened, and as it is now.
        self._opened_level = self._level = int(driver.execute("PRAGMA synchronous").fetchone()[0])

    def begin(self, *, reads: bool = False) -> None:
        self._driver.execute(BEGIN)

    def commit(self) -> None:
        self._driver.execute("COMMIT")

    def roll_back(self) -> None:
        if self._driver.in_transaction:
            self._driver.execute("ROLLBACK")

    @property
    def can_go_on(self) -> bool:
        return self._driver.in_transaction

    def wait_for_disk(self, lasting: bool) -> None:
        level = self._opened_level if lasting else min(self._opened_level, _NORMAL)
        if level != self._level:
            self._driver.execute(f"PRAGMA synchronous = {level}")
            self._level = level

    def checkpoint(self) -> bool:
        """Move all that was committed into the main file, and empty the write-ahead log. Needs no open transaction.

        Another process that reads is waited for only for :data:`CHECKPOINT_MILLISECONDS`, since all other work waits
        meanwhile.
        """
        self._driver.execute(f"PRAGMA busy_timeout = {CHECKPOINT_MILLISECONDS}")
        try:
            (row,) = self._driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        finally:
            self._driver.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
        return not row[0]

    def compact(self) -> None:
        """Write the whole file anew (``VACUUM``). Needs no open transaction, and as much free disk as the file has.

        ``secure_delete`` overwrites a row where it was deleted. Copies of it stay in the unused parts of pages between
        which SQLite has moved rows before. Only a new file is without them.
        """
        self._driver.execute("VACUUM")

    def describe(self, error: Exception) -> str:
        return str(error)

    def close(self) -> None:
        engine = self.sql.engine
        self.sql.close()
        engine.dispose()


class ReadingDatabase(SqliteDatabase):
    """A connection that only reads. Its transactions see one state of the ledger, and others may write meanwhile."""

    def begin(self, *, reads: bool = False) -> None:
        self._driver.execute(BEGIN_READING)


def connect(path: Path | None, synchronous: str) -> SqliteDatabase:
    """Open the database and bring its tables up to date.

    Args:
        path: the file; None keeps everything in memory.
        synchronous: SQLite's setting: ``FULL`` survives a power cut, ``NORMAL`` only a crash of the process.

    Raises:
        LedgerError: the file cannot be opened, is no ledger, or is newer than this version.
    """
    if synchronous not in ("FULL", "NORMAL", "EXTRA"):
        raise LedgerError(f"ledger: synchronous is FULL, NORMAL or EXTRA, not {synchronous!r}")
    try:
        if path is not None:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.touch(mode=0o600)  # only its owner may read what people say
        return _connect(path, synchronous)
    except (*DATABASE_ERRORS, OSError) as error:
        raise LedgerError(f"cannot open the ledger {path or 'in memory'}: {error}{_remedy(error, path)}") from error


def _remedy(error: Exception, path: Path | None) -> str:
    """What to do about an error that means a full disk or a damaged file; empty for another error."""
    cause = getattr(error, "orig", None) or error
    code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR) and path is not None and _is_full(path.parent):
        return f". The disk is full: free some space where {path.parent} lies"
    if code not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return ""
    return (
        ". The file is damaged: restore a backup of it and of the files beside it (-wal, -shm), save what is left with "
        "`sqlite3 FILE .recover`, or move all three away to start anew"
    )


def connect_to_read(path: Path) -> ReadingDatabase:
    """Open the database only to read it, beside the process that writes it.

    Raises:
        LedgerError: the file cannot be opened, or another version of this program has made it.
    """

    def open_driver() -> sqlite3.Connection:
        return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None)

    try:
        connection = sa.create_engine("sqlite://", creator=open_driver, poolclass=sa.StaticPool).connect()
        driver = cast(sqlite3.Connection, connection.connection.driver_connection)
        ring = ring_of(path)
        _open_sealed(driver, ring)
        driver.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
        database = ReadingDatabase(connection, driver, ring)
        if _revision(driver) != REVISION:
            database.close()
            raise LedgerError(f"the ledger {path} is not of this version: open it with the host first")
        database.know_key(key_of(connection))
        _check_sealed(driver, ring, path)
    except DATABASE_ERRORS as error:
        raise LedgerError(f"cannot read the ledger {path}: {error}") from error
    return database


def _is_full(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < LEAST_FREE_BYTES
    except OSError:
        return False


def _connect(path: Path | None, synchronous: str) -> SqliteDatabase:
    def open_driver() -> sqlite3.Connection:
        # No isolation level: the driver never begins a transaction; the writer does.
        return sqlite3.connect(str(path or ":memory:"), isolation_level=None, check_same_thread=path is not None)

    engine = sa.create_engine("sqlite://", creator=open_driver, poolclass=sa.StaticPool)
    connection = engine.connect()
    try:
        driver = cast(sqlite3.Connection, connection.connection.driver_connection)
        ring = ring_of(path)
        _open_sealed(driver, ring)
        driver.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
        driver.execute("PRAGMA secure_delete = ON")  # overwrites what is deleted: what a person has erased is gone
        if path is None:
            make_tables(driver)
        else:
            driver.execute("PRAGMA journal_mode = WAL")
            driver.execute(f"PRAGMA synchronous = {synchronous}")
        database = SqliteDatabase(connection, driver, ring)
        if path is not None:
            _migrate(connection, driver, path)
        database.know_key(key_of(connection))
        connection.commit()  # SQLAlchemy has noted a transaction, where there is none
        _check_sealed(driver, ring, path)
    except BaseException:
        connection.close()
        engine.dispose()
        raise
    return database


def _open_sealed(driver: sqlite3.Connection, ring: KeyRing | None) -> None:
    """Have every text of the database opened where it is sealed.

    A byte that is no UTF-8 is read as U+FFFD: it must not make its whole row unreadable. Nor does a value whose key was
    destroyed: it is read as it is, and whoever decodes it finds that it is damaged.
    """

    def opened(raw: bytes) -> str:
        if ring is not None and raw.startswith(MARK):
            with contextlib.suppress(SealedError):
                raw = ring.open_text(raw)
        return raw.decode("utf-8", "replace")

    driver.text_factory = opened


def _check_sealed(driver: sqlite3.Connection, ring: KeyRing | None, path: Path | None) -> None:
    """Check that a sealed ledger can be read.

    Raises:
        LedgerError: the ledger is sealed, and its folder is not mounted.
    """
    row = driver.execute("SELECT 1 FROM keys WHERE name = ?", (SEALED_MARK,)).fetchone()
    if row is not None and ring is None:
        raise LedgerError(
            f"the ledger {path} is encrypted: set LLMAGENT_OS_ENCRYPTION_KEY or LLMAGENT_OS_ENCRYPTION_KEY_FILE"
        )


def _revision(driver: sqlite3.Connection) -> str | None:
    """The migration that the file is at. None: the file has no tables yet."""
    tables = driver.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
    row = driver.execute("SELECT version_num FROM alembic_version").fetchone() if tables else None
    return str(row[0]) if row else None


def _migrate(connection: sa.Connection, driver: sqlite3.Connection, path: Path) -> None:
    if _revision(driver) == REVISION:
        return
    with connection.begin():
        # Two processes may open a new file at the same moment. The second waits here and finds the work done.
        driver.execute(BEGIN)
        if is_new(driver):
            make_tables(driver)
            make_version(driver)
        elif (old := _revision(driver)) != REVISION:
            from llmagent_os.ledger.migrate import upgrade

            # A host of the version that wrote the file would fail on the new tables with every message.
            lock = FileLock(path)
            if old is not None:
                lock.acquire()
            try:
                upgrade(connection, str(path))
            finally:
                lock.release()
