"""Reads what is to be deleted: "cancel the dentist", "all but the lunch", "no choir between christmas and new year"."""

from __future__ import annotations

import re

from llmagent_os.plugin import ToolCall
from llmagent_os.plugins.calendar.event_query import LISTED
from llmagent_os.plugins.calendar.event_words import fits_words
from llmagent_os.plugins.calendar.requests.clause import Clause
from llmagent_os.plugins.calendar.requests.clearing_request import CLEARING_RULES
from llmagent_os.plugins.calendar.requests.deletion_words import HERE, NEGATED, OFF, VERB, delete_call
from llmagent_os.plugins.calendar.requests.masked_words import MaskedWords, Rules, first_call, has_marks, rule
from llmagent_os.plugins.calendar.requests.targets import read_target

_NO_MORE = r"(?: any ?more| any longer| after all| now| from now on| for good| permanently| forever| entirely)?"

_DELETE = rule(rf"{VERB} (?:all about |just |only )?(?P<np>.+?){HERE}{_NO_MORE}(?: only| just| again)?")
_TURN_OFF = rule(
    r"(?:turn off|switch off|disable|silence|stop|deactivate|mute) (?P<np>.*(?:reminder|alarm|alert|notification).*?)"
    r"|(?:turn|switch) (?P<np2>.*(?:reminder|alarm|alert|notification).*?) off"
)
_AROUND = rule(
    r"(?:take|call|cross|strike|throw|get) (?P<np>.+?) (?:off|out)(?: of)?"
    r"(?: (?:my|the|our) (?:calendar|schedule|agenda|diary|planner|list))?(?: (?P<when>WHEN))?"
)
#: "Dentist: cancel".
_THEN_VERB = rule(rf"(?P<np>.+?) ?[:,–-]+ ?(?:please |pls |just )?{VERB}(?: it| that| this)?{HERE}")
_IS_OFF = rule(rf"(?P<np>.+?)(?: |(?='s ))(?:{OFF}|cancel+ed)(?: (?:on|for) (?:me|us))?{_NO_MORE}(?: (?P<when>WHEN))?")
#: "Karaoke's off, delete it".
_OFF_SO = rule(
    rf"(?P<np>.+?)(?: |(?='s ))(?:{OFF}|off|cancel+ed)(?: now)?(?: (?P<when>WHEN))? ?[,;.–-]+"
    rf" ?(?:(?:and|so|please|pls|just) )*(?:{VERB}(?: (?:it|that|this))?|take (?:it|that|this) (?:out|off|down)){HERE}"
)
_NOT_NEEDED = rule(
    rf"i (?:don't|do not|no longer|dont|won't|will not) (?:really )?(?:need|want|have) (?P<np>.+?){_NO_MORE}"
    rf"(?:[,;.]? (?:and |so )?(?:please )?{VERB} (?:it|that|them|the (?:whole|entire) (?:series|thing))"
    r"(?P<scope> all)?(?: please)?)?"
)
_NOT_GOING = rule(
    r"(?:(?:i'm|i am|we're|we are) (?:not|no longer)|(?:i|we) (?:won't|will not) be) (?:going to|doing|having|attending"
    rf"|coming to|joining) (?P<np>.+?){_NO_MORE}"
    rf"(?:[,;.]? (?:and |so )?(?:please |you can |can you )?{VERB} (?:it|that|them|(?P<scope>it all|them all|all of"
    r" (?:it|them)|everything|the (?:lot|whole (?:lot|series|thing)|entire series|series))))?"
)
_CANCELLED_BY = rule(
    r"(?!(?:i|we|you|it|that|this|please|did|have|has|what|who|when|why|if)\b)(?P<who>[^\W\d]\w*(?: [^\W\d]\w*){0,2}?)"
    r"(?:'s| has| have)?(?: just)? (?:cancel+ed|called off|bailed on|backed out of|pulled out of|dropped out of"
    r"|can't make|cannot make|can't do|can't come to|won't make|had to cancel|has to cancel|needs to cancel)"
    r"(?: on me| on us)? (?P<np>.+?)(?: on (?:me|us))?"
)
_NOT_DOING = rule(r"(?:we're|i'm|we are|i am) (?:cancel+ing|dropping|skipping|scrapping) (?P<np>.+)")
_FORGET = rule(r"(?:forget|never ?mind) (?:about )?(?P<np>.+)")
_NO_EVENT = rule(r"no (?:more )?(?P<np>.+?)(?: (?P<when>WHEN))?")
_STOP = rule(r"(?:stop|end|quit) (?:doing |going to |having )?(?P<np>.+)")


