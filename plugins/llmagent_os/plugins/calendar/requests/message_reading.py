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
from llmagent_os.plugins.calendar.event_search import fits_words
from llmagent_os.plugins.calendar.requests.among_talk import goes_on
from llmagent_os.plugins.calendar.requests.clause import MARK, Clause
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
from llmagent_os.plugins.calendar.requests.request_reading import is_readable, read_message
from llmagent_os.plugins.calendar.requests.self_correction import corrected
from llmagent_os.plugins.calendar.requests.single_request import ReadRequest
from llmagent_os.plugins.calendar.requests.spelling import put_right
from llmagent_os.plugins.calendar.time.time_mentions import MentionKind

_HALF = re.compile(
    r"(?:no |i mean(?:t)? |make it |in the |at )*([ap])\.?m\.?(?: (?:i mean(?:t)?|obviously|not [ap]m))?",
    re.IGNORECASE,
)
#: "10am their time", where the message names no city.
_ELSEWHERE = re.compile(r"\d ?(?:[ap]\.?m\.?|h)? (?:his|her|their) time\b(?! ?off)", re.IGNORECASE)
WHOSE_TIME = ToolResult(
    {"status": "unclear", "problem": "zone"},
    "Which city's time is that? Please ask again with the city, such as “10 AM London time”.",
)
#: The answer where nothing is to be done, and no event is named.
NOTHING_CHANGED = ToolResult({"status": "kept"}, "All right, I've changed nothing.")

#: What goes on from the message before.
_AND = re.compile(r"(?:and|also|plus|then|after that|and then|oh and|ok and|okay and)\b", re.IGNORECASE)

#: Where the person is: that is kept by another plugin, and is no event unless they say for when.
_WHEREABOUTS = re.compile(r"(?:i'm|i am|im)(?: now| currently| back)? in [^\W\d_]", re.IGNORECASE)
_PLACE = re.compile(
    r"(?:it(?:'s| is| will be)|that(?:'s| is)|we(?:'re| are) meeting)? ?(?:at|in|@) (?P<place>(?!least|all|last|first"
    r"|the moment|case|fact|general|person)[^\W\d_][\w'’&.-]*(?: [\w'’&.-]+){0,4})",
    re.IGNORECASE,
)
_WITH = re.compile(
    r"(?:it(?:'s| is| will be))? ?with (?P<person>(?-i:[A-Z])[\w'’.-]*(?:(?: and|,)? (?-i:[A-Z])[\w'’.-]*){0,4}|my"
    r" [^\W\d_]+)",
    re.IGNORECASE,
)
_ABOUT = re.compile(
    r"(?P<with>with (?:(?-i:[A-Z])[\w'’.-]*(?:(?: and|,)? (?-i:[A-Z])[\w'’.-]*){0,4}|my [^\W\d_]+) )?"
    r"(?P<about>(?:about|regarding|on the subject of) (?!time\b|that\b|it\b|this\b)[^,.!?]{2,60})",
    re.IGNORECASE,
)
_AIM = re.compile(
    r"^(?:(?:to|on|at|for|make it|move it to|it should be|let's (?:say|do|make it))\b\W*)+", re.IGNORECASE
)
_NOTE = re.compile(r"(?P<note>(?:bring|wear|pack|take along|ask for|ask about)\b.{2,80})", re.IGNORECASE)
_MEANT = re.compile(
    r"(?:(?:no|nope|wait|oops|sorry|not that(?: one)?|wrong one|hm+)[\s,.!]*)*(?:i (?:meant|mean|wanted)(?: to"
    r" (?:delete|cancel|remove))?|it was) (?P<title>(?:the |my )?[^,.!?]{2,40})",
    re.IGNORECASE,
)


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
    found = (
        await _answer(call, clause)
        or await _new_when(call, clause, to_change)
        or await _half_of_day(call, clause)
        or await _when_of_undated(call, clause)
        or await _more_about(call, clause)
        or await _other_event(call, clause)
        or await _going_on(call, clause, await asyncio.to_thread(_read, clause))
    )
    if found:
        await call.store.keep_read(message_id, [(each.call, each.words, each.unsure) for each in found])
        return tuple(each.call for each in found)
    return await _left_alone(call, clause) or ()


def _clause(call: CalendarCall, events: tuple[CalendarEvent, ...]) -> Clause:
    text = put_right(call.context.text)
    return corrected(Clause.of(text, call.now, month_first=call.month_first, events=events))


def _read(clause: Clause) -> tuple[ReadRequest, ...]:
    return _not_needed(clause) or read_message(clause)


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


async def _new_when(call: CalendarCall, clause: Clause, event_id: str | None) -> tuple[ReadRequest, ...]:
    """Read "friday at 2" behind the question what to change about an event: that is its new time."""
    when = _only_when(clause)
    if event_id is None or not when or await call.store.focus() != event_id:
        return ()
    return (ReadRequest(ToolCall("move_event", when), clause.text),)


