"""Questions about replies and what people think of them. Nothing here writes: for the agent, reports and dashboards."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec
import sqlalchemy as sa

from llmagent_os.chat import ToolSpec
from llmagent_os.identity import Identity, PersonId, first_identity_of
from llmagent_os.ledger.damaged_rows import UNREADABLE
from llmagent_os.ledger.database import Database
from llmagent_os.ledger.identity_links import identities_of, person_of
from llmagent_os.ledger.row_codecs import (
    readable_completions,
    readable_interaction,
    readable_rewards,
    readable_tool_set,
)
from llmagent_os.ledger.schema import completions as completion_rows
from llmagent_os.ledger.schema import interactions, rewards, sent, tool_sets
from llmagent_os.ledger.values import CompletionRecord, Interaction, Latest, ReplyWithRewards
from llmagent_os.ledger.writer import Writer

#: The latest rewards of a person that :meth:`Queries.opinions` looks at. No learner remembers as much of a person.
MAX_OPINION_REWARDS = 1_000

#: The least sum of a person's reactions that is an opinion. Sums of rewards are off zero by rounding.
_LEAST_OPINION = 1e-9


class Queries:
    """Looks up replies. An interaction comes without its completions, unless a method says otherwise."""

    def __init__(self, writer: Writer) -> None:
        """Use the methods of ``Ledger``."""
        self._writer = writer

    async def who_wrote(self, most: int, among: Collection[Identity] | None = None) -> list[tuple[Identity, float]]:
        """The accounts that the bot has answered, and when last, in seconds since the epoch; the latest first.

        Args:
            most: how many are returned.
            among: only these. None: all.
        """
        last = sa.func.max(interactions.c.created_at)
        query = sa.select(interactions.c.user_id, last).group_by(interactions.c.user_id).order_by(last.desc())
        if among is not None:
            query = query.where(interactions.c.user_id.in_(among))

        def work(database: Database) -> list[tuple[Identity, float]]:
            return [(Identity(who), float(at)) for who, at in database.sql.execute(query.limit(most))]

        return await self._writer.run(work, reads=True)

    async def interaction_of(self, platform: str, channel: str, message_id: str) -> Interaction | None:
        """The reply that one of the platform's messages is part of.

        None: the message is no reply of the bot, or the reply's row is damaged.
        """

        def work(database: Database) -> Interaction | None:
            query = sa.select(interactions).join(sent, sent.c.interaction_id == interactions.c.interaction_id)
            row = database.sql.execute(query.where(*_message(platform, channel, message_id))).mappings().first()
            return None if row is None else readable_interaction(database, row)

        return await self._writer.run(work, reads=True)

    async def owner_of(self, platform: str, channel: str, message_id: str) -> Identity | None:
        """The account that a message of the bot answers. None: the message is no reply that the ledger knows."""
        query = (
            sa.select(interactions.c.user_id)
            .join(sent, sent.c.interaction_id == interactions.c.interaction_id)
            .where(sent.c.platform == platform, sent.c.channel == channel, sent.c.message_id == message_id)
        )
        owner: str | None = await self._writer.run(lambda database: database.sql.execute(query).scalar(), reads=True)
        return None if owner is None else Identity(owner)

    async def message_of(self, interaction_id: str, conversation_key: str, identity: Identity) -> str | None:
        """The platform's id of the first message of a reply to ``identity``. None: there is none that is known."""
        query = (
            sa.select(sent.c.message_id)
            .join(interactions, sent.c.interaction_id == interactions.c.interaction_id)
            .where(
                interactions.c.interaction_id == interaction_id,
                interactions.c.conversation_key == conversation_key,
                interactions.c.user_id == identity,
            )
            .order_by(sa.func.length(sent.c.message_id), sent.c.message_id)
            .limit(1)
        )
        found: str | None = await self._writer.run(lambda database: database.sql.execute(query).scalar(), reads=True)
        return found

    async def is_reply(self, platform: str, channel: str, message_id: str) -> bool:
        """Whether one of the platform's messages is a reply of the bot."""
        query = sa.select(sent.c.interaction_id).where(*_message(platform, channel, message_id))
        return await self._writer.run(lambda database: database.sql.execute(query).first() is not None, reads=True)

    async def took_part(self, conversation_key: str) -> bool:
        """Whether the bot has ever answered in this conversation, whomever."""
        here = (interactions.c.conversation_key == conversation_key, ~interactions.c.silent)
        query = sa.select(interactions.c.seq).where(*here).limit(1)
        return await self._writer.run(lambda database: database.sql.execute(query).first() is not None, reads=True)

    async def history(self, conversation_key: str, identity: Identity, limit: int) -> list[Interaction]:
        """The latest ``limit`` replies to ``identity`` in this conversation, oldest first, without damaged ones."""
        return await self._writer.run(
            lambda database: _history(database, conversation_key, identity, limit), reads=True
        )

    async def latest(self, conversation_key: str, identity: Identity, limit: int) -> Latest:
        """What happened last in a group: the last decision towards whomever, and the :meth:`history` of one account."""
        here = sa.select(interactions).where(interactions.c.conversation_key == conversation_key)
        query = here.order_by(interactions.c.seq.desc()).limit(1)

        def work(database: Database) -> Latest:
            row = database.sql.execute(query).mappings().first()
            decision = None if row is None else readable_interaction(database, row)
            return Latest(decision, tuple(_history(database, conversation_key, identity, limit)))

        return await self._writer.run(work, reads=True)

    async def next_turns(self, after: Interaction, limit: int) -> list[Interaction]:
        """The next ``limit`` replies to the same identity in the same episode, oldest first, without damaged ones."""
        place = sa.select(interactions.c.seq).where(interactions.c.interaction_id == after.interaction_id)

        def work(database: Database) -> list[Interaction]:
            query = (
                sa.select(interactions)
                .where(
                    interactions.c.user_id == after.user_id,
                    interactions.c.conversation_key == after.conversation_key,
                    interactions.c.episode_id == after.episode_id,
                    ~interactions.c.silent,
                    interactions.c.seq > place.scalar_subquery(),
                )
                .order_by(interactions.c.seq)
                .limit(limit)
            )
            rows = database.sql.execute(query).mappings().all()
            return [turn for row in rows if (turn := readable_interaction(database, row)) is not None]

        return await self._writer.run(work, reads=True)

    async def completions_of(self, interaction_id: str) -> tuple[CompletionRecord, ...]:
        """All that models wrote for one reply, in order, without completions that cannot be read."""
        return await self._writer.run(lambda database: _completions(database, interaction_id), reads=True)

    async def tool_set(self, sha256: str) -> tuple[ToolSpec, ...] | None:
        """The tools that a completion's ``tools`` names. None: they are not kept, or their row is damaged."""
        query = sa.select(tool_sets).where(tool_sets.c.sha256 == sha256)

        def work(database: Database) -> tuple[ToolSpec, ...] | None:
            row = database.sql.execute(query).mappings().first()
            return None if row is None else readable_tool_set(database, row)

        return await self._writer.run(work, reads=True)

    async def replies_after(self, seq: int, limit: int, *, completions: bool = False) -> list[ReplyWithRewards]:
        """At most ``limit`` replies after row ``seq``, oldest first, with all their rewards.

        Args:
            seq: the row to begin after.
            limit: most replies returned.
            completions: read the completions of the interactions too. They are many times as big as all the rest.
        """

        def work(database: Database) -> list[ReplyWithRewards]:
            query = sa.select(interactions).where(interactions.c.seq > seq).order_by(interactions.c.seq).limit(limit)
            rows = database.sql.execute(query).mappings().all()
            return [_with_rewards(database, row, completions=completions) for row in rows]

        return await self._writer.run(work, reads=True)

    async def latest_replies(self, limit: int) -> list[ReplyWithRewards]:
        """The last ``limit`` replies, without silences, newest first, with all their rewards and no completions."""

        def work(database: Database) -> list[ReplyWithRewards]:
            query = (
                sa.select(interactions).where(~interactions.c.silent).order_by(interactions.c.seq.desc()).limit(limit)
            )
            rows = database.sql.execute(query).mappings().all()
            return [_with_rewards(database, row, completions=False) for row in rows]

        return await self._writer.run(work, reads=True)

    async def opinions(
        self, person_id: PersonId, kinds: Collection[str], besides: Collection[str] = ()
    ) -> list[tuple[dict[str, str], bool]]:
        """The replies to a person, under all their identities, about which the ledger has an opinion of theirs.

        Only the latest :data:`MAX_OPINION_REWARDS` rewards of the person are looked at.

        Args:
            person_id: the person.
            kinds: the kinds of rewards, beside reactions, that say what a person thinks.
            besides: leave out the replies of these ``policy_version``. Replies without features are always left out.

        Returns:
            Of every such reply its ``action``, and whether a reaction gave the opinion. False: only what the person
            did next gave it.
        """

        def work(database: Database) -> list[tuple[dict[str, str], bool]]:
            query = _opinions(identities_of(database, first_identity_of(person_id)), kinds, besides)
            rows = database.sql.execute(query).all()
            return [
                (action, bool(row.reacted))
                for row in rows
                if _has_features(row.context) and (action := _action(row.action)) is not None
            ]

        return await self._writer.run(work, reads=True)


