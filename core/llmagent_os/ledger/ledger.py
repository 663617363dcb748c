"""The store itself: the durable inbox and outbox, interactions, rewards, and plugins' records."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import sqlalchemy as sa
import structlog
from sqlalchemy.dialects.sqlite import insert

from llmagent_os.adapter import Receipt, Reply
from llmagent_os.errors import BadEventError, LedgerError
from llmagent_os.events import Event, Timer, decode, encode
from llmagent_os.identity import identity_of
from llmagent_os.ledger import sql
from llmagent_os.ledger.connection import Database, HostLock, connect, file_of
from llmagent_os.ledger.identities import Identities, forget_links, own_first, person, unlearn
from llmagent_os.ledger.members import Members
from llmagent_os.ledger.records import LedgerRecords
from llmagent_os.ledger.schema import (
    DONE,
    FAILED,
    PREPARED,
    UNFINISHED,
    inbox,
    interactions,
    policy_parts,
    policy_progress,
    records,
    rewards,
    sent,
)
from llmagent_os.ledger.schema import identities as identities_table
from llmagent_os.ledger.schema import members as members_table
from llmagent_os.ledger.schema import requests as requests_table
from llmagent_os.ledger.schema import timers as timers_table
from llmagent_os.ledger.timers import LedgerTimers, Rung, postponed, ring
from llmagent_os.ledger.values import Accepted, Interaction, Rated, RewardEvent, Taken, Unfinished
from llmagent_os.ledger.writer import InlineWriter, ThreadWriter, Writer
from llmagent_os.records import Records
from llmagent_os.timers import Timers

_log = structlog.stdlib.get_logger(__name__)
_encoder = msgspec.json.Encoder()
_reply_decoder = msgspec.json.Decoder(Reply)
_JSON = frozenset({"context", "action", "action_dist", "token_ids", "behavior_logprobs", "tool_calls"})

#: Finished rows are kept so long, in days, to recognise redeliveries: platforms give up after one day at most. Rows
#: given up hold what somebody said, unmasked, for whoever looks into why: not for ever either.
KEEP_DAYS = 30


class Ledger:
    """What came in, what was answered and what that was worth, on disk or in memory.

    Safe to call from any number of tasks. Whatever writes has committed when it returns; everything is done in the
    order in which it is asked for.
    """

    def __init__(self, writer: Writer, lock: HostLock | None) -> None:
        """Use :meth:`open`."""
        self.identities = Identities(writer, self._tell_rewarded)  #: which of them are one person
        self.members = Members(writer)  #: who was let in, and who asks to be
        self._writer = writer
        self._lock = lock
        self._claimed = False
        self._pending: dict[str, int] = {}  # conversation key -> unfinished events
        self._timer_set: Callable[[datetime], None] | None = None
        self._rewarded: Callable[[], None] | None = None

    @classmethod
    async def open(cls, url: str, *, synchronous: str = "FULL") -> Ledger:
        """Open the ledger at ``url`` and bring its tables up to date.

        Args:
            url: ``sqlite:///relative.db``, ``sqlite:////absolute.db``, or ``sqlite://`` for one in memory.
            synchronous: SQLite's setting; ``FULL`` keeps every accepted message through a power cut, ``NORMAL``
                through a crash of this process only.

        Raises:
            LedgerError: it cannot be opened; says why.
        """
        path = file_of(url)
        if path is None:
            return cls(InlineWriter(connect(None, synchronous)), None)
        writer = ThreadWriter(lambda: connect(path, synchronous))
        await writer.start()
        ledger = cls(writer, HostLock(path))
        await writer.run(lambda database: _prune(database, time.time() - KEEP_DAYS * 86400))
        return ledger

    async def close(self) -> None:
        """Finish what was asked for and let go of the file."""
        await self._writer.close()
        self.release()

    async def claim(self) -> list[Unfinished]:
        """Become the one host of this ledger's inbox, until :meth:`release` or the end of the process.

        Returns:
            What a stop or a crash left unfinished, in the order of arrival.

        Raises:
            LedgerError: another host is.
        """
        if self._claimed:
            raise LedgerError("a host already runs on this ledger: stop it, or give this one a ledger of its own")
        if self._lock is not None:
            await asyncio.to_thread(self._lock.acquire)
        self._claimed = True
        try:
            found = await self.unfinished()
        except BaseException:
            self.release()
            raise
        self._pending.clear()
        for row in found:
            key = row.event.conversation.key
            self._pending[key] = self._pending.get(key, 0) + 1
        return found

    def release(self) -> None:
        """Let another host have the inbox."""
        self._claimed = False
        if self._lock is not None:
            self._lock.release()

    # ── inbox and outbox ──────────────────────────────────────────────────────────────────────────────────────────

    async def accept(
        self, event: Event, *, max_pending: int, stored: Callable[[Event], None] | None = None
    ) -> Accepted:
        """Store ``event`` to be run, unless it was before or its conversation has ``max_pending`` unfinished events.

        Args:
            event: what happened.
            max_pending: how many unfinished events one conversation may have.
            stored: called on the event loop when the event is new, in the order of arrival, even where the caller is
                cancelled while the disk is being written.

        Raises:
            LedgerError: it cannot be written.
            BadEventError: no JSON can hold it.
        """
        conversation = event.conversation
        key = conversation.key
        waiting = self._pending.get(key, 0)
        try:
            body = encode(event).decode()
        except (TypeError, ValueError) as error:  # half a surrogate pair, for one
            raise BadEventError(f"event {event.event_id!r} cannot be stored as JSON: {error}") from error
        row = (conversation.platform, event.event_id, identity_of(event), body, time.time())
        if waiting >= max_pending:
            known = await self.knows(row[0], row[1])
            return Accepted.DUPLICATE if known else Accepted.FULL
        self._pending[key] = waiting + 1  # before the disk has it, so that a burst cannot pass the bound
        new = False

        def then(count: int) -> None:
            nonlocal new
            if count:
                new = True
                if stored is not None:
                    stored(event)
            else:
                self._settled(key)

        try:
            await self._writer.run(lambda database: database.driver.execute(sql.accept, row).rowcount, then)
        except LedgerError:
            self._settled(key)
            raise
        return Accepted.NEW if new else Accepted.DUPLICATE

    def _settled(self, conversation_key: str) -> None:
        left = self._pending.get(conversation_key, 0) - 1
        if left > 0:
            self._pending[conversation_key] = left
        else:
            self._pending.pop(conversation_key, None)

    async def unfinished(self) -> list[Unfinished]:
        """What is still to be run or sent, in the order of arrival."""
        return await self._writer.run(_unfinished)

    async def prepare(
        self,
        event: Event,
        reply: Reply | None,
        interaction: Interaction | None = None,
        *,
        rewards: Iterable[RewardEvent] = (),
        why: str | None = None,
    ) -> None:
        """Keep what the agent decided for ``event`` before anything is sent: from here on it is never asked again.

        Args:
            event: the event answered.
            reply: what will be sent; None: nothing.
            interaction: what to learn from; stored whether or not the reply can be sent.
            rewards: what the event says of earlier replies.
            why: what went wrong, where ``reply`` is an apology.

        Raises:
            LedgerError: it cannot be written.
            TypeError, ValueError, OverflowError: the reply or the interaction holds what cannot be stored.
        """
        text = None if reply is None else _encoder.encode(reply).decode()
        interaction_id = None if interaction is None else interaction.interaction_id
        row = (text, interaction_id, why, event.conversation.platform, event.event_id)
        values = None if interaction is None else _interaction_row(interaction)
        told = [_reward_row(reward) for reward in rewards]

        def work(database: Database) -> bool:
            database.driver.execute(sql.prepare, row)
            for each in told:
                database.driver.execute(sql.reward, each)
            return values is None or database.driver.execute(sql.interaction, values).rowcount > 0

        is_new = await self._writer.run(work)
        if told:
            self._tell_rewarded()
        if not is_new:
            _log.error("an interaction has this id already; the new one is not kept", interaction_id=interaction_id)

    async def finish(self, event: Event, receipt: Receipt | None, *, soon: bool = False) -> None:
        """The reply to ``event`` is sent, or none was needed. Joins the platform's message ids to its interaction.
        A crash of the process does not undo it; a power cut within moments may, and has the reply sent again.

        Args:
            event: the event answered.
            receipt: what the platform calls the reply.
            soon: return at once, and write it with whatever is written next. A crash in between sends the reply
                again, so only for a platform that drops a second send. Reads still see it.
        """
        platform, event_id = event.conversation.platform, event.event_id
        messages = () if receipt is None else receipt.message_ids

        def work(database: Database) -> None:
            for message_id in messages:
                row = (platform, event.conversation.channel, message_id, platform, event_id)
                database.driver.execute(sql.join, row)
            database.driver.execute(sql.finish, (platform, event_id))

        if soon:
            self._writer.later(work)
        else:  # not waiting for the disk makes the window smaller in which a crash repeats the reply
            await self._writer.run(work, lasting=False)
        self._settled(event.conversation.key)

    async def fail(self, event: Event, why: str) -> None:
        """Give ``event`` up. It stays in the inbox, with ``why``, for :data:`KEEP_DAYS`, and is not run again."""
        row = (why, event.conversation.platform, event.event_id)
        await self._writer.run(lambda database: database.driver.execute(sql.fail, row))
        self._settled(event.conversation.key)

    async def failed(self, limit: int = 100) -> list[tuple[str, str]]:
        """The keys of the latest events given up, and why, newest first."""

        def work(database: Database) -> list[tuple[str, str]]:
            query = sa.select(inbox.c.platform, inbox.c.event_id, inbox.c.why).where(inbox.c.state == FAILED)
            found = database.sql.execute(query.order_by(inbox.c.seq.desc()).limit(limit))
            return [(f"{row.platform}:{row.event_id}", row.why or "") for row in found]

        return await self._writer.run(work)

    # ── interactions and rewards ──────────────────────────────────────────────────────────────────────────────────

    async def interaction_of(self, platform: str, channel: str, message_id: str) -> Interaction | None:
        """The reply that one of the platform's messages is, or None where it is none of ours."""

        def work(database: Database) -> Interaction | None:
            query = sa.select(interactions).join(sent, sent.c.interaction_id == interactions.c.interaction_id)
            here = (sent.c.platform == platform, sent.c.channel == channel, sent.c.message_id == message_id)
            row = database.sql.execute(query.where(*here)).mappings().first()
            return None if row is None else _interaction(row)

        return await self._writer.run(work)

    async def is_ours(self, platform: str, channel: str, message_id: str) -> bool:
        """Whether one of the platform's messages is a reply of ours."""
        query = sa.select(sent.c.interaction_id).where(
            sent.c.platform == platform, sent.c.channel == channel, sent.c.message_id == message_id
        )
        return await self._writer.run(lambda database: database.sql.execute(query).first() is not None)

    async def took_part(self, conversation_key: str) -> bool:
        """Whether something was ever answered in this conversation, to whomever."""
        query = sa.select(interactions.c.seq).where(interactions.c.conversation_key == conversation_key).limit(1)
        return await self._writer.run(lambda database: database.sql.execute(query).first() is not None)

    async def knows(self, platform: str, event_id: str) -> bool:
        """Whether this event was accepted, as far back as finished rows are kept."""
        return await self._writer.run(lambda database: _is_known(database, platform, event_id))

    async def history(self, conversation_key: str, user_id: str, limit: int) -> list[Interaction]:
        """The latest ``limit`` turns of this person in this conversation, oldest first."""

        def work(database: Database) -> list[Interaction]:
            query = (
                sa.select(interactions)
                .where(interactions.c.user_id == user_id, interactions.c.conversation_key == conversation_key)
                .order_by(interactions.c.seq.desc())
                .limit(limit)
            )
            return [_interaction(row) for row in database.sql.execute(query).mappings()][::-1]

        return await self._writer.run(work)

    async def add_reward(self, reward: RewardEvent) -> bool:
        """Append ``reward``. Returns whether it is new (``False``: this reaction was counted before)."""
        row = _reward_row(reward)
        is_new = await self._writer.run(lambda database: database.driver.execute(sql.reward, row).rowcount > 0)
        self._tell_rewarded()
        return is_new

    def watch_rewards(self, told: Callable[[], None] | None) -> None:
        """Have ``told`` called whenever there is something to learn from now on: rewards were added, or are of somebody
        else, or were erased. None: nobody.
        """
        self._rewarded = told

    def _tell_rewarded(self) -> None:
        if self._rewarded is not None:
            self._rewarded()

    async def rewards_of(self, interaction_id: str) -> list[RewardEvent]:
        """Every reward of one reply, in the order in which they came."""

        def work(database: Database) -> list[RewardEvent]:
            query = sa.select(rewards).where(rewards.c.interaction_id == interaction_id).order_by(rewards.c.seq)
            return _rewards(database.sql.execute(query).mappings())

        return await self._writer.run(work)

    async def rated(self, after: int, limit: int) -> list[Rated]:
        """The rewards after row ``after``, in the order in which they came, at most ``limit``, each with the reply it
        is of and what was thought of that by then.
        """

        def work(database: Database) -> list[Rated]:
            query = sa.select(rewards).where(rewards.c.seq > after).order_by(rewards.c.seq).limit(limit)
            return _rated(database, database.sql.execute(query).mappings().all())

        return await self._writer.run(work)

    async def taken(self, after: int, limit: int) -> list[Taken]:
        """The replies after row ``after``, oldest first, at most ``limit``, each with all that was thought of it."""

        def work(database: Database) -> list[Taken]:
            query = sa.select(interactions).where(interactions.c.seq > after).order_by(interactions.c.seq).limit(limit)
            return [_taken(database, row) for row in database.sql.execute(query).mappings().all()]

        return await self._writer.run(work)

    async def opinions(
        self, identity: str, kinds: Collection[str], besides: Collection[str] = ()
    ) -> list[tuple[dict[str, str], bool]]:
        """The replies to a person, under all their identities, of which it is known what they think.

        Args:
            identity: one of the person's.
            kinds: the kinds of rewards, besides reactions, that say what a person thinks.
            besides: replies of these ``policy_version`` are left out, as are those that no features are kept of.

        Returns:
            Of each its ``action``, and whether a reaction says what they think, or only what they did next.
        """

        def work(database: Database) -> list[tuple[dict[str, str], bool]]:
            who = own_first(database, identity)
            mine = sa.and_(rewards.c.rater_id.in_(who), rewards.c.user_id.in_(who))
            features = sa.func.json_type(interactions.c.context, "$.features") == "object"
            chosen = sa.and_(interactions.c.policy_version.not_in(besides), features)
            reacted = rewards.c.kind == "reaction"
            opinion = sa.func.abs(sa.func.total(sa.case((reacted, rewards.c.reward)))) > 1e-9
            off = sa.func.max(sa.case((reacted & (rewards.c.op == "remove") & (rewards.c.reward != 0), rewards.c.seq)))
            told = rewards.c.kind.in_(kinds)
            sign = sa.func.max(sa.case((told, rewards.c.seq)))
            query = (
                sa.select(interactions.c.action, opinion)
                .join(rewards, rewards.c.interaction_id == interactions.c.interaction_id)
                .where(mine, chosen)
                .group_by(interactions.c.seq)
                .having(opinion | (sign > sa.func.coalesce(off, 0)))
            )
            return [(msgspec.json.decode(row[0]), bool(row[1])) for row in database.sql.execute(query)]

        return await self._writer.run(work)

    # ── what policies have learned ────────────────────────────────────────────────────────────────────────────────

    async def policy_state(
        self, policy: str, parts: Collection[str] | None = None
    ) -> tuple[int | None, dict[str, bytes]]:
        """What ``policy`` has learned, and the row of rewards up to which; None: nothing is stored.

        Args:
            policy: its name.
            parts: only these; None: all. What is not stored is left out.
        """

        def work(database: Database) -> tuple[int | None, dict[str, bytes]]:
            far = sa.select(policy_progress.c.through).where(policy_progress.c.policy == policy)
            kept = sa.select(policy_parts.c.part, policy_parts.c.body).where(policy_parts.c.policy == policy)
            if parts is not None:
                kept = kept.where(policy_parts.c.part.in_(parts))
            through = database.sql.execute(far).scalar()
            return through, {row.part: bytes(row.body) for row in database.sql.execute(kept)}

        return await self._writer.run(work)

    async def keep_policy(self, policy: str, through: int, parts: Mapping[str, bytes], *, before: int | None) -> bool:
        """Store what ``policy`` has learned from the rewards up to row ``through``: all of it, or nothing.

        Returns:
            Whether it was stored: not where the store is not of row ``before`` any more, as after a link or an erasure.
        """
        bodies = [{"policy": policy, "part": part, "body": body} for part, body in parts.items()]
        part = insert(policy_parts)
        part = part.on_conflict_do_update(
            index_elements=[policy_parts.c.policy, policy_parts.c.part], set_={"body": part.excluded.body}
        )
        far = sa.select(policy_progress.c.through).where(policy_progress.c.policy == policy)
        progress = insert(policy_progress).values(policy=policy, through=through)
        progress = progress.on_conflict_do_update(index_elements=[policy_progress.c.policy], set_={"through": through})

        def work(database: Database) -> bool:
            if database.sql.execute(far).scalar() != before:
                return False
            if bodies:
                database.sql.execute(part, bodies)
            database.sql.execute(progress)
            return True

        return await self._writer.run(work, lasting=False)

    async def drop_policy(self, policy: str) -> None:
        """Delete what ``policy`` has learned; the rewards stay, and it can be learned again."""

        def work(database: Database) -> None:
            for table in (policy_parts, policy_progress):
                database.sql.execute(sa.delete(table).where(table.c.policy == policy))

        await self._writer.run(work)

    # ── timers ────────────────────────────────────────────────────────────────────────────────────────────────────

    def timers(self, plugin: str, event: Event) -> Timers:
        """The timers of ``plugin`` for whoever ``event`` is of, answered in its conversation."""
        return LedgerTimers(self._writer, plugin, event, self._tell_timer)

    def watch_timers(self, told: Callable[[datetime], None] | None) -> None:
        """Have ``told`` called with the moment of every timer that is set from now on; None: nobody."""
        self._timer_set = told

    def _tell_timer(self, at: datetime) -> None:
        if self._timer_set is not None:
            self._timer_set(at)

    async def ring_timers(
        self, now: datetime, *, limit: int, stored: Callable[[Event], None] | None = None
    ) -> datetime | None:
        """Move what is due by ``now`` into the inbox, in order and in one transaction.

        A crash leaves each timer either set or in the inbox, and none gets there twice. How much waits in a
        conversation does not matter: a person can be asked to say something again, a timer cannot.

        Args:
            now: the present.
            limit: at most so many at once.
            stored: called with each that is new in the inbox, as :meth:`accept` does.

        Returns:
            When the earliest timer left is due; None: there is none.

        Raises:
            LedgerError: it cannot be written.
        """

        def then(rung: Rung) -> None:
            for event in rung.moved:
                key = event.conversation.key
                self._pending[key] = self._pending.get(key, 0) + 1
                if stored is not None:
                    stored(event)

        return (await self._writer.run(lambda database: ring(database, now.timestamp(), limit), then)).earliest

    async def postpone(self, event: Timer, until: datetime) -> None:
        """Have a timer that its plugin could not answer come again at ``until``, with one try more."""
        statement = postponed(event, until)
        await self._writer.run(lambda database: database.sql.execute(statement), lambda _: self._tell_timer(until))

    # ── people ────────────────────────────────────────────────────────────────────────────────────────────────────

    def records(self, plugin: str, identity: str) -> Records:
        """What ``plugin`` keeps about one person, kept under ``identity`` where it is new."""
        return LedgerRecords(self._writer, plugin, identity)

    async def export(self, identity: str) -> dict[str, list[dict[str, Any]]]:
        """Everything kept about a person, under all their identities, as JSON values, oldest first: ``interactions``,
        ``rewards``, ``records``, ``timers``, ``identities`` and ``members``.
        """

        def work(database: Database) -> dict[str, list[dict[str, Any]]]:
            who = own_first(database, identity)
            said = sa.select(interactions).where(interactions.c.user_id.in_(who)).order_by(interactions.c.seq)
            theirs = rewards.c.user_id.in_(who) | rewards.c.rater_id.in_(who)
            rated = sa.select(rewards).where(theirs).order_by(rewards.c.seq)
            kept = sa.select(records).where(records.c.user_id.in_(who)).order_by(records.c.plugin, records.c.key)
            to_come = sa.select(timers_table).where(timers_table.c.user_id.in_(who)).order_by(timers_table.c.at)
            links = sa.select(identities_table).where(identities_table.c.identity.in_(who))
            let_in = sa.select(members_table).where(members_table.c.identity.in_(who))
            rows = database.sql.execute
            return {
                "interactions": [msgspec.to_builtins(_interaction(row)) for row in rows(said).mappings()],
                "rewards": [msgspec.to_builtins(_reward(row)) for row in rows(rated).mappings()],
                "records": [
                    {"plugin": row.plugin, "key": row.key, "record": msgspec.json.decode(row.body)}
                    for row in rows(kept)
                ],
                "timers": [
                    {
                        "plugin": row.plugin,
                        "key": row.key,
                        "at": _moment(row.at),
                        "conversation": msgspec.json.decode(row.conversation),
                    }
                    for row in rows(to_come)
                ],
                "identities": [
                    {"identity": row.identity, "linked_at": _moment(row.linked_at)}
                    for row in rows(links.order_by(identities_table.c.place))
                ],
                "members": [
                    {"identity": row.identity, "name": row.name, "approved_at": _moment(row.approved_at)}
                    for row in rows(let_in.order_by(members_table.c.approved_at))
                ],
            }

        return await self._writer.run(work)

    async def forget(self, identity: str) -> int:
        """Erase a person: what they said and were told under all their identities, their rewards, records and timers,
        and that those identities belong together. Returns how many rows. What policies have learned with them is
        learned again without them.

        Nothing of it is left in the file: SQLite overwrites what it deletes (``secure_delete``). Events of theirs that
        are still being answered count as said afterwards. Whether they are answered is not theirs to erase: see
        ``members.revoke``.
        """

        def work(database: Database) -> int:
            connection = database.sql
            who = own_first(database, identity)
            theirs = sa.select(interactions.c.interaction_id).where(interactions.c.user_id.in_(who))
            unlearn(database, who)
            erased = 0
            for statement in (
                sa.delete(sent).where(sent.c.interaction_id.in_(theirs)),
                sa.delete(rewards).where(
                    rewards.c.user_id.in_(who) | rewards.c.rater_id.in_(who) | rewards.c.interaction_id.in_(theirs)
                ),
                sa.delete(interactions).where(interactions.c.user_id.in_(who)),
                sa.delete(records).where(records.c.user_id.in_(who)),
                sa.delete(timers_table).where(timers_table.c.user_id.in_(who)),
                sa.delete(requests_table).where(requests_table.c.identity.in_(who)),
                sa.update(inbox)
                .where(inbox.c.user_id.in_(who), inbox.c.state.in_([DONE, FAILED]))
                .values(user_id="", body=None, why=None),
            ):
                erased += connection.execute(statement).rowcount
            return erased + forget_links(database, who)

        erased = await self._writer.run(work, lambda _: self._tell_rewarded())
        await self._writer.run(_checkpoint, alone=True)  # or the text would stay in the write-ahead log for a while
        return erased


