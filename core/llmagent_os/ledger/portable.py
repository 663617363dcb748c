"""What SQL says in another way on every database: insert-or-ignore, upsert, greatest and finding text in text.

Everything of a dialect that the ledger's statements use is here. What a connection needs of its database (its settings,
its kind of transaction) is in ``sqlite_database`` and ``postgresql_database``. A third database is another branch here
and one more such file.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.sqlite.dml import OnConflictDoNothing, OnConflictDoUpdate
from sqlalchemy.ext.compiler import compiles

#: The dialect in which ``statements`` are written: its text costs SQLite nothing more.
SQLITE: sa.Dialect = sqlite.dialect()


@cache
def postgresql_dialect() -> sa.Dialect:
    """The dialect of PostgreSQL, in the form that the driver's own cursor takes."""
    from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

    make: Any = PGDialect_psycopg  # it has no types
    found: sa.Dialect = make(paramstyle="format")
    return found


@compiles(OnConflictDoNothing, "postgresql")
def _ignore_on_postgresql(_clause: Any, _compiler: Any, **_: Any) -> str:
    return "ON CONFLICT DO NOTHING"


@compiles(OnConflictDoUpdate, "postgresql")
def _update_on_postgresql(clause: Any, compiler: Any, **options: Any) -> str:
    from sqlalchemy.dialects.postgresql import dml

    found = dml.OnConflictDoUpdate(
        index_elements=clause.inferred_target_elements, set_=dict(clause.update_values_to_set)
    )
    return str(compiler.process(found, **options))


def insert_or_ignore(table: sa.Table) -> sa.Insert:
    """Insert a row into ``table``, unless one with the same primary key or another unique value is there."""
    return sqlite.insert(table).on_conflict_do_nothing()


def upsert(table: sa.Table, changed: Mapping[str, sa.ColumnElement[object]] | None = None) -> sa.Insert:
    """Insert a row into ``table``, or change the row that has the same primary key.

    Args:
        table: where the row goes.
        changed: by column, what a row that is there gets. None: everything that the new row has, which must then
            have a value for every column.
    """
    insert = sqlite.insert(table)
    key = [column.name for column in table.primary_key]
    values = changed or {column.name: insert.excluded[column.name] for column in table.c if column.name not in key}
    return insert.on_conflict_do_update(index_elements=key, set_=values)


class greatest(sa.sql.functions.GenericFunction[float]):  # its name in SQL
    """The greater one of two numbers."""

    type = sa.Float()
    inherit_cache = True


@compiles(greatest, "sqlite")
def _greatest_on_sqlite(function: Any, compiler: Any, **options: Any) -> str:
    return f"max({compiler.process(function.clauses, **options)})"


class position_of(sa.sql.functions.GenericFunction[int]):
    """Where the second text begins in the first one, from 1; 0: nowhere."""

    type = sa.Integer()
    inherit_cache = True


@compiles(position_of, "sqlite")
def _position_on_sqlite(function: Any, compiler: Any, **options: Any) -> str:
    return f"instr({compiler.process(function.clauses, **options)})"


@compiles(position_of, "postgresql")
def _position_on_postgresql(function: Any, compiler: Any, **options: Any) -> str:
    return f"strpos({compiler.process(function.clauses, **options)})"
