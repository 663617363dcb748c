"""Events, when they happen, and how they are kept.

Every write is one *change*: the events before it and after it. It is stored before it is carried out, so a call that is
run again after a crash finds what it had decided and finishes it, and the same document takes it back ("Undo").
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from dateutil.rrule import rrule, rrulestr

from llmagent_os.plugin import Button, ToolResult
from llmagent_os.plugins.calendar.when import aware
from llmagent_os.records import Records

if TYPE_CHECKING:
    from llmagent_os.plugins.calendar.bell import Bell

KEPT_CHANGES = 40  #: changes and questions that a person can still come back to
MAX_OCCURRENCES = 500  #: of one event in one look-up

_T = TypeVar("_T", bound=msgspec.Struct)


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something in a person's calendar."""

    event_id: str
    title: str
    start: datetime | None = None  #: on the wall clock of ``zone``; None: a reminder without a day
    minutes: int = 60  #: how long; of an all-day one a multiple of 1440
    zone: str = "UTC"  #: IANA
    all_day: bool = False
    end_said: bool = False  #: the person gave the end or how long
    place: str = ""
    person: str = ""
    repeat: str = ""  #: an RRULE's value
    skipped: tuple[datetime, ...] = ()  #: starts that were taken out of the repetition
    reminder: bool = False
    created: str = ""  #: ISO, UTC


@dataclass(frozen=True)
class Occurrence:
    """One time that an event happens, on the wall clock of the person who looks."""

    event: Event
    start: datetime
    end: datetime
    original: datetime  #: the start on the wall clock of the event's own zone

    def overlaps(self, start: datetime, end: datetime) -> bool:
        """Whether some of it lies in ``[start, end)``; what takes no time lies where it begins."""
        return self.start < end and (self.end > start or self.start == self.end == start)


def occurrences(event: Event, start: datetime, end: datetime, zone: ZoneInfo) -> Iterator[Occurrence]:
    """When ``event`` happens in ``[start, end)`` of the wall clock of ``zone``, in order."""
    if event.start is None:
        return
    length = timedelta(minutes=event.minutes)
    slack = timedelta(days=2)  # two zones are never further apart
    for number, original in enumerate(starts(event, start - length - slack)):
        if number >= MAX_OCCURRENCES or original > end + slack:
            return
        begins = original if event.all_day else _seen(original, event.zone, zone)
        found = Occurrence(event, begins, begins + length, original)
        if found.overlaps(start, end) and original not in event.skipped:
            yield found


def starts(event: Event, since: datetime) -> Iterator[datetime]:
    """Every start at or after ``since``, on the wall clock of the event's zone; those taken out are among them."""
    if event.start is None:
        return
    if not event.repeat:
        yield event.start
        return
    first = event.start
    every = (
        timedelta(hours=1) if "HOURLY" in event.repeat else timedelta(minutes=1) if "MINUTELY" in event.repeat else None
    )
    if every and since > first:  # years of hours are not counted one by one
        interval = next((int(part[9:]) for part in event.repeat.split(";") if part.startswith("INTERVAL=")), 1)
        first += (since - first) // (every * interval) * every * interval
    yield from recurrence(event.repeat, first).xafter(since, inc=True)


def recurrence(rule: str, start: datetime) -> rrule:
    """The dates of a rule.

    Raises:
        ValueError: it is no rule.
    """
    found = rrulestr(rule, dtstart=start)
    if not isinstance(found, rrule):
        raise ValueError(f"not one recurrence rule: {rule!r}")
    return found


def _seen(wall: datetime, source: str, zone: ZoneInfo) -> datetime:
    try:
        own = ZoneInfo(source)
    except (ZoneInfoNotFoundError, ValueError):
        own = zone
    return aware(wall, own).astimezone(zone).replace(tzinfo=None)


def identity(*parts: str) -> str:
    """An id that the same parts always give."""
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:16]


