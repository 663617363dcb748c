"""Reads what is to be done with an event that another part of the message names.

    No way I'm making it to the gym on friday, bin it.
    Nora's kid is ill, so dinner on friday won't work. She suggested sunday instead. Can you change it?

The command says "it" or "that". The event is the only one of the calendar that the other words name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from llmagent_os.plugin import ToolCall
from llmagent_os.plugins.calendar.requests.clause import Clause
from llmagent_os.plugins.calendar.requests.idle_talk import is_over
from llmagent_os.plugins.calendar.requests.left_alone import event_named, leaves_alone
from llmagent_os.plugins.calendar.requests.masked_words import MaskedWords, rule
from llmagent_os.plugins.calendar.requests.openings import opens_request
from llmagent_os.plugins.calendar.requests.politeness import plain
from llmagent_os.plugins.calendar.requests.request_verbs import CHANGING, DELETING
from llmagent_os.plugins.calendar.time.time_mentions import MentionKind

MAX_PARTS = 12  #: of a message
_CUT = re.compile(r"\s*[.!?;…\n]+\s+|\s*,\s+|\s[–—-]+\s|\s+(?:so|and|but)\s+", re.IGNORECASE)
_IT = r"(?:it|that|this|that one)"
_GO = rule(
    rf"(?:{DELETING} {_IT}|take {_IT} (?:off|out|away)|get {_IT} off|get rid(?: of {_IT})?)"
    r"(?: (?:from|off|out of|in) (?:my |the )?(?:calendar|diary|schedule|agenda))?(?: for me| please| then)*"
)
_TO = r"(?: (?:to|for|on|until|till))?"
_MOVE = rule(
    rf"(?:{CHANGING}|put|do|have) {_IT}(?: over| back| up)?{_TO} (?P<when>WHEN)(?: instead| please| then| for me)*"
)
_MOVE_THEN = rule(
    rf"(?:{CHANGING}|put) {_IT}(?: over| for me| please| then| accordingly| in my calendar| in the calendar)*"
)
#: Who says which time is the new one.
_OFFER = rule(
    r"(?:(?:he|she|they|we|the \w+|my \w+|[^\W\d]\w*)(?:'s|'d|'ve| has| have| would| said| says)*(?: now)? )?"
    r"(?:suggest(?:ed|s)?|propos(?:ed|es?)|offer(?:ed|s)?|prefers?|wants?|asked for|asked if|agreed on|can do|could do"
    r"|said|says|works?|rather|would|moved? (?:it|that) to|it's|it is|now|like|have|had|do|make|how about|what about"
    r"|maybe|we|can|could|meet|it|to|on|at|for|be|(?:to )?(?:make|do) it| )*"
    r" ?(?P<when>WHEN)(?: (?:instead|then|(?:at )?(?:the )?same time|works|works better|suits (?:her|him|them"
    r"|me|us)(?: better)?|would be better"
    r"|is better|is fine|is ok|would work))*"
)


def read_named_before(clause: Clause) -> ToolCall | None:
    """Return the call for the event that the message names; None: it has no such command, or names no single event.

    Args:
        clause: a whole message.
    """
    parts = list(_parts(clause))
    if not 2 <= len(parts) <= MAX_PARTS:
        return None
    for number in range(len(parts) - 1, 0, -1):
        words, rest = MaskedWords.of(parts[number]), [*parts[:number], *parts[number + 1 :]]
        deletes, moves = _GO.fullmatch(words.text), _MOVE.fullmatch(words.text)
        if deletes:
            return _call("delete_event", rest, {})
        if moves:
            return _call("move_event", rest, words.when(moves["when"], "new_"))
        if _MOVE_THEN.fullmatch(words.text):
            return _offered(rest)
    return None


def _asks(part: Clause) -> bool:
    return opens_request(plain(part.text), timed=bool(part.mentions))


def _parts(clause: Clause) -> Iterator[Clause]:
    begin = 0
    for match in _CUT.finditer(clause.text):
        if any(each.start < match.end() and match.start() < each.end for each in clause.mentions):
            continue
        between = [each for each in clause.mentions if each.end <= match.start()][-1:]
        following = [each for each in clause.mentions if each.start >= match.end()][:1]
        if between and following and between[0].end == match.start() and following[0].start == match.end():
            continue  # "sunday, same time"
        if clause.text[begin : match.start()].strip():
            yield clause.part(begin, match.start())
        begin = match.end()
    if clause.text[begin:].strip():
        yield clause.part(begin)


def _offered(parts: Sequence[Clause]) -> ToolCall | None:
    """Move the event to the time that somebody offers in the last part with a time."""
    for number in range(len(parts) - 1, 0, -1):
        if not parts[number].mentions:
            continue
        words = MaskedWords.of(parts[number])
        offer = _OFFER.fullmatch(words.text)
        rest = [*parts[:number], *parts[number + 1 :]]
        return _call("move_event", rest, words.when(offer["when"], "new_")) if offer else None
    return None


def _call(tool: str, parts: Sequence[Clause], arguments: dict[str, str]) -> ToolCall | None:
    """The call for the only event that these parts name."""
    title = event_named(replace(parts[0], text=" ".join(part.text for part in parts)))
    if not title or any(leaves_alone(part.text) or _asks(part) for part in parts):
        return None
    words = set(re.findall(r"\w{3,}", title.lower()))
    naming = (part for part in parts if words & set(re.findall(r"\w{3,}", part.text.lower())))
    days = {
        each.text for part in naming for each in part.mentions if each.kind is MentionKind.DATE and not is_over(each)
    }
    date = {"date": days.pop()} if len(days) == 1 else {}
    return ToolCall(tool, {"title": title, **date, **arguments})
