"""The calendar plugin, and a full-size example of a plugin.

The tools here declare what they take and do. The work is in the other files:

===========================  =========================================================================================
``calendar_call``            what every tool needs during one call
``event_creation``           the tool ``create_event``
``event_listing``            the tool ``list_events``
``event_deletion``           the tool ``delete_event``
``event_moving``             the tool ``move_event``
``agenda``                   lays out several events as a table
``event_search``             finds the events that a person means
``buttons``                  answers to Yes, No, Undo, Done and Snooze
``button_words``             the words that mean one of these buttons
``reminders``                announces a reminder that is due
``reminder_timers``          sets the timers of reminders
``calendar_event``           an event, and when it happens
``open_questions``           says what still waits for the person's answer
``event_store``              keeps events, changes and questions in the plugin's records
``icalendar_export``         the calendar as an ``.ics`` file
``ics``                      calendars of other programs: import, and the feed
``caldav``                   sync with a calendar server
``time_expressions``         a date and a time in a person's words ("next tuesday", "half past six") become a moment
``date_parsing``             ... its dates
``time_parsing``             ... its times of day
``duration_parsing``         ... its durations
``usual_half``               ... morning or evening, by the title
``recurrence``               ... its repetitions, as RRULEs
``holidays``                 dates of named days
``text_normalization``       one spelling for spoken dates and times
``phrasing``                 moments as replies say them
``time_errors``              the error for words that cannot be resolved
===========================  =========================================================================================
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

from llmagent_os.adapter_kit.keyed_order import KeyedLocks
from llmagent_os.plugin import PageRequest, PageResponse, Plugin, Span, ToolContext, ToolResult, Visitor, tool
from llmagent_os.plugins.calendar.button_words import button_meant
from llmagent_os.plugins.calendar.buttons import answer_button
from llmagent_os.plugins.calendar.caldav.account import TIMER as SYNC_TIMER
from llmagent_os.plugins.calendar.caldav.account import sync_soon
from llmagent_os.plugins.calendar.caldav.connect import caldav_command, caldav_due, caldav_pressed
from llmagent_os.plugins.calendar.caldav.connect_form import connect_page
from llmagent_os.plugins.calendar.calendar_call import CalendarCall
from llmagent_os.plugins.calendar.event_creation import create_event
from llmagent_os.plugins.calendar.event_deletion import delete_event
from llmagent_os.plugins.calendar.event_listing import list_events
from llmagent_os.plugins.calendar.event_moving import move_event
from llmagent_os.plugins.calendar.icalendar_export import to_icalendar
from llmagent_os.plugins.calendar.ics.feed import feed_command, feed_page
from llmagent_os.plugins.calendar.ics.import_request import import_command, import_received
from llmagent_os.plugins.calendar.reminders import announce_reminder

__all__ = ["CalendarPlugin"]


class CalendarPlugin(Plugin):
    """Keeps the events and reminders of every person in the plugin's records."""

    name = "calendar"
    commands = {  # noqa: RUF012
        "calendar": "what is coming up",
        "export": "your calendar as a file for other programs",
        "caldav": "keeps your phone's calendar and yours here in step, through a CalDAV server; /caldav off ends it",
        "feed": "an address where calendar programs can read yours; /feed new changes it, /feed off ends it",
        "import": "another calendar into yours: /import ADDRESS, or send me the .ics file",
    }

    def __init__(self) -> None:
        # A person may write from two places at once. Only one call at a time changes their calendar.
        self._locks = KeyedLocks()  # by person

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
        return await self._do(create_event, context, given | {"person": person, "place": place, "repeat": repeat})

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
        return await self._do(list_events, context, given)

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
        return await self._do(delete_event, context, given)

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
        return await self._do(move_event, context, given | new | {"new_place": new_place, "new_repeat": new_repeat})

    async def pressed(self, context: ToolContext, value: str) -> ToolResult:
        async with self._locks.of(context.user_id):
            call = CalendarCall(context)
            if value in ("feed:new", "feed:off"):
                return await feed_command(call, value.removeprefix("feed:"))
            if (answered := await caldav_pressed(call, value)) is not None:
                return answered
            result = await answer_button(call, value)
            await sync_soon(context)
            return result

    async def button_meant(self, context: ToolContext) -> str | None:
        async with self._locks.of(context.user_id):
            return await button_meant(CalendarCall(context))

    async def due(self, context: ToolContext, key: str, at: datetime) -> ToolResult | None:
        async with self._locks.of(context.user_id):
            if key == SYNC_TIMER:
                return await caldav_due(CalendarCall(context))
            return await announce_reminder(CalendarCall(context), key, at)

    async def page(self, request: PageRequest, visitor: Visitor) -> PageResponse | None:
        return await feed_page(request, visitor) or await connect_page(request, visitor)

    async def received(self, context: ToolContext) -> ToolResult | None:
        async with self._locks.of(context.user_id):
            result = await import_received(CalendarCall(context))
            if result is not None:
                await sync_soon(context)
            return result

    async def command(self, context: ToolContext, name: str, arguments: str) -> ToolResult:
        async with self._locks.of(context.user_id):
            return await self._commanded(CalendarCall(context), name, arguments.strip())

    async def _commanded(self, call: CalendarCall, name: str, arguments: str) -> ToolResult:
        if name == "calendar":
            return await list_events(call, {"date": arguments or None})
        if name == "import":
            result = await import_command(call, arguments)
            await sync_soon(call.context)
            return result
        if name == "caldav":
            return await caldav_command(call, arguments.lower())
        if name == "feed":
            return await feed_command(call, arguments.lower())
        return await self._export(call)

    async def _export(self, call: CalendarCall) -> ToolResult:
        context = call.context
        events = await call.store.events()
        dated = sum(event.start is not None for event in events)
        if not dated:
            return ToolResult({"status": "empty"}, "Your calendar is empty, so there is nothing to export.")
        exported = await asyncio.to_thread(to_icalendar, events, context.now)
        # Other programs show this name.
        path = await context.files.write("calendar.ics", exported.content)
        count = exported.count
        return ToolResult(
            {"status": "exported", "count": str(count)},
            " ".join(
                [
                    f"Your calendar as a file, with {count} {'event' if count == 1 else 'events'} in it.",
                    *exported.problems,
                ]
            ),
            files=(path,),
        )

    async def _do(
        self,
        work: Callable[[CalendarCall, Mapping[str, str | None]], Awaitable[ToolResult]],
        context: ToolContext,
        given: Mapping[str, str | None],
    ) -> ToolResult:
        async with self._locks.of(context.user_id):
            result = await work(CalendarCall(context), given)
            if work is not list_events:
                await sync_soon(context)
            return result
