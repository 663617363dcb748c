"""Announces reminders that are due, and answers their buttons Done and Snooze."""

from __future__ import annotations

from datetime import datetime

from llmagent_os.adapter import Button
from llmagent_os.plugin import ToolResult
from llmagent_os.plugins.calendar.calendar_call import CalendarCall
from llmagent_os.plugins.calendar.calendar_event import CalendarEvent
from llmagent_os.plugins.calendar.phrasing import day_text, moment_text
from llmagent_os.plugins.calendar.reminder_timers import LATE_AFTER, rings_at
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
        return ToolResult({"status": "stale"}, "That reminder is gone, so I did nothing.")
    when = moment_text(call.to_wall(await call.reminder_timers.snooze(event_id, stamp)), call.now, same_day=True)
    return ToolResult({"status": "snoozed", "title": event.title, "when": when}, f"I'll remind you again {when}.")


async def finish_reminder(call: CalendarCall, event_id: str) -> ToolResult:
    """Answer Done. It ends a snooze; a repetition goes on."""
    await call.reminder_timers.stop_snooze(event_id)
    event = await call.store.event(event_id)
    title = {"title": event.title} if event else {}
    return ToolResult({"status": "done", **title}, f"Done: {event.title}." if event else "All right, that one is done.")


def _reminder(call: CalendarCall, event: CalendarEvent, at: datetime, *, day_only: bool) -> ToolResult:
    wall = call.to_wall(at)
    where = f" at {event.place}" if event.place and normalize(event.place) not in normalize(event.title) else ""
    data = {"status": "reminder", "title": event.title} | ({"place": event.place} if where else {})
    lead = "Reminder"
    if call.now - wall > LATE_AFTER:
        data["when"] = day_text(wall.date(), call.today) if day_only else moment_text(wall, call.now)
        lead = f"Reminder (due {data['when']})"
    of = f"{event.event_id}:{int(at.timestamp())}"
    buttons = (Button("Done", f"done:{of}", "primary"), Button("Snooze 10 min", f"snooze:{of}"))
    return ToolResult(data, f"{lead}: {event.title}{where}.", buttons=buttons)