def _unfinished(database: Database) -> list[Unfinished]:
    columns = (inbox.c.seq, inbox.c.body, inbox.c.state, inbox.c.reply, inbox.c.why)
    query = sa.select(*columns).where(UNFINISHED).order_by(inbox.c.seq)
    found = list[Unfinished]()
    for row in database.sql.execute(query).all():
        try:
            event, reply = decode(row.body), None if row.reply is None else _reply_decoder.decode(row.reply)
        except (BadEventError, msgspec.MsgspecError) as error:
            # Of another version, or damaged: it must not keep the host from starting.
            _log.error("an event in the inbox cannot be read; it is given up", seq=row.seq, error=str(error))
            database.sql.execute(
                sa.update(inbox).where(inbox.c.seq == row.seq).values(state=FAILED, why=f"it cannot be read: {error}")
            )
            continue
        prepared = row.state == PREPARED
        found.append(Unfinished(seq=row.seq, event=event, prepared=prepared, reply=reply, why=row.why))
    return found


def _checkpoint(database: Database) -> None:
    database.driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _is_known(database: Database, platform: str, event_id: str) -> bool:
    query = sa.select(inbox.c.seq).where(inbox.c.platform == platform, inbox.c.event_id == event_id)
    return database.sql.execute(query).first() is not None


