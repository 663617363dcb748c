"""Reads questions about lengths and numbers: "how long is the workshop?", "when is it over?", "how many meetings?"."""

from __future__ import annotations

import re

from llmagent_os.plugin import ToolCall
from llmagent_os.plugins.calendar.requests.masked_words import MaskedWords, Rules, rule
from llmagent_os.plugins.calendar.requests.question_words import IN_CALENDAR, PLANNED, about, list_call, of_target
from llmagent_os.plugins.calendar.requests.targets import read_target

_LENGTH = rule(
    r"(?:how long|how many (?:hours|minutes)|for how long)(?:'s| is| are| does| do| will| was)? (?P<np>.+?)(?:"
    r" (?:last|take|go|be|go on|run|going to"
    r" be|going to take|scheduled for|supposed to (?:be|last|take)|again|for))*"
    r"|what(?:'s| is) the (?:length|duration) of (?P<np2>.+)|how much time (?:does|will) (?P<np3>.+?) (?:take|last"
    r"|need)"
)
_TILL = r"(?:until|till|til) (?:when|what time)|when (?:until|till|til)"
_END = rule(
    rf"(?:when|what time|at what time|{_TILL})(?:'s| is| does| do| will| are)? (?P<np>.+?) (?:end|ends"
    r"|finish|finishes|over|done|be over|be"
    r" done|finished|stop|wrap up|go until|last|last until|go|run|end at)(?: (?P<when>WHEN))?"
    rf"|(?:{_TILL}|how late)(?:'s| is|"
    r" does| do) (?P<np2>.+?)"
    r"(?: (?:go on|go|last|run|on|scheduled))*(?: (?P<when2>WHEN))?"
)
_LEAVE = rule(
    r"(?:when|what time|at what time) (?:do|will|can|am|are) (?:i|we)(?: be)? (?:get out of|getting out of|get"
    r" away from"
    r"|leave|leaving|finish(?: with)?|done with|finished with|through with|back from|get back from|get done with"
    r"|get home from)"
    r" (?P<np>.+?)"
)
_COUNT = rule(
    rf"how many (?P<np>.+?)(?: (?:do i have|do we have|have i got|are there|am i having|are|i have|i've"
    rf" got))?{PLANNED}"
    rf"{IN_CALENDAR}(?: (?P<when>WHEN))?{PLANNED}{IN_CALENDAR}|how (?:busy|full|packed)(?: am i| is my (?:day|week"
    rf"|calendar|schedule))?"
    r"(?: (?P<then>WHEN))?|how (?:busy|full|packed) (?:is|does) (?P<then2>WHEN)(?: look)?"
)
_UNTIL = rule(
    r"how (?:long|much time|many (?:days|hours|weeks|minutes)|much longer)(?: (?:is it|is|left|do i have|have i got"
    r"|are there|is there|remain|to go|is left|are left|it is))* (?:until|till|before|to) (?P<np>.+?)"
    r"(?: (?:starts?|begins?|left|go))?|how soon (?:is|does) (?P<np2>.+?)(?: (?:start|begin))?"
)
_UNTIL_DAY = rule(
    r"how (?:long|much time|many (?:days|weeks|months|sleeps|nights)|much longer)(?: (?:is it|is|left|do (?:i"
    r"|we) have|are"
    r" there|is there|remain|to go|is left|are left|it is|more))* (?:until |till |before |to )?(?P<when>DATE)"
)


def _count(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    when = words.when(" ".join(filter(None, (found["when"], found["then"], found["then2"]))))
    if not found["np"]:
        return list_call("count", **(when or {"date": "today"}))
    what = re.sub(r"^times do i have ", "", found["np"].strip(), flags=re.I)
    what = re.sub(r"^(?:of my |different |more |other )", "", what, flags=re.I).lower()
    if re.fullmatch(r"(?:things?|events?|appointments?|meetings?|plans|items|entries|commitments)", what):
        return list_call("count", **(when or {"which": "all"}))
    if re.fullmatch(r"reminders?", what):
        return list_call("count", kind="reminder", **(when or {"which": "all"}))
    target = read_target(words, what)
    return list_call("count", **of_target(target), **when) if target and target.known else None


def _until_day(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """How long it is until a day: "how many weeks until christmas?"."""
    said = words.when(found["when"]).get("date", "")
    if not re.search(r"\b(?:until|till|til|before|to) ", words.plain(found[0]), re.I):
        return None
    return list_call("until day", date=re.sub(r"^(?:until|till?|before|to) ", "", said, flags=re.I))


#: The patterns of this kind of question, and what reads them.
SPAN_RULES: Rules = (
    (_COUNT, _count),
    (_UNTIL, about("until")),
    (_UNTIL_DAY, _until_day),
    (_LENGTH, about("length")),
    (_LEAVE, about("end")),
    (_END, about("end")),
)
