"""Remembers by which words a person's habits of speech are known that plugins' rules misread.

    pop gym in fri 6                     rules read  create_event(title="pop gym", date="fri", time="6")
    no, add gym on friday at 6           the person means  create_event(title="gym", date="fri", time="6")
    pop                                  is what the rules took for a part of the title

A version that has learned the right call keeps such words. While it answers, the model reads what has them, and the
rules do not: they would read it as they did before. Only hashes are kept with a version, so that its record does not
hold what somebody has said.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable

from llmagent_os.chat import ToolCall
from llmagent_os.training.calls_by_rules import without_leading

#: The name, in what was measured of a version, of the words at which rules yield: lists of hashes.
RULES_YIELD = "rules_yield"

#: What one habit of speech is known by: hashes of words, all of which a message has.
Cue = frozenset[str]

_WORD = re.compile(r"\w+|[^\w\s]")
#: Words and signs that stand in any request. By these alone no habit is known.
_COMMON = frozenset("a an the my at on in to for of by with and i me it is you . , : ; ! ? ' -".split())
#: Hexadecimal digits of a hash.
_DIGITS = 16


def misread_words(text: str, read: ToolCall, right: ToolCall) -> tuple[str, ...]:
    """Return the words by which a misreading is known, sorted; without any, the rules cannot know it again.

    These are the words that the rules took for a part of an argument and that are none. Where there are no such words,
    they are all that the right arguments leave of the message.

    >>> right = ToolCall("create_event", {"title": "gym", "date": "fri"})
    >>> misread_words("pop gym in fri", ToolCall("create_event", {"title": "pop gym", "date": "fri"}), right)
    ('pop',)
    >>> misread_words("any gym fri", right, ToolCall("list_events", right.arguments))
    ('any',)

    Args:
        text: what the person said.
        read: the call that the rules read.
        right: the call that was meant, with arguments in the words of ``text``.
    """
    left = words_of(text) - _in_arguments(right) - _COMMON
    taken = left & _in_arguments(read)
    return tuple(sorted(taken or left))


def cues_of(found: Iterable[Collection[str]]) -> list[list[str]]:
    """The hashes of words by which misreadings are known, each once, as JSON takes them."""
    distinct = {frozenset(words) for words in found if words}
    return sorted(sorted(_hash(word) for word in words) for words in distinct)


def has_cue(text: str, cues: Collection[Cue]) -> bool:
    """Whether a message has all words of one of the cues."""
    if not cues:
        return False
    said = {_hash(word) for word in words_of(text)}
    return any(cue <= said for cue in cues)


def words_of(text: str) -> frozenset[str]:
    """The words and signs of a text, in small letters."""
    return frozenset(_WORD.findall(text.casefold()))


def _in_arguments(call: ToolCall) -> frozenset[str]:
    return frozenset(word for value in call.arguments.values() for word in words_of(str(without_leading(value))))


def _hash(word: str) -> str:
    return hashlib.sha256(word.encode()).hexdigest()[:_DIGITS]
