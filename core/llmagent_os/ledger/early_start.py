"""Says which events may be answered before they are on disk, so that an event and its answer share one commit.

An event that is certainly new is begun at once, and its row waits for a moment (``Writer.run(held=True)``). A handler
that decides within this moment gets both into one commit. The platform is told that the event arrived, and gets the
reply, only after that commit.

Whether an event is new must be known without asking the database. :class:`KnownEvents` holds all ids of the inbox: it
may take a new id for a known one, and never a known one for a new one.

An event that ends the process before the commit has left nothing behind: its tries are not counted. The platform
delivers it again, and it would end the process again, for ever. So the inbox notes that a host runs. Where the note is
still there at a start, the last process did not end in peace, and every event is stored before it is begun, for
:data:`CAUTIOUS_SECONDS`.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import sqlalchemy as sa
import structlog

from llmagent_os.errors import LedgerError
from llmagent_os.ledger.database import Database
from llmagent_os.ledger.portable import insert_or_ignore
from llmagent_os.ledger.pseudonyms import MARK
from llmagent_os.ledger.schema import inbox, keys
from llmagent_os.ledger.writer import Writer

_log = structlog.stdlib.get_logger(__name__)

#: After a process that did not end in peace, every event is stored before it is begun, for so long. Platforms deliver
#: an event that was not acknowledged again within an hour.
CAUTIOUS_SECONDS = 3600.0

#: How many rows are read at once when a host starts. Other work comes in between.
PAGE_ROWS = 2000

#: The name of the note in the table ``keys`` that a host runs.
_HOST_RUNS = "host runs"

#: The size of the filter: 1 MiB. With a million ids, one new event in fifty is taken for a known one.
_BITS_LOG2 = 23
_HASHES = 4


class KnownEvents:
    """A Bloom filter of the ids in the inbox (Bloom 1970, "Space/time trade-offs in hash coding").

    >>> known, pseudonym = KnownEvents(), "~" + 32 * "7"
    >>> known.add(pseudonym), known.add(pseudonym)
    (False, True)
    """

    def __init__(self) -> None:
        self._bits = bytearray(1 << (_BITS_LOG2 - 3))

    def add(self, pseudonym: str) -> bool:
        """Add the pseudonym of an event's id. Returns whether it was perhaps added before; False is certain."""
        rest, bits, known = int(pseudonym[len(MARK) :], 16), self._bits, True
        for _ in range(_HASHES):
            at, bit = (rest & ((1 << _BITS_LOG2) - 1)) >> 3, 1 << (rest & 7)
            if not bits[at] & bit:
                bits[at] |= bit
                known = False
            rest >>= _BITS_LOG2
        return known


class EarlyStart:
    """Knows the events of one inbox, for the one host that has it. Used on the event loop."""

    def __init__(self, writer: Writer) -> None:
        """No event is begun early before :meth:`load`."""
        self._writer = writer
        self._known: KnownEvents | None = None  # None: the ids are not read yet
        self._pseudonym: Callable[[str], str] | None = None
        self._meanwhile: list[str] | None = None  # the ids of events that were accepted while the others were read
        self._not_before = 0.0  # a moment of ``time.monotonic``
        self._erasures = 0  # that are under way

    def claimed(self, *, in_peace: bool) -> None:
        """Begin anew. Args: ``in_peace`` says whether the host before this one ended by itself."""
        self._known = None
        self._meanwhile = []
        self._not_before = time.monotonic() + (0.0 if in_peace else CAUTIOUS_SECONDS)

    async def load(self) -> None:
        """Read the ids of the inbox. Where they cannot be read, no event is begun early."""
        known, after = KnownEvents(), 0

        def page(database: Database) -> tuple[int | None, Callable[[str], str]]:
            query = sa.select(inbox.c.seq, inbox.c.event_id).where(inbox.c.seq > after)
            rows = database.sql.execute(query.order_by(inbox.c.seq).limit(PAGE_ROWS)).all()
            for row in rows:
                if row.event_id.startswith(MARK):
                    known.add(row.event_id)
            return rows[-1].seq if rows else None, database.pseudonym

        while True:
            try:
                last, pseudonym = await self._writer.run(page, reads=True)
            except LedgerError as error:
                _log.warning("known events cannot be read: each takes two commits", error=str(error))
                self._meanwhile = None
                return
            if last is None:
                break
            after = last
        for event_id in self._meanwhile or ():
            known.add(pseudonym(event_id))
        self._known, self._pseudonym, self._meanwhile = known, pseudonym, None

    def is_new(self, event_id: str) -> bool:
        """Note an event that goes into the inbox. Returns whether it may be begun at once: it is certainly new."""
        if self._known is None or self._pseudonym is None:
            if self._meanwhile is not None:
                self._meanwhile.append(event_id)
            return False
        if self._known.add(self._pseudonym(event_id)):
            return False
        return not self._erasures and time.monotonic() >= self._not_before

    def erasure_begins(self) -> None:
        """An event that comes now is run after an erasure: it is stored first, behind the erasure."""
        self._erasures += 1

    def erasure_ends(self) -> None:
        """The erasure is done, or has failed."""
        self._erasures -= 1


def note_host(database: Database) -> bool:
    """Note that a host runs. Returns whether the one before it ended in peace."""
    return database.sql.execute(insert_or_ignore(keys).values(name=_HOST_RUNS, value="")).rowcount > 0


def note_end(database: Database) -> None:
    """Note that the host has ended in peace."""
    database.sql.execute(sa.delete(keys).where(keys.c.name == _HOST_RUNS))
