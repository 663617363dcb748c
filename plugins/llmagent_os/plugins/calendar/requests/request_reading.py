"""Reads a message: the tool calls that its requests ask for, in order.

A sentence that ``clause_reading`` does not understand as one request is divided by ``request_division``. Where a part
remains that nobody understands, nothing of the message is read.
"""

from __future__ import annotations

import re
from dataclasses import replace

import msgspec

from llmagent_os.plugins.calendar.requests.among_talk import changes_request, is_command, stretches
from llmagent_os.plugins.calendar.requests.clause import Clause
from llmagent_os.plugins.calendar.requests.creation_place import is_spot
from llmagent_os.plugins.calendar.requests.event_nouns import names_event
from llmagent_os.plugins.calendar.requests.idle_talk import asks_nothing
from llmagent_os.plugins.calendar.requests.left_alone import is_undecided, leaves_alone
from llmagent_os.plugins.calendar.requests.list_heading import list_of
from llmagent_os.plugins.calendar.requests.named_before import read_named_before
from llmagent_os.plugins.calendar.requests.openings import opens_request
from llmagent_os.plugins.calendar.requests.politeness import before_request, plain
from llmagent_os.plugins.calendar.requests.prevented_request import read_prevented
from llmagent_os.plugins.calendar.requests.request_division import PartReader, TooLongError
from llmagent_os.plugins.calendar.requests.request_sequence import (
    ReadRequest,
    after_request,
    day_of_list,
    is_untimed,
    noted,
    on_named_day,
    shared_verb,
)
from llmagent_os.plugins.calendar.requests.second_thoughts import in_doubt
from llmagent_os.plugins.calendar.requests.sentences import at_last, joined, sentences, story_parts
from llmagent_os.plugins.calendar.requests.told_before import read_told
from llmagent_os.plugins.calendar.time.time_mentions import MentionKind

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
    try:
        return in_doubt(clause, _MessageReader().whole(clause))
    except TooLongError:
        return ()


class _MessageReader:
    """Reads one message, within a bounded number of attempts."""

    def __init__(self) -> None:
        self._parts = PartReader()

    def whole(self, clause: Clause) -> tuple[ReadRequest, ...]:
        """Read a whole message; see :func:`read_message`."""
        clause = on_named_day(clause)
        told = read_told(clause)
        if told is not None:
            return (ReadRequest(told[0], clause.text, unsure=not told[1]),)
        moved = read_prevented(clause)
        if moved is not None:
            return (ReadRequest(moved, clause.text),)
        point = at_last(clause)
        found = self._sentences(clause if point is None else point)
        if not found and (call := read_named_before(clause)) is not None:
            found = [ReadRequest(call, clause.text)]
        if not found:
            found = self._among_talk(clause.cut(_ASIDE)) or self._in_story(clause)
        return tuple(found) if len(found) <= MAX_REQUESTS else ()

    def _among_talk(self, clause: Clause) -> list[ReadRequest]:
        """Read the one request among other talk."""
        for stretch, verb in stretches(clause):
            if leaves_alone(stretch.text) or is_undecided(stretch):
                continue
            if opens_request(plain(stretch.text)) or verb or stretch.has(MentionKind.TIME):
                read = self._parts.one(stretch.part(before_request(stretch.text)), verb)
                title = str(read[0].call.arguments.get("title", "")) if read else ""
                named = bool(read and {"title", "person"} & read[0].call.arguments.keys())
                if named and not _POINTS.match(title) and (names_event(title) or not is_spot(title, apart=True)):
                    return read
        return []

    def _in_story(self, clause: Clause) -> list[ReadRequest]:
        """Read the only sentence of a story that opens a request. The others tell something, and may name days."""
        parts = list(story_parts(clause))
        asking = [
            part
            for part in parts
            if opens_request(plain(part.text), timed=bool(part.mentions)) and not asks_nothing(part)
        ]
        story = [part for part in parts if part not in asking]
        if len(asking) != 1 or not story or is_command(asking[0].text) or any(changes_request(part) for part in story):
            return []
        read = self._parts.one(asking[0].part(before_request(asking[0].text)))
        return [] if any(is_untimed(each.call) for each in read) else read

    def _sentences(self, clause: Clause) -> list[ReadRequest]:
        """Read every sentence. Empty: one of them is not understood."""
        found: list[ReadRequest] = []
        clause, heading, day = list_of(clause)
        clause = joined(clause)
        for begin, end in sentences(clause):
            sentence = clause.part(begin, end)
            if found:
                sentence = after_request(sentence, found[-1].call)
                more = self._timed(found[-1], sentence) or noted(found[-1], sentence)
                if more is not None:
                    found[-1] = more
                    continue
            title = plain(sentence.text)
            if re.fullmatch(r"[^:]{2,60}:", sentence.text) and not sentence.mentions and opens_request(title):
                heading = shared_verb(title)
                continue
            date = day or day_of_list(clause.text[:begin], sentence, found)
            read = self._parts.part(sentence.cut(_ASIDE), heading, date)
            if not read:
                if asks_nothing(sentence):
                    continue
                return []
            found += read
        return found

    def _timed(self, request: ReadRequest, sentence: Clause) -> ReadRequest | None:
        """An event with the time that the sentence behind it says: "add the fair. It's on friday at 2"."""
        said = _SAYS_WHEN.match(sentence.text)
        given = request.call.arguments
        if said is None or request.call.name != "create_event" or {"date", "time", "repeat"} & given.keys():
            return None
        read = self._parts.one(sentence.part(said.end()).after(str(given.get("title", ""))))
        if len(read) != 1 or read[0].call.name != "create_event" or not sentence.mentions:
            return None
        call = read[0].call
        return replace(request, call=msgspec.structs.replace(call, arguments={**call.arguments, **given}))
