"""A small model copies names and times; this notices when it copied wrong."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


def is_faithful(reply: str, sources: Iterable[str]) -> bool:
    """Whether every number and name in ``reply`` stands in ``sources``, and no word there is a near miss of one.

    >>> is_faithful("I've added lunch with Ana for 3 PM.", ["lunch with Ana", "Friday at 3 PM"])
    True
    >>> is_faithful("I've added lunch with Anna for 3 PM.", ["lunch with Ana", "Friday at 3 PM"])
    False
    >>> is_faithful("I've added lunch with Ana for 4 PM.", ["lunch with Ana", "Friday at 3 PM"])
    False
    """
    known = {word for source in sources for word in _WORD.findall(source)}
    lower = {word.lower() for word in known}
    long = [word for word in lower if len(word) > 3]
    for match in _WORD.finditer(reply):
        word = match[0]
        if word.lower() in lower:
            continue
        if any(char.isdigit() for char in word):
            return False
        starts = not reply[: match.start()].strip() or reply[: match.start()].rstrip()[-1] in '.!?:"“\n'
        if word[0].isupper() and not starts and word not in ("I", "Undo") and not word.startswith(("I'", "I’")):
            return False
        near = difflib.get_close_matches(word.lower(), long, n=1, cutoff=0.8)
        # "event" beside "events" is grammar; "Anna" beside "Ana" is a wrong copy.
        if near and not _is_inflection(word.lower(), near[0]):
            return False
    return True


def _is_inflection(word: str, other: str) -> bool:
    short, long = sorted((word, other), key=len)
    return long.startswith(short) and long[len(short) :] in ("s", "es", "d", "ed", "ing", "'s", "r", "er", "ly")
