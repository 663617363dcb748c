"""When a person was asked why they did not like a reply, and what they said: rows of ``rewards`` of the kind reason."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa

from llmagent_os.identity import Identity
from llmagent_os.ledger.database import Database
from llmagent_os.ledger.row_codecs import readable_rewards
from llmagent_os.ledger.schema import interactions, rewards
from llmagent_os.ledger.values import RewardEvent
from llmagent_os.ledger.writer import Writer

#: How many of a person's latest rows are read. Nothing that lies further back is asked for.
LATEST_ROWS = 40


class AskedReasons:
    """Reads the questions and the reasons of one person. They are written as any reward is."""

    def __init__(self, writer: Writer) -> None:
        """Use ``Ledger.reasons``."""
        self._writer = writer

    async def latest(self, who: Collection[Identity]) -> list[RewardEvent]:
        """The latest rows of a person, newest first.

        Args:
            who: all identities of the person.
        """
        mine = rewards.c.rater_id.in_(who) & (rewards.c.kind == "reason")
        query = sa.select(rewards).where(mine).order_by(rewards.c.seq.desc()).limit(LATEST_ROWS)
        return await self._writer.run(
            lambda database: readable_rewards(database, database.sql.execute(query).mappings())
        )

    async def replies_since(self, who: Collection[Identity], interaction_id: str) -> int:
        """How many replies a behaviour was chosen for, to a person, after one reply; after none, if it was erased."""
        place = sa.select(interactions.c.seq).where(interactions.c.interaction_id == interaction_id)
        later = interactions.c.seq > sa.func.coalesce(place.scalar_subquery(), 0)
        chosen = interactions.c.action != "{}"
        query = sa.select(sa.func.count()).where(interactions.c.user_id.in_(who), later, chosen)

        def work(database: Database) -> int:
            return int(database.sql.execute(query).scalar_one())

        return await self._writer.run(work, reads=True)
