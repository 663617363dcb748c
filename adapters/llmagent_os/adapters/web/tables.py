"""The transcript's tables, and what is done to their rows inside a transaction."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import msgspec
import sqlalchemy as sa
import structlog

from llmagent_os.adapters.web.items import File, Item, Kept, decode, encode
from llmagent_os.errors import AdapterError
from llmagent_os.events import now

log = structlog.stdlib.get_logger()

VERSION = 1  #: of the tables below, kept in SQLite's ``user_version``

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
    sa.Column("message_id", sa.Text, primary_key=True),  # of a reply: made from its send key, so that it is kept once
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

acts = sa.Table(  # what was done to messages: a page may send it again, also over a connection it has given up
    "acts",
    metadata,
    sa.Column("conversation", sa.Text, sa.ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("act", sa.Text, primary_key=True),
)


def begin(db: sa.Connection, person: str) -> str:
    """A new conversation of this person; returns its id."""
    conversation = secrets.token_urlsafe(12)
    at_now = now().isoformat(timespec="microseconds")  # one width, so that it sorts
    row = {"id": conversation, "person": person, "title": "", "created_at": at_now, "last_seq": 0}
    db.execute(conversations.insert().values(**row))
    return conversation


def count(db: sa.Connection, conversation: str) -> int:
    """The next ``seq``. Raises AdapterError where there is no such conversation."""
    row = conversations.update().where(conversations.c.id == conversation)
    row = row.values(last_seq=conversations.c.last_seq + 1).returning(conversations.c.last_seq)
    seq: int | None = db.execute(row).scalar()
    if seq is None:
        raise AdapterError(f"web: there is no conversation {conversation!r}")
    return seq


def get(db: sa.Connection, conversation: str, message_id: str) -> Item | None:
    """One message."""
    body = db.execute(sa.select(messages.c.body).where(at(conversation, message_id))).scalar()
    return None if body is None else decode(body)


def at(conversation: str, message_id: str) -> sa.ColumnElement[bool]:
    """The condition that picks one message."""
    return sa.and_(messages.c.conversation == conversation, messages.c.message_id == message_id)


def insert(db: sa.Connection, conversation: str, item: Item, *, shown: bool) -> Item:
    """Put ``item`` at the end; pages get it at once where ``shown``."""
    position = count(db, conversation)
    kept = msgspec.structs.replace(item, position=position, seq=position if shown else 0)
    row = {"message_id": kept.message_id, "position": position, "seq": kept.seq, "body": encode(kept)}
    db.execute(messages.insert().values(conversation=conversation, **row))
    return kept


def update(db: sa.Connection, conversation: str, item: Item) -> Item:
    """Replace a message, and count the change."""
    kept = msgspec.structs.replace(item, seq=count(db, conversation))
    row = at(conversation, kept.message_id)
    db.execute(messages.update().where(row).values(seq=kept.seq, body=encode(kept)))
    return kept


def show(db: sa.Connection, conversation: str, message_id: str) -> None:
    """Let pages have a held message; the first one gives the conversation its title."""
    held = get(db, conversation, message_id)
    if held is None or held.seq:
        return
    update(db, conversation, held)
    untitled = sa.and_(conversations.c.id == conversation, conversations.c.title == "")
    db.execute(conversations.update().where(untitled).values(title=" ".join(held.text.split())[:80]))


def stretch(db: sa.Connection, conversation: str, where: sa.ColumnElement[bool], limit: int) -> Kept:
    """The last ``limit`` messages that fit ``where``, oldest first."""
    query = sa.select(messages.c.body).where(messages.c.conversation == conversation, where)
    rows = db.execute(query.order_by(messages.c.position.desc()).limit(limit + 1)).scalars().all()
    seq = db.execute(sa.select(conversations.c.last_seq).where(conversations.c.id == conversation)).scalar()
    return Kept(tuple(msgspec.Raw(body) for body in reversed(rows[:limit])), seq or 0, len(rows) > limit)


def bodies(db: sa.Connection, conversation: str) -> list[bytes]:
    """All messages of a conversation, those held back too, as JSON, oldest first."""
    query = sa.select(messages.c.body).where(messages.c.conversation == conversation)
    return [bytes(body) for body in db.execute(query.order_by(messages.c.position)).scalars()]


def share(db: sa.Connection, conversation: str, paths: Sequence[str]) -> tuple[File, ...]:
    """Give each of the local files an address that nobody can guess. Files that do not exist are left out."""
    shared: list[File] = []
    for path in map(Path, paths):
        try:
            size = path.stat().st_size
        except OSError as error:  # the reply's text is complete without it, and must not be lost with it
            log.warning("web.file_missing", path=str(path), error=str(error))
            continue
        token = secrets.token_urlsafe(24)
        row = {"token": token, "conversation": conversation, "name": path.name, "path": str(path.absolute())}
        db.execute(files.insert().values(**row))
        shared.append(File(name=path.name, url=f"/files/{token}/{quote(path.name)}", size=size))
    return tuple(shared)
