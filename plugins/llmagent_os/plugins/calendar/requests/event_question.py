"""Reads questions about an event: "when is the board meeting?", "how long is the workshop?", "who is it with?"."""

from __future__ import annotations

import re

from llmagent_os.plugin import ToolCall
from llmagent_os.plugins.calendar.requests.masked_words import MaskedWords, Rules, has_marks, rule
from llmagent_os.plugins.calendar.requests.question_words import IN_CALENDAR, about, list_call, of_target
from llmagent_os.plugins.calendar.requests.span_question import SPAN_RULES
from llmagent_os.plugins.calendar.requests.targets import read_target

_WHEN = (
    r"(?:when(?: exactly)?|what time|at what time|which day|what day|on (?:which|what) day|what date|when and where"
    r"|wann)"
)
_START = rule(
    rf"{_WHEN}(?:'s|s| is| are| was| does| do i have| do we have| have i got| am i (?:having|doing|seeing|meeting"
    rf"|going to|on)|'re| will| do i"
    r" (?:see|meet|have to be at|go to|need to be at|leave for|\w+ (?:in|at|to|for)"
    r"|(?!have\b|need\b|want\b)\w+(?: (?:up|off|out|back|over|down|with|on))?)| do we"
    r" (?!have\b|need\b|want\b)\w+(?: (?:to|in|at|for|up|off|out|with))?| is it that i (?:have|see|meet))?"
    r" (?P<np>.+?)"
    r"(?: (?:again|scheduled|start|starts|begin|begins|happening|happen|on|at|be|planned|taking place|supposed to be"
    r"|supposed to start|next|due|going to be|going to start))*"
    r"(?:(?<=starts|begins) (?P<when>WHEN)|(?<=start|begin) (?P<then>WHEN))?"
)
#: "What time is it?" is about the clock, and "what time is it at?" about an event.
_OF_IT = re.compile(r"when|.*\b(?:it|that|this) (?:at|on|scheduled|planned|again|starts?|begins?|happening)\b", re.I)
_SHORT = rule(
    r"(?:exactly )?(?P<asked>where|when|how long|for how long|who with|with who|with whom|until when|till when"
    r"|what time"
    r"|at what time|what day|which day)(?: is (?:it|that|this))?"
)
#: What a question of a word or two asks about the event that was spoken of last.
_ASKED = {"where": "place", "how": "length", "for": "length", "who": "person", "with": "person"} | {
    "until": "end",
    "till": "end",
}
_IS_WHEN = rule(r"(?:is|are|was) (?P<np>.+?) (?P<when>WHEN)(?: or (?:WHEN|\d{1,2}))?")
_HAVE_NAMED = rule(
    r"(?:do i have|do we have|have i got|is there|did i have|am i having|have i|do i|am i (?:seeing|meeting|doing"
    r"|going to))"
    rf" (?:an? |my |the |any )?(?P<np>.+?)(?: (?:planned|scheduled|booked|coming up))?{IN_CALENDAR}(?:"
    rf" (?P<when>WHEN))?"
)
_WITH = rule(
    r"(?:(?:do i have|have i got|is there|what do i have|what's|what is|when do i have)?(?: ?(?:anything|something|a"
    r" meeting|an appointment|meetings|a call"
    r"|plans|any meetings|any calls|any appointments))?(?: (?:planned|scheduled|on))?|anything|show me everything"
    r"|what am i doing|show me (?:my )?meetings"
    r"|when am i meeting up) with (?P<np>.+?)(?: (?P<when>WHEN))?"
)
_PLACE = rule(
    r"(?:where(?:'s|s| is| are| was| does| will)|(?:what(?:'s| is)|tell me) the (?:place|location|address|venue|room)"
    r" (?:of|for)"
    r"|in (?:which|what) room is|which room is|at what place is|what(?:'s| is) the venue of) (?P<np>.+?)"
    r"(?: (?:again|taking place|held|happening|take place|be|going to be))*"
)
_WHERE_GO = rule(
    r"where (?:do|must|should) i (?:have to |need to )?(?:be|go) ?(?:(?:for|to) (?P<np>.+?)|(?P<when>WHEN))"
)
_WHERE_AM = rule(
    r"where (?:am i|are we|will i be|will we be|do i have to be|do we have to be|should i be)(?: (?:going|meeting"
    r"|\w+ing))?(?: (?:to|for|with (?P<np>.+?)))? (?P<when>WHEN)"
)
_WHERE_DOING = rule(
    r"where (?:am i|are we|will (?:i|we) be) (?:eating|dining|drinking|meeting|seeing|going|having (?P<meal>[^\W\d_]+))"
    r"(?: up)?(?: (?:out )?(?:with|to) (?P<np>.+?))?(?: (?P<when>WHEN))?(?: again)?"
)
_PERSON = rule(
    r"(?:who(?:'s| is| are| am i| do i| will i)?|with whom|whom)(?: am i| do i| is| i'm)? (?:meeting|seeing|having"
    r"|meet|see|coming to|at|in|going to|with me at)"
    r"(?: with)? ?(?P<np>.+?)(?: with)?|who(?:'s| is) (?P<np2>.+?) with(?: (?P<when>WHEN))?|with whom is (?P<np3>.+)"
)
_DETAILS = rule(
    r"(?:tell me (?:more |everything |all )?about|what (?:do you know|can you tell me) about|(?:show|give) me (?:the"
    r" )?(?:details|info) (?:of|on|about|for)"
    r"|(?:the )?details (?:of|on|about|for)|more about|info on|what(?:'s| is) (?:up|the deal) with|show me) (?P<np>.+)"
    r"|(?:(?:what|how) about|and(?: what about)?) (?P<np2>.+)"
)
_NOTES = rule(
    r"(?:(?:what|which|any|are there any|do i have any|show me the|what are the) notes? (?:(?:do i have|are there|did"
    r" i make) )?"
    r"(?:for|on|about|to|in) (?P<np>.+)|what (?:did i note|do i (?:have|need) to bring|should i bring) (?:for|to)"
    r" (?P<np2>.+))"
)
_PAST = rule(
    r"(?:when|what day) did i last (?:have|see|go to|do|meet) (?P<np2>.+)"
    r"|(?:when|what day) (?:was|did i have|did i see|did i meet|was i at|did i go to) (?:my |the )?(?:last"
    r" )?(?P<np>.+?)(?: last)?"
)


