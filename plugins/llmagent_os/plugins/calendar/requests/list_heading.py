"""Reads what stands in front of a list of new events: "put these in please: …", "friday: gym at 7am, film at 8pm"."""

from __future__ import annotations

import re

from llmagent_os.plugins.calendar.requests.clause import Clause
from llmagent_os.plugins.calendar.requests.openings import opens_request
from llmagent_os.plugins.calendar.requests.politeness import plain
from llmagent_os.plugins.calendar.requests.request_sequence import shared_verb
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


def list_of(clause: Clause) -> tuple[Clause, str, str]:
    """Return the points of a list, or the message as it is; the verb of each point; and the day of each."""
    heading = ""
    counted, each_verb = counted_heading(clause.text)
    listed = heading_of(clause.text)
    if counted:
        heading, clause = each_verb, points_of(clause.part(counted))
    elif listed:
        heading, clause = shared_verb(plain(listed)), clause.part(len(listed))
    elif points := named_list(clause):
        heading, clause = "add", points
    clause = clause.part(len(topic_of(clause)))
    day = day_heading(clause)
    if day is None:
        return clause, heading, ""
    return clause.part(clause.text.index(":", day.end) + 1), heading or "add", day.text


def heading_of(text: str) -> str:
    """Return the command in front of a list on its line, with the colon; empty: there is none.

    >>> heading_of("put these in please: tuesday 10am vet; thursday 4pm piano")
    'put these in please: '
    """
    found = _HEADING.match(text)
    return found[0] if found is not None else ""


#: A line with a word for the list, and the points of the list below it.
_TOPIC = re.compile(r"[^\W\d][\w' ]{1,40}:?\s*\n(?=\s*(?:[-*•·]|\(?1[.)])\s)")


#: "I need 2 reminders." in front of them.
_COUNTED = re.compile(
    r"(?:(?:please|can you|could you|(?:i|we)(?: have|'ve got|'ve)|i need|i want|i'd like|set|give me|add|make|create"
    r"|put in)"
    r"(?: me)?\s)*"
    r"(?:two|three|four|five|a few|some|a couple of|\d) (?:new )?(?P<what>reminders?|alarms?|events?|appointments?"
    r"|meetings?"
    r"|things)(?: please| for me| to add| today| tomorrow| coming up| next week| this week)*"
    r"(?:\s*[.:!,–-]+\s*|\s+(?!(?:for|at|on|in|to|of|about)\b))(?=\S)",
    re.IGNORECASE,
)
#: "One at 10 for the oven and one at 11 for the cake".
_ONE = re.compile(
    r"\b(?:the )?(?:(?:first|second|third|other|another|next) )?one (?=(?:is )?(?:at|for|on|in|about|to)\b)",
    re.IGNORECASE,
)
#: "Both should be in my calendar", "put both in".
_ALL_OF_THEM = re.compile(
    r"[,.;\s]+(?:(?:both|all(?: of (?:it|them|these))?|they|these) (?:should|need to|must|have to) (?:be|go) (?:in|on) "
    r"(?:my |the )?(?:calendar|diary)|(?:please )?(?:put|add|note|save) (?:both|all|them|these)(?: of them)?"
    r"(?: in| down)?"
    r"(?: (?:my |the )?(?:calendar|diary))?)[\s.!]*$",
    re.IGNORECASE,
)


def counted_heading(text: str) -> tuple[int, str]:
    """Return the length of words that say how many requests follow, and the verb of each; 0: there are none.

    >>> counted_heading("I need 2 reminders: one at 10 for the oven and one at 11 for the cake")
    (20, 'remind me of')
    """
    found = _COUNTED.match(text)
    if found is None:
        return 0, ""
    return found.end(), "remind me of" if found["what"].lower().startswith(("remind", "alarm")) else "add"


def points_of(clause: Clause) -> Clause:
    """Return the points behind a heading, without "one" and without "…, both should be in my calendar"."""
    text = _ONE.sub("", _ALL_OF_THEM.sub("", clause.text))
    return Clause.of(text, clause.now, month_first=clause.month_first, events=clause.events)


#: "Shifts: …", "my exams this week - …" in front of points on the same line.
_NAME_OF_LIST = re.compile(
    r"(?:(?:ok|okay|so|hi|hey|here are|here's|these are|the|my|our|all)[\s,]+)*[^\W\d][\w'/]*(?:\s[^\W\d][\w'/]*){0,3}"
    r"(?:\s?:|\s[–-])\s+(?=\S)"
)
_BETWEEN_POINTS = re.compile(r"\s*(?:[,;]|\s(?:and|&)\s)\s*(?:and\s)?", re.IGNORECASE)


def named_list(clause: Clause) -> Clause | None:
    """Return the points of a list on one line behind its name, each for itself. None: it is no such list.

    Each point has a name and a time, and the first has a day.
    """
    found = _NAME_OF_LIST.match(clause.text)
    if found is None or opens_request(plain(found[0])) or "?" in clause.text:
        return None
    rest = Clause.of(clause.text[found.end() :], clause.now, month_first=clause.month_first, events=clause.events)
    cuts = [
        each
        for each in _BETWEEN_POINTS.finditer(rest.text)
        if not any(mention.start < each.end() and each.start() < mention.end for mention in rest.mentions)
    ]
    ends = [*((each.start(), each.end()) for each in cuts), (len(rest.text), len(rest.text))]
    points: list[Clause] = []
    begin = 0
    for end, following in ends:
        points.append(rest.part(begin, end))
        begin = following
    whole = all(point.mentions and re.search(r"[^\W\d_]{2}", point.masked) for point in points)
    if len(points) < 2 or not whole or not points[0].has(MentionKind.DATE):
        return None
    week = re.search(r"\bnext week\b", found[0], re.IGNORECASE)
    text = "; ".join(_in_week(point, week[0]) if week else point.text for point in points)
    return Clause.of(text, clause.now, month_first=clause.month_first, events=clause.events)


def _in_week(point: Clause, week: str) -> str:
    """The words of a point with the week of the heading behind its day of the week."""
    day = next((each for each in point.mentions if each.kind is MentionKind.DATE), None)
    if day is None or not re.fullmatch(r"(?:on )?[a-z]{3,9}", day.text, re.IGNORECASE):
        return point.text
    return f"{point.text[: day.end]} {week}{point.text[day.end :]}"


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
    if first is None or colon is None or first.end > colon.start():
        return None
    is_day = first.kind is MentionKind.DATE or first.text.lower() == "tonight"
    beside = f"{clause.text[: first.start]} {clause.text[first.end : colon.start()]}"
    if not is_day or not _SAID_OF_DAY.fullmatch(beside):
        return None
    kinds = [each.kind for each in clause.mentions[1:]]
    return first if kinds.count(MentionKind.TIME) > 1 and MentionKind.DATE not in kinds else None
