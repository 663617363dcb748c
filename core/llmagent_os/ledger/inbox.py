"""The durable inbox and outbox: events from their arrival until their replies are sent. The table ``inbox``."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa
import structlog

from llmagent_os.adapter import Receipt, Reply
from llmagent_os.errors import BadEventError, LedgerError
from llmagent_os.events import Event, encode
from llmagent_os.identity import Identity, identity_of
from llmagent_os.ledger import statements
from llmagent_os.ledger.damaged_rows import UNREADABLE
from llmagent_os.ledger.database import Database
from llmagent_os.ledger.early_start import EarlyStart, note_end, note_host
from llmagent_os.ledger.host_lock import HostLock
from llmagent_os.ledger.rewards import insert_reward
from llmagent_os.ledger.row_codecs import (
    decode_unfinished,
    encode_completions,
    encode_interaction,
    encode_reply,
    encode_reward,
    encode_tool_set,
)
from llmagent_os.ledger.schema import (
    DEAD,
    DONE,
    FAILED,
    REVIVED,
    UNFINISHED,
    WAITING,
    completions,
    inbox,
    interactions,
    records,
)
from llmagent_os.ledger.sealed_columns import seal, sealed_row
from llmagent_os.ledger.statements import COMPLETION_COLUMNS, INTERACTION_COLUMNS
from llmagent_os.ledger.values import Accepted, DeadLetter, Interaction, RewardEvent, UnfinishedEvent
from llmagent_os.ledger.writer import Writer
from llmagent_os.records import DELIVERY
from llmagent_os.sealing.key_ring import is_sealed

_log = structlog.stdlib.get_logger(__name__)

T = TypeVar("T")

#: Whether a dead letter was put back, and no host has taken it up.
IS_REVIVED = inbox.c.state == REVIVED

#: What stays of an event whose person was erased: what tells a redelivery.
EMPTIED: dict[str, Any] = {
    "state": DONE,
    "user_id": "",
    **dict.fromkeys(("body", "reply", "interaction_id", "why", "conversation", "host")),
}

#: How many days finished rows are kept, to recognise redeliveries: platforms give up after one day at most. Rows given
#: up and dead letters hold what people said, for whoever looks into the cause or runs them again. They are
#: not kept for longer either.
KEEP_DAYS = 30


class Inbox:
    """Accepts events, keeps what was decided for them, and finishes them.

    Counts the unfinished events of every conversation and of every sender in memory, for the one host that has claimed
    the inbox.

    The inbox knows how often the handler was begun with an event, so that an event which ends the process each time is
    given up in the end. That costs an ordinary message nothing: an event whose conversation has no other is begun at
    once, and its row is stored with the first try counted. :meth:`begin` counts every other try.
    """

    _statements = statements.OF_ANY_HOST

    def __init__(self, writer: Writer, lock: HostLock | None, rewards_changed: Callable[[], None]) -> None:
        """Use the methods of ``Ledger``.

        Args:
            writer: runs the work.
            lock: keeps other processes' hosts out; None: the ledger is in memory, and there are none.
            rewards_changed: called after rewards were added.
        """
        self._writer = writer
        self._lock = lock
        self._rewards_changed = rewards_changed
        self._claimed = False
        self._early_start = None if lock is None else EarlyStart(writer)  # in memory nothing waits for a disk
        self._pending: dict[str, int] = {}  # conversation key -> number of unfinished events
        self._pending_of: dict[Identity, int] = {}  # sender -> number of unfinished events
        #: What the statements about an event take beside its platform and id: see ``shared_inbox``.
        self._fence: tuple[int, ...] = ()

    # ── the host ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def claim(self, platforms: Collection[str] = (), local: Collection[str] = ()) -> list[UnfinishedEvent]:
        """Make the caller the one host of this inbox, or one of its hosts, until :meth:`leave` or the process's end.

        Args:
            platforms: the names of the host's adapters.
            local: those whose events can be answered only by the host that has taken them.

        Returns:
            The events that a stop or a crash left unfinished, in the order of arrival.

        Raises:
            LedgerError: another host has the inbox.
        """
        if self._claimed:
            raise LedgerError("a host already runs on this ledger: stop it, or give this one a ledger of its own")
        if self._lock is not None:
            await asyncio.to_thread(self._lock.acquire)
        self._claimed = True
        try:
            found, in_peace = await self._writer.run(lambda database: (_taken_up(database), note_host(database)))
        except BaseException:
            self.release()
            raise
        if self._early_start is not None:
            self._early_start.claimed(in_peace=in_peace)
        self._pending.clear()
        self._pending_of.clear()
        for row in found:
            self.count_as_unfinished(row.event)
        return found

    def release(self) -> None:
        """Let another host claim the inbox."""
        self._claimed = False
        if self._lock is not None:
            self._lock.release()

    async def leave(self) -> None:
        """Be the host no more."""
        try:
            if self._claimed:
                await self._writer.run(note_end)
        except LedgerError as error:
            _log.warning("the end of the host cannot be noted", error=str(error))
        finally:
            self.release()

    async def keep_looking(self, resume: Callable[[UnfinishedEvent], None]) -> None:
        """Take up what other hosts give this one and what dead hosts had, until cancelled.

        Without others: read which events are known, so that new ones need not wait for the disk before they are begun.
        """
        if self._early_start is not None:
            await self._early_start.load()

    async def hand_over(self, besides: Collection[str] = ()) -> None:
        """Give other hosts what this one has not finished, except in the conversations ``besides``, by their keys."""

    def take_moved(self, moved: Collection[Event], stored: Callable[[Event], None] | None) -> None:
        """Count events that were moved into the inbox, and call ``stored`` with each of them."""
        for event in moved:
            self.count_as_unfinished(event)
            if stored is not None:
                stored(event)

    # ── from arrival to reply ─────────────────────────────────────────────────────────────────────────────────────

    async def accept(
        self,
        event: Event,
        *,
        max_pending: int,
        max_pending_of_sender: int | None = None,
        stored: Callable[[Event], None] | None = None,
        unstored: Callable[[Event], None] | None = None,
    ) -> Accepted:
        """Store ``event``, unless it was stored before, or too much of its conversation or its sender is unfinished.

        Args:
            event: what happened.
            max_pending: how many unfinished events one conversation may have.
            max_pending_of_sender: how many unfinished events one sender may have in all conversations; None: any
                number.
            stored: called on the event loop when the event is new, in the order of arrival, even where the caller is
                cancelled while the disk is being written. Where the event is certainly new, and the first of its
                conversation, it is called at once: what is written for the event then shares its commit.
            unstored: called on the event loop with an event for which ``stored`` was called, and which could not be
                stored after all. It is in no row: nothing may be written about it, and :meth:`forget` ends it.

        Raises:
            LedgerError: the ledger cannot be written.
            BadEventError: JSON cannot hold the event.
        """
        key, sender = event.conversation.key, identity_of(event)
        waiting, of_sender = self._pending.get(key, 0), self._pending_of.get(sender, 0)
        row = (event.conversation.platform, event.event_id, sender, encoded(event), time.time(), 0 if waiting else 1)
        sender_is_full = max_pending_of_sender is not None and of_sender >= max_pending_of_sender
        if waiting >= max_pending or sender_is_full:
            if await self.was_accepted(row[0], row[1]):
                return Accepted.DUPLICATE
            return Accepted.FULL if waiting >= max_pending else Accepted.SENDER_FULL
        self._pending[key] = waiting + 1  # before the disk has it, so that a burst cannot pass the bound
        self._pending_of[sender] = of_sender + 1
        if self._early_start is not None and self._early_start.is_new(row[1]) and not waiting and stored and unstored:
            return await self._begin_early(event, row, stored, unstored)
        new = failed = False

        def then(count: int) -> None:
            nonlocal new
            if failed and count:  # it was stored all the same: the connection was cut in the commit
                self.count_as_unfinished(event)
            if count:
                new = True
                if stored is not None:
                    stored(event)
            elif not failed:
                self._uncount(event)

        try:
            # It is begun after the events in front of it, and is stored with what is written for them.
            await self._writer.run(lambda database: accept_row(database, row), then, held=waiting > 0)
        except LedgerError:
            failed = True
            self._uncount(event)
            raise
        return Accepted.NEW if new else Accepted.DUPLICATE

    async def _begin_early(
        self, event: Event, row: tuple[Any, ...], stored: Callable[[Event], None], unstored: Callable[[Event], None]
    ) -> Accepted:
        """Have a new event begun, and store it together with what is written for it within a moment."""
        try:
            stored(event)  # its handler begins at the next turn of the loop, when the row has been asked for
        except BaseException:
            self._uncount(event)
            raise

        def then(count: int) -> None:
            if not count:  # something else has stored it: it is run from there
                unstored(event)

        work = partial(_accept_row, row)
        count = await self._writer.run(work, then, failed=lambda: unstored(event), held=True)
        return Accepted.NEW if count else Accepted.DUPLICATE

    def let_go(self, event: Event) -> None:
        """Count an event no longer that could not be stored after it was begun."""
        self._uncount(event)

    async def begin(self, event: Event) -> bool:
        """Note that the handler is begun with ``event``, for an event that :meth:`accept` did not count as begun.

        A crash of the process does not undo this; the disk is not waited for.

        Returns:
            False: the event was dropped meanwhile, because another process has erased its person.
        """
        key = self._row_of(event)

        def work(database: Database) -> bool:
            return database.execute(self._statements.begin, key(database)).rowcount > 0

        return await self._writer.run(work, lasting=False)

    async def put_instead(self, event: Event) -> None:
        """Keep ``event`` in the place of the unfinished one with its id: the next start of a host runs it as it is."""
        owner, body, platform = identity_of(event), encode(event).decode(), event.conversation.platform
        mine = [inbox.c.host == number for number in self._fence]

        def work(database: Database) -> None:
            event_id = database.pseudonym(event.event_id)
            this = sa.and_(inbox.c.platform == platform, inbox.c.event_id == event_id, UNFINISHED, *mine)
            # An event whose person was erased meanwhile is finished: nothing is written, and no key is made again.
            if database.sql.execute(sa.select(inbox.c.seq).where(this)).first() is not None:
                database.sql.execute(sa.update(inbox).where(this).values(body=seal(database, owner, body)))

        await self._writer.run(work)

    def take_back_try(self, event: Event) -> None:
        """Note that the handler was stopped before it answered ``event``, because the host was asked to stop."""
        key = self._row_of(event)
        self._writer.later(lambda database: database.execute(self._statements.take_back_try, key(database)))

    async def prepare(
        self,
        event: Event,
        reply: Reply | None,
        interaction: Interaction | None = None,
        *,
        rewards: Iterable[RewardEvent] = (),
        why: str | None = None,
    ) -> bool:
        """Keep what the agent decided for ``event``, before the reply is sent. The agent is not asked again after this.

        Args:
            event: the event answered.
            reply: what will be sent; None: nothing.
            interaction: what to learn from, with its completions; stored whether or not the reply can be sent.
            rewards: what the event says about earlier replies.
            why: what went wrong, where ``reply`` is an apology.

        Returns:
            False: the event was dropped meanwhile, because its person was erased. Nothing was kept, and nothing may be
            sent.

        Raises:
            LedgerError: the ledger cannot be written.
            TypeError, ValueError, OverflowError: the reply, the interaction or a reward holds what cannot be stored.
        """
        text = None if reply is None else encode_reply(reply)
        interaction_id = None if interaction is None else interaction.interaction_id
        interaction_row = None if interaction is None else encode_interaction(interaction)
        completion_rows = [] if interaction is None else encode_completions(interaction)
        tool_sets = () if interaction is None else (interaction.tools, *interaction.found_tools)
        tool_rows = [encode_tool_set(tools) for tools in tool_sets if tools]
        reward_rows = [encode_reward(reward) for reward in rewards]

        sender, key = identity_of(event), self._row_of(event)

        def work(database: Database) -> bool | None:
            sealed = (seal(database, sender, text), interaction_id, why, *key(database))
            if not database.execute(self._statements.prepare, sealed).rowcount:
                return None
            for reward_row in reward_rows:
                insert_reward(database, reward_row)
            if interaction is None or interaction_row is None:
                return True
            is_new = _insert_interaction(database, interaction.user_id, interaction_row, completion_rows)
            for tool_row in tool_rows if is_new else ():
                database.execute(statements.INSERT_TOOL_SET, tool_row)
            return is_new

        is_new = await self._writer.run(work)
        if is_new is None:
            return False
        if reward_rows:
            self._rewards_changed()
        if not is_new:
            _log.error("an interaction has this id already; the new one is not kept", interaction_id=interaction_id)
        return True

    @property
    def is_claimed(self) -> bool:
        """Whether a host of this process has the inbox."""
        return self._claimed

    async def drop(
        self,
        identities: Collection[Identity],
        *,
        besides: Collection[Event] = (),
        then: Callable[[], None] | None = None,
    ) -> int:
        """Finish all unfinished events of ``identities`` without an answer, and empty them. Returns how many.

        Args:
            identities: all accounts of a person who is erased.
            besides: the events that ask for the erasure; they are answered.
            then: called on the event loop as soon as it is done, before any event that is stored later is run.
        """

        def work(database: Database) -> int:
            theirs: list[sa.ColumnElement[bool] | sa.TextClause] = [inbox.c.user_id.in_(list(identities)), UNFINISHED]
            for event in besides:
                event_id = database.pseudonym(event.event_id)
                this = sa.and_(inbox.c.platform == event.conversation.platform, inbox.c.event_id == event_id)
                theirs.append(sa.not_(this))
            for row in database.sql.execute(sa.select(inbox.c.platform, inbox.c.body).where(sa.and_(*theirs))).all():
                progress = f"{DELIVERY}{row.platform}:{_event_id(row.body)}"
                of_adapter = (records.c.plugin == f"adapter.{row.platform}", records.c.key == progress)
                database.sql.execute(sa.delete(records).where(*of_adapter))
            return database.sql.execute(sa.update(inbox).where(sa.and_(*theirs)).values(**EMPTIED)).rowcount

        def done(_: int) -> None:
            ended()
            if then is not None:
                then()

        def ended() -> None:
            if self._early_start is not None:
                self._early_start.erasure_ends()

        if self._early_start is not None:
            self._early_start.erasure_begins()
        return await self._writer.run(work, done, failed=ended)

    async def finish(self, event: Event, receipt: Receipt | None, *, soon: bool = False) -> None:
        """Note that the reply to ``event`` is sent, or that it needed none, and join the reply's messages to it.

        A crash of the process does not undo this. A power cut within moments may, and has the reply sent again.

        Args:
            event: the event answered.
            receipt: the platform's ids of the reply's messages.
            soon: return at once, and write with whatever is written next. A crash in between has the reply sent
                again, so this is only for a platform that drops a second send. Reads see it at once.
        """
        conversation = event.conversation
        messages, key = () if receipt is None else receipt.message_ids, self._row_of(event)

        def work(database: Database) -> None:
            execute, this_event = database.execute, key(database)
            for message_id in messages:
                row = (conversation.platform, conversation.channel, message_id, *this_event)
                execute(self._statements.join_message, row)
            execute(self._statements.finish, this_event)

        if soon:
            self._writer.later(work)
        else:  # not waiting for the disk makes the time shorter in which a crash repeats the reply
            await self._writer.run(work, lasting=False)
        self._uncount(event)

    async def fail(self, event: Event, why: str) -> None:
        """Give ``event`` up: it is not run again. Its row stays for :data:`KEEP_DAYS` days, with ``why``."""
        key = self._row_of(event)
        await self._writer.run(lambda database: database.execute(self._statements.fail, (why, *key(database))))
        self._uncount(event)

    async def bury(self, event: Event, why: str) -> None:
        """Keep ``event`` as a dead letter: it is run again only if :meth:`revive` is called.

        Args:
            event: the event.
            why: what went wrong, without anything that the person wrote.
        """
        key = self._row_of(event)
        await self._writer.run(lambda database: database.execute(self._statements.bury, (why, *key(database))))
        self._uncount(event)

    def _row_of(self, event: Event) -> Callable[[Database], tuple[str | int, ...]]:
        """Gives the columns that name an event's row; where hosts share the inbox, the number of its host, too.

        The number is that of now: work that waits while this host is taken for dead, and joins again, writes nothing.
        """
        platform, event_id, fence = event.conversation.platform, event.event_id, self._fence
        return lambda database: (platform, database.pseudonym(event_id), *fence)

    def count_as_unfinished(self, event: Event) -> None:
        """Count ``event``, which is in the inbox and was not accepted by :meth:`accept`, as unfinished."""
        key, sender = event.conversation.key, identity_of(event)
        self._pending[key] = self._pending.get(key, 0) + 1
        self._pending_of[sender] = self._pending_of.get(sender, 0) + 1

    def _uncount(self, event: Event) -> None:
        _less(self._pending, event.conversation.key)
        _less(self._pending_of, identity_of(event))

    # ── dead letters ──────────────────────────────────────────────────────────────────────────────────────────────

    async def dead_letters(self) -> list[DeadLetter]:
        """The events that were tried as often as anything is, in the order of arrival."""

        def work(database: Database) -> list[DeadLetter]:
            columns = (inbox.c.seq, inbox.c.platform, inbox.c.accepted_at, inbox.c.tries, inbox.c.why)
            query = sa.select(*columns).where(inbox.c.state == DEAD).order_by(inbox.c.seq)
            return [
                DeadLetter(
                    seq=row.seq,
                    platform=row.platform,
                    accepted_at=datetime.fromtimestamp(row.accepted_at, UTC),
                    tries=row.tries,
                    why=row.why or "",
                )
                for row in database.sql.execute(query)
            ]

        return await self._writer.run(work, reads=True)

    async def revive(self, seqs: Collection[int] | None) -> int:
        """Have dead letters run again: those of ``seqs``, or all. Any process may call this.

        Returns:
            How many there were.
        """
        chosen = (inbox.c.state == DEAD, *(() if seqs is None else (inbox.c.seq.in_(seqs),)))
        step = sa.update(inbox).where(*chosen).values(state=REVIVED, tries=0, why=None)
        return await self._writer.run(lambda database: database.sql.execute(step).rowcount)

    async def take_revived(self, resume: Callable[[UnfinishedEvent], None]) -> None:
        """Take up the events that :meth:`revive` has put back since the last call, for the host that has the inbox.

        Args:
            resume: called on the event loop with each of them, in the order of arrival, before anything that the ledger
                does later: an erasure that follows finds the event where it waits.
        """

        def then(found: list[UnfinishedEvent]) -> None:
            for row in found:
                self.count_as_unfinished(row.event)
                resume(row)

        await self._writer.run(lambda database: _taken_up(database, IS_REVIVED), then, lasting=False)

    # ── what is in it ─────────────────────────────────────────────────────────────────────────────────────────────

    async def unfinished(self) -> list[UnfinishedEvent]:
        """The events that still have to be run, or whose replies still have to be sent, in the order of arrival."""
        return await self._writer.run(_unfinished)

    async def failed(self, limit: int = 100) -> list[tuple[str, str]]:
        """The keys of the latest events given up, and why they were; newest first."""

        def work(database: Database) -> list[tuple[str, str]]:
            query = sa.select(inbox).where(inbox.c.state == FAILED).order_by(inbox.c.seq.desc()).limit(limit)
            found = database.sql.execute(query)
            return [(f"{row.platform}:{_event_id(row.body) or row.event_id}", row.why or "") for row in found]

        return await self._writer.run(work, reads=True)

    async def was_accepted(self, platform: str, event_id: str) -> bool:
        """Whether this event was accepted, as far back as finished rows are kept."""

        def work(database: Database) -> bool:
            this = (inbox.c.platform == platform, inbox.c.event_id == database.pseudonym(event_id))
            return database.sql.execute(sa.select(inbox.c.seq).where(*this)).first() is not None

        return await self._writer.run(work, reads=True)

    async def prune(self) -> int:
        """Delete finished rows, and rows given up, that are older than :data:`KEEP_DAYS` days. Returns how many."""
        old = (inbox.c.state.in_([DONE, FAILED, DEAD]), inbox.c.accepted_at < time.time() - KEEP_DAYS * 86_400)
        return await self._writer.run(lambda database: database.sql.execute(sa.delete(inbox).where(*old)).rowcount)


#: The parameters of ``statements.ACCEPT_EVENT``.
ACCEPTED = ("platform", "event_id", "user_id", "body", "accepted_at", "tries")


def encoded(event: Event) -> str:
    """``event`` as JSON.

    Raises:
        BadEventError: JSON cannot hold it: half a surrogate pair, for one.
    """
    try:
        return encode(event).decode()
    except (TypeError, ValueError) as error:
        raise BadEventError(f"event {event.event_id!r} cannot be stored as JSON: {error}") from error


def accept_row(database: Database, row: tuple[Any, ...]) -> int:
    """Put an event into the inbox. Returns 0 where it was there.

    Args:
        database: inside a transaction.
        row: the parameters of ``statements.ACCEPT_EVENT``, with the event's own id.
    """
    platform, event_id, owner, *rest = row
    hidden = (platform, database.pseudonym(event_id), owner, *rest)
    sealed = sealed_row(database, inbox, ACCEPTED, owner, hidden)
    return database.execute(statements.ACCEPT_EVENT, sealed).rowcount


def _accept_row(row: tuple[Any, ...], database: Database) -> int:
    return accept_row(database, row)


def _insert_interaction(
    database: Database, owner: Identity, row: tuple[Any, ...], completion_rows: Iterable[tuple[Any, ...]]
) -> bool:
    """Add an interaction with its completions. Returns whether it is new: else nothing is added."""
    execute = database.execute
    sealed = sealed_row(database, interactions, INTERACTION_COLUMNS, owner, row)
    if not execute(statements.INSERT_INTERACTION, sealed).rowcount:
        return False  # the completions would be those of another run, beside the words of the first
    for completion_row in completion_rows:
        sealed = sealed_row(database, completions, COMPLETION_COLUMNS, owner, completion_row)
        execute(statements.INSERT_COMPLETION, sealed)
    return True


def _less(counts: dict[T, int], key: T) -> None:
    left = counts.get(key, 0) - 1
    if left > 0:
        counts[key] = left
    else:
        counts.pop(key, None)


def _taken_up(database: Database, *which: sa.ColumnElement[bool]) -> list[UnfinishedEvent]:
    """The unfinished events, of which none is only revived after this."""
    found = _unfinished(database, *which)
    if any(row.revived for row in found):
        database.sql.execute(sa.update(inbox).where(UNFINISHED, IS_REVIVED).values(state=WAITING))
    return found


class _HasId(msgspec.Struct):
    event_id: str = ""


def _event_id(body: str | None) -> str:
    """The event's own id; empty where the body is damaged or was erased."""
    try:
        return "" if body is None else msgspec.json.decode(body, type=_HasId).event_id
    except msgspec.MsgspecError:
        return ""


