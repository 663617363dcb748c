"""Says who else is told of a change: people who were invited to an event, or the one whose invitation was accepted."""

from __future__ import annotations

from llmagent_os.plugins.calendar.calendar_event import stable_id
from llmagent_os.plugins.calendar.event_change import Change
from llmagent_os.records import Records

#: Begin the keys of records of an invitation: of the one who invites, and of the one who is invited.
INVITING, INVITED = "inviting:", "invited:"


async def told_of(records: Records, change: Change) -> str:
    """Who would be told of ``change``, in one sentence; empty: nobody."""
    changed = {event.event_id: event for event in change.before}
    names: list[str] = []
    for key, record in await records.items() if changed else ():
        if key.startswith(INVITING) and record.get("answer") != "declined":
            event = changed.get(str(record.get("event_id", "")))
            names += [event.person or "the person whom you invited"] if event is not None else []
        elif key.startswith(INVITED) and record.get("state") == "accepted":
            event = changed.get(stable_id(INVITED, key.removeprefix(INVITED)))
            names += [str(record.get("host", ""))] if event is not None else []
    told = ", ".join(dict.fromkeys(name for name in names if name))
    return f"This would be told to: {told}." if told else ""