def _prune(database: Database, before: float) -> None:
    database.sql.execute(sa.delete(inbox).where(inbox.c.state.in_([DONE, FAILED]), inbox.c.accepted_at < before))


def _interaction_row(interaction: Interaction) -> tuple[Any, ...]:
    numbers = (interaction.pscore, *interaction.action_dist.values(), *interaction.behavior_logprobs)
    if not all(map(math.isfinite, numbers)):  # it could not be read again, nor could the turns after it be run
        raise ValueError(
            f"interaction {interaction.interaction_id!r}: pscore, action_dist or behavior_logprobs holds a number that "
            "is not finite"
        )

    def value(name: str) -> Any:
        raw = getattr(interaction, name)
        return _encoder.encode(raw).decode() if name in _JSON else raw

    return (*(value(name) for name in sql.INTERACTION[:-1]), interaction.created_at.timestamp())


def _interaction(row: sa.RowMapping) -> Interaction:
    fields: dict[str, Any] = {name: row[name] for name in sql.INTERACTION}
    for name in _JSON:
        fields[name] = msgspec.json.decode(fields[name])
    fields["created_at"] = datetime.fromtimestamp(fields["created_at"], UTC)
    return msgspec.convert(fields, Interaction)


def _moment(seconds: float) -> Any:
    return msgspec.to_builtins(datetime.fromtimestamp(seconds, UTC))


