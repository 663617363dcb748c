"""Reads reminders that come before an event: "remind me 10 minutes before the lunch", "remind me of it"."""

from __future__ import annotations

import re
from dataclasses import replace

import msgspec

from llmagent_os.plugin import ToolCall
from llmagent_os.plugins.calendar.requests.clause import Clause
from llmagent_os.plugins.calendar.requests.masked_words import MaskedWords, Rules, first_call, has_marks, rule
from llmagent_os.plugins.calendar.requests.targets import Target, read_target
from llmagent_os.plugins.calendar.time.time_mentions import MentionKind

#: What rings.
_RING = r"(?:reminder|alarm|alert|notification|heads[- ]?up|nudge|ping|warning|notice|message|buzz|shout|poke)s?"
_REMIND = (
    r"(?:(?:remind|ping|alert|notify|nudge|warn|buzz|poke|tell|message|text|give|send|set|add|create|make|put"
    r"|i want|want"
    r"|get|have|with|schedule|leave|i'd like|i need|need|let me know|don't let me forget|include|shout"
    r"|prod|be reminded)(?: (?:me|us"
    rf"|at me))?(?: (?:again|please|also|both))?(?: (?:an?|another|the|one|some|two|me))?(?: {_RING})?"
    rf"|(?:an? |another |the )?{_RING})(?: to go off| to ring)?(?: please)?"
)
_EVENT_BEGINS = (
    r"(?: (?:starts?|begins?|is|kicks off|happens|leaves|departs|goes|takes off|boards|lands|arrives|closes|opens"
    r"|ends|is"
    r" due))?"
)
_LEAD_OF = rule(
    rf"{_REMIND}(?: (?:to|that i (?:have|need|must) to) (?P<todo>.+?))?,? ?(?:for )?(?P<lead>LEAD)(?: at| to| of)?(?:"
    rf" (?P<np>.+?))?{_EVENT_BEGINS}"
)
#: "the evening before the trip at 8pm to pack my bag": what follows "to" is done, and no place that one goes to.
_LEAD_TO_DO = rule(
    rf"{_REMIND} (?:on )?(?P<lead>LEAD) (?P<np>.+?) to (?P<todo>(?!the\b|my\b|a\b|an\b)(?-i:[a-z])\w+.*)"
)
#: It is something to do also where the calendar has no such event.
_SURE_TO_DO = re.compile(
    r"\w+(?: (?:up|out|in|for|off))? (?:the|my|our|an?|some|him|her|them|it)\b|(?:check in|pack|study|revise|prepare"
    r"|get ready|leave|shower|eat|sleep)\b",
    re.I,
)
#: "an hour before the webinar and again ten minutes before"
_LEADS_AROUND = rule(
    rf"{_REMIND},? (?P<length>LEAD) (?P<np>.+?),? (?:and|then)(?: then| again| also)? (?P<lead>LEAD)(?: it| that)?"
)
_BARE_LEAD = rule(rf"(?:and )?(?:an? |one )?{_RING}(?: for it)? (?P<lead>LEAD)")
#: Two reminders: "2 days and 2 hours before the exam", "a day before and again an hour before".
_TWO_LEADS = rule(
    rf"{_REMIND},? (?P<length>LENGTH|LEAD),? (?:and|&|\+)(?: then| again"
    rf"| also)? (?P<lead>LEAD)(?: (?P<np>.+?))?{_EVENT_BEGINS}"
)
#: Why: it says nothing of the reminder.
_WHY = re.compile(r",? (?:so (?:that )?(?:i|we)|because|as i|otherwise)\b[^\ue000-\uf8ff]*$", re.I)
#: Units that are no sum: "1 day and 2 hours before" are two reminders, "1 hour and 30 minutes before" is one.
_TWO = re.compile(
    r"(?P<first>.*?\b(?:days?|weeks?|months?)(?: before)?),? (?:and|&|\+)(?: then| again| also)?"
    r" (?P<second>(?!a half\b).+)",
    re.I,
)
#: What the reminder says: "remind me 10 minutes before with the slides".
_LEAD_ABOUT = rule(rf"{_REMIND},? (?P<lead>LEAD) (?:about|with|to(?! (?:the|my|our|an?)\b)) (?P<todo>.+)")
_OF_LEAD = rule(
    rf"{_REMIND} (?:of|about|for|on|to|before) (?P<np>.+?),? (?:for )?(?P<lead>LEAD)"
    rf"(?: (?:that|it(?:'s| is)?|then|time))?(?: (?P<clock>TIME))?{_EVENT_BEGINS}(?: due)?"
)
_LEAD_FIRST = rule(
    rf"(?P<lead>LEAD) (?P<np>.+?),? (?:please )?{_REMIND}(?: (?:of|about) it)?"
    r"(?:,? (?:to|that i (?:have|need) to) (?P<todo>.+))?"
)
_LENGTH_EARLIER = rule(rf"{_REMIND},? (?P<length>LENGTH) (?:earlier|early)")
_LENGTH_BEFORE = rule(
    rf"{_REMIND} (?P<length>LENGTH|DATE) (?:before|ahead of|prior to|in advance of) (?P<np>.+?){_EVENT_BEGINS}"
)
_ENDS = r"(?:ends|finishes|is (?:over|done|finished))"
_AFTER = rule(
    rf"{_REMIND}(?: (?P<length>LENGTH|DATE))? (?:right |just |straight )?"
    rf"(?:after (?P<np>.+?)(?: {_ENDS}| (?P<start>starts|begins))?|(?:when|once|as soon as) (?P<over>.+?) {_ENDS})"
    r"(?:,? to (?P<todo>(?!(?:the|my|a|an)\b).+))?"
)
_WHEN_STARTS = rule(rf"{_REMIND} (?:when|as soon as|once) (?P<np>.+?) (?:starts|begins|is about to (?:start|begin))")
_OF = rule(
    r"(?:remind|ping|alert|notify|nudge|warn)(?: me| us)? (?:of|about|for|before) (?P<np>.+?)(?: (?:beforehand|in"
    r" advance|ahead of time|before it starts"
    r"|in time|too|as well))?"
)
_SET_FOR = rule(
    r"(?:set|add|create|give me|make|put|i want|i need|i'd like)(?: me)? (?:an? |the )?(?:reminder|alarm|alert"
    r"|notification|heads[- ]?up)"
    r" (?:for|of|about|on|to|before) (?P<np>.+?)"
)
#: Another time for the reminder that was set just now: "no, 2 hours before".
_OTHER_LEAD = rule(
    r"(?:no,? |sorry,? |rather |better |i (?:meant|mean) |make (?:it|that) |actually )*(?P<lead>LEAD)(?: instead|"
    r" please)?"
)
_ASKS = re.compile(rf"\b(?:remind|ping|alert|notify|nudge|warn|buzz|poke|let me know|{_RING})", re.I)


