"""Divides a part of a message that is no single request: talk around a request, or several requests."""

from __future__ import annotations

import re
from dataclasses import replace

import msgspec

from llmagent_os.plugins.calendar.requests.clause import Clause
from llmagent_os.plugins.calendar.requests.clause_reading import read_clause
from llmagent_os.plugins.calendar.requests.idle_talk import asks_nothing, names_event_of
from llmagent_os.plugins.calendar.requests.left_alone import is_undecided, leaves_alone
from llmagent_os.plugins.calendar.requests.openings import opens_request
from llmagent_os.plugins.calendar.requests.politeness import plain
from llmagent_os.plugins.calendar.requests.question_words import QUESTION
from llmagent_os.plugins.calendar.requests.request_sequence import (
    ReadRequest,
    about_named,
    after_request,
    at_same_hours,
    goes_on_about_time,
    is_next_task,
    is_untimed,
    last_day,
    may_follow,
    on_day,
    shared_verb,
    with_reminder,
)
from llmagent_os.plugins.calendar.requests.request_verbs import CHANGING, DELETING
from llmagent_os.plugins.calendar.requests.sentences import between_requests
from llmagent_os.plugins.calendar.time.time_mentions import MentionKind

MAX_ATTEMPTS = 60  #: to read a part of a message: three times as many as the longest everyday ones need


#: What may stand between talk and a request behind it.
_TALK = re.compile(
    r"\s*(?:[,:–—]|\s-|\.{2,}+|…)+\s+(?:(?:so|but|and|anyway|still)[\s,]+)*|\s+(?:so|but|and|anyway)\s+(?=(?:can|could"
    r"|would|please|remind|add|put|i need)\b)|\s+so\s+",
    re.IGNORECASE,
)
_SO = re.compile(r"[\s,]*so\s+", re.IGNORECASE)
#: What may stand in front of a remark behind a request.
_REMARK = re.compile(
    r"\s*(?:[,:–—]|\s-|\.{2,}+|…)+\s+(?:(?:and|but|as)\s+)?|\s+(?:and|but)\s+(?=(?:i|it|she|he|they|we|that)\b)"
    r"|\s+(?=because\s)",
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


class TooLongError(Exception):
    """A message has too many ways to be divided to be read within a moment."""


class PartReader:
    """Reads the parts of one message, within a bounded number of attempts.

    Every method raises :class:`TooLongError` where there would be more.
    """

    def __init__(self) -> None:
        self._attempts = MAX_ATTEMPTS

    def _spend(self) -> None:
        """Count one attempt.

        Raises:
            TooLongError: it was the last one.
        """
        self._attempts -= 1
        if self._attempts < 0:
            raise TooLongError

    def part(self, clause: Clause, verb: str = "", date: str = "") -> list[ReadRequest]:
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
            return self.one(clause, verb, date) if _INSTEAD.search(clause.text) else self._behind_negation(clause)
        return self.one(clause, verb, date) or self._without_talk(clause, verb, date) or self._split(clause, verb, date)

    def one(self, clause: Clause, verb: str = "", date: str = "") -> list[ReadRequest]:
        """Read a part as one request."""
        self._spend()
        return read_clause(clause, verb, date)

    def _behind_negation(self, clause: Clause) -> list[ReadRequest]:
        """Read what is asked behind words that say what is not to be done: "don't delete it, just show me friday"."""
        for match in _AFTER_NEGATION.finditer(clause.text):
            left, right = clause.part(0, match.start()), clause.part(match.end())
            if not leaves_alone(left.text) or leaves_alone(right.text):
                continue
            if opens_request(plain(right.text)) or QUESTION.match(plain(right.text)):
                return self.one(about_named(right, left)) or self.one(right)
        return []

    def _without_talk(self, clause: Clause, verb: str, date: str) -> list[ReadRequest]:
        """Read a part behind words that ask for nothing, or in front of them: "what a day, please cancel the gym"."""
        for match in _TALK.finditer(clause.text):
            left, right = clause.part(0, match.start()), clause.part(match.end())
            read = self.part(right, verb, date) if asks_nothing(left) else []
            if read and (opens_request(plain(right.text)) or all(each.call.name != "create_event" for each in read)):
                return read
            if (moved := self._therefore(match, left, right)) is not None:
                return [moved]
        for match in reversed(list(_REMARK.finditer(clause.text))):
            left, right = clause.part(0, match.start()), clause.part(match.end())
            if asks_nothing(right, behind=True) and (read := self.one(left, verb, date)):
                return read
        return []

    def _therefore(self, match: re.Match[str], left: Clause, right: Clause) -> ReadRequest | None:
        """The move behind its reason: "rain on saturday so the walk a week later". None: it is something else."""
        if (
            not _SO.fullmatch(match[0])
            or opens_request(plain(left.text))
            or "?" in left.text
            or leaves_alone(left.text)
        ):
            return None
        days = [each.text for each in left.mentions]
        read = self.one(right)
        if len(days) != 1 or len(read) != 1 or read[0].call.name != "move_event" or names_event_of(left):
            return None
        given = read[0].call.arguments
        if "title" not in given or "date" in given or not left.has(MentionKind.DATE):
            return None
        call = msgspec.structs.replace(read[0].call, arguments={**given, "date": days[0]})
        return replace(read[0], call=call)

    def _split(self, clause: Clause, verb: str, date: str) -> list[ReadRequest]:
        """Read a part as several requests."""
        for left_end, right_begin in between_requests(clause.text):
            if any(each.start < right_begin and each.end > left_end for each in clause.mentions):
                continue  # "8am and 8pm"
            left, right = clause.part(0, left_end), clause.part(right_begin)
            if goes_on_about_time(left, right):
                continue
            first = self.one(left, verb, date)
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
            rest = self.part(
                right, "" if own else opening, "" if own else str(first[-1].call.arguments.get("date", date))
            )
            if rest and not any(is_untimed(each.call) for each in rest):
                if "and" in clause.text[left_end:right_begin].lower() and (day := last_day(right)):
                    first = [replace(each, call=on_day(each.call, day)) for each in first]
                return with_reminder(first, at_same_hours(first, rest), left)
        return []
