"""Brings spoken dates and times into one spelling, so that the parsers can be strict.

>>> normalize("Tmrw at Half past SIX p.m.!")
'tomorrow at half past 6pm'
>>> normalize("the twenty-fifth of Febuary")
'the 25th of february'
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from rapidfuzz import fuzz, process

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)

_DAY = "(?:mon|tue|wed|thu|fri|sat|sun)"

_SHORT_UNIT = "(?:mins?|minutes?|hours?|hrs?)"
# "1½ hours", and before a unit "1 1/2 hours", "1,5 hours", "3/4 of an hour".
_FRACTION = re.compile(
    r"(?:\b(?P<whole>\d{1,3})(?: |(?=[½¼¾]))(?:and )?)?"
    r"(?:(?P<sign>[½¼¾])|\b(?P<written>1/2|1/4|3/4)(?= ?(?:of an? )?[hdwmy]))(?: ?of an?\b)?"
    r"|\b(?P<units>\d{1,3}),(?P<tenths>\d{1,2})(?= ?(?:h|hrs?|hours?)\b)",
    re.I,
)
_PARTS = {"½": "5", "¼": "25", "¾": "75", "1/2": "5", "1/4": "25", "3/4": "75"}

_MINUTES_TO = re.compile(r"\bat (5|10|20|25) to (\d{1,2})\b(?![:.\d])")

#: A longer text is not a date, and would cost the regular expressions much time.
MAX_CHARACTERS = 120

_UP_TO_19 = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
    " eighteen nineteen"
)
_UNITS: dict[str, int] = {name: number for number, name in enumerate(_UP_TO_19.split())}
_TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fourty": 40, "fifty": 50, "sixty": 60, "ninety": 90}
_TO_20TH = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth"
    " sixteenth seventeenth eighteenth nineteenth twentieth"
)
_ORDINALS: dict[str, int] = {name: number + 1 for number, name in enumerate(_TO_20TH.split())} | {"thirtieth": 30}
_SHORT = (
    {name[:3]: name for name in (*WEEKDAYS, *MONTHS)}
    | {"tues": "tuesday", "weds": "wednesday", "thur": "thursday", "thurs": "thursday", "sept": "september"}
    | {"2day": "today", "tday": "today", "todya": "today", "todau": "today", "2nite": "tonight", "tonite": "tonight"}
    | dict.fromkeys("tmrw tmr tmw tmrow tmoro 2morrow 2moro 2mrw tomoz tomo".split(), "tomorrow")
    | {
        "wknd": "weekend",
        "wkend": "weekend",
        "wk": "week",
        "thru": "to",
        "through": "to",
        "til": "until",
        "till": "until",
    }
    | {"secs": "seconds", "sec": "seconds"}
    | {"mins": "minutes", "min": "minutes", "minute": "minutes", "hrs": "hours", "hr": "hours", "hour": "hours"}
    | {
        "days": "days",
        "day": "day",
        "wks": "weeks",
        "mos": "months",
        "yrs": "years",
        "midday": "noon",
        "eod": "end of day",
        "eow": "end of the week",
        "eom": "end of the month",
        "eoy": "end of the year",
    }
    | {"cob": "close of business", "morn": "morning", "aft": "afternoon", "nite": "night", "oclock": ""}
    | {"approximately": "about", "roughly": "about", "around": "about", "circa": "about", "sharp": "", "exactly": ""}
    | {
        "fortnight": "2 weeks",
        "biweekly": "every 2 weeks",
        "fortnightly": "every 2 weeks",
        "bi-weekly": "every 2 weeks",
        "workday": "weekday",
    }
)
_KNOWN = (*WEEKDAYS, *MONTHS[:4], *MONTHS[7:], "tomorrow", "weekend", "afternoon", "evening", "morning", "midnight")
# Words that look like a misspelt known word, but are correct.
_NOT_MISSPELT = frozenset(
    "money sundry evenings mornings afternoons weekends weekdays weekday monthly novel march".split()
)


@lru_cache(maxsize=4096)
def normalize(text: str) -> str:
    """Return ``text`` in lower case, with digits for numbers, whole names of days and months, little punctuation."""
    text = _FRACTION.sub(_decimal, text[: MAX_CHARACTERS * 2])
    text = unicodedata.normalize("NFKC", text).casefold().replace("’", "'")
    text = re.sub(r"[–—−]", "-", text)
    text = re.sub(r"\b([ap])\.? ?m\b\.?", r"\1m", text)
    text = re.sub(r"'?\bo ?'? ?clock\b|(?<=\d) ?uhr\b", " ", text)
    text = re.sub(r"\b1st thing\b", "first thing", text)
    text = re.sub(rf"\b({_DAY}[a-z]*) ?- ?(?={_DAY})", r"\1 to ", text)
    text = re.sub(r"(?<=[a-z])-(?=[a-z])", " ", text)
    text = re.sub(
        rf"(?<=\d)-?(?=(?:secs?|seconds?|{_SHORT_UNIT}|days?|weeks?|months?|years?)\b)|\ban?(?= fortnight\b)", " ", text
    )
    text = re.sub(rf"(?<=\d) ?({_SHORT_UNIT})(?=\d)", r" \1 ", text)
    text = re.sub(r"(?<!\d)[.]|[.](?!\d)|[!?\"“”()\[\]]|,(?!\d)|'(?!s)|(?<=\d),(?=\d)", " ", text)
    text = re.sub(
        r"(?<=\d)[ -]?ish\b|\bish\b|(?<=\bnoon)[ -]?ish\b|\bon the dot\b|\bsome ?time\b|\beither\b|\bplease\b"
        r"|\bof course\b",
        " ",
        text,
    )
    words = [_SHORT.get(word, word) for word in text.replace("@", " at ").split()]
    spelled = " ".join(_numbers([_spelling(word) for word in words]))
    spelled = re.sub(r"(?<=\d) (?=[ap]m\b)", "", " ".join(spelled.split()))
    spelled = _MINUTES_TO.sub(_minutes_to, spelled)
    return spelled[:MAX_CHARACTERS].strip(" ,.;:-")


def _decimal(found: re.Match[str]) -> str:
    if found["units"]:
        return f"{found['units']}.{found['tenths']}"
    return f"{found['whole'] or 0}.{_PARTS[found['sign'] or found['written']]}"


def _spelling(word: str) -> str:
    if len(word) < 5 or not word.isalpha() or word in _NOT_MISSPELT or word in _KNOWN or word.rstrip("s") in _KNOWN:
        return word
    match = process.extractOne(word, _KNOWN, scorer=fuzz.ratio, score_cutoff=80)
    return match[0] if match else word


def _numbers(words: list[str]) -> list[str]:
    """Replace spelled-out numbers by digits.

    "ten to five" is a time and becomes "10 minutes to 5". "from ten to five" is a range and keeps two hours.
    """
    digits: list[str] = []
    at = 0
    while at < len(words):
        word = words[at]
        after = words[at + 1] if at + 1 < len(words) else ""
        if word in _TENS and after in _ORDINALS and _ORDINALS[after] < 10:
            digits.append(_ordinal(_TENS[word] + _ORDINALS[after]))
            at += 1
        elif word in _TENS and 0 < _UNITS.get(after, 0) < 10:
            digits.append(str(_TENS[word] + _UNITS[after]))
            at += 1
        elif word in _UNITS or word in _TENS:
            digits.append(str(_UNITS.get(word, _TENS.get(word, 0))))
        elif word in _ORDINALS and not (word == "first" and after == "thing"):
            digits.append(_ordinal(_ORDINALS[word]))
        else:
            digits.append(word)
            at += 1
            continue
        at += 1
        spoken_minutes = digits[-1] in ("5", "10", "20", "25") and (
            len(digits) < 2 or digits[-2] not in ("from", "between")
        )
        if spoken_minutes and at < len(words) and words[at] in ("to", "until", "past", "of", "after"):
            digits.append("minutes")
    return digits


def _minutes_to(found: re.Match[str]) -> str:
    """Say minutes where hours would be many: "at 10 to 6" is ten before six, and "at 10 to 12" stays two hours."""
    hours = (int(found[2]) - int(found[1])) % 12
    return f"at {found[1]} minutes to {found[2]}" if hours > 3 or int(found[1]) > 12 else found[0]


def _ordinal(number: int) -> str:
    ending = "th" if 10 < number % 100 < 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
