"""Keeps the transcript of the web chat as rows of the database that several hosts share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sa

from llmagent_os.adapters.web.transcript_file import UNOWNED
from llmagent_os.adapters.web.transcript_statements import Statements
from llmagent_os.errors import AdapterError, ConfigError, LedgerError
from llmagent_os.events import now
from llmagent_os.ledger.announcements import WEB
from llmagent_os.ledger.shared_rows import SharedRows
from llmagent_os.ledger.shared_tables import web_transcript
from llmagent_os.sealing.mounts import ring_of

T = TypeVar("T")

#: A conversation that nobody has written in goes after this time. A page of another host may show it until then.
UNOWNED_TIME = timedelta(days=1)


class TranscriptRows:
    """The tables of the transcript. The methods block, and may be called in any thread."""

    threads = 4  #: that may call at the same time

    def __init__(self, shared: SharedRows, data: Path | None = None) -> None:
        """Args:
        shared: the database.
        data: a folder whose key ring seals what is said; None: nothing is sealed.
        """
        self._shared, self._data = shared, data

    def check(self) -> None:
        """Try to read and write.

        Raises:
            ConfigError: the database cannot be used.
        """
        conversations = web_transcript.conversations
        old = conversations.c.created_at < (now() - UNOWNED_TIME).isoformat(timespec="microseconds")
        unowned = sa.and_(conversations.c.person == UNOWNED, old)
        try:
            self.run(lambda db, _: db.execute(conversations.delete().where(unowned)))
        except AdapterError as error:
            raise ConfigError(str(error)) from error

    def run(self, work: Callable[[sa.Connection, Statements], T]) -> T:
        """What ``work`` returns, run in a transaction: again where another host was in its way.

        Raises:
            AdapterError: the database cannot be read or written.
        """
        statements = Statements(web_transcript, ring_of(self._data), self._announce)
        try:
            return self._shared.run(lambda db: work(db, statements))
        except LedgerError as error:
            raise AdapterError(f"web: transcript: {error}") from error

    def note_erased(self, _db: sa.Connection) -> None:
        """Nothing: the server reuses the space of deleted rows by itself."""

    def wipe(self) -> None:
        """Nothing, as for :meth:`note_erased`."""

    def close(self) -> None:
        """Nothing: the connections are those of all shared tables."""

    def _announce(self, db: sa.Connection, conversation: str) -> None:
        self._shared.announce(db, f"{WEB}/{conversation}")
