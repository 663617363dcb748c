"""Plugins' contacts in the ledger: who is found by a name, and documents from one person to another."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from llmagent_os.contacts import Contact, Given
from llmagent_os.events import Event
from llmagent_os.identity import Identity, identity_of
from llmagent_os.ledger.contact_rows import direct_row, find_contacts, hidden, known_identity, note_contact
from llmagent_os.ledger.database import Database
from llmagent_os.ledger.identity_links import identities_of
from llmagent_os.ledger.plugin_records import read_holder
from llmagent_os.ledger.portable import insert_or_ignore, upsert
from llmagent_os.ledger.schema import contacts, records, timers
from llmagent_os.ledger.sealed_columns import sealed_values
from llmagent_os.ledger.writer import Writer
from llmagent_os.records import Record, encode_record
from llmagent_os.timers import checked_timer

_SET = upsert(timers)

#: So long what was noted of a person is taken to be in the ledger still, and is not written again.
NOTED_AGAIN = timedelta(hours=1)
MOST_NOTED = 10_000  #: people and conversations that are remembered as noted


class ContactNotes:
    """Notes who writes to the bot, and where. Most events change nothing, and cost nothing."""

    def __init__(self, writer: Writer) -> None:
        """Use ``Ledger.note_contact``."""
        self._writer = writer
        self._noted: dict[tuple[Identity, str], tuple[str, str, datetime]] = {}

    async def note(self, event: Event, name: str, given_name: str, now: datetime) -> None:
        """Note the person who did ``event``, unless the same was noted a moment ago."""
        key = (identity_of(event), event.conversation.key)
        before = self._noted.get(key)
        if before is not None and before[:2] == (name, given_name) and now - before[2] < NOTED_AGAIN:
            return
        await self._writer.run(lambda database: note_contact(database, event, name, given_name, now))
        if len(self._noted) >= MOST_NOTED:
            self._noted.clear()
        self._noted[key] = (name, given_name, now)

    def forget(self) -> None:
        """Note everybody again: somebody's rows were erased."""
        self._noted.clear()


class LedgerContacts:
    """One plugin's way from one person to others."""

    def __init__(
        self, writer: Writer, plugin: str, event: Event, timer_set: Callable[[datetime], None], version: int
    ) -> None:
        """Use ``Ledger.contacts``."""
        self._version = version
        self._writer = writer
        self._plugin = plugin
        self._identity = identity_of(event)
        self._timer_set = timer_set

    async def find(self, name: str, now: datetime) -> tuple[Contact, ...]:
        return tuple(
            await self._writer.run(lambda database: find_contacts(database, self._identity, now, name), reads=True)
        )

    async def give(self, handle: str, key: str, record: Record, at: datetime, *, mine: tuple[str, Record]) -> Given:
        def find(database: Database) -> Identity | None:
            return known_identity(database, self._identity, at, handle)

        return await self._give(find, key, record, at, mine)

    async def give_holder(self, holder: str, key: str, record: Record, at: datetime) -> Given:
        return await self._give(lambda database: read_holder(database, self._plugin, holder), key, record, at)

    async def hide(self, hidden: bool) -> None:
        def work(database: Database) -> None:
            mine = contacts.c.identity.in_(identities_of(database, self._identity))
            database.sql.execute(sa.update(contacts).where(mine).values(hidden=hidden))

        await self._writer.run(work)

    async def is_hidden(self) -> bool:
        return await self._writer.run(
            lambda database: hidden(database, identities_of(database, self._identity)), reads=True
        )

    async def _give(
        self,
        receiver: Callable[[Database], Identity | None],
        key: str,
        record: Record,
        at: datetime,
        mine: tuple[str, Record] | None = None,
    ) -> Given:
        body, moment = encode_record(key, record), checked_timer(key, at)
        kept = None if mine is None else (mine[0], encode_record(*mine))

        def work(database: Database) -> Given:
            found = receiver(database)
            if found is None:
                return "unknown"
            given = self._insert(database, found, key, body, moment.timestamp())
            if kept is not None and given == "given":
                own: dict[str, Any] = {"user_id": self._identity, "plugin": self._plugin, "version": self._version}
                own |= {"key": kept[0], "body": kept[1]}
                own = sealed_values(database, records, self._identity, own)
                database.sql.execute(insert_or_ignore(records).values(**own, shared_with=found))
            return given

        return await self._writer.run(work, lambda given: self._timer_set(moment) if given == "given" else None)

    def _insert(self, database: Database, receiver: Identity, key: str, body: str, stamp: float) -> Given:
        """Write the record and its timer, unless the receiver has the record."""
        who = identities_of(database, receiver)
        there = (records.c.user_id.in_(who), records.c.plugin == self._plugin, records.c.key == key)
        if database.sql.execute(sa.select(records.c.key).where(*there)).first() is not None:
            return "given before"
        place = direct_row(database, who)
        if place is None:
            return "unreachable"
        of = {"user_id": place.identity, "plugin": self._plugin, "key": key}
        where = {"conversation": place.conversation, "sender": place.sender}
        theirs = {**of, "body": body, "shared_with": self._identity, "version": self._version}
        database.sql.execute(sa.insert(records).values(sealed_values(database, records, place.identity, theirs)))
        timer = {**of, **where, "at": stamp, "due": stamp, "tries": 0, "deferrable": True}
        database.sql.execute(_SET, sealed_values(database, timers, place.identity, timer))
        return "given"
