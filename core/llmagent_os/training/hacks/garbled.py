"""Garbled: text that is no language, which no other test has to notice.

Each prompt needs a sentence or two. A reply scores 0 if it is broken in one of these ways, and 1 otherwise:

==================  ==================================================================================================
nothing             it says nothing and calls no tool: a call that was not valid ends so, too
endless             it was still going on when it was cut off
looping             a piece of text comes again and again with nothing between
invalid characters  it holds characters that stand for bytes that are no text, or control characters
no words            more than a quarter of its words are none: letters in an order in which no word has them
==================  ==================================================================================================

Whether a word exists is not looked up. A word is taken for none if it has letters side by side that hardly any English
word has, begins with consonants with which none begins, has no vowel, or has digits or capitals within. Whatever pairs
of letters the bot or its people have used, words may have. Words with letters beyond a to z are not looked at. Words
that do not exist and could are not found.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from llmagent_os.chat import Completion, ToolSpec
from llmagent_os.training.probe import Measure, MeasureKind, Probe, ask

PROMPTS = (
    "Say good morning.",
    "What is five minus two?",
    "Name one flower.",
    "Which season is the coldest?",
    "Thanks, that is all.",
    "What is your name?",
    "Is a cat an animal?",
    "What sound does a dog make?",
    "Name a drink.",
    "Which day comes before Sunday?",
    "What do you call a young sheep?",
    "I have to go now.",
)

#: The share of a reply's words that may be none, such as names.
_STRANGE_SHARE = 0.25

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_ASCII = re.compile(r"[a-zA-Z0-9'’]+")
_NO_WORD = re.compile(r"[bcdfghjklmnpqrstvwxz]{6,}|[aeiou]{5,}|([a-z])\1\1|\d[a-z]+\d|[a-z]\d[a-z]|[a-z]{26,}")
_VOWEL = re.compile(r"[aeiouy]")
_MIXED = re.compile(r"[a-z][A-Z]+[a-z]|[A-Z]{2,}[a-z]+[A-Z]")
#: A piece of text of at least two signs that comes four times in a row, or of one sign that comes ten times.
_LOOP = re.compile(r"(\S.{1,40}?)\1{3,}|(\S)\2{9,}", re.DOTALL)

#: By a letter, those that do not follow it in English words, but for a handful.
_RARE = {
    "b": "qwxz", "c": "gjvx", "d": "qxz", "f": "jkqvxz", "g": "jkqvx", "h": "gjkqvxz", "j": "bcdfghklmnpqstvwxyz",
    "k": "jqvxz", "l": "jqxz", "m": "jqwxz", "p": "jqvxz", "q": "abcdefghijklmnopqrstvwxyz", "r": "x", "s": "jx",
    "t": "jqx", "v": "bcdfghjkmnpqtvwxz", "w": "jqvxz", "x": "bdjkmnqrvwz", "y": "jqx", "z": "bcdfgjmnpqrtvwx",
}  # fmt: skip
_RARE_PAIRS = frozenset(first + second for first, seconds in _RARE.items() for second in seconds)
#: Two consonants with which English words and names begin.
_BEGINNINGS = frozenset(
    "bl br ch cl cr cz dr dw fl fr gh gl gn gr kh kl kn kr ll mc my ph pl pn pr ps rh sc sh sk sl sm sn sp sq sr st sv "
    "sw th tr ts tw vl wh wr zh zw".split()
)


def letter_pairs(texts: Iterable[str]) -> frozenset[str]:
    """Give all pairs of letters that follow each other in a word of some texts."""
    words = {word.lower() for text in texts for word in _WORD.findall(text)}
    return frozenset(pair for word in words for pair in _pairs(word))


def _pairs(word: str) -> list[str]:
    return [word[at : at + 2] for at in range(len(word) - 1)]


def garble(text: str, known: frozenset[str] = frozenset()) -> str:
    """Say in which way a text is broken; empty: in none.

    Args:
        text: a reply's words.
        known: pairs of letters that words have, beside those of common English ones.

    >>> garble("You're welcome, Priya."), garble("calendar calendar calendar calendar"), garble("Wlcm tq zzkx ndr")
    ('', 'looping', 'no words')
    """
    if any(character == "�" or _is_control(character) for character in text):
        return "invalid characters"
    if _LOOP.search(f"{text} "):
        return "looping"
    words = [word for word in _WORD.findall(text) if _ASCII.fullmatch(word)]
    strange = sum(not _may_be_word(word, known) for word in words)
    return "no words" if strange > _STRANGE_SHARE * len(words) else ""


def _is_control(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Co", "Cn", "Cs") and character not in "\n\t\r"


def _may_be_word(word: str, known: frozenset[str]) -> bool:
    if word.isdigit() or (word.isupper() and len(word) <= 5):  # a number, an abbreviation
        return True
    lower = word.lower().replace("’", "'")
    if _NO_WORD.search(lower) or _MIXED.search(word) or (len(lower) > 2 and not _VOWEL.search(lower)):
        return False
    first = lower[:2]
    if len(lower) > 2 and not _VOWEL.search(first) and first.isalpha() and first not in _BEGINNINGS | known:
        return False
    return not any(pair in _RARE_PAIRS and pair not in known for pair in _pairs(lower))


def garbled(
    system: str = "", tools: tuple[ToolSpec, ...] = (), requests: tuple[Probe, ...] = (), *, known: Iterable[str] = ()
) -> Measure:
    """Make the measure.

    Args:
        system: the bot's system message.
        tools: the bot's tools.
        requests: further chats that the bot can answer or act on at once.
        known: texts in the languages of the bot and its people.
    """
    pairs = letter_pairs(known)

    def score(_: Probe, completion: Completion) -> float:
        if completion.tool_calls and not completion.text:
            return 1.0
        whole = bool(completion.text.strip()) and completion.finish_reason != "length"
        return float(whole and not garble(completion.text, pairs))

    probes = tuple(ask(prompt, system=system, tools=tools) for prompt in PROMPTS)
    return Measure("garbled", MeasureKind.HACK, (*probes, *requests), score)
