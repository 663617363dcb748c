"""The form in which a person writes a note."""

from __future__ import annotations

from llmagent_os.languages import gettext, gettext_noop
from llmagent_os.plugin import Form, FormErrors, FormField, FormValues, ToolResult
from llmagent_os.plugins.notes.note_answers import add_note
from llmagent_os.plugins.notes.note_store import MAX_CHARACTERS, NoteStore

NEW_NOTE = Form(
    key="new",
    title=gettext_noop("New note"),
    opened_by=("note",),
    fields=(
        FormField(key="text", label=gettext_noop("Note"), kind="text"),
        FormField(
            key="tags",
            label=gettext_noop("Tags"),
            required=False,
            help=gettext_noop("Words by which you find it, such as home garden"),
        ),
    ),
)


async def answer_note_form(store: NoteStore, values: FormValues) -> ToolResult | FormErrors:
    """Keep the note that was filled in."""
    tags = " ".join(f"#{word.strip('#,')}" for word in values.text("tags").split() if word.strip("#,"))
    text = "\n".join(filter(None, (values.text("text"), tags)))
    if len(text) > MAX_CHARACTERS:
        return FormErrors({"text": gettext("A note has at most {count} characters.", count=MAX_CHARACTERS)})
    return await add_note(store, text)
