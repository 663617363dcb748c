"""Reads questions about the calendar: "what's next?", "how long is the workshop?", "is December 25 free?"."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from llmagent_os.plugin import ToolCall
from llmagent_os.plugins.calendar.requests.clause import Clause
from llmagent_os.plugins.calendar.requests.free_time_request import FREE_TIME_RULES
from llmagent_os.plugins.calendar.requests.masked_words import MaskedWords, has_marks, rule
from llmagent_os.plugins.calendar.requests.targets import Target, read_target
from llmagent_os.plugins.calendar.time.time_mentions import MentionKind

Read = Callable[[MaskedWords, re.Match[str]], ToolCall | None]
_DATES = (MentionKind.DATE,)

_INDIRECT = re.compile(
    r"(?:check|see|find out|look|look up|tell me|do you know|you know|any idea|remember|do you remember|i wonder|i'm"
    r" wondering"
    r"|let me know|i'd like to know|i want to know|know|say|double check|verify)(?: for me)?"
    r" (?P<inner>(?:if|whether|when|where|what|how|which|who|at what|until when) .+)",
    re.I,
)
_WHEN_IT_IS = re.compile(r"(?:when|where|what time) .+ (?:is|are|was|starts?|begins?|ends?)", re.I)
_DIRECT: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"^(?:if |whether )?(?:i'm|i am) ", re.I), "am i "),
    (re.compile(r"^(?:if |whether )?(?:we're|we are) ", re.I), "are we "),
    (re.compile(r"^(?:if |whether )?i(?: have|'ve got| have got) ", re.I), "do i have "),
    (re.compile(r"^(?:if |whether )?there(?: is|'s|s) ", re.I), "is there "),
    (
        re.compile(
            r"^(what|which(?: \w+)?|how many(?: \w+)?|when|where|how much(?: \w+)?) i(?: have|'ve got|'ve) ?", re.I
        ),
        r"\1 do i have ",
    ),
    (
        re.compile(
            r"^(when|where|how long|what time|who|at what time) (?!is|are|was|do|does|did|am)(.+) (is|are|was)$", re.I
        ),
        r"\1 \3 \2",
    ),
    (
        re.compile(
            r"^(when|where|what time|at what time) (?!is|are|do|does)(.+) (start|begin|end|finish)(?:s|es)$", re.I
        ),
        r"\1 does \2 \3",
    ),
    (re.compile(r"^(?:if|whether) (.+?) (is|are) (free|open|available)", re.I), r"\2 \1 \3"),
)

_CALENDAR = r"(?:calendar|schedule|agenda|diary|planner|plan|plans|events?|appointments?|meetings?|things?|list|stuff)"
_MY = r"(?:my |the |our |your )?"
_SHOW = (
    r"(?:show|list|tell|give|read|display|print|see|view|check|open|fetch|retrieve|get|pull up|bring up|look up|look at"
    r"|go over|go through|run through|read out|let me see|let me know|remind me of|what are|what is|what's|whats|find)"
)
_ON = r"(?:on|in|for|at|during|over|of|from)"
_HAVE = (
    r"(?:do i have|do we have|have i got|have we got|i have|i've got|we have|i got|am i doing|are we doing|is there"
    r"|are there|is happening|is going on|is on|is scheduled|is planned|is coming up|is up|do i do|did i have|did i do"
    r"|did i (?:schedule|plan|book|put)|was on|is in store|was there|will i have|will i be doing|should i be doing"
    r"|must i do|do i need to do|do i got"
    r"|have i planned|am i up to|do i have to do|am i having|do i have going|will be on|is left)"
)
_PLANNED = (
    r"(?: (?:planned|scheduled|going|happening|on|going on|coming up|coming|up|lined up|booked|happening|set up|to do"
    r"|left|else|noted"
    r"|there|already|ahead|next|arranged|in store|in))*"
)
_IN_CALENDAR = rf"(?: (?:{_ON} )?{_MY}(?:calendar|schedule|agenda|diary|planner|plate|list))?"

_WHAT_ON = rule(
    rf"(?:what|what all|which|what else|wat|what kind of things)(?: {_CALENDAR})?(?: all| else)? ?(?:'s|s| is| are| was"
    rf"| {_HAVE})(?: all| else)?{_PLANNED}{_IN_CALENDAR}(?: (?:like|looking"
    rf" like))?,? ?(?P<when>WHEN)?{_PLANNED}{_IN_CALENDAR}"
)
_WHAT_DAY = rule(
    rf"(?:what|how)(?:'s|s| is| are| does| do| about) {_MY}?(?:(?P<day>WHEN)|(?:calendar|schedule|agenda|day|week"
    rf"|diary)"
    rf"(?: (?:look(?:ing)? like|look(?:ing)?))?(?: {_ON})? ?(?P<of>WHEN)?)(?:'s)?"
    r"(?: (?:look(?:ing)?(?: like)?|like|going to look like|shaping up|schedule|agenda|plan))*(?: for me)?"
)
_ANYTHING = rule(
    r"(?:(?:do i|do we|did i|will i) have|have i got|have we got|is there|are there|am i doing|are we doing|i have|got|"
    r"is|will there be|was there)?"
    r" ?(?:anything|something|any ?thing|any (?:plans?|events?|appointments?|meetings?|calls?|commitments?|other"
    r" plans)|plans?|much|a lot|"
    rf"anything else|something else){_PLANNED}{_IN_CALENDAR}(?: (?P<when>WHEN))?{_PLANNED}{_IN_CALENDAR}"
)
_SHOW_CALENDAR = rule(
    rf"{_SHOW}(?: me)?(?: again)?(?: all)?(?: of)? ?{_MY}(?:(?:upcoming|coming|next|whole|entire|full|current) )?"
    rf"(?P<what>{_CALENDAR}|week|day|month)(?: (?:i have|i've got|that are))?{_PLANNED}{_IN_CALENDAR}"
    rf"(?: (?:{_ON}|looks? like))? ?(?P<when>WHEN)?{_PLANNED}{_IN_CALENDAR}"
)
_SHOW_DAY = rule(rf"{_SHOW}(?: me)? (?:what(?:'s| is| i have)(?: on)? )?{_MY}(?P<when>WHEN)(?:'s)?(?: {_CALENDAR})?")
_OVERVIEW = rule(
    r"(?:(?:give|show) me (?:an |a |the )?(?:overview|summary|rundown|run-down) (?:of|for|on)|(?:run|walk|take) me(?:"
    r" through)?"
    r"|what(?:'s| is) my day like|how(?:'s| is) my day|summari[sz]e) (?:my )?(?P<when>WHEN)"
)
_ASKED_WHEN = rule(r"(?:nothing |anything )?(?:(?:on|for) )?(?P<when>WHEN)")
_BUSY = rule(
    r"(?:do i have|is it|am i having|will i have)(?: a| my)? (?:busy|full|packed) (?P<span>week|day|month)(?: ahead)?"
)
_BARE = rule(
    rf"{_MY}(?:(?P<when>WHEN)(?:'s)? (?:calendar|schedule|agenda|plans?|events|appointments|meetings|overview)"
    r"|(?:calendar|schedule|agenda|events|appointments|meetings|plans|overview)(?: (?:for|on|of|in))? ?(?P<then>WHEN)?)"
)
_AND_DAY = rule(r"(?:what about|how about|(?P<and>and|then)) (?:(?:on|for) )?(?P<when>WHEN)")
_EVERYTHING = rule(
    rf"(?:{_SHOW}|tell me about)(?: me)?(?: about)? (?:everything|all|it all|all of it|all (?:of )?{_MY}{_CALENDAR}"
    rf"|the lot|everything there is"
    rf"|{_MY}(?:whole|entire|full) (?:calendar|schedule|agenda|diary))(?: (?:that(?:'s| is| i have)|i have|i've got"
    rf"|which is))?{_PLANNED}"
    rf"{_IN_CALENDAR}(?: (?P<when>WHEN))?|what(?:'s| is) everything{_PLANNED}{_IN_CALENDAR}"
    r"|everything(?: that's| i have)? (?:on my calendar|coming up|planned)"
)
_NEXT = rule(
    r"(?:what(?:'s| is|s|'re| are)|when(?:'s| is)|show me|tell me|and|which is|where is|give me|do i have)? ?(?:my "
    r"|the |our |a )?"
    r"(?:very )?(?:next|upcoming)(?: (?:thing|event|appointment|meeting|item|one|up|entry))?{P}{C}"
    r"|what(?:'s| is|s)? (?:coming )?(?:next|up next|coming next|coming up(?: next)?|up)(?: for me| today)?{C}"
    r"|what do i have (?:next|coming up)|what comes next|what do i do next|what am i doing next".replace(
        "{P}", _PLANNED
    ).replace("{C}", _IN_CALENDAR)
)
_LEFT = rule(
    r"(?:(?:what|anything|is anything|is there anything|what else)(?:'s| is| do i have| have i got| am i doing)?(?:"
    r" still)? ?(?:left|remaining|else|still to come"
    rf"|to come|coming up|left to do|still)?(?: (?:{_ON}|for))?{_IN_CALENDAR} ?(?:the )?(?:rest (?:of"
    rf" )?)?(?P<when>DATE)?(?: still| left)?"
    r"|(?:the )?rest of (?P<day>DATE)|what(?:'s| is) the rest of (?P<then>DATE) (?:look )?like)"
)
_FIRST = rule(
    r"(?:what(?:'s| is|s)|when(?:'s| is)|what do i have|show me)(?: my| the)? (?P<which>first|last|earliest|latest|1st)"
    r"(?: (?:thing|event|appointment|meeting|item|one))?(?: i have)?(?: (?P<when>WHEN))?"
)

_WHEN = (
    r"(?:when(?: exactly)?|what time|at what time|which day|what day|on (?:which|what) day|what date|when and where"
    r"|wann)"
)
_START = rule(
    rf"{_WHEN}(?:'s|s| is| are| was| does| do i have| do we have| have i got| am i (?:having|doing|seeing|meeting"
    rf"|going to|on)|'re| will| do i"
    r" (?:see|meet|have to be at|go to|need to be at|leave for)| is it that i (?:have|see|meet))? (?P<np>.+?)"
    r"(?: (?:again|scheduled|start|starts|begin|begins|happening|happen|on|at|be|planned|taking place|supposed to be"
    r"|supposed to start|next|due|going to be|going to start))*"
)
_IS_WHEN = rule(r"(?:is|are|was) (?P<np>.+?) (?P<when>WHEN)")
_HAVE_NAMED = rule(
    r"(?:do i have|do we have|have i got|is there|did i have|am i having|have i|do i|am i (?:seeing|meeting|doing"
    r"|going to))"
    rf" (?:an? |my |the |any )?(?P<np>.+?)(?: (?:planned|scheduled|booked|coming up))?{_IN_CALENDAR}(?:"
    rf" (?P<when>WHEN))?"
)
_WITH = rule(
    r"(?:(?:do i have|have i got|is there|what do i have|what's|what is|when do i have)?(?: (?:anything|something|a"
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
_LENGTH = rule(
    r"(?:how long|how many (?:hours|minutes)|for how long)(?:'s| is| are| does| do| will| was)? (?P<np>.+?)(?:"
    r" (?:last|take|go|be|go on|run|going to"
    r" be|going to take|scheduled for|supposed to (?:be|last|take)|again|for))*"
    r"|what(?:'s| is) the (?:length|duration) of (?P<np2>.+)|how much time (?:does|will) (?P<np3>.+?) (?:take|last"
    r"|need)"
)
_END = rule(
    r"(?:when|what time|at what time|until when|till when)(?:'s| is| does| do| will| are)? (?P<np>.+?) (?:end|ends"
    r"|finish|finishes|over|done|be over|be"
    r" done|finished|stop|wrap up|go until|last|last until|go|run|end at)|(?:until when|till when|how late)(?:'s| is|"
    r" does| do) (?P<np2>.+?)"
    r"(?: (?:go|last|run|on|scheduled))*"
)
_COUNT = rule(
    rf"how many (?P<np>.+?)(?: (?:do i have|do we have|have i got|are there|am i having|are|i have|i've"
    rf" got))?{_PLANNED}"
    rf"{_IN_CALENDAR}(?: (?P<when>WHEN))?{_PLANNED}{_IN_CALENDAR}|how (?:busy|full|packed)(?: am i| is my (?:day|week"
    rf"|calendar|schedule))?"
    r"(?: (?P<then>WHEN))?|how (?:busy|full|packed) (?:is|does) (?P<then2>WHEN)(?: look)?"
)
_PERSON = rule(
    r"(?:who(?:'s| is| are| am i| do i| will i)?|with whom|whom)(?: am i| do i| is| i'm)? (?:meeting|seeing|having"
    r"|meet|see|coming to|at|in|going to|with me at)"
    r"(?: with)? ?(?P<np>.+?)(?: with)?|who(?:'s| is) (?P<np2>.+?) with|with whom is (?P<np3>.+)"
)
_UNTIL = rule(
    r"how (?:long|much time|many (?:days|hours|weeks|minutes)|much longer)(?: (?:is it|is|left|do i have|have i got"
    r"|are there|is there|remain|to go|is left|are left|it is))* (?:until|till|before|to) (?P<np>.+?)"
    r"(?: (?:starts?|begins?|left|go))?|how soon (?:is|does) (?P<np2>.+?)(?: (?:start|begin))?"
)
_DETAILS = rule(
    r"(?:tell me (?:more |everything |all )?about|what (?:do you know|can you tell me) about|(?:show|give) me (?:the"
    r" )?(?:details|info) (?:of|on|about|for)"
    r"|(?:the )?details (?:of|on|about|for)|more about|info on|what(?:'s| is) (?:up|the deal) with|show me) (?P<np>.+)"
)
_NOTES = rule(
    r"(?:(?:what|which|any|are there any|do i have any|show me the|what are the) notes? (?:(?:do i have|are there|did"
    r" i make) )?"
    r"(?:for|on|about|to|in) (?P<np>.+)|what (?:did i note|do i (?:have|need) to bring|should i bring) (?:for|to)"
    r" (?P<np2>.+))"
)
_ADDED = rule(
    r"(?:what (?:did|have|was|were) (?:i|you|we|it)? ?(?:that )?(?:just |last |ask you to |tell you to |asked you to"
    r" )*(?:add(?:ed)?|put in|creat(?:e|ed)|mad?e|do|done|book(?:ed)?|chang(?:e|ed)|"
    r"schedul(?:e|ed)|enter(?:ed)?|sav(?:e|ed)|remov(?:e|ed)|delet(?:e|ed)|move|moved)(?: (?:to|into|in) (?:my|the)"
    r" calendar)?(?: just now| last| before| for me)?"
    r"|(?:what(?:'s| is| was)|show me) (?:the )?last (?:thing|event|appointment|change|one)(?: that)? (?:i|you|we)"
    r" (?:just )?(?:added|made|created|changed|did)"
    r"|what (?:was|has been) just (?:added|changed|done)|what was the last (?:change|thing))"
)
_REMINDERS = rule(
    rf"(?:{_SHOW}|which|what|any|do i have any|do i have|are there any|list)?(?: me)?(?: all)?(?:"
    rf" of)? ?{_MY}(?:active |open |current |upcoming |pending )?reminders?"
    rf"(?: (?:do i have|have i got|are (?:there|set|active|on)|i have|are coming up|did i set|have you"
    rf" set))?{_PLANNED}(?: (?P<when>WHEN))?{_PLANNED}"
)
_HAVE_REMINDER = rule(
    r"(?:did i set|do i have|is there|have you set|have i set|did you set) (?:an? |the |any )?(?P<np>reminder (?:for"
    r"|about|of|to) .+)"
    r"|(?:what(?:'s| is)|when(?:'s| is)) (?P<np2>(?:my |the )?next reminder)"
)
_PAST = rule(
    r"(?:when|what day) did i last (?:have|see|go to|do|meet) (?P<np2>.+)"
    r"|(?:when|what day) (?:was|did i have|did i see|did i meet|was i at|did i go to) (?:my |the )?(?:last"
    r" )?(?P<np>.+?)(?: last)?"
)


def read_lookup(clause: Clause) -> ToolCall | None:
    """Return the call that answers a question about the calendar; None: not every word is understood."""
    words = MaskedWords.of(clause)
    words = replace(words, text=direct_question(words.text))
    for pattern, read in (*FREE_TIME_RULES, *_RULES):
        found = pattern.fullmatch(words.text)
        call = read(words, found) if found else None
        if call is not None:
            return call
    return None


def direct_question(text: str) -> str:
    """A question that is asked within another: "check if I'm free" becomes "am i free".

    >>> direct_question("do you know when the review is"), direct_question("see whether I have plans")
    ('when is the review', 'do i have plans')
    """
    found = _INDIRECT.fullmatch(text)
    if found is None and not _WHEN_IT_IS.fullmatch(text):
        return text
    inner = found["inner"] if found else text
    for pattern, direct in _DIRECT:
        inner, count = pattern.subn(direct, inner, count=1)
        if count:
            break
    return inner


def _list(asked: str = "events", **arguments: str) -> ToolCall:
    return ToolCall("list_events", {**arguments, "asked": asked})


def _days(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """All that there is in a period; without one, all that is to come."""
    groups = found.groupdict()
    pieces = [groups.get(name) for name in ("when", "day", "of", "then", "then2")]
    return _list(**words.when(" ".join(filter(None, pieces))) or {"which": "all"})


def _week_or_day(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    what = found["what"].lower()
    if what in ("week", "day", "month") and not found["when"]:
        return _list(date="today" if what == "day" else f"this {what}")
    return _days(words, found)


def _and_day(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """A question that goes on: "and saturday?". Without a question mark, "and" may ask for something else."""
    return _days(words, found) if "?" in words.clause.text or not found["and"] else None


def _asked_when(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """Nothing but a day, with a question mark: "next week?"."""
    return _days(words, found) if "?" in words.clause.text else None


def _busy(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    span = found["span"].lower()
    return _list("count", date="today" if span == "day" else f"this {span}")


def _day_like(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    if found["day"] or found["of"]:
        return _days(words, found)
    span = re.search(r"\b(week|day)\b", found[0], re.I)
    return _list(date="today" if span and span[1].lower() == "day" else "this week")


def _left(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    groups = found.groupdict()
    said = words.said(groups["when"] or groups["day"] or groups["then"], *_DATES)
    if not re.search(r"\b(?:left|rest|remaining|else|still|to come)\b", words.plain(words.text), re.I):
        return None
    if said is None or re.fullmatch(r"(?:for |of |the |rest |remainder )*(?:today|day)", said, re.I):
        return _list("left", date="today")
    return _list(date=said)


def _about(asked: str) -> Read:
    """A question about an event that the calendar has."""

    def read(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
        groups = found.groupdict()
        phrase = next((piece for name in ("np", "np2", "np3") if (piece := groups.get(name))), "")
        target = read_target(words, phrase)
        if target is None or not target.known:
            return None
        return _list(asked, **_of_target(target), **words.when(groups.get("when")))

    return read


def _of_target(target: Target) -> dict[str, str]:
    return {name: value for name, value in target.arguments.items() if name != "scope"}


def _when_is(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """When an event is: the calendar's, or one that it may not have, if the question is about an appointment."""
    target = read_target(words, re.sub(r"^(?:with|at) ", "", found["np"], flags=re.I))
    mine = re.match(r"(?:my|our|the next|my next)\b", found["np"], re.I)
    if (
        target is None
        or not (target.known or mine)
        or set(target.arguments) & {"date", "time"} == set(target.arguments)
    ):
        is_it = target is not None and not target.arguments and words.text.lower().startswith("when")
        return _list("start") if is_it else None
    return _list(**_of_target(target))


