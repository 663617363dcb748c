"""A change of a calendar, and a question whose options are changes."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from llmagent_os.plugin import Button, ToolResult
from llmagent_os.plugins.calendar.calendar_event import CalendarEvent
from llmagent_os.tools.button_labels import UNDO

QUESTION_LIFETIME = timedelta(days=1)  #: how long a question can be answered


class Change(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One write: the events before it, the events after it, and the answer to the person."""

    before: tuple[CalendarEvent, ...] = ()  #: empty: something is created
    after: tuple[CalendarEvent, ...] = ()  #: empty: something is deleted
    data: dict[str, str] = {}  #: of the tool's result
    text: str = ""  #: of the tool's result
    at: str = ""  #: when it was made: a moment in UTC, in ISO format
    undo: bool = False  #: the answer offers Undo
    undone: bool = False  #: Undo was pressed
    label: str = ""  #: of the button for this change in a question
    undone_text: str = ""  #: the answer to Undo; empty: one that names the events
    choice: int = 0  #: its number among the question's options
    word_for_word: bool = False  #: the text is sent as it is; see :class:`~llmagent_os.plugin.ToolResult`

    def result(self, change_id: str) -> ToolResult:
        """Return the answer to the person, with an Undo button if that is offered."""
        buttons = (Button(str(UNDO), f"undo:{change_id}"),) if self.undo and not self.undone else ()
        return ToolResult(dict(self.data), self.text, buttons=buttons, word_for_word=self.word_for_word)


class Question(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A question to the person: carry out one of these changes, or none."""

    options: tuple[Change, ...]
    at: str = ""  #: when it was asked: a moment in UTC, in ISO format

    def is_open(self, now: str) -> bool:
        """Return whether the question can still be answered at ``now``, a moment in ISO format."""
        return not self.at or datetime.fromisoformat(now) - datetime.fromisoformat(self.at) < QUESTION_LIFETIME


def in_zone(change: Change, old: str, new: str) -> Change:
    """A change, with its events of the assumed zone ``old`` in ``new``."""
    before, after = (
        tuple(
            msgspec.structs.replace(each, zone=new) if each.zone_assumed and each.zone == old else each for each in some
        )
        for some in (change.before, change.after)
    )
    return msgspec.structs.replace(change, before=before, after=after)
