"""Decides what becomes of one object that has changed on the server, here, or on both sides. The later change wins."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

import msgspec

from llmagent_os.plugins.calendar.caldav.calendar_object import ReadObject
from llmagent_os.plugins.calendar.caldav.synced_objects import SyncedObject, digest_of
from llmagent_os.plugins.calendar.calendar_event import CalendarEvent
from llmagent_os.plugins.calendar.ics.import_plan import merged_event


class Winner(Enum):
    """Whose version of an object both sides get."""

    SAME = "same"  #: both have the same already
    REMOTE = "remote"
    HERE = "here"


@dataclass(frozen=True)
class Decision:
    """What becomes of an object."""

    winner: Winner
    is_conflict: bool = False  #: both sides had changed it, so the person is told


def decide(
    mine: tuple[CalendarEvent, ...],
    theirs: tuple[CalendarEvent, ...],
    base: SyncedObject | None,
    *,
    here_at: datetime | None,
    there_at: datetime | None,
) -> Decision:
    """Compare an object of the server that has changed with the events here.

    Args:
        mine: the events here; empty: they were deleted, or never were.
        theirs: the events of the server, with the ids of mine; empty: they were deleted.
        base: what both had after the last sync; None: the object is new to one of them.
        here_at: when the events here were changed last; None: not known.
        there_at: when those of the server were; None: not known, as for a deletion.
    """
    if digest_of(mine) == digest_of(theirs):
        return Decision(Winner.SAME)
    if digest_of(mine) == (base.digest if base else ""):
        return Decision(Winner.REMOTE)
    if base is None:  # one event that both sides got from somewhere else
        return Decision(Winner.REMOTE)
    if not theirs:  # nothing says when it was deleted there: what is lost cannot be got back, so it is kept
        return Decision(Winner.HERE, is_conflict=True)
    later_here = here_at is not None and there_at is not None and here_at > there_at
    return Decision(Winner.HERE if later_here else Winner.REMOTE, is_conflict=True)


def with_own_ids(read: ReadObject, mine: tuple[CalendarEvent, ...]) -> tuple[CalendarEvent, ...]:
    """The events of an object, with what this calendar knows of those that it has already."""
    known = {event.instance: event for event in mine}
    merged = (merged_event(known[each.instance], each) if each.instance in known else each for each in read.events)
    # A reminder or a note that was taken off there is none here either, unlike in an import.
    return tuple(
        msgspec.structs.replace(event, reminder=each.reminder, notes=each.notes)
        for event, each in zip(merged, read.events, strict=True)
    )
