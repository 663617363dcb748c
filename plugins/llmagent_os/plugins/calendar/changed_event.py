"""An event with another title, place, person, length or time: the values that the tool ``move_event`` is given."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from llmagent_os.plugins.calendar.calendar_call import CalendarCall
from llmagent_os.plugins.calendar.calendar_event import CalendarEvent
from llmagent_os.plugins.calendar.changed_time import at_new_time
from llmagent_os.plugins.calendar.event_creation import MAX_TITLE_CHARACTERS
from llmagent_os.plugins.calendar.person_clock import EventMatch

MAX_NOTE_CHARACTERS = 500  #: of one note
MAX_NOTES_CHARACTERS = 5000  #: of all notes of an event together: also the one that another program made


def changed_event(call: CalendarCall, match: EventMatch, new: Mapping[str, str]) -> CalendarEvent:
    """Return the event with its new values, on the person's wall clock.

    Args:
        call: the tool's call.
        match: the event and the time of it that is meant.
        new: ``title`` with ``instead_of``, ``person``, ``place``, ``note``, ``date``, ``time``, ``duration``, ``end``:
            any of them, in the person's words.

    Raises:
        TimeExpressionError: a new time cannot be resolved, or is past.
    """
    moved = at_new_time(call, match, new)
    title = _retitled(moved.title, new)
    person = new.get("person", _replaced(moved.person, new))
    if "person" in new:
        title = _with_person(title, moved.person, person)
    return msgspec.structs.replace(
        moved,
        title=title[:MAX_TITLE_CHARACTERS],
        person=person[:MAX_TITLE_CHARACTERS],
        place=new.get("place", moved.place)[:MAX_TITLE_CHARACTERS],
        notes=_noted(moved.notes, new.get("note", "")),
    )


def _retitled(title: str, new: Mapping[str, str]) -> str:
    """The new title. With ``instead_of``, only these words of the old one are replaced."""
    return _replaced(title, new) if "instead_of" in new else new.get("title", title)


def _replaced(text: str, new: Mapping[str, str]) -> str:
    """``text`` with the new words in place of the wrong ones."""
    wrong, right = new.get("instead_of", ""), new.get("title", "")
    if not wrong:
        return text
    return re.sub(rf"(?<!\w){re.escape(wrong)}(?!\w)", lambda _: right, text, count=1, flags=re.IGNORECASE)


def _with_person(title: str, old: str, new: str) -> str:
    """The title with another person.

    >>> _with_person("lunch with Ana", "", "Bob"), _with_person("call Ana", "Ana", "Bob")
    ('lunch with Bob', 'call Bob')
    """
    if old and old.casefold() in title.casefold():
        return re.sub(re.escape(old), lambda _: new, title, count=1, flags=re.IGNORECASE)
    before, found, _ = title.partition(" with ")
    return f"{before} with {new}" if found or new.casefold() not in title.casefold() else title


def _noted(old: str, more: str) -> str:
    if not more or more in old.split("; "):
        return old
    return "; ".join(filter(None, (old, more[:MAX_NOTE_CHARACTERS])))[:MAX_NOTES_CHARACTERS]
