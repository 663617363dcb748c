"""Reads a message: the tool calls that its requests ask for, in order.

Every sentence is read by the first reader that understands all of its words. A sentence that none understands is
divided: what asks for nothing is passed over, and what holds several requests is split between them. Where a part
remains that nobody understands, nothing of the message is read.
"""

from __future__ import annotations

import re
from dataclasses import replace

import msgspec

from llmagent_os.plugins.calendar.requests.among_talk import stretches
from llmagent_os.plugins.calendar.requests.clause import Clause
from llmagent_os.plugins.calendar.requests.creation_note import note_of
from llmagent_os.plugins.calendar.requests.creation_place import is_spot
from llmagent_os.plugins.calendar.requests.event_nouns import names_event
from llmagent_os.plugins.calendar.requests.idle_talk import asks_nothing
from llmagent_os.plugins.calendar.requests.left_alone import is_undecided, leaves_alone
from llmagent_os.plugins.calendar.requests.list_heading import day_heading, heading_of, topic_of
from llmagent_os.plugins.calendar.requests.openings import opens_request
from llmagent_os.plugins.calendar.requests.politeness import before_request, plain
from llmagent_os.plugins.calendar.requests.prevented_request import read_prevented
from llmagent_os.plugins.calendar.requests.request_division import read_part
from llmagent_os.plugins.calendar.requests.sentences import sentences
from llmagent_os.plugins.calendar.requests.single_request import ReadRequest, read_one, verb_of
from llmagent_os.plugins.calendar.requests.told_before import read_told
from llmagent_os.plugins.calendar.time.time_mentions import MentionKind

MAX_CHARACTERS = 600  #: of a message that is read by rules
MAX_JOINTS = 24  #: commas, "and" and the like in it: with more of them it would take too long to read
_JOINT = re.compile(r"[,;&+–-]|\b(?:and|then|to|a)\b", re.IGNORECASE)
MAX_REQUESTS = 10  #: of one message


#: An aside in the middle of a request.
_ASIDE = re.compile(
    r"\s*,\s(?:if (?:it's|that's|you|possible)|because|since|as (?:always|usual|i said)|like|you know|whatever|i guess"
    r"|i think|i mean|basically|honestly"
    r"|or something|or whatever|please)\b[^,;.!?]*,(?=\s)|\s[—–-]+\s[^—–]{3,80}?\s[—–-]+(?=\s)|,\s*(?:like|whatever"
    r"|you know|or something|or whatever)(?=\s*,|\s*$)",
    re.IGNORECASE,
)


#: It names nothing by itself.
_POINTS = re.compile(r"(?:she|he|they|it|we|this|that)\b", re.IGNORECASE)
#: In front of the time of what was named before.
_SAYS_WHEN = re.compile(r"(?:it|that)(?:'s| is|'ll be| will be| starts?)\b ?(?=\S)", re.IGNORECASE)


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
            read = read_one(stretch.part(before_request(stretch.text)), verb, "")
            title = str(read[0].call.arguments.get("title", "")) if read else ""
            named = bool(read and {"title", "person"} & read[0].call.arguments.keys())
            if named and not _POINTS.match(title) and (names_event(title) or not is_spot(title, apart=True)):
                return read
    return []


def _sentences(clause: Clause) -> list[ReadRequest]:
    """Read every sentence. Empty: one of them is not understood."""
    found: list[ReadRequest] = []
    heading = ""  # "please add:" in front of a list
    listed = heading_of(clause.text)
    if listed:
        heading, clause = verb_of(plain(listed)), clause.part(len(listed))
    clause = clause.part(len(topic_of(clause)))
    day = day_heading(clause)
    if day is not None:
        clause = clause.part(clause.text.index(":", day.end) + 1)
    for begin, end in sentences(clause):
        sentence = clause.part(begin, end)
        if found and (noted := _timed(found[-1], sentence) or _noted(found[-1], sentence)):
            found[-1] = noted
            continue
        title = plain(sentence.text)
        if re.fullmatch(r"[^:]{2,60}:", sentence.text) and not sentence.mentions and opens_request(title):
            heading = verb_of(title)
            continue
        date = day.text if day is not None else _day_of_list(clause.text[:begin], sentence, found)
        read = read_part(sentence.cut(_ASIDE), heading, date)
        if not read:
            if asks_nothing(sentence):
                continue
            return []
        found += read
    return found


def _day_of_list(before: str, line: Clause, found: list[ReadRequest]) -> str:
    """The day of the first line of a list, for a line that begins with a time: "friday 9:30 retro; 11:00 demo"."""
    if not found or not re.search(r"[;\n]\s*$", before) or not line.mentions or line.mentions[0].start:
        return ""
    is_time = line.mentions[0].kind is MentionKind.TIME
    return str(found[-1].call.arguments.get("date", "")) if is_time and found[-1].call.name == "create_event" else ""


def _timed(request: ReadRequest, sentence: Clause) -> ReadRequest | None:
    """A request for an event with the time that the sentence behind it says: "add the fair. It's on friday at 2"."""
    said = _SAYS_WHEN.match(sentence.text)
    given = request.call.arguments
    if said is None or request.call.name != "create_event" or {"date", "time", "repeat"} & given.keys():
        return None
    read = read_one(sentence.part(said.end()).after(str(given.get("title", ""))), "", "")
    if len(read) != 1 or read[0].call.name != "create_event" or not sentence.mentions:
        return None
    return replace(request, call=msgspec.structs.replace(read[0].call, arguments={**read[0].call.arguments, **given}))


def _noted(request: ReadRequest, sentence: Clause) -> ReadRequest | None:
    """A request for an event with the note that the sentence behind it adds. None: the sentence says something else."""
    note = note_of(sentence.text)
    if not note or sentence.mentions or request.call.name != "create_event":
        return None
    arguments = {**request.call.arguments, "note": note}
    return replace(request, call=msgspec.structs.replace(request.call, arguments=arguments))


def is_readable(text: str) -> bool:
    """Return whether a message is short enough to be read by rules, in a few thousandths of a second."""
    return len(text) <= MAX_CHARACTERS and len(_JOINT.findall(text)) <= MAX_JOINTS
