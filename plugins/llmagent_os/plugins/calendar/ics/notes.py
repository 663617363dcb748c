"""Notes of events as the DESCRIPTION of their entries.

Other programs keep long texts there, such as how to dial in. The calendar keeps the beginning, and gives back the rest.
"""

# A strict type checker cannot follow the many types of icalendar's properties.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from typing import Any

import icalendar

MAX_READ_CHARACTERS = 1000  #: of a description


def notes_of_entry(entry: icalendar.Event) -> str:
    """Return the beginning of an entry's description, in one line."""
    return " ".join(_description(entry).split())[:MAX_READ_CHARACTERS].rstrip()


def write_notes(entry: icalendar.Event, notes: str) -> None:
    """Write an event's notes into its entry. What the calendar does not keep of a description stays."""
    known = notes_of_entry(entry)
    if notes == known:
        return
    whole = _description(entry)
    entry.pop("DESCRIPTION", None)
    written = f"{whole.rstrip()}{notes[len(known) :]}" if known and notes.startswith(known) else notes
    if written:
        entry.add("description", written)


def _description(entry: icalendar.Event) -> str:
    found: Any = entry.get("DESCRIPTION", "")
    return "" if isinstance(found, list) else str(found)
