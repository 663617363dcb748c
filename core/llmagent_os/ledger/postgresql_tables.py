"""Makes and migrates the tables of a ledger in PostgreSQL. Two hosts that start at the same moment do it once."""

from __future__ import annotations

from functools import cache
from typing import Any

import psycopg
import sqlalchemy as sa

from llmagent_os.ledger.audit_triggers import POSTGRESQL_TRIGGERS
from llmagent_os.ledger.new_tables import VERSION_TABLE
from llmagent_os.ledger.portable import postgresql_dialect
from llmagent_os.ledger.postgresql_lock import keep_hosts_out
from llmagent_os.ledger.postgresql_server import driver_of, lock_number
from llmagent_os.ledger.schema import REVISION, metadata


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
        LedgerError: a newer version has made them, or they are older and a host uses them.
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
            keep_hosts_out(sql, name, schema)  # they would fail at their next message
            from llmagent_os.ledger.migrate import upgrade

            upgrade(sql, name)


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
