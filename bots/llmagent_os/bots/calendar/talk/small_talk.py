"""Tells what kind of talk a message is, where it asks for nothing: thanks, a greeting, an insult, a smile.

A message is talk if every part of it is: "ok thanks!", "good morning! lovely weather today". One part that is not, and
the message is somebody else's: "thanks, and add lunch".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from llmagent_os.bots.calendar.talk.rule_files import one_of, rule_file

_RULES = rule_file("small_talk")
#: Kinds of talk, those that decide the reply first: where a message has several, the earliest here is answered.
KINDS: Mapping[str, re.Pattern[str]] = MappingProxyType(
    {kind: one_of(wordings, _RULES["words"]) for kind, wordings in _RULES["kinds"].items()}
)

#: Words around talk that say nothing by themselves.
_LEAD = re.compile(
    r"^(?:(?:and|but|so|well|oh|ok|okay|hey|hi|hello|ah|um|uh|please|pls|plz|hmm|then|also|no|yes|yeah|lol|haha|bot|"
    r"dear|btw|just|actually|wow) )+"
)
_TAIL = re.compile(
    r"(?: (?:please|pls|plz|then|lol|haha|bot|man|dude|mate|buddy|friend|dear|anyway|though|too|now|btw|sir|"
    r"ok|okay))+$"
)
_PARTS = re.compile(r"[.!?,;:…\n()]+| - | – |(?<=thanks) and | and (?=thank)")
_POSITIVE = frozenset("👍👏🙏❤🎉🥳😀😃😄😁😊🙂😍🥰😘👌💪🤗✨💯🤩😎🙌💖💕♥🫶")
_NEGATIVE = frozenset("👎😡😠🤬😢😭😞😔🙁☹😤💩🖕😒🙄")

LONGEST = 200  #: characters of a message that is talk, other than babble
#: Words of a part that are tried as several kinds of talk.
MOST_JOINED = 8

#: A key row of a keyboard, typed from one side to the other.
_KEY_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "yxcvbnm", "azertyuiop", "qsdfghjklm")


def kind_of_talk(text: str) -> str | None:
    """Return what kind of talk ``text`` is; None: it is more than talk.

    >>> kind_of_talk("thx!"), kind_of_talk("ok thanks, lol"), kind_of_talk("thanks, add lunch at noon")
    ('thanks', 'thanks', None)
    >>> kind_of_talk("😀🎉"), kind_of_talk("xxxxxxxxxxxxxxxx")
    ('emoji', 'babble')
    """
    if wordless := _wordless(text):
        return wordless
    plain = re.sub(r"[^\w\s.!?,;:…\n()'–-]", " ", text.casefold().replace("’", "'"))
    parts = [part for each in _PARTS.split(plain) if (part := " ".join(each.split()).strip("'- "))]
    if parts and all(map(_is_babble, parts)):
        return "babble"
    if len(plain) > LONGEST:
        return None
    kinds = [_kind(part) for part in parts]
    if not kinds or None in kinds:
        return None
    return next((kind for kind in KINDS if kind in kinds), None)


def _kind(part: str) -> str | None:
    """The kind of one part. A letter that is drawn out counts once or twice: "thaaanks", "hellooo"."""
    for spelled in _spellings(part):
        lead = _LEAD.sub("", spelled)
        for words in dict.fromkeys((spelled, lead, _TAIL.sub("", spelled), _TAIL.sub("", lead))):
            if found := _whole_kind(words):
                return found
    return _kind_of_two(part)


def _whole_kind(words: str) -> str | None:
    return next((kind for kind, pattern in KINDS.items() if pattern.fullmatch(words)), None)


def _kind_of_two(part: str) -> str | None:
    """The kind of two kinds of talk that follow each other without a comma: "k thx bye", "I'm fine thanks"."""
    words = part.split()
    for at in range(1, min(len(words), MOST_JOINED)):
        first, rest = _whole_kind(" ".join(words[:at])), " ".join(words[at:])
        if first and (second := _whole_kind(rest) or _kind_of_two(rest)):
            return next(kind for kind in KINDS if kind in (first, second))
    return None


def _spellings(part: str) -> Iterable[str]:
    """``part`` as it is, and with each letter that is drawn out once and twice."""
    return dict.fromkeys((part, re.sub(r"(\w)\1{2,}", r"\1", part), re.sub(r"(\w)\1{2,}", r"\1\1", part)))


def _wordless(text: str) -> str:
    """The kind of a message without a letter and a digit; empty: it has one."""
    if any(char.isalnum() for char in text):
        return ""
    if any(char in _NEGATIVE for char in text):
        return "insult"
    if any(char in "🙏" for char in text):
        return "thanks"
    if any(char in _POSITIVE for char in text) or any(unicodedata.category(char) == "So" for char in text):
        return "emoji"
    return "laughter" if re.search(r"[:;=][-^']?[)D(P]|<3", text) else "babble"


def _is_babble(part: str) -> bool:
    """Whether a part is no word of any language: one letter all over, a row of keys, or hardly a vowel."""
    word = part.replace(" ", "")
    if len(word) < 5 or not word.isalpha() or not word.isascii():
        return False
    if len(part.split()) > 2:
        return False
    if len(set(word)) <= 2 and not re.fullmatch(r"(?:ha|he|hi|ho|bla)+h?", word):
        return len(word) >= 6
    if any(word in row or word in row[::-1] or (len(word) >= 7 and row[:6] in word) for row in _KEY_ROWS):
        return True
    return len(word) >= 6 and re.search(r"[bcdfghjklmnpqrstvwxz]{6,}", word) is not None
