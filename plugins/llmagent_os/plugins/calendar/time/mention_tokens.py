"""Splits a message into tokens, and says which of them can belong to words of time.

A token keeps its place in the message. Its words are spelled as
:func:`~llmagent_os.plugins.calendar.time.text_normalization.normalize` spells them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from llmagent_os.plugins.calendar.time.holidays import HOLIDAYS
from llmagent_os.plugins.calendar.time.recurrence_limits import OCCURRENCES
from llmagent_os.plugins.calendar.time.text_normalization import MONTHS, WEEKDAYS, normalize
from llmagent_os.plugins.calendar.time.zone_names import UNSURE_ABBREVIATIONS, named_zone

#: Words that stand before words of time and belong to them.
PREPOSITIONS = frozenset(
    "at by on for in from until before after since during over about starting beginning ending between within through"
    " as".split()
)
_JOINERS = frozenset("and or to until of the - & , a an not but".split())
UNITS = frozenset(
    "minutes hours second seconds sec secs day days night nights week weeks month months year years quarter quarters"
    " weekend weekends h m s".split()
)
PARTS_OF_DAY = frozenset("morning afternoon evening night mornings afternoons evenings nights tonight".split())
_WORDS = frozenset(
    "today tomorrow yesterday tonight now noon midnight next this last coming upcoming following past previous other"
    " every each single daily nightly weekly monthly yearly annually hourly quarterly weekday weekdays weekend weekends"
    " workdays business working work school half couple few several early late later earlier mid end beginning start"
    " middle rest remainder whole entire full all long time times once twice per except excluding without apart save"
    " skipping ago ahead advance beforehand prior before onwards on first thing close lunch lunchtime breakfast dinner"
    " bedtime class bed same that day's days' today's tomorrow's tonight's week's am pm noonish someday some only"
    " starts ends ending till kw cw inclusive alternate alternating second third".split()
)
_HOLIDAY_WORDS = frozenset(word for name in HOLIDAYS for word in name.split())
_PLURAL_DAYS = frozenset(f"{day}s" for day in WEEKDAYS) | frozenset(f"{day}'s" for day in WEEKDAYS)
VOCABULARY = (
    frozenset((*WEEKDAYS, *MONTHS))
    | frozenset(f"{month}'s" for month in MONTHS)
    | _PLURAL_DAYS
    | PREPOSITIONS
    | _JOINERS
    | UNITS
    | PARTS_OF_DAY
    | _WORDS
    | _HOLIDAY_WORDS
)
#: Signs and words that :func:`normalize` drops, and what they stand for beside a time.
_SIGNS = {"&": ("and",), "@": ("at",), "+": ("and",), "exactly": ("about",), "precisely": ("about",)} | dict.fromkeys(
    ("-", "–", "—", "→"), ("-",)
)
#: Words that say when behind others: what stands before them, and they.
_PHRASES = (
    (re.compile(r"\b(?:end|close) of$"), re.compile(r"play")),
    (re.compile(r"(?:^| )\d{1,3}$"), re.compile(OCCURRENCES)),
    (re.compile(r"(?:^| )\d{1,2}(?::\d\d)?$"), re.compile(r"o|uhr")),
    (re.compile(r"\bo$"), re.compile(r"clock")),
    (re.compile(r"\band$"), re.compile(r"again")),
)
_REMOTE = re.compile(
    r"\b(?:calls?|phone|ring|zoom|teams|skype|facetime|meets?|video|vc|webinar|conference|sync|stand-?up"
    r"|livestream|kick-?off|stream)\b",
    re.I,
)
_NUMBER = re.compile(
    r"[~+-]?\d[\d:./,-]*(?:st|nd|rd|th|am|pm|a|p|h|m|s|min|mins|hr|hrs|hours|minutes|day|days|week|weeks|hour|minute"
    r"|month|months|ish|x)?(?:\d\d?m?)?(?:[-/](?:\d[\d:.]*)(?:am|pm|a|p|h|st|nd|rd|th)?)?"
)
_TOKEN = re.compile(r"[^\s()\[\]{}“”\"]+")
# Where words touch: "friday,saturday", "mon/tue", "2027-01-10T09:00".
_CUT = re.compile(r"(?<=[a-z]),(?=[a-z\d])|(?<=[a-z])/(?=[a-z])|(?<=\D),(?=\S)|(?<=\d)T(?=\d\d:)", re.I)
_ABBREVIATED = re.compile(
    r"(?:jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec|mon|tues?|wed|thur?s?|fri|sat|sun|min|mins|hrs?|approx|\d+)",
    re.I,
)
_PAST_MONTHS = re.compile(r"(?:3[2-9]|[4-9]\d|\d{3})(?:st|nd|rd|th)", re.I)
# After these, a stretch of words of time is over.
_STOPS = re.compile(r"[;:!?\n()\[\]{}“”\"]")


@dataclass(frozen=True)
class Token:
    """A word of a message, without the punctuation around it."""

    text: str
    start: int  #: characters from the beginning of the message
    end: int
    words: tuple[str, ...]  #: in normal spelling; empty for punctuation, such as a dash
    timely: bool  #: can belong to words of time
    breaks: bool  #: nothing that says when goes on behind it
    zone: bool = False  #: belongs to the name of a time zone


def tokens_of(text: str) -> list[Token]:
    """Split a message into tokens."""
    found = [
        _token(text, start, end)
        for match in _TOKEN.finditer(text)
        for start, end in _pieces(text, match.start(), match.end())
    ]
    return _with_zones(_with_phrases(_without_pairs(found)), remote=_REMOTE.search(text) is not None)


def _without_pairs(tokens: list[Token]) -> list[Token]:
    """Mark as no time a number beside itself, "one to one", "two on two", and an ordinal past every month: "60th"."""
    for at in range(1, len(tokens)):
        dated = tokens[at - 1].text.casefold() in ("the", "on")  # "on the 32nd" is a wrong day
        if _PAST_MONTHS.fullmatch(tokens[at].text) and not dated:
            tokens[at] = replace(tokens[at], timely=False)
    for at in range(len(tokens) - 2):
        first, middle, last = (token.text.casefold() for token in tokens[at : at + 3])
        if first == last and middle in ("to", "on", "v", "vs") and re.fullmatch(r"[a-z]{3,5}|\d", first):
            tokens[at : at + 3] = [replace(token, timely=False) for token in tokens[at : at + 3]]
    return tokens


def _with_phrases(tokens: list[Token]) -> list[Token]:
    """Mark words that say when only behind certain others: "end of play", "6 sessions"."""
    for at, token in enumerate(tokens):
        before = " ".join(word for each in tokens[max(at - 2, 0) : at] for word in each.words)
        if not token.timely and any(
            words.fullmatch(token.text.casefold()) and leading.search(before) for leading, words in _PHRASES
        ):
            tokens[at] = replace(token, timely=True)
    return tokens


def _with_zones(tokens: list[Token], *, remote: bool) -> list[Token]:
    """Mark the names of time zones that stand behind a time: "3pm London time".

    Args:
        tokens: of a message; changed in place.
        remote: people are to meet from far away, so a city behind a time names its clocks: "call at 3pm London".
    """
    at = 1
    while at < len(tokens):
        count = _zone_length(tokens, at, remote=remote) if _ends_a_time(tokens[at - 1]) else 0
        for number in range(at, at + count):
            tokens[number] = replace(tokens[number], timely=True, zone=True)
        at += max(count, 1)
    return tokens


def _zone_length(tokens: list[Token], at: int, *, remote: bool) -> int:
    for count in (5, 4, 3, 2, 1):
        raw = [token.text.casefold() for token in tokens[at : at + count] if token.words]
        name = re.sub(r"^(?:in )?(?:the )?", "", " ".join(raw))
        city = remote and all(token.text[:1].isupper() for token in tokens[at : at + count])
        known = named_zone(name) or (city and named_zone(f"{name} time"))
        if len(raw) == count and known and not any(token.breaks for token in tokens[at : at + count - 1]):
            return 0 if count == 1 and name in UNSURE_ABBREVIATIONS and not _is_name(tokens, at) else count
    return 0


def _is_name(tokens: list[Token], at: int) -> bool:
    """Whether a word is written as a zone's name: "ET", or "Eastern" with nothing behind it that it could describe."""
    behind = "" if tokens[at].breaks or at + 1 == len(tokens) else tokens[at + 1].text.casefold()
    last = not behind or tokens[at + 1].timely or behind in ("with", "to", "about", "please", "@")
    plain = tokens[at].text.istitle() or tokens[at].text in ("eastern", "pacific")
    return tokens[at].text.isupper() or (plain and last)