def _history(database: Database, conversation_key: str, identity: Identity, limit: int) -> list[Interaction]:
    theirs = (interactions.c.user_id == identity, interactions.c.conversation_key == conversation_key)
    query = (
        sa.select(interactions).where(*theirs, ~interactions.c.silent).order_by(interactions.c.seq.desc()).limit(limit)
    )
    rows = database.sql.execute(query).mappings().all()
    return [turn for row in reversed(rows) if (turn := readable_interaction(database, row)) is not None]


def _message(platform: str, channel: str, message_id: str) -> tuple[sa.ColumnElement[bool], ...]:
    return sent.c.platform == platform, sent.c.channel == channel, sent.c.message_id == message_id


def _action(raw: str) -> dict[str, str] | None:
    """An action from JSON. None: the row is damaged; whoever reads the whole row notes that."""
    try:
        return msgspec.json.decode(raw, type=dict[str, str])
    except UNREADABLE:
        return None


class _WithFeatures(msgspec.Struct):
    """A context of a choice that a learner can learn from."""

    features: dict[str, Any]


def _has_features(context: str) -> bool:
    """Whether a context holds an object of features. A damaged one does not."""
    try:
        msgspec.json.decode(context, type=_WithFeatures)
    except UNREADABLE:
        return False
    return True


