"""What a conversation remembers of a person's calendar: what "it" means, what was listed, what is half said."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from llmagent_os.plugin import ToolCall
from llmagent_os.plugins.calendar.calendar_event import CalendarEvent, stable_id
from llmagent_os.records import Record, Records

LIST_LIFETIME = timedelta(hours=1)  #: how long "the second one" is one of a list
MAX_LISTED = 50  #: events of a list that are remembered


class ConversationState:
    """What one conversation remembers, in the plugin's records of a person.

    Args:
        records: of this person.
        conversation_key: the conversation.
        now: the present moment, in ISO format.
    """

    def __init__(self, records: Records, conversation_key: str, now: str) -> None:
        self._records = records
        self._here = stable_id(conversation_key)
        self._now = now

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
        await self._records.put(f"read:{self._here}", {"message": message_id, "calls": kept, "at": self._now})

    async def last_read(self, lifetime: timedelta) -> tuple[ToolCall, ...]:
        """Return the calls that were read in the last message, if it is not older than ``lifetime``."""
        found = await self._records.get(f"read:{self._here}")
        if found is None or datetime.fromisoformat(self._now) - datetime.fromisoformat(found["at"]) > lifetime:
            return ()
        return tuple(ToolCall(each["name"], each["arguments"]) for each in found["calls"])

    async def read_before(self, message_id: str) -> tuple[ToolCall, ...] | None:
        """Return the calls that were read in a message; None: none were, or another message came since."""
        found = await self._read(message_id)
        return None if not found else tuple(ToolCall(each["name"], each["arguments"]) for each in found)

    async def read_call(self, call_id: str) -> Record | None:
        """Return what is kept of a call that was read; None: a model made the call, or another message came since."""
        message_id, _, place = call_id.rpartition(":read.")
        found = await self._read(message_id) if message_id and place.isdecimal() else None
        return found[int(place)] if found is not None and int(place) < len(found) else None

    async def _read(self, message_id: str) -> list[Record] | None:
        found = await self._records.get(f"read:{self._here}")
        return list(found["calls"]) if found and found.get("message") == message_id else None