def _when_is(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """When an event is: the calendar's, or one that it may not have, if the question is about an appointment."""
    target = read_target(words, re.sub(r"^(?:with|at) ", "", found["np"], flags=re.I))
    mine = re.match(r"(?:my|our|the next|my next)\b", found["np"], re.I)
    if (
        target is None
        or not (target.known or mine)
        or set(target.arguments) & {"date", "time"} == set(target.arguments)
    ):
        is_it = target is not None and not target.arguments and _OF_IT.match(words.text)
        return list_call("start") if is_it else None
    return list_call(**of_target(target), **words.when(found["when"] or found["then"]))


def _short(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """A bare "and where?"; "what time is it?" asks for the clock."""
    said = found["asked"].lower()
    if "?" not in words.clause.text or re.match(r"(?:what|which) (?:time|day) is", words.text, re.I):
        return None
    return list_call(_ASKED.get(said.split()[0], "start"))


def _is_when(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    target = read_target(words, found["np"])
    if target is None or not target.known or "title" not in target.arguments or has_marks(found["np"]):
        return None
    return list_call(**of_target(target))


def _named(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    target = read_target(words, found["np"])
    if target is None or not target.known or "title" not in target.arguments:
        return None
    return list_call(**of_target(target), **words.when(found["when"]))


def _where_go(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    return about("place")(words, found) if found["np"] else list_call(**words.when(found["when"]))


def _where_am(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """Where the person is at a time: what there is then, with its places."""
    if not found["np"]:
        return list_call(**words.when(found["when"]))
    target = read_target(words, found["np"])
    return list_call("place", **of_target(target), **words.when(found["when"])) if target and target.known else None


def _where_doing(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """Where the person meets somebody: "where are we eating with Carla again?"."""
    phrase = found["np"] or found["meal"]
    target = read_target(words, phrase) if phrase else None
    if target is None or not target.known or "title" not in target.arguments:
        return None
    return list_call("place", **of_target(target), **words.when(found["when"]))


def _person(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    phrase = found["np"] or found["np2"] or found["np3"]
    when = words.when(phrase)
    target = read_target(words, phrase)
    if target is not None and target.known:
        return list_call("person", **of_target(target) | words.when(found["when"]))
    return list_call(**when) if when and not re.sub(r"\W|[\ue000-\ue001]|[dt]\d", "", phrase) else None


def _past(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    target = read_target(words, found["np"] or found["np2"])
    return list_call(**of_target(target) | {"which": "last"}) if target and target.known else None


def _details(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """All about an event. "And the gym?" goes on with a question; without a question mark it may ask for more."""
    if found["np2"] and "?" not in words.clause.text:
        return None
    if found["np2"]:
        return _goes_on(words, found["np2"])
    return about("details")(words, found)


def _goes_on(words: MaskedWords, phrase: str) -> ToolCall | None:
    target = read_target(words, phrase)
    named = target is not None and target.known and "title" in target.arguments
    return list_call(**of_target(target)) if target and named else None


#: The patterns of this kind of question, and what reads them.
EVENT_QUESTION_RULES: Rules = (
    (_NOTES, about("notes")),
    *SPAN_RULES,
    (_PAST, _past),
    (_SHORT, _short),
    (_START, _when_is),
    (_PLACE, about("place")),
    (_WHERE_AM, _where_am),
    (_WHERE_DOING, _where_doing),
    (_WHERE_GO, _where_go),
    (_PERSON, _person),
    (_IS_WHEN, _is_when),
    (_WITH, _named),
    (_HAVE_NAMED, _named),
    (_DETAILS, _details),
)
