"""Reads what is to be cleared, and what of it is kept: "all but the dentist", "clear friday", "keep only the gym"."""

from __future__ import annotations

import re

from llmagent_os.plugin import ToolCall
from llmagent_os.plugins.calendar.event_query import LISTED, OTHERS
from llmagent_os.plugins.calendar.event_words import fits_words
from llmagent_os.plugins.calendar.requests.deletion_words import HERE, NEGATED, OFF, VERB, delete_call
from llmagent_os.plugins.calendar.requests.masked_words import MaskedWords, Rules, rule
from llmagent_os.plugins.calendar.requests.targets import Target, read_target

_BUT = (
    r"(?:(?:and |but )?(?:just |only |please )*(?:keep|leave|spare)(?: only| just)?|but not|but|except(?: for)?|besides"
    r"|apart from|other than|save|excluding|minus|without|bar|not)"
)
_KEPT = r"(?:,? (?:though|please|alone|as (?:it|they) (?:is|are)|in|there|where (?:it|they) (?:is|are)))*"
_ALL_BUT = rule(rf"{VERB} (?P<np>.+?)[,;.]? {_BUT} (?P<besides>.+?){HERE}{_KEPT}")
_ALL_BUT_GO = rule(rf"(?P<np>(?:all|everything).*?),? {_BUT} (?P<besides>.+?) (?:can go|has to go|must go|{OFF})")
_ALL_GO_BUT = rule(
    rf"(?P<np>(?:all|everything).*?) (?:can go|has to go|must go|should go|{OFF}),? {_BUT} (?P<besides>.+?){_KEPT}"
)
_KEEP_ONE = rule(rf"(?:leave|keep|spare) .+?,? (?:but |and )+(?:please )?{VERB} (?P<np>.+?)")
_KEEP_REST = rule(
    rf"{VERB} (?P<np>.+?),? (?:and |but )*(?:please )?(?:keep|leave) (?:(?:all )?(?:the )?(?:rest|others?)"
    rf"|everything else)"
    r"(?: (?:in|there|alone|as (?:it|they) (?:is|are)))?"
)
_ALL_BUT_VERB = rule(rf"(?P<np>(?:all|everything).*?),? {_BUT} (?P<besides>.+?),? {VERB}(?: (?:it|them))?")
_KEEP = rule(
    rf"keep (?:only |just )?(?P<besides>.+?)(?: only)?(?:,? (?:and |but )?{VERB} (?:all )?(?:the (?:rest|others?)"
    r"|everything else|all (?:the )?others?)(?: (?:of|on|for))? ?(?P<when>WHEN)?"
    rf"|,? (?:and |but )?{VERB} (?P<rest>WHEN)|(?P<only>))"
)
_REST = rule(
    rf"{VERB} (?:all )?(?:of )?(?:the (?:rest|others?)|everything else|all (?:the )?others?)"
    r"(?: (?:of|on|for))? ?(?P<when>WHEN)?"
)
_CLEAR = rule(
    r"(?:clear|free up|free|wipe|empty|clean|clean up|blank)(?: out)? (?:(?:my|the|our) )?(?:whole |entire |full )?"
    r"(?:(?:calendar|schedule|agenda|diary|day|plans|planner)(?: for| on| of| in)?(?: all of)?)? ?(?P<when>WHEN)?"
    r"(?: (?:calendar|schedule|agenda|plans))?(?: (?:completely|entirely|for me))?"
)
_OFF_THEN = rule(
    r"(?:i'm|i am|i need|i'll be|i have|i've got|we're|i want|i'll take|i'm taking|i took) (?:[^\W\d]+"
    r" ){0,3}?(?P<when>WHEN)"
    rf"(?: [^\W\d]+){{0,3}}?[,;.:]? (?:so |and )?(?:please |can you |could you )*{VERB} (?:it all|everything"
    rf"|all of it|all"
    r"|all (?:of )?my \w+|whatever(?: (?:i have|is on|there is|i've got))?|what i have|the whole (?:day|lot|thing))"
    r"(?: (?:then|on|for) (?:that|the) day| then| please| that day)*"
)


def _besides(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    target = read_target(words, found["np"])
    kept = _kept_name(words, found["besides"])
    if target is None or kept is None or NEGATED.match(words.text):
        return None
    # "everything except choir this week": the week is that of everything
    when = {} if {"date", "time", "among"} & target.arguments.keys() else words.when(found["besides"])
    everything = _everything_of(target)
    if everything.arguments.get("which") != "all" and not _holds(words, everything, kept):
        return delete_call(words, target, **when)  # "cancel the gym but not the market"
    return delete_call(words, everything, besides=kept, **when)


def _holds(words: MaskedWords, target: Target, kept: str) -> bool:
    """Whether what is kept is one of the events that a name means."""
    title = target.arguments["title"]
    return any(fits_words(event, title) and fits_words(event, kept) for event in words.clause.events)


def _only(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """One event, where the words say besides that others stay."""
    target = read_target(words, found["np"])
    if target is None or not target.known or target.arguments.get("which") in ("all", OTHERS):
        return None
    return delete_call(words, target) if "title" in target.arguments or target.arguments.get("among") else None


def _everything_of(target: Target) -> Target:
    """All that was listed, if no day and no name is given; all of the day otherwise."""
    if target.arguments.get("which") == "all" or "title" not in target.arguments:
        return Target({**target.arguments, "which": "all"})
    return target


def _kept_name(words: MaskedWords, phrase: str) -> str | None:
    """The names of what is kept, where the calendar has all of it."""
    names: list[str] = []
    for part in re.split(r",(?: and)? | and | or ", phrase):
        target = read_target(words, part)
        if target is None or not target.known or "title" not in target.arguments:
            return None
        names.append(target.arguments["title"])
    return ", ".join(names)


def _keep(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    kept = _kept_name(words, found["besides"])
    if kept is None or (found["only"] is not None and not re.search(r"\b(?:only|just)\b", words.text, re.I)):
        return None
    if found["rest"] and not re.match(r"(?:all )?(?:the )?(?:rest|remainder) of ", words.plain(found["rest"]), re.I):
        return None
    when = words.when(found["when"] or found["rest"])
    if "date" in when:
        when["date"] = re.sub(r"^(?:all )?(?:the )?(?:rest|remainder) of ", "", when["date"], flags=re.I)
    among = {} if when else {"among": LISTED}
    return ToolCall("delete_event", {"which": "all", **among, **when, "besides": kept})


def _rest(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    when = words.when(found["when"])
    if when:
        return ToolCall("delete_event", {"which": "all", **when})
    return ToolCall("delete_event", {"which": OTHERS, "among": LISTED})


def _clear(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    when = words.when(found["when"])
    named = re.search(r"calendar|schedule|agenda|diary|plans|planner", words.text, re.I)
    return ToolCall("delete_event", {"which": "all", **when}) if when or named else None


#: The patterns of this kind of deletion, and what reads them.
CLEARING_RULES: Rules = (
    (_ALL_BUT, _besides),
    (_ALL_BUT_GO, _besides),
    (_ALL_GO_BUT, _besides),
    (_KEEP_REST, _only),
    (_KEEP_ONE, _only),
    (_ALL_BUT_VERB, _besides),
    (_KEEP, _keep),
    (_REST, _rest),
    (_CLEAR, _clear),
    (_OFF_THEN, _clear),
)
