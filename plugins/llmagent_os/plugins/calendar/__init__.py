"""A calendar: the model of how a plugin is written.

The tools here only say what they take and do; the work is beside them, one thing a file. Arguments are the person's own
words ("next tuesday", "half past six"), and :mod:`~llmagent_os.plugins.calendar.when` makes moments of them.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from pathlib import Path
from uuid import uuid4
from weakref import WeakValueDictionary

from llmagent_os.plugin import Plugin, Span, ToolContext, ToolResult, tool
from llmagent_os.plugins.calendar.create import create
from llmagent_os.plugins.calendar.desk import Desk
from llmagent_os.plugins.calendar.events import identity
from llmagent_os.plugins.calendar.ics import ics
from llmagent_os.plugins.calendar.listing import look_up
from llmagent_os.plugins.calendar.move import move
from llmagent_os.plugins.calendar.press import pressed
from llmagent_os.plugins.calendar.remind import due
from llmagent_os.plugins.calendar.remove import delete

__all__ = ["CalendarPlugin"]


class CalendarPlugin(Plugin):
    """Events and reminders of each person, kept in the plugin's records."""

    name = "calendar"
    commands = {"calendar": "what is coming up", "export": "your calendar as a file for other programs"}  # noqa: RUF012

    def __init__(self) -> None:
        # One person may write from two places at once; their calendar is changed by one call at a time.
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @tool(permission="calendar.write")
    async def create_event(
        self,
        context: ToolContext,
        title: Span | None = None,
        date: Span | None = None,
        time: Span | None = None,
        duration: Span | None = None,
        person: Span | None = None,
        place: Span | None = None,
        repeat: Span | None = None,
    ) -> ToolResult:
        """Put an event or a reminder into the calendar.

        Args:
            context: who asks, where and when
            title: what it is
            date: the day
            time: the time of day
            duration: how long
            person: with whom
            place: where
            repeat: how often it comes again
        """
        given = {"title": title, "date": date, "time": time, "duration": duration}
        return await self._do(create, context, given | {"person": person, "place": place, "repeat": repeat})

    @tool(permission="calendar.read", read_only=True)
    async def list_events(
        self,
        context: ToolContext,
        which: Span | None = None,
        title: Span | None = None,
        date: Span | None = None,
        time: Span | None = None,
        person: Span | None = None,
        place: Span | None = None,
    ) -> ToolResult:
        """Look up events, or whether the person is free.

        Args:
            context: who asks, where and when
            which: which of them, such as next or all
            title: what it is
            date: the day or days
            time: the time of day
            person: with whom
            place: where
        """
        given = {"which": which, "title": title, "date": date, "time": time, "person": person, "place": place}
        return await self._do(look_up, context, given)

    @tool(permission="calendar.write")
    async def delete_event(
        self,
        context: ToolContext,
        which: Span | None = None,
        title: Span | None = None,
        date: Span | None = None,
        time: Span | None = None,
        person: Span | None = None,
        place: Span | None = None,
    ) -> ToolResult:
        """Delete events.

        Args:
            context: who asks, where and when
            which: which of them, such as next or all
            title: what it is
            date: the day or days
            time: the time of day
            person: with whom
            place: where
        """
        given = {"which": which, "title": title, "date": date, "time": time, "person": person, "place": place}
        return await self._do(delete, context, given)

    @tool(permission="calendar.write")
    async def move_event(
        self,
        context: ToolContext,
        which: Span | None = None,
        title: Span | None = None,
        date: Span | None = None,
        time: Span | None = None,
        person: Span | None = None,
        place: Span | None = None,
        new_title: Span | None = None,
        new_date: Span | None = None,
        new_time: Span | None = None,
        new_duration: Span | None = None,
        new_place: Span | None = None,
        new_repeat: Span | None = None,
    ) -> ToolResult:
        """Change an event that is in the calendar.

        Args:
            context: who asks, where and when
            which: which of them, such as next
            title: what it is now
            date: its day now
            time: its time now
            person: with whom
            place: where it is now
            new_title: what it is to be called
            new_date: the day it moves to
            new_time: the time it moves to
            new_duration: how long it is to be
            new_place: where it is to be
            new_repeat: how often it is to come again
        """
        given = {"which": which, "title": title, "date": date, "time": time, "person": person, "place": place}
        new = {"new_title": new_title, "new_date": new_date, "new_time": new_time, "new_duration": new_duration}
        return await self._do(move, context, given | new | {"new_place": new_place, "new_repeat": new_repeat})

    async def pressed(self, context: ToolContext, value: str) -> ToolResult:
        async with self._lock(context.user_id):
            return await pressed(Desk(context), value)

    async def due(self, context: ToolContext, key: str, at: datetime) -> ToolResult | None:
        async with self._lock(context.user_id):
            return await due(Desk(context), key, at)

    async def command(self, context: ToolContext, name: str, arguments: str) -> ToolResult:
        desk = Desk(context)
        if name == "calendar":
            return await look_up(desk, {"date": arguments or None})
        events = await desk.store.events()
        dated = sum(event.start is not None for event in events)
        if not dated:
            return ToolResult({"status": "empty"}, "Your calendar is empty, so there is nothing to export.")
        path = await asyncio.to_thread(_write, ics(events, context.now), context.user_id)
        return ToolResult(
            {"status": "exported", "count": str(dated)},
            f"Your calendar as a file, with {dated} {'event' if dated == 1 else 'events'} in it.",
            files=(str(path),),
        )

    async def _do(
        self,
        work: Callable[[Desk, Mapping[str, str | None]], Awaitable[ToolResult]],
        context: ToolContext,
        given: Mapping[str, str | None],
    ) -> ToolResult:
        async with self._lock(context.user_id):
            return await work(Desk(context), given)

    def _lock(self, user_id: str) -> asyncio.Lock:
        lock = self._locks.get(user_id)
        if lock is None:
            lock = self._locks[user_id] = asyncio.Lock()
        return lock


def _write(content: bytes, user_id: str) -> Path:
    # One file a person, replaced by the next export; it outlives a restart, for a reply may still be on its way.
    root = Path(tempfile.gettempdir()) / f"llmagent-os-{os.getuid()}"
    root.mkdir(mode=0o700, exist_ok=True)
    if root.is_symlink() or root.stat().st_uid != os.getuid() or root.stat().st_mode & 0o077:
        root = Path(tempfile.mkdtemp(prefix="llmagent-os-"))  # somebody else made it: nobody may read along
    path = root / identity(user_id) / "calendar.ics"  # the name is what other programs show
    path.parent.mkdir(mode=0o700, exist_ok=True)
    new = path.with_name(f"{uuid4().hex}.part")
    new.write_bytes(content)
    return new.replace(path)
