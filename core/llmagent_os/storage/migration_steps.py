"""Takes a ledger to another revision: forward to this version's, or one step back, and says what a step back loses."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.script import ScriptDirectory

from llmagent_os.errors import LedgerError
from llmagent_os.ledger.migrate import config, upgrade
from llmagent_os.ledger.schema import REVISION, metadata
from llmagent_os.storage.database_end import DatabaseEnd

#: What migrations lose on the way back beside the tables and columns that they added.
_MORE_LOSSES = {
    "0005": ("every completion of a reply but the last one",),
    "0008": ("the ids of answered events, by which a redelivery is recognised", "the wrong codes of the last hour"),
}

#: By table and column, the default of the column as SQL; None: it has none.
Shape = dict[str, dict[str, str | None]]


@cache
def known_revisions() -> tuple[str, ...]:
    """All revisions that this version knows, the oldest first."""
    return tuple(each.revision for each in reversed(list(ScriptDirectory.from_config(config()).walk_revisions())))


def revision_before(revision: str, first: str = "") -> str:
    """The revision that one step back leads to.

    Args:
        revision: where it is.
        first: the first one that the kind of database was released with; empty: the first of all.

    Raises:
        LedgerError: this version does not know ``revision``, or there is none before it.
    """
    known = known_revisions()
    if revision not in known:
        raise LedgerError(
            f"revision {revision} is not known to this version, whose newest is {REVISION}: go back with the version "
            "of llmagent-os that made it"
        )
    at = known.index(revision)
    if revision == (first or known[0]):
        raise LedgerError(f"revision {revision} is the first of this kind of database: there is nothing to go back to")
    return known[at - 1]


def losses(end: DatabaseEnd, revision: str) -> list[str]:
    """What a step back from ``revision`` loses of what ``end`` holds, in words. Empty: nothing."""
    new, old = _shapes(revision)
    found = [f"{table}: {_rows(count)}" for table in sorted(set(new) - set(old)) if (count := end.count_rows(table))]
    for table in sorted(set(new) & set(old)):
        for column in sorted(set(new[table]) - set(old[table])):
            query = sa.select(sa.func.count()).select_from(sa.table(table))
            count = end.sql.execute(query.where(_says_something(table, column, new[table][column]))).scalar_one()
            if count:
                found.append(f"{table}.{column}: of {_rows(count)}")
    return found + list(_MORE_LOSSES.get(revision, ()))


def step_forward(end: DatabaseEnd) -> None:
    """Bring a database, which no host uses, to this version's revision, whole or not at all.

    Raises:
        LedgerError: a later version has made it, or a host runs.
    """
    if end.revision() == REVISION:
        return
    end.begin_writing()
    upgrade(end.sql, end.name)
    end.commit()


def step_back(end: DatabaseEnd) -> str:
    """Take a database, which no host uses, one revision back, whole or not at all. Returns the new revision.

    Raises:
        LedgerError: there is nothing to go back to, or a host runs.
    """
    found = end.revision()
    if found is None:
        raise LedgerError(f"{end.name} holds no ledger: is the URL right?")
    to = revision_before(found, end.first_revision)
    end.begin_writing()
    settings = config()
    settings.attributes["connection"] = end.sql
    command.downgrade(settings, to)
    end.commit()
    return to


def _rows(count: int) -> str:
    return f"{count} row{'s' if count != 1 else ''}"


@cache
def _shapes(revision: str) -> tuple[Shape, Shape]:
    """The tables of a revision, and those of the one before."""
    engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
    with engine.begin() as connection:
        settings = config()
        settings.attributes["connection"] = connection
        command.upgrade(settings, revision_before(revision))
        old = dict(_shape(connection))
        command.upgrade(settings, revision)
        new = dict(_shape(connection))
    engine.dispose()
    return new, old


def _shape(connection: sa.Connection) -> Iterator[tuple[str, dict[str, str | None]]]:
    inspector = sa.inspect(connection)
    for table in inspector.get_table_names():
        yield table, {each["name"]: each["default"] for each in inspector.get_columns(table)}


def _says_something(table: str, column: str, default: str | None) -> sa.ColumnElement[bool]:
    """Whether a row has another value than it would have without anybody's doing."""
    value: sa.ColumnElement[Any] = sa.column(column)
    if default is None:
        return value.is_not(None)
    text = default.strip("()'")
    known = metadata.tables[table].c.get(column) if table in metadata.tables else None
    if known is not None and isinstance(known.type, sa.Boolean):
        return value != (sa.true() if text in ("1", "true") else sa.false())
    number = known is not None and isinstance(known.type, sa.Integer | sa.Float)
    return value.is_distinct_from(sa.literal_column(text) if number else sa.literal(text))
