"""Reads an event whose name stands in one sentence and whose time stands in another.

    The quarterly review got pushed again. It is now on thursday at 2pm in room 4B, can you put that in?
    We have a parents' evening coming up. It's on the 8th at 7. Put it in please.

The sentence with the time has no name: it begins with "it", "that", "he", or with the time. The name is what the
nearest sentence before it speaks of.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from llmagent_os.plugin import ToolCall
from llmagent_os.plugins.calendar.requests.among_talk import is_command
from llmagent_os.plugins.calendar.requests.clause import MARK, Clause
from llmagent_os.plugins.calendar.requests.creation_times import after_length, creation_arguments, times_of
from llmagent_os.plugins.calendar.requests.creation_title import CALENDAR, Named, named
from llmagent_os.plugins.calendar.requests.event_nouns import event_phrase
from llmagent_os.plugins.calendar.requests.idle_talk import is_over, names_event_of
from llmagent_os.plugins.calendar.requests.openings import Asks, opening_of, opens_request
from llmagent_os.plugins.calendar.requests.politeness import plain
from llmagent_os.plugins.calendar.time.time_mentions import MentionKind

#: Where the words about another thing begin: a sentence, "…, it's on …", "…, can you …".
_CUT = re.compile(
    r"(?<!\bdr)(?<!\bmr)(?<!\bms)(?<!\bmrs)(?<!\bst)[.!?;…\n]+[\")]*\s+"
    r"|\s*[,–—-]\s+(?=(?:(?:and|so|but|well|now) )*(?:(?:it|that|this|he|she|they|we|i)(?:'s|'re|'ll|'m)?"
    r"|(?:can|could|would|will) you|please|add|put|save|note|stick|remind me)\s)"
    r"|\s+(?:and|so|but)\s+(?:now\s+)?(?=(?:it|he|she|they)(?:'s|'ll|\s(?:can|will|starts|comes))\s)"
    r"|:\s+"
    r"|,?\s+(?:so|and)\s+(?=(?:(?:can|could|would|will) you|please|(?:add|put|stick|pop) (?:it|that|this))\b)",
    re.IGNORECASE,
)
_SUBJECT = (
    r"(?:it|that|this|he|she|they|we|everyone|the (?:appointment|meeting|thing|event|date|whole thing|session))"
    r"(?:'s|'re|'ll|'d|'ve)?"
)
_VERB = (
    r"(?:is|are|was|will|would|now|be|all|both|going to|gonna|supposed to|probably|just|happening|taking place|on|due"
    r"|scheduled|set|coming(?: over| by| round| in)?|comes?(?: over| by| round)?|arriv(?:es?|ing)|starts?|starting"
    r"|begins?|meet(?:ing)?(?: up)?|agreed(?: on)?|settled on|said|says|picked|chose|booked|for|at|from|moved to|can do"
    r"|can make|could do|be here|be there|here|in|around|can fit me in|fit me in|gave me|offered me|can see me|have"
    r" me down"
    r"|booked me(?: in)?|put me down|(?:have|has|got|had) (?:a |an )?(?:slot|opening|space|gap)|free|landing|leaving"
    r"|visiting"
    r"|flying in|back)"
)
_BEFORE = re.compile(
    rf"(?:(?:so|and|but|well|now|ok|okay|basically|apparently|luckily|anyway)[\s,]+)*"
    rf"(?:{_SUBJECT}(?:\s{_VERB})*\s|(?:starts?|starting|begins?|beginning)(?:\s{_VERB})*\s)?(?={MARK})",
    re.IGNORECASE,
)
_SUITS = re.compile(
    rf"(?<=[{MARK[1:-1]}])\s(?:works|suits|is (?:fine|good|best|great|perfect|ok|okay)|would (?:work|be (?:fine|best)))"
    rf"\b[^,{MARK[1:-1]}]*",
    re.IGNORECASE,
)
_TELLS = re.compile(r"\b(?:has|have|got|is|are|agreed|decided)\b", re.IGNORECASE)
#: What somebody has to do, or forgets.
_TO_DO = re.compile(
    r"\b(?:forget(?:s|ting)?|(?:need|have|ought|got|supposed|want) to|must|should|gotta)(?: (?:to|about))?"
    r" (?P<to_do>(?!be\b|have\b|know\b)[^,;.!?]{3,80})",
    re.IGNORECASE,
)
#: "My niece is getting christened": a sentence that is the name itself.
_HAPPENS = re.compile(
    r"(?:my\s|our\s)?(?P<what>[\w'-]+(?:\s[\w'-]+)?\s(?:is|are)\s(?:getting|having|turning|moving|coming"
    r"|visiting|graduating"
    r"|performing|playing|giving)\s[\w' -]{2,40})",
    re.IGNORECASE,
)
_PERSON = re.compile(r"(?:he|she|they)\b", re.IGNORECASE)
_WHO = re.compile(
    r"\b(?:heard from|talked to|talking to|spoke (?:to|with)|ran into|(?:call|message|text|mail|email) from)\s"
    r"(?P<name>(?:my\s|the\s)?(?-i:[A-Z])?[\w'-]+)|"
    r"\b(?:my|the|our)\s(?P<who>[\w'-]+)\s(?:(?:finally|just|also|now)\s)?"
    r"(?:wants?|wanted|has|have|is|are|was|will|said|says|called|can|needs?|phoned|texted|wrote|rang|messaged|got"
    r" back)\b",
    re.IGNORECASE,
)
#: What says that an event is coming.
_COMING = re.compile(
    r"\b(?:(?:i|we|they)(?:'ve| have)(?: got)?|there's|there is|coming up|invited|booked|scheduled|planned|going to"
    r"|(?:signed|signing) up (?:for|to)|enrol+ed|joined|tickets? (?:for|to))\b",
    re.IGNORECASE,
)


def read_told(clause: Clause) -> tuple[ToolCall, bool] | None:
    """Return the call that adds the event, and whether it is beyond doubt. None: the message is another one."""
    parts = list(_parts(clause))
    timed = [number for number, part in enumerate(parts) if any(not is_over(each) for each in part.mentions)]
    if len(timed) != 1 or not timed[0] or names_event_of(clause):
        return None
    number = timed[0]
    others = [part for at, part in enumerate(parts) if at != number]
    commands = [part for part in others if is_command(part.text) or _asked_again(part, parts[:number])]
    rest = [part for part in others if part not in commands]
    reminder = _reminder(parts[number])
    tells = _TO_DO if reminder is not None else _COMING
    if any(_is_request(part) and not (tells.search(part.text) or _task([part])) for part in rest):
        return None
    if reminder is not None:
        to_do = _task(parts[:number]) or _name(parts[:number])
        return (ToolCall("create_event", {"title": to_do.strip(" .,!"), **reminder}), True) if to_do else None
    happens = _HAPPENS.fullmatch(plain(parts[number - 1].text))
    title = (
        _name(parts[:number])
        or _visitor(parts[number - 1], parts[number])
        or (happens["what"] if happens else "")
        or _task(parts[:number])
    )
    arguments = _when(parts[number], title) if title else None
    return (ToolCall("create_event", arguments), bool(commands)) if arguments is not None else None


def _is_request(part: Clause) -> bool:
    """Whether a sentence may ask for something else: "I must be mad" does not."""
    return opens_request(plain(part.text), timed=bool(part.mentions))


def _asked_again(part: Clause, before: Sequence[Clause]) -> bool:
    """Whether words only ask for what was named before: "please add the school play"."""
    text = plain(part.text)
    opening = opening_of(text)
    if opening is None or opening[0] is not Asks.EVENT or part.mentions:
        return False
    wanted = set(re.findall(r"\w{3,}", CALENDAR.sub("", text[opening[1] :]).lower())) - {"the", "this", "that"}
    return bool(wanted) and wanted <= set(re.findall(r"\w{3,}", " ".join(each.text for each in before).lower()))


def _parts(clause: Clause) -> Iterator[Clause]:
    begin = 0
    for match in _CUT.finditer(clause.text):
        if any(each.start < match.end() and match.start() < each.end for each in clause.mentions):
            continue
        if match[0].startswith(":") and not _TELLS.search(clause.text, begin, match.start()):
            continue  # "the meeting: friday at 10" names and times it at once
        if clause.text[begin : match.start()].strip():
            yield clause.part(begin, match.start())
        begin = match.end()
    if clause.text[begin:].strip():
        yield clause.part(begin)


def _reminder(part: Clause) -> dict[str, str] | None:
    """The times of "remind me every morning at 8", which says nothing else; None: it does."""
    masked = plain(part.masked)
    opening = opening_of(masked)
    if opening is None or opening[0] is not Asks.REMINDER or part.has(MentionKind.LEAD):
        return None
    words = masked[opening[1] :]
    times = times_of(part, words)
    if times is None or not re.fullmatch(rf"(?:\s|{MARK}|(?:of|about|to do)? ?\b(?:it|that|this)\b)+", words):
        return None
    return creation_arguments(Named(""), after_length(times))


def _when(part: Clause, title: str) -> dict[str, str] | None:
    """The arguments that a sentence about the time of an event gives; None: it says something else, too."""
    masked = plain(part.masked)
    before = _BEFORE.match(masked)
    if before is None or part.has(MentionKind.LEAD):
        return None
    words = CALENDAR.sub("", plain(_SUITS.sub("", masked[before.end() :])))
    times = times_of(part, words)
    name = named([title, *re.split(MARK, words)], reminder=False)
    plain_title = named([title], reminder=False)
    if times is None or name is None or plain_title is None or not (times.date or times.time):
        return None
    return creation_arguments(name, times) if name.title == plain_title.title else None


def _visitor(before: Clause, part: Clause) -> str:
    """Who comes, where the time is told of "he", "she" or "they": "my landlord wants to see the flat"."""
    found = _WHO.search(before.text) if _PERSON.match(plain(part.text)) else None
    return (found["name"] or found["who"]) if found is not None else ""


def _task(before: Sequence[Clause]) -> str:
    """What the nearest sentence says that somebody has to do."""
    return next((found["to_do"] for part in reversed(before) if (found := _TO_DO.search(part.text))), "")


def _name(before: Sequence[Clause]) -> str:
    """What the nearest sentence that names an event calls it."""
    return next((phrase for part in reversed(before) if (phrase := event_phrase(part.text))), "")
