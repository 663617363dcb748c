"""Divides a part of a message that is no single request: talk around a request, or several requests."""

from __future__ import annotations

import re
from dataclasses import replace

import msgspec

from llmagent_os.plugin import ToolCall
from llmagent_os.plugins.calendar.requests.clause import Clause
from llmagent_os.plugins.calendar.requests.idle_talk import asks_nothing
from llmagent_os.plugins.calendar.requests.left_alone import is_undecided, leaves_alone
from llmagent_os.plugins.calendar.requests.openings import Asks, opening_of, opens_other, opens_request
from llmagent_os.plugins.calendar.requests.politeness import plain
from llmagent_os.plugins.calendar.requests.sentences import between_requests
from llmagent_os.plugins.calendar.requests.single_request import ReadRequest, is_next_task, on_day, read_one, verb_of
from llmagent_os.plugins.calendar.time.time_mentions import MentionKind

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
    r"(?:cancel|delete|remove|drop|scrap|move|shift|push|postpone|reschedule|change|put) (?:it|that|them|the (?:whole"
    r"|entire))\b",
    re.IGNORECASE,
)
#: Where words of what is not to be done end, and a request may begin.
_AFTER_NEGATION = re.compile(
    r"(?:\s*[,;:.–—]+|\s-|(?=\s(?:but|just|only|instead)\b))\s+(?:(?:but|and|just|only|instead|rather)\s+)*",
    re.IGNORECASE,
)


def read_part(clause: Clause, verb: str = "", date: str = "") -> list[ReadRequest]:
    """Read a part of a message. Empty: it is not understood.

    Args:
        clause: the part.
        verb: that of the request before, for a part without one.
        date: that of the request before, for an event with a time of day only.
    """
    if not clause.text:
        return []
    if leaves_alone(clause.text) or is_undecided(clause):
        return read_one(clause, verb, date) if _INSTEAD.search(clause.text) else _behind_negation(clause)
    return read_one(clause, verb, date) or _without_talk(clause, verb, date) or _split(clause, verb, date)


def _behind_negation(clause: Clause) -> list[ReadRequest]:
    """Read what is asked behind words that say what is not to be done: "don't delete anything, just show me friday"."""
    for match in _AFTER_NEGATION.finditer(clause.text):
        left, right = clause.part(0, match.start()), clause.part(match.end())
        if leaves_alone(left.text) and not leaves_alone(right.text) and opens_request(plain(right.text)):
            return read_one(right, "", "")
    return []


def _without_talk(clause: Clause, verb: str, date: str) -> list[ReadRequest]:
    """Read a part behind words that ask for nothing, or in front of them: "what a day, please cancel the gym"."""
    for match in _TALK.finditer(clause.text):
        left, right = clause.part(0, match.start()), clause.part(match.end())
        read = read_part(right, verb, date) if asks_nothing(left) else []
        if read and (opens_request(plain(right.text)) or all(each.call.name != "create_event" for each in read)):
            return read
    for match in reversed(list(_REMARK.finditer(clause.text))):
        left, right = clause.part(0, match.start()), clause.part(match.end())
        if asks_nothing(right, behind=True) and (read := read_one(left, verb, date)):
            return read
    return []


def _split(clause: Clause, verb: str, date: str) -> list[ReadRequest]:
    """Read a part as several requests."""
    for left_end, right_begin in between_requests(clause.text):
        if any(each.start < right_begin and each.end > left_end for each in clause.mentions):
            continue  # "8am and 8pm"
        left, right = clause.part(0, left_end), clause.part(right_begin)
        if _goes_on_about_time(left, right):
            continue
        first = read_one(left, verb, date)
        if not first or not _may_follow(first, left, right):
            continue
        opening = verb_of(plain(left.text)) or verb
        if not opening and first[-1].call.name == "move_event" and right.mentions:
            opening = "move"  # "dentist at 11 instead and gym at 7"
        own = opens_request(plain(right.text)) and not is_next_task(verb or verb_of(plain(left.text)), right)
        title = str(first[-1].call.arguments.get("title", ""))
        if re.match(r"with\b", right.text, re.IGNORECASE) and title:
            opening = f"{opening} {title}".strip()
        rest = read_part(right, "" if own else opening, "" if own else str(first[-1].call.arguments.get("date", date)))
        if rest and not any(_is_untimed(each.call) for each in rest):
            if "and" in clause.text[left_end:right_begin].lower() and (day := _last_day(right)):
                first = [replace(each, call=on_day(each.call, day)) for each in first]
            return _with_reminder(first, rest, left)
    return []


def _goes_on_about_time(left: Clause, right: Clause) -> bool:
    """Whether a part says the time of what the part before it says the day of: "gala, sat 12 dec, 9:30 start"."""
    if not right.mentions or right.mentions[0].start or right.mentions[0].kind is not MentionKind.TIME:
        return False
    return left.has(MentionKind.DATE) and not left.has(MentionKind.TIME) and not right.has(MentionKind.DATE)


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
    call = on_day(call, date)
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
