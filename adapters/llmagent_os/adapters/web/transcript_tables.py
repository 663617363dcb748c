"""The transcript's tables, and the statements that run inside its transactions."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

import msgspec
import sqlalchemy as sa
import structlog

from llmagent_os.adapters.web.sealed_bodies import opened, sealed, sealed_text
from llmagent_os.adapters.web.transcript_items import Item, ItemRange, SharedFile, decode, encode
from llmagent_os.errors import AdapterError
from llmagent_os.events import now

_log = structlog.stdlib.get_logger(__name__)

VERSION = 1  #: of the tables, kept in SQLite's ``user_version``
NO_ALTERNATIVES: Mapping[str, str] = MappingProxyType({})
TITLE_CHARACTERS = 80  #: of a conversation's title

metadata = sa.MetaData()
conversations = sa.Table(
    "conversations",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("person", sa.Text, nullable=False, index=True),
    sa.Column("title", sa.Text, nullable=False, default=""),
    sa.Column("created_at", sa.Text, nullable=False),
    sa.Column("last_seq", sa.Integer, nullable=False, default=0),
)
messages = sa.Table(
    "messages",
    metadata,
    sa.Column("conversation", sa.Text, sa.ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("message_id", sa.Text, primary_key=True),  # of a reply: made from its key, so that the reply is kept once
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("seq", sa.Integer, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),  # an Item as JSON
    sa.Index("messages_seq", "conversation", "seq"),
    sa.Index("messages_position", "conversation", "position", unique=True),
)
files = sa.Table(
    "files",
    metadata,
    sa.Column("token", sa.Text, primary_key=True),
    sa.Column("conversation", sa.Text, sa.ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("path", sa.Text, nullable=False),
)

acts = sa.Table(  # actions that were taken: a page may send an action again, also over an old connection
    "acts",
    metadata,
    sa.Column("conversation", sa.Text, sa.ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("act", sa.Text, primary_key=True),
)

#: Messages that could not be read, moved out of ``messages``. The columns are those of the ledger's table ``damaged``,
#: which ``llmagent-os doctor`` reads.
damaged = sa.Table(
    "damaged",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("conversation", sa.Text, sa.ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    sa.Column("table", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("body", sa.LargeBinary),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("found_at", sa.Float[float](), nullable=False),
)


def begin(db: sa.Connection, user_id: str) -> str:
    """Begin a conversation of a person. Returns its id."""
    conversation = secrets.token_urlsafe(12)
    at_now = now().isoformat(timespec="microseconds")  # of one width, so that it sorts
    row = {"id": conversation, "person": user_id, "title": "", "created_at": at_now, "last_seq": 0}
    db.execute(conversations.insert().values(**row))
    return conversation


def count(db: sa.Connection, conversation: str) -> int:
    """The next ``seq`` of a conversation.

    Raises:
        AdapterError: there is no such conversation.
    """
    row = conversations.update().where(conversations.c.id == conversation)
    row = row.values(last_seq=conversations.c.last_seq + 1).returning(conversations.c.last_seq)
    seq: int | None = db.execute(row).scalar()
    if seq is None:
        raise AdapterError(f"web: there is no conversation {conversation!r}")
    return seq


def get(db: sa.Connection, conversation: str, message_id: str) -> Item | None:
    """One message; None if there is no such message, or it cannot be read."""
    body = db.execute(sa.select(messages.c.body).where(at(conversation, message_id))).scalar()
    return None if body is None else _readable(db, conversation, message_id, opened(db, body))


def _readable(db: sa.Connection, conversation: str, message_id: str, body: object) -> Item | None:
    """The message that ``body`` holds. None: it is damaged, and is put aside."""
    try:
        if not isinstance(body, bytes):
            raise TypeError(f"the body is no text but {type(body).__name__}")
        return decode(body)
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError) as error:
        kept = sealed(db, conversation, body if isinstance(body, bytes) else str(body).encode())
        row = {"conversation": conversation, "table": messages.name, "key": message_id, "body": kept}
        db.execute(damaged.insert().values(**row, why=str(error), found_at=time.time()))
        db.execute(messages.delete().where(at(conversation, message_id)))
        _log.error("web: a damaged message is put aside; llmagent-os doctor lists it", key=message_id, error=str(error))
        return None


def at(conversation: str, message_id: str) -> sa.ColumnElement[bool]:
    """The condition that picks one message."""
    return sa.and_(messages.c.conversation == conversation, messages.c.message_id == message_id)


def insert(db: sa.Connection, conversation: str, item: Item, *, shown: bool) -> Item:
    """Put ``item`` at the end of a conversation. Pages show it at once if ``shown``, otherwise after :func:`show`."""
    position = count(db, conversation)
    kept = msgspec.structs.replace(item, position=position, seq=position if shown else 0)
    body = sealed(db, conversation, encode(kept))
    row = {"message_id": kept.message_id, "position": position, "seq": kept.seq, "body": body}
    db.execute(messages.insert().values(conversation=conversation, **row))
    return kept


def update(db: sa.Connection, conversation: str, item: Item) -> Item:
    """Replace a message, and give the change a number."""
    kept = msgspec.structs.replace(item, seq=count(db, conversation))
    row = at(conversation, kept.message_id)
    db.execute(messages.update().where(row).values(seq=kept.seq, body=sealed(db, conversation, encode(kept))))
    return kept


def show(db: sa.Connection, conversation: str, message_id: str) -> None:
    """Let pages show a held message. The first message gives the conversation its title."""
    held = get(db, conversation, message_id)
    if held is None or held.seq:
        return
    update(db, conversation, held)
    untitled = sa.and_(conversations.c.id == conversation, conversations.c.title == "")
    said = held.text or ", ".join(file.name for file in held.files)
    title = sealed_text(db, conversation, " ".join(said.split())[:TITLE_CHARACTERS])
    db.execute(conversations.update().where(untitled).values(title=title))


def latest(db: sa.Connection, conversation: str, where: sa.ColumnElement[bool], limit: int) -> ItemRange:
    """The last ``limit`` messages that meet ``where``, oldest first."""
    query = sa.select(messages.c.message_id, messages.c.body).where(messages.c.conversation == conversation, where)
    rows = db.execute(query.order_by(messages.c.position.desc()).limit(limit + 1)).all()
    found = _whole(db, conversation, rows[:limit])
    seq = db.execute(sa.select(conversations.c.last_seq).where(conversations.c.id == conversation)).scalar()
    return ItemRange(tuple(reversed(found)), seq or 0, len(rows) > limit)


def changed(db: sa.Connection, conversation: str, after: int) -> ItemRange:
    """The messages that changed after ``after``, in the order of their changes."""
    columns = messages.c
    query = sa.select(columns.message_id, columns.body, columns.seq).order_by(columns.seq)
    rows = db.execute(query.where(columns.conversation == conversation, columns.seq > after)).all()
    return ItemRange(tuple(_whole(db, conversation, rows)), rows[-1].seq if rows else after)


def _whole(db: sa.Connection, conversation: str, rows: Sequence[sa.Row[Any]]) -> list[msgspec.Raw]:
    """The messages of ``rows`` as JSON, without damaged ones: one of these would make the whole frame unreadable."""
    bodies = [(row.message_id, opened(db, row.body)) for row in rows]
    whole = [(key, body) for key, body in bodies if _readable(db, conversation, key, body) is not None]
    return [msgspec.Raw(body) for _, body in whole if isinstance(body, bytes)]


def bodies(db: sa.Connection, conversation: str) -> list[bytes]:
    """All messages of a conversation, those held back too, as JSON, oldest first."""
    query = sa.select(messages.c.message_id, messages.c.body).where(messages.c.conversation == conversation)
    rows = db.execute(query.order_by(messages.c.position)).all()
    return [bytes(raw) for raw in _whole(db, conversation, rows)]


def damaged_bodies(db: sa.Connection, conversation: str) -> list[str]:
    """The text of all messages of a conversation that were put aside, oldest first."""
    query = sa.select(damaged.c.body).where(damaged.c.conversation == conversation).order_by(damaged.c.seq)
    return [opened(db, body).decode("utf-8", "replace") for body in db.execute(query).scalars()]


def share(
    db: sa.Connection, conversation: str, paths: Sequence[str], alternatives: Mapping[str, str] = NO_ALTERNATIVES
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
        db.execute(files.insert().values(**row))
        url = f"/files/{token}/{quote(path.name)}"
        shared.append(SharedFile(name=path.name, url=url, size=size, alt=alternatives.get(given, "")))
    return tuple(shared)


def delete_old(db: sa.Connection, before: datetime) -> int:
    """Delete all messages before a moment, and the conversations that have none left. Returns how many messages."""
    count = 0
    begun = conversations.c.created_at < before.isoformat(timespec="microseconds")
    for conversation in db.execute(sa.select(conversations.c.id).where(begun)).scalars().all():
        query = sa.select(messages.c.message_id, messages.c.body).where(messages.c.conversation == conversation)
        rows = db.execute(query.order_by(messages.c.position)).all()
        found = [(row.message_id, _readable(db, conversation, row.message_id, opened(db, row.body))) for row in rows]
        old = [message_id for message_id, item in found if item is not None and item.at < before]
        for message_id in old:
            db.execute(messages.delete().where(at(conversation, message_id)))
        if old and len(old) == len(rows):
            db.execute(conversations.delete().where(conversations.c.id == conversation))
        count += len(old)
    return count
