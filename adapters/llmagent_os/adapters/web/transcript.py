"""The transcript of the web chat, so that reloads and restarts lose nothing.

The changes of a conversation are numbered, and every message carries the number of its last change (``seq``). A page
that has seen all changes up to a ``seq`` asks for the later ones, and gets whole messages that replace its old ones.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa

from llmagent_os.adapters.web.transcript_file import UNOWNED, TranscriptFile
from llmagent_os.adapters.web.transcript_items import Item, ItemRange
from llmagent_os.adapters.web.transcript_rows import TranscriptRows
from llmagent_os.adapters.web.transcript_statements import NO_ALTERNATIVES, Statements
from llmagent_os.errors import AdapterError

T = TypeVar("T")


class Transcript:
    """The conversations of all visitors. All calls run in threads of their own; those of a file one after the other."""

    def __init__(self, kept: Path | TranscriptFile | TranscriptRows) -> None:
        """Args: ``kept`` is the file, which may not exist yet; or what keeps the transcript."""
        self._database = TranscriptFile(kept) if isinstance(kept, Path) else kept
        self._unowned: dict[str, str] = {}  # conversation -> person, until the person writes in it
        self._thread = ThreadPoolExecutor(self._database.threads, thread_name_prefix="web-transcript")

    async def open(self) -> None:
        """Open the transcript, so that a wrong one is noticed before the first message.

        Raises:
            ConfigError: the transcript cannot be used.
        """
        await self._in_thread(self._database.check)

    async def close(self) -> None:
        """Close the file. A later call opens it again."""
        await self._in_thread(self._database.close)

    async def latest(self, user_id: str) -> str:
        """The id of the person's latest conversation. If there is none, one is begun."""

        def work(db: sa.Connection, tables: Statements) -> str:
            query = sa.select(tables.conversations.c.id).where(tables.conversations.c.person == user_id)
            found = db.execute(query.order_by(tables.conversations.c.created_at.desc()).limit(1)).scalar()
            return found or self._unowned_of(user_id) or tables.begin(db, user_id)

        return await self._do(work)

    async def begin(self, user_id: str) -> str:
        """The id of a conversation of the person without messages. If there is none, one is begun."""

        def work(db: sa.Connection, tables: Statements) -> str:
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
        conversation = await self._do(lambda db, tables: tables.begin(db, UNOWNED))
        self._unowned[conversation] = user_id
        return conversation

    async def owner(self, conversation: str) -> str | None:
        """Whose conversation it is; None if there is no such conversation."""

        def work(db: sa.Connection, tables: Statements) -> str | None:
            query = sa.select(tables.conversations.c.person).where(tables.conversations.c.id == conversation)
            return db.execute(query).scalar()

        person = await self._do(work)
        return self._unowned.get(conversation) if person == UNOWNED else person

    async def conversations(self, user_id: str, limit: int = 50) -> list[tuple[str, str, str]]:
        """The person's conversations as (id, title, begin in ISO 8601), latest first."""

        def work(db: sa.Connection, tables: Statements) -> list[tuple[str, str, str]]:
            columns = tables.conversations.c
            query = sa.select(columns.id, columns.title, columns.created_at).where(columns.person == user_id)
            query = query.order_by(columns.created_at.desc())
            return [(row.id, tables.opened_text(row.title), row.created_at) for row in db.execute(query.limit(limit))]

        return await self._do(work)

    async def since(self, conversation: str, after: int, limit: int = 200) -> ItemRange:
        """The messages that changed after ``after``. For 0: the last ``limit`` messages."""

        def work(db: sa.Connection, tables: Statements) -> ItemRange:
            if after == 0:
                return tables.latest(db, conversation, tables.messages.c.seq > 0, limit)
            return tables.changed(db, conversation, after)

        return await self._do(work)

    async def before(self, conversation: str, position: int, limit: int = 200) -> ItemRange:
        """The last ``limit`` messages before a position."""

        def work(db: sa.Connection, tables: Statements) -> ItemRange:
            where = sa.and_(tables.messages.c.seq > 0, tables.messages.c.position < position)
            return tables.latest(db, conversation, where, limit)

        return await self._do(work)

    async def get(self, conversation: str, message_id: str) -> Item | None:
        """One message; None if there is no such message."""
        return await self._do(lambda db, tables: tables.get(db, conversation, message_id))

    async def hold(self, conversation: str, item: Item, paths: Sequence[str] = ()) -> Item:
        """Hold a place at the end for the person's message, until the host has taken it and :meth:`show` is called.

        The message shows the local files at ``paths`` that exist.

        Raises:
            AdapterError: there is no such conversation.
        """
        owner = self._unowned.get(conversation)

        def work(db: sa.Connection, tables: Statements) -> Item:
            if owner is not None:
                of_nobody = sa.and_(tables.conversations.c.id == conversation, tables.conversations.c.person == UNOWNED)
                db.execute(tables.conversations.update().where(of_nobody).values(person=owner))
            tables.lock(db, conversation)
            if (there := tables.get(db, conversation, item.message_id)) is not None:
                return there
            return tables.insert(
                db,
                conversation,
                msgspec.structs.replace(item, files=tables.share(db, conversation, paths)),
                shown=False,
            )

        return await self._do(work)

    async def show(self, conversation: str, message_id: str) -> None:
        """Let pages show the held message: the host has taken it."""

        def work(db: sa.Connection, tables: Statements) -> None:
            tables.lock(db, conversation)
            tables.show(db, conversation, message_id)

        await self._do(work)

    async def remove(self, conversation: str, message_id: str) -> None:
        """Remove the held message: the host did not take it."""

        def work(db: sa.Connection, tables: Statements) -> None:
            db.execute(tables.messages.delete().where(tables.at(conversation, message_id), tables.messages.c.seq == 0))

        return await self._do(work)

    async def add(
        self,
        conversation: str,
        item: Item,
        paths: Sequence[str] = (),
        alternatives: Mapping[str, str] = NO_ALTERNATIVES,
    ) -> Item:
        """Put a reply at the end, with the local files at ``paths`` that exist.

        ``alternatives`` says in words what pictures among them show.

        A reply with the same id that is there already stays, and is returned.

        Raises:
            AdapterError: there is no such conversation.
        """

        def work(db: sa.Connection, tables: Statements) -> Item:
            tables.lock(db, conversation)
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

        def work(db: sa.Connection, tables: Statements) -> bool:
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
        alternatives: Mapping[str, str] = changes.pop("alternatives", NO_ALTERNATIVES)

        def work(db: sa.Connection, tables: Statements) -> Item:
            tables.lock(db, conversation)
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

        def work(db: sa.Connection, tables: Statements) -> tuple[str, Path] | None:
            columns = tables.files.c
            row = db.execute(sa.select(tables.files).where(columns.token == token, columns.name == name)).first()
            return (row.conversation, Path(row.path)) if row else None

        return await self._do(work)

    async def shared_paths(self) -> frozenset[str]:
        """The absolute paths of all files that messages show."""
        return await self._do(lambda db, tables: frozenset(db.execute(sa.select(tables.files.c.path)).scalars()))

    async def export(self, user_id: str) -> list[dict[str, Any]]:
        """The person's conversations with their messages, as JSON objects, oldest first."""

        def work(db: sa.Connection, tables: Statements) -> list[dict[str, Any]]:
            theirs = sa.select(tables.conversations).where(tables.conversations.c.person == user_id)
            return [
                {
                    "id": row.id,
                    "title": tables.opened_text(row.title),
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

        def work(db: sa.Connection, tables: Statements) -> tuple[str, ...]:
            theirs = tables.conversations.c.person == user_id
            erased = tuple(db.execute(sa.select(tables.conversations.c.id).where(theirs)).scalars())
            db.execute(tables.conversations.delete().where(tables.conversations.c.id.in_(unowned)))
            db.execute(tables.conversations.delete().where(theirs))
            for conversation in erased:
                tables.announce(db, conversation)
            self._database.note_erased(db)
            return erased

        found = await self._do(work)
        for conversation in unowned:
            self._unowned.pop(conversation, None)
        found = tuple(dict.fromkeys((*found, *unowned)))
        await self._in_thread(self._database.wipe)
        return found

    async def delete_old(self, before: datetime) -> int:
        """Delete all messages before a moment, and the conversations that have none left. Returns how many messages."""
        deleted = await self._do(lambda db, tables: tables.delete_old(db, before))
        if deleted:
            await self._in_thread(self._database.wipe)
        return deleted

    def _unowned_of(self, user_id: str) -> str | None:
        return next((conversation for conversation, owner in self._unowned.items() if owner == user_id), None)

    async def _do(self, work: Callable[[sa.Connection, Statements], T]) -> T:
        return await self._in_thread(lambda: self._database.run(work))

    async def _in_thread(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)