def read_deletion(clause: Clause) -> ToolCall | None:
    """Return the call that deletes what the words ask for; None: not every word is understood."""
    words = MaskedWords.of(clause)
    return first_call(words, (*CLEARING_RULES, *_RULES))


def _one(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """An event that is named, where the calendar has it."""
    if NEGATED.match(words.text):
        return None
    groups = found.groupdict()
    target = read_target(words, groups["np"] or groups["np2"])
    if target is None or not target.known:
        return None
    return delete_call(words, target, **words.when(groups.get("when")))


def _one_or_unknown(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """An event that is named; the tool says so if the calendar has none, where the words are about the calendar."""
    target = read_target(words, found["np"])
    about_calendar = re.search(
        r"\b(?:calendar|schedule|agenda|diary|appointment|meeting|event|reminder)\b", words.text, re.I
    )
    if target is None or NEGATED.match(words.text) or not (target.known or about_calendar):
        return None
    if not target.known and re.search(r"[,;:.]| and | but ", found["np"]):
        return None  # a remark or another request stands behind the name
    return delete_call(words, target)


def _named(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """An event with a name that the calendar has: "forget the dentist" and not "forget it"."""
    target = read_target(words, found["np"])
    if target is None or not target.known or "title" not in target.arguments:
        return None
    return delete_call(words, target, **words.when(found.groupdict().get("when")))


def _cancelled_by(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """An event that somebody has cancelled: "Eva cancelled lunch" is the lunch with Eva, where there is one."""
    call = _named(words, found)
    if call is None:
        return None
    whole = f"{call.arguments['title']} {found['who']}"
    with_them = any(fits_words(event, whole) for event in words.clause.events)
    return ToolCall(call.name, {**call.arguments, "title": whole}) if with_them else call


def _is_off(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """An event that does not take place: one with a name, "it", or "the second one" of a list."""
    target = read_target(words, found["np"])
    meant = target is not None and (target.arguments.get("among") == LISTED or not target.arguments)
    return delete_call(words, target) if target and meant and not found["when"] else _named(words, found)


def _series(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    call = _named(words, found)
    if call is None or has_marks(found["np"]):
        return None  # "end the review at 11:30" is another end
    return ToolCall(call.name, {**call.arguments, "scope": "series"})


def _not_needed(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """What is no longer needed. "I don't have the dentist" says nothing of what is wanted."""
    if re.search(r"\bhave\b", words.text[: found.start("np")]) and not re.search(VERB, words.text[found.end("np") :]):
        return None
    return _named(words, found)


def _not_going(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    call = _named(words, found)
    return _series(words, found) if call is not None and found["scope"] else call


_RULES: Rules = (
    (_DELETE, _one_or_unknown),
    (_AROUND, _one),
    (_THEN_VERB, _named),
    (_TURN_OFF, _one),
    (_OFF_SO, _named),
    (_IS_OFF, _is_off),
    (_NOT_NEEDED, _not_needed),
    (_NOT_GOING, _not_going),
    (_NOT_DOING, _named),
    (_CANCELLED_BY, _cancelled_by),
    (_FORGET, _named),
    (_STOP, _series),
    (_NO_EVENT, _named),
)
