"""Reads an event whose name stands in one sentence and whose time stands in another.

    The quarterly review got pushed again. It is now on thursday at 2pm in room 4B, can you put that in?
    We have a parents' evening coming up. It's on the 8th at 7. Put it in please.

The sentence with the time has no name: it begins with "it", "that", "he", or with the time. The name is what the nearest
sentence before it speaks of.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from llmagent_os.plugin import ToolCall
from llmagent_os.plugins.calendar.requests.among_talk import is_command
from llmagent_os.plugins.calendar.requests.clause import MARK, Clause
from llmagent_os.plugins.calendar.requests.creation_times import creation_arguments, times_of
from llmagent_os.plugins.calendar.requests.creation_title import CALENDAR, Named, named
from llmagent_os.plugins.calendar.requests.event_nouns import event_phrase
from llmagent_os.plugins.calendar.requests.idle_talk import is_over, names_event_of
from llmagent_os.plugins.calendar.requests.openings import opens_request
from llmagent_os.plugins.calendar.requests.politeness import plain
from llmagent_os.plugins.calendar.time.time_mentions import MentionKind

#: Where the words about another thing begin: a sentence, "…, it's on …", "…, can you …".
_CUT = re.compile(
    r"(?<!\bdr)(?<!\bmr)(?<!\bms)(?<!\bmrs)(?<!\bst)[.!?;…\n]+[\")]*\s+"
    r"|\s*[,–—-]\s+(?=(?:(?:and|so|but|well) )*(?:(?:it|that|this|he|she|they|we)(?:'s|'re|'ll)?"
    r"|(?:can|could|would|will) you|please|add|put|save|note)\s)"
    r"|,?\s+(?:so|and)\s+(?=(?:(?:can|could|would|will) you|please|add (?:it|that|this)|put (?:it|that|this))\b)",
    re.IGNORECASE,
)
_SUBJECT = (
    r"(?:it|that|this|he|she|they|we|everyone|the (?:appointment|meeting|thing|event|date|whole thing|session))"
    r"(?:'s|'re|'ll|'d)?"
)
_VERB = (
    r"(?:is|are|was|will|would|now|be|all|both|going to|gonna|supposed to|probably|just|happening|taking place|on|due"
    r"|scheduled|set|coming(?: over| by| round| in)?|comes?(?: over| by| round)?|arriv(?:es?|ing)|starts?|starting"
    r"|begins?|meet(?:ing)?(?: up)?|agreed(?: on)?|settled on|said|says|picked|chose|booked|for|at|from|moved to|can do"
    r"|can make|could do)"
)
_BEFORE = re.compile(
    rf"(?:(?:so|and|but|well|now|ok|okay|basically|apparently|luckily|anyway)[\s,]+)*"
    rf"(?:{_SUBJECT}(?:\s{_VERB})*\s)?(?={MARK})",
    re.IGNORECASE,
)
_SUITS = re.compile(
    rf"(?<=[{MARK[1:-1]}])\s(?:works|suits|is (?:fine|good|best|great|perfect|ok|okay)|would (?:work|be (?:fine|best)))"
    rf"\b[^,{MARK[1:-1]}]*",
    re.IGNORECASE,
)
#: What says that an event is coming.
_COMING = re.compile(
    r"\b(?:(?:i|we|they)(?:'ve| have)(?: got)?|there's|there is|coming up|invited|booked|scheduled|planned|going to)\b",
    re.IGNORECASE,
)


def read_told(clause: Clause) -> tuple[ToolCall, bool] | None:
    """Return the call that adds the event, and whether its wish is beyond doubt. None: the message says it otherwise."""
    parts = list(_parts(clause))
    timed = [number for number, part in enumerate(parts) if any(not is_over(each) for each in part.mentions)]
    if len(timed) != 1 or not timed[0] or names_event_of(clause):
        return None
    number = timed[0]
    read = _when(parts[number])
    others = [part for at, part in enumerate(parts) if at != number]
    commands = [part for part in others if is_command(part.text)]
    rest = [part for part in others if part not in commands]
    if read is None or any(opens_request(plain(part.text)) and not _COMING.search(part.text) for part in rest):
        return None
    title = _name(parts[:number])
    if not title:
        return None
    told, arguments = title, read
    arguments = {"title": told, **{key: value for key, value in arguments.items() if key != "title"}}
    return ToolCall("create_event", arguments), bool(commands)


def _parts(clause: Clause) -> Iterator[Clause]:
    begin = 0
    for match in _CUT.finditer(clause.text):
        if any(each.start < match.end() and match.start() < each.end for each in clause.mentions):
            continue
        if clause.text[begin : match.start()].strip():
            yield clause.part(begin, match.start())
        begin = match.end()
    if clause.text[begin:].strip():
        yield clause.part(begin)


def _when(part: Clause) -> dict[str, str] | None:
    """The arguments that a sentence about the time gives; None: it says something else, too."""
    masked = plain(part.masked)
    before = _BEFORE.match(masked)
    if before is None or part.has(MentionKind.LEAD, MentionKind.RECURRENCE):
        return None
    words = CALENDAR.sub("", plain(_SUITS.sub("", masked[before.end() :])))
    times = times_of(part, words)
    name = named(re.split(MARK, words), reminder=False)
    if times is None or name is None or name.title or not (times.date or times.time):
        return None
    return creation_arguments(Named("", name.person, name.place), times)


def _name(before: Sequence[Clause]) -> str:
    """What the nearest sentence that names an event calls it."""
    return next((phrase for part in reversed(before) if (phrase := event_phrase(part.text))), "")
