"""Makes the tables of a new ledger at once, as all migrations together would. That takes a tenth of their time."""

from __future__ import annotations

import sqlite3
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from llmagent_os.ledger.audit_triggers import TRIGGERS
from llmagent_os.ledger.schema import REVISION, metadata

#: As Alembic makes it.
VERSION_TABLE = (
    "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
    "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
)


def is_new(driver: sqlite3.Connection) -> bool:
    """Whether a database holds nothing at all."""
    return driver.execute("SELECT 1 FROM sqlite_master").fetchone() is None


def make_tables(driver: sqlite3.Connection) -> None:
    """Make the tables, indexes and triggers of this version in a database that :func:`is_new`.

    A transaction that the caller has begun stays open.
    """
    for statement in _statements():
        driver.execute(statement)


def make_version(driver: sqlite3.Connection) -> None:
    """Note that a file's tables are those of this version: later versions migrate it from here."""
    driver.execute(VERSION_TABLE)
    driver.execute("INSERT INTO alembic_version VALUES (?)", (REVISION,))


@cache
def _statements() -> tuple[str, ...]:
    made: list[str] = []

    def note(statement: Any, *_: Any) -> None:
        made.append(str(statement.compile(dialect=sqlite.dialect())))

    metadata.create_all(sa.create_mock_engine("sqlite://", note), checkfirst=False)
    return (*made, *TRIGGERS.values())
