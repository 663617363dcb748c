"""Deletes the bytes of learned states that nothing needs any more, a few at a time.

To delete many of them at once would hold up everything else that the ledger has to do. What is left is noted in the
same transaction, so that a later start goes on with it, and a start with nothing to do looks at nothing.
"""

from __future__ import annotations

from uuid import uuid4

import sqlalchemy as sa

from llmagent_os.ledger.database import Database
from llmagent_os.ledger.portable import upsert
from llmagent_os.ledger.schema import keys, policy_bodies, policy_parts

#: How many bodies are deleted at once.
BODIES_AT_ONCE = 256
#: The row of ``keys`` that says that something is left to delete.
SWEEP_DUE = "policy_sweep_due"

_NOTE = upsert(keys)


def note_sweep(database: Database) -> None:
    """Note that there may be bytes that nothing needs."""
    database.sql.execute(_NOTE, {"name": SWEEP_DUE, "value": uuid4().hex})


def due_sweep(database: Database) -> str | None:
    """What :func:`note_sweep` noted last; None: there is nothing to delete."""
    found: str | None = database.sql.execute(sa.select(keys.c.value).where(keys.c.name == SWEEP_DUE)).scalar()
    return found


def end_sweep(database: Database, due: str) -> None:
    """Note that everything is deleted that was left at ``due``. What was noted since then stays noted."""
    database.sql.execute(sa.delete(keys).where(keys.c.name == SWEEP_DUE, keys.c.value == due))


def next_parts(database: Database, after: tuple[int, str], limit: int) -> list[tuple[int, str]]:
    """The next parts of states after one of them, in order."""
    key = sa.tuple_(policy_parts.c.state, policy_parts.c.part)
    query = sa.select(policy_parts.c.state, policy_parts.c.part).distinct()
    query = query.where(key > sa.tuple_(sa.literal(after[0]), sa.literal(after[1])))
    found = database.sql.execute(query.order_by(policy_parts.c.state, policy_parts.c.part).limit(limit))
    return [(row.state, row.part) for row in found]


def delete_unused_bodies(database: Database, after: int, limit: int) -> int | None:
    """Delete the bytes that no version has any more.

    Args:
        database: inside a transaction.
        after: look at the bodies after this number.
        limit: look at no more than this many.

    Returns:
        The number of the last body that was looked at; None: there are no more.
    """
    query = sa.select(policy_bodies.c.body).where(policy_bodies.c.body > after).order_by(policy_bodies.c.body)
    found = [row.body for row in database.sql.execute(query.limit(limit))]
    delete_unused(database, found)
    return found[-1] if len(found) == limit else None


def delete_unused(database: Database, bodies: list[int]) -> None:
    """Delete those of ``bodies`` that no version has."""
    for start in range(0, len(bodies), BODIES_AT_ONCE):
        these = policy_bodies.c.body.in_(bodies[start : start + BODIES_AT_ONCE])
        used = sa.select(policy_parts.c.body).where(policy_parts.c.body == policy_bodies.c.body).exists()
        database.sql.execute(sa.delete(policy_bodies).where(these, ~used))