def read_lead(clause: Clause) -> ToolCall | tuple[ToolCall, ...] | None:
    """Return the calls that set reminders before an event; None: not every word is understood."""
    words = MaskedWords.of(clause)
    words = replace(words, text=_WHY.sub("", words.text))
    if found := _OTHER_LEAD.fullmatch(words.text):
        return ToolCall("remind_before", {"lead": words.plain(found["lead"]), "instead": "yes"})
    if re.match(r"(?:don't|do not|dont|never|no|stop)\b", words.text, re.I) or not _ASKS.search(words.text):
        return None
    two = _TWO_LEADS.fullmatch(words.text) or _LEADS_AROUND.fullmatch(words.text)
    if two is not None and (calls := _two(words, two)):
        return calls
    call = first_call(words, _RULES)
    return None if call is None else _each_lead(call)


def _each_lead(call: ToolCall) -> tuple[ToolCall, ...]:
    """A call for each of the reminders."""
    two = _TWO.fullmatch(str(call.arguments.get("lead", "")))
    if two is None:
        return (call,)
    first = two["first"] if re.search(r"\bbefore$", two["first"], re.I) else f"{two['first']} before"
    return tuple(
        msgspec.structs.replace(call, arguments={**call.arguments, "lead": each}) for each in (first, two["second"])
    )


