"""Describes how a reply is worded, and what it calls, in a few numbers that a reward model can learn from.

Every feature is about 0 for a plain reply of three sentences, and about 1 where what it names is plain to see. What the
reply says does not matter. The words are English; other languages are described by the features that need no words.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from llmagent_os.chat import ToolCall
from llmagent_os.policy.array_types import Floats

_USUAL_WORDS = 40  # in a plain reply
_USUAL_WORD_LENGTH = 4.7  # letters

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_SENTENCE_END = re.compile(r"[.!?…]+(?=\s|$)")
_LIST_LINE = re.compile(r"\s*(?:[-*•–]|\d{1,2}[.)])\s+\S")
_EMPHASIS = re.compile(r"\*\*[^*\n]+\*\*|__[^_\n]+__|^#{1,6} ", re.MULTILINE)


def _lexicon(words: str) -> frozenset[str]:
    return frozenset(words.split())


_FORMAL = _lexicon(
    "dear sir madam sincerely regards kindly hereby furthermore moreover therefore thus shall whom regarding "
    "concerning pursuant respectfully accordingly nevertheless wish assist assistance certainly indeed permit require"
)
_CASUAL = _lexicon(
    "hey hi yeah yep yup nope gonna wanna gotta kinda sorta cool awesome lol haha ok okay stuff guys folks dude buddy "
    "super totally wow oh btw thx cheers"
)
_HEDGES = _lexicon(
    "perhaps maybe might could possibly probably seems seem appears likely sometimes often generally usually roughly "
    "somewhat guess suppose apparently"
)
_COURTESY = _lexicon("please thanks thank welcome sorry glad happy pleased pleasure apologies appreciate hope")
_ADDRESS = _lexicon("you your yours yourself")
_SELF = _lexicon("i me my mine myself we us our")


class _Wording:
    """A reply, taken apart once for all features."""

    def __init__(self, text: str, calls: Sequence[ToolCall]) -> None:
        self.text = text
        self.calls = calls
        self.words: list[str] = _WORD.findall(text)
        self.lower = [word.lower().replace("’", "'") for word in self.words]
        self.lines = [line for line in text.splitlines() if line.strip()]
        self.sentences = max(1, len(_SENTENCE_END.findall(text)), len(self.lines))
        letters = [character for character in text if character.isalpha()]
        self.capitals = sum(map(str.isupper, letters)) / len(letters) if letters else 0.0

    def share(self, lexicon: frozenset[str]) -> float:
        """Twenty times the share of words in a lexicon: one word of twenty is plain to see. At most 2."""
        return min(2.0, 20 * sum(word in lexicon for word in self.lower) / max(1, len(self.lower)))

    def count(self, characters: str) -> float:
        """How often some characters occur, damped: once is 1, three times is 2."""
        return math.log2(1 + sum(map(self.text.count, characters)))


def _length(reply: _Wording) -> float:
    return math.log2((1 + len(reply.words)) / (1 + _USUAL_WORDS))


def _symbols(reply: _Wording) -> float:
    return math.log2(1 + sum(unicodedata.category(character) == "So" for character in reply.text))


def _contractions(reply: _Wording) -> float:
    return min(2.0, 20 * sum("'" in word for word in reply.lower) / max(1, len(reply.lower)))


def _word_length(reply: _Wording) -> float:
    return float(np.mean([len(word) for word in reply.words])) - _USUAL_WORD_LENGTH if reply.words else 0.0


def _opening(reply: _Wording) -> float:
    """Whether the reply has a greeting or an address before its first comma, as letters do."""
    opening = reply.text[:60].partition(",")
    return float(bool(opening[1]) and len(opening[0].split()) <= 6 and opening[0][:1].isupper())


#: Every feature, by name.
FEATURES: Mapping[str, Callable[[_Wording], float]] = MappingProxyType(
    {
        "length": _length,
        "unusual_length": lambda reply: _length(reply) ** 2 / 4,
        "sentence_length": lambda reply: math.log2((1 + len(reply.words) / reply.sentences) / 14),
        "lower_case": lambda reply: float(bool(reply.words) and reply.capitals == 0),
        "shouting": lambda reply: min(2.0, 4 * max(0.0, reply.capitals - 0.1)),
        "list": lambda reply: sum(bool(_LIST_LINE.match(line)) for line in reply.lines) / max(1, len(reply.lines)),
        "lines": lambda reply: math.log2(max(1, len(reply.lines))) / 2,
        "emphasis": lambda reply: math.log2(1 + len(_EMPHASIS.findall(reply.text))),
        "symbols": _symbols,
        "exclamation": lambda reply: reply.count("!"),
        "question": lambda reply: reply.count("?"),
        "formal": lambda reply: reply.share(_FORMAL),
        "casual": lambda reply: reply.share(_CASUAL),
        "hedging": lambda reply: reply.share(_HEDGES),
        "courtesy": lambda reply: reply.share(_COURTESY),
        "contractions": _contractions,
        "address": lambda reply: reply.share(_ADDRESS) / 2,
        "self": lambda reply: reply.share(_SELF),
        "opening": _opening,
        "word_length": _word_length,
        "digits": lambda reply: min(2.0, 10 * sum(map(str.isdigit, reply.text)) / max(1, len(reply.text))),
        "calls": lambda reply: float(len(reply.calls)),
        "arguments": lambda reply: float(sum(len(call.arguments) for call in reply.calls)) / 3,
        "only_words": lambda reply: float(not reply.calls),
    }
)


def wording_features(text: str, calls: Sequence[ToolCall] = ()) -> Floats:
    r"""Describe a reply; shape ``(features,)``, in the order of :data:`FEATURES`.

    Args:
        text: the words of the reply.
        calls: the tool calls of the reply.

    >>> found = dict(zip(FEATURES, wording_features("- eat well\n- sleep"), strict=True))
    >>> found["list"], found["lower_case"], found["question"]
    (np.float64(1.0), np.float64(1.0), np.float64(0.0))
    """
    reply = _Wording(text, calls)
    return np.array([feature(reply) for feature in FEATURES.values()])
