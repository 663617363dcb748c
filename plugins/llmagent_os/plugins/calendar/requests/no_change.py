"""Knows messages that end with "don't change anything": they tell something, and nothing is done.

>>> forbids_change("I'm not free on thursday, don't change anything"), forbids_change("don't delete it, move it to 5")
(True, False)
"""

from __future__ import annotations

import re

from llmagent_os.plugins.calendar.requests.openings import opens_request
from llmagent_os.plugins.calendar.requests.politeness import plain
from llmagent_os.plugins.calendar.requests.question_words import QUESTION
from llmagent_os.plugins.calendar.requests.request_verbs import ADD, CHANGE, DELETE, DELETE_IT, MOVE
from llmagent_os.plugins.calendar.requests.word_patterns import any_of

_CALENDAR = r"(?:my|the) (?:calendar|schedule|diary|agenda)"
_VERB = any_of(f"{ADD}, {DELETE}, {DELETE_IT}, {MOVE}, {CHANGE}, touch, do, take")
_AS_IS = (
    r"(?:as (?:it is|it was|they are|is)|(?:right )?(?:where|how) it is|alone|unchanged|in(?: there)?"
    r"|on there|on|there)"
)
_FORBIDS = re.compile(
    rf"(?:(?:don't|do not|never|(?:there's )?no need to|(?:you )?(?:don't|needn't|do not)(?: need| have)?(?: to)?"
    rf"|not asking you to) {_VERB} (?:anything|a thing|it|that|them|{_CALENDAR})"
    rf"|(?:leave|keep) (?:it|that|them|this|things|everything|{_CALENDAR}) {_AS_IS}(?: (?:my|the) calendar)?"
    r"|nothing (?:needs to|has to|should) (?:be )?chang(?:e|ed)|no changes?(?: (?:needed|necessary))?)"
    r"(?: (?:for now|now|though|yet|please|off|out|in|for me|anyway|(?:out of|off|from) (?:my|the) calendar))*",
    re.IGNORECASE,
)
_PARTS = re.compile(r"\s*(?:[,;:.!?()]|\s[–—-]\s)+\s*|\s+(?:but|and|so)\s+", re.IGNORECASE)
#: The beginning of words that tell of the person, or say what does not happen.
_TELLS = re.compile(r"(?:i|i'm|i've|i'll|i'd|we|we're|we've|we'll|not|no|won't|can't|just|nobody)\b", re.IGNORECASE)


def forbids_change(text: str) -> bool:
    """Return whether a message tells something, asks for nothing, and says that nothing is to be changed."""
    parts = [part.strip() for part in _PARTS.split(text.replace("\u2019", "'")) if part.strip()]
    others = [part for part in parts if not _is_forbidding(part)]
    asks = any(_asks(part) for part in others)
    return len(others) < len(parts) and bool(others) and not asks and any(_TELLS.match(part) for part in others)


def _is_forbidding(part: str) -> bool:
    return any(_FORBIDS.fullmatch(each) for each in (part, plain(part)))


def _asks(part: str) -> bool:
    """Whether words open a request or a question. "I have …" only tells something here."""
    text = plain(part)
    return QUESTION.match(text) is not None or (opens_request(text, timed=False) and _TELLS.match(text) is None)
