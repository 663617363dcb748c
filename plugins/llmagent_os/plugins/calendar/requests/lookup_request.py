"""Reads questions about a period and about all that there is: "what's next?", "what do I have on friday?"."""

from __future__ import annotations

import re
from dataclasses import replace

from llmagent_os.plugin import ToolCall
from llmagent_os.plugins.calendar.requests.clause import Clause
from llmagent_os.plugins.calendar.requests.direct_question import direct_question
from llmagent_os.plugins.calendar.requests.event_question import EVENT_QUESTION_RULES
from llmagent_os.plugins.calendar.requests.free_time_request import FREE_TIME_RULES
from llmagent_os.plugins.calendar.requests.masked_words import MaskedWords, Rules, first_call, rule
from llmagent_os.plugins.calendar.requests.order_question import read_order
from llmagent_os.plugins.calendar.requests.question_words import IN_CALENDAR, MY, ON, PLANNED, list_call, of_target
from llmagent_os.plugins.calendar.requests.targets import read_target
from llmagent_os.plugins.calendar.time.time_mentions import MentionKind

_DATES = (MentionKind.DATE,)
_ENTRIES = r"events?|appointments?|meetings?|things?|list|stuff|jobs|tasks|bookings"
_CALENDAR = rf"(?:calendar|schedule|agenda|diary|planner|plans?|{_ENTRIES})"
_SHOW = (
    r"(?:show|list|tell|give|read|display|print|see|view|check|open|fetch|retrieve|get|pull up|bring up|look up|look at"
    r"|go over|go through|run through|read out|let me see|let me know|remind me of|what are|what is|what's|whats|find)"
)
_HAVE = (
    r"(?:do i have|do we have|have i got|have we got|i have|i've got|we have|i got|am i doing|are we doing|is there"
    r"|are there|is happening|is going on|is on|is scheduled|is planned|is coming up|is up|do i do|did i have|did i do"
    r"|did i (?:schedule|plan|book|put)|was on|is in store|was there|will i have|will i be doing|should i be doing"
    r"|must i do|do i need to do|do i got|have i planned"
    r"|am i up to|do i have to do|am i having|do you have for me|do i have going|will be on|is left)"
)
_WHAT_ON = rule(
    rf"(?:what|what all|which|what else|wat|what kind of things)(?: {_CALENDAR})?(?: all| else)? ?(?:'s|s| is| are| was"
    rf"| {_HAVE})(?: all| else)?{PLANNED}{IN_CALENDAR}(?: (?:like|looking"
    rf" like))?,? ?(?P<when>WHEN)?{PLANNED}{IN_CALENDAR}"
    r"(?: (?:besides|apart from|other than|except(?: for)?) [^\ue000-\uf8ff,;]+)?"
)
_WHAT_DAY = rule(
    rf"(?:what|how)(?:'s|s| is| are| does| do| about) {MY}?(?:(?P<day>WHEN)|(?:calendar|schedule|agenda|day|week"
    rf"|diary)(?: (?:look(?:ing)? like|look(?:ing)?))?(?: {ON})? ?(?P<of>WHEN)?)(?:'s)?"
    r"(?: (?:look(?:ing)?(?: like)?|like|going to look like|shaping up|schedule|agenda|plan))*(?: for me)?"
)
_ANYTHING = rule(
    r"(?:(?:do i|do we|did i|will i) have|have i got|have we got|is there|are there|am i doing|are we doing|i have|got|"
    r"is|will there be|was there)?"
    r" ?(?:anything|something|any ?thing|any (?:plans?|events?|appointments?|meetings?|calls?|commitments?|other"
    r" plans)|plans?|much|a lot|"
    rf"anything else|something else){PLANNED}{IN_CALENDAR}(?: (?P<when>WHEN))?{PLANNED}{IN_CALENDAR}"
)
_SHOW_CALENDAR = rule(
    rf"{_SHOW}(?: me)?(?: again)?(?: all)?(?: of)? ?{MY}(?:(?:upcoming|coming|next|whole|entire|full|current) )?"
    rf"(?P<what>{_CALENDAR}|week|day|month)(?: (?:i have|i've got|that are))?{PLANNED}{IN_CALENDAR}"
    rf"(?: (?:{ON}|looks? like))? ?(?P<when>WHEN)?{PLANNED}{IN_CALENDAR}"
)
_SHOW_DAY = rule(rf"{_SHOW}(?: me)? (?:what(?:'s| is| i have)(?: on)? )?{MY}(?P<when>WHEN)(?:'s)?(?: {_CALENDAR})?")
_OVERVIEW = rule(
    r"(?:(?:give|show) me (?:an |a |the )?(?:overview|summary|rundown|run-down) (?:of|for|on)|(?:run|walk|take) me(?:"
    r" through)?|what(?:'s| is) my day like|how(?:'s| is) my day|summari[sz]e) (?:my )?(?P<when>WHEN)"
)
_ASKED_WHEN = rule(r"(?:nothing |anything )?(?:(?:on|for) )?(?P<when>WHEN)")
_BUSY = rule(
    r"(?:do i have|is it|am i having|will i have)(?: a| my)? (?:busy|full|packed) (?P<span>week|day|month)(?: ahead)?"
)
_LISTED = r"(?:events|appointments|meetings|overview|jobs|tasks|bookings)"
_BARE = rule(
    rf"{MY}(?:(?P<when>WHEN)(?:'s)? (?:{_LISTED}|calendar|schedule|agenda|plans?|list|diary)"
    rf"|(?:{_LISTED}|calendar|schedule|agenda|plans)(?: (?:for|on|of|in))? ?(?P<then>WHEN)?)"
)
_AND_DAY = rule(r"(?:what about|how about|(?P<and>and|then)) (?:(?:on|for) )?(?P<when>WHEN)")
_EVERYTHING = rule(
    rf"(?:{_SHOW}|tell me about)(?: me)?(?: about)? (?:everything|all|it all|all of it|all (?:of )?{MY}{_CALENDAR}"
    rf"|the lot|everything there is"
    rf"|{MY}(?:whole|entire|full) (?:calendar|schedule|agenda|diary))(?: (?:that(?:'s| is| i have)|i have|i've got"
    rf"|which is))?{PLANNED}"
    rf"{IN_CALENDAR}(?: (?P<when>WHEN))?|what(?:'s| is) everything{PLANNED}{IN_CALENDAR}"
    r"|everything(?: that's| i have)? (?:on my calendar|coming up|planned)"
)
_NEXT = rule(
    r"(?:what(?:'s| is|s|'re| are)|when(?:'s| is)|show me|tell me|and|which is|where is|give me|do i have)? ?(?:my "
    r"|the |our |a )?"
    r"(?:very )?(?:next|upcoming)(?: (?:thing|event|appointment|meeting|item|one|up|entry))?{P}{C}"
    r"|what(?:'s| is|s)? (?:coming )?(?:next|up next|coming next|coming up(?: next)?|up)(?: for me| today)?{C}"
    r"|what do i have (?:next|coming up)|what comes next|what do i do next|what am i doing next".replace(
        "{P}", PLANNED
    ).replace("{C}", IN_CALENDAR)
)
_LEFT = rule(
    r"(?:(?:what|anything|is anything|is there anything|what else)(?:'s| is| do i have| have i got| am i doing)?(?:"
    r" still)? ?(?:left|remaining|else|still to come"
    rf"|to come|coming up|left to do|still)?(?: (?:{ON}|for))?{IN_CALENDAR} ?(?:the )?(?:rest (?:of"
    rf" )?)?(?P<when>DATE)?(?: still| left)?"
    r"|(?:the )?rest of (?P<day>DATE)|what(?:'s| is) the rest of (?P<then>DATE) (?:look )?like)"
)
_FIRST = rule(
    r"(?:what(?:'s| is|s)|when(?:'s| is)|what do i have|show me)(?: my| the)? (?P<which>first|last|earliest|latest|1st)"
    r"(?: (?:thing|event|appointment|meeting|item|one))?(?: i have)?(?: (?P<when>WHEN))?"
)
_FIRST_THING = rule(
    r"(?:what(?:'s| is|s)?|when(?:'s| is)|what do i have|show me|what is on)(?: my| the)? ?(?P<when>WHEN)"
)
_DONE = rule(
    r"(?:when|what time|how late|until when|till when) (?:am i|are we|will i be|do i|do we|can i)"
    r" (?:(?P<last>done|finished|through|finish|get off|knock off|stop|go home|over)"
    r"|(?P<first>start|begin|get started|have to start|kick off))(?: work| working)? (?P<when>WHEN)"
)
_ADDED = rule(
    r"(?:what (?:did|have|was|were) (?:i|you|we|it)? ?(?:that )?(?:just |last |ask you to |tell you to |asked you to"
    r" )*(?:add(?:ed)?|put in|creat(?:e|ed)|mad?e|do|done|book(?:ed)?|chang(?:e|ed)|"
    r"schedul(?:e|ed)|enter(?:ed)?|sav(?:e|ed)|remov(?:e|ed)|delet(?:e|ed)|move|moved)(?: (?:to|into|in) (?:my|the)"
    r" calendar)?(?: just now| last| before| for me)?"
    r"|(?:what(?:'s| is| was)|show me) (?:the )?last (?:thing|event|appointment|change|one)(?: that)? (?:i|you|we)"
    r" (?:just )?(?:added|made|created|changed|did)"
    r"|(?:what|which)(?: one| event| ones| events)? (?:did|have) you (?:just )?(?:add(?:ed)?|creat(?:e|ed)|mad?e"
    r"|book(?:ed)?|chang(?:e|ed)|remov(?:e|ed)|delet(?:e|ed)|cancel(?:led|ed)?|moved?|do|done)"
    r"|what (?:was|has been) just (?:added|changed|done)|what was the last (?:change|thing))"
)
_REMINDERS = rule(
    rf"(?:{_SHOW}|which|what|any|do i have any|do i have|are there any|list)?(?: me)?(?: all)?(?:"
    rf" of)? ?{MY}(?:active |open |current |upcoming |pending )?reminders?"
    rf"(?: (?:do i have|have i got|are (?:there|set|active|on)|i have|are coming up|did i set|have you"
    rf" set))?{PLANNED}(?: (?P<when>WHEN))?{PLANNED}"
)
_HAVE_REMINDER = rule(
    r"(?:did i set|do i have|is there|have you set|have i set|did you set) (?:an? |the |any )?(?P<np>reminder (?:for"
    r"|about|of|to) .+)"
    r"|(?:what(?:'s| is)|when(?:'s| is)) (?P<np2>(?:my |the )?next reminder)"
)

