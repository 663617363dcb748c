"""Plugins' timers in the ledger, and the step that moves those that are due into the inbox."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa
import structlog
from sqlalchemy.dialects.sqlite import insert

from llmagent_os.events import Conversation, Event, Sender, Timer, encode
from llmagent_os.identity import identity_of
from llmagent_os.ledger import sql
from llmagent_os.ledger.connection import Database
from llmagent_os.ledger.identities import own_first
from llmagent_os.ledger.schema import timers
from llmagent_os.ledger.writer import Writer
from llmagent_os.timers import checked_timer

_log = structlog.stdlib.get_logger(__name__)
_encoder = msgspec.json.Encoder()
_conversations = msgspec.json.Decoder(Conversation)
_senders = msgspec.json.Decoder(Sender)
_KEY = (timers.c.user_id, timers.c.plugin, timers.c.key)


class LedgerTimers:
    """One plugin's timers for one person, in the table ``timers``.

    A person may have several identities. A timer belongs to the one who set it and rings in its conversation: another
    who sets it anew moves the moment, and the place stays.
    """

    def __init__(self, writer: Writer, plugin: str, event: Event, told: Callable[[datetime], None]) -> None:
        """Use ``Ledger.timers``."""
        self._writer = writer
        self._told = told
        self._plugin = plugin
        self._identity = identity_of(event)
        self._here = _here(event)

    async def set(self, key: str, at: datetime) -> None:
        moment = checked_timer(key, at)
        stamp = moment.timestamp()
        changed: dict[str, Any] = {"at": stamp, "due": stamp, "tries": 0}
        mine = {"user_id": self._identity, "plugin": self._plugin, "key": key}
        statement = insert(timers).values({**mine, **self._here, **changed})
        statement = statement.on_conflict_do_update(index_elements=_KEY, set_={**self._here, **changed})

        def work(database: Database) -> None:
            who = own_first(database, self._identity)
            if len(who) > 1:
                found = set(database.sql.scalars(sa.select(timers.c.user_id).where(*self._under(who, key))))
                owner = next((each for each in who if each in found), self._identity)
                if owner != self._identity:
                    database.sql.execute(sa.update(timers).where(*self._under([owner], key)).values(changed))
                    return
            database.sql.execute(statement)

        await self._writer.run(work, lambda _: self._told(moment))

    async def cancel(self, key: str) -> bool:
        def work(database: Database) -> bool:
            who = own_first(database, self._identity)
            return database.sql.execute(sa.delete(timers).where(*self._under(who, key))).rowcount > 0

        return await self._writer.run(work)

    def _under(self, who: list[str], key: str) -> tuple[sa.ColumnElement[bool], ...]:
        return timers.c.user_id.in_(who), timers.c.plugin == self._plugin, timers.c.key == key


class Rung(NamedTuple):
    """What :func:`ring` did."""

    moved: list[Timer]  #: new in the inbox, in the order in which they were due
    earliest: datetime | None  #: when the next one is due


def ring(database: Database, now: float, limit: int) -> Rung:
    """Move at most ``limit`` timers that are due by ``now`` into the inbox, inside the caller's transaction."""
    due = sa.select(timers).where(timers.c.at <= now).order_by(timers.c.at, *_KEY).limit(limit)
    moved: list[Timer] = []
    for row in database.sql.execute(due).all():
        key = {"user_id": row.user_id, "plugin": row.plugin, "key": row.key}
        database.sql.execute(sa.delete(timers).where(*_is(key)))
        try:
            event = _event(row)
        except msgspec.MsgspecError as error:  # of another version, or damaged: it must not keep the others waiting
            _log.error("a timer cannot be read; it is given up", plugin=row.plugin, key=row.key, error=str(error))
            continue
        values = (event.conversation.platform, event.event_id, row.user_id, encode(event).decode(), time.time())
        if database.driver.execute(sql.accept, values).rowcount:  # else it has rung before
            moved.append(event)
    earliest = database.sql.scalar(sa.select(sa.func.min(timers.c.at)))
    return Rung(moved, None if earliest is None else datetime.fromtimestamp(earliest, UTC))


def _event(row: sa.Row[Any]) -> Timer:
    # The id says nothing about the person: it stays in the inbox after what it stands for is erased.
    parts = (row.plugin, row.user_id, row.key, repr(row.due), *([str(row.tries)] if row.tries else []))
    return Timer(
        event_id="timer-" + hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32],
        conversation=_conversations.decode(row.conversation),
        sender=_senders.decode(row.sender),
        at=datetime.fromtimestamp(row.due, UTC),
        plugin=row.plugin,
        key=row.key,
        tries=row.tries,
    )


def postponed(event: Timer, until: datetime) -> sa.Executable:
    """The statement that has ``event`` come again; nothing, where its plugin has set the same key since."""
    row = {
        "user_id": identity_of(event),
        "plugin": event.plugin,
        "key": event.key,
        "at": until.timestamp(),
        "due": event.at.timestamp(),
        "tries": event.tries + 1,
        **_here(event),
    }
    return insert(timers).values(row).on_conflict_do_nothing()


def _is(key: dict[str, str]) -> list[sa.ColumnElement[bool]]:
    return [timers.c[name] == value for name, value in key.items()]


def _here(event: Event) -> dict[str, str]:
    """Where an answer goes, and whom it is for."""
    return {
        "conversation": _encoder.encode(event.conversation).decode(),
        "sender": _encoder.encode(event.sender).decode(),
    }
