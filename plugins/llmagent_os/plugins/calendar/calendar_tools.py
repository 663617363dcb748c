"""How a tool of the calendar is run: one at a time for a person, and what follows a change."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from llmagent_os.adapter_kit.keyed_order import KeyedLocks
from llmagent_os.plugin import Plugin, ToolContext, ToolResult
from llmagent_os.plugins.calendar.caldav.account import sync_soon
from llmagent_os.plugins.calendar.calendar_call import CalendarCall
from llmagent_os.plugins.calendar.event_deletion import delete_event
from llmagent_os.plugins.calendar.event_listing import list_events
from llmagent_os.plugins.calendar.event_moving import move_event
from llmagent_os.plugins.calendar.invitations.invitation_news import tell_changes
from llmagent_os.plugins.calendar.invitations.inviting import with_invitations
from llmagent_os.plugins.calendar.pictures.calendar_picture import with_picture
from llmagent_os.plugins.calendar.requests.doubtful_words import is_doubtful, speaks_of_deleting
from llmagent_os.plugins.calendar.requests.quoted_words import is_quoted
from llmagent_os.plugins.calendar.requests.second_thoughts import takes_back

#: Carries out a tool with the arguments that were given.
Work = Callable[[CalendarCall, Mapping[str, str | None]], Awaitable[ToolResult]]


class CalendarTools(Plugin):
    """Runs the calendar's tools."""

    def __init__(self) -> None:
        # A person may write from two places at once. Only one call at a time changes their calendar.
        self._locks = KeyedLocks()  # by person

    async def _do(
        self,
        work: Work,
        context: ToolContext,
        given: Mapping[str, str | None],
    ) -> ToolResult:
        """Carry out a tool."""
        async with self._locks.of(context.user_id):
            call = await CalendarCall(context).as_read()
            if not call.is_read and _is_doubtful(work, context.text):
                call = call.asking()
            if context.must_ask and work is delete_event:
                call = call.asking()
            result = await with_invitations(call, await work(call, given))
            if work is list_events:
                result = await with_picture(context, call, given, result)
            if work in (delete_event, move_event):  # the person has begun something else
                await call.store.keep_unfinished(None)
            if work is not list_events:
                await after_change(call)
            return result


async def after_change(call: CalendarCall) -> None:
    """Have other people and the person's server told of what was changed just now."""
    await tell_changes(call)
    await sync_soon(call.context)


def _is_doubtful(work: object, text: str) -> bool:
    """Whether the person is asked before what a model read in their words is done."""
    if work is delete_event and text and not speaks_of_deleting(text):
        return True
    return work in (delete_event, move_event) and (is_doubtful(text) or takes_back(text) or is_quoted(text))