#: Behind a statement, with a question mark, they ask whether it holds.
_TAG = re.compile(r"\b(?:right|it|correct|true|no|i|not|so|innit)$", re.I)
#: Behind a question they ask for what was known before.
_AGAIN = re.compile(
    r"(?:,? (?:again|exactly|btw|anyway|roughly|though|once more"
    r"|(?:do|can|could|would) you(?: know| tell me| check| look)?))+$",
    re.I,
)


def read_lookup(clause: Clause) -> ToolCall | None:
    """Return the call that answers a question about the calendar; None: not every word is understood."""
    words = MaskedWords.of(clause)
    asked = f"{words.text}?" if "?" in clause.text and _TAG.search(words.text) else words.text
    words = replace(words, text=_AGAIN.sub("", direct_question(asked).rstrip("?")))
    return read_order(words) or first_call(words, (*FREE_TIME_RULES, *_RULES, *EVENT_QUESTION_RULES))


def _days(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """All that there is in a period; without one, all that is to come."""
    groups = found.groupdict()
    pieces = [groups.get(name) for name in ("when", "day", "of", "then", "then2")]
    return list_call(**words.when(" ".join(filter(None, pieces))) or {"which": "all"})


def _anything(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """Whether there is anything; "much" alone is the end of "thank you so so much"."""
    return None if found[0].strip().lower() in ("much", "a lot") else _days(words, found)


def _week_or_day(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    what = found["what"].lower()
    if what in ("week", "day", "month") and not found["when"]:
        return list_call(date="today" if what == "day" else f"this {what}")
    return _days(words, found)


def _and_day(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """A question that goes on: "and saturday?". Without a question mark, "and" may ask for something else."""
    return _days(words, found) if "?" in words.clause.text or not found["and"] else None


def _asked_when(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """Nothing but a day, with a question mark: "next week?"."""
    return _days(words, found) if "?" in words.clause.text else None


def _busy(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    span = found["span"].lower()
    return list_call("count", date="today" if span == "day" else f"this {span}")


def _day_like(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    if found["day"] or found["of"]:
        return _days(words, found)
    span = re.search(r"\b(week|day)\b", found[0], re.I)
    return list_call(date="today" if span and span[1].lower() == "day" else "this week")


def _left(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    groups = found.groupdict()
    said = words.said(groups["when"] or groups["day"] or groups["then"], *_DATES)
    if not re.search(r"\b(?:left|rest|remaining|else|still|to come)\b", words.plain(words.text), re.I):
        return None
    if said is None or re.fullmatch(r"(?:for |of |the |rest |remainder )*(?:today|day)", said, re.I):
        return list_call("left", date="today")
    return list_call(date=said)


def _first(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    which = "first" if found["which"].lower() in ("first", "earliest", "1st") else "last"
    when = words.when(found["when"])
    return list_call(which=which, **when) if when else None


def _first_thing(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """The first event of a day: as a time of day, "first thing" is the early morning."""
    when = words.when(found["when"])
    which = re.fullmatch(r"(?:my |the )?(first|last) thing", when.pop("time", ""), re.I)
    return list_call(which=which[1].lower(), **(when or {"date": "today"})) if which else None


def _done(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """The first or the last event of a day: "when do I start on monday?", "when am I done on friday?"."""
    if found["first"]:
        return list_call(which="first", **words.when(found["when"]))
    return list_call("end", which="last", **words.when(found["when"]))


def _reminders(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    return list_call(kind="reminder", **(words.when(found["when"]) or {"which": "all"}))


def _reminder(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    if found["np2"]:
        return list_call(which="next", kind="reminder")
    target = read_target(words, found["np"])
    return list_call(**of_target(target)) if target and target.known else None


_RULES: Rules = (
    (_ADDED, lambda words, found: list_call("added")),
    (_HAVE_REMINDER, _reminder),
    (_REMINDERS, _reminders),
    (_LEFT, _left),
    (_NEXT, lambda words, found: list_call(which="next")),
    (_FIRST, _first),
    (_FIRST_THING, _first_thing),
    (_DONE, _done),
    (_WHAT_ON, _days),
    (_WHAT_DAY, _day_like),
    (_ANYTHING, _anything),
    (_EVERYTHING, _days),
    (_SHOW_CALENDAR, _week_or_day),
    (_SHOW_DAY, _days),
    (_BARE, _days),
    (_OVERVIEW, _days),
    (_ASKED_WHEN, _asked_when),
    (_BUSY, _busy),
    (_AND_DAY, _and_day),
)
