"""Reads a message: the tool calls that its requests ask for, in order.

A sentence that ``clause_reading`` does not understand as one request is
divided: what asks for nothing is passed over, and what holds several requests is split between them. Where a part
remains that nobody understands, nothing of the message is read.
"""

from __future__ import annotations

import re
from dataclasses import replace

from llmagent_os.plugins.calendar.requests.among_talk import changes_request, is_command, stretches
from llmagent_os.plugins.calendar.requests.clause import Clause
from llmagent_os.plugins.calendar.requests.clause_reading import read_clause
from llmagent_os.plugins.calendar.requests.creation_note import note_of
from llmagent_os.plugins.calendar.requests.idle_talk import asks_nothing
from llmagent_os.plugins.calendar.requests.left_alone import is_undecided, leaves_alone
from llmagent_os.plugins.calendar.requests.list_heading import list_of
from llmagent_os.plugins.calendar.requests.named_before import read_named_before
from llmagent_os.plugins.calendar.requests.openings import opens_request
from llmagent_os.plugins.calendar.requests.politeness import before_request, plain
from llmagent_os.plugins.calendar.requests.prevented_request import read_prevented
from llmagent_os.plugins.calendar.requests.question_words import QUESTION
from llmagent_os.plugins.calendar.requests.request_sequence import (
    ReadRequest,
    about_named,
    after_request,
    at_same_hours,
    is_next_task,
    is_untimed,
    last_day,
    may_follow,
    on_day,
    on_named_day,
    shared_verb,
    with_note,
    with_reminder,
)
from llmagent_os.plugins.calendar.requests.request_verbs import CHANGING, DELETING
from llmagent_os.plugins.calendar.requests.sentences import between_requests, joined, sentences, story_parts
from llmagent_os.plugins.calendar.requests.told_before import read_told
from llmagent_os.plugins.calendar.time.time_mentions import MentionKind

MAX_REQUESTS = 10  #: of one message
MAX_ATTEMPTS = 60  #: to read a part of a message: three times as many as the longest everyday ones need


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
    rf"(?:{DELETING}|{CHANGING}|put) (?:it|that|them|all|everything|the (?:whole|entire|lot|series))\b",
    re.IGNORECASE,
)
#: Where words of what is not to be done end, and a request may begin.
_AFTER_NEGATION = re.compile(
    r"(?:\s*[,;:.–—]+|\s-|(?=\s(?:but|just|only|instead)\b))\s+(?:(?:but|and|just|only|instead|rather)\s+)*",
    re.IGNORECASE,
)


def read_message(clause: Clause) -> tuple[ReadRequest, ...]:
    """Return the requests of a whole message, in order. Empty: something in it is not understood.

    Args:
        clause: the message, with its spelling put right.
    """
    try:
        return _MessageReader().whole(clause)
    except _TooLongError:
        return ()


class _TooLongError(Exception):
    """A message has too many ways to be divided to be read within a moment."""


