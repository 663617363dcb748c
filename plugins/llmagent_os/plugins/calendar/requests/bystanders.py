"""Knows words that tell of somebody, where a deletion or a move of an event may be read: "Ben dropped out of yoga"."""

from __future__ import annotations

import re

from llmagent_os.plugins.calendar.event_words import fits_words
from llmagent_os.plugins.calendar.requests.clause import Clause
from llmagent_os.plugins.calendar.requests.politeness import plain
from llmagent_os.plugins.calendar.requests.request_sequence import ReadRequest

#: What somebody did: that they do not come says little of the event.
_LEFT = re.compile(
    r"(?!(?:i|we|you|it|that|this|please)\b)(?P<who>[^\W\d]\w*(?: [^\W\d]\w*){0,2}?)(?:'s| has| have)?(?: just)?"
    r" (?:(?:dropped|backed|pulled|bowed|chickened) out|bailed|(?:cancel+ed|bailed|flaked) on (?:me|us))\b",
    re.IGNORECASE,
)
#: Words that name an event by a person only weakly.
_WEAK = re.compile(r"(?:forget|never ?mind|take|clear|free|no|stop|leave|lose|drop)\b", re.IGNORECASE)
#: "Ben cancelled yoga": where Ben is no part of its name, it may be for him alone.
_CANCELLED = re.compile(
    r"(?!(?:i|we|you|it|that|this|please|they|just|yes|no|ok|okay)\b)(?P<who>[^\W\d]\w*)(?:'s| has| have)?(?: just)?"
    r" (?:cancel+ed|called off) (?!on\b)\w",
    re.IGNORECASE,
)
_MOVED = re.compile(
    r"(?P<who>(?:the |my )?[^\W\d]\w*) (?:has |have )?(?:just )?(?:moved|shifted|slipped|switched|changed)\b", re.I
)


def tells_of_somebody(request: ReadRequest, clause: Clause) -> bool:
    """Return whether a request may only be told of somebody, or names its event by a person alone, weakly."""
    words = plain(request.words.replace("’", "'"))
    if _LEFT.match(words) or _LEFT.match(plain(clause.text.replace("’", "'"))):
        return True
    cancelled, moved = _CANCELLED.match(words), _MOVED.match(words)
    title = str(request.call.arguments.get("title", "") or request.call.arguments.get("person", ""))
    if cancelled is not None and cancelled["who"].lower() not in title.lower().split():
        return True
    if moved is not None and _is_person(re.sub(r"^(?:the|my) ", "", moved["who"], flags=re.I), clause):
        return True
    if "person" in request.call.arguments and _WEAK.match(words) and "title" not in request.call.arguments:
        return True
    title = re.sub(r"^with ", "", title, flags=re.I)
    return _WEAK.match(words) is not None and bool(title) and _is_person(title, clause)


def _is_person(name: str, clause: Clause) -> bool:
    """Whether a name stands in events only as that of somebody who takes part."""
    titles = [event.title for event in clause.events if fits_words(event, name)]
    somebody = re.compile(rf"\b(?:with|and|for|from)\b.*\b{re.escape(name)}\b", re.IGNORECASE)
    return bool(titles) and all(somebody.search(each) for each in titles)
