"""Tells times of day from what only looks like them: room 4, 12 people, after work on the car."""

from __future__ import annotations

import re

from llmagent_os.plugins.calendar.time.mention_candidate import COUNTED, NUMBERED, ORDINAL_NOUNS, Candidate
from llmagent_os.plugins.calendar.time.mention_tokens import PREPOSITIONS

_STREET = re.compile(
    r"\s+(?!o.?clock)(?:[A-Z][\w.'-]*\s+){0,3}(?:street|st|avenue|ave|road|rd|lane|ln|blvd|drive|square)\b", re.I
)
#: Behind a part of the day: "the evening of dec 3".
_OF_A_DAY = re.compile(
    r"\s+of\s+(?:the\s+)?(?:\d|(?:mon|tue|wed|thu|fri|sat|sun|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov"
    r"|dec)[a-z]*\b)",
    re.I,
)
#: Behind a time, they leave at it: "the 8.05 train".
_LEAVING = frozenset("train bus coach ferry flight tram".split())
_CUES = frozenset("at by before after until about from between @".split())
_MOVING = re.compile(
    r"\b(?:move|push|shift|change|reschedule|put|bring|set|make|switch|postpone|delay|pull|start|starts|begin|"
    r"extend|shorten)\w*\b",
    re.I,
)
_BARE = re.compile(r"\d{1,4}(?:-\d{1,4})?|\d{1,2} (?:to|-|until|or|and) \d{1,2}(?: \d\d)?")
_PARTS = re.compile(r"(?:early |late |mid )?(?:morning|afternoon|evening|night)")
_MEALS = re.compile(r"(?:breakfast|lunch|dinner|bed|bedtime|class|noon|midnight|school|work|first thing)(?: time)?")
_DOTTED_DATE = re.compile(r"\d{1,2}\.(?:0?[1-9]|1[0-2])\.")
# Behind a clock time, a meal is the next event: "gym at 7 and dinner with Leo on saturday".
# "8am and dinner every day" is two times.
_NEXT_MEAL = re.compile(r".*\d.* (?:breakfast|lunch|dinner|class|school|work|bed)")
_SAME_EVENT = frozenset(("", "to", "every", "each", "daily", "until"))
#: Behind noon, they belong to something else.
_BEHIND_NOON = frozenset("and but or instead please then rather now because so".split())


def is_time(candidate: Candidate) -> bool:
    """Return whether a candidate is a time of day."""
    core = candidate.core
    if any(_DOTTED_DATE.fullmatch(token.text) for token in candidate.tokens):
        return False
    if _BARE.fullmatch(core):
        return _is_clock(candidate, core)
    if _NEXT_MEAL.fullmatch(core) and candidate.words[-2] not in PREPOSITIONS:
        return candidate.next_word in _SAME_EVENT
    if re.fullmatch(r"\d{1,2}\.\d\d(?: for \d{1,2}\.\d\d)?", core):
        leads = candidate.leads and candidate.last_word not in NUMBERED
        return bool(_CUES & set(candidate.words)) or candidate.joins or leads or candidate.next_word in _LEAVING
    if _PARTS.fullmatch(core):
        of_a_day = _OF_A_DAY.match(candidate.message, candidate.tokens[-1].end) is not None
        return candidate.words[0] in ("this", *PREPOSITIONS) or candidate.joins or of_a_day
    if _MEALS.fullmatch(core):
        if candidate.words[0] == "the":
            return False
        joins = candidate.joins and core not in ("breakfast", "lunch", "dinner", "class", "school", "work", "bed")
        around = candidate.words[0] in ("after", "before")
        cued = candidate.words[0] in PREPOSITIONS - {"for"} and (core != "work" or around)
        return (
            cued
            or joins
            or (
                core in ("noon", "midnight")
                and (candidate.leads or not candidate.after or candidate.next_word in _BEHIND_NOON)
            )
        )
    if core == "this time":
        return candidate.leads
    if core == "later" and not candidate.leads:
        return False
    if core == "now":  # "it is now on thursday"
        return candidate.after is None and candidate.last_word not in ("is", "are", "by", "until")
    hours = re.fullmatch(r"(\d{1,2})h", core)
    return hours is None or candidate.cued or (candidate.joins and int(hours[1]) > 6)


def _is_clock(candidate: Candidate, core: str) -> bool:
    """Whether a number without a colon, AM or PM is a time of day."""
    end = candidate.tokens[-1].end
    if candidate.next_word in COUNTED or candidate.message[end : end + 1] == "%":
        return False
    if _STREET.match(candidate.message, end) or candidate.last_word in ("look", "looking", "looks"):
        return False
    first = candidate.words[0]
    if first in _CUES:
        return first != "about" or candidate.last_word not in ("remind", "me", "asks", "talk")
    if first == "in":  # minutes
        return candidate.next_word in ("", "to", "that", "about", "and")
    if first == "for":
        return candidate.joins or candidate.last_word in ("alarm", "it", "that", "this", "clock", "up", "me")
    if candidate.joins:
        return candidate.next_word not in ORDINAL_NOUNS
    before = candidate.message[: candidate.tokens[0].start]
    if candidate.last_word == "for":
        return False
    if candidate.last_word in ("to", "it", "that", "till") and _MOVING.search(before):
        return candidate.after is None or candidate.leads or candidate.after.timely or candidate.next_word == "instead"
    short = re.fullmatch(r"\d{1,2}", core) is not None
    if candidate.after is not None and candidate.after.words and candidate.after.words[0].isdigit():
        return False  # a list of numbers
    numbered = candidate.last_word in NUMBERED or candidate.last_word[:1].isdigit()
    return short and candidate.leads and not numbered and not candidate.last_word.isupper()
