"""Tells words of time from words that only look like them: room 4, lunch with April, the 80th birthday.

A parser has understood the candidate already. The rules here look at the words around it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from llmagent_os.plugins.calendar.time.holidays import HOLIDAYS
from llmagent_os.plugins.calendar.time.mention_tokens import PREPOSITIONS, Token
from llmagent_os.plugins.calendar.time.text_normalization import MONTHS, WEEKDAYS

#: Behind a bare number, they say what it counts.
_COUNTED = frozenset(
    "people persons guests of % percent euros euro dollars bucks pounds km miles pages things items copies kids"
    " children bottles boxes cups eggs tickets seats friends players degrees kg grams litres liters meters"
    " lessons sessions classes metres calls emails times reps sets laps rounds".split()
)
_UNITS = frozenset("days weeks months years hours minutes mins hrs nights hour minute min hr day week".split())
#: Before a number, they make it part of a name.
_NUMBERED = frozenset(
    "locker desk stand shelf pin code seat"
    " room team flight no number # chapter part unit gate platform bus line version episode season level grade class"
    " page section track floor building apartment apt suite box table player phase sprint round group session module"
    " lesson exam quiz lab hall invoice order ticket case bug issue pr task item step stage route tram train"
    " exit terminal house highway channel form area zone court lane pier bay door windows iphone ps playstation plan"
    " turns turning turned option"
    " week day year article paragraph question problem exercise act scene vol volume book type size".split()
)
#: Behind an ordinal, they say what it counts: the 2nd meeting, my 80th birthday.
_ORDINAL_NOUNS = frozenset(
    "birthday anniversary floor street st avenue ave grade grader graders one ones time edition round season episode"
    " chapter year semester quarter class period draft version meeting attempt date century symphony place lesson"
    " session interview appointment event call item entry reminder shift stage phase sprint visit dose step option part"
    " half row column person world cup reich amendment wedding party game match day daughter son child".split()
)
_STREET = re.compile(
    r"\s+(?!o.?clock)(?:[A-Z][\w.'-]*\s+){0,3}(?:street|st|avenue|ave|road|rd|lane|ln|blvd|drive|square)\b", re.I
)
_CUES = frozenset("at by before after until about from between @".split())
_MOVING = re.compile(
    r"\b(?:move|push|shift|change|reschedule|put|bring|set|make|switch|postpone|delay|pull|start|starts|begin|"
    r"extend|shorten)\w*\b",
    re.I,
)
_BARE = re.compile(r"\d{1,4}(?:-\d{1,4})?|\d{1,2} (?:to|-|until|or|and) \d{1,2}(?: \d\d)?")
_PARTS = re.compile(r"(?:early |late |mid )?(?:morning|afternoon|evening|night)")
_MEALS = re.compile(r"(?:breakfast|lunch|dinner|bed|bedtime|class|noon|midnight|school|work|first thing)(?: time)?")
_DOTTED_DATE = re.compile(r"\d{1,2}\.\d{1,2}\.")
# Behind a clock time, a meal is the next event: "gym at 7 and dinner with Leo on saturday".
# "8am and dinner every day" is two times.
_NEXT_MEAL = re.compile(r".*\d.* (?:breakfast|lunch|dinner|class|school|work|bed)")
_SAME_EVENT = frozenset(("", "to", "every", "each", "daily", "until"))
_CALENDAR = re.compile(r"(?:this |next |last |coming )?(?:day|days|week|month|year|night|quarter)s?|hours?")
_SHORT_DAYS = frozenset("mon tue wed thu fri sat sun".split())
_ONE_DAY_WORDS = frozenset("today tomorrow tonight yesterday".split())
_REPEATS = re.compile(
    r"\b(?:every|each|daily|nightly|weekly|monthly|quarterly|yearly|annually|hourly|weekdays|weekends|alternat\w+"
    rf"|(?:{'|'.join(WEEKDAYS)})(?:s| (?:mornings|afternoons|evenings|nights))"
    r"|(?:once|twice|times) (?:a|per|every|each) (?:day|week|month|year)|(?:everyday)|biweekly|mon ?[-–] ?fri)\b"
)
_NTH = r"(?:1st|2nd|3rd|4th|5th|first|second|third|fourth|fifth|last)"
# "the first and third monday" comes again.
_NTH_DAYS = re.compile(rf"\b{_NTH},? (?:and|&|,) (?:the )?{_NTH} (?:{'|'.join(WEEKDAYS)})")
_WORKING_WEEK = re.compile(r"(?:on )?monday (?:to|-|until) friday")
# The beginning of a limit that stands apart from its repetition.
_LIMITS = re.compile(
    r"(?:and |but )?(?:until|to|through|up to|end\w*|start\w*|begin\w*|from|as of|except\w*|excluding|without"
    r"|apart from|not|but|save|skip\w*|for|over|only|just|in|this|next|all|during|\d+ (?:times|x)|\d+x)\b"
)
#: Words of repetition that also describe things: a weekly report.
ADVERB = re.compile(r"(?:daily|nightly|weekly|monthly|quarterly|yearly|annual|annually|hourly|biweekly|every 2 weeks)")


#: Before "one", they make it the one that is meant, and no time of day.
_BEFORE_ONE = frozenset(
    "the this that which other next last first second third fourth latter former same each every any no 1st 2nd 3rd"
    " new old wrong right longer shorter earlier later".split()
)
#: Behind noon, they belong to something else.
_BEHIND_NOON = frozenset("and but or instead please then rather now because so".split())
#: Before a month, they ask about it: "show me december".
_ASKING = frozenset("me my how's hows what's whats does all of".split())


@dataclass(frozen=True)
class Candidate:
    """A stretch of tokens that a parser has understood."""

    kind: str  #: the value of a MentionKind
    tokens: Sequence[Token]
    before: Token | None  #: the token before it, unless a sentence ends there
    after: Token | None  #: the token behind it, unless a sentence ends there
    joins: bool  #: other words of time stand right before it; before a time, words of a day
    leads: bool  #: words of time stand right behind it
    message: str

    @property
    def words(self) -> list[str]:
        """All words, in normal spelling."""
        return [word for token in self.tokens for word in token.words]

    @property
    def core(self) -> str:
        """The words without the prepositions before them."""
        words = self.words
        while len(words) > 1 and words[0] in (*PREPOSITIONS, "the", "-"):
            words = words[1:]
        return " ".join(words)

    @property
    def cued(self) -> bool:
        """Whether a preposition stands before it."""
        return self.words[0] in PREPOSITIONS

    @property
    def next_word(self) -> str:
        """The word behind it; empty at the end of a sentence."""
        return self.after.text.casefold().strip("'’.,") if self.after else ""

    @property
    def last_word(self) -> str:
        """The word before it; empty at the beginning of a sentence."""
        return self.before.text.casefold().strip("'’.,:") if self.before else ""


def is_mention(candidate: Candidate) -> bool:
    """Return whether a candidate says when, and is not part of a name."""
    rules = {"date": _is_date, "time": _is_time, "duration": _is_duration, "recurrence": _is_recurrence}
    rule = rules.get(candidate.kind)
    if candidate.tokens[0].text.casefold() == "one" and candidate.last_word in _BEFORE_ONE:
        return False  # "the first one to 1pm"
    if candidate.words[-1].isdigit() and (
        candidate.next_word in _COUNTED or candidate.next_word.replace(".", "") in ("am", "pm", *_UNITS)
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


def _is_time(candidate: Candidate) -> bool:
    core = candidate.core
    if any(_DOTTED_DATE.fullmatch(token.text) for token in candidate.tokens):
        return False
    if _BARE.fullmatch(core):
        return _is_clock(candidate, core)
    if _NEXT_MEAL.fullmatch(core) and candidate.words[-2] not in PREPOSITIONS:
        return candidate.next_word in _SAME_EVENT
    if re.fullmatch(r"\d{1,2}\.\d\d", core):
        return bool(_CUES & set(candidate.words)) or candidate.joins
    if _PARTS.fullmatch(core):
        return candidate.words[0] in ("this", *PREPOSITIONS) or candidate.joins
    if _MEALS.fullmatch(core):
        if candidate.words[0] == "the":
            return False
        joins = candidate.joins and core not in ("breakfast", "lunch", "dinner", "class", "school", "work", "bed")
        cued = candidate.words[0] in PREPOSITIONS - {"for"} and core != "work"
        return (
            cued
            or joins
            or (
                core in ("noon", "midnight")
                and (candidate.leads or not candidate.after or candidate.next_word in _BEHIND_NOON)
            )
        )
    if core == "later" and not candidate.leads:
        return False
    if core == "now":  # "it is now on thursday"
        return candidate.after is None and candidate.last_word not in ("is", "are", "by", "until")
    hours = re.fullmatch(r"(\d{1,2})h", core)
    return hours is None or candidate.cued or (candidate.joins and int(hours[1]) > 6)


def _is_clock(candidate: Candidate, core: str) -> bool:
    """Whether a number without a colon, AM or PM is a time of day."""
    end = candidate.tokens[-1].end
    if candidate.next_word in _COUNTED or candidate.message[end : end + 1] == "%":
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
        return candidate.next_word not in _ORDINAL_NOUNS
    before = candidate.message[: candidate.tokens[0].start]
    if candidate.last_word == "for":
        return False
    if candidate.last_word in ("to", "it", "that", "till") and _MOVING.search(before):
        return candidate.after is None or candidate.leads or candidate.after.timely or candidate.next_word == "instead"
    short = re.fullmatch(r"\d{1,2}", core) is not None
    if candidate.after is not None and candidate.after.words and candidate.after.words[0].isdigit():
        return False  # a list of numbers
    numbered = candidate.last_word in _NUMBERED or candidate.last_word[:1].isdigit()
    return short and candidate.leads and not numbered and not candidate.last_word.isupper()


def _is_date(candidate: Candidate) -> bool:
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
    if candidate.next_word in _ORDINAL_NOUNS and not candidate.leads:
        return False
    if any(char.isdigit() for char in candidate.tokens[-1].text):
        return candidate.words[0] in PREPOSITIONS or "the" in candidate.words or candidate.joins or candidate.leads
    return candidate.words[0] in ("on", "by", "until", "from", "before", "after", "since", "starting")


def _is_written_date(candidate: Candidate) -> bool:
    raw = candidate.tokens[-1].text
    if raw == "24/7" or candidate.next_word in _COUNTED or candidate.last_word in _NUMBERED:
        return False
    if "-" in raw:
        return candidate.words[0] in ("on", "by", "until")
    return "/" in raw or raw.endswith(".") or candidate.words[0] in ("on", "by", "until", "from", "for")


def _is_duration(candidate: Candidate) -> bool:
    core = candidate.core
    if core == "am":  # "I am …"
        return False
    if re.match(r"(?:an?|all|the|whole) ?(?:day|week|month|night|evening|morning|afternoon|weekend)s?\b", core):
        return candidate.words[0] in ("for", "lasting") or "whole" in candidate.words or "full" in candidate.words
    return not re.fullmatch(r"\d+ ?m", core) or candidate.words[0] in ("for", "in")


def says_repeat(message: str) -> bool:
    """Return whether a message has words of repetition: "every", "weekly", "mondays"."""
    return _REPEATS.search(message.casefold()) is not None or _NTH_DAYS.search(message.casefold()) is not None


def _is_recurrence(candidate: Candidate) -> bool:
    said = " ".join(candidate.words)
    if _WORKING_WEEK.fullmatch(said):  # with a time of day, it comes again; without one, it is a stretch of days
        return re.search(r"\d ?(?:[ap]\.?m?\b|:\d\d|h\b)|\bat \d", candidate.message, re.I) is not None
    if not says_repeat(said):
        return _LIMITS.match(said) is not None and says_repeat(candidate.message)
    if not ADVERB.fullmatch(candidate.core):
        return True
    described = "the" in candidate.words or candidate.last_word in ("the", "my", "our", "your", "this", "that")
    return said != "annual" and not described
