"""Tells which of several options a person names by a day or a time: "the 2 o'clock one", "the later one"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from llmagent_os.plugins.calendar.calendar_call import CalendarCall
from llmagent_os.plugins.calendar.event_change import Change
from llmagent_os.plugins.calendar.event_search import in_clock
from llmagent_os.plugins.calendar.time.expression_parsing import parse_time_expression
from llmagent_os.plugins.calendar.time.text_normalization import WEEKDAYS
from llmagent_os.plugins.calendar.time.time_errors import TimeExpressionError
from llmagent_os.plugins.calendar.time.time_mentions import MentionKind, time_mentions

_LAST = re.compile(r"(?:the )?(?:later|latter|latest|late)")
_FIRST = re.compile(r"(?:the )?(?:earlier|earliest|former|early)")
#: Words around a time that name nothing.
_AROUND = re.compile(
    r"\b(?:(?:the|that|this|my) (?=one\b)|(?:(?<!at )ones?|event|appointment|meeting|please|pls|plz|thanks"
    r"|i mean|i meant|it's)\b)"
)
_OF_DAYS = re.compile(rf"\b({'|'.join(WEEKDAYS)})'?s\b")


def option_at(call: CalendarCall, said: str, options: Sequence[Change]) -> int | None:
    """Return the number of the only option at the day or time that the words name; None: they name none, or several.

    Args:
        call: of the message.
        said: the message in small letters, without signs.
        options: of an open question. An option is at the time of its event, before the change.
    """
    starts = [_start(option) for option in options]
    words = " ".join(_AROUND.sub(" ", _OF_DAYS.sub(r"\1", said)).split())
    known = [start for start in starts if start is not None]
    if not words or len(known) < len(starts):
        return None
    if _LAST.fullmatch(words) or _FIRST.fullmatch(words):
        wanted = max(known) if _LAST.fullmatch(words) else min(known)
        fitting = [number for number, start in enumerate(known) if start == wanted]
    else:
        fitting = _at(call, words, known)
    return fitting[0] if len(fitting) == 1 else None


def _start(option: Change) -> datetime | None:
    """When the event of an option is; None: it has no time, or many."""
    events = option.before or option.after
    return None if not events or events[0].repeat else events[0].start


def _at(call: CalendarCall, words: str, starts: Sequence[datetime]) -> list[int]:
    """The numbers of the moments that fit a day, a time of day, or both."""
    days = [each for each in time_mentions(words, month_first=call.month_first) if each.kind is MentionKind.DATE]
    clock = words
    for each in reversed(days):
        clock = f"{clock[: each.start]} {clock[each.end :]}"
    try:
        when = parse_time_expression(
            ", ".join(each.text for each in days) or None,
            " ".join(clock.split()) or None,
            call.now,
            month_first=call.month_first,
            zone=call.zone,
        )
    except TimeExpressionError:
        return []
    part = when.time_of_day
    return [
        number
        for number, start in enumerate(starts)
        if (when.days is None or when.days.first <= start.date() <= when.days.last)
        and (part is None or in_clock(start, part.start, part.end, part.sure))
        and when.moment is None
    ]
