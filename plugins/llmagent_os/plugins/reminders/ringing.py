"""Announces reminders, and answers the buttons under an announcement."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from llmagent_os.languages import date_and_time_text, gettext
from llmagent_os.plugin import Button, ToolResult
from llmagent_os.plugins.kit.said_moment import MORNING, to_aware
from llmagent_os.plugins.reminders.reminder import Reminder
from llmagent_os.plugins.reminders.reminder_call import GONE, ReminderCall

LATE_AFTER = timedelta(minutes=5)  #: an announcement that is later says when it was due


async def announce(call: ReminderCall, key: str, at: datetime) -> ToolResult | None:
    """Answer a timer. None: the reminder was deleted or changed in the meantime."""
    kind, _, ref = key.partition(":")
    reminder = await call.items.by_ref(ref)
    if reminder is None:
        return None
    if kind == "snooze":
        if reminder.snoozed != at:
            return None
        return _announced(call, reminder, at)
    if reminder.rang != at:  # after a crash, the same moment is answered again
        if reminder.next != at or reminder.is_over:
            return None
        reminder = reminder.rung(at, call.context.now.astimezone(UTC))
        await call.items.put(reminder)
    if not reminder.is_over:
        await call.context.timers.set(f"ring:{ref}", reminder.next)
    return _announced(call, reminder, at)


async def snooze(call: ReminderCall, ref: str, until: str) -> ToolResult:
    """Have a reminder ring once more: in ``10`` or ``60`` minutes, or ``tomorrow`` at nine."""
    reminder = await call.items.by_ref(ref)
    if reminder is None:
        return ToolResult({"status": "stale"}, str(GONE))
    now = call.context.now
    if until == "tomorrow":
        day = now.date() + timedelta(days=1)
        moment = to_aware(datetime.combine(day, MORNING), ZoneInfo(call.context.time_zone)).astimezone(UTC)
    else:
        moment = now.astimezone(UTC) + timedelta(minutes=60 if until == "60" else 10)
    snoozed = replace(reminder, snoozed=moment, zone=reminder.zone if reminder.rule else call.context.time_zone)
    await call.items.put(snoozed)
    await call.schedule(snoozed)
    when = date_and_time_text(moment.astimezone(now.tzinfo))
    return ToolResult({"status": "snoozed", "when": when}, gettext("I'll remind you again: {when}.", when=when))


async def finish(call: ReminderCall, ref: str) -> ToolResult:
    """Answer Done: a single reminder goes, a repeated one goes on."""
    reminder = await call.items.by_ref(ref)
    if reminder is None:
        return ToolResult({"status": "stale"}, str(GONE))
    if reminder.is_over or not reminder.rule:
        await call.delete(reminder)
        text = gettext("Done: {what}.", what=reminder.what)
        return ToolResult({"status": "done", "what": reminder.what}, text, buttons=(call.undo(reminder),))
    reminder = replace(reminder, snoozed=None)
    await call.items.put(reminder)
    await call.schedule(reminder)
    text = gettext("Done: {what}. The next time is {when}.", what=reminder.what, when=reminder.when)
    return ToolResult({"status": "done", "what": reminder.what, "when": reminder.when}, text)


def _announced(call: ReminderCall, reminder: Reminder, at: datetime) -> ToolResult:
    data = {"status": "reminder", "what": reminder.what}
    if call.context.now - at > LATE_AFTER:
        when = date_and_time_text(at.astimezone(ZoneInfo(reminder.zone)))
        text = gettext("Reminder, due {when}: {what}", when=when, what=reminder.what)
    else:
        text = gettext("Reminder: {what}", what=reminder.what)
    buttons = (
        Button(gettext("Done"), f"done:{reminder.ref}", "primary"),
        Button(gettext("In 10 minutes"), f"snooze:{reminder.ref}:10"),
        Button(gettext("In an hour"), f"snooze:{reminder.ref}:60"),
        Button(gettext("Tomorrow at {time}", time=_clock(MORNING)), f"snooze:{reminder.ref}:tomorrow"),
    )
    return ToolResult(data, text, buttons=buttons, word_for_word=True)


def _clock(moment: time) -> str:
    return f"{moment.hour}:{moment.minute:02}"
