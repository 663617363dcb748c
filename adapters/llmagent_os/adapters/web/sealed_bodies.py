"""Seals what is said in the transcript, where its folder is mounted, by the key of the conversation's person.

Messages and titles are sealed. Ids, persons, times and the names of shared files stay readable.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TypeVar

import sqlalchemy as sa

from llmagent_os.sealing.key_ring import KeyRing, SealedError, is_sealed

T = TypeVar("T")

_PERSON = sa.text("SELECT person FROM conversations WHERE id = :id")

#: SQLite's ``user_version`` of a file is this much greater once all of it is sealed.
SEALED_VERSION = 1000


def ring_of_connection(db: sa.Connection) -> KeyRing | None:
    """The key ring of the file; None: it is not sealed."""
    return db.info.get("ring")


def sealed(db: sa.Connection, conversation: str, body: bytes) -> bytes:
    """``body`` as it is kept."""
    ring = ring_of_connection(db)
    return body if ring is None else ring.seal(_account(db, conversation), body)


def sealed_text(db: sa.Connection, conversation: str, text: str) -> str:
    """``text`` as it is kept. The connection opens texts itself."""
    ring = ring_of_connection(db)
    return text if ring is None or not text else ring.seal_text(_account(db, conversation), text)


def opened(db: sa.Connection, body: T) -> T | bytes:
    """What was sealed. What cannot be opened stays as it is, and is found to be damaged by whoever decodes it."""
    ring = ring_of_connection(db)
    if ring is not None and isinstance(body, bytes) and is_sealed(body):
        with contextlib.suppress(SealedError):
            return ring.open(body)
    return body


def seal_existing(db: sa.Connection) -> int:
    """Seal all that was written before the folder was mounted, inside the caller's transaction. Returns how much."""
    count = 0
    for conversation, title in db.execute(sa.text("SELECT id, title FROM conversations")).all():
        values = {"id": conversation, "title": sealed_text(db, conversation, title)}
        db.execute(sa.text("UPDATE conversations SET title = :title WHERE id = :id"), values)
    for table in ("messages", "damaged"):
        for rowid, conversation, body in _bodies(db, table):
            values = {"rowid": rowid, "body": sealed(db, conversation, body)}
            db.execute(sa.text(f"UPDATE {table} SET body = :body WHERE rowid = :rowid"), values)
            count += 1
    return count


def _bodies(db: sa.Connection, table: str) -> Iterator[tuple[int, str, bytes]]:
    query = f"SELECT rowid, conversation, body FROM {table} WHERE rowid > :last ORDER BY rowid LIMIT 500"
    last = -1
    while rows := db.execute(sa.text(query), {"last": last}).all():
        for rowid, conversation, body in rows:
            if isinstance(body, bytes):
                yield rowid, conversation, body
            last = rowid


def _account(db: sa.Connection, conversation: str) -> str:
    """The account whose key seals: as for files, ``web::`` and the platform's own id of the person."""
    return f"web::{db.execute(_PERSON, {'id': conversation}).scalar() or ''}"
