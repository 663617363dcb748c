"""Reads questions about what comes before and after: "what's after lunch?", "is the gym before or after the call?"."""

from __future__ import annotations

import re

from llmagent_os.plugin import ToolCall
from llmagent_os.plugins.calendar.event_words import fits_words
from llmagent_os.plugins.calendar.requests.masked_words import MaskedWords, Rules, has_marks, rule
from llmagent_os.plugins.calendar.requests.question_words import IN_CALENDAR, PLANNED, list_call, of_target
from llmagent_os.plugins.calendar.requests.targets import read_target

_WHAT = (
    r"(?:what(?:'s| is) (?:the |my )?(?:next|first)(?: thing| event| appointment| meeting| one)?"
    r"|(?:what|anything|something|what else|anything else)(?: (?:else|all))?"
    r"(?:'s|s| is| comes| happens| follows| do (?:i|we) have| have (?:i|we) got| am i doing| are we doing| is on)?"
    r"|(?:do (?:i|we) have|have (?:i|we) got|is there|got|are there|am i doing)(?: anything| something| any(?: other)?"
    r" (?:plans|events|meetings|appointments|things))(?: else)?"
    rf"|where do i (?:have to |need to )?(?:go|be)){PLANNED}"
)
_WAY = r"(?:right |straight |directly |immediately |just )?(?P<way>after|before|following|between)"
_AROUND = rule(rf"{_WHAT} {_WAY} (?:the |my |our )?(?P<np>.+?)(?: (?P<when>WHEN))?{IN_CALENDAR}")
_OF_DAY = rule(rf"{_WHAT} (?P<when>WHEN){IN_CALENDAR}")
_FREE_AROUND = rule(
    rf"(?:am i|are we|will i be) (?:still )?(?:free|busy|available|done) {_WAY} (?:the |my )?(?P<np>.+?)"
)
_COMES = r"(?:come |comes |be |happen |start |take place |going to be |scheduled |coming )?"
_ORDER = rule(
    rf"(?:is|are|does|do|will|was) (?P<np>.+?) {_COMES}(?P<way>before|after|earlier than|later than)"
    r"(?: or (?:before|after|earlier|later)(?: than)?)? (?P<np2>.+?)"
)
_FIRST = rule(
    r"(?:what|which)(?: one| event)?(?:'s| is| comes| happens| starts| do i have| takes place) (?:at )?(?:first"
    r"|earlier|sooner|next"
    r"|last|later)(?: WHEN)?[,:]? (?P<np>.+?),? or (?P<np2>.+?)"
)
_BETWEEN = rule(
    r"how (?:much time|long|many (?:hours|minutes))(?: (?:is there|is it|is|do (?:i|we) have|have (?:i|we) got"
    r"|are there))*"
    r" (?:in )?between (?P<np>.+?) and (?P<np2>.+?)(?: WHEN)?"
)
#: "After lunch" is a part of the day, and may be an event.
_MEAL = re.compile(
    r"(?P<way>before|after) (?:the |my )?(?P<meal>breakfast|brunch|lunch|dinner|supper|work|school)", re.I
)


def _around(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """What there is before or after an event."""
    target = read_target(words, found["np"])
    if target is None or not target.known or "title" not in target.arguments:
        return None
    way = "before" if found["way"].lower() == "before" else "after"
    when = words.when(found.groupdict().get("when"))
    return list_call(way, **of_target(target) | when) if found["way"].lower() != "between" else None


def _of_day(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    when = words.when(found["when"])
    meal = _MEAL.fullmatch(when.get("time", ""))
    if meal is None or not any(fits_words(event, meal["meal"]) for event in words.clause.events):
        return None
    day = {"date": when["date"]} if "date" in when else {}
    return list_call(meal["way"].lower(), title=meal["meal"], **day, than=meal[0])


def _order(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """Which of two events comes first, or how long it is from one to the other."""
    names: list[str] = []
    for name in ("np", "np2"):
        target = read_target(words, found[name])
        if target is None or not target.known or "title" not in target.arguments or has_marks(found[name]):
            return None
        names.append(target.arguments["title"])
    return list_call("between" if found.re is _BETWEEN else "order", title=names[0], than=names[1])


#: The patterns of this kind of question, and what reads them.
ORDER_RULES: Rules = (
    (_ORDER, _order),
    (_FIRST, _order),
    (_BETWEEN, _order),
    (_FREE_AROUND, _around),
    (_AROUND, _around),
    (_OF_DAY, _of_day),
)
