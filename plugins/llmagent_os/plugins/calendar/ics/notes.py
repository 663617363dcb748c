"""Notes of events as the DESCRIPTION of their entries.

Other programs keep long texts there, such as how to dial in. The calendar keeps the beginning, and gives back the rest.
"""

# A strict type checker cannot follow the many types of icalendar's properties.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from typing import Any

import icalendar

MAX_READ_CHARACTERS = 4000  #: of a description


def notes_of_entry(entry: icalendar.Event) -> str:
    """Return the beginning of an entry's description, in one line."""
    return " ".join(_description(entry).split())[:MAX_READ_CHARACTERS].rstrip()


def write_notes(entry: icalendar.Event, notes: str) -> None:
    """Write an event's notes into its entry. What the calendar does not keep of a description stays."""
    known = notes_of_entry(entry)
    if notes == known:
        return
    whole = _description(entry).rstrip()
    entry.pop("DESCRIPTION", None)
    if known and notes.startswith(known):  # a note was added
        written = whole + notes[len(known) :]
    elif notes and known.startswith(notes) and whole.endswith(known[len(notes) :]):  # and was taken back
        written = whole.removesuffix(known[len(notes) :])
    else:
        written = notes
    if written:
        entry.add("description", written)


def _description(entry: icalendar.Event) -> str:
    found: Any = entry.get("DESCRIPTION", "")
    return "" if isinstance(found, list) else str(found)
