"""Opening the ledger's database: the file, its settings, its migrations, and the lock of the host that runs on it."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from pathlib import Path
from typing import NamedTuple, cast

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from llmagent_os.errors import LedgerError
from llmagent_os.ledger.schema import REVISION, metadata

#: How long to wait for another process that writes, in milliseconds.
BUSY_MILLISECONDS = 15_000


class Database(NamedTuple):
    """One open connection, as SQLAlchemy and as the driver see it. Transactions are the caller's."""

    sql: sa.Connection
    driver: sqlite3.Connection

    def close(self) -> None:
        """Let go of the file."""
        engine = self.sql.engine
        self.sql.close()
        engine.dispose()


def file_of(url: str) -> Path | None:
    """The file that ``url`` names; None: the ledger is in memory.

    Raises:
        LedgerError: it is no SQLite URL.

    >>> file_of("sqlite:///var/ledger.db")
    PosixPath('var/ledger.db')
    """
    try:
        parsed = sa.make_url(url)
    except ArgumentError as error:
        raise LedgerError(f"ledger {url!r} is no database URL; write sqlite:///path/to/ledger.db") from error
    if parsed.get_backend_name() != "sqlite":
        raise LedgerError(
            f"ledger {parsed.render_as_string()!r}: this version keeps its ledger in SQLite; "
            "write sqlite:///path/to/ledger.db"
        )
    if parsed.database in (None, "", ":memory:"):
        return None
    return Path(parsed.database)


def connect(path: Path | None, synchronous: str) -> Database:
    """Open, and bring the tables up to date.

    Args:
        path: the file; None keeps everything in memory.
        synchronous: SQLite's: ``FULL`` survives a power cut, ``NORMAL`` only a crash of the process.

    Raises:
        LedgerError: the file cannot be opened, is no ledger, or is newer than this version.
    """
    if synchronous not in ("FULL", "NORMAL", "EXTRA"):
        raise LedgerError(f"ledger: synchronous is FULL, NORMAL or EXTRA, not {synchronous!r}")
    try:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)  # what people say is theirs
        return _connect(path, synchronous)
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        raise LedgerError(f"cannot open the ledger {path or 'in memory'}: {error}") from error


def _connect(path: Path | None, synchronous: str) -> Database:
    def driver() -> sqlite3.Connection:
        # No isolation level: transactions begin where the writer says so, and nowhere else.
        return sqlite3.connect(str(path or ":memory:"), isolation_level=None, check_same_thread=path is not None)

    engine = sa.create_engine("sqlite://", creator=driver, poolclass=sa.StaticPool)
    connection = engine.connect()
    try:
        database = Database(connection, cast(sqlite3.Connection, connection.connection.driver_connection))
        database.driver.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
        database.driver.execute("PRAGMA secure_delete = ON")  # what a person has erased is gone from the file
        if path is None:
            metadata.create_all(connection)
        else:
            database.driver.execute("PRAGMA journal_mode = WAL")
            database.driver.execute(f"PRAGMA synchronous = {synchronous}")
            _migrate(database, path)
    except BaseException:
        connection.close()
        engine.dispose()
        raise
    return database


def _revision(database: Database) -> str | None:
    """The migration that the file is at; None: it has none."""
    tables = database.driver.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
    row = database.driver.execute("SELECT version_num FROM alembic_version").fetchone() if tables else None
    return str(row[0]) if row else None


def _migrate(database: Database, path: Path) -> None:
    if _revision(database) == REVISION:
        return
    with database.sql.begin():
        # Two processes may open a new file at the same moment: the second waits, and finds the first's work done.
        database.driver.execute("BEGIN IMMEDIATE")
        if _revision(database) != REVISION:
            from llmagent_os.ledger.migrate import upgrade

            upgrade(database.sql, path)


class HostLock:
    """Held by the one host that runs a ledger's inbox. The system lets go of it when the process ends, however."""

    def __init__(self, path: Path) -> None:
        self.path = path.with_name(path.name + ".host")
        self._file: int | None = None

    def acquire(self) -> None:
        """Take it.

        Raises:
            LedgerError: another host has it; says which process.
        """
        file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(file, 32).decode(errors="replace").strip() or "unknown"
            os.close(file)
            raise LedgerError(
                f"another host (process {holder}) already runs on this ledger, as {self.path} says: "
                "stop it, or give this one a ledger of its own"
            ) from error
        os.ftruncate(file, 0)
        os.write(file, f"{os.getpid()}\n".encode())
        self._file = file

    def release(self) -> None:
        """Let go of it."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
