"""Whose rewards a state has learned since its parts were last stored: the table ``policy_changes``.

Parts are big: what is drawn of a person, and of all people. A reward changes some of them. So they are stored only now
and then, at a row called the base of the state. What was learned after the base is a function of the parts at the base
and of the rewards after it, which the ledger has. So the rewards themselves are the log of what is not stored yet. Here
is only said whose they are, in the same transaction as the row up to which was learned: some bytes for each reward.

Two things are read from it. Who is in the state, though no part says so yet: somebody in memory who is in neither was
linked, unlinked or erased. And who has changed: other processes that decide by the state read these people again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import sqlalchemy as sa

from llmagent_os.ledger.database import Database
from llmagent_os.ledger.portable import insert_or_ignore
from llmagent_os.ledger.schema import policy_changes

#: How many rows stay when the parts are stored, for processes that have not read them yet.
KEPT_ROWS = 1024

_NOTE = insert_or_ignore(policy_changes)


def note_changes(database: Database, state: int, changed: Iterable[tuple[int, str]]) -> None:
    """Note whose rewards a state has learned: the row of each reward, and the person."""
    rows = [{"state": state, "through": row, "part": part} for row, part in changed]
    if rows:
        database.sql.execute(_NOTE, rows)


def changed_names(database: Database, state: int, names: Collection[str]) -> set[str]:
    """Who of ``names`` has a reward that a state has learned lately."""
    here = (policy_changes.c.state == state, policy_changes.c.part.in_(names))
    return {row.part for row in database.sql.execute(sa.select(policy_changes.c.part).where(*here).distinct())}


def changed_since(database: Database, state: int, through: int) -> list[tuple[int, str]]:
    """The rows after row ``through`` that a state has learned, and whose they are, in order."""
    query = sa.select(policy_changes.c.through, policy_changes.c.part)
    query = query.where(policy_changes.c.state == state, policy_changes.c.through > through)
    return [(row.through, row.part) for row in database.sql.execute(query.order_by(policy_changes.c.through))]


def drop_changes(
    database: Database,
    state: int,
    *,
    before: int | None = None,
    after: int | None = None,
    names: Collection[str] | None = None,
) -> None:
    """Delete rows of a state: those up to row ``before``, those after row ``after``, or those of ``names``."""
    which = policy_changes.c.state == state
    if before is not None:
        which &= policy_changes.c.through <= before
    if after is not None:
        which &= policy_changes.c.through > after
    if names is not None:
        which &= policy_changes.c.part.in_(names)
    database.sql.execute(sa.delete(policy_changes).where(which))
