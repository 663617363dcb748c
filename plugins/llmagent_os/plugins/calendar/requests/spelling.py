"""Puts misspellings of known words right, so that the grammar can be strict. Names and other words stay as they are.

>>> put_right("scedule yoga wendesday,7pm")
'schedule yoga wednesday, 7pm'
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator
from functools import cache

#: Words whose misspellings by one letter are put right. Shorter words have too many neighbours.
_TARGETS = (
    "monday tuesday wednesday thursday friday saturday sunday january february september october november december"
    " tomorrow tonight yesterday morning afternoon evening weekend schedule remind reminder appointment calendar cancel"
    " delete remember meeting reschedule birthday"
).split()

#: Words, and names, that are one letter away from a target and are right as they are.
_RIGHT = frozenset(
    "sundry sundays mondays tuesdays fridays frida remand rewind remains remained reminds reminded cancer cancels canceled"
    " chancel deletes deleted scheduled schedules scheduler rescheduled reschedules meetings melting mornings mourning"
    " evenings weekends afternoons tomorrows birthdays appointments calendars reminders remembers remembered unremind"
    " evening's fleeting meaning evens remined midnight delate octobers cancelled".split()
)

_ALSO = {
    "tmrw": "tomorrow", "tmr": "tomorrow", "tmw": "tomorrow", "tomoz": "tomorrow", "2moro": "tomorrow",
    "2morrow": "tomorrow", "2mrw": "tomorrow", "tomorro": "tomorrow", "tommorow": "tomorrow", "tommorw": "tomorrow",
    "tomorrw": "tomorrow", "tomrow": "tomorrow", "tomarrow": "tomorrow", "tomorow": "tomorrow", "tmrow": "tomorrow",
    "tomorrrow": "tomorrow", "tommarow": "tomorrow", "tomrrow": "tomorrow", "tomoro": "tomorrow",
    "wensday": "wednesday", "wendsday": "wednesday", "wenesday": "wednesday", "wedensday": "wednesday",
    "wednsday": "wednesday", "wenday": "wednesday", "wedneday": "wednesday", "wendnesday": "wednesday",
    "thrusday": "thursday", "thersday": "thursday", "thurday": "thursday", "thirsday": "thursday",
    "thurdsay": "thursday", "saterday": "saturday", "satuday": "saturday", "satruday": "saturday",
    "tusday": "tuesday", "teusday": "tuesday", "tuseday": "tuesday", "firday": "friday", "fryday": "friday",
    "todya": "today", "tody": "today", "toady": "today", "2day": "today", "tonite": "tonight", "2nite": "tonight",
    "febuary": "february", "feburary": "february", "janurary": "january", "agust": "august", "augest": "august",
    "apirl": "april", "arpil": "april",
    "apointment": "appointment", "appoinment": "appointment", "apointmnt": "appointment", "appointmnt": "appointment",
    "shedule": "schedule", "scedule": "schedule", "skedule": "schedule", "schedual": "schedule", "shcedule": "schedule",
    "schdule": "schedule", "sceduel": "schedule", "remeber": "remember", "rember": "remember", "remaind": "remind",
    "rimind": "remind", "remid": "remind", "remnid": "remind", "cancle": "cancel", "cansel": "cancel",
    "calender": "calendar", "calander": "calendar", "delte": "delete", "deleet": "delete", "dleete": "delete",
    "meting": "meeting", "meetign": "meeting", "wat": "what", "waht": "what", "wht": "what", "whn": "when",
    "hav": "have", "wiht": "with", "whit": "with", "wih": "with", "w/": "with", "teh": "the", "plz": "please",
    "pls": "please", "pleas": "please", "plese": "please", "dont": "don't", "im": "i'm", "ive": "i've",
    "whats": "what's", "wats": "what's", "wanna": "want to", "gonna": "going to", "u": "you",
    "cud": "could", "wud": "would", "b4": "before", "thx": "thanks", "ty": "thanks", "tho": "though",
    "ad": "add", "aad": "add", "addd": "add", "shdule": "schedule", "bok": "book", "evry": "every", "evrey": "every",
}  # fmt: skip

#: What stands for a word only at the beginning of a message, or between two others.
_FIRST_ONLY = frozenset(("ad", "aad", "addd", "bok"))

_WORD = re.compile(r"[^\W_][\w'’/]*")


def put_right(text: str) -> str:
    """Return ``text`` with known misspellings put right, plain apostrophes, and spaces after commas between words."""
    text = text.replace("’", "'").replace("‘", "'").replace("“", '"').replace("”", '"').replace("\u00a0", " ")
    text = re.sub(r"(?<=[^\W\d_]),(?=\w)|(?<=\d),(?=[^\W\d_])", ", ", text)
    text = re.sub(r"[ \t]+", " ", text).strip()
    first = re.search(r"\w", text)
    begin = first.start() if first else 0
    text = re.sub(r"(?<=\w) w/? (?=\w)", " with ", text)
    return _WORD.sub(lambda match: _right(match[0], first=match.start() == begin), text)


def _right(word: str, *, first: bool) -> str:
    lower = word.lower()
    right = _ALSO.get(lower) or _neighbours().get(lower)
    if right is None or (lower in _FIRST_ONLY and not first):
        return word
    if word[:1].isupper() and not first and right not in _CAPITAL and not word.isupper():
        return word  # a name
    return right.upper() if word.isupper() and len(word) > 1 else right


_CAPITAL = frozenset(_TARGETS[:13])


@cache
def _neighbours() -> dict[str, str]:
    known = {*_TARGETS, *_RIGHT}
    return {near: word for word in _TARGETS for near in _edits(word) if near not in known}


def _edits(word: str) -> Iterator[str]:
    """All words one letter away that keep the first letter: without it, with two swapped, with another, with one more."""
    for at in range(1, len(word) + 1):
        head, tail = word[:at], word[at:]
        if tail:
            yield head + tail[1:]
        if len(tail) > 1:
            yield head + tail[1] + tail[0] + tail[2:]
        for letter in string.ascii_lowercase:
            if tail and letter != tail[0]:
                yield head + letter + tail[1:]
            if not (not tail and letter in "sd"):
                yield head + letter + tail
