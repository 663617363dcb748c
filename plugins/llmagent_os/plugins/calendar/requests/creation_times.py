"""What a request for new events says of time, as the arguments of ``create_event``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from llmagent_os.plugins.calendar.requests.clause import MARK, Clause
from llmagent_os.plugins.calendar.requests.creation_title import JOINTS, Named
from llmagent_os.plugins.calendar.time.time_mentions import MentionKind, TimeMention

#: Words between the first and the last day, or time, of a span.
_TO = frozenset(("to", "until", "till", "til", "through", "thru", "-", "–", "up to"))


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
    return Times(
        found[MentionKind.DATE], found[MentionKind.TIME], found[MentionKind.DURATION], found[MentionKind.RECURRENCE]
    )


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
    whole = clause.text[first.start : last.end] if len(inside) == len(mentions) else ", ".join(m.text for m in mentions)
    return whole.rstrip(" -–,")
