"""The rewards: signs of what people think of replies. A table to which rows are only appended."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import sqlalchemy as sa

from llmagent_os.identity import Identity, PersonId, first_identity_of
from llmagent_os.ledger import statements
from llmagent_os.ledger.database import Database
from llmagent_os.ledger.identity_links import identities_of, person_of
from llmagent_os.ledger.row_codecs import encode_reward, readable_interaction, readable_reward, readable_rewards
from llmagent_os.ledger.schema import interactions, rewards
from llmagent_os.ledger.sealed_columns import sealed_row
from llmagent_os.ledger.statements import REWARD_COLUMNS
from llmagent_os.ledger.taken_back import take_off
from llmagent_os.ledger.values import Interaction, RewardEvent, RewardWithReply
from llmagent_os.ledger.writer import Writer


def insert_reward(database: Database, row: tuple[Any, ...]) -> int:
    """Append a reward, as ``encode_reward`` gives it. Returns 0 where a reward with its id is there already."""
    rater = row[REWARD_COLUMNS.index("rater_id")]
    sealed = sealed_row(database, rewards, REWARD_COLUMNS, rater, row)
    return database.execute(statements.INSERT_REWARD, sealed).rowcount


class Rewards:
    """Appends rewards, and reads them one reply at a time or all in order."""

    def __init__(self, writer: Writer, changed: Callable[[], None]) -> None:
        """Use the methods of ``Ledger``. ``changed`` is called after a reward was appended."""
        self._writer = writer
        self._changed = changed

    async def append(self, reward: RewardEvent) -> bool:
        """Append ``reward``. Returns whether it is new; False: a reward with its id is there already.

        Raises:
            LedgerError: the ledger cannot be written.
            ValueError: the reward is not finite.
        """
        row = encode_reward(reward)

        def work(database: Database) -> bool:
            is_new = insert_reward(database, row) > 0
            if is_new:
                take_off(database, reward)
            return is_new

        is_new = await self._writer.run(work)
        self._changed()
        return is_new

    async def of_reply(self, interaction_id: str) -> list[RewardEvent]:
        """All rewards of one reply, in the order in which they came."""

        def work(database: Database) -> list[RewardEvent]:
            query = sa.select(rewards).where(rewards.c.interaction_id == interaction_id).order_by(rewards.c.seq)
            return readable_rewards(database, database.sql.execute(query).mappings())

        return await self._writer.run(work, reads=True)

    async def after(self, seq: int, limit: int) -> list[RewardWithReply]:
        """At most ``limit`` rewards after row ``seq``, in the order in which they came."""

        def work(database: Database) -> list[RewardWithReply]:
            query = sa.select(rewards).where(rewards.c.seq > seq).order_by(rewards.c.seq).limit(limit)
            return _with_replies(database, database.sql.execute(query).mappings().all())

        return await self._writer.run(work, reads=True)

    async def of_person(self, person_id: PersonId, before: int, limit: int) -> list[RewardWithReply]:
        """At most ``limit`` rewards of replies to a person, under all their identities.

        Args:
            person_id: the person.
            before: only rewards before this row; of these, the latest.
            limit: most rewards returned.

        Returns:
            The rewards in the order in which they came.
        """

        def work(database: Database) -> list[RewardWithReply]:
            who = identities_of(database, first_identity_of(person_id))
            query = sa.select(rewards).where(rewards.c.user_id.in_(who), rewards.c.seq < before)
            rows = database.sql.execute(query.order_by(rewards.c.seq.desc()).limit(limit)).mappings().all()
            return _with_replies(database, rows[::-1])

        return await self._writer.run(work, reads=True)

    async def last(self) -> int:
        """The row of the last reward; 0: there is none."""
        query = sa.select(sa.func.max(rewards.c.seq))
        return await self._writer.run(lambda database: database.sql.execute(query).scalar() or 0, reads=True)

    async def raters(self, among: Collection[str]) -> set[str]:
        """Those identities of ``among`` that have given a reward."""

        def work(database: Database) -> set[str]:
            query = sa.select(rewards.c.rater_id).where(rewards.c.rater_id.in_(among)).distinct()
            return {row.rater_id for row in database.sql.execute(query)}

        return await self._writer.run(work, reads=True)


def _with_replies(database: Database, page: Sequence[sa.RowMapping]) -> list[RewardWithReply]:
    """A page of rewards with their replies. A reply and a person are read once, however many rewards they have."""
    replies: dict[str, tuple[Interaction | None, dict[int, RewardEvent]]] = {}
    people: dict[Identity, tuple[PersonId, tuple[Identity, ...]]] = {}
    found: list[RewardWithReply] = []
    for row in page:
        seq, interaction_id = row["seq"], row["interaction_id"]
        answered: Identity = row["user_id"]
        if interaction_id not in replies:
            replies[interaction_id] = _reply(database, interaction_id, page[-1]["seq"])
        if answered not in people:
            people[answered] = person_of(database, answered), tuple(identities_of(database, answered))
        (interaction, by_seq), (person, identities) = replies[interaction_id], people[answered]
        found.append(
            RewardWithReply(
                seq=seq,
                reward=by_seq.get(seq),
                interaction=interaction,
                person=person,
                identities=identities,
                so_far=[reward for at, reward in by_seq.items() if at <= seq],
            )
        )
    return found


def _reply(database: Database, interaction_id: str, through: int) -> tuple[Interaction | None, dict[int, RewardEvent]]:
    """A reply, and by row its rewards up to row ``through``, in order."""
    query = sa.select(interactions).where(interactions.c.interaction_id == interaction_id)
    row = database.sql.execute(query).mappings().first()
    given = sa.select(rewards).where(rewards.c.interaction_id == interaction_id, rewards.c.seq <= through)
    reward_rows = database.sql.execute(given.order_by(rewards.c.seq)).mappings()
    by_seq = {each["seq"]: reward for each in reward_rows if (reward := readable_reward(database, each)) is not None}
    return None if row is None else readable_interaction(database, row), by_seq
