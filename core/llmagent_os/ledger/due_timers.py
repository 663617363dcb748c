"""Moves timers that are due into the inbox, and sets them again where the plugin could not answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

import sqlalchemy as sa

from llmagent_os.errors import BadEventError
from llmagent_os.events import Event, Timer, decode, encode
from llmagent_os.identity import identity_of
from llmagent_os.ledger.damaged_rows import UNREADABLE, put_aside
from llmagent_os.ledger.database import Database
from llmagent_os.ledger.held_messages import move_held
from llmagent_os.ledger.inbox import Inbox, accept_row
from llmagent_os.ledger.portable import insert_or_ignore
from llmagent_os.ledger.row_codecs import decode_timer, encode_destination, readable_moment
from llmagent_os.ledger.schema import held, timers
from llmagent_os.ledger.sealed_columns import sealed_values
from llmagent_os.ledger.writer import Writer

_KEY = (timers.c.user_id, timers.c.plugin, timers.c.key)
_POSTPONE = insert_or_ignore(timers)


class MovedTimers(NamedTuple):
    """What one step has moved into the inbox."""

    moved: list[Event]  #: new in the inbox: timers in the order in which they were due, then held messages in theirs
    earliest: datetime | None  #: when the earliest that is left is due, in UTC; None: nothing is left


class DueTimers:
    """The way of timers from their table into the inbox, and back for another try."""

    def __init__(self, writer: Writer, inbox: Inbox, timer_set: Callable[[datetime], None]) -> None:
        """Use the methods of ``Ledger``."""
        self._writer = writer
        self._inbox = inbox
        self._timer_set = timer_set

    async def move(
        self, now: datetime, *, limit: int, stored: Callable[[Event], None] | None = None
    ) -> datetime | None:
        """Move the timers that are due by ``now`` into the inbox, in order and in one transaction.

        A crash leaves every timer either set or in the inbox, and no timer gets there twice. The bound on a
        conversation's unfinished events does not hold here: a person can be asked to say something again, a timer
        cannot.

        Args:
            now: the present.
            limit: how many timers are moved at most.
            stored: called with every timer that is new in the inbox, as ``Inbox.accept`` does.

        Returns:
            When the earliest timer left is due; None: no timer is left.

        Raises:
            LedgerError: the ledger cannot be written.
        """

        def then(done: MovedTimers) -> None:
            self._inbox.take_moved(done.moved, stored)

        return (await self._writer.run(lambda database: _move(database, now.timestamp(), limit), then)).earliest

    async def hold_back(self, event: Timer, until: datetime) -> None:
        """Set ``event`` again, for the end of quiet hours, unless its plugin has set the same key since."""
        await self._set_again(event, until, event.tries)

    async def postpone(self, event: Timer, until: datetime) -> None:
        """Set ``event`` again, for ``until`` and with one try more, unless its plugin has set the same key since."""
        await self._set_again(event, until, event.tries + 1)

    async def _set_again(self, event: Timer, until: datetime, tries: int) -> None:
        sender = identity_of(event)
        row = {
            "user_id": sender,
            "plugin": event.plugin,
            "key": event.key,
            "at": until.timestamp(),
            "due": event.at.timestamp(),
            "tries": tries,
            "deferrable": event.deferrable,
            **encode_destination(event),
        }
        await self._writer.run(
            lambda database: database.sql.execute(_POSTPONE, sealed_values(database, timers, sender, row)),
            lambda _: self._timer_set(until),
        )


def _move(database: Database, now: float, limit: int) -> MovedTimers:
    # What quiet hours held back is due at one moment: it comes in the order in which it was due before.
    due = sa.select(timers).where(timers.c.at <= now).order_by(timers.c.at, timers.c.due, *_KEY).limit(limit)
    moved: list[Event] = []
    for row in database.sql.execute(due).mappings().all():
        try:
            event = decode_timer(row)
            body = encode(event).decode()
            decode(body)  # what the inbox could not read again
        except (BadEventError, *UNREADABLE) as error:  # it must not keep the others waiting
            put_aside(database, timers, {**row}, row["user_id"], error)
            continue
        mine = (timers.c.user_id == row["user_id"], timers.c.plugin == row["plugin"], timers.c.key == row["key"])
        database.sql.execute(sa.delete(timers).where(*mine))
        values = (event.conversation.platform, event.event_id, row["user_id"], body, time.time(), 0)
        if accept_row(database, values):  # 0: it was moved before
            moved.append(event)
    moved += move_held(database, now, limit - len(moved))
    left = [database.sql.scalar(sa.select(sa.func.min(table.c.at))) for table in (timers, held)]
    earliest = min((at for at in left if at is not None), default=None)
    return MovedTimers(moved, None if earliest is None else _moment(earliest))


def _moment(seconds: float) -> datetime:
    """A moment, in seconds since 1970; one that no calendar has is never due, and the last moment that there is."""
    return readable_moment(seconds) or datetime.max.replace(tzinfo=UTC)
