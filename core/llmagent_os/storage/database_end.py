"""One end of a copy: the database of an installation, read whole or written whole, whichever kind it is.

All methods block. A connection of its own is used, which opens no sealed value: what is encrypted stays as it is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from llmagent_os.errors import LedgerError
from llmagent_os.ledger.host_lock import HostLock
from llmagent_os.ledger.membership import HostRow
from llmagent_os.ledger.schema import metadata

#: The values of a row, in the order of its table's columns: None, bool, int, float, str or bytes.
Row = tuple[Any, ...]

#: The table in which Alembic keeps the revision.
VERSION_TABLE = "alembic_version"

#: What belongs to the hosts that run on a database. It is neither copied nor backed up. The numbers of hosts go along,
#: so that no host of a copy has the number of an earlier one. Those of the target are not lowered either.
LEASES = "leases"
OF_RUNNING_HOSTS = frozenset({"hosts", LEASES})

#: What a ledger that was only opened holds: its own key. A database with nothing else is empty.
BOOKKEEPING = frozenset({"keys"}) | OF_RUNNING_HOSTS

#: How many rows a reader fetches at a time.
PAGE_ROWS = 500


class DatabaseEnd(ABC):
    """A database that rows are read from or written to, in one transaction."""

    backend: str  #: its kind, as people call it
    name: str  #: where it is, without a password
    driver_module: str  #: the package that raises its errors
    first_revision: str  #: the first that was released with this kind of database

    def __init__(self, sql: sa.Connection, lock: HostLock, data: Path) -> None:
        """Use ``open_end``."""
        self.sql = sql  #: for what is the same on all databases
        self.data = data  #: the data folder of the installation
        self._host_lock = lock
        self.is_locked = False  #: hosts are kept out

    def lock(self) -> None:
        """Keep hosts out until the end is closed.

        Raises:
            LedgerError: one runs.
        """
        if not self.is_locked:
            self._host_lock.acquire()
            self.is_locked = True

    def unlock(self) -> None:
        """Let hosts in."""
        if self.is_locked:
            self._host_lock.release()
            self.is_locked = False

    def is_own(self, error: Exception) -> bool:
        """Whether this kind of database has raised ``error``."""
        return type(getattr(error, "orig", None) or error).__module__.split(".")[0] == self.driver_module

    # ── what is there ─────────────────────────────────────────────────────────────────────────────────────────────

    @abstractmethod
    def table_names(self) -> frozenset[str]:
        """The tables that are there."""

    @abstractmethod
    def size(self) -> int:
        """How many bytes the database takes."""

    @abstractmethod
    def holder(self) -> str:
        """Who runs on the database, in words; empty: nobody."""

    def hosts(self) -> list[HostRow]:
        """The hosts that share the database and are alive. Of a file: none, since one host has it alone."""
        return []

    def revision(self) -> str | None:
        """The migration that the tables are at. None: there are no tables of ours.

        Raises:
            LedgerError: the database holds tables of another program.
        """
        names = self.table_names()
        if VERSION_TABLE in names:
            row = self.sql.execute(sa.text(f"SELECT version_num FROM {VERSION_TABLE}")).first()
            if row is not None:
                return str(row[0])
        if names - {VERSION_TABLE}:
            few = ", ".join(sorted(names)[:3])
            raise LedgerError(f"{self.name} holds tables that are not this program's, such as {few}: use another one")
        return None

    def counts(self) -> dict[str, int]:
        """How many rows each table has."""
        return {name: self.count(name) for name in sorted(self.table_names() - {VERSION_TABLE})}

    def count(self, table: str) -> int:
        """How many rows ``table`` has, or the files that are a table elsewhere."""
        return self.count_rows(table)

    def count_rows(self, table: str) -> int:
        """How many rows ``table`` has in the database itself."""
        return int(self.sql.execute(sa.select(sa.func.count()).select_from(sa.table(table))).scalar_one())

    def filled(self) -> dict[str, int]:
        """The tables that hold something that would be lost, with their numbers of rows."""
        return {name: count for name, count in self.counts().items() if count and name not in BOOKKEEPING}

    def shared_files(self, other: DatabaseEnd) -> frozenset[str]:
        """The tables that are files, and the same files for ``other``."""
        return frozenset()

    # ── reading ───────────────────────────────────────────────────────────────────────────────────────────────────

    @abstractmethod
    def begin_reading(self) -> None:
        """Begin a transaction that sees one state of the database, whatever others write."""

    @abstractmethod
    def read(self, table: sa.Table) -> Iterator[Row]:
        """All rows of ``table``, in the order of its primary key, a few at a time in memory."""

    @abstractmethod
    def read_again(self, table: sa.Table) -> Iterator[Row]:
        """The same as :meth:`read` by other means, to find out whether what was written is what was read."""

    @abstractmethod
    def counters(self) -> dict[str, int]:
        """By table, the last number that was given to a row, where numbers are not used again."""

    # ── writing ───────────────────────────────────────────────────────────────────────────────────────────────────

    @abstractmethod
    def begin_writing(self) -> None:
        """Begin the transaction in which everything is written.

        Raises:
            LedgerError: a host runs on the database.
        """

    @abstractmethod
    def make_tables(self) -> None:
        """Make all tables of this version. None of them is there."""

    @abstractmethod
    def write(self, table: sa.Table, rows: Iterable[Row]) -> int:
        """Add rows, and return how many."""

    @abstractmethod
    def set_counters(self, counters: Mapping[str, int]) -> None:
        """Have new rows numbered after these numbers, and after all rows that are there."""

    def begin_files(self) -> None:  # noqa: B027  # a server has no files
        """Have files that are tables elsewhere written anew, and replaced by :meth:`commit`."""

    def drop_tables(self) -> None:
        """Remove all tables of ours, whatever their revision."""
        for name in sorted(self.table_names()):
            self.sql.execute(sa.schema.DropTable(sa.Table(name, sa.MetaData())))

    @abstractmethod
    def commit(self) -> None:
        """Keep what was written. Waits for the disk."""

    @abstractmethod
    def close(self) -> None:
        """Undo what was not kept, and close the connection. Others may use the database again."""


def readable_text(raw: bytes) -> str:
    """A text as the ledger reads it: a byte that is no UTF-8 becomes U+FFFD."""
    return raw.decode("utf-8", "replace")


def numbered_tables() -> dict[str, str]:
    """The tables whose rows the database numbers, with the column of the number."""
    found: dict[str, str] = {}
    for table in metadata.sorted_tables:
        column = table.autoincrement_column
        if column is not None:
            found[table.name] = column.name
    return found


def key_text(table: sa.Table, row: Row) -> str:
    """The primary key of a row, for people."""
    at = {column.name: place for place, column in enumerate(table.c)}
    return " ".join(str(row[at[column.name]]) for column in table.primary_key)