def _reward_row(reward: RewardEvent) -> tuple[Any, ...]:
    if not math.isfinite(reward.reward):
        raise ValueError(f"reward {reward.reward_id!r} is {reward.reward}, which is not finite")
    return tuple(reward.at.timestamp() if name == "at" else getattr(reward, name) for name in sql.REWARD)


def _rated(database: Database, page: Sequence[sa.RowMapping]) -> list[Rated]:
    """Rewards with all that judging them takes. Replies and people are read once, however many rewards are of them."""
    replies: dict[str, tuple[Interaction | None, dict[int, RewardEvent]]] = {}
    people: dict[str, tuple[str, tuple[str, ...]]] = {}
    found: list[Rated] = []
    for row in page:
        seq, on, who = row["seq"], row["interaction_id"], row["user_id"]
        if on not in replies:
            replies[on] = _reply(database, on, page[-1]["seq"])
        if who not in people:
            people[who] = person(database, who), tuple(own_first(database, who))
        (interaction, told), (answered, own) = replies[on], people[who]
        so_far = [reward for at, reward in told.items() if at <= seq]
        found.append(
            Rated(seq=seq, reward=told.get(seq), interaction=interaction, person=answered, own=own, so_far=so_far)
        )
    return found


def _reply(database: Database, interaction_id: str, through: int) -> tuple[Interaction | None, dict[int, RewardEvent]]:
    """A reply, and by row what was thought of it up to row ``through``, in order."""
    on = sa.select(interactions).where(interactions.c.interaction_id == interaction_id)
    row = database.sql.execute(on).mappings().first()
    thought = sa.select(rewards).where(rewards.c.interaction_id == interaction_id, rewards.c.seq <= through)
    rows = database.sql.execute(thought.order_by(rewards.c.seq)).mappings()
    told = {each["seq"]: reward for each in rows if (reward := _readable_reward(each)) is not None}
    return None if row is None else _readable(row), told


