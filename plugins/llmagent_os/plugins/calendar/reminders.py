"""Announces reminders that are due, and answers their buttons Done and Snooze."""

from __future__ import annotations

from datetime import datetime

from llmagent_os.adapter import Button
from llmagent_os.languages import gettext
from llmagent_os.plugin import ToolResult
from llmagent_os.plugins.calendar.calendar_call import CalendarCall
from llmagent_os.plugins.calendar.calendar_event import CalendarEvent
from llmagent_os.plugins.calendar.reminder_timers import LATE_AFTER, rings_at
from llmagent_os.plugins.calendar.said_times import said_day, said_moment
from llmagent_os.plugins.calendar.time.text_normalization import normalize


async def announce_reminder(call: CalendarCall, key: str, at: datetime) -> ToolResult | None:
    """Return the announcement when a timer rings. None: the reminder was deleted or moved in the meantime."""
    kind, _, event_id = key.partition(":")
    event = await call.store.event(event_id)
    if event is None:
        return None
    if kind == "snooze":
        if await call.reminder_timers.snoozed_until(event_id) != at:
            return None
    elif rings_at(event, at):
        await call.reminder_timers.schedule_next(event, at)
    else:
        return None
    await call.store.focus_on(event)
    return _reminder(call, event, at, day_only=event.all_day and kind == "ring")


async def snooze_reminder(call: CalendarCall, event_id: str, stamp: str) -> ToolResult:
    """Answer Snooze. A second press gives the same answer."""
    event = await call.store.event(event_id)
    if event is None:
        return ToolResult({"status": "stale"}, gettext("That reminder is gone, so I did nothing."))
    when = said_moment(call.to_wall(await call.reminder_timers.snooze(event_id, stamp)), call.now, same_day=True)
    said = gettext("I'll remind you again {when}.", when=when)
    return ToolResult({"status": "snoozed", "title": event.title, "when": when}, said)


async def finish_reminder(call: CalendarCall, event_id: str) -> ToolResult:
    """Answer Done. It ends a snooze; a repetition goes on."""
    await call.reminder_timers.stop_snooze(event_id)
    event = await call.store.event(event_id)
    if event is None:
        return ToolResult({"status": "done"}, gettext("All right, that one is done."))
    return ToolResult({"status": "done", "title": event.title}, gettext("Done: {title}.", title=event.title))


def _reminder(call: CalendarCall, event: CalendarEvent, at: datetime, *, day_only: bool) -> ToolResult:
    wall = call.to_wall(at)
    title, data = event.title, {"status": "reminder", "title": event.title}
    if event.place and normalize(event.place) not in normalize(event.title):
        title, data["place"] = gettext("{title} at {place}", title=event.title, place=event.place), event.place
    text = gettext("Reminder: {title}.", title=title)
    if call.now - wall > LATE_AFTER:
        data["when"] = said_day(wall.date(), call.today) if day_only else said_moment(wall, call.now)
        text = gettext("Reminder (due {when}): {title}.", when=data["when"], title=title)
    of = f"{event.event_id}:{int(at.timestamp())}"
    done, snooze = gettext("Done"), gettext("Snooze 10 min")
    buttons = (Button(done, f"done:{of}", "primary"), Button(snooze, f"snooze:{of}"))
    return ToolResult(data, text, buttons=buttons)
