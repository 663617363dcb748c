"""Keeps a person's notes and their files during one request."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from llmagent_os.events import Attachment
from llmagent_os.plugin import ToolContext
from llmagent_os.plugins.kit.numbered_items import NumberedItems, said_number
from llmagent_os.plugins.notes.note import Note, NoteFile
from llmagent_os.sealing.sealed_files import read_file

MAX_NOTES = 1000  #: of one person
MAX_CHARACTERS = 8000  #: of one note
MAX_FILES = 5  #: of one note
MAX_BYTES = 100_000_000  #: of all files of a person's notes
UNDO_FOR = timedelta(days=1)  #: how long a deleted file can come back
DROP = "drop"  #: the timer that drops the files of the last deleted note


class NoteStore:
    """The notes of the person who asks."""

    def __init__(self, context: ToolContext) -> None:
        self.context = context
        self.items = NumberedItems(context.records, Note)

    async def found(self, words: str = "") -> list[Note]:
        """The notes that fit the words, the newest first."""
        return sorted(
            (each for each in await self.items.all() if each.fits(words)), key=lambda each: each.changed, reverse=True
        )

    async def meant(self, which: str) -> list[Note]:
        """The notes that a number or words mean."""
        if (number := said_number(which.strip().lstrip("#"))) is not None:
            note = await self.items.get(number)
            return [] if note is None else [note]
        return await self.found(which) if which.strip() else []

    async def room_for(self, files: Sequence[Attachment]) -> bool:
        """Whether so many more bytes fit."""
        used = sum(file.size for note in await self.items.all() for file in note.files)
        return used + sum(file.size for file in files) <= MAX_BYTES

    async def keep_files(self, files: Sequence[Attachment]) -> tuple[NoteFile, ...]:
        """Keep what was sent.

        Raises:
            OSError: a file is gone.
        """
        kept: list[NoteFile] = []
        for file in files:
            content = await asyncio.to_thread(read_file, Path(file.path))
            key = await self.context.files.keep(file.name, content)
            kept.append(NoteFile(name=file.name, key=key, size=len(content)))
        return tuple(kept)

    async def change(self, note: Note) -> None:
        """Keep a changed note, so that the change can be undone."""
        await self.end_undo()
        await self.items.change(note)

    async def delete(self, note: Note) -> None:
        """Delete a note. Its files stay as long as it can come back."""
        await self.end_undo()
        await self.items.delete(note.number)
        if note.files:
            await self.context.timers.set(DROP, self.context.now + UNDO_FOR)

    async def end_undo(self) -> None:
        """Make the last deletion final: drop the files that no note has."""
        last = await self.items.undoable()
        if last is None or not last.files:
            return
        await self.items.end_undo()
        held = {file.key for note in await self.items.all() for file in note.files}
        for file in last.files:
            if file.key not in held:
                await self.context.files.drop(file.key)
