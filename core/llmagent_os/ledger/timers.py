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
from llmagent_os.ledger import sql
from llmagent_os.ledger.connection import Database
from llmagent_os.ledger.schema import timers
from llmagent_os.ledger.values import person_id
from llmagent_os.ledger.writer import Writer
from llmagent_os.timers import checked_timer

_log = structlog.stdlib.get_logger(__name__)
_encoder = msgspec.json.Encoder()
_conversations = msgspec.json.Decoder(Conversation)
_senders = msgspec.json.Decoder(Sender)
_KEY = (timers.c.user_id, timers.c.plugin, timers.c.key)


class LedgerTimers:
    """One plugin's timers for one person, in the table ``timers``."""

    def __init__(self, writer: Writer, plugin: str, event: Event, told: Callable[[datetime], None]) -> None:
        """Use ``Ledger.timers``."""
        self._writer = writer
        self._told = told
        self._mine = {"user_id": person_id(event), "plugin": plugin}
        self._here = _here(event)

    async def set(self, key: str, at: datetime) -> None:
        moment = checked_timer(key, at)
        stamp = moment.timestamp()
        changed: dict[str, Any] = {**self._here, "at": stamp, "due": stamp, "tries": 0}
        statement = insert(timers).values({**self._mine, "key": key, **changed})
        statement = statement.on_conflict_do_update(index_elements=_KEY, set_=changed)
        await self._writer.run(lambda database: database.sql.execute(statement).rowcount, lambda _: self._told(moment))

    async def cancel(self, key: str) -> bool:
        statement = sa.delete(timers).where(*_is({**self._mine, "key": key}))
        return await self._writer.run(lambda database: database.sql.execute(statement).rowcount > 0)


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
        "user_id": person_id(event),
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
