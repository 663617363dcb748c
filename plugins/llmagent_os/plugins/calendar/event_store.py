"""Stores a person's calendar in the plugin's records.

Every write is one *change*: the events before it and after it. A change is stored before it is carried out. So a call
that runs again after a crash finds its own decision and finishes it. The same document undoes the change.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import TypeVar

import msgspec
import structlog

from llmagent_os.plugin import ToolResult
from llmagent_os.plugins.calendar.calendar_event import CalendarEvent
from llmagent_os.plugins.calendar.conversation_state import ConversationState
from llmagent_os.plugins.calendar.event_change import Change, Question, in_zone
from llmagent_os.plugins.calendar.reminder_timers import ReminderTimers
from llmagent_os.records import Record, Records

MAX_CHANGES = 40  #: changes and questions that are kept, for a person to come back to
MAX_UNDONE = 10  #: changes of a conversation that "undo" takes back, one after the other
WRITTEN_TOGETHER = 200  #: events of a change that are written at once

_log = structlog.stdlib.get_logger(__name__)

_T = TypeVar("_T", bound=msgspec.Struct)


class EventStore(ConversationState):
    """A person's calendar in the plugin's records. Every change also updates the timers of its reminders.

    Args:
        records: of this person.
        reminder_timers: of this person.
        conversation_key: the conversation to which "it" and open questions belong.
        now: the present moment, in ISO format.
    """

    def __init__(self, records: Records, reminder_timers: ReminderTimers, conversation_key: str, now: str) -> None:
        super().__init__(records, conversation_key, now)
        self._reminder_timers = reminder_timers

    async def events(self) -> list[CalendarEvent]:
        """Return every event that can be read."""
        items = await self._records.items()
        found = (_readable(key, record, CalendarEvent) for key, record in items if key.startswith("event:"))
        return [event for event in found if event is not None]

    async def event(self, event_id: str) -> CalendarEvent | None:
        """Return one event, or None."""
        return await self._get(f"event:{event_id}", CalendarEvent)

    async def change(self, change_id: str) -> Change | None:
        """Return a change made earlier, or None."""
        return await self._get(f"change:{change_id}", Change)

    async def apply(self, change_id: str, change: Change) -> ToolResult:
        """Carry out ``change``. A second call with the same change alters nothing."""
        change = msgspec.structs.replace(change, at=change.at or self._now)
        await self._put(f"change:{change_id}", change)
        await self._replace(change.before, change.after, change.at)
        await self.focus_on(change.after[0] if change.after else None)
        await self._keep_added(change)
        await self._note_change(change_id)
        await self._prune()
        return change.result(change_id)

    async def take_over(self, before: tuple[CalendarEvent, ...], after: tuple[CalendarEvent, ...]) -> None:
        """Replace events by what another program has made of them. There is nothing to undo here."""
        await self._replace(before, after, self._now)

    async def move_assumed(self, old: str, new: str) -> list[CalendarEvent]:
        """Give what was made for an assumed time zone another zone, at the same wall time.

        What is kept for Undo and for open questions follows, so that a later Undo fits.

        Returns:
            The events that are in the calendar, as they are now.
        """
        for key, record in await self._records.items():
            if key.startswith("change:") and (change := _readable(key, record, Change)):
                moved = in_zone(change, old, new)
                if moved != change:
                    await self._put(key, moved)
            elif key.startswith("ask:") and (question := _readable(key, record, Question)):
                options = tuple(in_zone(each, old, new) for each in question.options)
                if options != question.options:
                    await self._put(key, msgspec.structs.replace(question, options=options))
        before = [event for event in await self.events() if event.zone_assumed and event.zone == old]
        after = [msgspec.structs.replace(event, zone=new) for event in before]
        await self._replace(tuple(before), tuple(after), self._now)
        return after

    async def changed_at(self, event_ids: Collection[str]) -> datetime | None:
        """Return when any of these events was changed here last; None: it is not known any more."""
        items = await self._records.items()
        changes = [_readable(key, record, Change) for key, record in items if key.startswith("change:")]
        moments = [
            datetime.fromisoformat(change.at)
            for change in changes
            if change is not None
            and change.at
            and any(event.event_id in event_ids for event in (*change.before, *change.after))
        ]
        return max(moments, default=None)

    async def undo(self, change_id: str) -> Change | None:
        """Undo a change. None: there is no such change, or its events were changed since."""
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

    async def last_change(self) -> tuple[str, Change] | None:
        """Return the id and the change that this conversation made last and did not undo, or None."""
        found = await self._records.get(f"made:{self._here}")
        for change_id in reversed(list((found or {}).get("changes", []))):
            change = await self.change(str(change_id))
            if change is not None and not change.undone:
                return str(change_id), change
        return None

    async def group(self, group_id: str, change_ids: Sequence[str], combined: Change) -> None:
        """Have one change stand for several that were carried out: undo takes all of them back.

        Args:
            group_id: the id of the one change.
            change_ids: those of the changes that it stands for.
            combined: the events before them all and after them all.
        """
        await self._put(f"change:{group_id}", msgspec.structs.replace(combined, at=self._now))
        await self._keep_added(combined)
        found = await self._records.get(f"made:{self._here}")
        others = [each for each in (found or {}).get("changes", []) if each not in (*change_ids, group_id)]
        await self._records.put(f"made:{self._here}", {"changes": [*others, group_id][-MAX_UNDONE:]})

    async def _keep_added(self, change: Change) -> None:
        """Several events that were added are what "both" and "the second one" mean, as if they were listed."""
        added = [event for event in change.after if not event.leads_to]
        if len(added) > 1 and not change.before:
            await self.keep_listed([(each.event_id, each.start.isoformat() if each.start else "") for each in added])

    async def _note_change(self, change_id: str) -> None:
        found = await self._records.get(f"made:{self._here}")
        made = [each for each in (found or {}).get("changes", []) if each != change_id]
        await self._records.put(f"made:{self._here}", {"changes": [*made, change_id][-MAX_UNDONE:]})

    async def holds(self, events: tuple[CalendarEvent, ...]) -> bool:
        """Return whether all of ``events`` are stored exactly as given."""
        return all([await self._get(f"event:{event.event_id}", CalendarEvent) == event for event in events])

    async def ask(self, ask_id: str, options: tuple[Change, ...]) -> None:
        """Store the options of a question."""
        await self._put(f"ask:{ask_id}", Question(options=options, at=self._now))
        await self._records.put(f"open:{self._here}", {"ask": ask_id})
        await self._prune()

    async def question(self, ask_id: str) -> Question | None:
        """Return a question that is still open, or None."""
        question = await self._get(f"ask:{ask_id}", Question)
        return question if question and question.is_open(self._now) else None

    async def open_questions(self) -> list[Question]:
        """Return every question that is still open, in whichever conversation it was asked, oldest first."""
        items = await self._records.items()
        found = (_readable(key, record, Question) for key, record in items if key.startswith("ask:"))
        questions = [question for question in found if question is not None and question.is_open(self._now)]
        return sorted(questions, key=lambda question: question.at)

    async def close(self, ask_id: str) -> None:
        """Close a question: its buttons become stale."""
        await self._records.delete(f"ask:{ask_id}")
        if await self.open_question() == ask_id:
            await self._records.delete(f"open:{self._here}")

    async def open_question(self) -> str | None:
        """Return the id of the last question of this conversation, or None."""
        found = await self._records.get(f"open:{self._here}")
        return str(found["ask"]) if found and "ask" in found else None

    async def _replace(self, before: tuple[CalendarEvent, ...], after: tuple[CalendarEvent, ...], since: str) -> None:
        # Timers before events: after a crash in between, a timer rings in vain, and the second run finishes the change.
        moment = datetime.fromisoformat(since)
        for first in range(0, len(after), WRITTEN_TOGETHER):  # an import has many: the disk is waited for once
            some = after[first : first + WRITTEN_TOGETHER]
            await asyncio.gather(*(self._reminder_timers.schedule(event, moment) for event in some))
            await asyncio.gather(*(self._put(f"event:{event.event_id}", event) for event in some))
        # New events before old ones: a crash in between loses nothing.
        for event in before:
            if all(event.event_id != other.event_id for other in after):
                await self._reminder_timers.cancel(event)
                await self._records.delete(f"event:{event.event_id}")

    async def _put(self, key: str, value: msgspec.Struct) -> None:
        await self._records.put(key, msgspec.to_builtins(value))

    async def _get(self, key: str, kind: type[_T]) -> _T | None:
        record = await self._records.get(key)
        return None if record is None else _readable(key, record, kind)

    async def _prune(self) -> None:
        items = await self._records.items()
        old = sorted((str(record.get("at")), key) for key, record in items if key.startswith(("change:", "ask:")))
        for _, key in old[:-MAX_CHANGES]:
            await self._records.delete(key)


def _readable(key: str, record: Record, kind: type[_T]) -> _T | None:
    """What a record holds. None: it is damaged, and must not take the rest of the calendar with it."""
    try:
        return msgspec.convert(record, kind)
    except msgspec.ValidationError as error:
        _log.error("a record of the calendar cannot be read; it stays as it is", key=key, error=str(error))
        return None
