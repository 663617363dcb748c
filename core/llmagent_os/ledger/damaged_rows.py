"""The damaged rows of the ledger: which they are, and what stood in those that had to leave their table.

A row that cannot be read must not keep the rest from being read. A row that nothing overwrites stays in its table, and
only a note of it is kept (:func:`note`). A row that the next write would replace or delete leaves its table, and its
values are kept in the note (:func:`put_aside`). Both log the row, once for as long as there is a note.
``llmagent-os doctor`` lists the notes.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from typing import Any

import msgspec
import sqlalchemy as sa
import structlog

from llmagent_os.ledger.database import DATABASE_ERRORS, Database
from llmagent_os.ledger.schema import completions, damaged, interactions, rewards
from llmagent_os.ledger.sealed_columns import sealed_values

_log = structlog.stdlib.get_logger(__name__)

#: For how long nothing is noted after a note was refused, as by a full disk. Rows are noted when they are read again.
PAUSE_SECONDS = 60.0

#: What decoding a damaged row raises.
UNREADABLE = (msgspec.MsgspecError, TypeError, ValueError, OverflowError, OSError, RecursionError)


def note(database: Database, table: sa.Table, key: Collection[object], identity: str, error: Exception) -> None:
    """Note that a row cannot be read. The row stays where it is.

    Args:
        database: inside a transaction.
        table: of the row.
        key: the values that name the row.
        identity: whom the row is about; empty: no one person.
        error: what reading the row raised.

    Raises:
        SQLAlchemyError: the database refused the note and has undone the whole transaction.
    """
    if time.monotonic() < database.no_notes_before:
        return
    name = _name(key)
    known = sa.select(damaged.c.seq).where(
        damaged.c.table == table.name, damaged.c.key == name, damaged.c.body.is_(None)
    )
    try:
        if database.sql.execute(known.limit(1)).first() is None:
            _keep(database, table, name, identity, None, error)
    except DATABASE_ERRORS as refused:  # a full disk: what can be read must be read all the same
        _log.error("a damaged row cannot be noted", table=table.name, key=name, error=str(refused))
        database.no_notes_before = time.monotonic() + PAUSE_SECONDS
        if not database.can_go_on:  # it is undone: all work in it must run again, without notes
            raise


def put_aside(database: Database, table: sa.Table, row: Mapping[str, Any], identity: str, error: Exception) -> None:
    """Move a row that cannot be read out of its table, with all that it held.

    Args:
        database: inside a transaction.
        table: of the row.
        row: the values of all its columns.
        identity: whom the row is about; empty: no one person.
        error: what reading the row raised.
    """
    primary = [column.name for column in table.primary_key]
    body = msgspec.json.encode(dict(row)).decode()
    _keep(database, table, _name([row[name] for name in primary]), identity, body, error)
    database.sql.execute(sa.delete(table).where(*(table.c[name] == row[name] for name in primary)))


def damaged_of(database: Database, who: Collection[str]) -> list[dict[str, Any]]:
    """The damaged rows about ``who``, as JSON values: ``table``, ``key``, ``why``, and in ``row`` what it holds."""
    found: list[dict[str, Any]] = []
    for kept in database.sql.execute(sa.select(damaged).where(damaged.c.user_id.in_(who)).order_by(damaged.c.seq)):
        row = kept.body if kept.body is not None else _in_place(database, kept.table, kept.key)
        found.append({"table": kept.table, "key": kept.key, "why": kept.why, "row": row})
    return found


def erase_damaged(who: Collection[str]) -> tuple[sa.Delete, ...]:
    """The statements that erase every note about ``who``. They come before the rows of other tables are deleted."""
    theirs = sa.select(interactions.c.interaction_id).where(interactions.c.user_id.in_(who))
    by_or_for_them = rewards.c.user_id.in_(who) | rewards.c.rater_id.in_(who) | rewards.c.interaction_id.in_(theirs)
    given = sa.select(rewards.c.reward_id).where(by_or_for_them)
    return (
        sa.delete(damaged).where(damaged.c.user_id.in_(who)),
        sa.delete(damaged).where(damaged.c.table == rewards.name, damaged.c.key.in_(given)),
    )


def _keep(database: Database, table: sa.Table, name: str, identity: str, body: str | None, error: Exception) -> None:
    why = str(error) or type(error).__name__
    row = {"table": table.name, "key": name, "user_id": identity, "body": body, "why": why, "found_at": time.time()}
    database.sql.execute(sa.insert(damaged).values(sealed_values(database, damaged, identity, row)))
    _log.error("a damaged row is put aside; llmagent-os doctor lists it", table=table.name, key=name, error=why)


def _in_place(database: Database, table: str, key: str) -> str | None:
    """What a damaged row that stayed in its table holds, as JSON; None: it is gone."""
    query: sa.Select[Any]
    match table:
        case interactions.name:
            query = sa.select(interactions).where(interactions.c.interaction_id == key)
        case rewards.name:
            query = sa.select(rewards).where(rewards.c.reward_id == key)
        case completions.name:
            interaction_id, _, position = key.rpartition(" ")
            where = (completions.c.interaction_id == interaction_id, completions.c.position == int(position))
            query = sa.select(completions).where(*where)
        case _:
            return None
    row = database.sql.execute(query).mappings().first()
    return None if row is None else msgspec.json.encode(dict(row)).decode()


def _name(key: Collection[object]) -> str:
    return " ".join(map(str, key))
