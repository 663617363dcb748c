"""Reaches the tables of ``shared_tables`` from threads, over a small pool of connections.

The ledger has one connection and one thread of its own. Profiles, secrets, keys and transcripts are read and written in
many threads, and never wait for the ledger.
"""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable, Generator
from threading import Lock
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from llmagent_os.errors import LedgerError
from llmagent_os.ledger.location import locate

T = TypeVar("T")

#: Connections that stay open. Others are opened besides while more threads want one.
CONNECTIONS = 4

#: How often a transaction is run in which two hosts were in each other's way.
TRIES = 5

#: PostgreSQL's codes for that: a serialization failure, and a deadlock.
_IN_THE_WAY = ("40001", "40P01")

#: The channel of ``NOTIFY`` on which hosts tell each other what has changed.
CHANNEL = "llmagent_os_changed"

#: How long an announcement may be: PostgreSQL refuses the transaction of a longer one.
MAX_TOLD_BYTES = 7999


class SharedRows:
    """The shared tables of one database."""

    def __init__(self, url: str, connections: int = CONNECTIONS) -> None:
        """Nothing is opened yet.

        Args:
            url: of the ledger, which has brought the tables up to date.
            connections: so many stay open.
        """
        self._url, self._connections = url, connections
        self._location = locate(url)
        self._engines: tuple[sa.Engine, sa.Engine] | None = None
        self._lock = Lock()

    @classmethod
    def of(cls, url: str) -> SharedRows | None:
        """The shared tables behind ``url``. None: the ledger is in SQLite, and its machine keeps files beside it.

        Raises:
            ConfigError: ``url`` names no ledger.
        """
        return cls(url) if locate(url).on_server else None

    @property
    def place(self) -> str:
        """The database, for people: without its password."""
        return self._location.name

    def read(self, work: Callable[[sa.Connection], T]) -> T:
        """What ``work`` returns, which is one statement that reads: outside a transaction, for fewer round trips.

        Raises:
            LedgerError: the database refuses, or cannot be reached.
        """
        with self._errors():
            engine = self._opened()[0]
            with _returned(engine), engine.connect() as db:
                return work(db)

    def run(self, work: Callable[[sa.Connection], T]) -> T:
        """What ``work`` returns, run in a transaction: again where another host was in its way.

        Raises:
            LedgerError: the database refuses, or cannot be reached.
        """
        with self._errors():
            for _ in range(TRIES - 1):
                try:
                    return self._run_once(work)
                except SQLAlchemyError as error:
                    if not _may_pass(error):
                        raise
            return self._run_once(work)

    def _run_once(self, work: Callable[[sa.Connection], T]) -> T:
        engine = self._opened()[1]
        with _returned(engine), engine.begin() as db:
            return work(db)

    @staticmethod
    def announce(db: sa.Connection, what: str) -> None:
        """Tell all hosts that ``what`` has changed, once the transaction has ended well: never of what did not happen.

        Args:
            db: inside the transaction.
            what: as :class:`~llmagent_os.ledger.announcements.Announcements` names it. Of one that the server would
                refuse as too long, only the kind is told.
        """
        if len(what.encode()) > MAX_TOLD_BYTES:
            what = what.partition("/")[0]
        if db.dialect.name == "postgresql":
            db.execute(sa.select(sa.func.pg_notify(CHANNEL, what)))

    def close(self) -> None:
        """Close all connections. A later call opens new ones."""
        with self._lock:
            if self._engines is not None:
                self._engines[0].dispose()
                self._engines = None

    def _opened(self) -> tuple[sa.Engine, sa.Engine]:
        """The pool of connections, to read outside transactions and to run these.

        Raises:
            ConfigError: the driver of the database is missing.
        """
        with self._lock:
            if self._engines is None:
                if self._location.on_server:
                    from llmagent_os.ledger.postgresql_server import make_engine

                    engine = make_engine(self._url, connections=self._connections)
                    self._engines = engine, engine.execution_options(isolation_level="READ COMMITTED")
                else:
                    from llmagent_os.ledger.sqlite_database import make_engine as make_pool

                    engine = make_pool(self._url)
                    self._engines = engine, engine
                weakref.finalize(self, engine.dispose)  # a command that ends need not close it
            return self._engines

    @contextlib.contextmanager
    def _errors(self) -> Generator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            if not self._location.on_server:
                raise LedgerError(f"{self.place}: {error}") from error
            from llmagent_os.ledger.postgresql_server import described

            # Not as its cause: the driver's own text quotes rows.
            raise LedgerError(f"{self.place}: {described(error)}") from None


def _may_pass(error: SQLAlchemyError) -> bool:
    """Whether the same transaction may succeed when it is run again."""
    if isinstance(error, IntegrityError):  # another host has added the same row
        return True
    # Not where the connection has broken: the transaction may have ended well before that.
    return str(getattr(getattr(error, "orig", None), "sqlstate", None) or "") in _IN_THE_WAY


@contextlib.contextmanager
def _returned(engine: sa.Engine) -> Generator[None]:
    """Close the connection that is used inside, where the pool was closed meanwhile: nobody else would."""
    pool = engine.pool
    try:
        yield
    finally:
        if engine.pool is not pool:
            pool.dispose()
