"""What a request for new events says of time, as the arguments of ``create_event``."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from llmagent_os.plugins.calendar.requests.clause import MARK, Clause
from llmagent_os.plugins.calendar.requests.creation_title import JOINTS, Named
from llmagent_os.plugins.calendar.time.time_mentions import MentionKind, TimeMention

#: Words between the first and the last day, or time, of a span.
_TO = frozenset(("to", "until", "till", "til", "through", "thru", "-", "–", "up to"))

_SHORT = re.compile(r"\b(?:s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?)\b|\d(?:m|h|s)\b", re.IGNORECASE)
_PART = re.compile(r"(?:in the |this |the )?(morning|afternoon|evening|night)", re.IGNORECASE)
_OFTEN = re.compile(r"(twice|thrice|(?:\d|two|three|four) ?(?:x|times)) (?:an?|per|every|each) day", re.IGNORECASE)


@dataclass(frozen=True)
class Times:
    """When events are to be, in the person's words. Empty: nothing is said."""

    date: str = ""
    time: str = ""
    duration: str = ""
    repeat: str = ""


def creation_arguments(name: Named, times: Times) -> dict[str, str]:
    """Return the arguments of ``create_event``, in the order of its schema, without those that nothing is said of."""
    given = {
        "title": name.title,
        "date": times.date,
        "time": times.time,
        "duration": times.duration,
        "person": name.person,
        "place": name.place,
        "repeat": times.repeat,
        "note": name.note,
    }
    return {key: value for key, value in given.items() if value}


def times_of(clause: Clause, words: str) -> Times | None:
    """Return when the events of a request are to be.

    Args:
        clause: the request.
        words: its words, with marks for the times.

    Returns:
        None: times of the same kind stand apart, so the words are about several things.
    """
    groups = _groups(clause, words)
    found: dict[MentionKind, str] = {}
    for kind in MentionKind:
        parts = [part for group in groups if (part := _said(clause, [each for each in group if each.kind is kind]))]
        if len(parts) > 1 and kind is not MentionKind.RECURRENCE:
            return None
        found[kind] = ", ".join(parts)
    times = Times(
        found[MentionKind.DATE], found[MentionKind.TIME], found[MentionKind.DURATION], found[MentionKind.RECURRENCE]
    )
    return often_a_day(times)


def after_length(times: Times) -> Times:
    """A reminder that names nothing but a length is due after it: "timer 20 min"."""
    if not times.duration or times.date or times.time or times.repeat or not _SHORT.search(times.duration):
        return times
    length = re.sub(r"^(?:for|of)\s+", "", times.duration, flags=re.IGNORECASE)
    return Times(time=f"in {length}")


def often_a_day(times: Times) -> Times:
    """The times of "twice a day at 8 and 20": as often as there are times, it is every day."""
    often = _OFTEN.fullmatch(times.repeat.strip(" ,"))
    count = {"twice": 2, "thrice": 3, "two": 2, "three": 3, "four": 4}
    if often is None or not times.time:
        return times
    number = count.get(often[1].lower().split()[0]) or int(re.sub(r"\D", "", often[1]) or 0)
    if len(re.findall(r"(?<![\d:.])\d{1,2}(?:[:.]\d\d)?|noon|midnight", times.time, re.IGNORECASE)) != number:
        return times
    return replace(times, repeat="every day")


def _groups(clause: Clause, words: str) -> list[list[TimeMention]]:
    """The mentions that stand together, with nothing but joining words between them."""
    parts = re.split(f"({MARK})", words)
    groups: list[list[TimeMention]] = []
    for at in range(1, len(parts), 2):
        between = parts[at - 1].strip()
        joins = at > 1 and (JOINTS.fullmatch(between) is not None or between.lower() in _TO)
        if joins:
            groups[-1].append(clause.mention(parts[at]))
        else:
            groups.append([clause.mention(parts[at])])
    return groups


def _said(clause: Clause, mentions: list[TimeMention]) -> str:
    """Mentions of one kind as they were said: with the words between them, where no other mention is between them."""
    if not mentions:
        return ""
    first, last = mentions[0], mentions[-1]
    inside = [each for each in clause.mentions if first.start <= each.start and each.end <= last.end]
    part = [each for each in mentions if _PART.fullmatch(each.text)]
    if len(mentions) == 2 and len(part) == 1:  # "friday evening, starts at 7:30"
        other = next(each for each in mentions if each not in part)
        found = _PART.fullmatch(part[0].text)
        return f"{other.text} in the {found[1]}" if found else other.text
    whole = clause.text[first.start : last.end] if len(inside) == len(mentions) else ", ".join(m.text for m in mentions)
    return whole.rstrip(" -–,")
