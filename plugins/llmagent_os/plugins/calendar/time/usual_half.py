"""Says which half of the day a title speaks of: breakfast at 7 is in the morning, dinner at 8 in the evening.

Only a time that does not say its half itself is decided by it.
"""

from __future__ import annotations

import re

from llmagent_os.plugins.calendar.time.time_parsing import HalfOfDay, TimeOfDay

#: Words of a title, the half of the day, and the hours on a clock face for which they decide, from first to last.
_USUAL: tuple[tuple[re.Pattern[str], HalfOfDay, int, int], ...] = (
    (
        re.compile(
            r"\b(dinner|supper|watch|drinks?|cocktails?|beers?|concert|gig|cinema|movies?|film|theatre|theater|opera|musical"
            r"|ballet|choir|rehearsal|band|(?:football|team|basketball) (?:practice|training)|game night|date night"
            r"|quiz|pub|bar|night ?club|clubbing|karaoke|disco|fireworks|late shift"
            r"|night shift|bedtime|party|parents evening|\w+ night|evening|sunset|nightcap"
            r"|show(?! (?:the|my|our|him|her|them)\b))\b",
            re.I,
        ),
        "pm",
        5,
        11,
    ),
    (
        re.compile(
            r"\b(breakfast|brunch|sunrise|wake|waking|get up|getting up|alarm|morning|early shift"
            r"|flights?|fly|plane|airport)\b",
            re.I,
        ),
        "am",
        4,
        11,
    ),
    (
        re.compile(
            r"\b(school|kindergarten|nursery|daycare|kids|physio\w*|dentist|doctor|gp|vet|check-?up|blood test|surgery"
            r"|exam|court|stand-?up|lecture|rounds|office|trains?|ferry|coach)\b",
            re.I,
        ),
        "am",
        7,
        11,
    ),
    (re.compile(r"\b(lunch|tea|siesta)\b", re.I), "pm", 1, 6),
)


def usual_half(title: str, said: TimeOfDay | None) -> HalfOfDay | None:
    """Return the half of the day in which an event of this title usually is. None: the title says nothing.

    Args:
        title: of the event.
        said: its time of day, in the person's words.

    >>> from datetime import datetime
    >>> from llmagent_os.plugins.calendar.time.time_parsing import parse_time
    >>> eight = parse_time("8", datetime(2026, 11, 25))
    >>> usual_half("dinner with Maria", eight), usual_half("breakfast", eight), usual_half("call", eight)
    ('pm', 'am', None)
    """
    if said is None or said.sure:
        return None
    hour = said.start // 60 % 12 or 12
    return next((half for words, half, first, last in _USUAL if words.search(title) and first <= hour <= last), None)
