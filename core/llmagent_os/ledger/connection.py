"""Opens the ledger's database: the file, its settings and its migrations.

SQLite's own settings and its kind of transaction are in this file only.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections.abc import Generator
from pathlib import Path
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from llmagent_os.errors import ConfigError, LedgerError
from llmagent_os.ledger.host_lock import HostLock
from llmagent_os.ledger.new_tables import is_new, make_tables, make_version
from llmagent_os.ledger.pseudonyms import add_function
from llmagent_os.ledger.schema import REVISION
from llmagent_os.sealing.key_ring import MARK, KeyRing, SealedError
from llmagent_os.sealing.mounts import ring_of

#: How long a statement waits for another process that writes.
BUSY_MILLISECONDS = 15_000

#: How long a checkpoint waits for another process that reads.
CHECKPOINT_MILLISECONDS = 200

#: Names the row of ``keys`` that is there once the ledger is sealed.
SEALED_MARK = "sealed"

#: Names the row of ``keys`` that is there while the file is to be compacted: also a crash must not keep it from that.
WIPE_DUE = "wipe due"

#: Begins a transaction. No other process can write until it ends.
BEGIN = "BEGIN IMMEDIATE"

#: Begins a transaction that only reads. It sees one state of the ledger, and others may write meanwhile.
BEGIN_READING = "BEGIN"

#: What the database raises when it refuses.
DATABASE_ERRORS = (sqlite3.Error, SQLAlchemyError)

#: A disk with less free space is full: SQLite's own files beside the ledger take about as much.
LEAST_FREE_BYTES = 2**20

#: SQLite's ``synchronous = NORMAL``: a commit does not wait for the disk; a checkpoint does.
_NORMAL = 1


class Database:
    """One open connection, as SQLAlchemy and as the driver see it. The caller begins and ends transactions."""

    __slots__ = ("_level", "_opened_level", "driver", "no_notes_before", "ring", "sql")

    def __init__(self, sql: sa.Connection, driver: sqlite3.Connection, ring: KeyRing | None = None) -> None:
        """Use :func:`connect`."""
        self.ring = ring  #: seals what people said; None: the ledger is not sealed
        self.sql = sql  #: for everything but the path of every message
        self.driver = driver  #: for the compiled ``statements``
        self.no_notes_before = 0.0  #: see ``damaged_rows.note``; a moment of ``time.monotonic``
        # SQLite's ``synchronous``: as the ledger was opened, and as it is now.
        self._opened_level = self._level = int(driver.execute("PRAGMA synchronous").fetchone()[0])

    @contextlib.contextmanager
    def transaction(self) -> Generator[None]:
        """Run the block in a transaction of its own."""
        self.driver.execute(BEGIN)
        try:
            yield
            self.driver.execute("COMMIT")
        finally:
            self.roll_back()

    def roll_back(self) -> None:
        """Undo the transaction, if one is open."""
        if self.driver.in_transaction:
            self.driver.execute("ROLLBACK")

    def wait_for_disk(self, lasting: bool) -> None:
        """Set what the commits from now on survive.

        Args:
            lasting: True: a power cut, as far as the ledger was opened to. False: a crash of this process only; the
                commits do not wait for the disk.
        """
        level = self._opened_level if lasting else min(self._opened_level, _NORMAL)
        if level != self._level:
            self.driver.execute(f"PRAGMA synchronous = {level}")
            self._level = level

    def checkpoint(self) -> bool:
        """Move all that was committed into the main file, and empty the write-ahead log. Needs no open transaction.

        Returns:
            False: another process reads, and the log is not empty. That process is waited for only for
            :data:`CHECKPOINT_MILLISECONDS`, since all other work waits meanwhile.
        """
        self.driver.execute(f"PRAGMA busy_timeout = {CHECKPOINT_MILLISECONDS}")
        try:
            (row,) = self.driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        finally:
            self.driver.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
        return not row[0]

    def compact(self) -> None:
        """Write the whole file anew (``VACUUM``). Needs no open transaction, and as much free disk as the file has.

        ``secure_delete`` overwrites a row where it was deleted. Copies of it stay in the unused parts of pages between
        which SQLite has moved rows before. Only a new file is without them.
        """
        self.driver.execute("VACUUM")

    def close(self) -> None:
        """Close the file."""
        engine = self.sql.engine
        self.sql.close()
        engine.dispose()


def file_of(url: str) -> Path | None:
    """The file that ``url`` names. None: the ledger is in memory.

    Raises:
        ConfigError: ``url`` is no SQLite URL.

    >>> file_of("sqlite:///var/ledger.db")
    PosixPath('var/ledger.db')
    """
    remedy = "write sqlite:///path/to/ledger.db into LLMAGENT_OS_DATABASE_URL, or leave it empty"
    try:
        parsed = sa.make_url(url)
    except ArgumentError as error:
        raise ConfigError(f"ledger {url!r} is no database URL; {remedy}") from error
    if parsed.get_backend_name() != "sqlite":
        text = parsed.render_as_string()
        raise ConfigError(f"ledger {text!r}: this version keeps its ledger in SQLite; {remedy}")
    if parsed.database in (None, "", ":memory:"):
        return None
    return Path(parsed.database)


def connect(path: Path | None, synchronous: str) -> Database:
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


def connect_to_read(path: Path) -> Database:
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
        database = Database(connection, driver, ring)
        if _revision(database) != REVISION:
            database.close()
            raise LedgerError(f"the ledger {path} is not of this version: open it with the host first")
        _check_sealed(database, path)
    except DATABASE_ERRORS as error:
        raise LedgerError(f"cannot read the ledger {path}: {error}") from error
    return database


def _is_full(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < LEAST_FREE_BYTES
    except OSError:
        return False


def _connect(path: Path | None, synchronous: str) -> Database:
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
        database = Database(connection, driver, ring)
        if path is not None:
            _migrate(database, path)
        add_function(driver)
        _check_sealed(database, path)
    except BaseException:
        connection.close()
        engine.dispose()
        raise
    return database


def _open_sealed(driver: sqlite3.Connection, ring: KeyRing | None) -> None:
    """Have every text of the database opened where it is sealed, and give SQL the function ``opened``.

    A byte that is no UTF-8 is read as U+FFFD: it must not make its whole row unreadable. Nor does a value whose key was
    destroyed: it is read as it is, and whoever decodes it finds that it is damaged.
    """

    def opened(raw: bytes) -> str:
        if ring is not None and raw.startswith(MARK):
            with contextlib.suppress(SealedError):
                raw = ring.open_text(raw)
        return raw.decode("utf-8", "replace")

    def of_value(value: Any) -> Any:
        return opened(value.encode()) if isinstance(value, str) else value

    driver.text_factory = opened
    driver.create_function("opened", 1, of_value, deterministic=True)


def _check_sealed(database: Database, path: Path | None) -> None:
    """Check that a sealed ledger can be read.

    Raises:
        LedgerError: the ledger is sealed, and its folder is not mounted.
    """
    row = database.driver.execute("SELECT 1 FROM keys WHERE name = ?", (SEALED_MARK,)).fetchone()
    if row is not None and database.ring is None:
        raise LedgerError(
            f"the ledger {path} is encrypted: set LLMAGENT_OS_ENCRYPTION_KEY or LLMAGENT_OS_ENCRYPTION_KEY_FILE"
        )


def _revision(database: Database) -> str | None:
    """The migration that the file is at. None: the file has no tables yet."""
    tables = database.driver.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
    row = database.driver.execute("SELECT version_num FROM alembic_version").fetchone() if tables else None
    return str(row[0]) if row else None


def _migrate(database: Database, path: Path) -> None:
    if _revision(database) == REVISION:
        return
    with database.sql.begin():
        # Two processes may open a new file at the same moment. The second waits here and finds the work done.
        database.driver.execute(BEGIN)
        if is_new(database.driver):
            make_tables(database.driver)
            make_version(database.driver)
        elif (old := _revision(database)) != REVISION:
            from llmagent_os.ledger.migrate import upgrade

            # A host of the version that wrote the file would fail on the new tables with every message.
            lock = HostLock(path)
            if old is not None:
                lock.acquire()
            try:
                upgrade(database.sql, path)
            finally:
                lock.release()
