"""Knows words that a model may take for a request to delete or to change, and that may be none.

What the rules read is exact. What a model reads in such words is asked about before it is done: "if it rains, cancel
yoga", "yoga isn't cancelled", "you should not have moved it", "the one with Bo".

>>> is_doubtful("if it rains, cancel yoga"), is_doubtful("move yoga to friday")
(True, False)
>>> speaks_of_deleting("please cancel yoga"), speaks_of_deleting("the one with Bo")
(True, False)
"""

from __future__ import annotations

import re

from llmagent_os.plugins.calendar.requests.request_verbs import CHANGE, DELETE, DELETE_IT, MOVE, forms_of
from llmagent_os.plugins.calendar.requests.word_patterns import any_of

_CHANGE = forms_of(DELETE, DELETE_IT, MOVE, CHANGE, "touch")
#: What else says that something is to go, or does not take place; some with a slip of the pen.
_GOING = (
    "delt, del, cancl, rid, off, cross, out, clean, rm, free, empt, stop, end, quit, away, gone, undo, forget, never, "
    "no, not, nothing, none, don, dont, won, wont, can't, cant, cannot, fell, fallen, without, instead"
)

#: A condition, a negation, or what somebody else said, did or should have done.
_DOUBTFUL = re.compile(
    r"\b(?:if|unless|in case|provided|whether|isn't|aren't|wasn't|weren't|hasn't|haven't|hadn't|didn't|did not"
    r"|(?:is|are|was|were|has|have) not|(?:thanks|thank you) for|(?:should|could|would|must|might)(?:n't| not)? have)\b"
    rf"|(?:n't|\bdont|\bnot|\bnever|\bwithout|\bno need)\b[^.;!?]*\b{_CHANGE}"
    rf"|{_CHANGE} (?:nothing|none)"
    r"|^\W*(?:should|shall|what if|would it|did|have|has|had|was|were|why|who|how come)\b",
    re.IGNORECASE,
)
_DELETING = re.compile(
    rf"\b(?:{forms_of(DELETE, DELETE_IT)}|{any_of(_GOING)}\w*)",
    re.IGNORECASE,
)


def is_doubtful(text: str) -> bool:
    """Return whether words may only tell of something, or depend on something."""
    return _DOUBTFUL.search(text.replace("’", "'")) is not None


def speaks_of_deleting(text: str) -> bool:
    """Return whether any word could say that something is to go."""
    return _DELETING.search(text) is not None
