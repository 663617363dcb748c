"""Finds the one request of a message among other talk.

    Morning! Coffee hasn't kicked in yet. Anyway: team sync tomorrow 10am, don't let me miss it
                                                  ^^^^^^^^^^^^^^^^^^^^^^^  ^^^^^^^^^^^^^^^^^^^^

The request is the shortest stretch that holds all times of the message and is understood. The rest is passed over if
none of it can change what is asked: it names no time, no verb of a request, and no event of the calendar.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from llmagent_os.plugins.calendar.requests.clause import Clause
from llmagent_os.plugins.calendar.requests.idle_talk import asks_nothing, is_over, names_event_of
from llmagent_os.plugins.calendar.requests.openings import opens_request
from llmagent_os.plugins.calendar.requests.politeness import plain
from llmagent_os.plugins.calendar.requests.request_verbs import UNMISTAKABLE

MAX_PARTS = 16  #: of a message
#: Where talk may end and a request may begin, or the other way round.
_CUT = re.compile(
    r"\s*(?:[,;:!?…\n]|\.(?=\s|$)|\s[—–-]+(?=\s))+\s*(?:(?:so|but|and|anyway|well|now|oh yes|still|because)\b[\s,]*)*"
    r"|\s+(?:so|but|because|and|cause|since)\s+(?:(?:so|please|then)\s+)?",
    re.IGNORECASE,
)
#: A command whose object stands elsewhere in the message.
_COMMAND = re.compile(
    r"(?:(?:please|pls|just|be so kind (?:and|as to|to)|can you|could you|would you|will you|so|let's"
    r"|i need you to|make sure to|you should)\s+)*"
    r"(?:(?P<reminder>(?:don't let me (?:miss|forget)(?: it| that| this)?|remind me(?: (?:of|about) (?:it|that|this))?"
    r"|set (?:me )?"
    r"(?:a|an) (?:reminder|alarm)(?: for (?:it|that))?))|(?:add|put|note|save|schedule|book|enter|write|mark|pencil"
    r"|log|block|get|stick)"
    r"(?: (?:it|that|this|me|something|the following))?(?: (?:in|down|up|out|for me|to|on|into))*(?: (?:my|the)"
    r" (?:calendar|diary|schedule|agenda))?"
    r"|make sure (?:it's|it is|that's) (?:in|on|in there|on there)(?: (?:my|the) (?:calendar|diary|schedule|agenda))?"
    r"|put it in my (?:calendar|diary)|i(?:'d| would| should) (?:love|like)(?: to have)? (?:it|that|this) (?:written"
    r"|put|noted|added)"
    r"(?: (?:in|down))?|i (?:need|want) (?:it|that|this) in(?: there| here)?)"
    r"(?: (?:please|pls|thanks|for me|(?:would|will|can|could) you|before i forget(?: again)?))*",
    re.IGNORECASE,
)
#: Words that change what is asked, or take it back.
_CHANGES = re.compile(
    rf"(?:not(?! sure (?:if|whether) you)|no|except|without|instead|unless|only|rather|or|never ?mind|wait|scratch"
    r"|forget|i mean|i meant|sorry,? i|actually|(?:just |only )?(?:kidding|joking)|jk)\b"
    rf"|.*\b(?:{UNMISTAKABLE}|instead|except|unless|reminder|note|notes)\b",
    re.IGNORECASE,
)


#: A question that no calendar answers: "who put that in?".
_WONDERS = re.compile(
    r"(?:who|why|how come|have i|did i|what do you (?:think|say)|is that|what would you)\b", re.IGNORECASE
)


@dataclass(frozen=True)
class _Part:
    begin: int
    end: int
    timed: bool  #: it says when
    command: str  #: ``add`` or ``remind me``; empty: it is no command


def stretches(clause: Clause) -> Iterator[tuple[Clause, str]]:
    """Yield the stretches that can be the request, the shortest first, each with the verb of a command elsewhere."""
    parts = list(_parts(clause))
    timed = [number for number, part in enumerate(parts) if part.timed]
    if not 2 <= len(parts) <= MAX_PARTS or not timed:
        return
    ranges = [(first, last) for first in range(timed[0] + 1) for last in range(timed[-1], len(parts))]
    for first, last in sorted(ranges, key=lambda each: (each[1] - each[0], -each[0])):
        others = [part for number, part in enumerate(parts) if not first <= number <= last]
        if others and all(part.command or _is_background(clause, part) for part in others):
            command = next((part.command for part in others if part.command), "")
            yield clause.part(parts[first].begin, parts[last].end), command


def is_command(text: str) -> bool:
    """Return whether words are a command whose object stands elsewhere: "can you put that in?"."""
    return (
        _COMMAND.fullmatch(plain(text).strip(" .!?")) is not None or _COMMAND.fullmatch(text.strip(" .!?")) is not None
    )


def goes_on(clause: Clause) -> bool:
    """Return whether something is asked for behind the first words."""
    behind = (plain(clause.part(match.end()).text) for match in _CUT.finditer(clause.text))
    return any(opens_request(text) and not _WONDERS.match(text) for text in behind)


def changes_request(clause: Clause) -> bool:
    """Return whether words can change what another sentence asks for, or take it back."""
    return not asks_nothing(clause) and _CHANGES.match(plain(clause.text)) is not None


def _parts(clause: Clause) -> Iterator[_Part]:
    begin = 0
    cuts = [match for match in _CUT.finditer(clause.text) if not _inside(clause, match)]
    for start, end in [*((match.start(), match.end()) for match in cuts), (len(clause.text), len(clause.text))]:
        part = clause.part(begin, start)
        if re.search(r"\w", part.text):
            command = _COMMAND.fullmatch(part.text.strip(" .!"))
            verb = "" if command is None else "remind me to" if command["reminder"] else "add"
            yield _Part(begin, start, any(not is_over(each) for each in part.mentions), verb)
        begin = end


def _inside(clause: Clause, match: re.Match[str]) -> bool:
    return any(each.start < match.end() and match.start() < each.end for each in clause.mentions)


def _is_background(clause: Clause, part: _Part) -> bool:
    """Whether a part can change nothing of the request."""
    words = clause.part(part.begin, part.end)
    text = plain(words.text)
    return (
        not part.timed
        and _CHANGES.match(text) is None
        and not (opens_request(text) and _ASKS_OTHER.match(text) is None)
        and not names_event_of(words)
    )


#: Questions and wishes that ask the calendar for nothing.
_ASKS_OTHER = re.compile(
    r"(?:how are you|how's it going|how is it going|what's up|(?:can|would) you believe|can you (?:do|help)|do me a"
    r"|could you do me"
    r"|remember (?:how|when|what)|what (?:else|a)|what can i say|how i|i (?:want|need|should|must|have to)|you know"
    r"|guess what|is (?:so|really)|are you there|need a|see)\b.*",
    re.IGNORECASE,
)
