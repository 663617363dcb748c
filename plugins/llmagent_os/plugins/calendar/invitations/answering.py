"""Asks an invited person in their own conversation, and does what they answer."""

from __future__ import annotations

import re
from datetime import timedelta

import msgspec

from llmagent_os.languages import gettext
from llmagent_os.languages.written_phrases import join_sentences
from llmagent_os.plugin import Button, ToolResult
from llmagent_os.plugins.calendar.calendar_call import CalendarCall
from llmagent_os.plugins.calendar.calendar_event import CalendarEvent, later, stable_id
from llmagent_os.plugins.calendar.event_change import Change
from llmagent_os.plugins.calendar.invitations.invitation import (
    Invited,
    guest_event,
    is_over,
    keep,
    prune,
    read,
    read_all,
    what_of,
    when_of,
)
from llmagent_os.plugins.calendar.invitations.invitation_news import tell_host
from llmagent_os.plugins.calendar.shared_events import INVITED

_BUTTON = re.compile(r"(accept|decline):([0-9a-f]{16})")
_WORDS = re.compile(r"(?P<verb>accept|decline)(?: (?:it|that|the invitation|(?:the|this) invite))?[.! ]*", re.I)


async def ask_invited(call: CalendarCall, invitation_id: str) -> ToolResult | None:
    """Ask the person. None: the invitation is gone, because one of the two was forgotten."""
    invited = await read(call.context, INVITED + invitation_id, Invited)
    if invited is None or invited.event is None or invited.state != "asked":
        return None
    await prune(call)
    event = invited.event
    what = what_of(event)
    title = what or event.title
    if event.place:
        title = gettext("{title} at {place}", title=title, place=event.place)
    host, when = invited.host, when_of(call, event)
    if what:
        text = gettext("{host} invites you to {title}, {when}.", host=host, title=title, when=when)
    else:
        text = gettext("{host} invites you to this: {title}, {when}.", host=host, title=title, when=when)
    text = join_sentences([text, await _clash(call, invitation_id, invited)])
    return ToolResult({"status": "asked"}, text, buttons=answer_buttons(invitation_id), is_secret=True)


def answer_buttons(invitation_id: str) -> tuple[Button, ...]:
    """The buttons under an invitation."""
    return Button(gettext("Accept"), f"accept:{invitation_id}", "primary"), Button(
        gettext("Decline"), f"decline:{invitation_id}"
    )


async def answer_pressed(call: CalendarCall, value: str) -> ToolResult | None:
    """Answer a press of Accept or Decline. None: it is another button."""
    if not (match := _BUTTON.fullmatch(value)):
        return None
    verb, invitation_id = match[1], match[2]
    invited = await read(call.context, INVITED + invitation_id, Invited)
    if invited is None:
        return _unchanged(gettext("That invitation is not open for you, so nothing has changed."))
    if invited.state == "accepted":
        text = gettext("You have accepted already.")
        if verb == "decline":
            again = gettext("Delete it from your calendar, and I will tell {host}.", host=invited.host)
            text = join_sentences([text, again])
        return _unchanged(text)
    if verb == "decline":
        return await _decline(call, invitation_id, invited)
    if invited.event is None:
        return _unchanged(gettext("{host} has cancelled that, so I added nothing.", host=invited.host))
    if is_over(call, invited.event):
        title = what_of(invited.event) or invited.event.title
        return _unchanged(gettext("{title} is over, so I added nothing.", title=title))
    return await _accept(call, invitation_id, invited, invited.event)


async def answer_meant(call: CalendarCall) -> str | None:
    """The button that "accept" and "decline" mean where exactly one invitation waits. None: they mean none."""
    match = _WORDS.fullmatch(call.context.text.strip())
    if match is None:
        return None
    waiting = [key for key, each in (await read_all(call.context, INVITED, Invited)).items() if each.state == "asked"]
    return f"{match['verb'].lower()}:{waiting[0]}" if len(waiting) == 1 else None


async def _accept(call: CalendarCall, invitation_id: str, invited: Invited, event: CalendarEvent) -> ToolResult:
    """Add the event and tell the host. Each step may run again after a crash: the state is kept last."""
    mine = guest_event(call, invitation_id, invited, event)
    added = gettext("I've added {title} for {when}.", title=mine.title, when=when_of(call, mine))
    change = Change(after=(mine,), data={"status": "accepted"}, text=added)
    await call.store.apply(stable_id(INVITED, invitation_id, str(invited.told)), change)
    told = await tell_host(call, invitation_id, invited, "accepted")
    changed = msgspec.structs.replace(invited, state="accepted", told=invited.told + 1)
    await keep(call.context, INVITED + invitation_id, changed)
    return ToolResult({"status": "accepted"}, join_sentences([added, told]), is_secret=True)


async def _decline(call: CalendarCall, invitation_id: str, invited: Invited) -> ToolResult:
    if invited.state == "declined":
        return _unchanged(gettext("You have declined already."))
    told = "" if invited.event is None else await tell_host(call, invitation_id, invited, "declined")
    changed = msgspec.structs.replace(invited, state="declined", told=invited.told + 1)
    await keep(call.context, INVITED + invitation_id, changed)
    return ToolResult(
        {"status": "declined"}, join_sentences([gettext("All right, I added nothing."), told]), is_secret=True
    )


async def _clash(call: CalendarCall, invitation_id: str, invited: Invited) -> str:
    """Says what else the person has at that time."""
    if invited.event is None or invited.event.all_day or invited.event.repeat:
        return ""
    mine = guest_event(call, invitation_id, invited, invited.event)
    if mine.start is None:
        return ""
    found = call.conflicts(await call.store.events(), mine.start, later(mine.start, timedelta(minutes=mine.minutes)))
    if not found:
        return ""
    return gettext("It overlaps with {events}.", events=call.overlap_text(found, mine.start.date()))


def _unchanged(text: str) -> ToolResult:
    return ToolResult({"status": "stale"}, text, is_secret=True)