def _taken(database: Database, row: sa.RowMapping) -> Taken:
    thought = sa.select(rewards).where(rewards.c.interaction_id == row["interaction_id"]).order_by(rewards.c.seq)
    return Taken(
        seq=row["seq"],
        interaction=_readable(row),
        person=person(database, row["user_id"]),
        own=tuple(own_first(database, row["user_id"])),
        rewards=_rewards(database.sql.execute(thought).mappings()),
    )


def _readable(row: sa.RowMapping) -> Interaction | None:
    try:
        return _interaction(row)
    except (msgspec.MsgspecError, TypeError, ValueError, OverflowError) as error:  # damaged: nothing is learned of it
        _log.error("an interaction cannot be read", interaction_id=row["interaction_id"], error=str(error))
        return None


def _readable_reward(row: sa.RowMapping) -> RewardEvent | None:
    try:
        return _reward(row)
    except (msgspec.MsgspecError, TypeError, ValueError, OverflowError, OSError) as error:
        _log.error("a reward cannot be read", reward_id=row["reward_id"], error=str(error))
        return None


def _rewards(rows: Iterable[sa.RowMapping]) -> list[RewardEvent]:
    """Those that can be read."""
    return [reward for row in rows if (reward := _readable_reward(row)) is not None]


def _reward(row: sa.RowMapping) -> RewardEvent:
    fields: dict[str, Any] = {name: row[name] for name in RewardEvent.__struct_fields__}
    fields["at"] = datetime.fromtimestamp(row["at"], UTC)
    return msgspec.convert(fields, RewardEvent)
