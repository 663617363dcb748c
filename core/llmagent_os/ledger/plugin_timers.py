"""Plugins' timers in the ledger: the table ``timers``. What becomes of a timer that is due is in ``due_timers``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from llmagent_os.events import Event
from llmagent_os.identity import Identity, identity_of
from llmagent_os.ledger.database import Database
from llmagent_os.ledger.identity_links import identities_of
from llmagent_os.ledger.portable import upsert
from llmagent_os.ledger.row_codecs import encode_destination
from llmagent_os.ledger.schema import timers
from llmagent_os.ledger.sealed_columns import sealed_values
from llmagent_os.ledger.writer import Writer
from llmagent_os.timers import checked_timer

_SET = upsert(timers)


class LedgerTimers:
    """One plugin's timers for one person.

    A person may have several identities. A timer belongs to the identity that set it, and is answered in the
    conversation in which it was set. Where it is set again from elsewhere, its moment changes and its conversation
    stays.
    """

    def __init__(self, writer: Writer, plugin: str, event: Event, timer_set: Callable[[datetime], None]) -> None:
        """Use ``Ledger.timers``."""
        self._writer = writer
        self._timer_set = timer_set
        self._plugin = plugin
        self._identity = identity_of(event)
        self._destination = encode_destination(event)

    async def set(self, key: str, at: datetime, *, deferrable: bool = False) -> None:
        moment = checked_timer(key, at)
        stamp = moment.timestamp()
        changed: dict[str, Any] = {"at": stamp, "due": stamp, "tries": 0, "deferrable": deferrable}
        row = {"user_id": self._identity, "plugin": self._plugin, "key": key, **self._destination, **changed}

        def work(database: Database) -> None:
            who = identities_of(database, self._identity)
            found = set(database.sql.scalars(sa.select(timers.c.user_id).where(*self._under(who, key))))
            owner = next((identity for identity in who if identity in found), None)
            if owner is None:
                database.sql.execute(_SET, sealed_values(database, timers, self._identity, row))
            else:
                database.sql.execute(sa.update(timers).where(*self._under([owner], key)).values(changed))

        await self._writer.run(work, lambda _: self._timer_set(moment))

    async def cancel(self, key: str) -> bool:
        def work(database: Database) -> bool:
            who = identities_of(database, self._identity)
            return database.sql.execute(sa.delete(timers).where(*self._under(who, key))).rowcount > 0

        return await self._writer.run(work)

    async def count(self, *, but: str) -> int:
        def work(database: Database) -> int:
            theirs = timers.c.user_id.in_(identities_of(database, self._identity)), timers.c.plugin == self._plugin
            query = sa.select(sa.func.count()).select_from(timers).where(*theirs, timers.c.key != but)
            return database.sql.execute(query).scalar_one()

        return await self._writer.run(work)

    def _under(self, who: list[Identity], key: str) -> tuple[sa.ColumnElement[bool], ...]:
        return timers.c.user_id.in_(who), timers.c.plugin == self._plugin, timers.c.key == key
