"""Knows "the same day" and "that day", where the message itself names none: the day of the event that was spoken of."""

from __future__ import annotations

import re

from llmagent_os.plugins.calendar.requests.clause import Clause
from llmagent_os.plugins.calendar.time.time_mentions import MentionKind

_SAME_DAY = re.compile(
    r"(?:\s*,)?\s*\b(?:but )?(?:on |for )?(?:the |that )?(?:very )?(?:same day|(?<=that )day)\b(?! (?:of|as)\b)",
    re.IGNORECASE,
)


def without_same_day(clause: Clause) -> Clause | None:
    """Return a message without "on the same day"; None: it does not say that, or it names a day itself."""
    if clause.has(MentionKind.DATE):
        return None
    text, count = _SAME_DAY.subn("", clause.text)
    if not count or not re.search(r"\w", text):
        return None
    return Clause.of(text.strip(" ,"), clause.now, month_first=clause.month_first, events=clause.events)
