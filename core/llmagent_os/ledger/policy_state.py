"""What behaviour policies have learned: the tables ``policy_parts`` and ``policy_progress``.

The learned state is a cache: it can be learned again from the rewards.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import sqlalchemy as sa

from llmagent_os.identity import Identity
from llmagent_os.ledger.connection import Database
from llmagent_os.ledger.portable import upsert
from llmagent_os.ledger.schema import policy_parts, policy_progress, rewards
from llmagent_os.ledger.writer import Writer

_KEEP_PART = upsert(policy_parts)
_KEEP_PROGRESS = upsert(policy_progress)


class PolicyState:
    """Reads, stores and deletes the learned state of policies."""

    def __init__(self, writer: Writer) -> None:
        """Use the methods of ``Ledger``."""
        self._writer = writer

    async def read(self, policy: str, parts: Collection[str] | None = None) -> tuple[int | None, dict[str, bytes]]:
        """The state of ``policy``.

        Args:
            policy: its name.
            parts: read only these parts; None: all of them.

        Returns:
            The row of the last reward that it was learned from (None: nothing is stored), and by name the parts that
            are stored.
        """

        def work(database: Database) -> tuple[int | None, dict[str, bytes]]:
            kept = sa.select(policy_parts.c.part, policy_parts.c.body).where(policy_parts.c.policy == policy)
            if parts is not None:
                kept = kept.where(policy_parts.c.part.in_(parts))
            through = _through(database, policy)
            return through, {row.part: bytes(row.body) for row in database.sql.execute(kept)}

        return await self._writer.run(work)

    async def keep(self, policy: str, through: int, parts: Mapping[str, bytes], *, before: int | None) -> bool:
        """Store what ``policy`` has learned from the rewards up to row ``through``: all of it, or nothing.

        Args:
            policy: its name.
            through: the row of the last reward that it was learned from.
            parts: those that have changed, by name.
            before: the row up to which the stored state must be, as :meth:`read` has returned it.

        Returns:
            False: nothing was stored, since the stored state is not at row ``before`` any more. A link, the end of a
            link and an erasure delete it.
        """
        bodies = [{"policy": policy, "part": part, "body": body} for part, body in parts.items()]

        def work(database: Database) -> bool:
            if _through(database, policy) != before:
                return False
            if bodies:
                database.sql.execute(_KEEP_PART, bodies)
            database.sql.execute(_KEEP_PROGRESS, {"policy": policy, "through": through})
            return True

        return await self._writer.run(work, lasting=False)

    async def drop(self, policy: str) -> None:
        """Delete the state of ``policy``. The rewards stay, so that it can be learned again."""

        def work(database: Database) -> None:
            for table in (policy_parts, policy_progress):
                database.sql.execute(sa.delete(table).where(table.c.policy == policy))

        await self._writer.run(work)


def drop_learned_from(database: Database, identities: Collection[Identity]) -> None:
    """Delete the state of all policies if rewards by or for ``identities`` are in it, inside the caller's transaction.

    For when these rewards are about to go, or to belong to another person. The policies then learn again from the
    ledger, so that their state is what the ledger says, whenever it was learned.
    """
    theirs = rewards.c.user_id.in_(identities) | rewards.c.rater_id.in_(identities)
    if database.sql.execute(sa.select(rewards.c.seq).where(theirs).limit(1)).first() is not None:
        for table in (policy_parts, policy_progress):
            database.sql.execute(sa.delete(table))


def _through(database: Database, policy: str) -> int | None:
    query = sa.select(policy_progress.c.through).where(policy_progress.c.policy == policy)
    through: int | None = database.sql.execute(query).scalar()
    return through
