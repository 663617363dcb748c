"""The plugin of notes: what a person wants to find again, in words, with tags and files.

================  ====================================================================================================
``note``          a note, and whether it fits a search
``note_store``    keeps the notes and their files
``note_answers``  what is said about them
================  ====================================================================================================
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from llmagent_os.events import Attachment, Command, Message
from llmagent_os.languages import gettext_noop
from llmagent_os.plugin import (
    FormErrors,
    FormValues,
    Span,
    ToolCall,
    ToolContext,
    ToolResult,
    form_button,
    tool,
)
from llmagent_os.plugins.kit.open_question import ANSWER, answers_question, close_question, take_question
from llmagent_os.plugins.kit.pages import page_number
from llmagent_os.plugins.kit.serialized_plugin import SerializedPlugin, serialized
from llmagent_os.plugins.notes.note_answers import (
    GONE,
    add_note,
    delete_note,
    edit_note,
    list_notes,
    list_tags,
    on_note_meant,
    restore_note,
    show_note,
)
from llmagent_os.plugins.notes.note_form import NEW_NOTE, answer_note_form
from llmagent_os.plugins.notes.note_store import DROP, NoteStore

__all__ = ["NotesPlugin"]

_NOTE = re.compile(
    r"(?:please )?(?:(?:(?:take|make|add|write)(?: down)? a note|note)(?: that|:| to self:?)"
    r"|(?:note|write) (?:this|that) down:|remember(?: that|:))"
    r"\s+(?P<text>.+)",
    re.I | re.S,
)
_FIND = re.compile(
    r"(?:please )?(?:(?:find|search|show|show me|look up|look for|look in|search in|read) )(?:my |the |all )*notes?"
    r" (?:about|on|with|for|of|that says?) (?P<words>.+?)[.!?]*",
    re.I,
)
_NOTE_FILES = re.compile(
    r"(?:please )?(?:note this|/?note|save this|keep this|as a note)\b[:.!]?\s*(?P<text>.*)", re.I | re.S
)
_LIST = re.compile(r"(?:show |list |what are |show me )?(?:all )?my notes\W*", re.I)
_ON_ONE = re.compile(r"(?P<verb>show|edit|delete) +(?P<which>#?\d+)(?:\s+(?P<text>.+))?", re.I | re.S)


class NotesPlugin(SerializedPlugin):
    """Keeps every person's notes in the plugin's records, and their files with the person's other files."""

    name = "notes"
    about = "notes with tags and files, found again by words"
    work = "is looking at your notes…"
    is_personal = True
    file_commands = frozenset(("note",))
    commands = {  # noqa: RUF012
        "note": gettext_noop("keeps a note: /note the code of the door is 4711 #home"),
        "notes": gettext_noop(
            "your notes; /notes WORDS or #tag searches, /notes tags, /notes edit 3 TEXT, /notes delete 3"
        ),
    }

    reading = (
        "/notes",
        "/notes tags",
        "/notes show *",
        "page:*",
        "show:*",
    )
    forms = (NEW_NOTE,)

    @tool(permission="notes.write", open_to_groups=True)
    @serialized
    async def add_note(self, context: ToolContext, text: Span) -> ToolResult:
        """Keep a note for the person.

        Args:
            context: of the person
            text: what to note, with its #tags
        """
        return await add_note(NoteStore(context), text, _files(context))

    @tool(permission="notes.read", read_only=True)
    @serialized
    async def find_notes(self, context: ToolContext, words: Span | None = None) -> ToolResult:
        """Find the person's notes.

        Args:
            context: of the person
            words: words or #tags that must be in the note; left out: all notes
        """
        store = NoteStore(context)
        found = await store.meant(words) if words else []
        return await show_note(store, found[0]) if len(found) == 1 else await list_notes(store, words or "")

    @tool(permission="notes.write")
    @serialized
    async def edit_note(self, context: ToolContext, which: Span, text: Span) -> ToolResult:
        """Give a note another text. The person can undo it.

        Args:
            context: of the person
            which: its number, or words of it
            text: the whole new text
        """
        store = NoteStore(context)
        return await on_note_meant(store, which, lambda note: edit_note(store, note, text))

    @tool(permission="notes.write")
    @serialized
    async def delete_note(self, context: ToolContext, which: Span) -> ToolResult:
        """Delete a note. The person can undo it.

        Args:
            context: of the person
            which: its number, or words of it
        """
        store = NoteStore(context)
        return await on_note_meant(store, which, lambda note: delete_note(store, note))

    @serialized
    async def command(self, context: ToolContext, name: str, arguments: str) -> ToolResult:
        arguments = arguments.strip()
        store = NoteStore(context)
        await close_question(context)
        if name == "note":
            noted = await add_note(store, arguments, _files(context))
            is_asked = noted.data["status"] == "missing"
            return replace(noted, buttons=(form_button(NEW_NOTE),)) if is_asked else noted
        if arguments.lower() == "tags":
            return await list_tags(store)
        asked = _ON_ONE.fullmatch(arguments)
        if asked is None:
            return await list_notes(store, arguments)
        verb, text = asked["verb"].lower(), asked["text"] or ""
        if verb == "edit":
            return await on_note_meant(store, asked["which"], lambda note: edit_note(store, note, text))
        act = show_note if verb == "show" else delete_note
        return await on_note_meant(store, asked["which"], lambda note: act(store, note))

    @serialized
    async def submitted(self, context: ToolContext, form: str, values: FormValues) -> ToolResult | FormErrors:
        await close_question(context)
        return await answer_note_form(NoteStore(context), values)

    @serialized
    async def pressed(self, context: ToolContext, value: str) -> ToolResult:
        verb, _, rest = value.partition(":")
        store = NoteStore(context)
        if verb == ANSWER:
            return await self._answered(store)
        if verb == "page":
            words, _, number = rest.rpartition(":")
            return await list_notes(store, words, page_number(number))
        if verb == "undo":
            return await restore_note(store, rest)
        note = await store.items.by_ref(rest)
        if note is None or verb not in ("show", "edit", "delete"):
            return ToolResult({"status": "stale"}, str(GONE))
        if verb == "edit":
            return await edit_note(store, note, "")
        return await show_note(store, note) if verb == "show" else await delete_note(store, note)

    async def _answered(self, store: NoteStore) -> ToolResult:
        question = await take_question(store.context)
        note = await store.items.by_ref(question.given["ref"]) if question and question.what == "edit" else None
        if question is None or not store.context.text or (question.what == "edit" and note is None):
            return ToolResult({"status": "stale"}, str(GONE))
        if note is not None:
            return await edit_note(store, note, store.context.text)
        return await add_note(store, store.context.text, _files(store.context))

    async def button_meant(self, context: ToolContext) -> str | None:
        """Words after a question are the note."""
        return None if await answers_question(context) is None else ANSWER

    async def received(self, context: ToolContext) -> ToolResult | None:
        """Keep files that come after "What should I note?", or with "note this"."""
        files = _files(context)
        question = await answers_question(context) if files else None
        asked = _NOTE_FILES.fullmatch(context.text.strip())
        if not files or (asked is None and (question is None or question.what != "note")):
            return None
        async with self.locks.of(context.user_id):
            await close_question(context)
            return await add_note(NoteStore(context), asked["text"] if asked else context.text, files)

    async def requests_in(self, context: ToolContext) -> tuple[ToolCall, ...] | ToolResult:
        """Read "note that …", "my notes" and "find my note about …"."""
        if _LIST.fullmatch(context.text.strip()):
            return (ToolCall("find_notes", {}),)
        if found := _FIND.fullmatch(context.text.strip()):
            return (ToolCall("find_notes", {"words": found["words"]}),)
        asked = _NOTE.fullmatch(context.text.strip())
        return () if asked is None else (ToolCall("add_note", {"text": asked["text"]}),)

    async def due(self, context: ToolContext, key: str, at: datetime) -> ToolResult | None:
        """Drop the files of a note that was deleted a day ago."""
        if key == DROP:
            async with self.locks.of(context.user_id):
                await NoteStore(context).end_undo()
        return None


def _files(context: ToolContext) -> Sequence[Attachment]:
    return context.event.attachments if isinstance(context.event, Message | Command) else ()
