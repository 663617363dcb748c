"""Reads what stands in front of a list of new events: "put these in please: …", "friday: gym at 7am, film at 8pm"."""

from __future__ import annotations

import re

from llmagent_os.plugins.calendar.requests.clause import Clause
from llmagent_os.plugins.calendar.requests.openings import opens_request
from llmagent_os.plugins.calendar.time.time_mentions import MentionKind, TimeMention

#: "Put these in please: …", on the line of the list.
_HEADING = re.compile(
    r"(?P<heading>(?:(?:hey|hi|ok|okay|so|please|can you|could you)[\s,]+)*(?:add|put|schedule|book|note|save|enter"
    r"|block|create)"
    r"(?: (?:me|down|in))?(?: (?:all(?: of)?|both|the))? ?(?:these|this|those|following|things|a few things|two"
    r" things|three things)"
    r"(?: \w+){0,2}?(?: (?:in|down|up))?(?: (?:to|in|into|on) (?:my|the) (?:calendar|diary))?(?:,?"
    r" please)?)\s?[:–—-]\s+(?=\S)",
    re.IGNORECASE,
)


def heading_of(text: str) -> str:
    """Return the command in front of a list on its line, with the colon; empty: there is none.

    >>> heading_of("put these in please: tuesday 10am vet; thursday 4pm piano")
    'put these in please: '
    """
    found = _HEADING.match(text)
    return found[0] if found is not None else ""


#: A line with a word for the list, and the points of the list below it.
_TOPIC = re.compile(r"[^\W\d][\w' ]{1,40}:?\s*\n(?=\s*(?:[-*•·]|\(?1[.)])\s)")


def topic_of(clause: Clause) -> str:
    """Return the line above a list that only says what the list is about: "shopping". Empty: there is none.

    Each point of the list has a name of its own.
    """
    found = _TOPIC.match(clause.text)
    if found is None or any(each.start < found.end() for each in clause.mentions) or opens_request(found[0].strip()):
        return ""
    lines = re.finditer(r"[^\n]+", clause.text[found.end() :])
    points = [clause.part(found.end() + line.start(), found.end() + line.end()).masked for line in lines]
    return found[0] if len(points) > 1 and all(re.search(r"[^\W\d_]{3}", point) for point in points) else ""


#: What is said beside the day in front of a list: "tomorrow I have two things".
_SAID_OF_DAY = re.compile(
    r"[\s,]*(?:(?:so|ok|okay|hi|hey|and|i|we|i've|we've|have|got|to do|the|following|these|this is|there's|there are"
    r"|two|three|four|a few|some|several|things?|appointments|events|meetings|plans?|on|for|my|our|schedule)[\s,]*)*",
    re.IGNORECASE,
)


def day_heading(clause: Clause) -> TimeMention | None:
    """Return the day in front of a list: "friday: gym at 7am, film at 8pm". None: there is none."""
    first = clause.mentions[0] if clause.mentions else None
    colon = re.search(r":(?=\s)", clause.text)
    if first is None or colon is None or first.kind is not MentionKind.DATE or first.end > colon.start():
        return None
    if not _SAID_OF_DAY.fullmatch(f"{clause.text[: first.start]} {clause.text[first.end : colon.start()]}"):
        return None
    kinds = [each.kind for each in clause.mentions[1:]]
    return first if kinds.count(MentionKind.TIME) > 1 and MentionKind.DATE not in kinds else None
