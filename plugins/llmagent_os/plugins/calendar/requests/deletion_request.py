"""Reads what is to be deleted: "cancel the dentist", "all but the lunch", "no choir between christmas and new year"."""

from __future__ import annotations

import re

from llmagent_os.plugin import ToolCall
from llmagent_os.plugins.calendar.event_query import LISTED, OTHERS
from llmagent_os.plugins.calendar.event_words import fits_words
from llmagent_os.plugins.calendar.requests.clause import Clause
from llmagent_os.plugins.calendar.requests.masked_words import MaskedWords, Rules, first_call, has_marks, rule
from llmagent_os.plugins.calendar.requests.targets import Target, read_target
from llmagent_os.plugins.calendar.series_scope import scope_of

_VERB = (
    r"(?:delete|cancel|cancle|cancell|remove|erase|drop|scrap|scratch|kill|ditch|axe|nuke|bin|trash|skip|unschedule"
    r"|dump|zap|chuck"
    r"|get rid of|call off|strike|cross out|take out|throw out|wipe|lose|eliminate|discard|clear|del|rm)"
)
_HERE = (
    r"(?:,? (?:from|off|out of|in|on|from off) (?:my |the |our |this )?(?:calendar|schedule|agenda|diary|planner|plans"
    r"|list|week|reminders))?"
)
_NO_MORE = r"(?: any ?more| any longer| after all| now| from now on| for good| permanently| forever| entirely)?"
_OFF = (
    r"(?:(?:is|are|'s|was|were|got|has been|have been|just got|is now|has just been) (?:now |all |just |been )*(?:off|"
    r"cancel+ed|called off|scrapped|dropped|not happening|not taking place|not on|no longer (?:happening|on|needed"
    r"|necessary|taking place)|not (?:needed|necessary))|(?:isn't|aren't|is not|are not|won't be|will not be) "
    r"(?:happening|taking place|going ahead|on|needed|necessary)|(?:won't|will not|doesn't|does not) "
    r"(?:happen|take place|go ahead)|fell through|has fallen through|can go|can be (?:deleted|cancel+ed|removed"
    r"|dropped)|has to go)"
)
_BUT = (
    r"(?:(?:and |but )?(?:just |only |please )*(?:keep|leave|spare)(?: only| just)?|but not|but|except(?: for)?|besides"
    r"|apart from|other than|save|excluding|minus|without|bar|not)"
)
_KEPT = r"(?:,? (?:though|please|alone|as (?:it|they) (?:is|are)|in|there|where (?:it|they) (?:is|are)))*"

