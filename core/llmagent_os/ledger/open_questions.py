"""Where questions for the reason of a thumb down stand, so that they can be closed: the table ``open_questions``."""

from __future__ import annotations

import time
from collections.abc import Collection
from datetime import timedelta
from typing import Any

import msgspec
import sqlalchemy as sa

from llmagent_os.events import Conversation
from llmagent_os.identity import Identity
from llmagent_os.ledger.damaged_rows import UNREADABLE
from llmagent_os.ledger.database import Database
from llmagent_os.ledger.portable import upsert
from llmagent_os.ledger.row_codecs import moment_as_json
from llmagent_os.ledger.schema import open_questions
from llmagent_os.ledger.sealed_columns import sealed_values
from llmagent_os.ledger.writer import Writer

#: For how long a question can be closed. Platforms let older messages be changed no more, or hardly.
KEPT = timedelta(days=2)

_PUT = upsert(open_questions)


class OpenQuestions:
    """Keeps one place for each person and reply."""

    def __init__(self, writer: Writer) -> None:
        """Use ``Ledger.open_questions``."""
        self._writer = writer

    async def put(self, identity: Identity, interaction_id: str, where: Conversation, message_id: str) -> None:
        """Note where the question to an account about a reply stands.

        Raises:
            LedgerError: the ledger cannot be written.
        """
        row = {
            "user_id": identity,
            "interaction_id": interaction_id,
            "conversation": msgspec.json.encode(where).decode(),
            "message_id": message_id,
            "asked_at": time.time(),
        }
        await self._writer.run(
            lambda database: database.sql.execute(_PUT, sealed_values(database, open_questions, identity, row))
        )

    async def find(self, identity: Identity, interaction_id: str) -> tuple[Conversation, str] | None:
        """Where the question stands: its conversation and its message. None: there is none that can be closed.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        query = sa.select(open_questions).where(_is(identity, interaction_id))
        row = await self._writer.run(lambda database: database.sql.execute(query).first(), lasting=False, reads=True)
        if row is None or not time.time() - row.asked_at < KEPT.total_seconds():
            return None
        try:
            return msgspec.json.decode(row.conversation, type=Conversation), row.message_id
        except UNREADABLE:
            return None

    async def drop(self, identity: Identity, interaction_id: str) -> bool:
        """Forget a question: it is closed. Returns whether there was one.

        Raises:
            LedgerError: the ledger cannot be written.
        """
        gone = sa.delete(open_questions).where(_is(identity, interaction_id))
        return await self._writer.run(lambda database: database.sql.execute(gone).rowcount > 0)

    async def prune(self) -> int:
        """Forget the questions that are too old to be closed. Returns how many."""
        old = sa.delete(open_questions).where(open_questions.c.asked_at < time.time() - KEPT.total_seconds())
        return await self._writer.run(lambda database: database.sql.execute(old).rowcount)


def _is(identity: Identity, interaction_id: str) -> sa.ColumnElement[bool]:
    return sa.and_(open_questions.c.user_id == identity, open_questions.c.interaction_id == interaction_id)


def exported_questions(database: Database, who: Collection[Identity]) -> list[dict[str, Any]]:
    """The questions that are open to people, as JSON values."""
    theirs = sa.select(open_questions).where(open_questions.c.user_id.in_(who)).order_by(open_questions.c.asked_at)
    return [
        {"about": row.interaction_id, "message": row.message_id, "asked_at": moment_as_json(row.asked_at)}
        for row in database.sql.execute(theirs)
    ]
