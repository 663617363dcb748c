"""A PostgreSQL database as one end of a copy. Rows go in and out by COPY in its binary form, which keeps every bit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

import psycopg
import sqlalchemy as sa
from psycopg.sql import SQL, Composed, Identifier

from llmagent_os.errors import LedgerError
from llmagent_os.storage.database_end import PAGE_ROWS, DatabaseEnd, Row, key_text, numbered_tables

#: How long the connection may take, and a statement wait for a lock of another program.
CONNECT_SECONDS, LOCK_SECONDS = 15, 15

#: A server that does not answer for so long is away.
SILENT_MILLISECONDS = 60_000

#: The number of the lock that is held while a database is written whole: two copies must not mix.
COPY_LOCK = 0x6C6C6D61


class PostgresEnd(DatabaseEnd):
    """A ledger in a PostgreSQL database."""

    backend = "PostgreSQL"
    driver_module = "psycopg"

    def __init__(self, url: sa.URL) -> None:
        """Connect to the database.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: it cannot be reached.
        """
        self.name = url.set(drivername="postgresql").render_as_string()
        engine = sa.create_engine(
            url.set(drivername="postgresql+psycopg"),
            isolation_level="REPEATABLE READ",
            poolclass=sa.NullPool,
            connect_args={
                "connect_timeout": CONNECT_SECONDS,
                "tcp_user_timeout": SILENT_MILLISECONDS,
                "keepalives_idle": 15,
                "application_name": "llmagent-os db",
            },
        )
        super().__init__(engine.connect())
        self._driver = cast("psycopg.Connection[Row]", self.sql.connection.driver_connection)

    def table_names(self) -> frozenset[str]:
        return frozenset(sa.inspect(self.sql).get_table_names())

    def size(self) -> int:
        return int(self.sql.execute(sa.text("SELECT pg_database_size(current_database())")).scalar_one())

    def holder(self) -> str:
        return ""

    def begin_reading(self) -> None:
        self.sql.execute(sa.text("SET TRANSACTION READ ONLY"))
        self.sql.execute(sa.text("SELECT 1 FROM pg_class LIMIT 1"))  # a snapshot begins with the first read

    def read(self, table: sa.Table) -> Iterator[Row]:
        names = [column.name for column in table.c]
        query = SQL("COPY (SELECT {} FROM {} ORDER BY {}) TO STDOUT (FORMAT BINARY)").format(
            _listed(names), Identifier(table.name), SQL(", ").join(map(_in_order, table.primary_key))
        )
        types = self._types(table.name, names)
        with self._driver.cursor().copy(query) as copy:
            copy.set_types(types)
            yield from copy.rows()

    def read_again(self, table: sa.Table) -> Iterator[Row]:
        order = [
            column.collate("C") if isinstance(column.type, sa.Text) else column  # as SQLite orders texts
            for column in table.primary_key
        ]
        query = sa.select(table).order_by(*order)
        with self.sql.execution_options(stream_results=True, yield_per=PAGE_ROWS).execute(query) as rows:
            for row in rows:
                yield tuple(row)

    def counters(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for table, column in numbered_tables().items():
            sequence = self._sequence(table, column)
            if sequence is not None:
                query = SQL("SELECT last_value, is_called FROM {}").format(Identifier(*sequence.split(".")))
                last, is_called = self._driver.execute(query).fetchall()[0]
                found[table] = int(last) if is_called else 0
        return {name: number for name, number in found.items() if number}

    def begin_writing(self) -> None:
        self.sql.execute(sa.text(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'"))
        if not self.sql.execute(sa.select(sa.func.pg_try_advisory_xact_lock(COPY_LOCK))).scalar_one():
            raise LedgerError(f"another command writes to {self.name}: wait until it has ended")

    def drop_tables(self) -> None:
        for name in sorted(self.table_names()):
            self._driver.execute(SQL("DROP TABLE {} CASCADE").format(Identifier(name)))

    def make_tables(self) -> None:
        from llmagent_os.ledger.schema import REVISION, metadata

        metadata.create_all(self.sql)
        self.sql.execute(sa.text("CREATE TABLE alembic_version (version_num varchar(32) primary key)"))
        self.sql.execute(sa.text(f"INSERT INTO alembic_version VALUES ('{REVISION}')"))

    def write(self, table: sa.Table, rows: Iterable[Row]) -> int:
        names = [column.name for column in table.c]
        query = SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(Identifier(table.name), _listed(names))
        types = self._types(table.name, names)
        last: Row = ()
        try:
            with self._driver.cursor() as cursor, cursor.copy(query) as copy:
                copy.set_types(types)
                for row in rows:
                    last = row
                    copy.write_row(row)
        except (psycopg.DataError, psycopg.IntegrityError, OverflowError) as error:
            where = f"the row {key_text(table, last)!r}, or one shortly before it," if last else "a row"
            reason = str(error).splitlines()[0]
            raise LedgerError(f"{self.name} does not take {where} of {table.name}: {reason}") from error
        return self.count(table.name)

    def set_counters(self, counters: Mapping[str, int]) -> None:
        for table, column in numbered_tables().items():
            sequence = self._sequence(table, column)
            if sequence is None:
                continue
            greatest = sa.select(sa.func.max(sa.column(column))).select_from(sa.table(table))
            number = max(self.sql.execute(greatest).scalar_one() or 0, counters.get(table, 0))
            self.sql.execute(sa.select(sa.func.setval(sequence, max(number, 1), number > 0)))

    def commit(self) -> None:
        self.sql.commit()

    def close(self) -> None:
        engine = self.sql.engine
        self.sql.close()
        engine.dispose()

    def _types(self, table: str, names: list[str]) -> list[str]:
        """The types of columns, as COPY has to be told them."""
        query = "SELECT attname, typname FROM pg_attribute JOIN pg_type ON pg_type.oid = atttypid WHERE attrelid = %s::regclass"
        found = dict(cast("list[tuple[str, str]]", self._driver.execute(query, [f'"{table}"']).fetchall()))
        return [found[name] for name in names]

    def _sequence(self, table: str, column: str) -> str | None:
        query = sa.select(sa.func.pg_get_serial_sequence(f'"{table}"', column))
        return cast("str | None", self.sql.execute(query).scalar_one())


def _listed(names: Iterable[str]) -> Composed:
    return SQL(", ").join(map(Identifier, names))


def _in_order(column: sa.Column[Any]) -> Composed:
    collate = SQL(' COLLATE "C"') if isinstance(column.type, sa.Text) else SQL("")
    return Composed([Identifier(column.name), collate])
