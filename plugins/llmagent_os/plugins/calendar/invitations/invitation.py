"""What the two sides of an invitation keep, and an event as the invited person sees it."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Literal, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from llmagent_os.languages import ENGLISH, gettext, language_in_force
from llmagent_os.plugin import ToolContext
from llmagent_os.plugins.calendar.calendar_call import CalendarCall
from llmagent_os.plugins.calendar.calendar_event import CalendarEvent, known_zone, later, stable_id
from llmagent_os.plugins.calendar.phrasing import append_to_day
from llmagent_os.plugins.calendar.said_times import said_event_time
from llmagent_os.plugins.calendar.shared_events import INVITED, INVITING
from llmagent_os.plugins.calendar.time.clock_changes import to_aware, to_wall
from llmagent_os.plugins.calendar.time.recurrence import recurrence_text

#: Begin the keys of records of what each side tells the other.
ANSWER, NEWS = "answer:", "news:"

TOLD_KEPT = timedelta(days=1)  #: how long what was told to the other side is kept
ENDED_KEPT = timedelta(days=30)  #: how long an invitation is kept after its event


class Inviting(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An invitation, as the one who invites keeps it. It names nobody."""

    event_id: str
    event: CalendarEvent | None  #: as the other side was told last; None: it was told that the event is cancelled
    at: str  #: when it was sent: a moment in UTC, in ISO format
    answer: Literal["", "accepted", "declined"] = ""
    told: int = 0  #: how often something was told to the other side


class Invited(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An invitation, as the one who is invited keeps it."""

    host: str  #: the name of the one who invites
    event: CalendarEvent | None  #: in the calendar of the one who invites, without notes; None: it is cancelled
    at: str  #: when it was sent: a moment in UTC, in ISO format
    state: Literal["asked", "accepted", "declined"] = "asked"
    told: int = 0  #: how often something was told to the other side


class Told(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one side tells the other."""

    at: str  #: when: a moment in UTC, in ISO format
    name: str = ""  #: of the one who answers
    answer: Literal["", "accepted", "declined"] = ""
    event: CalendarEvent | None = None  #: as it is now, for who is invited; None: it is cancelled


_T = TypeVar("_T", Inviting, Invited, Told)


async def read(context: ToolContext, key: str, kind: type[_T]) -> _T | None:
    """What is kept under ``key``. None: nothing, or it is damaged."""
    found = await context.records.get(key)
    return None if found is None else _converted(found, kind)


async def read_all(context: ToolContext, prefix: str, kind: type[_T]) -> dict[str, _T]:
    """All that is kept under keys that begin with ``prefix``, by the rest of the key."""
    items = await context.records.items()
    found = {key.removeprefix(prefix): _converted(record, kind) for key, record in items if key.startswith(prefix)}
    return {key: value for key, value in found.items() if value is not None}


async def keep(context: ToolContext, key: str, value: Inviting | Invited) -> None:
    """Keep one side of an invitation."""
    await context.records.put(key, msgspec.to_builtins(value))


async def prune(call: CalendarCall) -> None:
    """Drop what was told long ago, and invitations whose events are long over."""
    now, context = call.context.now, call.context
    for key, record in await context.records.items():
        if key.startswith((ANSWER, NEWS)):
            told = _converted(record, Told)
            old = told is not None and now - datetime.fromisoformat(told.at) > TOLD_KEPT
        elif key.startswith(INVITING):
            old = _is_old(call, _converted(record, Inviting))
        else:
            old = key.startswith(INVITED) and _is_old(call, _converted(record, Invited))
        if old:
            await context.records.delete(key)


def _is_old(call: CalendarCall, kept: Inviting | Invited | None) -> bool:
    if kept is None or call.context.now - datetime.fromisoformat(kept.at) <= ENDED_KEPT:
        return False
    return kept.event is None or is_over(call, kept.event, ENDED_KEPT)


def _converted(record: object, kind: type[_T]) -> _T | None:
    try:
        return msgspec.convert(record, kind)
    except msgspec.ValidationError:
        return None


def is_over(call: CalendarCall, event: CalendarEvent, by: timedelta = timedelta()) -> bool:
    """Whether an event ended at least ``by`` ago. A repeated one is never over."""
    if event.start is None or event.repeat:
        return False
    end = later(event.start, timedelta(minutes=event.minutes))
    return to_aware(end, known_zone(event.zone) or ZoneInfo("UTC")) + by <= call.context.now


def shared(event: CalendarEvent) -> CalendarEvent:
    """What of an event the invited person may see: no notes, and nothing that ties it to other programs."""
    return msgspec.structs.replace(event, notes="", uid="", instance=None, created="", leads_to="", lead=0)


def what_of(event: CalendarEvent) -> str:
    """What the invited person is invited to: the title without their own name; empty: the name is part of it.

    >>> what_of(CalendarEvent(event_id="1", title="lunch with Ana", person="Ana"))
    'lunch'
    """
    with_person = re.compile(rf"\s+with\s+{re.escape(event.person)}(?!\w)", re.I)
    return with_person.sub("", event.title).strip() if event.person and with_person.search(event.title) else ""


def guest_event(call: CalendarCall, invitation_id: str, invited: Invited, event: CalendarEvent) -> CalendarEvent:
    """The event for the calendar of the invited person, on their clock. A repeated one keeps its time zone."""
    what = what_of(event)
    found = msgspec.structs.replace(
        event,
        event_id=stable_id(INVITED, invitation_id),
        title=f"{what} with {invited.host}" if what else event.title,
        person=invited.host,
        created=invited.at,
    )
    if event.repeat or event.start is None:
        return found
    if event.all_day:
        return msgspec.structs.replace(found, zone=call.context.time_zone)
    first = event.start.replace(fold=1) if event.second_pass else event.start
    here = to_wall(to_aware(first, known_zone(event.zone) or ZoneInfo("UTC")), call.zone)
    return msgspec.structs.replace(found, start=here, second_pass=bool(here.fold), zone=call.context.time_zone)


def when_of(call: CalendarCall, event: CalendarEvent) -> str:
    """When an event is, on the clock of the person who is told."""
    start = event.start
    if start is not None and not event.all_day and event.zone != call.context.time_zone:
        start = to_wall(to_aware(start, known_zone(event.zone) or ZoneInfo("UTC")), call.zone)
    when = said_event_time(call, event, start)
    if not event.repeat:
        return when
    repeated = recurrence_text(event.repeat) if language_in_force() == ENGLISH else gettext("repeated")
    return append_to_day(when, f"({repeated})")
