"""Keeps the transcript of the web chat in a small SQLite file."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
import structlog
from sqlalchemy import event
from sqlalchemy.exc import SQLAlchemyError

from llmagent_os.adapters.web.transcript_statements import Statements
from llmagent_os.errors import AdapterError, ConfigError
from llmagent_os.ledger.shared_tables import transcript_tables
from llmagent_os.sealing.key_ring import KeyRing, SealedError, is_sealed
from llmagent_os.sealing.mounts import ring_of

T = TypeVar("T")

_log = structlog.stdlib.get_logger(__name__)

#: How long a change waits for another program that has locked the file. After that the person is told.
BUSY_MILLISECONDS = 5000

#: SQLite's ``application_id`` while the file is to be written anew; 0 otherwise. It changes with the transaction that
#: deletes.
WIPE_DUE = 1

VERSION = 1  #: of the tables, kept in SQLite's ``user_version``

#: SQLite's ``user_version`` of a file is this much greater once all of it is sealed.
SEALED_VERSION = 1000

#: Stands for the person of a conversation that nobody has written in.
UNOWNED = ""

_METADATA = sa.MetaData()
_TABLES = transcript_tables(_METADATA)


class TranscriptFile:
    """One SQLite file. Its methods block, and are called in one thread."""

    threads = 1  #: that may call at the same time

    def __init__(self, path: Path) -> None:
        """Args: ``path`` of the file, which may not exist yet."""
        self._path = path
        self._engine: sa.Engine | None = None
        self._statements = Statements(_TABLES, None)

    def check(self) -> None:
        """Open the file.

        Raises:
            ConfigError: the file cannot be used.
        """
        query = sa.select(_TABLES.conversations.c.id).limit(1)
        try:
            self.run(lambda db, _: db.execute(query).first())
        except AdapterError as error:
            why = getattr(error.__cause__, "orig", None) or error
            raise ConfigError(f"web: {self._path} is damaged: {why}. Move it away, or restore a backup") from error

    def run(self, work: Callable[[sa.Connection, Statements], T]) -> T:
        """What ``work`` returns, run in a transaction.

        Raises:
            AdapterError: the file cannot be read or written.
            ConfigError: the file cannot be opened.
        """
        try:
            with self._open().begin() as db:
                return work(db, self._statements)
        except SQLAlchemyError as error:
            raise AdapterError(f"web: transcript {self._path}: {error}") from error

    def note_erased(self, db: sa.Connection) -> None:
        """Note, in the transaction that deletes, that the file is to be written anew: a crash must not prevent it."""
        db.exec_driver_sql(f"PRAGMA application_id = {WIPE_DUE}")

    def _open(self) -> sa.Engine:
        if self._engine is not None:
            return self._engine
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.touch(mode=0o600)  # SQLite would make a file that other users of the machine can read
        except OSError as error:
            raise ConfigError(f"web: data folder {str(self._path.parent)!r} cannot be written: {error}") from error
        ring = ring_of(self._path)
        engine = sa.create_engine(f"sqlite:///{self._path}")
        event.listen(engine, "connect", partial(_on_connect, ring))
        event.listen(engine, "begin", _on_begin)
        with engine.begin() as db:
            version = db.exec_driver_sql("PRAGMA user_version").scalar() or 0
            was_sealed, has_key = version >= SEALED_VERSION, ring is not None
            if was_sealed and not has_key:
                engine.dispose()
                raise ConfigError(f"web: {self._path} is encrypted: set LLMAGENT_OS_ENCRYPTION_KEY to its key")
            if version % SEALED_VERSION > VERSION:
                engine.dispose()
                raise ConfigError(
                    f"web: {self._path} was written by a newer version of LLMAgentOS: "
                    f"its tables have version {version}, not {VERSION}"
                )
            _METADATA.create_all(db)
            db.execute(_TABLES.conversations.delete().where(_TABLES.conversations.c.person == UNOWNED))
            statements = Statements(_TABLES, ring)
            sealed_now = _seal_existing(db, statements) if has_key and not was_sealed else 0
            db.exec_driver_sql(f"PRAGMA user_version = {VERSION + SEALED_VERSION * has_key}")
            is_due = bool(sealed_now) or db.exec_driver_sql("PRAGMA application_id").scalar() == WIPE_DUE
        self._engine, self._statements = engine, statements
        if is_due:
            self.wipe()
        return engine

    def wipe(self) -> None:
        """Write the file anew, without what was deleted, and empty the write-ahead log.

        ``secure_delete`` overwrites a row where it was deleted, but not its copies in the unused parts of pages between
        which SQLite has moved rows before.
        """
        try:
            with self._open().connect() as db:
                driver: Any = db.connection.driver_connection
                driver.execute("VACUUM")
                driver.execute("PRAGMA application_id = 0")
                driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except (SQLAlchemyError, sqlite3.Error) as error:  # another program reads, or the disk is full
            _log.error("web: what was erased is wiped at the next start only", file=str(self._path), error=str(error))

    def close(self) -> None:
        """Close the file. A later call opens it again."""
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None


def _seal_existing(db: sa.Connection, statements: Statements) -> int:
    """Seal all that was written before the folder was mounted, inside the caller's transaction. Returns how much."""
    count = 0
    for conversation, title in db.execute(sa.text("SELECT id, title FROM conversations")).all():
        values = {"id": conversation, "title": statements.sealed_text(db, conversation, title)}
        db.execute(sa.text("UPDATE conversations SET title = :title WHERE id = :id"), values)
    for table in ("messages", "damaged"):
        for rowid, conversation, body in _bodies(db, table):
            values = {"rowid": rowid, "body": statements.sealed(db, conversation, body)}
            db.execute(sa.text(f"UPDATE {table} SET body = :body WHERE rowid = :rowid"), values)
            count += 1
    return count


def _bodies(db: sa.Connection, table: str) -> Iterator[tuple[int, str, bytes]]:
    query = f"SELECT rowid, conversation, body FROM {table} WHERE rowid > :last ORDER BY rowid LIMIT 500"
    last = -1
    while rows := db.execute(sa.text(query), {"last": last}).all():
        for rowid, conversation, body in rows:
            if isinstance(body, bytes):
                yield rowid, conversation, body
            last = rowid


def _text(raw: bytes) -> str:
    """Text as SQLite keeps it. A byte that is no UTF-8 must not spoil its whole row."""
    return raw.decode("utf-8", "replace")


def _on_connect(ring: KeyRing | None, connection: Any, _record: Any) -> None:
    def opened(raw: bytes) -> str:
        if ring is not None and is_sealed(raw):
            with contextlib.suppress(SealedError):
                return _text(ring.open_text(raw))
        return _text(raw)

    connection.text_factory = opened
    connection.isolation_level = None  # transactions are begun by _on_begin, not by the driver
    for pragma in (
        f"busy_timeout = {BUSY_MILLISECONDS}",
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
        "secure_delete = ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _on_begin(db: sa.Connection) -> None:
    db.exec_driver_sql("BEGIN IMMEDIATE")
