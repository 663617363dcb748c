"""The tools of the calendar, with what they take: a model and the rules fill in these arguments."""

from __future__ import annotations

from llmagent_os.plugin import RuleArgument, Span, ToolContext, ToolResult, tool
from llmagent_os.plugins.calendar.buttons import answer_question
from llmagent_os.plugins.calendar.calendar_tools import CalendarTools
from llmagent_os.plugins.calendar.event_copying import copy_event
from llmagent_os.plugins.calendar.event_creation import create_event
from llmagent_os.plugins.calendar.event_deletion import delete_event
from llmagent_os.plugins.calendar.event_listing import list_events
from llmagent_os.plugins.calendar.event_moving import move_event
from llmagent_os.plugins.calendar.event_reminding import remind_before


class EventTools(CalendarTools):
    """What can be done with events and reminders."""

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
        given |= {"asked": asked, "kind": kind, "among": among, "duration": duration, "than": than}
        return await self._do(list_events, context, given)

    @tool(permission="calendar.write", effect="destructive", asks_itself=True)
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

    @tool(permission="calendar.write", effect="outward", asks_itself=True)
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
        return await self._do(answer_question, context, {"value": value})

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
