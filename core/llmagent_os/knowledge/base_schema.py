"""The tables of one base: an SQLite file with an FTS5 index, which SQLite keeps up to date on disk.

The index holds terms only (``content=''``), as :mod:`llmagent_os.knowledge.search_terms` gives them: what is deleted
from it must be named again, term by term.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Generator
from pathlib import Path
from typing import Any

import structlog

from llmagent_os.errors import ConfigError

_log = structlog.stdlib.get_logger(__name__)

#: The version of the tables. A base of a later version is not opened.
SCHEMA_VERSION = 1

#: How long a writer waits for another process, in seconds.
BUSY_SECONDS = 30.0

#: SQLite's memory for pages of one base, in KiB.
CACHE_KIB = 2048

_TABLES = """
CREATE TABLE documents (
    document_id TEXT PRIMARY KEY, title TEXT NOT NULL, source TEXT NOT NULL, trusted INTEGER NOT NULL,
    added_by TEXT NOT NULL, added_at TEXT NOT NULL, digest TEXT NOT NULL);
CREATE TABLE passages (
    passage_id INTEGER PRIMARY KEY AUTOINCREMENT, document_id TEXT NOT NULL, title TEXT NOT NULL, place TEXT NOT NULL,
    text TEXT NOT NULL, about TEXT NOT NULL, key TEXT NOT NULL);
CREATE INDEX passages_of_document ON passages (document_id);
CREATE INDEX passages_with_key ON passages (key) WHERE key <> '';
CREATE TABLE totals (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE slots (slot INTEGER PRIMARY KEY, passage_id INTEGER);
CREATE INDEX slot_of_passage ON slots (passage_id);
CREATE VIRTUAL TABLE passage_terms USING fts5(terms, content='', tokenize="ascii tokenchars '_'");
CREATE VIRTUAL TABLE term_counts USING fts5vocab('passage_terms', 'row');
INSERT INTO totals VALUES
    ('passages', 0), ('terms', 0), ('terms_version', ''), ('model', ''), ('dimensions', 0), ('ids', 0);
"""


#: How long the removal of what was readable waits for another process, in milliseconds: the next opening tries again.
WIPE_MILLISECONDS = 200

#: The row of ``totals`` that is there while the file may hold what was hidden or encrypted since.
WIPE_DUE = "wipe_due"


def total(sql: sqlite3.Connection, name: str) -> Any:
    """The value of a row of ``totals``; None: there is no such row."""
    row = sql.execute("SELECT value FROM totals WHERE name = ?", (name,)).fetchone()
    return None if row is None else row[0]


def wipe(sql: sqlite3.Connection) -> None:
    """Write the file anew where that is due: free pages and the log still hold what is hidden or encrypted now.

    It needs no open transaction. Where another process reads or writes, or the disk is full, it stays due.
    """
    if total(sql, WIPE_DUE) is None:
        return
    sql.execute(f"PRAGMA busy_timeout = {WIPE_MILLISECONDS}")
    try:
        sql.execute("VACUUM")
        (is_busy, *_) = sql.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        why = "another process reads it" if is_busy else ""
    except sqlite3.OperationalError as error:
        why = str(error)
    finally:
        sql.execute(f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1000)}")
    if why:
        _log.error("a knowledge base may still hold words that are not encrypted: the next start removes them", why=why)
    else:
        sql.execute("DELETE FROM totals WHERE name = ?", (WIPE_DUE,))


@contextlib.contextmanager
def transaction(sql: sqlite3.Connection) -> Generator[None]:
    """Run the block in a transaction, which an exception undoes."""
    sql.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        sql.execute("ROLLBACK")
        raise
    sql.execute("COMMIT")


def open_base(path: Path | None) -> sqlite3.Connection:
    """Open the base in the file ``path``, and make it where there is none. None: a base in memory.

    Raises:
        ConfigError: the file is no base, of a later version, or cannot be opened.
    """
    try:
        if path is not None:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = ":memory:" if path is None else str(path)
        connection = sqlite3.connect(name, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        if path is not None:
            path.chmod(0o600)
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "secure_delete=ON", f"cache_size=-{CACHE_KIB}"):
            connection.execute(f"PRAGMA {pragma}")
        _migrate(connection, path)
    except (OSError, sqlite3.Error) as error:
        raise ConfigError(f"the knowledge base {path} cannot be opened: {error}") from error
    return connection


def _migrate(connection: sqlite3.Connection, path: Path | None) -> None:
    with transaction(connection):
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > SCHEMA_VERSION:
            raise ConfigError(f"the knowledge base {path} was written by a later version of LLMAgentOS: update it")
        if version == 0:
            for statement in _TABLES.strip().split(";\n"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