def _only_when(clause: Clause) -> dict[str, str]:
    """The new day and time, where a message says nothing else."""
    bare = re.sub(rf"{MARK}|\W|_", "", _AIM.sub("", plain(clause.masked)))
    if bare or "?" in clause.text:
        return {}
    kinds = (("date", MentionKind.DATE), ("time", MentionKind.TIME))
    return {f"new_{name}": re.sub(r"^(?:to|for) ", "", said) for name, kind in kinds if (said := clause.said(kind))}


async def _when_of_undated(call: CalendarCall, clause: Clause) -> tuple[ReadRequest, ...]:
    """Read "tonight at 8" behind a reminder that was noted without a date just now: that is its time."""
    when = _only_when(clause)
    if not when:
        return ()
    made = await call.store.last_change()
    event_id = await call.store.focus()
    event = next((each for each in clause.events if each.event_id == event_id), None)
    if made is None or event is None or event.start is not None or made[1].before:
        return ()
    is_new = event in made[1].after and call.context.now - datetime.fromisoformat(made[1].at) <= UNFINISHED_LIFETIME
    return (ReadRequest(ToolCall("move_event", when), clause.text),) if is_new else ()


async def _more_about(call: CalendarCall, clause: Clause) -> tuple[ReadRequest, ...]:
    """Read "at Starbucks", "with Ana", "90 minutes" and "bring wine" behind an event that is new or was changed."""
    text = plain(clause.text)
    place, note, person = _PLACE.fullmatch(text), _NOTE.fullmatch(text), _WITH.fullmatch(text)
    about = _ABOUT.fullmatch(text)
    kinds = {each.kind for each in clause.mentions}
    bare = re.sub(rf"{MARK}|\W|_|\bfor\b", "", plain(clause.masked))
    length = clause.said(MentionKind.DURATION) if kinds == {MentionKind.DURATION} and not bare else None
    adds = (length or ((place or note or person or about) and not kinds)) and "?" not in clause.text
    made = await call.store.last_change() if adds else None
    if made is None or call.context.now - datetime.fromisoformat(made[1].at) > UNFINISHED_LIFETIME:
        return ()
    event_id = await call.store.focus()
    event = next((each for each in made[1].after if each.event_id == event_id), None)
    if event is None or event.start is None:
        return ()
    new = {"new_duration": length} if length else {}
    for name, words in (("place", place), ("note", note), ("person", person)):
        new |= {f"new_{name}": words[name]} if words else {}
    if about:
        joined = re.search(r"\bwith\b", event.title, re.IGNORECASE) is None
        new = {"new_title": f"{event.title} {about[0] if joined else about['about']}"}
    return (ReadRequest(ToolCall("move_event", new), clause.text),)


async def _other_event(call: CalendarCall, clause: Clause) -> tuple[ReadRequest, ...]:
    """Read "no, I meant the gym" behind a deletion: another event was meant, and the first one comes back."""
    meant = _MEANT.fullmatch(plain(clause.text)) or _MEANT.fullmatch(clause.text.strip(" .!"))
    made = await call.store.last_change() if meant else None
    if meant is None or made is None or made[1].after or len(made[1].before) != 1:
        return ()
    if call.context.now - datetime.fromisoformat(made[1].at) > UNFINISHED_LIFETIME:
        return ()
    title = re.sub(r"^(?:the|my) ", "", meant["title"], flags=re.IGNORECASE)
    if not any(fits_words(event, title) for event in clause.events):
        return ()
    return (ReadRequest(ToolCall("delete_event", {"title": title, "instead_of": made[0]}), clause.text),)


async def _going_on(call: CalendarCall, clause: Clause, read: tuple[ReadRequest, ...]) -> tuple[ReadRequest, ...]:
    """Put "and a massage at 5" on the day of the event that was added just before."""
    if len(read) != 1 or not _AND.match(clause.text) or read[0].call.name != "create_event":
        return read
    given = read[0].call.arguments
    made = await call.store.last_change()
    if made is None or "time" not in given or {"date", "repeat"} & given.keys():
        return read
    event = made[1].after[0] if made[1].after and not made[1].before else None
    is_new = call.context.now - datetime.fromisoformat(made[1].at) <= UNFINISHED_LIFETIME
    if event is None or event.start is None or event.start <= call.now or not is_new:
        return read
    dated = ToolCall("create_event", {**given, "date": f"{event.start:%Y-%m-%d}"})
    return (ReadRequest(dated, read[0].words, read[0].unsure),)


def _not_needed(clause: Clause) -> tuple[ReadRequest, ...]:
    """Whether to delete an event that the person says is no longer wanted: that is asked about."""
    if not is_not_needed(clause) or goes_on(clause):
        return ()
    ids = named_events(clause)
    titles = [event.title for event in clause.events if event.event_id in ids] or [no_longer_needed(clause)]
    if len(titles) != 1 or not (title := titles[0]):
        return ()
    day = {"date": said} if (said := clause.said(MentionKind.DATE)) else {}
    return (ReadRequest(ToolCall("delete_event", {"title": title, **day}), clause.text, unsure=True),)


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
