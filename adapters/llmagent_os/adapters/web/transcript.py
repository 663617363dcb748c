"""The transcript of the web chat, in a small SQLite file, so that reloads and restarts lose nothing.

The changes of a conversation are numbered, and every message carries the number of its last change (``seq``). A page
that has seen all changes up to a ``seq`` asks for the later ones, and gets whole messages that replace its old ones.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa
import structlog
from sqlalchemy import event
from sqlalchemy.exc import SQLAlchemyError

from llmagent_os.adapters.web import transcript_tables as tables
from llmagent_os.adapters.web.sealed_bodies import SEALED_VERSION, ring_of_connection, seal_existing
from llmagent_os.adapters.web.transcript_items import Item, ItemRange
from llmagent_os.errors import AdapterError, ConfigError
from llmagent_os.sealing.key_ring import KeyRing, SealedError, is_sealed
from llmagent_os.sealing.mounts import ring_of

T = TypeVar("T")

_log = structlog.stdlib.get_logger(__name__)

#: How long a change waits for another program that has locked the file. After that the person is told.
BUSY_MILLISECONDS = 5000


#: SQLite's ``application_id`` while the file is to be written anew; 0 otherwise. It changes with the transaction that
#: deletes.
WIPE_DUE = 1

#: Stands for the person of a conversation that nobody has written in.
UNOWNED = ""


class Transcript:
    """The conversations of all visitors. All calls run in one thread of their own, one after the other."""

    def __init__(self, path: Path) -> None:
        """Args: ``path`` of the file, which may not exist yet."""
        self._path = path
        self._engine: sa.Engine | None = None
        self._unowned: dict[str, str] = {}  # conversation -> person, until the person writes in it
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="web-transcript")

    async def open(self) -> None:
        """Open the file, so that a wrong one is noticed before the first message.

        Raises:
            ConfigError: the file cannot be used.
        """
        try:
            await self._do(lambda db: db.execute(sa.select(tables.conversations.c.id).limit(1)).first())
        except AdapterError as error:
            why = getattr(error.__cause__, "orig", None) or error
            raise ConfigError(f"web: {self._path} is damaged: {why}. Move it away, or restore a backup") from error

    async def close(self) -> None:
        """Close the file. A later call opens it again."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._dispose)

    async def latest(self, user_id: str) -> str:
        """The id of the person's latest conversation. If there is none, one is begun."""

        def work(db: sa.Connection) -> str:
            query = sa.select(tables.conversations.c.id).where(tables.conversations.c.person == user_id)
            found = db.execute(query.order_by(tables.conversations.c.created_at.desc()).limit(1)).scalar()
            return found or self._unowned_of(user_id) or tables.begin(db, user_id)

        return await self._do(work)

    async def begin(self, user_id: str) -> str:
        """The id of a conversation of the person without messages. If there is none, one is begun."""

        def work(db: sa.Connection) -> str:
            query = sa.select(tables.conversations.c.id).where(
                tables.conversations.c.person == user_id,
                ~sa.exists().where(tables.messages.c.conversation == tables.conversations.c.id),
            )
            return db.execute(query.limit(1)).scalar() or tables.begin(db, user_id)

        return await self._do(work)

    async def begin_unowned(self, user_id: str) -> str:
        """Begin a conversation whose person is not stored before they write in it. Returns its id.

        It is the one that a person sees who has just been erased, and holds the answer that they were.
        """
        conversation = await self._do(lambda db: tables.begin(db, UNOWNED))
        self._unowned[conversation] = user_id
        return conversation

    async def owner(self, conversation: str) -> str | None:
        """Whose conversation it is; None if there is no such conversation."""

        def work(db: sa.Connection) -> str | None:
            query = sa.select(tables.conversations.c.person).where(tables.conversations.c.id == conversation)
            return db.execute(query).scalar()

        person = await self._do(work)
        return self._unowned.get(conversation) if person == UNOWNED else person

    async def conversations(self, user_id: str, limit: int = 50) -> list[tuple[str, str, str]]:
        """The person's conversations as (id, title, begin in ISO 8601), latest first."""

        def work(db: sa.Connection) -> list[tuple[str, str, str]]:
            columns = tables.conversations.c
            query = sa.select(columns.id, columns.title, columns.created_at).where(columns.person == user_id)
            query = query.order_by(columns.created_at.desc())
            return [(row.id, row.title, row.created_at) for row in db.execute(query.limit(limit))]

        return await self._do(work)

    async def since(self, conversation: str, after: int, limit: int = 200) -> ItemRange:
        """The messages that changed after ``after``. For 0: the last ``limit`` messages."""

        def work(db: sa.Connection) -> ItemRange:
            if after == 0:
                return tables.latest(db, conversation, tables.messages.c.seq > 0, limit)
            return tables.changed(db, conversation, after)

        return await self._do(work)

    async def before(self, conversation: str, position: int, limit: int = 200) -> ItemRange:
        """The last ``limit`` messages before a position."""
        where = sa.and_(tables.messages.c.seq > 0, tables.messages.c.position < position)
        return await self._do(lambda db: tables.latest(db, conversation, where, limit))

    async def get(self, conversation: str, message_id: str) -> Item | None:
        """One message; None if there is no such message."""
        return await self._do(lambda db: tables.get(db, conversation, message_id))

    async def hold(self, conversation: str, item: Item, paths: Sequence[str] = ()) -> Item:
        """Hold a place at the end for the person's message, until the host has taken it and :meth:`show` is called.

        The message shows the local files at ``paths`` that exist.

        Raises:
            AdapterError: there is no such conversation.
        """
        owner = self._unowned.get(conversation)

        def work(db: sa.Connection) -> Item:
            if owner is not None:
                of_nobody = sa.and_(tables.conversations.c.id == conversation, tables.conversations.c.person == UNOWNED)
                db.execute(tables.conversations.update().where(of_nobody).values(person=owner))
            if (there := tables.get(db, conversation, item.message_id)) is not None:
                return there
            return tables.insert(db, conversation, _with_files(db, conversation, item, paths), shown=False)

        return await self._do(work)

    async def show(self, conversation: str, message_id: str) -> None:
        """Let pages show the held message: the host has taken it."""
        await self._do(lambda db: tables.show(db, conversation, message_id))

    async def remove(self, conversation: str, message_id: str) -> None:
        """Remove the held message: the host did not take it."""

        def work(db: sa.Connection) -> None:
            db.execute(tables.messages.delete().where(tables.at(conversation, message_id), tables.messages.c.seq == 0))

        return await self._do(work)

    async def add(
        self,
        conversation: str,
        item: Item,
        paths: Sequence[str] = (),
        alternatives: Mapping[str, str] = tables.NO_ALTERNATIVES,
    ) -> Item:
        """Put a reply at the end, with the local files at ``paths`` that exist.

        ``alternatives`` says in words what pictures among them show.

        A reply with the same id that is there already stays, and is returned.

        Raises:
            AdapterError: there is no such conversation.
        """

        def work(db: sa.Connection) -> Item:
            there = tables.get(db, conversation, item.message_id)
            if there is not None:
                return there
            if item.reply_to is not None:  # the host has taken the question, even if a crash came in between
                tables.show(db, conversation, item.reply_to)
            shared = tables.share(db, conversation, paths, alternatives)
            return tables.insert(db, conversation, msgspec.structs.replace(item, files=shared), shown=True)

        return await self._do(work)

    async def done(self, conversation: str, act: str) -> bool:
        """Whether the action with the id ``act`` was given to :meth:`change` already."""

        def work(db: sa.Connection) -> bool:
            columns = tables.acts.c
            query = sa.select(columns.act).where(columns.conversation == conversation, columns.act == act)
            return db.execute(query).first() is not None

        return await self._do(work)

    async def change(self, conversation: str, message_id: str, act: str | None = None, **changes: Any) -> Item:
        """Change fields of a message.

        Args:
            conversation: of the message.
            message_id: of the message.
            act: the id of the person's action, kept for :meth:`done`.
            changes: fields of :class:`~llmagent_os.adapters.web.transcript_items.Item`; ``paths`` replaces the files,
                and ``alternatives`` says in words what pictures among them show.

        Raises:
            AdapterError: there is no such message.
        """
        paths: Sequence[str] | None = changes.pop("paths", None)
        alternatives: Mapping[str, str] = changes.pop("alternatives", tables.NO_ALTERNATIVES)

        def work(db: sa.Connection) -> Item:
            there = tables.get(db, conversation, message_id)
            if there is None:
                raise AdapterError(f"web: there is no message {message_id!r} in conversation {conversation!r}")
            if act is not None:
                db.execute(tables.acts.insert().values(conversation=conversation, act=act))
            if not changes and paths is None:
                return there
            if paths is not None:
                changes["files"] = tables.share(db, conversation, paths, alternatives)
            return tables.update(db, conversation, msgspec.structs.replace(there, **changes))

        return await self._do(work)

    async def file(self, token: str, name: str) -> tuple[str, Path] | None:
        """The conversation and the local path of a shared file; None if the address is wrong."""

        def work(db: sa.Connection) -> tuple[str, Path] | None:
            columns = tables.files.c
            row = db.execute(sa.select(tables.files).where(columns.token == token, columns.name == name)).first()
            return (row.conversation, Path(row.path)) if row else None

        return await self._do(work)

    async def shared_paths(self) -> frozenset[str]:
        """The absolute paths of all files that messages show."""
        return await self._do(lambda db: frozenset(db.execute(sa.select(tables.files.c.path)).scalars()))

    async def export(self, user_id: str) -> list[dict[str, Any]]:
        """The person's conversations with their messages, as JSON objects, oldest first."""

        def work(db: sa.Connection) -> list[dict[str, Any]]:
            theirs = sa.select(tables.conversations).where(tables.conversations.c.person == user_id)
            return [
                {
                    "id": row.id,
                    "title": row.title,
                    "created_at": row.created_at,
                    "messages": [msgspec.json.decode(body) for body in tables.bodies(db, row.id)],
                    "damaged": tables.damaged_bodies(db, row.id),
                }
                for row in db.execute(theirs.order_by(tables.conversations.c.created_at)).all()
            ]

        return await self._do(work)

    async def forget(self, user_id: str) -> tuple[str, ...]:
        """Erase the person's conversations. Returns their ids.

        Nothing of them is left: the file is written anew, and the write-ahead log is emptied. A crash in between is
        noticed when the file is opened the next time.
        """
        unowned = [conversation for conversation, owner in self._unowned.items() if owner == user_id]

        def work(db: sa.Connection) -> tuple[str, ...]:
            theirs = tables.conversations.c.person == user_id
            erased = tuple(db.execute(sa.select(tables.conversations.c.id).where(theirs)).scalars())
            db.execute(tables.conversations.delete().where(tables.conversations.c.id.in_(unowned)))
            db.execute(tables.conversations.delete().where(theirs))
            db.exec_driver_sql(f"PRAGMA application_id = {WIPE_DUE}")
            return erased

        found = await self._do(work)
        for conversation in unowned:
            self._unowned.pop(conversation, None)
        found = tuple(dict.fromkeys((*found, *unowned)))
        await asyncio.get_running_loop().run_in_executor(self._thread, self._wipe)
        return found

    async def delete_old(self, before: datetime) -> int:
        """Delete all messages before a moment, and the conversations that have none left. Returns how many messages."""
        deleted = await self._do(lambda db: tables.delete_old(db, before))
        if deleted:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._wipe)
        return deleted

    def _unowned_of(self, user_id: str) -> str | None:
        return next((conversation for conversation, owner in self._unowned.items() if owner == user_id), None)

    async def _do(self, work: Callable[[sa.Connection], T]) -> T:
        def transaction() -> T:
            try:
                with self._open().begin() as db:
                    return work(db)
            except SQLAlchemyError as error:
                raise AdapterError(f"web: transcript {self._path}: {error}") from error

        return await asyncio.get_running_loop().run_in_executor(self._thread, transaction)

    def _open(self) -> sa.Engine:
        if self._engine is not None:
            return self._engine
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.touch(mode=0o600)  # SQLite would make a file that other users of the machine can read
        except OSError as error:
            raise ConfigError(f"web: data folder {str(self._path.parent)!r} cannot be written: {error}") from error
        engine = sa.create_engine(f"sqlite:///{self._path}")
        event.listen(engine, "connect", partial(_on_connect, ring_of(self._path)))
        event.listen(engine, "begin", _on_begin)
        with engine.begin() as db:
            version = db.exec_driver_sql("PRAGMA user_version").scalar() or 0
            was_sealed, has_key = version >= SEALED_VERSION, ring_of_connection(db) is not None
            if was_sealed and not has_key:
                engine.dispose()
                raise ConfigError(f"web: {self._path} is encrypted: set LLMAGENT_OS_ENCRYPTION_KEY to its key")
            if version % SEALED_VERSION > tables.VERSION:
                engine.dispose()
                raise ConfigError(
                    f"web: {self._path} was written by a newer version of LLMAgentOS: "
                    f"its tables have version {version}, not {tables.VERSION}"
                )
            tables.metadata.create_all(db)
            db.execute(tables.conversations.delete().where(tables.conversations.c.person == UNOWNED))
            sealed_now = seal_existing(db) if has_key and not was_sealed else 0
            db.exec_driver_sql(f"PRAGMA user_version = {tables.VERSION + SEALED_VERSION * has_key}")
            is_due = bool(sealed_now) or db.exec_driver_sql("PRAGMA application_id").scalar() == WIPE_DUE
        self._engine = engine
        if is_due:
            self._wipe()
        return engine

    def _wipe(self) -> None:
        """Write the file anew, without what was deleted, and empty the write-ahead log.

        ``secure_delete`` overwrites a row where it was deleted, but not its copies in the unused parts of pages between
        which SQLite has moved rows before.
        """
        try:
            with self._open().connect() as db:
                driver: Any = db.connection.driver_connection
                driver.execute("VACUUM")
                driver.execute("PRAGMA application_id = 0")
                driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except (SQLAlchemyError, sqlite3.Error) as error:  # another program reads, or the disk is full
            _log.error("web: what was erased is wiped at the next start only", file=str(self._path), error=str(error))

    def _dispose(self) -> None:
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None


def _with_files(db: sa.Connection, conversation: str, item: Item, paths: Sequence[str]) -> Item:
    return msgspec.structs.replace(item, files=tables.share(db, conversation, paths))


def _text(raw: bytes) -> str:
    """Text as SQLite keeps it. A byte that is no UTF-8 must not spoil its whole row."""
    return raw.decode("utf-8", "replace")


def _on_connect(ring: KeyRing | None, connection: Any, record: Any) -> None:
    def opened(raw: bytes) -> str:
        if ring is not None and is_sealed(raw):
            with contextlib.suppress(SealedError):
                return _text(ring.open_text(raw))
        return _text(raw)

    record.info["ring"] = ring
    connection.text_factory = opened
    connection.isolation_level = None  # transactions are begun by _on_begin, not by the driver
    for pragma in (
        f"busy_timeout = {BUSY_MILLISECONDS}",
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
        "secure_delete = ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _on_begin(db: sa.Connection) -> None:
    db.exec_driver_sql("BEGIN IMMEDIATE")
