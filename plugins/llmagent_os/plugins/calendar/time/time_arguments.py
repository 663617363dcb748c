"""Puts right which words of a message are the date, the time, the length and the repetition of an event.

A small model copies these words out of the message, and may cut them wrongly or leave some out. The message itself says
what belongs together.

>>> time_arguments({"date": "every thursday at 7pm"}, "choir every thursday at 7pm until june")
{'repeat': 'every thursday, until june', 'time': 'at 7pm'}
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from llmagent_os.plugins.calendar.time.mention_rules import ADVERB
from llmagent_os.plugins.calendar.time.time_mentions import MentionKind, TimeMention, time_mentions

#: The arguments that say when.
TIME_FIELDS = ("date", "time", "duration", "repeat")
_FIELD_OF = {
    MentionKind.DATE: "date",
    MentionKind.TIME: "time",
    MentionKind.DURATION: "duration",
    MentionKind.RECURRENCE: "repeat",
}
# Between the words of two events.
_NEXT_EVENT = re.compile(r"[.;\n]\s|\b(?:and|then|also|plus)\b")


def time_arguments(given: Mapping[str, str], message: str, *, month_first: bool = True) -> dict[str, str]:
    """Return arguments with the words of time as the message has them.

    Args:
        given: the arguments of a tool; those of :data:`TIME_FIELDS` are in the person's words.
        message: what the person wrote. Arguments whose words are not in it stay as they are.
        month_first: whether 3/4 is the 4th of March.
    """
    mentions = [each for each in time_mentions(message, month_first=month_first) if each.kind in _FIELD_OF]
    kept = {
        key: value
        for key, value in given.items()
        if key not in TIME_FIELDS and not (key in ("place", "person") and _is_inside(value, message, mentions))
    }
    used: dict[str, list[TimeMention]] = {}
    for name in TIME_FIELDS:
        if name not in given:
            continue
        touched = _touched(given[name], message, mentions)
        if not touched and not _describes(given[name], message):
            kept[name] = given[name]
        for mention in touched:
            used.setdefault(_FIELD_OF[mention.kind], []).append(mention)
    used |= _left_out(given, message, mentions, kept.keys() | used.keys())
    if "repeat" in used:  # limits may stand apart from the repetition
        used["repeat"] = [each for each in mentions if each.kind is MentionKind.RECURRENCE]
    found = {name: ", ".join(each.text for each in _unique(mentioned)) for name, mentioned in used.items()}
    return kept | {name: found[name] for name in found if name not in kept}


def as_written(
    date_said: str | None, time_said: str | None, message: str, *, month_first: bool = True
) -> tuple[str | None, str | None]:
    """Return a date and a time as the message has them: "Dec 25", where only "25" was copied out of it.

    >>> as_written("25", None, "is Dec 25 free?")
    ('Dec 25', None)
    """
    found: dict[str, list[TimeMention]] = {}
    kept: dict[str, str] = {}
    mentions = time_mentions(message, month_first=month_first) if date_said or time_said else ()
    for name, said in (("date", date_said), ("time", time_said)):
        touched = _touched(said, message, mentions) if said else []
        kept |= {name: said} if said and not touched else {}
        if any(each.kind not in (MentionKind.DATE, MentionKind.TIME) for each in touched):
            return date_said, time_said
        for mention in touched:
            found.setdefault(_FIELD_OF[mention.kind], []).append(mention)
    words = kept | {
        name: ", ".join(each.text for each in _unique(mentioned))
        for name, mentioned in found.items()
        if name not in kept
    }
    return words.get("date"), words.get("time")


def _describes(said: str, message: str) -> bool:
    """Whether words of repetition only describe a thing: "the quarterly review". The message repeats nothing then."""
    return ADVERB.fullmatch(said.casefold().strip()) is not None and _place_of(said, message) is not None


def _place_of(said: str, message: str) -> re.Match[str] | None:
    pattern = r"\s+".join(re.escape(word) for word in said.split())
    return re.search(rf"(?<!\w){pattern}(?!\w)", message, re.I) if pattern else None


def _is_inside(said: str, message: str, mentions: Sequence[TimeMention]) -> bool:
    """Whether a name is nothing but words of time: the CET of "15:00 CET" is no place."""
    match = _place_of(said, message)
    return match is not None and any(each.start <= match.start() and match.end() <= each.end for each in mentions)


def _touched(said: str, message: str, mentions: Sequence[TimeMention]) -> list[TimeMention]:
    """Return the mentions to which the words of an argument belong."""
    match = _place_of(said, message)
    if match is None:
        return []
    return [each for each in mentions if each.start < match.end() and match.start() < each.end]


def _left_out(
    given: Mapping[str, str], message: str, mentions: Sequence[TimeMention], known: set[str]
) -> dict[str, list[TimeMention]]:
    """Return what an argument is missing for, if the message can mean only this event by it."""
    found: dict[str, list[TimeMention]] = {}
    for kind, name in _FIELD_OF.items():
        of_kind = [each for each in mentions if each.kind is kind]
        if name in known or not of_kind or (len(of_kind) > 1 and kind is not MentionKind.RECURRENCE):
            continue
        if _belongs(of_kind[0], given, message, mentions):
            found[name] = of_kind
    return found


def _belongs(mention: TimeMention, given: Mapping[str, str], message: str, mentions: Sequence[TimeMention]) -> bool:
    """Whether no other event can stand between an event's title and a mention."""
    title = given.get("title", "")
    at = message.casefold().find(title.casefold()) if title else -1
    if at < 0:
        return False
    left, right = sorted(((at, at + len(title)), (mention.start, mention.end)))
    between = message[left[1] : right[0]] if left[1] <= right[0] else ""
    for each in mentions:  # an "and" within words of time separates no events
        if left[1] <= each.start and each.end <= right[0]:
            between = between.replace(each.text, " ")
    return _NEXT_EVENT.search(between) is None


def _unique(mentions: Sequence[TimeMention]) -> list[TimeMention]:
    return sorted(set(mentions), key=lambda each: each.start)
