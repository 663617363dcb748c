"""Tells each side of an invitation what the other one did: an answer, a move, a cancellation."""

from __future__ import annotations

from datetime import UTC
from typing import Literal

import msgspec

from llmagent_os.languages import gettext
from llmagent_os.languages.written_phrases import join_sentences
from llmagent_os.plugin import ToolResult
from llmagent_os.plugins.calendar.calendar_call import CalendarCall
from llmagent_os.plugins.calendar.calendar_event import CalendarEvent, stable_id
from llmagent_os.plugins.calendar.invitations.invitation import (
    ANSWER,
    NEWS,
    Invited,
    Inviting,
    Told,
    guest_event,
    is_over,
    keep,
    prune,
    read,
    read_all,
    shared,
    what_of,
    when_of,
)
from llmagent_os.plugins.calendar.invitations.inviting import host_name
from llmagent_os.plugins.calendar.shared_events import INVITED, INVITING


async def tell_host(
    call: CalendarCall, invitation_id: str, invited: Invited, answer: Literal["accepted", "declined"]
) -> str:
    """Have the one who invites told the answer. Returns a sentence that says whether that was possible."""
    told = Told(at=_now(call), name=host_name(call.context), answer=answer)
    key = f"{ANSWER}{invitation_id}:{invited.told}"
    record = msgspec.to_builtins(told)
    given = await call.context.contacts.give_holder(INVITING + invitation_id, key, record, call.context.now)
    reached = given in ("given", "given before")
    if reached:
        return gettext("I'll tell {host}.", host=invited.host)
    return gettext("I cannot tell {host} that: please do it yourself.", host=invited.host)


async def tell_changes(call: CalendarCall) -> None:
    """Have the other side told of every change of an event that people were invited to, or that came from others."""
    if not any(key.startswith((INVITING, INVITED)) for key, _ in await call.context.records.items()):
        return
    for invitation_id, inviting in (await read_all(call.context, INVITING, Inviting)).items():
        if inviting.answer != "declined":
            await _tell_guest(call, invitation_id, inviting)
    for invitation_id, invited in (await read_all(call.context, INVITED, Invited)).items():
        mine = await call.store.event(stable_id(INVITED, invitation_id))
        if invited.state == "accepted" and invited.event is not None and mine is None:
            await tell_host(call, invitation_id, invited, "declined")
            changed = msgspec.structs.replace(invited, state="declined", told=invited.told + 1)
            await keep(call.context, INVITED + invitation_id, changed)


async def _tell_guest(call: CalendarCall, invitation_id: str, inviting: Inviting) -> None:
    event, before = await call.store.event(inviting.event_id), inviting.event
    if (event and shared(event)) == (before and shared(before)) or (before is not None and is_over(call, before)):
        return
    news = Told(at=_now(call), event=shared(event) if event else None)
    record = msgspec.to_builtins(news)
    key = f"{NEWS}{invitation_id}:{inviting.told}:{stable_id(repr(news.event))}"
    await call.context.contacts.give_holder(INVITED + invitation_id, key, record, call.context.now)
    changed = msgspec.structs.replace(inviting, event=event, told=inviting.told + 1)
    await keep(call.context, INVITING + invitation_id, changed)


async def say_answer(call: CalendarCall, key: str) -> ToolResult | None:
    """Tell the one who invites what was answered. None: one of the two was forgotten."""
    told = await read(call.context, key, Told)
    invitation_id = key.removeprefix(ANSWER).partition(":")[0]
    inviting = await read(call.context, INVITING + invitation_id, Inviting)
    if told is None or inviting is None:
        return None
    await keep(call.context, INVITING + invitation_id, msgspec.structs.replace(inviting, answer=told.answer))
    await prune(call)
    event = await call.store.event(inviting.event_id) or inviting.event
    who = told.name or gettext("The person whom you invited")
    what = "" if event is None else f"{event.title}, {when_of(call, event)}"
    return ToolResult({"status": told.answer}, _answered(who, what, accepted=told.answer == "accepted"), is_secret=True)


def _answered(who: str, what: str, *, accepted: bool) -> str:
    if not what:
        return gettext("{name} has accepted.", name=who) if accepted else gettext("{name} has declined.", name=who)
    if accepted:
        return gettext("{name} has accepted: {event}.", name=who, event=what)
    return gettext("{name} has declined: {event}.", name=who, event=what)


async def say_news(call: CalendarCall, key: str) -> ToolResult | None:
    """Tell the invited person that the event has changed, and change theirs. None: there is nothing to tell."""
    news = await read(call.context, key, Told)
    invitation_id = key.removeprefix(NEWS).partition(":")[0]
    invited = await read(call.context, INVITED + invitation_id, Invited)
    if news is None or invited is None or invited.state == "declined":
        return None
    await prune(call)
    changed = msgspec.structs.replace(invited, event=news.event)
    text = await _changed_text(call, invitation_id, invited, news.event, key)
    await keep(call.context, INVITED + invitation_id, changed)
    return None if not text else ToolResult({"status": "changed"}, text, is_secret=True)


async def _changed_text(
    call: CalendarCall, invitation_id: str, invited: Invited, event: CalendarEvent | None, key: str
) -> str:
    """Change the event of who has accepted, and say so. Empty: nothing is said."""
    before = await call.store.event(stable_id(INVITED, invitation_id))
    old = invited.event or event
    what = (what_of(old) or old.title) if old else ""
    accepted = invited.state == "accepted"
    if event is None:
        if accepted and before is not None:
            await call.store.take_over((before,), ())
        if not accepted:
            return ""
        return gettext(
            "{host} has cancelled {title}. I've taken it out of your calendar.", host=invited.host, title=what
        )
    mine = guest_event(call, invitation_id, invited, event)
    if accepted:
        await call.store.take_over((before,) if before else (), (mine,))
    title = what_of(event) or event.title
    if event.place:
        title = gettext("{title} at {place}", title=title, place=event.place)
    now = gettext(
        "{host} has changed {before}: it is now {title}, {when}.",
        host=invited.host,
        before=what,
        title=title,
        when=when_of(call, event),
    )
    also = gettext("I've changed it in your calendar.") if accepted else gettext("You have not answered yet.")
    return join_sentences([now, also])


def _now(call: CalendarCall) -> str:
    return call.context.now.astimezone(UTC).isoformat(timespec="seconds")
