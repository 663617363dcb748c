"""Makes and migrates the tables of a ledger in PostgreSQL. Two hosts that start at the same moment do it once."""

from __future__ import annotations

from functools import cache
from typing import Any

import psycopg
import sqlalchemy as sa

from llmagent_os.errors import LedgerError
from llmagent_os.ledger.audit_triggers import POSTGRESQL_TRIGGERS
from llmagent_os.ledger.new_tables import VERSION_TABLE
from llmagent_os.ledger.portable import postgresql_dialect
from llmagent_os.ledger.postgresql_server import driver_of, lock_number
from llmagent_os.ledger.schema import REVISION, metadata

#: The hosts that live, in words that each revision with the table understands.
_LIVING = (
    "SELECT name, version FROM hosts WHERE alive_until > extract(epoch from clock_timestamp()) ORDER BY number LIMIT 20"
)


def revision(sql: sa.Connection) -> str | None:
    """The migration that the tables are at. None: there are none."""
    if sql.execute(sa.text("SELECT to_regclass('alembic_version')")).scalar() is None:
        return None
    found = sql.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def bring_up_to_date(sql: sa.Connection, name: str, schema: str) -> None:
    """Make the tables of this version, or migrate those that are there, in one transaction.

    Args:
        sql: outside a transaction.
        name: of the ledger, for errors.
        schema: of the tables.

    Raises:
        LedgerError: a newer version has made them, or hosts of another version run.
    """
    if revision(sql) == REVISION:
        return
    if sql.in_transaction():
        sql.commit()  # SQLAlchemy's own note of one; the server knows of none
    driver = driver_of(sql)
    with sql.begin():
        # The second of two hosts waits here, and finds the work done. Nobody writes meanwhile: it is the writers' turn.
        driver.execute(f"BEGIN; SELECT pg_advisory_xact_lock({lock_number('turn', schema)})".encode())
        found = revision(sql)
        if found is None:
            make_tables(driver)
        elif found != REVISION:
            _check_no_host(driver, name, schema, found)
            from llmagent_os.ledger.migrate import upgrade

            upgrade(sql, name)
            driver.execute(_types_of_this_schema(sql))


def _check_no_host(driver: psycopg.Connection[Any], name: str, schema: str, found: str) -> None:
    """Refuse to change the tables under hosts that know them as they are.

    A host keeps the lock as long as it is connected. One that is cut off comes back: it counts as long as its row does.

    Raises:
        LedgerError: hosts run.
    """
    row = driver.execute("SELECT to_regclass('hosts') IS NOT NULL").fetchone()
    hosts: list[str] = []
    if row is not None and row[0]:
        hosts = [f"{host} (version {version})" for host, version in driver.execute(_LIVING).fetchall()]
    row = driver.execute("SELECT pg_try_advisory_xact_lock(%s)", (lock_number("host", schema),)).fetchone()
    if not hosts and row is not None and row[0]:
        return
    raise LedgerError(
        f"the ledger {name} is at revision {found}, this version needs {REVISION}, and hosts of another version run on "
        f"it: {', '.join(hosts) or 'their names are not known'}. Stop all of them first (one that has died counts "
        "until its lease has ended), then start this version, or run `llmagent-os db upgrade`"
    )


def make_tables(driver: psycopg.Connection[Any]) -> None:
    """Make the tables, indexes and triggers of this version, inside a transaction that the caller has begun."""
    driver.execute(_new_tables())
    driver.execute("INSERT INTO alembic_version VALUES (%s)", (REVISION,))


@cache
def _new_tables() -> bytes:
    """All statements that make the tables, as one: that is one round trip."""
    made: list[str] = []

    def note(statement: Any, *_: Any) -> None:
        made.append(str(statement.compile(dialect=postgresql_dialect())))

    metadata.create_all(sa.create_mock_engine("postgresql+psycopg://", note), checkfirst=False)
    return ";\n".join((*made, *POSTGRESQL_TRIGGERS, VERSION_TABLE)).encode()


def _types_of_this_schema(sql: sa.Connection) -> bytes:
    """What gives columns that migrations have made the types of the tables: see ``schema``.

    A migration says ``TEXT`` and ``INTEGER``, as SQLite does. Here, text is sorted by its bytes, and a whole number has
    eight of them.
    """
    query = sa.text(
        "SELECT table_name, column_name, data_type FROM information_schema.columns "
        "WHERE table_schema = current_schema() AND (data_type = 'integer' "
        "OR (data_type = 'text' AND collation_name IS DISTINCT FROM 'C'))"
    )
    quote = sql.dialect.identifier_preparer.quote
    steps = [
        f"ALTER TABLE {quote(row.table_name)} ALTER COLUMN {quote(row.column_name)} TYPE "
        + ("bigint" if row.data_type == "integer" else 'text COLLATE "C"')
        for row in sql.execute(query)
        if row.table_name in metadata.tables
    ]
    return "; ".join(steps or ["SELECT 1"]).encode()
