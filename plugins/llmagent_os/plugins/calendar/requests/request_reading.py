"""Reads a message: the tool calls that its requests ask for, in order.

Every sentence is read by the first reader that understands all of its words. A sentence that none understands is
divided: what asks for nothing is passed over, and what holds several requests is split between them. Where a part
remains that nobody understands, nothing of the message is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

import msgspec

from llmagent_os.plugin import ToolCall
from llmagent_os.plugins.calendar.requests.among_talk import stretches
from llmagent_os.plugins.calendar.requests.change_request import read_change
from llmagent_os.plugins.calendar.requests.clause import Clause
from llmagent_os.plugins.calendar.requests.creation_note import note_of
from llmagent_os.plugins.calendar.requests.creation_request import read_creation
from llmagent_os.plugins.calendar.requests.deletion_request import read_deletion
from llmagent_os.plugins.calendar.requests.idle_talk import asks_nothing
from llmagent_os.plugins.calendar.requests.lead_request import read_lead
from llmagent_os.plugins.calendar.requests.left_alone import is_undecided, leaves_alone, named_events
from llmagent_os.plugins.calendar.requests.length_request import read_length
from llmagent_os.plugins.calendar.requests.list_heading import day_heading, heading_of, topic_of
from llmagent_os.plugins.calendar.requests.lookup_request import read_lookup
from llmagent_os.plugins.calendar.requests.name_request import read_name
from llmagent_os.plugins.calendar.requests.openings import Asks, opening_of, opens_other, opens_request
from llmagent_os.plugins.calendar.requests.place_request import read_place
from llmagent_os.plugins.calendar.requests.politeness import before_request, plain
from llmagent_os.plugins.calendar.requests.prevented_request import read_prevented
from llmagent_os.plugins.calendar.requests.question_words import QUESTION
from llmagent_os.plugins.calendar.requests.reference_request import read_reference
from llmagent_os.plugins.calendar.requests.sentences import between_requests, sentences
from llmagent_os.plugins.calendar.requests.series_end import read_series_end
from llmagent_os.plugins.calendar.requests.shift_request import read_shift
from llmagent_os.plugins.calendar.requests.told_before import read_told
from llmagent_os.plugins.calendar.time.time_mentions import MentionKind

#: Reads one clause: the calls that its words ask for; None, or no call: not every word is understood.
ReadClause = Callable[[Clause], ToolCall | tuple[ToolCall, ...] | None]

#: The readers, in the order in which they are tried. The most particular words come first.
READERS: tuple[ReadClause, ...] = (
    read_lead,
    read_lookup,
    read_series_end,
    read_deletion,
    read_place,
    read_name,
    read_length,
    read_shift,
    read_change,
    read_reference,
    read_creation,
)

MAX_CHARACTERS = 600  #: of a message that is read by rules
MAX_JOINTS = 24  #: commas, "and" and the like in it: with more of them it would take too long to read
_JOINT = re.compile(r"[,;&+–-]|\b(?:and|then|to|a)\b", re.IGNORECASE)
MAX_REQUESTS = 10  #: of one message


#: Things to do that are also words of requests.
_TASK = re.compile(
    r"(?:to )?(?:leave|see|check(?: on| in)?|make|bring|take|get|give|tell|read|find|turn|stop|keep|feed|put|book"
    r"|have|do|set|pick)\b",
    re.IGNORECASE,
)
#: An aside in the middle of a request.
_ASIDE = re.compile(
    r"\s*,\s(?:if (?:it's|that's|you|possible)|because|since|as (?:always|usual|i said)|like|you know|whatever|i guess"
    r"|i think|i mean|basically|honestly"
    r"|or something|or whatever|please)\b[^,;.!?]*,(?=\s)|\s[—–-]+\s[^—–]{3,80}?\s[—–-]+(?=\s)|,\s*(?:like|whatever"
    r"|you know|or something|or whatever)(?=\s*,|\s*$)",
    re.IGNORECASE,
)
#: What may stand between talk and a request behind it.
_TALK = re.compile(
    r"\s*(?:[,:–—]|\s-|\.{2,}+|…)+\s+(?:(?:so|but|and|anyway|still)[\s,]+)*|\s+(?:so|but|and|anyway)\s+(?=(?:can|could"
    r"|would|please|remind|add|put|i need)\b)",
    re.IGNORECASE,
)
#: What may stand in front of a remark behind a request.
_REMARK = re.compile(
    r"\s*(?:[,:–—]|\s-|\.{2,}+|…)+\s+(?:(?:and|but|as)\s+)?|\s+(?:and|but)\s+(?=(?:i|it|she|he|they|we|that)\b)",
    re.IGNORECASE,
)


#: What is to be done instead: "I can't make the dentist, move it to friday".
_INSTEAD = re.compile(
    r"[,;.] ?(?:(?:so|and|but|please|can you|could you) )*"
    r"(?:cancel|delete|remove|drop|scrap|move|shift|push|postpone|reschedule|change|put) (?:it|that|them|all|everything"
    r"|the (?:whole|entire|lot|series))\b",
    re.IGNORECASE,
)
#: Where words of what is not to be done end, and a request may begin.
_AFTER_NEGATION = re.compile(
    r"(?:\s*[,;:.–—]+|\s-|(?=\s(?:but|just|only|instead)\b))\s+(?:(?:but|and|just|only|instead|rather)\s+)*",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class ReadRequest:
    """One request of a message."""

    call: ToolCall
    words: str  #: what the person said for it, with the verb that it shares with the request before
    unsure: bool = False  #: the person is asked before it is done


def read_message(clause: Clause) -> tuple[ReadRequest, ...]:
    """Return the requests of a whole message, in order. Empty: something in it is not understood.

    Args:
        clause: the message, with its spelling put right.
    """
    told = read_told(clause)
    if told is not None:
        return (ReadRequest(told[0], clause.text, unsure=not told[1]),)
    moved = read_prevented(clause)
    if moved is not None:
        return (ReadRequest(moved, clause.text),)
    found = _sentences(clause)
    if not found:
        found = _among_talk(clause.cut(_ASIDE))
    return tuple(found) if len(found) <= MAX_REQUESTS else ()


def _among_talk(clause: Clause) -> list[ReadRequest]:
    """Read the one request among other talk."""
    for stretch, verb in stretches(clause):
        if leaves_alone(stretch.text) or is_undecided(stretch):
            continue
        if opens_request(plain(stretch.text)) or verb or stretch.has(MentionKind.TIME):
            read = _one(stretch.part(before_request(stretch.text)), verb, "")
            named = bool(read and {"title", "person"} & read[0].call.arguments.keys())
            if named and not re.match(
                r"(?:she|he|they|it|we|this|that)\b", str(read[0].call.arguments.get("title", "")), re.IGNORECASE
            ):
                return read
    return []


def _sentences(clause: Clause) -> list[ReadRequest]:
    """Read every sentence. Empty: one of them is not understood."""
    found: list[ReadRequest] = []
    heading = ""  # "please add:" in front of a list
    listed = heading_of(clause.text)
    if listed:
        heading, clause = _verb(plain(listed)), clause.part(len(listed))
    clause = clause.part(len(topic_of(clause)))
    day = day_heading(clause)
    if day is not None:
        clause = clause.part(day.end + 1)
    for begin, end in sentences(clause):
        sentence = clause.part(begin, end)
        if (
            found
            and (note := note_of(sentence.text))
            and not sentence.mentions
            and found[-1].call.name == "create_event"
        ):
            call = found[-1].call
            noted = msgspec.structs.replace(call, arguments={**call.arguments, "note": note})
            found[-1] = replace(found[-1], call=noted)
            continue
        title = plain(sentence.text)
        if re.fullmatch(r"[^:]{2,60}:", sentence.text) and not sentence.mentions and opens_request(title):
            heading = _verb(title)
            continue
        read = _read(sentence.cut(_ASIDE), heading, day.text if day is not None else "")
        if not read:
            if asks_nothing(sentence):
                continue
            return []
        found += read
    return found


def is_readable(text: str) -> bool:
    """Return whether a message is short enough to be read by rules, in a few thousandths of a second."""
    return len(text) <= MAX_CHARACTERS and len(_JOINT.findall(text)) <= MAX_JOINTS


def _read(clause: Clause, verb: str = "", date: str = "") -> list[ReadRequest]:
    """Read a part of a message. Empty: it is not understood.

    Args:
        clause: the part.
        verb: that of the request before, for a part without one.
        date: that of the request before, for an event with a time of day only.
    """
    if not clause.text:
        return []
    if leaves_alone(clause.text) or is_undecided(clause):
        return _one(clause, verb, date) if _INSTEAD.search(clause.text) else _behind_negation(clause)
    return _one(clause, verb, date) or _without_talk(clause, verb, date) or _split(clause, verb, date)


def _behind_negation(clause: Clause) -> list[ReadRequest]:
    """Read what is asked behind words that say what is not to be done: "don't delete anything, just show me friday"."""
    for match in _AFTER_NEGATION.finditer(clause.text):
        left, right = clause.part(0, match.start()), clause.part(match.end())
        if not leaves_alone(left.text) or leaves_alone(right.text):
            continue
        if opens_request(plain(right.text)) or QUESTION.match(plain(right.text)):
            return _about_named(_one(right, "", ""), left)
    return []


def _about_named(read: list[ReadRequest], left: Clause) -> list[ReadRequest]:
    """A look-up of "it", which is the event that the words before it name."""
    ids = named_events(left)
    titles = [event.title for event in left.events if event.event_id in ids]
    if len(read) != 1 or len(titles) != 1 or read[0].call.name != "list_events":
        return read
    if read[0].call.arguments.keys() != {"asked"}:  # it names what it is about
        return read
    call = msgspec.structs.replace(read[0].call, arguments={"title": titles[0], **read[0].call.arguments})
    return [replace(read[0], call=call)]


def _one(clause: Clause, verb: str, date: str) -> list[ReadRequest]:
    """Read a part as one request."""
    bare = clause.part(before_request(clause.text))
    for each in (clause, bare):
        shares = verb and (not opens_request(bare.text) or _is_next_task(verb, bare))
        for words in (each.after(verb), each) if shares else (each,):
            for reader in READERS:
                read = reader(words)
                calls = read if isinstance(read, tuple) else (read,) if read is not None else ()
                if calls:
                    return [ReadRequest(_on_day(call, date), words.text) for call in calls]
    return []


def _is_next_task(verb: str, clause: Clause) -> bool:
    """Whether words are one more thing to be reminded of: "remind me to call Tom at noon and leave at 4"."""
    opening = opening_of(f"{verb} ")
    reminds = opening is not None and opening[0] is Asks.REMINDER
    return reminds and bool(clause.mentions) and _TASK.match(plain(clause.text)) is not None


def _on_day(call: ToolCall, date: str) -> ToolCall:
    """An event on the day of the event before it, where it has a time of day and no day of its own."""
    given = call.arguments
    if call.name != "create_event" or not date or "time" not in given or {"date", "repeat"} & given.keys():
        return call
    return msgspec.structs.replace(call, arguments={**given, "date": date})


def _without_talk(clause: Clause, verb: str, date: str) -> list[ReadRequest]:
    """Read a part behind words that ask for nothing, or in front of them: "what a day, please cancel the gym"."""
    for match in _TALK.finditer(clause.text):
        left, right = clause.part(0, match.start()), clause.part(match.end())
        read = _read(right, verb, date) if asks_nothing(left) else []
        if read and (opens_request(plain(right.text)) or all(each.call.name != "create_event" for each in read)):
            return read
    for match in reversed(list(_REMARK.finditer(clause.text))):
        left, right = clause.part(0, match.start()), clause.part(match.end())
        if asks_nothing(right, behind=True) and (read := _one(left, verb, date)):
            return read
    return []


def _split(clause: Clause, verb: str, date: str) -> list[ReadRequest]:
    """Read a part as several requests."""
    for left_end, right_begin in between_requests(clause.text):
        if any(each.start < right_begin and each.end > left_end for each in clause.mentions):
            continue  # "8am and 8pm"
        left, right = clause.part(0, left_end), clause.part(right_begin)
        first = _one(left, verb, date)
        if not first or not _may_follow(first, left, right):
            continue
        opening = _verb(plain(left.text)) or verb
        if not opening and first[-1].call.name == "move_event" and right.mentions:
            opening = "move"  # "dentist at 11 instead and gym at 7"
        own = opens_request(plain(right.text)) and not _is_next_task(verb or _verb(plain(left.text)), right)
        title = str(first[-1].call.arguments.get("title", ""))
        if re.match(r"with\b", right.text, re.IGNORECASE) and title:
            opening = f"{opening} {title}".strip()
        rest = _read(right, "" if own else opening, "" if own else str(first[-1].call.arguments.get("date", date)))
        if rest and not any(_is_untimed(each.call) for each in rest):
            if "and" in clause.text[left_end:right_begin].lower() and (day := _last_day(right)):
                first = [replace(each, call=_on_day(each.call, day)) for each in first]
            return _with_reminder(first, rest, left)
    return []


def _last_day(clause: Clause) -> str:
    """The day behind the last time, which both events share: "football at 4 and ballet at 5 tomorrow"."""
    kinds = [each.kind for each in clause.mentions]
    behind = kinds == [MentionKind.TIME, MentionKind.DATE] and not plain(clause.text[clause.mentions[1].end :])
    joined = behind and not clause.text[clause.mentions[0].end : clause.mentions[1].start].strip()
    return clause.mentions[1].text if joined else ""


def _with_reminder(first: list[ReadRequest], rest: list[ReadRequest], left: Clause) -> list[ReadRequest]:
    """Two requests. "…, remind me on thursday" is about what was said before, which may be no request itself."""
    call, title = rest[0].call, first[-1].call.arguments.get("title")
    is_bare = call.name == "create_event" and not {"title", "person"} & call.arguments.keys()
    if not is_bare or not title or opening_of(plain(rest[0].words)) != (Asks.REMINDER, len("remind me")):
        return [*first, *rest]
    date = str(first[-1].call.arguments.get("date", ""))  # "I have to go to the bank tomorrow, remind me at 9"
    call = _on_day(call, date)
    about = ReadRequest(msgspec.structs.replace(call, arguments={"title": title, **call.arguments}), rest[0].words)
    opening = opening_of(plain(left.text))
    before = [] if opening is not None and opening[0] is Asks.HAVING else first
    return [*before, about, *rest[1:]]


def _may_follow(first: list[ReadRequest], left: Clause, right: Clause) -> bool:
    """Whether the words behind a request can be another one, and no part of it."""
    call = first[-1].call
    if call.name != "create_event":
        return True
    opening = opening_of(plain(left.text))
    verb_follows = opens_request(plain(right.text))
    if opening is not None and opening[0] is Asks.REMINDER and verb_follows and not right.mentions:
        # "remind me to cancel the gym and move the car": both are what to be reminded of
        return (
            opening_of(plain(right.text)) is None
            and re.match(r"(?:what|when|where|who|show|tell)\b", plain(right.text)) is not None
        )
    if _is_untimed(call):
        return verb_follows and opens_other(plain(right.text))
    return bool(right.mentions) or verb_follows


def _is_untimed(call: ToolCall) -> bool:
    return call.name == "create_event" and not {"date", "time", "repeat"} & call.arguments.keys()


def _verb(text: str) -> str:
    """The first words of a request, which a part behind it shares."""
    opening = opening_of(text)
    if opening is not None:
        return text[: opening[1]].strip(" ,:")
    match = re.match(r"\w+", text)
    return match[0] if match and opens_other(text) else ""
