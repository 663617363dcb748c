"""Times of day with a name: the morning, lunch, after work, an hour after dinner."""

from __future__ import annotations

import re

from llmagent_os.plugins.calendar.time.clock_times import POINTS
from llmagent_os.plugins.calendar.time.duration_parsing import QUANTITY, parse_duration
from llmagent_os.plugins.calendar.time.time_of_day import DAY_MINUTES, HalfOfDay, TimeOfDay

#: The parts of a day, as a regular expression, and the half of the day in which a clock time in them is.
PART_NAMES = r"(morning|afternoon|evening|night|tonight)"
PART_HALVES: dict[str, HalfOfDay] = {
    "morning": "am",
    "afternoon": "pm",
    "evening": "pm",
    "night": "night",
    "tonight": "night",
}
#: Start, end, and the usual beginning of an event at this time, in minutes after midnight
_PARTS: dict[str, tuple[int, int, int]] = {
    "morning": (360, 720, 540),
    "early morning": (300, 540, 420),
    "late morning": (600, 720, 660),
    "mid morning": (540, 660, 600),
    "midmorning": (540, 660, 600),
    "afternoon": (720, 1080, 840),
    "early afternoon": (720, 900, 780),
    "late afternoon": (900, 1080, 960),
    "mid afternoon": (840, 960, 900),
    "evening": (1080, 1320, 1080),
    "early evening": (1020, 1170, 1080),
    "late evening": (1200, DAY_MINUTES, 1260),
    "night": (1200, DAY_MINUTES, 1200),
    "tonight": (1080, DAY_MINUTES, 1200),
    "late night": (1320, DAY_MINUTES, 1320),
    "late at night": (1320, DAY_MINUTES, 1320),
    "late in day": (960, 1140, 1020),
    "early in day": (420, 600, 480),
    "first thing": (420, 540, 480),
    "lunch": (720, 840, 735),
    "lunchtime": (720, 840, 735),
    "breakfast": (420, 570, 480),
    "dinner": (1080, 1260, 1140),
    "bedtime": (1290, DAY_MINUTES, 1320),
    "after breakfast": (540, 660, 540),
    "before breakfast": (330, 450, 390),
    "before work": (390, 525, 450),
    "before school": (390, 510, 450),
    "before lunch": (600, 720, 660),
    "after lunch": (780, 960, 780),
    "after school": (900, 1080, 930),
    "after class": (900, 1080, 930),
    "after work": (1020, 1260, 1050),
    "before dinner": (1020, 1140, 1020),
    "after dinner": (1170, 1380, 1200),
    "before bed": (1260, 1410, 1290),
}
#: "an hour after lunch", "20 minutes before midnight"
_APART = re.compile(
    rf"({QUANTITY} ?(?:minutes|hours)(?: and a half)?) "
    r"(?:(before|after) (noon|midnight)|(after) (?:the )?(breakfast|lunch|dinner|work|school))"
)


def named_time(said: str) -> TimeOfDay | None:
    """Return the time that normalized words name: "noon", "early afternoon", "after lunch". None: they name none."""
    said = re.sub(r" time$", "", said)
    said = re.sub(r"\bof the\b", "of", said)
    if said in POINTS:
        return TimeOfDay("at", POINTS[said], POINTS[said])
    said = re.sub(r" in (?:the )?(?:morning|evening)$", "", said) if said.startswith("first thing") else said
    if apart := _APART.fullmatch(said):
        way, name = apart[2] or apart[4], apart[3] or apart[5]
        begins = POINTS[name] if name in POINTS else _PARTS[f"{way} {name}"][2]
        minutes = round(parse_duration(apart[1]).total_seconds() / 60)
        begins += minutes if way == "after" else -minutes
        return TimeOfDay("at", begins % DAY_MINUTES, begins % DAY_MINUTES)
    said = re.sub(r"\b(?:the|my|hour|break) ?", "", said).strip()
    if said in _PARTS:
        start, end, usual = _PARTS[said]
        return TimeOfDay("part", start, end, day=0 if said == "tonight" else None, usual=usual)
    return None