def _event(words: MaskedWords, phrase: str | None) -> Target | None:
    """The event that a phrase means; one that the calendar does not have is named in the tool's answer."""
    if not phrase:
        return Target({})
    phrase = re.sub(r"^(?:(?:the )?(?:start|beginning) of|(?:i|we) (?:have|need|must) to) ", "", phrase, flags=re.I)
    return read_target(words, phrase)


def _call(words: MaskedWords, found: re.Match[str], lead: str, phrase: str = "") -> ToolCall | None:
    groups = found.groupdict()
    np = phrase or groups.get("np")
    target = _event(words, np)
    if target is None or words.said(np, MentionKind.DURATION, MentionKind.LEAD):
        return None
    arguments = {name: value for name, value in target.arguments.items() if name not in ("scope", "kind")}
    if arguments.get("which") == "all" and "title" in arguments:
        del arguments["which"]  # "before every standup": before the series
    if "time" in arguments and re.search(r"\b(?:days?|weeks?|evening|night|morning)\b", lead, re.I):
        lead = f"{lead} {arguments.pop('time')}"  # "the day before the dentist at 6pm"
    if clock := words.said(groups.get("clock"), MentionKind.TIME):
        lead = f"{lead} {clock}"
    if todo := groups.get("todo"):
        if has_marks(todo):
            return None
        arguments["new_title"] = words.plain(todo)
    return ToolCall("remind_before", {**arguments, "lead": lead})


def _lead(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    lead = words.said(found["lead"], MentionKind.LEAD)
    return _call(words, found, lead) if lead else None


def _two(words: MaskedWords, found: re.Match[str]) -> tuple[ToolCall, ...]:
    first, second = words.plain(found["length"]), words.said(found["lead"], MentionKind.LEAD)
    first = first if words.said(found["length"], MentionKind.LEAD) else f"{first} before"
    calls = [_call(words, found, lead) for lead in (first, second) if lead]
    return tuple(call for call in calls if call is not None) if all(calls) else ()


def _lead_to_do(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """What is to be done before an event that the calendar has."""
    target = _event(words, found["np"])
    return _lead(words, found) if (target and target.known) or _SURE_TO_DO.match(found["todo"]) else None


def _lead_about(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """What a reminder says, where that is no event of the calendar."""
    lead, target = words.said(found["lead"], MentionKind.LEAD), read_target(words, found["todo"])
    if lead is None or has_marks(found["todo"]) or (target is not None and target.known):
        return None
    return ToolCall("remind_before", {"lead": lead, "new_title": words.plain(found["todo"])})


def _length_before(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    return _call(words, found, f"{words.plain(found['length'])} before")


def _after(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    phrase = found["np"] or found["over"]
    target = read_target(words, phrase)
    if target is None or not target.known:
        return None
    length = f"{words.plain(found['length'])} " if found["length"] else ""
    return _call(words, found, f"{length}after{' the start' if found['start'] else ''}", phrase)


def _when_starts(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    target = read_target(words, found["np"])
    return _call(words, found, "when it starts") if target and target.known else None


def _open(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """A reminder of an event that the calendar has: the tool asks how long before."""
    target = read_target(words, found["np"])
    if target is None or not target.known or has_marks(found["np"]) or target.arguments.get("kind") == "reminder":
        return None
    if target.arguments and "title" not in target.arguments and "among" not in target.arguments:
        return None
    return ToolCall("remind_before", {name: value for name, value in target.arguments.items() if name != "scope"})


_RULES: Rules = (
    (_BARE_LEAD, _lead),
    (_LEAD_ABOUT, _lead_about),
    (_LEAD_TO_DO, _lead_to_do),
    (_LEAD_OF, _lead),
    (_OF_LEAD, _lead),
    (_LEAD_FIRST, _lead),
    (_LENGTH_BEFORE, _length_before),
    (_LENGTH_EARLIER, _length_before),
    (_AFTER, _after),
    (_WHEN_STARTS, _when_starts),
    (_OF, _open),
    (_SET_FOR, _open),
)
