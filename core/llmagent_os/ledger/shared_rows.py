"""Reaches the tables of ``shared_tables`` from threads, over a small pool of connections.

The ledger has one connection and one thread of its own. Profiles, secrets, keys and transcripts are read and written in
many threads, and never wait for the ledger.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator
from threading import Lock
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from llmagent_os.errors import ConfigError, LedgerError

T = TypeVar("T")

#: Connections that stay open, and those that are opened besides while many threads want one.
POOL_CONNECTIONS, MORE_CONNECTIONS = 4, 8

#: Seconds that a thread waits for a connection of the pool, and for one to be opened.
POOL_SECONDS, CONNECT_SECONDS = 15.0, 10

#: How often a transaction is run in which two hosts were in each other's way.
TRIES = 5

#: PostgreSQL's codes for that: a serialization failure, and a deadlock.
_IN_THE_WAY = ("40001", "40P01")

#: The channel of ``NOTIFY`` on which hosts tell each other what has changed.
CHANNEL = "llmagent_os_changed"


class SharedRows:
    """The shared tables of one database."""

    def __init__(self, url: str) -> None:
        """Nothing is opened yet. Args: ``url`` is that of the ledger, which has brought the tables up to date."""
        self._url = url
        self._engine: sa.Engine | None = None
        self._lock = Lock()

    @classmethod
    def of(cls, url: str) -> SharedRows | None:
        """The shared tables behind ``url``. None: the ledger is in SQLite, and its machine keeps files beside it."""
        return None if url.startswith("sqlite") else cls(url)

    @property
    def place(self) -> str:
        """The database, for people: without its password."""
        return sa.make_url(self._url).render_as_string()

    @contextlib.contextmanager
    def transaction(self) -> Generator[sa.Connection]:
        """Run the block in a transaction.

        Raises:
            LedgerError: the database refuses, or cannot be reached.
        """
        try:
            with self.engine.begin() as db:
                yield db
        except SQLAlchemyError as error:
            raise LedgerError(f"the database {self.place}: {error}") from error

    def run(self, work: Callable[[sa.Connection], T]) -> T:
        """What ``work`` returns, run in a transaction: again where another host was in its way.

        Raises:
            LedgerError: the database refuses, or cannot be reached.
        """
        for left in reversed(range(TRIES)):
            try:
                with self.engine.begin() as db:
                    return work(db)
            except SQLAlchemyError as error:
                if not left or not may_pass(error):
                    raise LedgerError(f"the database {self.place}: {error}") from error
        raise LedgerError(f"the database {self.place}: {TRIES} transactions in a row were refused")

    @staticmethod
    def announce(db: sa.Connection, what: str) -> None:
        """Tell all hosts that ``what`` has changed, once the transaction has ended well: never of what did not happen.

        Args:
            db: inside the transaction.
            what: as :class:`~llmagent_os.ledger.announcements.Announcements` names it; at most 7,999 bytes.
        """
        if db.dialect.name == "postgresql":
            db.execute(sa.select(sa.func.pg_notify(CHANNEL, what)))

    @property
    def engine(self) -> sa.Engine:
        """The engine with its pool.

        Raises:
            ConfigError: the extra ``postgres`` is not installed.
        """
        with self._lock:
            if self._engine is None:
                self._engine = _engine(self._url)
            return self._engine

    def close(self) -> None:
        """Close all connections. A later call opens new ones."""
        with self._lock:
            if self._engine is not None:
                self._engine.dispose()
                self._engine = None


def may_pass(error: SQLAlchemyError) -> bool:
    """Whether the same transaction may succeed when it is run again."""
    if isinstance(error, IntegrityError):  # another host has added the same row
        return True
    if not isinstance(error, DBAPIError):
        return False
    # Not where the connection has broken: the transaction may have ended well before that.
    return str(getattr(error.orig, "sqlstate", None) or "") in _IN_THE_WAY


def _engine(url: str) -> sa.Engine:
    parsed = sa.make_url(url)
    if parsed.get_backend_name() == "sqlite":
        engine = sa.create_engine(parsed, connect_args={"timeout": POOL_SECONDS})
        sa.event.listen(engine, "connect", _on_connect)
        sa.event.listen(engine, "begin", _on_begin)
        return engine
    try:
        return sa.create_engine(
            parsed.set(drivername="postgresql+psycopg"),
            connect_args={"connect_timeout": CONNECT_SECONDS},
            pool_pre_ping=True,  # a server that was restarted has closed the connections
            pool_size=POOL_CONNECTIONS,
            max_overflow=MORE_CONNECTIONS,
            pool_timeout=POOL_SECONDS,
        )
    except ImportError as error:
        raise ConfigError(
            "LLMAGENT_OS_DATABASE_URL names PostgreSQL: install the extra, `pip install 'llmagent-os[postgres]'`"
        ) from error


def _on_connect(connection: object, _record: object) -> None:
    connection.isolation_level = None  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    for pragma in ("foreign_keys = ON", "secure_delete = ON"):
        connection.execute(f"PRAGMA {pragma}")  # type: ignore[attr-defined]  # pyright: ignore


def _on_begin(db: sa.Connection) -> None:
    db.exec_driver_sql("BEGIN IMMEDIATE")
