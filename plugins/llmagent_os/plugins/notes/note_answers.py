"""What is said about notes: lists, one note, and what was added, changed or deleted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

from msgspec.structs import replace

from llmagent_os.events import Attachment
from llmagent_os.languages import gettext, lazy_gettext, ngettext
from llmagent_os.plugin import Button, Card, ToolResult
from llmagent_os.plugins.kit.item_meant import with_item_meant
from llmagent_os.plugins.kit.open_question import ask
from llmagent_os.plugins.kit.pages import page_of
from llmagent_os.plugins.notes.note import Note
from llmagent_os.plugins.notes.note_store import DROP, MAX_CHARACTERS, MAX_FILES, MAX_NOTES, NoteStore

PAGE_SIZE = 8  #: notes in one reply
MAX_WORDS = 80  #: characters of a search that its buttons carry
GONE = lazy_gettext("That note is gone.")


async def add_note(store: NoteStore, text: str, files: Sequence[Attachment] = ()) -> ToolResult:
    """Keep a new note. Where there is nothing to note, the person is asked."""
    text = text.strip()
    if not text and not files:
        await ask(store.context, "note")
        question = gettext("What should I note? You may send files, too.")
        return ToolResult({"status": "missing", "need": "text"}, question)
    if problem := await _problem(store, text, files):
        return ToolResult({"status": "refused"}, problem)
    try:
        kept = await store.keep_files(files)
    except OSError:
        return ToolResult({"status": "refused"}, gettext("I could not read the file. Please send it again."))
    context = store.context
    note = await store.items.add(Note(text=text, files=kept, changed=context.now, made_by=context.call_id))
    said = gettext("Noted as number {number}.", number=note.number)
    return ToolResult({"status": "added", "number": str(note.number), "title": note.title}, said, buttons=_of(note))


async def list_notes(store: NoteStore, words: str = "", number: int = 1) -> ToolResult:
    """List the notes that fit the words, the newest first."""
    found = await store.found(words)
    if not found:
        if words:
            text = gettext("I found no note with “{words}”.", words=words[:MAX_WORDS])
        else:
            text = gettext("You have no notes. “/note TEXT” adds one.")
        return ToolResult({"status": "empty"}, text)
    page = page_of(found, number, PAGE_SIZE)
    rows = tuple((str(each.number), each.title) for each in page.items)
    show = tuple(Button(gettext("Show {number}", number=each.number), f"show:{each.ref}") for each in page.items)
    return ToolResult(
        {"status": "listed", "count": str(len(found)), "notes": "; ".join(": ".join(row) for row in rows)},
        ngettext("I found {count} note.", "I found {count} notes.", len(found)),
        card=Card(rows=rows),
        buttons=(*show, *page.buttons(f"page:{words[:MAX_WORDS]}:")),
    )


async def list_tags(store: NoteStore) -> ToolResult:
    """List the tags, those with most notes first."""
    counts = Counter(tag for note in await store.items.all() for tag in note.tags)
    if not counts:
        text = gettext("Your notes have no tags. Write #word into a note to tag it.")
        return ToolResult({"status": "empty"}, text)
    rows = tuple((f"#{tag}", str(count)) for tag, count in sorted(counts.items(), key=lambda each: (-each[1], each[0])))
    text = gettext("Your tags, with the number of their notes. “/notes #TAG” lists the notes.")
    return ToolResult(
        {"status": "tags", "tags": " ".join(tag for tag, _ in rows)[:2000]}, text, card=Card(rows=rows[:50])
    )


async def show_note(store: NoteStore, note: Note) -> ToolResult:
    """Give a whole note, with its files."""
    lead = gettext("Note {number}:", number=note.number)
    text = f"{lead}\n\n{note.text}" if note.text else lead
    files = tuple(store.context.files.kept_path(file.key) for file in note.files)
    return ToolResult(
        {"status": "note", "number": str(note.number), "text": note.text},
        text,
        files=files,
        buttons=_of(note),
        word_for_word=True,
    )


async def edit_note(store: NoteStore, note: Note, text: str) -> ToolResult:
    """Give a note another text. Its files stay."""
    text = text.strip()
    if not text:
        await ask(store.context, "edit", ref=note.ref)
        question = gettext("What should note {number} say now?", number=note.number)
        return ToolResult({"status": "missing", "need": "text"}, question)
    if problem := await _problem(store, text, (), is_new=False):
        return ToolResult({"status": "refused"}, problem)
    changed = replace(note, text=text, changed=store.context.now)
    await store.change(changed)
    said = gettext("Changed note {number}.", number=note.number)
    return ToolResult({"status": "changed", "number": str(note.number)}, said, buttons=(_undo(note),))


async def delete_note(store: NoteStore, note: Note) -> ToolResult:
    """Delete a note, with Undo."""
    await store.delete(note)
    said = gettext("Deleted note {number}: {title}", number=note.number, title=note.title)
    return ToolResult({"status": "deleted", "title": note.title}, said, buttons=(_undo(note),))


async def restore_note(store: NoteStore, ref: str) -> ToolResult:
    """Answer Undo."""
    note = await store.items.restore(ref)
    if note is None:
        return ToolResult({"status": "stale"}, str(GONE))
    await store.context.timers.cancel(DROP)
    said = gettext("Note {number} is as it was: {title}", number=note.number, title=note.title)
    return ToolResult({"status": "restored", "number": str(note.number)}, said)


async def on_note_meant(store: NoteStore, which: str, act: Callable[[Note], Awaitable[ToolResult]]) -> ToolResult:
    """Do something with the note that a number or words mean."""
    missing = gettext("I found no note with “{words}”.", words=which[:MAX_WORDS])
    return await with_item_meant(await store.meant(which), act, missing=missing, line=lambda note: note.title)


async def _problem(store: NoteStore, text: str, files: Sequence[Attachment], *, is_new: bool = True) -> str:
    """Why a note cannot be kept; empty: it can."""
    if len(text) > MAX_CHARACTERS:
        return gettext("A note has at most {count} characters. Send longer texts as a file.", count=MAX_CHARACTERS)
    if is_new and len(await store.items.all()) >= MAX_NOTES:
        return gettext("You have {count} notes, and I keep no more. Delete some first.", count=MAX_NOTES)
    if len(files) > MAX_FILES:
        return gettext("A note has at most {count} files.", count=MAX_FILES)
    if missing := next((file for file in files if file.problem or not file.path), None):
        return gettext("I could not get the file {name}. Please send it again.", name=missing.name)
    if not await store.room_for(files):
        return gettext("Your notes have too many large files. Delete some first.")
    return ""


def _of(note: Note) -> tuple[Button, ...]:
    return Button(gettext("Edit"), f"edit:{note.ref}"), Button(gettext("Delete"), f"delete:{note.ref}")


def _undo(note: Note) -> Button:
    return Button(gettext("Undo"), f"undo:{note.ref}")
