"""Telling a person that a reminder is due, and the buttons under that."""

from __future__ import annotations

from datetime import datetime

from llmagent_os.adapter import Button
from llmagent_os.plugin import ToolResult
from llmagent_os.plugins.calendar.bell import LATE, rings_at
from llmagent_os.plugins.calendar.desk import Desk
from llmagent_os.plugins.calendar.events import Event
from llmagent_os.plugins.calendar.wording import day, moment
from llmagent_os.plugins.calendar.words import plain


async def due(desk: Desk, key: str, at: datetime) -> ToolResult | None:
    """What is said when a timer rings; None where the reminder is gone or is not due then any more."""
    kind, _, event_id = key.partition(":")
    event = await desk.store.event(event_id)
    if event is None:
        return None
    if kind == "snooze":
        if await desk.bell.snoozed_until(event_id) != at:
            return None
    elif rings_at(event, at):
        await desk.bell.rang(event, at)
    else:
        return None
    await desk.store.focus_on(event)
    return _reminder(desk, event, at, told_day=event.all_day and kind == "ring")


async def snooze(desk: Desk, event_id: str, stamp: str) -> ToolResult:
    """Answer "Snooze": the same however often it is pressed."""
    event = await desk.store.event(event_id)
    if event is None:
        return ToolResult({"status": "stale"}, "That reminder is gone, so I did nothing.")
    when = moment(desk.wall(await desk.bell.snooze(event_id, stamp)), desk.now, same_day=True)
    return ToolResult({"status": "snoozed", "title": event.title, "when": when}, f"I'll remind you again {when}.")


async def done(desk: Desk, event_id: str) -> ToolResult:
    """Answer "Done": a snooze ends with it, and a repetition goes on."""
    await desk.bell.stop_snooze(event_id)
    event = await desk.store.event(event_id)
    title = {"title": event.title} if event else {}
    return ToolResult({"status": "done", **title}, f"Done: {event.title}." if event else "All right, that one is done.")


def _reminder(desk: Desk, event: Event, at: datetime, *, told_day: bool) -> ToolResult:
    wall = desk.wall(at)
    where = f" at {event.place}" if event.place and plain(event.place) not in plain(event.title) else ""
    data = {"status": "reminder", "title": event.title} | ({"place": event.place} if where else {})
    lead = "Reminder"
    if desk.now - wall > LATE:
        data["when"] = day(wall.date(), desk.today) if told_day else moment(wall, desk.now)
        lead = f"Reminder (due {data['when']})"
    of = f"{event.event_id}:{int(at.timestamp())}"
    buttons = (Button("Done", f"done:{of}", "primary"), Button("Snooze 10 min", f"snooze:{of}"))
    return ToolResult(data, f"{lead}: {event.title}{where}.", buttons=buttons)
