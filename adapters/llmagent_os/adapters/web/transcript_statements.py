"""The statements that run inside the transactions of a transcript."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec
import sqlalchemy as sa
import structlog

from llmagent_os.adapters.web.transcript_items import Item, ItemRange, SharedFile, decode, encode
from llmagent_os.errors import AdapterError
from llmagent_os.events import now
from llmagent_os.ledger.shared_tables import TranscriptTables
from llmagent_os.sealing.key_ring import KeyRing, SealedError, is_sealed

T = TypeVar("T")

_log = structlog.stdlib.get_logger(__name__)

NO_ALTERNATIVES: Mapping[str, str] = MappingProxyType({})
TITLE_CHARACTERS = 80  #: of a conversation's title


class Statements:
    """What is done with the tables of one transcript.

    Where there is a key ring, messages and titles are sealed by the key of the conversation's person. Ids, persons,
    times and the names of shared files stay readable.
    """

    def __init__(
        self,
        tables: TranscriptTables,
        ring: KeyRing | None,
        announce: Callable[[sa.Connection, str], None] | None = None,
    ) -> None:
        """Args:
        tables: of the transcript.
        ring: seals what is said; None: nothing is sealed.
        announce: tells other hosts, inside the transaction, which conversation has changed. None: there are none.
        """
        self.conversations, self.messages, self.files, self.acts, self.damaged = tables
        self.ring = ring
        self._announce = announce

    def begin(self, db: sa.Connection, user_id: str) -> str:
        """Begin a conversation of a person. Returns its id."""
        conversation = secrets.token_urlsafe(12)
        at_now = now().isoformat(timespec="microseconds")  # of one width, so that it sorts
        row = {"id": conversation, "person": user_id, "title": "", "created_at": at_now, "last_seq": 0}
        db.execute(self.conversations.insert().values(**row))
        return conversation

    def count(self, db: sa.Connection, conversation: str) -> int:
        """The next ``seq`` of a conversation.

        Raises:
            AdapterError: there is no such conversation.
        """
        row = self.conversations.update().where(self.conversations.c.id == conversation)
        row = row.values(last_seq=self.conversations.c.last_seq + 1).returning(self.conversations.c.last_seq)
        seq: int | None = db.execute(row).scalar()
        if seq is None:
            raise AdapterError(f"web: there is no conversation {conversation!r}")
        self.announce(db, conversation)
        return seq

    def lock(self, db: sa.Connection, conversation: str) -> None:
        """Have other hosts wait with this conversation until the transaction has ended.

        What reads a message and writes it again begins with this: else the change of another host in between is lost.
        """
        if db.dialect.name != "sqlite":  # where each transaction is alone
            columns = self.conversations.c
            db.execute(sa.select(columns.id).where(columns.id == conversation).with_for_update())

    def announce(self, db: sa.Connection, conversation: str) -> None:
        """Tell other hosts that a conversation has changed, once the transaction has ended well."""
        if self._announce is not None:
            self._announce(db, conversation)

    def get(self, db: sa.Connection, conversation: str, message_id: str) -> Item | None:
        """One message; None if there is no such message, or it cannot be read."""
        body = db.execute(sa.select(self.messages.c.body).where(self.at(conversation, message_id))).scalar()
        return None if body is None else self._readable(db, conversation, message_id, self.opened(db, body))

    def _readable(self, db: sa.Connection, conversation: str, message_id: str, body: object) -> Item | None:
        """The message that ``body`` holds. None: it is damaged, and is put aside."""
        try:
            if not isinstance(body, bytes):
                raise TypeError(f"the body is no text but {type(body).__name__}")
            return decode(body)
        except (msgspec.MsgspecError, TypeError, ValueError, RecursionError) as error:
            kept = self.sealed(db, conversation, body if isinstance(body, bytes) else str(body).encode())
            row = {"conversation": conversation, "table": self.messages.name, "key": message_id, "body": kept}
            db.execute(self.damaged.insert().values(**row, why=str(error), found_at=time.time()))
            db.execute(self.messages.delete().where(self.at(conversation, message_id)))
            _log.error(
                "web: a damaged message is put aside; llmagent-os doctor lists it", key=message_id, error=str(error)
            )
            return None

    def at(self, conversation: str, message_id: str) -> sa.ColumnElement[bool]:
        """The condition that picks one message."""
        return sa.and_(self.messages.c.conversation == conversation, self.messages.c.message_id == message_id)

    def insert(self, db: sa.Connection, conversation: str, item: Item, *, shown: bool) -> Item:
        """Put ``item`` at the end of a conversation. Pages show it at once if ``shown``, else after :meth:`show`."""
        position = self.count(db, conversation)
        kept = msgspec.structs.replace(item, position=position, seq=position if shown else 0)
        body = self.sealed(db, conversation, encode(kept))
        row = {"message_id": kept.message_id, "position": position, "seq": kept.seq, "body": body}
        db.execute(self.messages.insert().values(conversation=conversation, **row))
        return kept

    def update(self, db: sa.Connection, conversation: str, item: Item) -> Item:
        """Replace a message, and give the change a number."""
        kept = msgspec.structs.replace(item, seq=self.count(db, conversation))
        row = self.at(conversation, kept.message_id)
        db.execute(
            self.messages.update().where(row).values(seq=kept.seq, body=self.sealed(db, conversation, encode(kept)))
        )
        return kept

    def show(self, db: sa.Connection, conversation: str, message_id: str) -> None:
        """Let pages show a held message. The first message gives the conversation its title."""
        held = self.get(db, conversation, message_id)
        if held is None or held.seq:
            return
        self.update(db, conversation, held)
        untitled = sa.and_(self.conversations.c.id == conversation, self.conversations.c.title == "")
        said = held.text or ", ".join(file.name for file in held.files)
        title = self.sealed_text(db, conversation, " ".join(said.split())[:TITLE_CHARACTERS])
        db.execute(self.conversations.update().where(untitled).values(title=title))

    def latest(self, db: sa.Connection, conversation: str, where: sa.ColumnElement[bool], limit: int) -> ItemRange:
        """The last ``limit`` messages that meet ``where``, oldest first."""
        # The number comes first: a change between the two reads is fetched again, instead of never.
        seq = db.execute(
            sa.select(self.conversations.c.last_seq).where(self.conversations.c.id == conversation)
        ).scalar()
        query = sa.select(self.messages.c.message_id, self.messages.c.body).where(
            self.messages.c.conversation == conversation, where
        )
        rows = db.execute(query.order_by(self.messages.c.position.desc()).limit(limit + 1)).all()
        found = self._whole(db, conversation, rows[:limit])
        return ItemRange(tuple(reversed(found)), seq or 0, len(rows) > limit)

    def changed(self, db: sa.Connection, conversation: str, after: int) -> ItemRange:
        """The messages that changed after ``after``, in the order of their changes."""
        columns = self.messages.c
        query = sa.select(columns.message_id, columns.body, columns.seq).order_by(columns.seq)
        rows = db.execute(query.where(columns.conversation == conversation, columns.seq > after)).all()
        return ItemRange(tuple(self._whole(db, conversation, rows)), rows[-1].seq if rows else after)

    def _whole(self, db: sa.Connection, conversation: str, rows: Sequence[sa.Row[Any]]) -> list[msgspec.Raw]:
        """The messages of ``rows`` as JSON, without damaged ones: one would make the whole frame unreadable."""
        bodies = [(row.message_id, self.opened(db, row.body)) for row in rows]
        whole = [(key, body) for key, body in bodies if self._readable(db, conversation, key, body) is not None]
        return [msgspec.Raw(body) for _, body in whole if isinstance(body, bytes)]

    def bodies(self, db: sa.Connection, conversation: str) -> list[bytes]:
        """All messages of a conversation, those held back too, as JSON, oldest first."""
        query = sa.select(self.messages.c.message_id, self.messages.c.body).where(
            self.messages.c.conversation == conversation
        )
        rows = db.execute(query.order_by(self.messages.c.position)).all()
        return [bytes(raw) for raw in self._whole(db, conversation, rows)]

    def damaged_bodies(self, db: sa.Connection, conversation: str) -> list[str]:
        """The text of all messages of a conversation that were put aside, oldest first."""
        query = (
            sa.select(self.damaged.c.body)
            .where(self.damaged.c.conversation == conversation)
            .order_by(self.damaged.c.seq)
        )
        return [self.opened(db, body).decode("utf-8", "replace") for body in db.execute(query).scalars()]

    def share(
        self,
        db: sa.Connection,
        conversation: str,
        paths: Sequence[str],
        alternatives: Mapping[str, str] = NO_ALTERNATIVES,
    ) -> tuple[SharedFile, ...]:
        """Give local files addresses that nobody can guess. Files that do not exist are left out.

        Args:
            db: inside a transaction.
            conversation: whose files they are.
            paths: of the files.
            alternatives: what each picture shows in words, by its path.
        """
        shared: list[SharedFile] = []
        for given in paths:
            path = Path(given)
            try:
                size = path.stat().st_size
            except OSError as error:  # the message's text is complete without the file
                _log.warning("web: a file of a message cannot be read", path=str(path), error=str(error))
                continue
            token = secrets.token_urlsafe(24)
            row = {"token": token, "conversation": conversation, "name": path.name, "path": str(path.absolute())}
            db.execute(self.files.insert().values(**row))
            url = f"/files/{token}/{quote(path.name)}"
            shared.append(SharedFile(name=path.name, url=url, size=size, alt=alternatives.get(given, "")))
        return tuple(shared)

    def delete_old(self, db: sa.Connection, before: datetime) -> int:
        """Delete all messages before a moment, and the conversations that have none left. Returns how many messages."""
        count = 0
        begun = self.conversations.c.created_at < before.isoformat(timespec="microseconds")
        for conversation in db.execute(sa.select(self.conversations.c.id).where(begun)).scalars().all():
            query = sa.select(self.messages.c.message_id, self.messages.c.body).where(
                self.messages.c.conversation == conversation
            )
            rows = db.execute(query.order_by(self.messages.c.position)).all()
            found = [
                (row.message_id, self._readable(db, conversation, row.message_id, self.opened(db, row.body)))
                for row in rows
            ]
            old = [message_id for message_id, item in found if item is not None and item.at < before]
            for message_id in old:
                db.execute(self.messages.delete().where(self.at(conversation, message_id)))
            if old and len(old) == len(rows):
                db.execute(self.conversations.delete().where(self.conversations.c.id == conversation))
            count += len(old)
        return count

    # ── sealing ───────────────────────────────────────────────────────────────────────────────────────────────────

    def sealed(self, db: sa.Connection, conversation: str, body: bytes) -> bytes:
        """``body`` as it is kept."""
        return body if self.ring is None else self.ring.seal(self._account(db, conversation), body)

    def sealed_text(self, db: sa.Connection, conversation: str, text: str) -> str:
        """``text`` as it is kept."""
        if self.ring is None or not text:
            return text
        return self.ring.seal_text(self._account(db, conversation), text)

    def opened(self, db: sa.Connection, body: T) -> T | bytes:
        """What was sealed. What cannot be opened stays as it is, and whoever decodes it finds that it is damaged."""
        if self.ring is not None and isinstance(body, bytes) and is_sealed(body):
            with contextlib.suppress(SealedError):
                return self.ring.open(body)
        return body

    def opened_text(self, text: str) -> str:
        """The text that was sealed. What cannot be opened stays as it is."""
        if self.ring is not None and is_sealed(raw := text.encode("utf-8", "surrogatepass")):
            with contextlib.suppress(SealedError):
                return self.ring.open_text(raw).decode("utf-8", "replace")
        return text

    def _account(self, db: sa.Connection, conversation: str) -> str:
        """The account whose key seals: as for files, ``web::`` and the platform's own id of the person."""
        columns = self.conversations.c
        person = db.execute(sa.select(columns.person).where(columns.id == conversation)).scalar()
        return f"web::{person or ''}"
