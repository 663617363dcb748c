"""Offers to invite people whom a new event names, and asks them once their button is pressed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from llmagent_os.languages import gettext
from llmagent_os.people.access import plain_name
from llmagent_os.plugin import Button, Contact, ToolContext, ToolResult
from llmagent_os.plugins.calendar.calendar_call import CalendarCall
from llmagent_os.plugins.calendar.calendar_event import CalendarEvent, stable_id
from llmagent_os.plugins.calendar.invitations.invitation import (
    Invited,
    Inviting,
    is_over,
    prune,
    read,
    read_all,
    shared,
)
from llmagent_os.plugins.calendar.shared_events import INVITED, INVITING

MAX_OPEN = 10  #: invitations of one person that wait for an answer
MAX_A_DAY = 20  #: invitations of one person within a day
MAX_OFFERED = 5  #: buttons under one reply

_BUTTON = re.compile(r"invite:([0-9a-f]{16}):([0-9a-f]{16})")
_AND = re.compile(r"\s*(?:,|&|\+|\band\b)\s*", re.I)


async def with_invitations(call: CalendarCall, result: ToolResult) -> ToolResult:
    """``result`` with a button for each person whom the event that was just added names, and who can be asked.

    Only in private: a group is not to see whom somebody knows.
    """
    cause = call.context.event
    if cause is None or cause.conversation.kind != "direct":
        return result
    if result.data.get("status") != "created" or "kind" in result.data:
        return result
    event = await call.store.event(await call.store.focus() or "")
    if event is None or not event.person or event.start is None:
        return result
    buttons: list[Button] = []
    questions: list[str] = []
    for name in _names(event):
        found = [each for each in await call.context.contacts.find(name, call.context.now) if each.can_be_asked]
        clear = _told_apart(found)
        buttons += [
            Button(gettext("Invite {name}", name=each.name), f"invite:{event.event_id}:{each.handle}") for each in clear
        ]
        if len(found) > 1:
            questions.append(_which(name, found, clear))
    waiting = " ".join(filter(None, (result.waiting, *questions)))
    return msgspec.structs.replace(result, buttons=(*result.buttons, *buttons[:MAX_OFFERED]), waiting=waiting)


async def invite_pressed(call: CalendarCall, value: str) -> ToolResult | None:
    """Answer a press of "Invite …": ask the person, once. None: it is another button."""
    if not (match := _BUTTON.fullmatch(value)):
        return None
    event = await call.store.event(match[1])
    if event is None or event.start is None:
        return _refused(gettext("That event is not in your calendar, so I asked nobody."))
    if is_over(call, event):
        return _refused(gettext("{title} is over, so I asked nobody.", title=event.title))
    contact = await _contact(call, event, match[2])
    if contact is None:
        return _refused(gettext("I cannot ask that person any more, so I asked nobody."))
    host = host_name(call.context)
    if not host:
        unknown = gettext(
            "{name} would not know who asks. Please tell me your name first: my name is …", name=contact.name
        )
        return _refused(unknown)
    invitation_id = stable_id(event.event_id, contact.handle)
    if await read(call.context, INVITING + invitation_id, Inviting) is not None:
        return _refused(gettext("I have asked {name} already.", name=contact.name))
    if await _has_too_many(call):
        many = gettext(
            "Too many of your invitations are open or new, so I have not asked {name} yet.", name=contact.name
        )
        return _refused(many)
    return await _give(call, event, contact, host, invitation_id)


async def _give(
    call: CalendarCall, event: CalendarEvent, contact: Contact, host: str, invitation_id: str
) -> ToolResult:
    """Hand the invitation over. Both sides of it are kept in one step, and only once."""
    at = call.context.now.astimezone(UTC).isoformat(timespec="seconds")
    invited = Invited(host=host, event=shared(event), at=at)
    mine = INVITING + invitation_id, msgspec.to_builtins(Inviting(event_id=event.event_id, event=event, at=at))
    key, record = INVITED + invitation_id, msgspec.to_builtins(invited)
    given = await call.context.contacts.give(contact.handle, key, record, call.context.now, mine=mine)
    if given in ("unknown", "unreachable"):
        return _refused(gettext("I cannot ask {name} any more, so I asked nobody.", name=contact.name))
    await prune(call)
    text = gettext("I've asked {name}, and I will tell you the answer.", name=contact.name)
    return ToolResult({"status": "invited"}, text, is_secret=True, effect="outward")


def host_name(context: ToolContext) -> str:
    """The name by which others know a person: the platform's, or else the one that they gave; empty: neither."""
    shown = context.event.sender.name if context.event is not None else ""
    return plain_name(shown) or plain_name(context.profile.name or "")


def _names(event: CalendarEvent) -> list[str]:
    """The names of the people that an event is with.

    >>> _names(CalendarEvent(event_id="1", title="lunch", person="Ana, Bob and Eva"))
    ['Ana', 'Bob', 'Eva']
    """
    return [name for name in dict.fromkeys(_AND.split(event.person)) if name]


async def _contact(call: CalendarCall, event: CalendarEvent, handle: str) -> Contact | None:
    for name in _names(event):
        for contact in await call.context.contacts.find(name, call.context.now):
            if contact.handle == handle and contact.can_be_asked:
                return contact
    return None


def _told_apart(found: Sequence[Contact]) -> list[Contact]:
    """Those whose names no other one has: only they can be chosen."""
    count = Counter(contact.name.casefold() for contact in found)
    return [contact for contact in found if count[contact.name.casefold()] == 1]


def _which(name: str, found: Sequence[Contact], clear: Sequence[Contact]) -> str:
    if clear:
        return f"I know {len(found)} people called {name}: whom shall I invite?"
    return f"I know {len(found)} people called {name} and cannot tell them apart, so I can invite none of them."


async def _has_too_many(call: CalendarCall) -> bool:
    sent = (await read_all(call.context, INVITING, Inviting)).values()
    day_ago = call.context.now - timedelta(days=1)
    waiting = [each for each in sent if not each.answer and each.event is not None and not is_over(call, each.event)]
    new = [each for each in sent if datetime.fromisoformat(each.at) > day_ago]
    return len(waiting) >= MAX_OPEN or len(new) >= MAX_A_DAY


def _refused(text: str) -> ToolResult:
    return ToolResult({"status": "stale"}, text, is_secret=True)
