"""Tells words of time from words that only look like them: room 4, lunch with April, the 80th birthday.

A parser has understood the candidate already. The rules here look at the words around it.
"""

from __future__ import annotations

import re

from llmagent_os.plugins.calendar.time.clock_mentions import is_time
from llmagent_os.plugins.calendar.time.date_mentions import is_date
from llmagent_os.plugins.calendar.time.mention_candidate import COUNTED, Candidate
from llmagent_os.plugins.calendar.time.recurrence_limits import OCCURRENCES
from llmagent_os.plugins.calendar.time.text_normalization import MONTHS, WEEKDAYS

_UNITS = frozenset("days weeks months years hours minutes mins hrs nights hour minute min hr day week".split())
#: Before "one", they make it the one that is meant, and no time of day.
_BEFORE_ONE = frozenset(
    "the this that which other next last first second third fourth latter former same each every any no 1st 2nd 3rd"
    " new old wrong right longer shorter earlier later".split()
)
_DAY_NAME = r"(?:mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6}"
_REPEATS = re.compile(
    r"\b(?:every|each|daily|nightly|weekly|monthly|quarterly|yearly|annually|hourly|weekdays|weekends|alternat\w+"
    rf"|(?:{'|'.join(WEEKDAYS)})s|{_DAY_NAME} (?:mornings|afternoons|evenings|nights)"
    r"|(?:once|twice|times) (?:a|per|every|each) (?:day|week|month|year)|(?:everyday)|biweekly"
    r"|(?:on )?monday (?:to|until) friday|mon ?[-–] ?fri)\b"
)
_NTH = r"(?:1st|2nd|3rd|4th|5th|first|second|third|fourth|fifth|last)"
# "the first and third monday" comes again.
_NTH_DAYS = re.compile(rf"\b{_NTH},? (?:and|&|,) (?:the )?{_NTH} (?:{'|'.join(WEEKDAYS)})")
_DAY_NAMES = rf"{_DAY_NAME}(?:(?:,? (?:and |& )?|[,/&+] ?){_DAY_NAME})*"
_CLOCK = r"(?:@|at|from|to|in|the|noon|mornings?|evenings?|[-–]|\d[\d:.–-]* ?(?:[ap]\.?m\b\.?|h\b)?)"
# "mon wed fri 6am until the end of the year": days of a week that go on for months come again.
_LASTING_DAYS = re.compile(
    rf"\b(?P<days>{_DAY_NAMES})(?P<clock>(?:,? ?{_CLOCK})*),? (?:only )?(?:until|till?|through|for)(?: the)?(?: next)?"
    rf" (?:end of(?: the| this| next)? (?:school )?(?:year|month|term|semester|season|quarter)|(?:{'|'.join(MONTHS)})\b"
    r"|(?:jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\b|christmas|easter|\w+ (?:weeks|months))"
)
_WORKING_WEEK = re.compile(r"(?:on )?monday (?:to|-|until) friday")
# The beginning of a limit that stands apart from its repetition.
_LIMITS = re.compile(
    r"(?:and |but )?(?:until|to|through|up to|end\w*|start\w*|begin\w*|from|as of|except\w*|excluding|without"
    rf"|apart from|not|but|save|skip\w*|for|over|only|just|in|this|next|all|during|\d+ ?{OCCURRENCES})\b"
)
#: Lengths that describe a thing: "the twelve week scan", "80s night".
_DESCRIBING = re.compile(r"(?!(?:an?|1|one)\b)[\w-]+ (?:week|month|year)|[5-9]0 ?s")
#: Words of repetition that also describe things: a weekly report.
ADVERB = re.compile(r"(?:daily|nightly|weekly|monthly|quarterly|yearly|annual|annually|hourly|biweekly|every 2 weeks)")


def is_mention(candidate: Candidate) -> bool:
    """Return whether a candidate says when, and is not part of a name."""
    rules = {"date": is_date, "time": is_time, "duration": _is_duration, "recurrence": _is_recurrence}
    rule = rules.get(candidate.kind)
    if candidate.tokens[0].text.casefold() == "one" and candidate.last_word in _BEFORE_ONE:
        return False  # "the first one to 1pm"
    if candidate.words[-1].isdigit() and (
        candidate.next_word in COUNTED or candidate.next_word.replace(".", "") in ("am", "pm", *_UNITS)
    ):
        return False
    if candidate.kind in ("time", "recurrence") and candidate.words[-1].isdigit() and _is_month(candidate.next_word):
        return False  # "6pm until 22 december"
    if candidate.kind == "date" and candidate.words[0] == "at" and "".join(candidate.words[1:2]).isdigit():
        return False  # "at 5 until 14 december" is a time and a day
    if candidate.kind == "date" and candidate.words[-1].isdigit() and candidate.next_word in ("o'clock", "oclock"):
        return False  # "the 6th of december, 11 o'clock"
    return rule is None or rule(candidate)


def _is_month(word: str) -> bool:
    return len(word) > 2 and any(month.startswith(word) for month in MONTHS)


def _is_duration(candidate: Candidate) -> bool:
    core = candidate.core
    if core == "am":  # "I am …"
        return False
    if re.match(r"(?:an?|all|the|whole) ?(?:day|week|month|night|evening|morning|afternoon|weekend)s?\b", core):
        return candidate.words[0] in ("for", "lasting") or "whole" in candidate.words or "full" in candidate.words
    if candidate.words[0] not in ("for", "lasting") and _DESCRIBING.fullmatch(core) and candidate.next_word:
        return False
    return not re.fullmatch(r"\d+ ?m", core) or candidate.words[0] in ("for", "in")


def says_repeat(message: str) -> bool:
    """Return whether a message has words of repetition: "every", "weekly", "mondays"."""
    said = message.casefold()
    return bool(_REPEATS.search(said) or _NTH_DAYS.search(said) or _lasting_days(said))


def _lasting_days(said: str) -> re.Match[str] | None:
    """Find days of a week that go on for months. One day needs a time, or else it is the first day of a stretch."""
    found = _LASTING_DAYS.search(said)
    several = found is not None and len(re.findall(_DAY_NAME, found["days"])) > 1
    return found if found is not None and (several or re.search(r"\d|noon", found["clock"])) else None


def _is_recurrence(candidate: Candidate) -> bool:
    """Return whether a candidate says how often."""
    said = " ".join(candidate.words)
    if candidate.words[0] == "in" and candidate.words[1:2] in (["every"], ["each"]):
        return False  # "put the bins in every tuesday"
    if _WORKING_WEEK.fullmatch(said):  # with a time of day, it comes again; without one, it is a stretch of days
        return re.search(r"\d ?(?:[ap]\.?m?\b|:\d\d|h\b)|\bat \d", candidate.message, re.I) is not None
    lasting = _lasting_days(candidate.message.casefold())
    if lasting is not None and lasting.start("days") <= candidate.tokens[-1].start < lasting.end("days"):
        return True
    if not says_repeat(said):
        return _LIMITS.match(said) is not None and says_repeat(candidate.message)
    if not ADVERB.fullmatch(candidate.core):
        return True
    described = "the" in candidate.words or candidate.last_word in ("the", "my", "our", "your", "this", "that")
    return said != "annual" and not described