def _opinions(
    who: list[Identity], kinds: Collection[str], besides: Collection[str]
) -> sa.Select[tuple[str, str, bool]]:
    own = rewards.c.rater_id.in_(who) & rewards.c.user_id.in_(who)
    latest = sa.select(rewards.c.seq).where(own).order_by(rewards.c.seq.desc()).limit(MAX_OPINION_REWARDS)
    mine = rewards.c.seq.in_(latest)
    by_policy = interactions.c.policy_version.not_in(besides)
    chosen = sa.and_(~interactions.c.silent, by_policy)
    is_reaction = rewards.c.kind == "reaction"
    reactions = sa.func.coalesce(sa.func.sum(sa.case((is_reaction, rewards.c.reward))), 0.0)
    reacted = sa.func.abs(reactions) > _LEAST_OPINION
    # Taking a reaction off takes all earlier signs with it: only a later one is an opinion.
    is_removal = is_reaction & (rewards.c.op == "remove") & (rewards.c.reward != 0)
    removed = sa.func.max(sa.case((is_removal, rewards.c.seq)))
    sign = sa.func.max(sa.case((rewards.c.kind.in_(kinds), rewards.c.seq)))
    return (
        sa.select(interactions.c.action, interactions.c.context, reacted.label("reacted"))
        .join(rewards, rewards.c.interaction_id == interactions.c.interaction_id)
        .where(mine, chosen)
        .group_by(interactions.c.seq)
        .having(reacted | (sign > sa.func.coalesce(removed, 0)))
    )


def _completions(database: Database, interaction_id: str) -> tuple[CompletionRecord, ...]:
    table = completion_rows
    query = sa.select(table).where(table.c.interaction_id == interaction_id).order_by(table.c.position)
    return readable_completions(database, database.sql.execute(query).mappings())


def _with_rewards(database: Database, row: sa.RowMapping, *, completions: bool) -> ReplyWithRewards:
    interaction = readable_interaction(database, row)
    if completions and interaction is not None:
        written = _completions(database, interaction.interaction_id)
        interaction = msgspec.structs.replace(interaction, completions=written)
    given = sa.select(rewards).where(rewards.c.interaction_id == row["interaction_id"]).order_by(rewards.c.seq)
    return ReplyWithRewards(
        seq=row["seq"],
        interaction=interaction,
        person=person_of(database, row["user_id"]),
        identities=tuple(identities_of(database, row["user_id"])),
        rewards=readable_rewards(database, database.sql.execute(given).mappings()),
    )
