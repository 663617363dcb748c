"""What is remembered of people: the table ``memories``.

A memory is kept under the account that said it, as everything else is. All accounts of a person share what they said.
Every memory has a number, by which the person corrects and deletes it. The number never changes while the memory is
there, except where two accounts are linked that have used the same one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec
import sqlalchemy as sa

from llmagent_os.identity import Identity
from llmagent_os.ledger.database import Database
from llmagent_os.ledger.identity_links import identities_of
from llmagent_os.ledger.row_codecs import moment_as_json
from llmagent_os.ledger.schema import memories
from llmagent_os.ledger.sealed_columns import sealed_values
from llmagent_os.ledger.writer import Writer

#: How long a memory is kept that holds no longer.
KEEP_ENDED_DAYS = 30

#: Who found a memory in what the person said.
ProposedBy = Literal["rules", "model", "person"]


class NewMemory(msgspec.Struct, frozen=True, kw_only=True):
    """A fact or a preference that a person stated, before it is kept."""

    topic: str = ""  #: what it is about, such as ``home``
    value: str = ""  #: in the person's words: ``Rome``
    text: str = ""  #: in the second person: ``You live in Rome``
    said: str = ""  #: the clause as the person wrote it
    source: str  #: the ``event_key`` of the message
    message_id: str = ""  #: the platform's id of the message; empty: it was a command
    room: str  #: where it was said, without a thread
    is_private: bool  #: nobody else reads there
    proposed_by: ProposedBy = "rules"
    said_at: datetime  #: aware

    def with_statement(self, topic: str, value: str, text: str, said: str) -> NewMemory:
        """The same source with another statement."""
        return msgspec.structs.replace(self, topic=topic, value=value, text=text, said=said)


class Memory(NewMemory, frozen=True, kw_only=True):
    """What is remembered of a person."""

    number: int  #: by which the person names it
    ended_at: datetime | None = None  #: when the person said something else; None: it holds


class MemoryChange(msgspec.Struct, frozen=True):
    """What changes in the memories of a person, by number."""

    add: tuple[NewMemory, ...] = ()
    end: tuple[int, ...] = ()  #: these hold no longer
    again: tuple[int, ...] = ()  #: these were stated again
    erase: tuple[int, ...] = ()  #: these are deleted, and whatever they replaced


class Memories:
    """Reads and changes the memories of people."""

    def __init__(self, writer: Writer) -> None:
        """Use ``Ledger.memories``."""
        self._writer = writer

    async def of(self, identity: Identity, *, ended: bool = False) -> list[Memory]:
        """The memories of a person by number; with ``ended``, those that hold no longer, in place of those that do."""
        return await self._writer.run(
            lambda database: _read(database, identities_of(database, identity), ended=ended), reads=True
        )

    async def change(self, identity: Identity, plan: Callable[[Sequence[Memory]], MemoryChange]) -> MemoryChange:
        """Change the memories of a person in one step.

        Args:
            identity: the account that acts; new memories are kept under it.
            plan: says what changes, given the memories that hold. It may be called twice, so it must change nothing.

        Returns:
            What was changed.
        """

        def work(database: Database) -> MemoryChange:
            who = identities_of(database, identity)
            change = plan(_read(database, who, ended=False))
            _apply(database, identity, who, change)
            return change

        return await self._writer.run(work)

    async def erase_all(self, identity: Identity) -> int:
        """Delete all memories of a person. Returns how many there were that hold."""

        def work(database: Database) -> int:
            who = identities_of(database, identity)
            held = len(_read(database, who, ended=False))
            database.sql.execute(sa.delete(memories).where(memories.c.user_id.in_(who)))
            return held

        return await self._writer.run(work)

    async def prune(self) -> int:
        """Delete what has ended long ago. Returns how many rows."""
        before = time.time() - KEEP_ENDED_DAYS * 24 * 60 * 60
        old = sa.delete(memories).where(memories.c.ended_at < before)
        return await self._writer.run(lambda database: database.sql.execute(old).rowcount)


def export_memories(database: Database, who: Sequence[Identity]) -> list[dict[str, Any]]:
    """All memories of ``who``, as JSON values, in the order in which they were kept."""
    rows = sa.select(memories).where(memories.c.user_id.in_(who)).order_by(memories.c.seq)
    return [
        {
            "number": row.number,
            "topic": row.topic,
            "text": row.text,
            "said": row.said,
            "source": row.source,
            "message_id": row.message_id,
            "room": row.room,
            "is_private": row.is_private,
            "proposed_by": row.proposed_by,
            "said_at": moment_as_json(row.said_at),
            "ended_at": None if row.ended_at is None else moment_as_json(row.ended_at),
        }
        for row in database.sql.execute(rows)
    ]


def _read(database: Database, who: Sequence[Identity], *, ended: bool) -> list[Memory]:
    _number_apart(database, who)
    holds = memories.c.ended_at.is_not(None) if ended else memories.c.ended_at.is_(None)
    query = sa.select(memories).where(memories.c.user_id.in_(who), holds).order_by(memories.c.number)
    return [
        Memory(
            number=row.number,
            topic=row.topic,
            value=row.value,
            text=row.text,
            said=row.said,
            source=row.source,
            message_id=row.message_id,
            room=row.room,
            is_private=row.is_private,
            proposed_by=row.proposed_by,
            said_at=datetime.fromtimestamp(row.said_at, UTC),
            ended_at=None if row.ended_at is None else datetime.fromtimestamp(row.ended_at, UTC),
        )
        for row in database.sql.execute(query)
    ]


def _number_apart(database: Database, who: Sequence[Identity]) -> None:
    """Give memories of accounts that were linked since new numbers, where both have used the same ones."""
    if len(who) < 2:
        return
    query = sa.select(memories.c.seq, memories.c.number).where(memories.c.user_id.in_(who)).order_by(memories.c.seq)
    rows = database.sql.execute(query).all()
    used, free = set[int](), max((row.number for row in rows), default=0) + 1
    for row in rows:
        if row.number in used:
            database.sql.execute(sa.update(memories).where(memories.c.seq == row.seq).values(number=free))
            free += 1
        used.add(row.number)


def _apply(database: Database, identity: Identity, who: Sequence[Identity], change: MemoryChange) -> None:
    theirs = memories.c.user_id.in_(who)
    execute = database.sql.execute
    if change.erase:
        execute(sa.delete(memories).where(memories.c.seq.in_(_erased(database, who, change.erase))))
    now = max((one.said_at for one in change.add), default=None)
    if change.end:
        at = time.time() if now is None else now.timestamp()
        execute(sa.update(memories).where(theirs, memories.c.number.in_(change.end)).values(ended_at=at))
    if change.again:
        execute(
            sa.update(memories).where(theirs, memories.c.number.in_(change.again)).values(said_again_at=time.time())
        )
    last = database.sql.scalar(sa.select(sa.func.max(memories.c.number)).where(theirs)) or 0
    for number, one in enumerate(change.add, last + 1):
        row = msgspec.structs.asdict(one) | {"said_at": one.said_at.timestamp(), "number": number, "user_id": identity}
        execute(sa.insert(memories).values(sealed_values(database, memories, identity, row)))


def _erased(database: Database, who: Sequence[Identity], numbers: Sequence[int]) -> list[int]:
    """The rows that go with ``numbers``: these, and what ended of the same topic or with the same value.

    Compared here, because SQL cannot compare what is sealed.
    """
    columns = (memories.c.seq, memories.c.number, memories.c.topic, memories.c.value, memories.c.ended_at)
    rows = database.sql.execute(sa.select(*columns).where(memories.c.user_id.in_(who))).all()
    gone = [row for row in rows if row.number in numbers]
    topics, values = {row.topic for row in gone}, {row.value for row in gone}
    before = [row for row in rows if row.ended_at is not None and (row.topic in topics or row.value in values)]
    return [row.seq for row in (*gone, *before)]
