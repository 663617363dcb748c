"""Opens the databases that a URL names, and says in words why one of them refuses."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Generator
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from llmagent_os.errors import ConfigError, LedgerError
from llmagent_os.ledger.location import Location, locate
from llmagent_os.storage.database_end import DatabaseEnd
from llmagent_os.storage.sqlite_end import SqliteEnd


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
    location = lasting(url)
    with explained(location.name):
        end = _open(url, location, data)
    try:
        yield end
    except BaseException as error:
        # Of two open ends, the one speaks whose database has refused.
        if isinstance(error, _errors()) and (isinstance(error, OSError) or end.is_own(error)):
            raise LedgerError(f"{end.name}: {_reason(error)}") from _cause(error)
        raise
    finally:
        with contextlib.suppress(*_errors()):  # a connection that was cut has undone all
            end.close()


def lasting(url: str) -> Location:
    """Where the ledger is that ``url`` names.

    Raises:
        ConfigError: it names none that lasts.
    """
    location = locate(url)
    if location.in_memory:
        raise ConfigError(f"{location.name!r} is in memory: no other program can reach it. Name a file, or a server")
    return location


@contextlib.contextmanager
def explained(name: str) -> Generator[None]:
    """Raise what a database refuses as LedgerError, with what to do about it.

    Args:
        name: of the database, without a password.
    """
    try:
        yield
    except _errors() as error:
        raise LedgerError(f"{name}: {_reason(error)}") from _cause(error)


def _open(url: str, location: Location, data: Path) -> DatabaseEnd:
    if location.file is not None:
        return SqliteEnd(location.file, data)
    from llmagent_os.storage.postgres_end import PostgresEnd

    return PostgresEnd(url, data)


def _errors() -> tuple[type[Exception], ...]:
    """What a database or the disk raises when it refuses."""
    ours = (sqlite3.Error, SQLAlchemyError, OSError)
    try:
        import psycopg
    except ImportError:
        return ours
    return (*ours, psycopg.Error)


def _cause(error: Exception) -> Exception | None:
    """What an error may name as its cause: not a server's own text, which quotes rows."""
    driver = getattr(error, "orig", None) or error
    return None if type(driver).__module__.startswith("psycopg") else error


def _reason(error: Exception) -> str:
    cause: Exception = getattr(error, "orig", None) or error
    if type(cause).__module__.startswith("psycopg"):
        from llmagent_os.ledger.postgresql_server import described

        return described(cause)
    text = " ".join(str(cause).split()) or type(cause).__name__
    match getattr(cause, "sqlite_errorcode", 0) & 0xFF:
        case sqlite3.SQLITE_FULL | sqlite3.SQLITE_IOERR:
            remedy = "; is the disk full?"
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            remedy = "; the file is damaged, or no database: restore a backup"
        case sqlite3.SQLITE_BUSY:
            remedy = "; another program uses the file: stop it"
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN:
            remedy = "; may this user write there?"
        case _:
            remedy = ""
    return text + remedy
