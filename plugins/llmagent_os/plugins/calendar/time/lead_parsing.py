"""Parses how long before an event something is to happen: "10 minutes before", "the day before".

>>> parse_lead("half an hour before")
datetime.timedelta(seconds=1800)
"""

from __future__ import annotations

import re
from datetime import timedelta

from llmagent_os.plugins.calendar.time.duration_parsing import parse_duration
from llmagent_os.plugins.calendar.time.text_normalization import normalize
from llmagent_os.plugins.calendar.time.time_errors import TimeExpressionError

_LEAD = re.compile(
    r"(?:by )?(?P<length>.+?) (?:before(?:hand)?|ahead(?: of)?|prior(?: to)?|in advance(?: of)?|earlier than)"
    r"(?: (?:it|that|then|this))?"
)


def parse_lead(text: str) -> timedelta:
    """Parse how long before.

    Raises:
        TimeExpressionError: the words do not say that.
    """
    match = _LEAD.fullmatch(normalize(text))
    if match is None:
        raise TimeExpressionError("unknown", "duration", text)
    length = match["length"]
    if re.fullmatch(r"(?:the )?(?:day|night|evening)", length):
        return timedelta(days=1)
    if length in ("the week", "week"):
        return timedelta(days=7)
    return parse_duration(re.sub(r"^(?:about|at least) ", "", length))
