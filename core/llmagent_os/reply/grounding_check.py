"""Checks a reply against its sources: a small model copies names and times, and this notices a wrong copy."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_STOPS = re.compile(r"[,;:.!?][\s\"“”]|[\"“”\n]")  #: where two copies may stand side by side
_QUOTED = re.compile(r"[\"“]([^\"“”]*)[\"”]")


def words(text: str) -> list[str]:
    """The words of ``text`` in lower case, as the check compares them.

    >>> words("I've added “tea”, 3:30 PM.")
    ["i've", 'added', 'tea', '3', '30', 'pm']
    """
    return [word.lower() for word in _WORD.findall(text)]


def is_faithful(reply: str, sources: Iterable[str], own: Collection[str] = ()) -> bool:
    """Whether ``reply`` says nothing that ``sources`` do not hold.

    Numbers, names and quotations must stand in a source, and no word may be a near miss of a word there. Where the
    model's ``own`` words are known, every other word must come from a source, and words that stand side by side in the
    reply must stand side by side there.

    Args:
        reply: what the model wrote.
        sources: what the model was given.
        own: the words that the model uses by itself, in lower case; empty for a model that may use any word.

    >>> is_faithful("I've added lunch with Ana for 3 PM.", ["lunch with Ana", "Friday at 3 PM"])
    True
    >>> is_faithful("I've added lunch with Anna for 3 PM.", ["lunch with Ana", "Friday at 3 PM"])
    False
    >>> is_faithful("I've added Ana for 4 PM.", ["lunch with Ana", "Friday at 3 PM"])
    False
    >>> is_faithful("Added: the Ana lunch.", ["lunch with Ana"], own={"added", "the"})
    False
    """
    given = list(sources)
    if _stutters(reply) or not _quotes_truly(reply, given):
        return False
    return _copies_truly(reply, given, own) if own else _names_truly(reply, given)


def _stutters(reply: str) -> bool:
    """Whether the same two or three words follow each other again: a model that has lost its way."""
    said = reply.split()
    return any(
        said[at : at + 3] == said[at + 3 : at + 6]
        or said[at : at + 2] == said[at + 2 : at + 4] == said[at + 4 : at + 6]
        for at in range(len(said) - 5)
    )


def _quotes_truly(reply: str, sources: list[str]) -> bool:
    return all(any(quoted in source for source in sources) for quoted in _QUOTED.findall(reply))


def _copies_truly(reply: str, sources: list[str], own: Collection[str]) -> bool:
    known = ["\x00".join(["", *words(source), ""]) for source in sources]
    run: list[str] = []
    for stretch in _STOPS.split(reply):
        for word in [*words(stretch), ""]:
            if word and word not in own:
                run.append(word)
            elif run:
                copied = "\x00".join(["", *run, ""])
                if not any(copied in source for source in known):
                    return False
                run = []
    return True


def _names_truly(reply: str, sources: list[str]) -> bool:
    known = {word for source in sources for word in words(source)}
    long = [word for word in known if len(word) > 3]
    for match in _WORD.finditer(reply):
        word = match[0]
        if word.lower() in known:
            continue
        if any(char.isdigit() for char in word):
            return False
        before = reply[: match.start()].rstrip()
        starts = not before or before[-1] in ".!?:\n"
        if word[0].isupper() and not starts and not re.match(r"(I|Undo)\b", word):
            return False
        near = difflib.get_close_matches(word.lower(), long, n=1, cutoff=0.8)
        # "events" for "event" is grammar; "Anna" for "Ana" is a wrong copy.
        if near and not _is_inflection(word.lower(), near[0]):
            return False
    return True


def _is_inflection(word: str, other: str) -> bool:
    short, long = sorted((word, other), key=len)
    return long.startswith(short) and long[len(short) :] in ("s", "es", "d", "ed", "ing", "'s", "r", "er", "ly")
