"""The calendar plugin, and a full-size example of a plugin.

The tools here declare what they take and do. The work is in the other files:

===========================  =========================================================================================
``calendar_call``            what every tool needs during one call
``event_creation``           the tool ``create_event``
``requested_times``          ... when a request wants its events, in its words
``separate_series``          ... of several series, each with its own time
``event_times``              ... their times in the calendar
``event_times_text``         ... as replies say them
``event_listing``            the tool ``list_events``
``event_deletion``           the tool ``delete_event``
``event_moving``             the tool ``move_event``
``event_copying``            the tool ``copy_event``
``counted_day``              a day that is counted from an event: "the sunday after"
``event_reminding``          the tool ``remind_before``
``event_search``             finds the events that fit a person's words
``event_query``              ... a search, made of the arguments of a tool
``event_words``              ... the words of a search and those of an event
``event_choice``             the events that a tool acts on, and the questions where none or several fit
``event_answers``            how long, how many, where: what is asked about events
``event_order``              what comes before and after an event, and which of two comes first
``agenda``                   lays out several events as a table
``free_gaps``                free time between events
``changed_event``            an event with new values
``changed_time``             ... at another time, or of another length
``changed_repetition``       ... with another repetition, or other limits of it
``series_scope``             one time of a repeated event, or all of them
``lead_reminders``           reminders that come before an event and follow it
``buttons``                  answers to Yes, No, Undo, Done and Snooze
``button_words``             the words that mean one of these buttons
``reminders``                announces a reminder that is due
``reminder_timers``          sets the timers of reminders
``calendar_event``           an event, and when it happens
``requests``                 reads messages by rules, before a model is asked
``joined_results``           one answer, one Undo and one question for several requests of one message
``open_questions``           says what still waits for the person's answer
``event_store``              keeps events, changes and questions in the plugin's records
``event_change``             a change of a calendar, and a question whose options are changes
``conversation_state``       what a conversation remembers: what "it" means, what was listed, what is half said
``icalendar_export``         the calendar as an ``.ics`` file
``time``                     words become moments: dates, times, durations, repetitions
``ics``                      calendars of other programs: import, and the feed
``caldav``                   sync with a calendar server
``invitations``              people whom the bot knows are asked whether they come
``pictures``                 the week and the month as a picture
``phrasing``                 moments as replies say them
===========================  =========================================================================================
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

from llmagent_os.adapter_kit.keyed_order import KeyedLocks
from llmagent_os.people.profiles import Profile
from llmagent_os.plugin import (
    PageRequest,
    PageResponse,
    Plugin,
    RuleArgument,
    Span,
    ToolCall,
    ToolContext,
    ToolResult,
    Visitor,
    tool,
)
from llmagent_os.plugins.calendar.button_words import button_meant
from llmagent_os.plugins.calendar.buttons import answer_button
from llmagent_os.plugins.calendar.caldav.account import TIMER as SYNC_TIMER
from llmagent_os.plugins.calendar.caldav.account import sync_soon
from llmagent_os.plugins.calendar.caldav.connect import caldav_command, caldav_due, caldav_pressed
from llmagent_os.plugins.calendar.caldav.connect_form import connect_page
from llmagent_os.plugins.calendar.calendar_call import CalendarCall
from llmagent_os.plugins.calendar.event_copying import copy_event
from llmagent_os.plugins.calendar.event_creation import create_event
from llmagent_os.plugins.calendar.event_deletion import delete_event
from llmagent_os.plugins.calendar.event_listing import list_events
from llmagent_os.plugins.calendar.event_moving import move_event
from llmagent_os.plugins.calendar.event_reminding import remind_before
from llmagent_os.plugins.calendar.icalendar_export import to_icalendar
from llmagent_os.plugins.calendar.ics.feed import feed_command, feed_page
from llmagent_os.plugins.calendar.ics.import_request import import_command, import_received
from llmagent_os.plugins.calendar.invitations.answering import answer_meant, answer_pressed, ask_invited
from llmagent_os.plugins.calendar.invitations.invitation import ANSWER, INVITED, NEWS
from llmagent_os.plugins.calendar.invitations.invitation_news import say_answer, say_news, tell_changes
from llmagent_os.plugins.calendar.invitations.invitation_setting import invitations_command
from llmagent_os.plugins.calendar.invitations.inviting import invite_pressed, with_invitations
from llmagent_os.plugins.calendar.joined_results import join_results
from llmagent_os.plugins.calendar.pictures.calendar_picture import with_picture
from llmagent_os.plugins.calendar.pictures.picture_request import as_question
from llmagent_os.plugins.calendar.reminders import announce_reminder
from llmagent_os.plugins.calendar.requests.doubtful_words import is_doubtful, speaks_of_deleting
from llmagent_os.plugins.calendar.requests.message_reading import read_requests
from llmagent_os.plugins.calendar.zone_change import follow_zone

__all__ = ["CalendarPlugin"]


class CalendarPlugin(Plugin):
    """Keeps the events and reminders of every person in the plugin's records."""

    name = "calendar"
    asks_others = True
    commands = {  # noqa: RUF012
        "calendar": "what is coming up",
        "caldav": "keeps your phone's calendar and yours here in step, through a CalDAV server; /caldav off ends it",
        "feed": "an address where calendar programs can read yours; /feed new changes it, /feed off ends it",
        "invitations": "whether others may invite you by name; /invitations off ends it",
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
        note: RuleArgument | None = None,
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
            note: what else is to be noted for it
        """
        given = {"title": title, "date": date, "time": time, "duration": duration, "note": note}
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
        asked: RuleArgument | None = None,
        kind: RuleArgument | None = None,
        among: RuleArgument | None = None,
        duration: RuleArgument | None = None,
        than: RuleArgument | None = None,
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
            asked: what is asked about them, such as length or count; see ``event_answers``
            kind: reminder or event, if only these count
            among: listed, if only what was listed last counts
            duration: how long a free time has to be
            than: another event, with which it is compared, or the part of the day that is meant where none is found
        """
        given = {"which": which, "title": title, "date": date, "time": time, "person": person, "place": place}
        return await self._do(
            list_events,
            context,
            given | {"asked": asked, "kind": kind, "among": among, "duration": duration, "than": than},
        )

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
        besides: RuleArgument | None = None,
        instead_of: RuleArgument | None = None,
        kind: RuleArgument | None = None,
        among: RuleArgument | None = None,
        scope: RuleArgument | None = None,
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
            besides: what of them is kept
            instead_of: an earlier change that is undone first: another event was meant
            kind: reminder or event, if only these count
            among: listed, if only what was listed last counts
            scope: one or series, of a repeated event
        """
        given = {"which": which, "title": title, "date": date, "time": time, "person": person, "place": place}
        given |= {"besides": besides, "instead_of": instead_of, "kind": kind, "among": among, "scope": scope}
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
        new_person: RuleArgument | None = None,
        new_end: RuleArgument | None = None,
        new_note: RuleArgument | None = None,
        instead_of: RuleArgument | None = None,
        swap_with: RuleArgument | None = None,
        kind: RuleArgument | None = None,
        among: RuleArgument | None = None,
        scope: RuleArgument | None = None,
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
            new_person: with whom it is to be
            new_end: when it is to end
            new_note: what is to be noted for it
            swap_with: another event, with which it swaps its time
            instead_of: the words of its title that ``new_title`` replaces; without them, all
            kind: reminder or event, if only these count
            among: listed, if only what was listed last counts
            scope: one or series, of a repeated event
        """
        given = {"which": which, "title": title, "date": date, "time": time, "person": person, "place": place}
        new = {"new_title": new_title, "new_date": new_date, "new_time": new_time, "new_duration": new_duration}
        new |= {"new_place": new_place, "new_repeat": new_repeat, "new_person": new_person, "new_end": new_end}
        given |= {"new_note": new_note, "instead_of": instead_of, "swap_with": swap_with}
        given |= {"kind": kind, "among": among, "scope": scope}
        return await self._do(move_event, context, given | new)

    @tool(permission="calendar.write", offered=False)
    async def answer_question(self, context: ToolContext, value: RuleArgument | None = None) -> ToolResult:
        """Do what the person was asked about, and agrees to.

        Args:
            context: who asks, where and when
            value: that of the button
        """
        return await self._do(_answer_question, context, {"value": value})

    @tool(permission="calendar.write", offered=False)
    async def copy_event(
        self,
        context: ToolContext,
        which: RuleArgument | None = None,
        title: RuleArgument | None = None,
        date: RuleArgument | None = None,
        time: RuleArgument | None = None,
        among: RuleArgument | None = None,
        new_date: RuleArgument | None = None,
        new_time: RuleArgument | None = None,
    ) -> ToolResult:
        """Add an event like another one, at another time.

        Args:
            context: who asks, where and when
            which: which of them, such as next
            title: what the other one is
            date: its day
            time: its time
            among: listed, if only what was listed last counts
            new_date: the day of the new one
            new_time: the time of the new one
        """
        given = {"which": which, "title": title, "date": date, "time": time, "among": among}
        return await self._do(copy_event, context, given | {"new_date": new_date, "new_time": new_time})

    @tool(permission="calendar.write", offered=False)
    async def remind_before(
        self,
        context: ToolContext,
        which: RuleArgument | None = None,
        title: RuleArgument | None = None,
        date: RuleArgument | None = None,
        time: RuleArgument | None = None,
        person: RuleArgument | None = None,
        among: RuleArgument | None = None,
        lead: RuleArgument | None = None,
        new_title: RuleArgument | None = None,
        instead: RuleArgument | None = None,
    ) -> ToolResult:
        """Remind of an event some time before it.

        Args:
            context: who asks, where and when
            which: which of them, such as next
            title: what it is
            date: its day
            time: its time
            person: with whom
            among: listed, if only what was listed last counts
            lead: how long before
            new_title: what the reminder says, if not the title of the event
            instead: yes, if it takes the place of the reminders before the event
        """
        given = {"which": which, "title": title, "date": date, "time": time, "person": person}
        return await self._do(
            remind_before, context, given | {"among": among, "lead": lead, "new_title": new_title, "instead": instead}
        )

    async def profile_changed(self, context: ToolContext, before: Profile, assumed_zone: str) -> ToolResult | None:
        async with self._locks.of(context.user_id):
            call = CalendarCall(context)
            said = await follow_zone(call, before, assumed_zone)
            await _after_change(call)
        return ToolResult({"status": "set"}, said) if said else None

    async def pressed(self, context: ToolContext, value: str) -> ToolResult:
        async with self._locks.of(context.user_id):
            call = CalendarCall(context)
            if value in ("feed:new", "feed:off"):
                return await feed_command(call, value.removeprefix("feed:"))
            if (answered := await caldav_pressed(call, value)) is not None:
                return answered
            invited = await invite_pressed(call, value) or await answer_pressed(call, value)
            result = invited or await with_invitations(call, await answer_button(call, value))
            await _after_change(call)
            return result

    async def button_meant(self, context: ToolContext) -> str | None:
        async with self._locks.of(context.user_id):
            call = CalendarCall(context)
            return await answer_meant(call) or await button_meant(call)

    async def requests_in(self, context: ToolContext) -> tuple[ToolCall, ...] | ToolResult:
        async with self._locks.of(context.user_id):
            return await read_requests(CalendarCall(as_question(context)))

    async def joined(self, context: ToolContext, results: Mapping[str, ToolResult]) -> ToolResult:
        async with self._locks.of(context.user_id):
            return await join_results(CalendarCall(context), results)

    async def due(self, context: ToolContext, key: str, at: datetime) -> ToolResult | None:
        async with self._locks.of(context.user_id):
            call = CalendarCall(context)
            if key.startswith(INVITED):
                return await ask_invited(call, key.removeprefix(INVITED))
            if key.startswith(ANSWER):
                return await say_answer(call, key)
            if key.startswith(NEWS):
                result = await say_news(call, key)
                await sync_soon(context)
                return result
            if key == SYNC_TIMER:
                result = await caldav_due(call)
                await tell_changes(call)
                return result
            return await announce_reminder(call, key, at)

    async def page(self, request: PageRequest, visitor: Visitor) -> PageResponse | None:
        return await feed_page(request, visitor) or await connect_page(request, visitor)

    async def received(self, context: ToolContext) -> ToolResult | None:
        async with self._locks.of(context.user_id):
            result = await import_received(CalendarCall(context))
            if result is not None:
                await _after_change(CalendarCall(context))
            return result

    async def command(self, context: ToolContext, name: str, arguments: str) -> ToolResult:
        async with self._locks.of(context.user_id):
            return await self._commanded(CalendarCall(context), name, arguments.strip())

    async def _commanded(self, call: CalendarCall, name: str, arguments: str) -> ToolResult:
        if name == "calendar":
            given = {"date": arguments or None}
            return await with_picture(call.context, call, given, await list_events(call, given))
        if name == "import":
            result = await import_command(call, arguments)
            await _after_change(call)
            return result
        if name == "caldav":
            return await caldav_command(call, arguments.lower())
        if name == "invitations":
            return await invitations_command(call, arguments.lower())
        return await feed_command(call, arguments.lower())

    async def export_files(self, context: ToolContext) -> ToolResult | None:
        async with self._locks.of(context.user_id):
            events = await CalendarCall(context).store.events()
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
            call = await CalendarCall(context).as_read()
            if not call.is_read and _is_doubtful(work, context.text):
                call = call.asking()
            result = await with_invitations(call, await work(call, given))
            if work is list_events:
                result = await with_picture(context, call, given, result)
            if work in (delete_event, move_event):  # the person has begun something else
                await call.store.keep_unfinished(None)
            if work is not list_events:
                await _after_change(call)
            return result


async def _answer_question(call: CalendarCall, given: Mapping[str, str | None]) -> ToolResult:
    return await answer_button(call, given["value"] or "")


async def _after_change(call: CalendarCall) -> None:
    """Have other people and the person's server told of what was changed just now."""
    await tell_changes(call)
    await sync_soon(call.context)


def _is_doubtful(work: object, text: str) -> bool:
    """Whether the person is asked before what a model read in their words is done."""
    if work is delete_event and text and not speaks_of_deleting(text):
        return True
    return work in (delete_event, move_event) and is_doubtful(text)
