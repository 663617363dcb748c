"""Says which half of the day a title speaks of: breakfast at 7 is in the morning, dinner at 8 in the evening.

Only a time that does not say its half itself is decided by it.
"""

from __future__ import annotations

import re

from llmagent_os.plugins.calendar.time.time_parsing import HalfOfDay, TimeOfDay

_EVENING = (
    "dinner|supper|watch|drinks?|cocktails?|beers?|nightcap|party|pub|quiz|bar|night ?club|clubbing|karaoke|disco"
    "|concert|gig|cinema|movies?|film|theatre|theater|opera|musical|ballet|comedy|improv|show|fireworks|sunset"
    "|choir|rehearsal|band|salsa|tango|zumba|danc(?:e|ing)|poker|book club"
    "|(?:football|team|basketball) (?:practice|training)"
    r"|late shift|night shift|bedtime|parents evening|evening|\w+ night"
)
_EARLY = "breakfast|brunch|sunrise|wake|waking|get up|getting up|alarm|morning|early shift|flights?|fly|plane|airport"
_ON_THE_WAY = "bus|coach|trains?|tram|ferry|commute|carpool|drop[- ]?off|bins?|garbage|recycling"
_FORENOON = (
    r"school|kindergarten|nursery|daycare|kids|physio\w*|dentist|doctor|gp|vet|check-?up|blood test|surgery|exam|court"
    "|stand-?up|lecture|rounds|office"
)
#: Words of a title, the half of the day, and the hours on a clock face for which they decide, from first to last.
_USUAL: tuple[tuple[str, HalfOfDay, int, int], ...] = (
    (_EVENING, "pm", 5, 11),
    (_EARLY, "am", 4, 11),
    (_FORENOON, "am", 7, 11),
    (_ON_THE_WAY, "am", 6, 11),
    ("lunch|tea|siesta", "pm", 1, 6),
)


def morning_of_most_days(rule: str, said: TimeOfDay) -> HalfOfDay | None:
    """Return the half of the day of what comes on most days of the week: from half past six on, it is the morning.

    Args:
        rule: of the repetition (RFC 5545).
        said: its time of day, in the person's words.

    >>> from datetime import datetime
    >>> from llmagent_os.plugins.calendar.time.time_parsing import parse_time
    >>> seven = parse_time("7:15", datetime(2026, 11, 25))
    >>> morning_of_most_days("FREQ=DAILY", seven), morning_of_most_days("FREQ=WEEKLY;BYDAY=MO", seven)
    ('am', None)
    """
    days = re.search(r"BYDAY=([A-Z,]+)", rule)
    often = rule.startswith("FREQ=DAILY") if days is None else len(days[1].split(",")) > 2
    return "am" if often and "INTERVAL" not in rule and 390 <= said.start % 720 < 480 else None


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
    rows = (row for row in _USUAL if row[2] <= hour <= row[3])
    return next((half for words, half, _, _ in rows if re.search(rf"\b(?:{words})\b", title, re.I)), None)
