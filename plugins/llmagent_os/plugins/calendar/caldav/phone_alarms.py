"""Alarms that a person sets on the phone: ``/caldav alarms on`` makes reminders here of them, too.

Without it they ring on the phone only. A reminder that stands for an alarm follows it: when the alarm is taken off on
the phone, the reminder goes. A reminder that is deleted here stays deleted, and the phone goes on ringing.
"""

from __future__ import annotations

import msgspec

from llmagent_os.languages import gettext
from llmagent_os.languages.written_phrases import join_sentences
from llmagent_os.plugin import Button, ToolResult
from llmagent_os.plugins.calendar.caldav.account import TIMER, DavAccount, keep_account
from llmagent_os.plugins.calendar.caldav.calendar_object import ReadObject
from llmagent_os.plugins.calendar.caldav.synced_objects import SyncedObjects
from llmagent_os.plugins.calendar.calendar_call import CalendarCall
from llmagent_os.plugins.calendar.calendar_event import CalendarEvent
from llmagent_os.plugins.calendar.ics.alarms import leads_of_entry


def alarm_button(account: DavAccount) -> Button:
    """The button that turns the reminders for the phone's alarms on or off."""
    if account.alarms:
        return Button(gettext("Phone alarms: phone only"), "caldav:alarms off")
    return Button(gettext("Phone alarms: remind me here, too"), "caldav:alarms on")


async def alarms_command(call: CalendarCall, account: DavAccount, said: str) -> ToolResult:
    """Answer ``/caldav alarms on`` and ``/caldav alarms off``; without ``on`` and ``off``, say which it is."""
    if said in ("on", "off"):
        account = await _set(call, account, on=said == "on")
    if account.alarms:
        text = gettext("Alarms that you set on your phone become reminders here, too.")
    else:
        text = gettext("Alarms that you set on your phone ring on the phone only.")
    if said not in ("on", "off"):
        text = join_sentences([text, gettext("Type `/caldav alarms on` or `/caldav alarms off`.")])
    return ToolResult({"status": "connected"}, text, buttons=(alarm_button(account),))


async def _set(call: CalendarCall, account: DavAccount, *, on: bool) -> DavAccount:
    context = call.context
    synced = SyncedObjects(context.records)
    await synced.load()
    if on and not account.alarms:
        for each in [*synced.by_uid.values()]:
            await synced.keep(msgspec.structs.replace(each, etag=""))  # the next sync reads its alarms
        account = msgspec.structs.replace(account, alarms=True, token="")
        await context.timers.set(TIMER, context.now)
    elif not on and account.alarms:
        account = msgspec.structs.replace(account, alarms=False)
        await _forget(call, synced)
    await keep_account(context, account)
    return account


async def follow_alarms(
    call: CalendarCall, read: ReadObject, events: tuple[CalendarEvent, ...], before: tuple[str, ...]
) -> tuple[str, ...]:
    """Have the reminders before ``events`` be as the alarms of their object.

    Args:
        call: the person's calendar.
        read: the object.
        events: what it became here.
        before: the ids of the reminders that stood for its alarms after the last sync.

    Returns:
        The ids of those that stand for its alarms now.
    """
    held = {event.event_id: event for event in await call.store.events() if event.leads_to}
    taken = {(event.leads_to, event.lead) for event in held.values() if event.event_id not in before}
    entries = ((read.entries.get(event.instance), event) for event in events)
    found = [lead for entry, event in entries if entry is not None for lead in leads_of_entry(entry, event)]
    wanted = {lead.event_id: lead for lead in found if (lead.leads_to, lead.lead) not in taken}
    gone = tuple(held[each] for each in before if each in held and each not in wanted)
    new = tuple(lead for each, lead in wanted.items() if each not in before)
    if gone or new:
        await call.store.take_over(gone, new)
    return tuple(wanted)


async def _forget(call: CalendarCall, synced: SyncedObjects) -> None:
    """Delete the reminders that stand for alarms."""
    ids = {each for one in synced.by_uid.values() for each in one.phone_alarms}
    await call.store.take_over(tuple(event for event in await call.store.events() if event.event_id in ids), ())
    for each in [*synced.by_uid.values()]:
        if each.phone_alarms:
            await synced.keep(msgspec.structs.replace(each, phone_alarms=()))
