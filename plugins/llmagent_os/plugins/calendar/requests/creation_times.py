"""What a request for a new event says of time, as the arguments of ``create_event``."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

import msgspec

from llmagent_os.plugins.calendar.requests.clause import MARK, Clause
from llmagent_os.plugins.calendar.requests.creation_title import JOINTS
from llmagent_os.plugins.calendar.time.date_parsing import parse_dates
from llmagent_os.plugins.calendar.time.time_errors import TimeExpressionError
from llmagent_os.plugins.calendar.time.time_mentions import MentionKind, TimeMention
from llmagent_os.plugins.calendar.time.time_parsing import parse_time

_AND = re.compile(r"\s*(?:,\s*(?:and\s+)?|\s+and\s+|\s*&\s*)(?:on |at )?", re.IGNORECASE)
#: Words between the first and the last day, or time, of a span.
_TO = frozenset(("to", "until", "till", "til", "through", "thru", "-", "–", "up to"))
_WEEK = re.compile(r"\b(?:of |in )?((?:next|this|the following) week)$", re.IGNORECASE)
_WEEKDAY = re.compile(r"(?:on |this )?(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*", re.IGNORECASE)


@dataclass(frozen=True)
class Times:
    """When one event is to be, in the person's words. Empty: nothing is said."""

    date: str = ""
    time: str = ""
    duration: str = ""
    repeat: str = ""


def times_of(clause: Clause, words: str) -> tuple[Times, ...] | None:
    """Return when the events of a request are to be, one for each day and time of day that it lists.

    Args:
        clause: the request.
        words: its words, with marks for the times.

    Returns:
        None: times of the same kind stand apart, so the words are about several things.
    """
    parts = re.split(f"({MARK})", words)
    groups: list[list[TimeMention]] = []
    for at in range(1, len(parts), 2):
        mention = clause.mention(parts[at])
        between = parts[at - 1].strip().lower() if at > 1 else ""
        if between in _TO and groups[-1][-1].kind is mention.kind:
            whole = f"{groups[-1][-1].text} {between} {mention.text}"
            groups[-1][-1] = msgspec.structs.replace(groups[-1][-1], text=whole)
        elif at > 1 and JOINTS.fullmatch(parts[at - 1].strip()):
            groups[-1].append(mention)
        else:
            groups.append([mention])
    kinds: dict[MentionKind, list[list[TimeMention]]] = {}
    for group in groups:
        for kind in MentionKind:
            if of_kind := [mention for mention in group if mention.kind is kind]:
                kinds.setdefault(kind, []).append(of_kind)
    if any(len(found) > 1 for kind, found in kinds.items() if kind is not MentionKind.RECURRENCE):
        return None
    repeat = ", ".join(mention.text for group in kinds.get(MentionKind.RECURRENCE, []) for mention in group)
    lengths = [mention for group in kinds.get(MentionKind.DURATION, []) for mention in group]
    if len(lengths) > 1:
        return None
    if repeat and lengths and re.search(r"day|week|month|year", lengths[0].text, re.IGNORECASE):
        repeat, lengths = f"{repeat}, {lengths[0].text}", []  # so long the event is repeated
    days = _listed(kinds.get(MentionKind.DATE), lambda said: parse_dates(said, clause.now.date()))
    hours = _listed(kinds.get(MentionKind.TIME), lambda said: parse_time(said, clause.now))
    if repeat:
        days = [", ".join(days)] if days else [""]
    base = Times(duration=lengths[0].text if lengths else "", repeat=repeat)
    return tuple(replace(base, date=day, time=hour) for day in days or [""] for hour in hours or [""])


def _listed(groups: list[list[TimeMention]] | None, parse: Callable[[str], object]) -> list[str]:
    """The days, or the times of day, that mentions list: "monday, wednesday and friday" are three."""
    mentions = groups[0] if groups else []
    found: list[str] = []
    for mention in mentions:
        several = [part for part in _AND.split(mention.text) if part]
        found += (
            several
            if len(several) > 1 and all(_understood(parse, part) for part in several)
            else [mention.text.rstrip(" -–,")]
        )
    if mentions and mentions[0].kind is MentionKind.TIME and len(mentions) > 1:
        return [_one_time(mentions)]
    week = _WEEK.search(found[-1]) if found else None
    if week is not None and len(found) > 1:
        found = [f"{day} {week[1]}" if _WEEKDAY.fullmatch(day) else day for day in found]
    return found


def _one_time(mentions: list[TimeMention]) -> str:
    """Join what says one time together: "in the afternoon" and "at 3"."""
    return " ".join(mention.text for mention in mentions)


def _understood(parse: Callable[[str], object], said: str) -> bool:
    try:
        parse(said)
    except TimeExpressionError:
        return False
    return True
