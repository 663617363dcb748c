"""How often identities are linked and unlinked: the table ``link_changes``, inside the caller's transaction.

Every change may have a policy learn again what the rows have taught that change hands, so changes are limited. They are
counted in the ledger, not in memory: a restart must not begin the hour anew.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

import sqlalchemy as sa

from llmagent_os.identity import Identity
from llmagent_os.ledger.database import Database
from llmagent_os.ledger.schema import link_changes

#: How often one identity may be linked or unlinked within :data:`WINDOW`.
MAX_CHANGES = 5
#: The time in which changes are counted.
WINDOW = timedelta(hours=1)


def may_change(database: Database, identities: Collection[Identity], now: datetime) -> bool:
    """Whether these identities may be linked or unlinked once more. Deletes what is no longer counted."""
    database.sql.execute(sa.delete(link_changes).where(link_changes.c.at <= (now - WINDOW).timestamp()))
    number = sa.func.count()
    counts = sa.select(number).where(link_changes.c.identity.in_(identities)).group_by(link_changes.c.identity)
    most: int | None = database.sql.execute(counts.order_by(number.desc()).limit(1)).scalar()
    return (most or 0) < MAX_CHANGES


def note_change(database: Database, identities: Collection[Identity], now: datetime) -> None:
    """Count a change for every identity that it has joined or parted."""
    for identity in identities:
        database.sql.execute(sa.insert(link_changes).values(identity=identity, at=now.timestamp()))
