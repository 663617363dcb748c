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
from llmagent_os.plugins.calendar.requests.agreed_request import read_agreed, read_one_time
from llmagent_os.plugins.calendar.requests.among_talk import goes_on
from llmagent_os.plugins.calendar.requests.clause import Clause
from llmagent_os.plugins.calendar.requests.following_message import going_on, read_following
from llmagent_os.plugins.calendar.requests.foreign_words import is_foreign
from llmagent_os.plugins.calendar.requests.left_alone import (
    event_named,
    is_not_needed,
    is_taken_back,
    is_undecided,
    leaves_alone,
    named_events,
    no_longer_needed,
)
from llmagent_os.plugins.calendar.requests.message_size import is_readable
from llmagent_os.plugins.calendar.requests.no_change import forbids_change
from llmagent_os.plugins.calendar.requests.open_answer import read_answer
from llmagent_os.plugins.calendar.requests.politeness import plain
from llmagent_os.plugins.calendar.requests.repeated_request import read_repeated
from llmagent_os.plugins.calendar.requests.request_reading import read_message
from llmagent_os.plugins.calendar.requests.request_sequence import ReadRequest
from llmagent_os.plugins.calendar.requests.same_day import without_same_day
from llmagent_os.plugins.calendar.requests.self_correction import corrected
from llmagent_os.plugins.calendar.requests.spelling import put_right
from llmagent_os.plugins.calendar.requests.unwanted_reminder import read_unwanted
from llmagent_os.plugins.calendar.time.time_mentions import MentionKind
from llmagent_os.plugins.kit.no_reminders import wants_no_reminders

#: "10am their time", where the message names no city.
_ELSEWHERE = re.compile(r"\d ?(?:[ap]\.?m\.?|h)? (?:his|her|their) time\b(?! ?off)", re.IGNORECASE)
WHOSE_TIME = ToolResult(
    {"status": "unclear", "problem": "zone"},
    "Which city's time is that? Please ask again with the city, such as “10 AM London time”.",
)
#: The answer where nothing is to be done, and no event is named.
NOTHING_CHANGED = ToolResult({"status": "kept"}, "All right, I've changed nothing.")

#: The answer to "never remind me again".
HOW_TO_DELETE_REMINDERS = ToolResult(
    {"status": "kept", "problem": "reminders"},
    "I've changed nothing yet. “Delete all my reminders” deletes those of your calendar, and “delete the reminder for "
    "the dentist” one of them.",
)

#: The answer to words that name none of several options.
WHICH_ONE = ToolResult({"status": "ambiguous"}, "Which one? Please choose one of the buttons.")
#: An answer that would name one of several options.
_ONE = re.compile(
    r"(?:no,? )?(?:i (?:mean|meant|want) )?(?:the |that |this )?(?:[\w':]+ ){0,4}?ones?(?: [\w':]+){0,4}", re.IGNORECASE
)

#: Where the person is: that is kept by another plugin, and is no event unless they say for when.
_WHEREABOUTS = re.compile(r"(?:i'm|i am|im)(?: now| currently| back)? in [^\W\d_]", re.IGNORECASE)


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
    to_change = await call.store.asked_to_change()
    text = call.context.text
    if not is_readable(text) or is_foreign(text):
        return ()
    if is_taken_back(text):
        return NOTHING_CHANGED
    events = tuple(await call.store.events())
    clause = await asyncio.to_thread(_clause, call, events)
    if _WHEREABOUTS.match(plain(clause.text).replace("\u2019", "'")) and all(
        each.text.lower().endswith("now") for each in clause.mentions
    ):
        return ()
    if _ELSEWHERE.search(clause.text) and "?" not in clause.text:
        return WHOSE_TIME
    if forbids_change(clause.text):
        return _kept(call, clause)
    same_day = without_same_day(clause)
    clause = same_day or clause
    found = (
        await _answer(call, clause)
        or await read_agreed(call, clause)
        or await read_one_time(call, clause)
        or await read_following(call, clause, to_change)
        or await read_repeated(call, clause)
        or await going_on(call, clause, await asyncio.to_thread(_read, clause), same_day=same_day is not None)
    )
    await call.store.keep_read(message_id, [(each.call, each.words, each.unsure) for each in found])
    if found:
        return tuple(each.call for each in found)
    return await _left_alone(call, clause) or await _which_one(call, clause) or ()


def _clause(call: CalendarCall, events: tuple[CalendarEvent, ...]) -> Clause:
    text = put_right(call.context.text)
    return corrected(Clause.of(text, call.now, month_first=call.month_first, events=events))


def _read(clause: Clause) -> tuple[ReadRequest, ...]:
    unwanted = read_unwanted(clause)
    if unwanted is not None:
        return (unwanted,)
    return _not_needed(clause) or read_message(clause)


async def _answer(call: CalendarCall, clause: Clause) -> tuple[ReadRequest, ...]:
    """The completed event, where the message answers the question about an unfinished one."""
    half = await call.store.unfinished_event()
    if not half or call.context.now - datetime.fromisoformat(half["at"]) > UNFINISHED_LIFETIME:
        return ()
    return tuple(ReadRequest(each, clause.text) for each in read_answer(clause, half))


def _not_needed(clause: Clause) -> tuple[ReadRequest, ...]:
    """Whether to delete an event that the person says is no longer wanted: that is asked about."""
    if not is_not_needed(clause) or goes_on(clause):
        return ()
    title = event_named(clause) or ("" if named_events(clause) else no_longer_needed(clause))
    if not title:
        return ()
    day = {"date": said} if (said := clause.said(MentionKind.DATE)) else {}
    return (ReadRequest(ToolCall("delete_event", {"title": title, **day}), clause.text, unsure=True),)


async def _left_alone(call: CalendarCall, clause: Clause) -> ToolResult | None:
    """The answer to words that say what is not to be done. None: they say something else."""
    if not (leaves_alone(clause.text) or is_undecided(clause)):
        return None
    if clause.text.rstrip().endswith("?") and not event_named(clause):  # "should I call Eva tomorrow?" asks for advice
        return None
    if wants_no_reminders(plain(clause.text)):
        return HOW_TO_DELETE_REMINDERS
    return None if goes_on(clause) else _kept(call, clause)


async def _which_one(call: CalendarCall, clause: Clause) -> ToolResult | None:
    """The answer to "the blue one" behind a question of several options, none of which it names. None: it is more."""
    if _ONE.fullmatch(plain(clause.text)) is None:
        return None
    ask_id = await call.store.open_question()
    question = await call.store.question(ask_id) if ask_id else None
    return WHICH_ONE if question is not None and len(question.options) > 1 else None


def _kept(call: CalendarCall, clause: Clause) -> ToolResult:
    """The answer that nothing was changed, about the event that the words name."""
    title = event_named(clause)
    match = next(iter(call.upcoming([event for event in clause.events if event.title == title])), None)
    if match is None:
        return NOTHING_CHANGED
    return ToolResult(
        {"status": "kept", "title": match.event.title}, f"All right, {call.match_text(match)}, stays as it is."
    )
