"""Reads a short message that goes on from what was done just before: "at Starbucks", "pm of course", "tonight at 8"."""

from __future__ import annotations

import re
from datetime import datetime

from llmagent_os.plugin import ToolCall
from llmagent_os.plugins.calendar.calendar_call import CalendarCall
from llmagent_os.plugins.calendar.event_creation import UNFINISHED_LIFETIME
from llmagent_os.plugins.calendar.event_words import fits_words
from llmagent_os.plugins.calendar.requests.clause import MARK, Clause
from llmagent_os.plugins.calendar.requests.politeness import plain
from llmagent_os.plugins.calendar.requests.request_sequence import ReadRequest
from llmagent_os.plugins.calendar.time.time_mentions import MentionKind

_HALF = re.compile(
    r"(?:no |i mean(?:t)? |make it |in the |at )*([ap])\.?m\.?(?: (?:i mean(?:t)?|obviously|not [ap]m))?",
    re.IGNORECASE,
)
#: What goes on from the message before.
_AND = re.compile(r"(?:and|also|plus|then|after that|and then|oh and|ok and|okay and)\b", re.IGNORECASE)

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


async def read_following(call: CalendarCall, clause: Clause, to_change: str | None) -> tuple[ReadRequest, ...]:
    """Return what a short message adds to the event that was added, changed or deleted just before.

    Args:
        call: with the message and the person's calendar.
        clause: the message.
        to_change: the id of the event about which the person was asked what to change; None: nothing was asked.
    """
    return (
        await _new_when(call, clause, to_change)
        or await _half_of_day(call, clause)
        or await _when_of_undated(call, clause)
        or await _more_about(call, clause)
        or await _other_event(call, clause)
    )


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
    repeat = clause.said(MentionKind.RECURRENCE) if kinds == {MentionKind.RECURRENCE} and not bare else None
    end = re.match(r"(?:until|till|til) (.+)", clause.said(MentionKind.TIME) or "", re.IGNORECASE)
    end = end if kinds == {MentionKind.TIME} and not bare else None
    adds = (length or repeat or end or ((place or note or person or about) and not kinds)) and "?" not in clause.text
    made = await call.store.last_change() if adds else None
    if made is None or call.context.now - datetime.fromisoformat(made[1].at) > UNFINISHED_LIFETIME:
        return ()
    event_id = await call.store.focus()
    event = next((each for each in made[1].after if each.event_id == event_id), None)
    if event is None or event.start is None:
        return ()
    new = {"new_duration": length} if length else {"new_repeat": repeat} if repeat else {}
    new |= {"new_end": end[1]} if end else {}
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


async def going_on(
    call: CalendarCall, clause: Clause, read: tuple[ReadRequest, ...], *, same_day: bool = False
) -> tuple[ReadRequest, ...]:
    """Put "and a massage at 5" on the day of the event that was added just before, also if the words say so."""
    if len(read) != 1 or not (same_day or _AND.match(clause.text)) or read[0].call.name != "create_event":
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
