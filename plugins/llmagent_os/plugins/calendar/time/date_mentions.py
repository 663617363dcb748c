"""Tells dates from what only looks like them: lunch with April, the 80th birthday, version 2.3."""

from __future__ import annotations

import re

from llmagent_os.plugins.calendar.time.holidays import HOLIDAYS
from llmagent_os.plugins.calendar.time.mention_candidate import COUNTED, NUMBERED, ORDINAL_NOUNS, Candidate
from llmagent_os.plugins.calendar.time.mention_tokens import PREPOSITIONS
from llmagent_os.plugins.calendar.time.text_normalization import MONTHS, WEEKDAYS

_CALENDAR = re.compile(r"(?:this |next |last |coming )?(?:day|days|week|month|year|night|quarter)s?|hours?")
_SHORT_DAYS = frozenset("mon tue wed thu fri sat sun".split())
#: Before a month, they ask about it: "show me december".
_ASKING = frozenset("me my how's hows what's whats does all of".split())


def is_date(candidate: Candidate) -> bool:
    """Return whether a candidate is a day, or days."""
    core, words = candidate.core, candidate.words
    if core in MONTHS and candidate.last_word in _ASKING and not candidate.cued:
        return candidate.next_word in ("", "look", "looking", "like")
    if core in MONTHS:
        return words[0] in (*PREPOSITIONS, "next", "this", "last") and words[0] not in (
            "for",
            "at",
            "by",
            "about",
            "with",
        )
    if core in WEEKDAYS:
        raw = candidate.tokens[-1].text.casefold().rstrip(".")
        sure = raw not in _SHORT_DAYS or candidate.cued or candidate.joins or candidate.leads
        return sure or raw in ("mon", "tue", "thu", "fri") or not candidate.after
    if _CALENDAR.fullmatch(core):
        return core.split()[0] in ("this", "next", "last", "coming") or (
            core in ("week", "month", "year") and (words[0] in ("this", "the", "for") or words[:-1][-1:] == ["the"])
        )
    if re.fullmatch(r"\d{1,2}(?:st|nd|rd|th)", core):
        return _is_day_of_month(candidate)
    if re.fullmatch(r"\d{1,2}[./-]\d{1,2}", core):
        return _is_written_date(candidate)
    if re.fullmatch(r"\d{4}", core):
        return words[0] == "in"
    if f"{core} {candidate.next_word}" in HOLIDAYS:
        return False  # a part of its name: "new year's eve party"
    if core in HOLIDAYS:
        plain = (
            candidate.after is None
            or candidate.after.timely
            or candidate.next_word in ("free", "open", "busy", "off", "with", "to")
        )
        return candidate.cued or candidate.joins or plain
    return core not in ("day", "days", "now", "day before", "day after")


def _is_day_of_month(candidate: Candidate) -> bool:
    if candidate.next_word in ORDINAL_NOUNS and not candidate.leads:
        return False
    if any(char.isdigit() for char in candidate.tokens[-1].text):
        return candidate.words[0] in PREPOSITIONS or "the" in candidate.words or candidate.joins or candidate.leads
    return candidate.words[0] in ("on", "by", "until", "from", "before", "after", "since", "starting")


def _is_written_date(candidate: Candidate) -> bool:
    raw = candidate.tokens[-1].text
    if raw == "24/7" or candidate.next_word in COUNTED or candidate.last_word in NUMBERED:
        return False
    if "-" in raw:
        return candidate.words[0] in ("on", "by", "until")
    return "/" in raw or raw.endswith(".") or candidate.words[0] in ("on", "by", "until", "from", "for")
