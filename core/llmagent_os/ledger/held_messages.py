"""Messages that are answered later: when the bot works again. The table ``held``."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from llmagent_os.errors import BadEventError
from llmagent_os.events import Event, Message, decode, encode
from llmagent_os.identity import Identity, identity_of
from llmagent_os.ledger.damaged_rows import UNREADABLE, put_aside
from llmagent_os.ledger.database import Database
from llmagent_os.ledger.inbox import accept_row
from llmagent_os.ledger.row_codecs import moment_as_json
from llmagent_os.ledger.schema import held
from llmagent_os.ledger.sealed_columns import sealed_values
from llmagent_os.ledger.writer import Writer

#: Ends the event id of a message that comes again, to be answered; a number follows from the second time on.
AGAIN = "/later"
_COMES_AGAIN = re.compile(rf"(?P<first>.*){AGAIN}(?P<times>\d*)", re.DOTALL)


class HeldMessages:
    """Keeps messages until a moment. At that moment they come into the inbox again, in the order of arrival."""

    def __init__(self, writer: Writer, timer_set: Callable[[datetime], None]) -> None:
        """Use ``Ledger.held``."""
        self._writer = writer
        self._timer_set = timer_set

    async def hold(self, message: Message, until: datetime, most: int) -> bool:
        """Keep ``message`` until a moment. The same message is kept once.

        Args:
            message: what was said.
            until: when it comes again, aware.
            most: how many messages of one account are kept.

        Returns:
            Whether it is kept. False: there are as many of the account already.

        Raises:
            LedgerError: the ledger cannot be written.
        """
        sender = identity_of(message)
        event_id = next_id(message.event_id)
        again = msgspec.structs.replace(message, event_id=event_id)

        def work(database: Database) -> bool:
            rows = database.sql.execute(sa.select(held.c.body).where(held.c.user_id == sender)).all()
            if any(_event_id(row.body) == event_id for row in rows):
                return True
            if len(rows) >= most:
                return False
            row = {"user_id": sender, "body": encode(again).decode(), "at": until.timestamp()}
            database.sql.execute(sa.insert(held).values(sealed_values(database, held, sender, row)))
            return True

        return await self._writer.run(work, lambda kept: self._timer_set(until) if kept else None)


def next_id(event_id: str) -> str:
    """The id under which a message comes again. The inbox remembers every id, so each time has another one.

    >>> next_id("m1"), next_id("m1/later"), next_id("m1/later2")
    ('m1/later', 'm1/later2', 'm1/later3')
    """
    found = _COMES_AGAIN.fullmatch(event_id)
    return f"{event_id}{AGAIN}" if found is None else f"{found['first']}{AGAIN}{int(found['times'] or 1) + 1}"


def _event_id(body: str) -> str:
    """The event id in the body of a row; empty where the row is damaged."""
    try:
        return decode(body).event_id
    except (BadEventError, *UNREADABLE):
        return ""


def move_held(database: Database, now: float, limit: int) -> list[Event]:
    """Move the messages that are due by ``now`` into the inbox, and return those that are new there, in order."""
    moved: list[Event] = []
    due = sa.select(held).where(held.c.at <= now).order_by(held.c.at, held.c.seq).limit(max(limit, 0))
    for row in database.sql.execute(due).mappings().all():
        try:
            event = decode(row["body"])
        except (BadEventError, *UNREADABLE) as error:  # it must not keep the others waiting
            put_aside(database, held, {**row}, row["user_id"], error)
            continue
        database.sql.execute(sa.delete(held).where(held.c.seq == row["seq"]))
        values = (event.conversation.platform, event.event_id, row["user_id"], row["body"], time.time(), 0)
        if accept_row(database, values):
            moved.append(event)
    return moved


def exported_held(database: Database, who: list[Identity]) -> list[dict[str, Any]]:
    """The messages of people that wait, as JSON values."""
    theirs = sa.select(held).where(held.c.user_id.in_(who)).order_by(held.c.seq)
    return [{"at": moment_as_json(row.at), "event": _as_json(row.body)} for row in database.sql.execute(theirs).all()]


def _as_json(body: str) -> Any:
    try:
        return msgspec.json.decode(body)
    except UNREADABLE:
        return body
