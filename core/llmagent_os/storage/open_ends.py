"""Opens the databases that a URL names, and says in words why one of them refuses."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from llmagent_os.errors import ConfigError, LedgerError
from llmagent_os.storage.database_end import DatabaseEnd
from llmagent_os.storage.sqlite_end import SqliteEnd

if TYPE_CHECKING:
    from llmagent_os.storage.postgres_end import PostgresEnd

_FORMS = "write sqlite:///path/to/ledger.db, or postgresql://user:password@host/database"

#: What PostgreSQL's SQLSTATEs mean for whoever called the command, by their first characters.
_REMEDIES = {
    "53100": "the server's disk is full: free some space there",
    "53": "the server has too little room or too many connections: see its log",
    "42501": "the user may not do that: GRANT ALL ON SCHEMA public TO the user, or let the user own the database",
    "28": "the user or the password is wrong",
    "3D000": "there is no such database: make it with CREATE DATABASE",
    "55P03": "another program uses the tables: stop the hosts",
    "57": "the server was stopped, or an operator ended the command: try again",
    "08": "the connection was cut: try again",
    "40": "another program changed the same rows: stop it, and try again",
    "25006": "the server takes no changes: it is a replica, or read-only",
}


@contextlib.contextmanager
def open_end(url: str, data: Path) -> Generator[DatabaseEnd]:
    """The database that ``url`` names, for the time of the block. What was not committed is undone after it.

    Args:
        url: of SQLite or PostgreSQL.
        data: the data folder whose files belong to an SQLite ledger.

    Raises:
        ConfigError: the URL names no database.
        LedgerError: the database cannot be reached, or refuses.
    """
    parsed = parse_url(url)
    name = parsed.render_as_string()
    with explained(name):
        end = _open(parsed, data)
    try:
        yield end
    except BaseException as error:
        # Of two open ends, the one speaks whose database has refused.
        if isinstance(error, _errors()) and (isinstance(error, OSError) or end.is_own(error)):
            raise LedgerError(f"{end.name}: {_reason(error)}") from error
        raise
    finally:
        with contextlib.suppress(*_errors()):  # a connection that was cut has undone all
            end.close()


def parse_url(url: str) -> sa.URL:
    """The parts of a database's URL.

    Raises:
        ConfigError: it names no database that a ledger can be in.
    """
    try:
        parsed = sa.make_url(url)
    except (ArgumentError, ValueError) as error:  # the text may hold a password: it is not shown
        raise ConfigError(f"that is no database URL; {_FORMS}") from error
    shown = parsed.render_as_string()
    if parsed.drivername not in ("sqlite", "postgresql", "postgresql+psycopg"):
        raise ConfigError(f"{shown!r}: a ledger is kept in SQLite or PostgreSQL; {_FORMS}")
    if not parsed.database or parsed.database == ":memory:":
        raise ConfigError(f"{shown!r} names no database that lasts; {_FORMS}")
    return parsed


@contextlib.contextmanager
def explained(name: str) -> Generator[None]:
    """Raise what a database refuses as LedgerError, with what to do about it.

    Args:
        name: of the database, without a password.
    """
    try:
        yield
    except _errors() as error:
        raise LedgerError(f"{name}: {_reason(error)}") from error


def _open(parsed: sa.URL, data: Path) -> DatabaseEnd:
    if parsed.get_backend_name() == "sqlite":
        return SqliteEnd(Path(str(parsed.database)), data)
    return _postgres()(parsed)


def _postgres() -> type[PostgresEnd]:
    try:
        from llmagent_os.storage.postgres_end import PostgresEnd
    except ImportError as error:
        raise ConfigError("PostgreSQL needs the extra `postgres`: pip install 'llmagent-os[postgres]'") from error
    return PostgresEnd


def _errors() -> tuple[type[Exception], ...]:
    """What a database or the disk raises when it refuses."""
    ours = (sqlite3.Error, SQLAlchemyError, OSError)
    try:
        import psycopg
    except ImportError:
        return ours
    return (*ours, psycopg.Error)


def _reason(error: Exception) -> str:
    cause: BaseException = getattr(error, "orig", None) or error
    text = " ".join(str(cause).split()) or type(cause).__name__
    code = getattr(cause, "sqlstate", None) or ""
    remedy = next((what for begin, what in _REMEDIES.items() if str(code).startswith(begin)), "")
    match getattr(cause, "sqlite_errorcode", 0) & 0xFF:
        case sqlite3.SQLITE_FULL | sqlite3.SQLITE_IOERR:
            remedy = "is the disk full?"
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            remedy = "the file is damaged, or no database: restore a backup"
        case sqlite3.SQLITE_BUSY:
            remedy = "another program uses the file: stop it"
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN:
            remedy = "may this user write there?"
        case _:
            pass
    return f"{text}; {remedy}" if remedy else text