class Change(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One write: what was there, what is there afterwards, and what is said about it."""

    before: tuple[Event, ...] = ()
    after: tuple[Event, ...] = ()
    data: dict[str, str] = {}
    text: str = ""
    at: str = ""  #: ISO, UTC
    undo: bool = False  #: offer to take it back
    undone: bool = False
    label: str = ""  #: of the button that stands for it in a question
    choice: int = 0  #: which of a question's options it was

    def result(self, change_id: str) -> ToolResult:
        """What is said when it is done."""
        buttons = (Button("Undo", f"undo:{change_id}"),) if self.undo and not self.undone else ()
        return ToolResult(dict(self.data), self.text, buttons=buttons)


class Question(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Changes of which the person is asked to choose one, or none."""

    options: tuple[Change, ...]
    at: str = ""


class Store:
    """A person's calendar, over the plugin's records. What it changes keeps its reminders' timers right."""

    def __init__(self, records: Records, bell: Bell, conversation_key: str, now: str) -> None:
        self._records = records
        self._bell = bell
        self._here = identity(conversation_key)
        self._now = now

    async def events(self) -> list[Event]:
        """All of them."""
        items = await self._records.items()
        return [msgspec.convert(record, Event) for key, record in items if key.startswith("event:")]

    async def event(self, event_id: str) -> Event | None:
        """One of them."""
        return await self._get(f"event:{event_id}", Event)

    async def change(self, change_id: str) -> Change | None:
        """A change made earlier."""
        return await self._get(f"change:{change_id}", Change)

    async def apply(self, change_id: str, change: Change) -> ToolResult:
        """Carry out ``change``; doing it again changes nothing more."""
        change = msgspec.structs.replace(change, at=change.at or self._now)
        await self._put(f"change:{change_id}", change)
        await self._replace(change.before, change.after, change.at)
        await self.focus_on(change.after[0] if change.after else None)
        await self._prune()
        return change.result(change_id)

    async def undo(self, change_id: str) -> Change | None:
        """Take a change back. None: there is no such change, or what it left has changed since."""
        change = await self.change(change_id)
        if change is None or change.undone:
            return change
        if not await self.holds(change.after):
            return None
        undone = msgspec.structs.replace(change, undone=True)
        await self._replace(change.after, change.before, self._now)
        await self._put(f"change:{change_id}", undone)
        await self.focus_on(change.before[0] if change.before else None)
        return undone

    async def holds(self, events: tuple[Event, ...]) -> bool:
        """Whether all of ``events`` are stored exactly so."""
        return all([await self._get(f"event:{event.event_id}", Event) == event for event in events])

    async def ask(self, ask_id: str, options: tuple[Change, ...]) -> None:
        """Remember what a question offers."""
        await self._put(f"ask:{ask_id}", Question(options=options, at=self._now))
        await self._records.put(f"open:{self._here}", {"ask": ask_id})
        await self._prune()

    async def question(self, ask_id: str) -> Question | None:
        """A question that is still open."""
        return await self._get(f"ask:{ask_id}", Question)

    async def close(self, ask_id: str) -> None:
        """Nobody waits for an answer any more."""
        await self._records.delete(f"ask:{ask_id}")
        if await self.open_question() == ask_id:
            await self._records.delete(f"open:{self._here}")

    async def open_question(self) -> str | None:
        """The last question asked in this conversation."""
        found = await self._records.get(f"open:{self._here}")
        return str(found["ask"]) if found else None

    async def focus(self) -> str | None:
        """The event that this conversation touched last."""
        found = await self._records.get(f"focus:{self._here}")
        return str(found["event"]) if found else None

    async def focus_on(self, event: Event | None) -> None:
        """Remember what "it" is from now on; nothing, after a deletion."""
        if event is None:
            await self._records.delete(f"focus:{self._here}")
        else:
            await self._records.put(f"focus:{self._here}", {"event": event.event_id})

    async def half_made(self) -> dict[str, Any] | None:
        """An event that something was missing of: the arguments so far, and ``at``."""
        return await self._records.get(f"half:{self._here}")

    async def remember_half(self, arguments: dict[str, str] | None) -> None:
        """Keep an event that something is missing of, or forget it."""
        if arguments is None:
            await self._records.delete(f"half:{self._here}")
        else:
            await self._records.put(f"half:{self._here}", {**arguments, "at": self._now})

    async def _replace(self, before: tuple[Event, ...], after: tuple[Event, ...], since: str) -> None:
        # Timers before events: a crash in between makes one ring in vain, and the second run finds what it has to do.
        for event in after:  # first what is new: a crash in between loses nothing
            await self._bell.arm(event, datetime.fromisoformat(since))
            await self._put(f"event:{event.event_id}", event)
        for event in before:
            if all(event.event_id != other.event_id for other in after):
                await self._bell.disarm(event)
                await self._records.delete(f"event:{event.event_id}")

    async def _put(self, key: str, value: msgspec.Struct) -> None:
        await self._records.put(key, msgspec.to_builtins(value))

    async def _get(self, key: str, kind: type[_T]) -> _T | None:
        record = await self._records.get(key)
        return None if record is None else msgspec.convert(record, kind)

    async def _prune(self) -> None:
        items = await self._records.items()
        old = sorted((str(record.get("at")), key) for key, record in items if key.startswith(("change:", "ask:")))
        for _, key in old[:-KEPT_CHANGES]:
            await self._records.delete(key)
