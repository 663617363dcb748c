"""Stores a person's calendar in the plugin's records.

Every write is one *change*: the events before it and after it. A change is stored before it is carried out. So a call
that runs again after a crash finds its own decision and finishes it. The same document undoes the change.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

import msgspec
import structlog

from llmagent_os.plugin import Button, ToolCall, ToolResult
from llmagent_os.plugins.calendar.calendar_event import CalendarEvent, stable_id
from llmagent_os.plugins.calendar.reminder_timers import ReminderTimers
from llmagent_os.records import Record, Records

MAX_CHANGES = 40  #: changes and questions that are kept, for a person to come back to
MAX_UNDONE = 10  #: changes of a conversation that "undo" takes back, one after the other
WRITTEN_TOGETHER = 200  #: events of a change that are written at once
QUESTION_LIFETIME = timedelta(days=1)  #: how long a question can be answered
LIST_LIFETIME = timedelta(hours=1)  #: how long "the second one" is one of a list
MAX_LISTED = 50  #: events of a list that are remembered

_log = structlog.stdlib.get_logger(__name__)

_T = TypeVar("_T", bound=msgspec.Struct)


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
        buttons = (Button("Undo", f"undo:{change_id}"),) if self.undo and not self.undone else ()
        return ToolResult(dict(self.data), self.text, buttons=buttons, word_for_word=self.word_for_word)


class Question(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A question to the person: carry out one of these changes, or none."""

    options: tuple[Change, ...]
    at: str = ""  #: when it was asked: a moment in UTC, in ISO format

    def is_open(self, now: str) -> bool:
        """Return whether the question can still be answered at ``now``, a moment in ISO format."""
        return not self.at or datetime.fromisoformat(now) - datetime.fromisoformat(self.at) < QUESTION_LIFETIME


class EventStore:
    """A person's calendar in the plugin's records. Every change also updates the timers of its reminders.

    Args:
        records: of this person.
        reminder_timers: of this person.
        conversation_key: the conversation to which "it" and open questions belong.
        now: the present moment, in ISO format.
    """

    def __init__(self, records: Records, reminder_timers: ReminderTimers, conversation_key: str, now: str) -> None:
        self._records = records
        self._reminder_timers = reminder_timers
        self._here = stable_id(conversation_key)
        self._now = now

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
                moved = _in_zone(change, old, new)
                if moved != change:
                    await self._put(key, moved)
            elif key.startswith("ask:") and (question := _readable(key, record, Question)):
                options = tuple(_in_zone(each, old, new) for each in question.options)
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

    async def focus(self) -> str | None:
        """Return the id of the event that this conversation touched last: the meaning of "it"."""
        found = await self._records.get(f"focus:{self._here}")
        return str(found["event"]) if found and "event" in found else None

    async def focus_on(self, event: CalendarEvent | None) -> None:
        """Remember the event that "it" means from now on. None: nothing, such as after a deletion."""
        if event is None:
            await self._records.delete(f"focus:{self._here}")
        else:
            await self._records.put(f"focus:{self._here}", {"event": event.event_id})

    async def listed(self) -> list[tuple[str, str]]:
        """Return what this conversation listed last, in order: ids of events, and starts in ISO format or empty."""
        found = await self._records.get(f"listed:{self._here}")
        if found is None or datetime.fromisoformat(self._now) - datetime.fromisoformat(found["at"]) > LIST_LIFETIME:
            return []
        return [(str(event_id), str(start)) for event_id, start in found["events"]]

    async def keep_listed(self, listed: Sequence[tuple[str, str]]) -> None:
        """Remember what was listed: the meaning of "the second one" from now on."""
        events = [list(each) for each in listed[:MAX_LISTED]]
        await self._records.put(f"listed:{self._here}", {"events": events, "at": self._now})

    async def unfinished_event(self) -> dict[str, Any] | None:
        """Return an unfinished event: its arguments so far, and ``at``, the moment of the question about it."""
        return await self._records.get(f"half:{self._here}")

    async def keep_unfinished(self, arguments: dict[str, str] | None) -> None:
        """Keep the arguments of an unfinished event, one that lacks something. None forgets it."""
        if arguments is None:
            await self._records.delete(f"half:{self._here}")
        else:
            await self._records.put(f"half:{self._here}", {**arguments, "at": self._now})

    async def asked_to_change(self) -> str | None:
        """Return the id of the event about which this conversation was just asked what to change, and forget it."""
        key = f"change:{self._here}"
        found = await self._records.get(key)
        if found is None:
            return None
        await self._records.delete(key)
        age = datetime.fromisoformat(self._now) - datetime.fromisoformat(found["at"])
        return str(found["event"]) if age <= LIST_LIFETIME else None

    async def keep_asked_to_change(self, event_id: str) -> None:
        """Remember that the person was asked what to change about an event."""
        await self._records.put(f"change:{self._here}", {"event": event_id, "at": self._now})

    async def keep_read(self, message_id: str, calls: Sequence[tuple[ToolCall, str, bool]]) -> None:
        """Keep the calls that were read in a message of this conversation.

        Args:
            message_id: of the message.
            calls: each with the words that ask for it, and whether the person is asked before it is done.
        """
        kept = [
            {"name": call.name, "arguments": call.arguments, "words": words, "unsure": unsure}
            for call, words, unsure in calls
        ]
        await self._records.put(f"read:{self._here}", {"message": message_id, "calls": kept})

    async def read_before(self, message_id: str) -> tuple[ToolCall, ...] | None:
        """Return the calls that were read in a message; None: none were, or another message came since."""
        found = await self._read(message_id)
        return None if found is None else tuple(ToolCall(each["name"], each["arguments"]) for each in found)

    async def read_call(self, call_id: str) -> Record | None:
        """Return what is kept of a call that was read; None: a model made the call, or another message came since."""
        message_id, _, place = call_id.rpartition(":read.")
        found = await self._read(message_id) if message_id and place.isdecimal() else None
        return found[int(place)] if found is not None and int(place) < len(found) else None

    async def _read(self, message_id: str) -> list[Record] | None:
        found = await self._records.get(f"read:{self._here}")
        return list(found["calls"]) if found and found.get("message") == message_id else None

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


def _in_zone(change: Change, old: str, new: str) -> Change:
    """A change, with its events of the assumed zone ``old`` in ``new``."""
    before, after = (
        tuple(
            msgspec.structs.replace(each, zone=new) if each.zone_assumed and each.zone == old else each for each in some
        )
        for some in (change.before, change.after)
    )
    return msgspec.structs.replace(change, before=before, after=after)


def _readable(key: str, record: Record, kind: type[_T]) -> _T | None:
    """What a record holds. None: it is damaged, and must not take the rest of the calendar with it."""
    try:
        return msgspec.convert(record, kind)
    except msgspec.ValidationError as error:
        _log.error("a record of the calendar cannot be read; it stays as it is", key=key, error=str(error))
        return None