def _unfinished(database: Database, *which: sa.ColumnElement[bool]) -> list[UnfinishedEvent]:
    columns = (inbox.c.seq, inbox.c.body, inbox.c.state, inbox.c.reply, inbox.c.why, inbox.c.tries)
    query = sa.select(*columns).where(UNFINISHED, *which).order_by(inbox.c.seq)
    return decoded_rows(database, database.sql.execute(query).all())


def decoded_rows(database: Database, rows: Iterable[sa.Row[Any]]) -> list[UnfinishedEvent]:
    """The events of rows of the inbox. Those that cannot be read are given up."""
    found = list[UnfinishedEvent]()
    for row in rows:
        try:
            found.append(decode_unfinished(row))
        except (BadEventError, *UNREADABLE) as error:
            if database.ring is not None and is_sealed((row.body or "").encode()):
                # Its key was destroyed: a crash came between the erasure of its person and the answer.
                erased = sa.update(inbox).where(inbox.c.seq == row.seq)
                database.sql.execute(erased.values(**EMPTIED))
                continue
            # Damaged, or of another version. The host must start all the same.
            _log.error("an event in the inbox cannot be read; it is given up", seq=row.seq, error=str(error))
            give_up = sa.update(inbox).where(inbox.c.seq == row.seq)
            database.sql.execute(give_up.values(state=FAILED, why=f"it cannot be read: {error}"))
    return found
