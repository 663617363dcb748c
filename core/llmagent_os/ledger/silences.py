"""Until when the bot is silent in a conversation, and why. The table ``silences``."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec
import sqlalchemy as sa

from llmagent_os.events import Conversation, Event, event_key
from llmagent_os.identity import Identity, identity_of
from llmagent_os.ledger.database import Database
from llmagent_os.ledger.portable import upsert
from llmagent_os.ledger.row_codecs import moment_as_json
from llmagent_os.ledger.schema import silences
from llmagent_os.ledger.writer import Writer

#: Why the bot is silent: somebody asked for it; the bot is not at work, and has said so; the account answers the bot
#: as only a machine does.
Reason = Literal["asked", "closed", "loop"]

_BEGIN = upsert(silences)


class Silence(msgspec.Struct, frozen=True):
    """One reason to be silent in a conversation."""

    until: datetime  #: UTC
    begun_by: str  #: the ``event_key`` of the event that brought it about


class Silences:
    """Keeps silences through restarts. Those that are over say nothing, and are deleted by :meth:`prune`."""

    def __init__(self, writer: Writer) -> None:
        """Use ``Ledger.silences``."""
        self._writer = writer

    async def begin(self, event: Event, reason: Reason, until: datetime) -> None:
        """Be silent in the conversation of ``event`` until a moment; ``loop``: only towards its sender.

        An earlier silence of the same account ends. Those of other accounts go on: :meth:`find` says how long.

        Raises:
            LedgerError: the ledger cannot be written.
        """
        row = {
            "conversation_key": event.conversation.key,
            "reason": reason,
            "user_id": identity_of(event),
            "until": until.timestamp(),
            "begun_by": event_key(event),
        }
        await self._writer.run(lambda database: database.sql.execute(_BEGIN, row))

    async def find(
        self, conversation: Conversation, reason: Reason, now: datetime, identity: Identity | None = None
    ) -> Silence | None:
        """The silence that lasts longest. None: there is none at ``now``.

        Args:
            conversation: where. A silence of a whole channel holds in its threads.
            reason: of the silence.
            now: the present.
            identity: the account that brought it about; None: any account.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        of = [silences.c.conversation_key.in_(_places(conversation)), silences.c.reason == reason]
        if identity is not None:
            of.append(silences.c.user_id == identity)
        query = sa.select(silences).where(*of, silences.c.until > now.timestamp()).order_by(silences.c.until.desc())
        row = await self._writer.run(
            lambda database: database.sql.execute(query.limit(1)).first(), lasting=False, reads=True
        )
        return None if row is None else Silence(datetime.fromtimestamp(row.until, UTC), row.begun_by)

    async def end(self, conversation: Conversation, reason: Reason) -> bool:
        """End a silence, also that of the whole channel. Returns whether there was one.

        Raises:
            LedgerError: the ledger cannot be written.
        """
        these = (silences.c.conversation_key.in_(_places(conversation)), silences.c.reason == reason)
        return await self._writer.run(
            lambda database: database.sql.execute(sa.delete(silences).where(*these)).rowcount > 0
        )

    async def prune(self) -> int:
        """Delete the silences that are over. Returns how many rows."""
        over = sa.delete(silences).where(silences.c.until < time.time())
        return await self._writer.run(lambda database: database.sql.execute(over).rowcount)


def _places(conversation: Conversation) -> list[str]:
    """The keys of a conversation, and of the channel that it is a thread of."""
    channel = msgspec.structs.replace(conversation, thread=None)
    return list({conversation.key, channel.key})


def exported_silences(database: Database, who: list[Identity]) -> list[dict[str, Any]]:
    """The silences that people brought about, as JSON values."""
    theirs = sa.select(silences).where(silences.c.user_id.in_(who)).order_by(silences.c.until)
    return [
        {"conversation": row.conversation_key, "reason": row.reason, "until": moment_as_json(row.until)}
        for row in database.sql.execute(theirs).all()
    ]
