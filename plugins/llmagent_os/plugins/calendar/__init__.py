"""The calendar plugin, and a full-size example of a plugin.

This file answers what the host asks of a plugin. The work is in the other files:

===========================  =========================================================================================
``event_tools``              the tools, and what they take
``calendar_tools``           how a tool is run
``calendar_call``            what every tool needs during one call
``person_clock``             ... the person's clock: when events are, and how that is said
``event_creation``           the tool ``create_event``
``event_form``               the form in which a person puts an event into the calendar
``requested_times``          ... when a request wants its events, in its words
``separate_series``          ... of several series, each with its own time
``event_times``              ... their times in the calendar
``event_times_text``         ... as replies say them
``creation_question``        ... what is asked where something is missing
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
``suggested_questions``      suggests what a person could ask about their calendar
``agenda``                   lays out several events as a table
``free_gaps``                free time between events
``changed_event``            an event with new values
``changed_time``             ... at another time, or of another length
``changed_repetition``       ... with another repetition, or other limits of it
``series_scope``             one time of a repeated event, or all of them
``lead_reminders``           reminders that come before an event and follow it
``buttons``                  answers to Yes, No, Undo, Done and Snooze
``button_words``             the words that mean one of these buttons
``option_choice``            ... an option that is named by its day or time
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
from collections.abc import Mapping
from datetime import datetime

from msgspec.structs import replace

from llmagent_os.languages import ENGLISH, gettext, gettext_noop, language_in_force, ngettext
from llmagent_os.languages.written_phrases import join_sentences
from llmagent_os.people.profiles import Profile
from llmagent_os.plugin import (
    FormErrors,
    FormValues,
    PageRequest,
    PageResponse,
    ToolCall,
    ToolContext,
    ToolResult,
    Visitor,
    form_button,
)
from llmagent_os.plugins.calendar.button_words import button_meant
from llmagent_os.plugins.calendar.buttons import answer_button
from llmagent_os.plugins.calendar.caldav.account import CREDENTIAL, sync_soon
from llmagent_os.plugins.calendar.caldav.account import TIMER as SYNC_TIMER
from llmagent_os.plugins.calendar.caldav.connect import caldav_command, caldav_due, caldav_pressed
from llmagent_os.plugins.calendar.caldav.sync_news import NEWS_TIMER, tell_news
from llmagent_os.plugins.calendar.calendar_call import CalendarCall
from llmagent_os.plugins.calendar.calendar_tools import after_change
from llmagent_os.plugins.calendar.event_form import NEW_EVENT, answer_event_form
from llmagent_os.plugins.calendar.event_listing import list_events
from llmagent_os.plugins.calendar.event_tools import EventTools
from llmagent_os.plugins.calendar.icalendar_export import to_icalendar
from llmagent_os.plugins.calendar.ics.feed import feed_command, feed_page
from llmagent_os.plugins.calendar.ics.import_request import import_command, import_received
from llmagent_os.plugins.calendar.invitations.answering import answer_meant, answer_pressed, ask_invited
from llmagent_os.plugins.calendar.invitations.invitation import ANSWER, NEWS
from llmagent_os.plugins.calendar.invitations.invitation_news import say_answer, say_news, tell_changes
from llmagent_os.plugins.calendar.invitations.invitation_setting import invitations_command
from llmagent_os.plugins.calendar.invitations.inviting import invite_pressed, with_invitations
from llmagent_os.plugins.calendar.joined_results import join_results
from llmagent_os.plugins.calendar.pictures.calendar_picture import with_picture
from llmagent_os.plugins.calendar.pictures.picture_request import as_question
from llmagent_os.plugins.calendar.reminders import announce_reminder
from llmagent_os.plugins.calendar.requests.message_reading import read_requests
from llmagent_os.plugins.calendar.shared_events import INVITED
from llmagent_os.plugins.calendar.suggested_questions import suggested_questions
from llmagent_os.plugins.calendar.translated_agenda import translated_agenda
from llmagent_os.plugins.calendar.zone_change import follow_zone

__all__ = ["CalendarPlugin"]


class CalendarPlugin(EventTools):
    """Keeps the events and reminders of every person in the plugin's records."""

    name = "calendar"
    about = "events and free time, .ics and CalDAV, invitations"
    asks_others = True
    work = gettext_noop("is looking at your calendar…")
    credentials = (CREDENTIAL,)
    file_commands = frozenset(("import",))
    reading = (
        "/calendar*",
        "/feed",
    )
    forms = (NEW_EVENT,)
    commands = {  # noqa: RUF012
        "calendar": gettext_noop("what is coming up"),
        "caldav": gettext_noop(
            "keeps your phone's calendar and yours here in step, through a CalDAV server; /caldav off ends it"
        ),
        "feed": gettext_noop(
            "an address where calendar programs can read yours; /feed new changes it, /feed off ends it"
        ),
        "invitations": gettext_noop("whether others may invite you by name; /invitations off ends it"),
        "import": gettext_noop("another calendar into yours: /import ADDRESS, or send me the .ics file"),
    }

    async def profile_changed(self, context: ToolContext, before: Profile, assumed_zone: str) -> ToolResult | None:
        async with self._locks.of(context.user_id):
            call = CalendarCall(context)
            said = await follow_zone(call, before, assumed_zone)
            await after_change(call)
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
            await after_change(call)
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
            if key == NEWS_TIMER:
                return await tell_news(context, at)
            if key == SYNC_TIMER:
                result = await caldav_due(call)
                await tell_changes(call)
                return result
            return await announce_reminder(call, key, at)

    async def suggestions(self, context: ToolContext) -> tuple[str, ...]:
        return await suggested_questions(CalendarCall(context))

    async def page(self, request: PageRequest, visitor: Visitor) -> PageResponse | None:
        return await feed_page(request, visitor)

    async def received(self, context: ToolContext) -> ToolResult | None:
        async with self._locks.of(context.user_id):
            result = await import_received(CalendarCall(context))
            if result is not None:
                await after_change(CalendarCall(context))
            return result

    async def command(self, context: ToolContext, name: str, arguments: str) -> ToolResult:
        async with self._locks.of(context.user_id):
            return await self._commanded(CalendarCall(context), name, arguments.strip())

    async def _commanded(self, call: CalendarCall, name: str, arguments: str) -> ToolResult:
        if name == "calendar" and arguments.lower() in ("new", "add"):
            text = gettext("Fill in the form, or just say it: “lunch with Ana tomorrow at noon”.")
            return ToolResult({"status": "asked"}, text, buttons=(form_button(NEW_EVENT),))
        if name == "calendar":
            given = {"date": arguments or None}
            is_english = language_in_force() == ENGLISH
            listed = await (list_events(call, given) if is_english else translated_agenda(call, arguments))
            listed = await with_picture(call.context, call, given, listed)
            return listed if arguments else replace(listed, buttons=(*listed.buttons, form_button(NEW_EVENT)))
        if name == "import":
            result = await import_command(call, arguments)
            await after_change(call)
            return result
        if name == "caldav":
            return await caldav_command(call, arguments.lower())
        if name == "invitations":
            return await invitations_command(call, arguments.lower())
        return await feed_command(call, arguments.lower())

    async def submitted(self, context: ToolContext, form: str, values: FormValues) -> ToolResult | FormErrors:
        return await answer_event_form(self, context, values)

    async def export_files(self, context: ToolContext) -> ToolResult | None:
        async with self._locks.of(context.user_id):
            events = await CalendarCall(context).store.events()
        dated = sum(event.start is not None for event in events)
        if not dated:
            return ToolResult({"status": "empty"}, gettext("Your calendar is empty, so there is nothing to export."))
        exported = await asyncio.to_thread(to_icalendar, events, context.now)
        # Other programs show this name.
        path = await context.files.write("calendar.ics", exported.content)
        count = exported.count
        return ToolResult(
            {"status": "exported", "count": str(count)},
            join_sentences([_exported(count), *exported.problems]),
            files=(path,),
        )


def _exported(count: int) -> str:
    return ngettext(
        "Your calendar as a file, with {count} event in it.",
        "Your calendar as a file, with {count} events in it.",
        count,
    )
