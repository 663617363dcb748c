"""Statements that every database writes in its own way: insert-or-ignore, upsert and questions about JSON.

Everything of the SQLite dialect that the ledger's statements use is here. What a connection needs of SQLite (its
settings, its kind of transaction) is in ``connection``. Another database is another branch in these two files.
"""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

#: The dialect for which ``statements`` compiles what runs on the driver's own cursor.
DIALECT: sa.Dialect = sqlite.dialect()


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


def has_json_object(column: sa.Column[str], key: str) -> sa.ColumnElement[bool]:
    """Whether ``column`` holds JSON, an object, whose value under ``key`` is an object too.

    A damaged row is no JSON. SQLite would refuse the whole query at such a row.
    """
    text = sa.func.opened(column)
    found = sa.func.json_type(text, f"$.{key}") == "object"
    return sa.case((sa.func.json_valid(text) == 1, found), else_=sa.false())
