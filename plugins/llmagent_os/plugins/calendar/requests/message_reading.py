"""Reads a message for the plugin: what it asks for, or the answer where nothing is to be done.

What was read is kept until the next message of the conversation: a message that is run again after a crash asks for the
same calls, though half of them may be done, and each call knows the words that asked for it.
"""

from __future__ import annotations

import asyncio
import re
from datetime import datetime

from llmagent_os.plugin import ToolCall, ToolResult
from llmagent_os.plugins.calendar.calendar_call import CalendarCall
from llmagent_os.plugins.calendar.calendar_event import CalendarEvent
from llmagent_os.plugins.calendar.event_creation import UNFINISHED_LIFETIME
from llmagent_os.plugins.calendar.requests.among_talk import goes_on
from llmagent_os.plugins.calendar.requests.clause import Clause
from llmagent_os.plugins.calendar.requests.foreign_words import is_foreign
from llmagent_os.plugins.calendar.requests.left_alone import (
    is_not_needed,
    is_taken_back,
    is_undecided,
    leaves_alone,
    named_events,
    no_longer_needed,
)
from llmagent_os.plugins.calendar.requests.open_answer import read_answer
from llmagent_os.plugins.calendar.requests.politeness import plain
from llmagent_os.plugins.calendar.requests.request_reading import ReadRequest, is_readable, read_message
from llmagent_os.plugins.calendar.requests.spelling import put_right

_HALF = re.compile(
    r"(?:no |i mean(?:t)? |make it |in the |at )*([ap])\.?m\.?(?: (?:i mean(?:t)?|obviously|not [ap]m))?",
    re.IGNORECASE,
)
#: The answer where nothing is to be done, and no event is named.
NOTHING_CHANGED = ToolResult({"status": "kept"}, "All right, I've changed nothing.")


async def read_requests(call: CalendarCall) -> tuple[ToolCall, ...] | ToolResult:
    """Return the tool calls that a message asks for. Empty: something in it is not understood.

    Where the words say what is not to be done, this is the answer that says so, and no tool is called.

    Args:
        call: with the message, the person's clock and their calendar. Its ``call_id`` names the message.
    """
    message_id = call.context.call_id
    before = await call.store.read_before(message_id)
    if before is not None:
        return before
    text = call.context.text
    if not is_readable(text) or is_foreign(text):
        return ()
    if is_taken_back(text):
        return NOTHING_CHANGED
    events = tuple(await call.store.events())
    clause = await asyncio.to_thread(_clause, call, events)
    found = (
        await _answer(call, clause)
        or await _half_of_day(call, clause)
        or await asyncio.to_thread(lambda: _not_needed(clause) or read_message(clause))
    )
    if found:
        await call.store.keep_read(message_id, [(each.call, each.words, each.unsure) for each in found])
        return tuple(each.call for each in found)
    return await _left_alone(call, clause) or ()


def _clause(call: CalendarCall, events: tuple[CalendarEvent, ...]) -> Clause:
    return Clause.of(put_right(call.context.text), call.now, month_first=call.month_first, events=events)


async def _answer(call: CalendarCall, clause: Clause) -> tuple[ReadRequest, ...]:
    """The completed event, where the message answers the question about an unfinished one."""
    half = await call.store.unfinished_event()
    if not half or call.context.now - datetime.fromisoformat(half["at"]) > UNFINISHED_LIFETIME:
        return ()
    return tuple(ReadRequest(each, clause.text) for each in read_answer(clause, half))


async def _half_of_day(call: CalendarCall, clause: Clause) -> tuple[ReadRequest, ...]:
    """Read "pm of course": the half of the day of the event that was added just now."""
    half = _HALF.fullmatch(plain(clause.text))
    event_id = await call.store.focus()
    event = next((each for each in clause.events if each.event_id == event_id), None)
    if half is None or event is None or event.start is None or event.all_day:
        return ()
    clock = f"{event.start.hour % 12 or 12}:{event.start.minute:02} {half[1].lower()}m"
    return (ReadRequest(ToolCall("move_event", {"new_time": clock}), clause.text),)


def _not_needed(clause: Clause) -> tuple[ReadRequest, ...]:
    """Whether to delete an event that the person says is no longer wanted: that is asked about."""
    if not is_not_needed(clause) or goes_on(clause):
        return ()
    ids = named_events(clause)
    titles = [event.title for event in clause.events if event.event_id in ids] or [no_longer_needed(clause)]
    if len(titles) != 1 or not (title := titles[0]):
        return ()
    return (ReadRequest(ToolCall("delete_event", {"title": title}), clause.text, unsure=True),)


async def _left_alone(call: CalendarCall, clause: Clause) -> ToolResult | None:
    """The answer to words that say what is not to be done. None: they say something else."""
    if not (leaves_alone(clause.text) or is_undecided(clause)):
        return None
    if goes_on(clause):
        return None
    ids = named_events(clause)
    named = [event for event in clause.events if event.event_id in ids]
    match = next((each for each in call.upcoming(named)), None) if len(named) == 1 else None
    if match is None:
        return NOTHING_CHANGED
    return ToolResult(
        {"status": "kept", "title": match.event.title}, f"All right, {call.match_text(match)}, stays as it is."
    )
