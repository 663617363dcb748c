"""An SQLite file, and the files of a data folder beside it, as one end of a copy."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import sqlalchemy as sa

from llmagent_os.errors import LedgerError
from llmagent_os.ledger.host_lock import FileLock
from llmagent_os.ledger.new_tables import make_tables, make_version
from llmagent_os.ledger.postgresql_escapes import without_nul
from llmagent_os.ledger.sqlite_database import BEGIN, BEGIN_READING, BUSY_MILLISECONDS
from llmagent_os.storage.database_end import PAGE_ROWS, DatabaseEnd, Row, key_text, numbered_tables, readable_text
from llmagent_os.storage.homes import HOMES, PLACES
from llmagent_os.storage.swapped_files import CHANGE_MARK, MARK, SwappedFiles

#: Files that SQLite keeps beside a database.
SIDE_FILES = ("-wal", "-shm", "-journal")


class SqliteEnd(DatabaseEnd):
    """A ledger in an SQLite file. What several hosts share as rows is in files of its data folder."""

    backend, driver_module, first_revision = "SQLite", "sqlite3", "0001"

    def __init__(self, path: Path, data: Path) -> None:
        """Open the file, or make it where there is none; only its owner may read it.

        Args:
            path: the ledger's file.
            data: the data folder that belongs to it.

        Raises:
            OSError: the file cannot be made.
            sqlite3.Error: it cannot be opened.
        """
        self.path = path
        self.name = f"sqlite:///{path}"
        self._lock = FileLock(path)
        self._files: SwappedFiles | None = None  # while the ledger is written
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)

        def open_driver() -> sqlite3.Connection:
            return sqlite3.connect(path, isolation_level=None)

        engine = sa.create_engine("sqlite://", creator=open_driver, poolclass=sa.StaticPool)
        super().__init__(engine.connect(), self._lock, data)
        self.driver = cast(sqlite3.Connection, self.sql.connection.driver_connection)
        self.driver.text_factory = readable_text
        self.driver.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
        self.driver.create_function("in_order", 1, without_nul, deterministic=True)
        try:
            self.driver.execute("PRAGMA secure_delete = ON")
            self.table_names()  # the file is read for the first time: it may be no database
        except BaseException:
            self.close()
            raise

    def table_names(self) -> frozenset[str]:
        query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
        return frozenset(name for (name,) in self.driver.execute(query))

    def count(self, table: str) -> int:
        home = HOMES.get(table)
        return self.count_rows(table) if home is None else sum(1 for _ in home.read_all(self._folder))

    def shared_files(self, other: DatabaseEnd) -> frozenset[str]:
        if isinstance(other, SqliteEnd) and other.data.resolve() == self.data.resolve():
            return frozenset(HOMES)
        return frozenset()

    @property
    def _folder(self) -> Path:
        """Where the files are that count now."""
        return self.data if self._files is None else self._files.new

    def size(self) -> int:
        files = [self.path, *(self.path.with_name(self.path.name + end) for end in SIDE_FILES)]
        return sum(file.stat().st_size for file in files if file.exists())

    def holder(self) -> str:
        if self.is_locked or not self._lock.is_held():
            return ""
        process = self._lock.path.read_text(encoding="utf-8", errors="replace").strip()
        return f"a host, process {process or 'unknown'}"

    def begin_reading(self) -> None:
        self.driver.execute(BEGIN_READING)
        self.driver.execute("SELECT 1 FROM sqlite_master").fetchall()  # a snapshot begins with the first read

    def read(self, table: sa.Table) -> Iterator[Row]:
        if table.name in HOMES:
            return HOMES[table.name].read_all(self._folder)
        names = ", ".join(f'"{column.name}"' for column in table.c)
        order = ", ".join(f'"{column.name}"' for column in table.primary_key)
        flags = [place for place, column in enumerate(table.c) if isinstance(column.type, sa.Boolean)]
        rows = self.driver.execute(f'SELECT {names} FROM "{table.name}" ORDER BY {order}')
        return (_with_flags(table, row, flags) for row in rows) if flags else rows

    def read_again(self, table: sa.Table) -> Iterator[Row]:
        if table.name in HOMES:
            yield from HOMES[table.name].read_all(self._folder)
            return
        query = sa.select(table).order_by(*(self._order(table, column) for column in table.primary_key))
        with self.sql.execution_options(yield_per=PAGE_ROWS).execute(query) as rows:
            for row in rows:
                yield tuple(row)

    def _order(self, table: sa.Table, column: sa.Column[Any]) -> sa.ColumnElement[Any]:
        """As PostgreSQL orders: it keeps two characters in another way."""
        if isinstance(column.type, sa.Text):
            odd = sa.or_(*(sa.func.instr(column, sa.func.char(number)) > 0 for number in (0, 26)))
            if self.sql.execute(sa.select(sa.literal(1)).select_from(table).where(odd).limit(1)).first():
                return sa.func.in_order(column)
        return column

    def counters(self) -> dict[str, int]:
        if self.driver.execute("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'").fetchone() is None:
            return {}
        known = numbered_tables()
        rows = self.driver.execute("SELECT name, seq FROM sqlite_sequence").fetchall()
        return {name: int(number) for name, number in rows if name in known}

    def begin_writing(self) -> None:
        self.lock()
        self.driver.execute("PRAGMA journal_mode = WAL")
        self.driver.execute("PRAGMA synchronous = FULL")
        self.driver.execute(BEGIN)

    def begin_files(self) -> None:
        try:
            self._files = SwappedFiles(self.data)
        except BlockingIOError as error:
            raise LedgerError(f"another command changes what is in {self.data}: wait until it has ended") from error

    def make_tables(self) -> None:
        make_tables(self.driver)
        make_version(self.driver)

    def write(self, table: sa.Table, rows: Iterable[Row]) -> int:
        if table.name in HOMES:
            return HOMES[table.name].write_all(self._folder, rows)
        names = ", ".join(f'"{column.name}"' for column in table.c)
        marks = ", ".join("?" * len(table.c))
        last: list[Row] = []

        def noted() -> Iterator[Row]:
            for row in rows:
                last[:] = [row]
                yield row

        try:
            self.driver.executemany(f'INSERT INTO "{table.name}" ({names}) VALUES ({marks})', noted())
        except (sqlite3.IntegrityError, sqlite3.InterfaceError, OverflowError, UnicodeEncodeError) as error:
            where = key_text(table, last[0]) if last else "the first row"
            raise LedgerError(f"{self.name} does not take the row {where!r} of {table.name}: {error}") from error
        return self.count_rows(table.name)

    def set_counters(self, counters: Mapping[str, int]) -> None:
        for name, number in counters.items():
            table_sql = self.driver.execute("SELECT sql FROM sqlite_master WHERE name = ?", (name,)).fetchone()
            if "AUTOINCREMENT" not in str(table_sql):
                continue  # SQLite numbers after the greatest row that is there
            found = self.driver.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (name,)).fetchone()
            if found is None:
                self.driver.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (name, number))
            else:
                self.driver.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = ?", (max(number, found[0]), name))

    def commit(self) -> None:
        if self._files is not None:
            token = self._files.note(self.path, PLACES)
            self.driver.execute(MARK, (CHANGE_MARK, token))
        self.driver.execute("COMMIT")

    def close(self) -> None:
        if self.driver.in_transaction:
            self.driver.execute("ROLLBACK")
        if self._files is not None:
            self._files.close()
            self._files = None
        engine = self.sql.engine
        self.sql.close()
        engine.dispose()
        self.unlock()


def _with_flags(table: sa.Table, row: Row, flags: list[int]) -> Row:
    values: list[Any] = list(row)
    for place in flags:
        if values[place] not in (0, 1, None):
            column = list(table.c)[place].name
            where = key_text(table, row)
            raise LedgerError(
                f"{table.name}.{column} of {where!r} is {values[place]!r}, and must be 0 or 1: mend the row"
            )
        values[place] = None if values[place] is None else bool(values[place])
    return tuple(values)
