"""A PostgreSQL database as one end of a copy. Rows go in and out by COPY in its binary form, which keeps every bit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import psycopg
import sqlalchemy as sa
from psycopg.sql import SQL, Composed, Identifier

from llmagent_os.errors import LedgerError
from llmagent_os.ledger.location import locate
from llmagent_os.ledger.membership import HostRow
from llmagent_os.ledger.postgresql_escapes import with_nul, without_nul
from llmagent_os.ledger.postgresql_lock import ServerLock, hosts_of
from llmagent_os.ledger.postgresql_server import driver_of, lock_number, make_engine, make_schema
from llmagent_os.ledger.postgresql_tables import make_tables
from llmagent_os.ledger.schema import metadata
from llmagent_os.storage.database_end import PAGE_ROWS, VERSION_TABLE, DatabaseEnd, Row, key_text, numbered_tables

#: How long a statement waits for another program that uses the tables.
LOCK_SECONDS = 15

#: Begins a transaction that sees one state of the database from its first statement on.
_BEGIN = b"BEGIN ISOLATION LEVEL REPEATABLE READ"


class PostgresEnd(DatabaseEnd):
    """A ledger in a PostgreSQL database."""

    backend, driver_module, first_revision = "PostgreSQL", "psycopg", "0029"

    def __init__(self, url: str, data: Path) -> None:
        """Connect to the database, which holds the rows of everything; nothing of it is in files.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: it cannot be reached.
        """
        self.name = locate(url).name
        super().__init__(make_engine(url).connect(), ServerLock(url), data)
        self._driver = driver_of(self.sql)
        try:
            self._schema = make_schema(self.sql, url)
            # A copy reads one side while it writes the other one, for as long as that takes.
            self._driver.execute("SET idle_in_transaction_session_timeout = 0; SET statement_timeout = 0")
        except BaseException:
            self.close()
            raise

    def table_names(self) -> frozenset[str]:
        query = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
        return frozenset(str(name) for (name,) in self._driver.execute(query).fetchall())

    def size(self) -> int:
        query = "SELECT coalesce(sum(pg_total_relation_size(to_regclass(quote_ident(tablename)))), 0) FROM pg_tables "
        query += "WHERE schemaname = current_schema()"
        found = self._driver.execute(query.encode()).fetchall()
        return int(found[0][0])

    def holder(self) -> str:
        if self.is_locked or not self._host_lock.is_held():
            return ""
        hosts = self.hosts()
        if hosts:
            return f"{'a host' if len(hosts) == 1 else f'{len(hosts)} hosts'}: {', '.join(host.name for host in hosts)}"
        query = (
            "SELECT DISTINCT coalesce(host(client_addr), 'the server itself') FROM pg_stat_activity "
            "WHERE datname = current_database() AND application_name = 'llmagent-os' AND pid <> pg_backend_pid()"
        )
        places = ", ".join(str(place) for (place,) in self._driver.execute(query).fetchall())
        return f"a host, or a command that must be alone, on {places or 'unknown'}"

    def hosts(self) -> list[HostRow]:
        return hosts_of(self.sql)

    def begin_reading(self) -> None:
        self._driver.execute(_BEGIN + b" READ ONLY")
        self._driver.execute("SELECT 1")  # a snapshot begins with the first statement

    def read(self, table: sa.Table) -> Iterator[Row]:
        names = [column.name for column in table.c]
        query = SQL("COPY (SELECT {} FROM {} ORDER BY {}) TO STDOUT (FORMAT BINARY)").format(
            _listed(names), Identifier(table.name), _listed(column.name for column in table.primary_key)
        )
        types = self._types(table.name, names)
        with self._driver.cursor().copy(query) as copy:
            copy.set_types(types)
            for row in copy.rows():
                yield tuple(with_nul(value) if type(value) is str else value for value in row)

    def read_again(self, table: sa.Table) -> Iterator[Row]:
        query = sa.select(table).order_by(*table.primary_key)
        with self.sql.execution_options(stream_results=True, yield_per=PAGE_ROWS).execute(query) as rows:
            for row in rows:
                yield tuple(row)

    def counters(self) -> dict[str, int]:
        found: dict[str, int] = {}
        there = self.table_names()
        for table, column in numbered_tables().items():
            sequence = self._sequence(table, column) if table in there else None
            if sequence is not None:
                row = self._driver.execute(f"SELECT last_value, is_called FROM {sequence}".encode()).fetchall()[0]
                found[table] = int(row[0]) if row[1] else 0
        return {name: number for name, number in found.items() if number}

    def begin_writing(self) -> None:
        self.lock()
        self._driver.execute(_BEGIN)
        self._driver.execute(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'".encode())
        self._driver.execute("SELECT pg_advisory_xact_lock(%s)", (lock_number("turn", self._schema),))

    def drop_tables(self) -> None:
        names = self.table_names()
        strange = sorted(names - set(metadata.tables) - {VERSION_TABLE})
        if strange:
            raise LedgerError(
                f"{self.name} holds tables that are not this program's, such as {strange[0]}: name another database, "
                "or a schema of its own (?schema=llmagent_os)"
            )
        for name in sorted(names):
            self._driver.execute(SQL("DROP TABLE {} CASCADE").format(Identifier(name)))
        self._driver.execute("DROP FUNCTION IF EXISTS audit_refuses() CASCADE")

    def make_tables(self) -> None:
        make_tables(self._driver)

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
                    copy.write_row([without_nul(value) if type(value) is str else value for value in row])
        except (psycopg.DataError, psycopg.IntegrityError, psycopg.ProgrammingError, OverflowError) as error:
            where = f"the row {key_text(table, last)!r}, or one shortly before it," if last else "a row"
            reason = str(error).splitlines()[0]
            raise LedgerError(f"{self.name} does not take {where} of {table.name}: {reason}") from None
        return self.count(table.name)

    def set_counters(self, counters: Mapping[str, int]) -> None:
        for table, column in numbered_tables().items():
            sequence = self._sequence(table, column)
            if sequence is None:
                continue
            greatest = SQL("SELECT coalesce(max({}), 0) FROM {}").format(Identifier(column), Identifier(table))
            number = max(int(self._driver.execute(greatest).fetchall()[0][0]), counters.get(table, 0))
            self._driver.execute("SELECT setval(%s, %s, %s)", (sequence, max(number, 1), number > 0))

    def commit(self) -> None:
        self._driver.execute("ANALYZE")  # else the first statements would be planned as for empty tables
        self._driver.execute("COMMIT")

    def close(self) -> None:
        engine = self.sql.engine
        self.sql.invalidate()  # the server undoes what was not committed
        self.sql.close()
        engine.dispose()
        self.unlock()

    def _types(self, table: str, names: list[str]) -> list[str]:
        """The types of columns, as COPY has to be told them."""
        query = (
            "SELECT attname, typname FROM pg_attribute JOIN pg_type ON pg_type.oid = atttypid "
            "WHERE attrelid = to_regclass(quote_ident(%s)) AND attnum > 0"
        )
        found = dict(cast("list[tuple[str, str]]", self._driver.execute(query, (table,)).fetchall()))
        return [found[name] for name in names]

    def _sequence(self, table: str, column: str) -> str | None:
        query = "SELECT pg_get_serial_sequence(quote_ident(%s), %s)"
        found: Any = self._driver.execute(query, (table, column)).fetchall()[0][0]
        return None if found is None else str(found)


def _listed(names: Iterable[str]) -> Composed:
    return SQL(", ").join(map(Identifier, names))