def _is_when(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    target = read_target(words, found["np"])
    if target is None or not target.known or "title" not in target.arguments or has_marks(found["np"]):
        return None
    return _list(**_of_target(target))


def _named(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    target = read_target(words, found["np"])
    if target is None or not target.known or "title" not in target.arguments:
        return None
    return _list(**_of_target(target), **words.when(found["when"]))


def _where_go(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    return _about("place")(words, found) if found["np"] else _list(**words.when(found["when"]))


def _count(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    when = words.when(" ".join(filter(None, (found["when"], found["then"], found["then2"]))))
    if not found["np"]:
        return _list("count", **(when or {"date": "today"}))
    what = re.sub(r"^times do i have ", "", found["np"].strip(), flags=re.I)
    what = re.sub(r"^(?:of my |different |more |other )", "", what, flags=re.I).lower()
    if re.fullmatch(r"(?:things?|events?|appointments?|meetings?|plans|items|entries|commitments)", what):
        return _list("count", **(when or {"which": "all"}))
    if re.fullmatch(r"reminders?", what):
        return _list("count", kind="reminder", **(when or {"which": "all"}))
    target = read_target(words, what)
    return _list("count", **_of_target(target), **when) if target and target.known else None


def _person(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    phrase = found["np"] or found["np2"] or found["np3"]
    when = words.when(phrase)
    target = read_target(words, phrase)
    if target is not None and target.known:
        return _list("person", **_of_target(target))
    return _list(**when) if when and not re.sub(r"\W|[\ue000-\ue001]|[dt]\d", "", phrase) else None


def _first(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    which = "first" if found["which"].lower() in ("first", "earliest", "1st") else "last"
    when = words.when(found["when"])
    return _list(which=which, **when) if when else None


def _reminders(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    return _list(kind="reminder", **(words.when(found["when"]) or {"which": "all"}))


def _reminder(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    if found["np2"]:
        return _list(which="next", kind="reminder")
    target = read_target(words, found["np"])
    return _list(**_of_target(target)) if target and target.known else None


def _past(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    target = read_target(words, found["np"] or found["np2"])
    return _list(**_of_target(target) | {"which": "last"}) if target and target.known else None


_RULES: tuple[tuple[re.Pattern[str], Read], ...] = (
    (_ADDED, lambda words, found: _list("added")),
    (_HAVE_REMINDER, _reminder),
    (_REMINDERS, _reminders),
    (_NOTES, _about("notes")),
    (_LEFT, _left),
    (_NEXT, lambda words, found: _list(which="next")),
    (_FIRST, _first),
    (_WHAT_ON, _days),
    (_WHAT_DAY, _day_like),
    (_ANYTHING, _days),
    (_EVERYTHING, _days),
    (_SHOW_CALENDAR, _week_or_day),
    (_SHOW_DAY, _days),
    (_BARE, _days),
    (_OVERVIEW, _days),
    (_ASKED_WHEN, _asked_when),
    (_BUSY, _busy),
    (_AND_DAY, _and_day),
    (_COUNT, _count),
    (_UNTIL, _about("until")),
    (_LENGTH, _about("length")),
    (_END, _about("end")),
    (_PAST, _past),
    (_START, _when_is),
    (_PLACE, _about("place")),
    (_WHERE_GO, _where_go),
    (_PERSON, _person),
    (_IS_WHEN, _is_when),
    (_WITH, _named),
    (_HAVE_NAMED, _named),
    (_DETAILS, _about("details")),
)
