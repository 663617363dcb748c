"""Compares the words of a search with those of an event."""

from __future__ import annotations

import re

from rapidfuzz import fuzz
from rapidfuzz.distance import OSA

from llmagent_os.plugins.calendar.calendar_event import CalendarEvent

#: Words that do not tell one event from another.
_EMPTY = frozenset(
    "a an the my our your his her their some with for to of on in at and it that this these those one ones them thing "
    "things event events reminder reminders calendar schedule plan plans entry entries item items agenda stuff about "
    "anything something everything all".split()
)
#: Short forms of words.
_WHOLE = {"appt": "appointment", "appts": "appointment", "mtg": "meeting", "mtgs": "meeting", "bday": "birthday"}
#: Words that may be missing in an event's title, if the search has other words too.
_KINDS = frozenset(
    "meeting appointment call session class event reminder date visit lesson time practice rehearsal training".split()
)


def own_words(event: CalendarEvent) -> list[str]:
    """Return the words of all fields by which a person may name an event."""
    return telling_words(f"{event.title} {event.person} {event.place}")


def fits_words(event: CalendarEvent, words: str) -> bool:
    """Return whether an event has all of ``words`` that tell one event from another, in any of its fields."""
    asked = telling_words(words)
    return bool(asked) and covers(own_words(event), asked)


def is_generic(words: str) -> bool:
    """Return whether ``words`` name a kind of event and no event: "appointment"."""
    return all(word in _KINDS for word in telling_words(words))


def covers(own: list[str], asked: list[str]) -> bool:
    """Return whether all words of a search that tell one event from another are among an event's ``own`` words."""
    telling = [word for word in asked if word not in _KINDS] or asked
    return all(any(is_same(word, other) for other in own) for word in telling)


def is_same(word: str, other: str) -> bool:
    """Return whether two words are the same, or differ as by a typo."""
    if word == other:
        return True
    if min(len(word), len(other)) < 4 or word.isdigit():
        return False
    swapped = sorted(word) == sorted(other) and OSA.distance(word, other) == 1
    return swapped or fuzz.ratio(word, other) >= 82


def telling_words(text: str) -> list[str]:
    """Return the words of a text that may tell one event from another, in small letters and singular."""
    found = re.findall(r"[^\W_]+", text.casefold().replace("'s", "").replace("’s", ""))
    return [_WHOLE.get(word) or _singular(word) for word in found if word not in _EMPTY]


def _singular(word: str) -> str:
    if word.endswith(("sses", "ches", "shes")):
        return word[:-2]
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