def _ends_a_time(token: Token) -> bool:
    return re.search(r"\d(?:am|pm|[ap]|h)?$|^(?:am|pm|noon|midnight)$", " ".join(token.words)) is not None or (
        token.text.casefold() in ("o'clock", "oclock")
    )


def _pieces(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Split what is written without a space: "friday,saturday", "@3pm", "tomorrow/thursday"."""
    pieces: list[tuple[int, int]] = []
    at = start
    for cut in _CUT.finditer(text, start, end):
        pieces.append((at, cut.start()))
        at = cut.end()
    pieces.append((at, end))
    return [(left, right) for left, right in pieces if right > left]


def _token(text: str, start: int, end: int) -> Token:
    raw = text[start:end]
    core = raw.rstrip(",;:!?…")
    core = core if _keeps_dot(core) else core.rstrip(".")
    begin = start + (len(core) - len(core.lstrip("'‘’*_~`#"))) if not core.startswith("-") else start
    core = text[begin : start + len(core)].rstrip("*_~`’'") if len(core) > 1 else core
    stop = begin + len(core)
    tail = text[stop:end]
    after = text[end : end + 1]
    words = _SIGNS.get(core.casefold()) or tuple(normalize(core).split())
    timely = bool(words) and all(_is_timely(word) for word in words)
    short = _ABBREVIATED.fullmatch(core) is not None  # its dot ends no sentence
    breaks = bool(_STOPS.search(tail) or ("." in tail and not short) or _STOPS.match(after) or "…" in tail)
    return Token(core, begin, stop, words, timely, breaks)


def _keeps_dot(core: str) -> bool:
    """Whether a dot at the end belongs to the word: "p.m.", "Dec.", "27.11."."""
    return re.search(r"(?i)(?:\b[ap]\.m\.|\d\.\d{1,2}\.)$", core) is not None


def _is_timely(word: str) -> bool:
    return word in VOCABULARY or _NUMBER.fullmatch(word) is not None or word in ("-", "half")
