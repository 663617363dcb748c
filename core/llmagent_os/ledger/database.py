"""The contract of the ledger's database: one open connection, with its transactions. Each database is a file beside it.

``sqlite_database`` and ``postgresql_database`` fulfil it; ``connection`` opens the one that a URL names. What SQL says
in two ways is in ``portable``.
"""

from __future__ import annotations

import contextlib
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator
from functools import partial
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from llmagent_os.errors import LedgerError
from llmagent_os.ledger.pseudonyms import make_pseudonym
from llmagent_os.ledger.statements import Statement
from llmagent_os.sealing.key_ring import KeyRing

#: Names the row of ``keys`` that is there once the ledger is sealed.
SEALED_MARK = "sealed"

#: Names the row of ``keys`` that is there while the file is to be compacted: also a crash must not keep it from that.
WIPE_DUE = "wipe due"

#: What the database raises when it refuses.
DATABASE_ERRORS = (sqlite3.Error, SQLAlchemyError)


class UnsettledError(LedgerError):
    """The connection was cut while it committed: whether the transaction counts is known when the database is back."""

    def __init__(self, transaction: str) -> None:
        """Args: ``transaction`` is what :meth:`Database.outcome` asks about."""
        super().__init__("the connection to the database was cut while a transaction was committed")
        self.transaction = transaction


class WriteNeededError(LedgerError):
    """Work that was said to read only has something to write. It is run again as work that writes."""


class Result(Protocol):
    """What a compiled statement gives."""

    @property
    def rowcount(self) -> int:
        """How many rows were changed."""
        ...

    def fetchone(self) -> Any:
        """The next row; None: there is none."""
        ...

    def __iter__(self) -> Iterator[Any]:
        """The rows."""
        ...

    def fetchall(self) -> list[Any]:
        """All rows."""
        ...


class Database(ABC):
    """One open connection. Whoever runs work on it begins and ends the transactions."""

    #: The errors of the driver hold values of rows, which are what people said: they are in no traceback.
    hides_causes = False
    #: :meth:`compact` has a connection of its own, is called on another thread, and takes the mark away by itself.
    compacts_beside = False
    #: Runs one of the compiled ``statements``: for the path of every message.
    execute: Callable[[Statement, tuple[Any, ...]], Result]
    #: The pseudonym of a text; see ``pseudonyms``.
    pseudonym: Callable[[str], str]

    def __init__(self, sql: sa.Connection, ring: KeyRing | None) -> None:
        self.sql = sql  #: for everything but the path of every message; after a cut it is another one
        self.ring = ring  #: seals what people said; None: the ledger is not sealed
        self.reads = False  #: the open transaction can only read
        self.no_notes_before = 0.0  #: see ``damaged_rows.note``; a moment of ``time.monotonic``

    @abstractmethod
    def begin(self, *, reads: bool = False) -> None:
        """Begin a transaction. No other process can write until it ends.

        Args:
            reads: the transaction only reads. It sees one state of the ledger, and others may write meanwhile.
        """

    @abstractmethod
    def commit(self) -> None:
        """End the transaction. Once this returns, it lasts as far as :meth:`wait_for_disk` has asked for.

        Raises:
            UnsettledError: the connection was cut.
        """

    @abstractmethod
    def roll_back(self) -> None:
        """Undo the transaction, if one is open."""

    @property
    @abstractmethod
    def can_go_on(self) -> bool:
        """Whether the open transaction is still there after a statement was refused."""

    def outcome(self, transaction: str) -> bool:
        """Whether a transaction counts after an :class:`UnsettledError`. Needs no open transaction.

        Raises:
            LedgerError: the database is still away.
        """
        raise NotImplementedError(f"no connection is cut here: {transaction}")

    @contextlib.contextmanager
    def transaction(self) -> Generator[None]:
        """Run the block in a transaction of its own."""
        self.begin()
        try:
            yield
            self.commit()
        finally:
            self.roll_back()

    @abstractmethod
    def wait_for_disk(self, lasting: bool) -> None:
        """Set what the commits from now on survive.

        Args:
            lasting: True: a power cut, as far as the ledger was opened to. False: a crash of this process only; the
                commits do not wait for the disk.
        """

    @abstractmethod
    def checkpoint(self) -> bool:
        """Leave nothing of what was deleted in a log beside the tables, where that is in this program's hands.

        Returns:
            False: another process keeps this from being done. It is to be tried again.
        """

    @abstractmethod
    def compact(self) -> None:
        """Write anew what rows were deleted from, so that nothing of them is left. Needs no open transaction.

        Raises:
            LedgerError: something had to be left. It is to be tried again.
        """

    @abstractmethod
    def describe(self, error: Exception) -> str:
        """What the database refused and what to do about it, without anything that people said and without secrets."""

    @abstractmethod
    def close(self) -> None:
        """Close the connection."""

    def know_key(self, key: bytes) -> None:
        """Make pseudonyms by the ledger's key from now on."""
        self.pseudonym = partial(make_pseudonym, key)
