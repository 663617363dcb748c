"""Reads questions about what comes before and after: "what's after lunch?", "is the gym before or after the call?"."""

from __future__ import annotations

import re

from llmagent_os.plugin import ToolCall
from llmagent_os.plugins.calendar.event_words import fits_words
from llmagent_os.plugins.calendar.requests.masked_words import MaskedWords, Rules, first_call, has_marks, rule
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
_WAY = r"(?:right |straight |directly |immediately |just )?(?P<way>after|before|following)"
_AROUND = rule(rf"{_WHAT} {_WAY} (?:the |my |our )?(?P<np>.+?)(?: (?P<when>WHEN))?{IN_CALENDAR}")
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


def read_order(words: MaskedWords) -> ToolCall | None:
    """Return the call that answers what comes before or after an event; None: something else is asked."""

    def names_event(said: str) -> bool:
        meal = _MEAL.fullmatch(said)
        return meal is not None and any(fits_words(event, meal["meal"]) for event in words.clause.events)

    return first_call(words.without(names_event), _RULES)


def _around(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """What there is before or after an event."""
    target = read_target(words, found["np"])
    if target is None or not target.known or "title" not in target.arguments:
        return None
    way = "before" if found["way"].lower() == "before" else "after"
    when = words.when(found.groupdict().get("when"))
    part = f"{way} {target.arguments['title']}"
    than = {"than": part} if _MEAL.fullmatch(part) else {}  # where there is no lunch that day, it is a part of the day
    return list_call(way, **of_target(target) | when | than)


def _order(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """Which of two events comes first, or how long it is from one to the other."""
    names: list[str] = []
    for name in ("np", "np2"):
        target = read_target(words, found[name])
        if target is None or not target.known or "title" not in target.arguments or has_marks(found[name]):
            return None
        names.append(target.arguments["title"])
    return list_call("between" if found.re is _BETWEEN else "order", title=names[0], than=names[1])


_RULES: Rules = (
    (_ORDER, _order),
    (_FIRST, _order),
    (_BETWEEN, _order),
    (_FREE_AROUND, _around),
    (_AROUND, _around),
)
