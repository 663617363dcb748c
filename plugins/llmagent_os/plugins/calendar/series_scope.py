"""Says whether a request about a repeated event means one of its times or all of them.

>>> scope_of(None, "cancel the whole series"), scope_of(None, "skip yoga this week"), scope_of(None, "cancel yoga")
('series', 'one', '')
"""

from __future__ import annotations

import re
from typing import Literal

#: One time, all times, or (empty) it is not said.
Scope = Literal["", "one", "series"]

#: The label of the button that means all times.
EVERY_TIME = "Every time"

ONE: Scope = "one"
SERIES: Scope = "series"

_SERIES = re.compile(
    r"\b(whole|entire|series|every|each|all(?! day)|always|permanently"
    r"|completely|altogether|forever|from now on|for good"
    r"|any ?more|any longer|no longer|going forward|recurring|repeating|repeated|daily|weekly|monthly|yearly"
    r"|stop|quit|quitting|these days|in future|in the future)\b",
    re.I,
)
_ONE = re.compile(
    r"\b(this (?:one|time|week|month|once)|next one|just once|once|only (?:the )?(?:next|this|that|one|today|tomorrow)"
    r"|just (?:the )?(?:next|this|that|today|tomorrow)|next time|skip|the next)\b",
    re.I,
)


def scope_of(given: str | None, text: str) -> Scope:
    """Return what is meant of a repeated event.

    Args:
        given: the argument of the tool: ``one``, ``series``, or nothing.
        text: the person's message, which counts where the argument is missing.
    """
    if given in ("one", "series"):
        return ONE if given == "one" else SERIES
    if _ONE.search(text):
        return ONE
    return SERIES if _SERIES.search(text) else ""
