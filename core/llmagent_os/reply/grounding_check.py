"""Checks a reply against its sources: a small model copies names and times, and this notices a wrong copy.

The check is made for models that copy and say little else. It knows no grammar and no other language: a German noun, a
time in another form and a word of comfort are errors to it. So a model card says whether it is used, see
:class:`~llmagent_os.serving.model_card.ModelCard`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Literal

#: What is wrong with a reply: it says the same again and again; quotes what no source says; has words, or their order,
#: from nowhere; has a number or a name from nowhere; says that something was done that was not; leaves out what was
#: done; is not what the model was taught to say of such a result.
Fault = Literal["repetition", "quotation", "words", "number", "name", "claim", "omission", "untaught"]

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_STOPS = re.compile(r"[,;:.!?][\s\"“”]|[\"“”\n]")  #: where two copies may stand side by side
_QUOTED = re.compile(r"[\"“]([^\"“”]*)[\"”]")


def words(text: str) -> list[str]:
    """The words of ``text`` in lower case, as the check compares them.

    >>> words("I've added “tea”, 3:30 PM.")
    ["i've", 'added', 'tea', '3', '30', 'pm']
    """
    return [word.lower() for word in _WORD.findall(text)]


def fault_in(reply: str, sources: Iterable[str], own: Collection[str] = ()) -> Fault | None:
    """What ``reply`` says that ``sources`` do not hold; None: nothing.

    Whole words are compared. Numbers, names and quotations must stand in a source. Where the model's ``own`` words are
    known, every other word must come from a source, and words that stand side by side in the reply must stand side by
    side there.

    Args:
        reply: what the model wrote.
        sources: what the model was given.
        own: the words that the model uses by itself, in lower case; empty for a model that may use any word.

    >>> fault_in("I've added lunch with Ana for 3 PM.", ["lunch with Ana", "Friday at 3 PM"]) is None
    True
    >>> fault_in("I've added lunch with Anna for 3 PM.", ["lunch with Ana", "Friday at 3 PM"]) is None
    False
    >>> fault_in("I've added Ana for 4 PM.", ["lunch with Ana", "Friday at 3 PM"]) is None
    False
    >>> fault_in("Added: the Ana lunch.", ["lunch with Ana"], own={"added", "the"}) is None
    False
    """
    given = list(sources)
    if _stutters(reply):
        return "repetition"
    if not all(any(holds(source, quoted) for source in given) for quoted in _QUOTED.findall(reply)):
        return "quotation"
    return _wrong_copy(reply, given, own) if own else _wrong_name(reply, given)


def holds(text: str, part: str) -> bool:
    """Whether the words of ``part`` stand in ``text``, whole and side by side.

    >>> holds("Tea with Ana at 3 PM", "tea with ana"), holds("A team meeting", "tea")
    (True, False)
    """
    found = words(part)
    return _joined(found) in _joined(words(text)) if found else part in text


def _joined(found: list[str]) -> str:
    return "\x00".join(["", *found, ""])


def _stutters(reply: str) -> bool:
    """Whether the same two or three words follow each other again: a model that has lost its way."""
    said = reply.split()
    return any(
        said[at : at + 3] == said[at + 3 : at + 6]
        or said[at : at + 2] == said[at + 2 : at + 4] == said[at + 4 : at + 6]
        for at in range(len(said) - 5)
    )


def _wrong_copy(reply: str, sources: list[str], own: Collection[str]) -> Fault | None:
    known = [_joined(words(source)) for source in sources]
    run: list[str] = []
    for stretch in _STOPS.split(reply):
        for word in [*words(stretch), ""]:
            if word and word not in own:
                run.append(word)
            elif run:
                if not any(_joined(run) in source for source in known):
                    return "words"
                run = []
    return None


def _wrong_name(reply: str, sources: list[str]) -> Fault | None:
    known = {word for source in sources for word in words(source)}
    for match in _WORD.finditer(reply):
        word = match[0]
        if word.lower() in known:
            continue
        if any(char.isdigit() for char in word):
            return "number"
        before = reply[: match.start()].rstrip()
        starts = not before or before[-1] in ".!?:\n"
        if word[0].isupper() and not starts and not re.match(r"(I|Undo)\b", word):
            return "name"
    return None
