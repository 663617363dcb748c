"""The inbox of hosts that share a ledger: one host runs an unfinished event, and only that host may write its row.

A conversation is one host's as long as it has unfinished events. The transaction that accepts an event gives the event
to the host of its conversation, or chooses one. Events given to another host are marked: that host takes them up when
it is told, when it next accepts something of that conversation, or when it looks by itself. Writing transactions come
one after the other (``postgresql_database``), so ``seq`` is the order of a conversation.

A host's number is the fence. Where a host was taken for dead, its events have another host's number, and whatever it
still wants to write about them matches no row: it drops them, and tells nobody.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Collection
from functools import partial
from typing import Any, NamedTuple

import sqlalchemy as sa
import structlog

from llmagent_os.errors import LedgerError
from llmagent_os.events import Event
from llmagent_os.identity import identity_of
from llmagent_os.ledger import statements
from llmagent_os.ledger.database import Database
from llmagent_os.ledger.inbox import ACCEPTED, IS_REVIVED, Inbox, decoded_rows, encoded
from llmagent_os.ledger.portable import insert_or_ignore
from llmagent_os.ledger.schema import OF_CONVERSATION, OF_HOST, UNFINISHED, WAITING, hosts, inbox
from llmagent_os.ledger.sealed_columns import sealed_row
from llmagent_os.ledger.shared_membership import CHANNEL, SharedMembership
from llmagent_os.ledger.values import Accepted, UnfinishedEvent
from llmagent_os.ledger.writer import Writer

_log = structlog.stdlib.get_logger(__name__)

#: How many conversations are given to other hosts in one transaction.
PAGE_CONVERSATIONS = 100

#: A host looks for what it was given, and for dead hosts, after so many seconds also if it was told nothing.
LOOK_SECONDS = 1.0

#: On this topic a host is told that it was given events. The text is the host's number.
GIVEN = "given"

_NOW = sa.func.extract("epoch", sa.func.clock_timestamp())
_IS_ALIVE = sa.select(hosts.c.number).where(hosts.c.number == inbox.c.host).exists()
_ROW = (inbox.c.seq, inbox.c.body, inbox.c.state, inbox.c.reply, inbox.c.why, inbox.c.tries)
_SENDERS = (inbox.c.user_id == sa.bindparam("sender"), OF_HOST)
_HOLDERS = (
    sa.select(
        inbox.c.host,
        hosts.c.number.is_not(None).label("alive"),
        sa.func.count().label("unfinished"),
        sa.func.bool_or(inbox.c.given).label("given"),
    )
    .select_from(inbox.outerjoin(hosts, sa.and_(hosts.c.number == inbox.c.host, hosts.c.alive_until > _NOW)))
    .where(inbox.c.conversation == sa.bindparam("its_conversation"), UNFINISHED)
    .group_by(inbox.c.host, hosts.c.number)
)
_COUNT_OF_SENDER = sa.select(sa.func.count()).select_from(inbox).where(*_SENDERS)
_INSERT = insert_or_ignore(inbox).returning(inbox.c.seq)
_GIVE = (
    sa.update(inbox)
    .where(
        inbox.c.conversation == sa.bindparam("its_conversation"),
        OF_CONVERSATION,
        inbox.c.host.is_distinct_from(sa.bindparam("to_host")),  # what a host has, it has taken up
    )
    .values(host=sa.bindparam("to_host"), given=True)
)


class Placed(NamedTuple):
    """What became of an event that was offered."""

    result: Accepted
    mine: bool  #: whether this host runs it
    found: list[UnfinishedEvent]  #: what this host was given before, and takes up with it


class SharedInbox(Inbox):
    """Accepts events for all hosts, and runs those that are this host's."""

    def __init__(self, writer: Writer, membership: SharedMembership, rewards_changed: Callable[[], None]) -> None:
        """Use the methods of ``Ledger``."""
        super().__init__(writer, None, rewards_changed)
        self._membership = membership
        self._local: frozenset[str] = frozenset()
        self._resume: Callable[[UnfinishedEvent], None] | None = None
        self._early: list[UnfinishedEvent] = []  # taken up before the host has said what to do with them
        self._woken = asyncio.Event()
        membership.waiting = lambda: sum(self._pending.values())

    # ── the host ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def claim(self, platforms: Collection[str] = (), local: Collection[str] = ()) -> list[UnfinishedEvent]:
        if self._claimed:
            raise LedgerError("a host of this process already runs on this ledger")
        self._local = frozenset(local)
        await self._membership.join(platforms)
        self._claimed, self._statements, self._fence = True, statements.OF_ONE_HOST, (self._membership.number,)
        self._pending.clear()
        self._pending_of.clear()
        try:
            me = self._membership.number
            while await self._writer.run(partial(self._spread, me)):
                pass
            found = await self._writer.run(partial(self._mine, me))
        except BaseException:
            await self.leave()
            raise
        for row in found:
            self.count_as_unfinished(row.event)
        return found

    def release(self) -> None:
        """Nothing: :meth:`leave` lets others have what this host had."""
        self._claimed = False

    async def leave(self) -> None:
        self._claimed = False
        await self._membership.leave()

    async def keep_looking(self, resume: Callable[[UnfinishedEvent], None]) -> None:
        self._use(resume)
        woken = self._woken

        def told(number: str) -> None:
            if number in ("", str(self._membership.number)):
                woken.set()

        stops = self._membership.watch(GIVEN, told), self._membership.watch("hosts", lambda _: woken.set())
        try:
            while True:
                woken.clear()
                try:
                    await self.look(resume)
                except LedgerError as error:
                    _log.error("what other hosts left cannot be taken up; trying again", error=str(error))
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_SECONDS):
                        await woken.wait()
        finally:
            for stop in stops:
                stop()

    async def look(self, resume: Callable[[UnfinishedEvent], None]) -> None:
        """Take up what this host was given, and take over what dead hosts had. ``resume`` is called as by
        :meth:`take_revived`.
        """
        self._use(resume)
        more: list[bool] = [True]
        me = self._membership.number

        def then(found: list[UnfinishedEvent] | None) -> None:
            more[0] = found is not None
            for row in found or ():
                self._take(row, me)

        while more[0] and self._claimed and self._membership.number == me:
            await self._writer.run(partial(self._taken_over, me), then, lasting=False)

    async def hand_over(self, besides: Collection[str] = ()) -> None:
        """Give the other hosts what this one has not finished.

        Args:
            besides: keys of conversations that stay here for now: an event of theirs is being run.
        """
        me = self._membership.number

        def work(database: Database) -> None:
            mine = (inbox.c.host == me, OF_HOST)
            query = sa.select(inbox.c.conversation, inbox.c.platform).distinct().where(*mine)
            kept = {database.pseudonym(key) for key in besides}
            self._give(database, [row for row in database.sql.execute(query).all() if row[0] not in kept], me)

        await self._writer.run(work)

    async def take_revived(self, resume: Callable[[UnfinishedEvent], None]) -> None:
        self._use(resume)
        free = sa.update(inbox).where(UNFINISHED, IS_REVIVED).values(state=WAITING, host=None, given=False)
        if await self._writer.run(lambda database: database.sql.execute(free).rowcount, lasting=False):
            await self.look(resume)

    # ── accepting ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def accept(
        self,
        event: Event,
        *,
        max_pending: int,
        max_pending_of_sender: int | None = None,
        stored: Callable[[Event], None] | None = None,
        unstored: Callable[[Event], None] | None = None,
    ) -> Accepted:
        conversation, sender = event.conversation, identity_of(event)
        is_idle = conversation.key not in self._pending
        row = (conversation.platform, event.event_id, sender, encoded(event), time.time(), int(is_idle))
        self.count_as_unfinished(event)
        me, failed = self._membership.number, False
        placed: Placed | None = None

        def then(done: Placed) -> None:
            nonlocal placed
            placed = done
            if self._membership.number != me:  # this host has joined anew: whoever has the row now runs it
                return
            for found in done.found:
                self._take(found, me)
            if done.mine and done.result is Accepted.NEW:
                if failed:  # it was stored all the same: the connection was cut in the commit
                    self.count_as_unfinished(event)
                if stored is not None:
                    stored(event)
            elif not failed:
                self._uncount(event)

        def work(database: Database) -> Placed:
            return self._place(database, row, conversation.key, max_pending, max_pending_of_sender, me)

        try:
            await self._writer.run(work, then)
        except LedgerError:
            failed = True
            if self._membership.number == me:
                self._uncount(event)
            raise
        return Accepted.DUPLICATE if placed is None else placed.result

    def _place(
        self, database: Database, row: tuple[Any, ...], key: str, most: int, most_of_sender: int | None, me: int
    ) -> Placed:
        """Give an event to a host, unless it is known or too much waits.

        Raises:
            LedgerError: this host has been taken for dead since it was asked, and is another one now, or none.
        """
        if self._membership.number != me:
            raise LedgerError("the other hosts have taken this host for dead: deliver the event again")
        if not me and self._fence:  # it would run what another host takes up as well
            raise LedgerError("this host has left the others, or joins them just now: deliver the event again")
        platform, event_id, sender = row[0], database.pseudonym(row[1]), row[2]
        conversation = database.pseudonym(key)
        holders = database.sql.execute(_HOLDERS, {"its_conversation": conversation}).all()
        full = Accepted.FULL if sum(holder.unfinished for holder in holders) >= most else None
        if full is None and most_of_sender is not None:
            count = database.sql.execute(_COUNT_OF_SENDER, {"sender": sender}).scalar_one()
            full = Accepted.SENDER_FULL if count >= most_of_sender else None
        if full is not None:
            same = (inbox.c.platform == platform, inbox.c.event_id == event_id)
            known = database.sql.execute(sa.select(inbox.c.seq).where(*same)).first() is not None
            return Placed(Accepted.DUPLICATE if known else full, mine=False, found=[])
        holder = next((holder.host for holder in holders if holder.alive), None)
        if holder is None:
            here = platform in self._local
            holder = self._membership.chosen(conversation, platform, here=here)
        if any(each.host != holder for each in holders):  # a dead host's, or nobody's
            database.sql.execute(_GIVE, {"its_conversation": conversation, "to_host": holder or None})
        found = self._taken(database, me) if holder == me and holders else []
        sealed = sealed_row(database, inbox, ACCEPTED, sender, (platform, event_id, *row[2:]))
        values = dict(zip(ACCEPTED, sealed, strict=True))
        values |= {"conversation": conversation, "host": holder or None, "given": holder != me}
        if holder != me:
            values["tries"] = 0
        is_new = database.sql.execute(_INSERT, values).first() is not None
        if is_new and holder and holder != me:
            self._tell(database, holder)
        return Placed(Accepted.NEW if is_new else Accepted.DUPLICATE, holder == me, found)

    def take_moved(self, moved: Collection[Event], stored: Callable[[Event], None] | None) -> None:
        """Have this host give them to hosts at once: so far they are nobody's."""
        if moved:
            self._woken.set()

    # ── giving and taking ─────────────────────────────────────────────────────────────────────────────────────────

    def _take(self, row: UnfinishedEvent, number: int) -> None:
        """Run what was taken up under a number of this host. Under another number than now, others have it."""
        if self._membership.number != number:
            return
        self.count_as_unfinished(row.event)
        if self._resume is None:
            self._early.append(row)
        else:
            self._resume(row)

    def _use(self, resume: Callable[[UnfinishedEvent], None]) -> None:
        self._resume = resume
        for row in self._early:
            resume(row)
        self._early.clear()

    def _taken(self, database: Database, me: int) -> list[UnfinishedEvent]:
        """What this host was given and has not taken up, in the order of arrival. It is marked as taken up."""
        given = (inbox.c.host == me, inbox.c.given, OF_HOST)
        rows = database.sql.execute(sa.update(inbox).where(*given).values(given=False).returning(*_ROW)).all()
        return decoded_rows(database, sorted(rows, key=lambda row: row.seq))

    def _mine(self, me: int, database: Database) -> list[UnfinishedEvent]:
        """All that is this host's, in the order of arrival, whether or not it was noted as taken up."""
        rows = database.sql.execute(
            sa.update(inbox).where(inbox.c.host == me, OF_HOST).values(given=False).returning(*_ROW)
        ).all()
        return decoded_rows(database, sorted(rows, key=lambda row: row.seq))

    def _taken_over(self, me: int, database: Database) -> list[UnfinishedEvent] | None:
        """Give what dead hosts had, and what nobody has, to living ones, and take up what is this host's.

        Args:
            me: the number of this host, as it was when this was asked for.
            database: inside the transaction.

        Returns:
            What this host takes up; None: nothing was left to be done, or this host has another number by now.
        """
        more = self._spread(me, database)
        if more is None:
            return None
        found = self._taken(database, me)
        return found if found or more else None

    def _spread(self, me: int, database: Database) -> bool | None:
        """Give what dead hosts had, and what nobody has, to living ones. Takes the same as :meth:`_taken_over`.

        Returns:
            Whether there may be more; None: this host has another number by now, or is itself dead.
        """
        if self._membership.number != me:
            return None
        dead = sa.delete(hosts).where(hosts.c.alive_until <= _NOW).returning(hosts.c.number, hosts.c.name)
        for row in database.sql.execute(dead).all():
            _log.warning("a host is dead; its conversations are taken over", host=row.name, number=row.number)
        if database.sql.execute(sa.select(hosts.c.number).where(hosts.c.number == me)).first() is None:
            return None  # this host is itself dead, and has not heard of it
        named = self._name_conversations(database)
        platforms = inbox.c.platform.in_(self._membership.platforms)
        orphans = sa.select(inbox.c.conversation, inbox.c.platform).distinct().where(UNFINISHED, platforms, ~_IS_ALIVE)
        page = database.sql.execute(orphans.limit(PAGE_CONVERSATIONS)).all()
        self._give(database, page, me)
        return PAGE_CONVERSATIONS in (named, len(page))

    def _give(self, database: Database, conversations: Collection[Any], me: int) -> None:
        """Give conversations to the hosts that have them already, or to those that are chosen, and tell these."""
        told: set[int] = set()
        alive = set(database.sql.execute(sa.select(hosts.c.number).where(hosts.c.alive_until > _NOW)).scalars())
        leaving = me if self._membership.is_retired else None
        for conversation, platform in conversations:
            holders = database.sql.execute(_HOLDERS, {"its_conversation": conversation}).all()
            holder = next((each.host for each in holders if each.alive and each.host != leaving), None)
            if holder is None:
                here = platform in self._local
                holder = self._membership.chosen(conversation, platform, here=here, among=alive)
            database.sql.execute(_GIVE, {"its_conversation": conversation, "to_host": holder or None})
            told.add(holder)
        for number in told - {0, me}:
            self._tell(database, number)

    def _name_conversations(self, database: Database) -> int:
        """Note the conversations of rows that have none: a timer that was moved, or a ledger that was copied.

        Returns:
            How many rows had none, of one page.
        """
        unnamed = sa.select(*_ROW).where(UNFINISHED, inbox.c.conversation.is_(None)).order_by(inbox.c.seq)
        rows = database.sql.execute(unnamed.limit(PAGE_CONVERSATIONS)).all()
        for row in decoded_rows(database, rows):
            name = database.pseudonym(row.event.conversation.key)
            database.sql.execute(sa.update(inbox).where(inbox.c.seq == row.seq).values(conversation=name))
        return len(rows)

    def _tell(self, database: Database, number: int) -> None:
        text = self._membership.told(GIVEN, str(number))
        database.sql.execute(sa.select(sa.func.pg_notify(CHANNEL, text)))