_DELETE = rule(rf"{_VERB} (?:all about |just |only )?(?P<np>.+?){_HERE}{_NO_MORE}(?: only| just| again)?")
_TURN_OFF = rule(
    r"(?:turn off|switch off|disable|silence|stop|deactivate|mute) (?P<np>.*(?:reminder|alarm|alert|notification).*?)"
    r"|(?:turn|switch) (?P<np2>.*(?:reminder|alarm|alert|notification).*?) off"
)
_AROUND = rule(
    r"(?:take|call|cross|strike|throw|get) (?P<np>.+?) (?:off|out)(?: of)?"
    r"(?: (?:my|the|our) (?:calendar|schedule|agenda|diary|planner|list))?(?: (?P<when>WHEN))?"
)
#: "Dentist: cancel".
_THEN_VERB = rule(rf"(?P<np>.+?) ?[:,–-]+ ?(?:please |pls |just )?{_VERB}(?: it| that| this)?{_HERE}")
_IS_OFF = rule(rf"(?P<np>.+?)(?: |(?='s ))(?:{_OFF}|cancel+ed)(?: (?:on|for) (?:me|us))?{_NO_MORE}(?: (?P<when>WHEN))?")
_NOT_NEEDED = rule(
    rf"i (?:don't|do not|no longer|dont|won't|will not) (?:really )?(?:need|want|have) (?P<np>.+?){_NO_MORE}"
    rf"(?:[,;.]? (?:and |so )?(?:please )?{_VERB} (?:it|that|them|the (?:whole|entire) (?:series|thing))"
    r"(?P<scope> all)?(?: please)?)?"
)
_NOT_GOING = rule(
    r"(?:(?:i'm|i am|we're|we are) (?:not|no longer)|(?:i|we) (?:won't|will not) be) (?:going to|doing|having|attending"
    rf"|coming to|joining) (?P<np>.+?){_NO_MORE}"
    rf"(?:[,;.]? (?:and |so )?(?:please |you can |can you )?{_VERB} (?:it|that|them|(?P<scope>it all|them all|all of"
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
_ALL_BUT = rule(rf"{_VERB} (?P<np>.+?)[,;.]? {_BUT} (?P<besides>.+?){_HERE}{_KEPT}")
_ALL_BUT_GO = rule(rf"(?P<np>(?:all|everything).*?),? {_BUT} (?P<besides>.+?) (?:can go|has to go|must go|{_OFF})")
_ALL_BUT_VERB = rule(rf"(?P<np>(?:all|everything).*?),? {_BUT} (?P<besides>.+?),? {_VERB}(?: (?:it|them))?")
_KEEP = rule(
    rf"keep (?:only |just )?(?P<besides>.+?)(?: only)?(?:,? (?:and |but )?{_VERB} (?:all )?(?:the (?:rest|others?)"
    r"|everything else|all (?:the )?others?)(?: (?:of|on|for))? ?(?P<when>WHEN)?"
    rf"|,? (?:and |but )?{_VERB} (?P<rest>WHEN)|(?P<only>))"
)
_REST = rule(
    rf"{_VERB} (?:all )?(?:of )?(?:the (?:rest|others?)|everything else|all (?:the )?others?)"
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
    rf"(?: [^\W\d]+){{0,3}}?[,;.:]? (?:so |and )?(?:please |can you |could you )*{_VERB} (?:it all|everything"
    rf"|all of it|all"
    r"|all (?:of )?my \w+|whatever(?: (?:i have|is on|there is|i've got))?|what i have|the whole (?:day|lot|thing))"
    r"(?: (?:then|on|for) (?:that|the) day| then| please| that day)*"
)
_NO_EVENT = rule(r"no (?:more )?(?P<np>.+?)(?: (?P<when>WHEN))?")
_STOP = rule(r"(?:stop|end|quit) (?:doing |going to |having )?(?P<np>.+)")
_NEGATED = re.compile(
    r"\b(?:don't|do not|dont|never|not yet|didn't|what if|should i|should we|did you|did i|why|shouldn't|won't you)\b",
    re.I,
)


def read_deletion(clause: Clause) -> ToolCall | None:
    """Return the call that deletes what the words ask for; None: not every word is understood."""
    words = MaskedWords.of(clause)
    return first_call(words, _RULES)


def _call(words: MaskedWords, target: Target, **more: str) -> ToolCall:
    title = target.arguments.get("title", "")
    rest = words.clause.text.lower().replace(title.lower(), " ") if title else words.clause.text
    arguments = {**target.arguments, **more}
    if "scope" not in arguments and arguments.get("which") != "all" and (scope := scope_of(None, rest)):
        arguments["scope"] = scope
    return ToolCall("delete_event", arguments)


def _one(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """An event that is named, where the calendar has it."""
    if _NEGATED.match(words.text):
        return None
    groups = found.groupdict()
    target = read_target(words, groups["np"] or groups["np2"])
    if target is None or not target.known:
        return None
    return _call(words, target, **words.when(groups.get("when")))


def _one_or_unknown(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """An event that is named; the tool says so if the calendar has none, where the words are about the calendar."""
    target = read_target(words, found["np"])
    about_calendar = re.search(
        r"\b(?:calendar|schedule|agenda|diary|appointment|meeting|event|reminder)\b", words.text, re.I
    )
    if target is None or _NEGATED.match(words.text) or not (target.known or about_calendar):
        return None
    if not target.known and re.search(r"[,;:.]| and | but ", found["np"]):
        return None  # a remark or another request stands behind the name
    return _call(words, target)


def _named(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """An event with a name that the calendar has: "forget the dentist" and not "forget it"."""
    target = read_target(words, found["np"])
    if target is None or not target.known or "title" not in target.arguments:
        return None
    return _call(words, target, **words.when(found.groupdict().get("when")))


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
    return _call(words, target) if target and meant and not found["when"] else _named(words, found)


def _series(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    call = _named(words, found)
    if call is None or has_marks(found["np"]):
        return None  # "end the review at 11:30" is another end
    return ToolCall(call.name, {**call.arguments, "scope": "series"})


def _not_needed(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """What is no longer needed. "I don't have the dentist" says nothing of what is wanted."""
    if re.search(r"\bhave\b", words.text[: found.start("np")]) and not re.search(_VERB, words.text[found.end("np") :]):
        return None
    return _named(words, found)


def _not_going(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    call = _named(words, found)
    return _series(words, found) if call is not None and found["scope"] else call


def _besides(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    target = read_target(words, found["np"])
    kept = _kept_name(words, found["besides"])
    if target is None or kept is None or _NEGATED.match(words.text):
        return None
    # "everything except choir this week": the week is that of everything
    when = {} if {"date", "time", "among"} & target.arguments.keys() else words.when(found["besides"])
    return _call(words, _everything_of(target), besides=kept, **when)


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


_RULES: Rules = (
    (_ALL_BUT, _besides),
    (_ALL_BUT_GO, _besides),
    (_ALL_BUT_VERB, _besides),
    (_KEEP, _keep),
    (_REST, _rest),
    (_CLEAR, _clear),
    (_OFF_THEN, _clear),
    (_DELETE, _one_or_unknown),
    (_AROUND, _one),
    (_THEN_VERB, _named),
    (_TURN_OFF, _one),
    (_IS_OFF, _is_off),
    (_NOT_NEEDED, _not_needed),
    (_NOT_GOING, _not_going),
    (_NOT_DOING, _named),
    (_CANCELLED_BY, _cancelled_by),
    (_FORGET, _named),
    (_STOP, _series),
    (_NO_EVENT, _named),
)