class _MessageReader:
    """Reads one message, within a bounded number of attempts."""

    def __init__(self) -> None:
        self._attempts = MAX_ATTEMPTS

    def whole(self, clause: Clause) -> tuple[ReadRequest, ...]:
        """Read a whole message; see :func:`read_message`."""
        clause = on_named_day(clause)
        told = read_told(clause)
        if told is not None:
            return (ReadRequest(told[0], clause.text, unsure=not told[1]),)
        moved = read_prevented(clause)
        if moved is not None:
            return (ReadRequest(moved, clause.text),)
        found = self._sentences(clause)
        if not found and (call := read_named_before(clause)) is not None:
            found = [ReadRequest(call, clause.text)]
        if not found:
            found = self._among_talk(clause.cut(_ASIDE)) or self._in_story(clause)
        return tuple(found) if len(found) <= MAX_REQUESTS else ()

    def _spend(self) -> None:
        """Count one attempt.

        Raises:
            _TooLongError: it was the last one.
        """
        self._attempts -= 1
        if self._attempts < 0:
            raise _TooLongError

    def _among_talk(self, clause: Clause) -> list[ReadRequest]:
        """Read the one request among other talk."""
        for stretch, verb in stretches(clause):
            if leaves_alone(stretch.text) or is_undecided(stretch):
                continue
            if opens_request(plain(stretch.text)) or verb or stretch.has(MentionKind.TIME):
                read = self._one(stretch.part(before_request(stretch.text)), verb, "")
                named = bool(read and {"title", "person"} & read[0].call.arguments.keys())
                if named and not re.match(
                    r"(?:she|he|they|it|we|this|that)\b", str(read[0].call.arguments.get("title", "")), re.IGNORECASE
                ):
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
        read = self._one(asking[0].part(before_request(asking[0].text)), "", "")
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
            note = "" if not found or sentence.mentions else note_of(sentence.text)
            if note and (noted := with_note(found[-1], note)) is not None:
                found[-1] = noted
                continue
            title = plain(sentence.text)
            if re.fullmatch(r"[^:]{2,60}:", sentence.text) and not sentence.mentions and opens_request(title):
                heading = shared_verb(title)
                continue
            read = self._read(sentence.cut(_ASIDE), heading, day)
            if not read:
                if asks_nothing(sentence):
                    continue
                return []
            found += read
        return found

    def _read(self, clause: Clause, verb: str = "", date: str = "") -> list[ReadRequest]:
        """Read a part of a message. Empty: it is not understood.

        Args:
            clause: the part.
            verb: that of the request before, for a part without one.
            date: that of the request before, for an event with a time of day only.
        """
        if not clause.text:
            return []
        self._spend()
        if leaves_alone(clause.text) or is_undecided(clause):
            return self._one(clause, verb, date) if _INSTEAD.search(clause.text) else self._behind_negation(clause)
        return (
            self._one(clause, verb, date) or self._without_talk(clause, verb, date) or self._split(clause, verb, date)
        )

    def _behind_negation(self, clause: Clause) -> list[ReadRequest]:
        """Read what is asked behind words that say what is not to be done: "don't delete it, just show me friday"."""
        for match in _AFTER_NEGATION.finditer(clause.text):
            left, right = clause.part(0, match.start()), clause.part(match.end())
            if not leaves_alone(left.text) or leaves_alone(right.text):
                continue
            if opens_request(plain(right.text)) or QUESTION.match(plain(right.text)):
                return self._one(about_named(right, left), "", "") or self._one(right, "", "")
        return []

    def _one(self, clause: Clause, verb: str, date: str) -> list[ReadRequest]:
        """Read a part as one request."""
        self._spend()
        return read_clause(clause, verb, date)

    def _without_talk(self, clause: Clause, verb: str, date: str) -> list[ReadRequest]:
        """Read a part behind words that ask for nothing, or in front of them: "what a day, please cancel the gym"."""
        for match in _TALK.finditer(clause.text):
            left, right = clause.part(0, match.start()), clause.part(match.end())
            read = self._read(right, verb, date) if asks_nothing(left) else []
            if read and (opens_request(plain(right.text)) or all(each.call.name != "create_event" for each in read)):
                return read
        for match in reversed(list(_REMARK.finditer(clause.text))):
            left, right = clause.part(0, match.start()), clause.part(match.end())
            if asks_nothing(right, behind=True) and (read := self._one(left, verb, date)):
                return read
        return []

    def _split(self, clause: Clause, verb: str, date: str) -> list[ReadRequest]:
        """Read a part as several requests."""
        for left_end, right_begin in between_requests(clause.text):
            if any(each.start < right_begin and each.end > left_end for each in clause.mentions):
                continue  # "8am and 8pm"
            left, right = clause.part(0, left_end), clause.part(right_begin)
            first = self._one(left, verb, date)
            if not first or not may_follow(first, left, right):
                continue
            opening = shared_verb(plain(left.text)) or verb
            if not opening and first[-1].call.name == "move_event" and right.mentions:
                opening = "move"  # "dentist at 11 instead and gym at 7"
            own = opens_request(plain(right.text)) and not is_next_task(verb or shared_verb(plain(left.text)), right)
            title = str(first[-1].call.arguments.get("title", ""))
            if re.match(r"with\b", right.text, re.IGNORECASE) and title:
                opening = f"{opening} {title}".strip()
            right = after_request(right, first[-1].call)
            rest = self._read(
                right, "" if own else opening, "" if own else str(first[-1].call.arguments.get("date", date))
            )
            if rest and not any(is_untimed(each.call) for each in rest):
                if "and" in clause.text[left_end:right_begin].lower() and (day := last_day(right)):
                    first = [replace(each, call=on_day(each.call, day)) for each in first]
                return with_reminder(first, at_same_hours(first, rest), left)
        return []
