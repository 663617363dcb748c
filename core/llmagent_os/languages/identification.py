"""Tells in which language a message is written, where that is plain.

Another script says it by itself. Words in Latin letters are given to py3langid (BSD-3-Clause; 5 MB; its model is read
without pickle, in half a second, when the first message needs it). A wrong answer to an English message is worse than
none to a foreign one, so English has the benefit of every doubt: a message of less than three words, or with English
words in it, is foreign only where the library is very sure.

Reference:
    M. Lui, T. Baldwin (2012). langid.py: an off-the-shelf language identification tool. ACL system demonstrations.
"""

from __future__ import annotations

import re
import threading
import tomllib
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, NamedTuple

#: The languages in Latin letters that are told apart, by ISO 639-1.
LATIN = "en de fr es it pt nl pl tr sv da no fi cs sk hu ro hr ca id vi".split()
LIKELY = 0.4  #: least probability of a foreign language: those that are alike share theirs
UNLIKELY = 0.05  #: most probability of English, where a message is foreign
BARELY = 0.01  #: the same, where a word may be English, or there are few
SHORT = 4  #: words that are few
MOST_ENGLISH = 0.34  #: share of plainly English words at which a message is English
FEWEST_WORDS = 3  #: below that a message is a name, or a typo
FEWEST_ENGLISH = 2  #: English words by which a message is plainly English

_RULES: Mapping[str, Any] = tomllib.loads(
    (files("llmagent_os.languages") / "identification.toml").read_text(encoding="utf-8")
)
_ENGLISH = frozenset(_RULES["english"].split())
#: One of these, and a message is English: no other language writes them.
_CONTRACTIONS = frozenset("i'm i've i'll i'd don't doesn't didn't can't won't isn't it's let's that's what's".split())
_GREETINGS: Mapping[str, str] = MappingProxyType(
    {words: code for code, listed in _RULES["greetings"].items() for words in listed}
)

#: Languages by the letters of their scripts. Han, Cyrillic and Arabic letters need a second look.
_SCRIPTS: tuple[tuple[str, str], ...] = (
    ("ja", "\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f"),
    ("ko", "\u1100-\u11ff\u3130-\u318f\uac00-\ud7af"),
    ("zh", "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"),
    ("ru", "\u0400-\u052f"),
    ("ar", "\u0600-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufeff"),
    ("hi", "\u0900-\u097f"),
    ("el", "\u0370-\u03ff\u1f00-\u1fff"),
    ("he", "\u0590-\u05ff"),
    ("th", "\u0e00-\u0e7f"),
)
_SCRIPT = {code: re.compile(f"[{letters}]") for code, letters in _SCRIPTS}
_SYLLABLES = ("ja", "ko", "zh")  #: scripts in which a letter counts for several

#: From this many words, and where the library is as sure as this, a message says much about what its writer speaks.
LONG = 5
SURE = 0.8
#: From this many Chinese characters on, too.
LONG_CHINESE = 4

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_loading = threading.Lock()


class WrittenIn(NamedTuple):
    """In which language a message is written."""

    language: str  #: by ISO 639-1
    points: int  #: how much it says about what its writer speaks: 1 or, a long and plain message, 2


def language_written(text: str) -> WrittenIn | None:
    """Return the language of a message, English too; None: it is not plain, as in a short or mixed message.

    Reads the model of py3langid when the first message needs it, so it must not run in an event loop.

    >>> language_written("Was habe ich morgen vor?"), language_written("what do I have tomorrow?")
    (WrittenIn(language='de', points=2), WrittenIn(language='en', points=2))
    >>> language_written("ok"), language_written("hola José"), language_written("你好")
    (None, None, WrittenIn(language='zh', points=1))
    """
    words = _words(text)
    long = len(words) >= LONG
    if not may_be_foreign(text):
        english = sum(word in _ENGLISH for word in words)
        plain = len(words) >= FEWEST_WORDS and (english / len(words) >= MOST_ENGLISH and english >= FEWEST_ENGLISH)
        return WrittenIn("en", 2 if long else 1) if plain else None
    language, sure = _foreign(text)
    if language is None:
        return None
    if language in _SYLLABLES:
        return WrittenIn(language, 2 if sum(map(str.isalpha, text)) >= LONG_CHINESE else 1)
    return WrittenIn(language, 2 if long and sure >= SURE else 1)


def foreign_language(text: str) -> str | None:
    """Return the language of a message by ISO 639-1; None: English, or it is not plain.

    Reads the model of py3langid when the first message needs it, so it must not run in an event loop.

    >>> foreign_language("quel est mon programme demain ?"), foreign_language("明日の予定は？")
    ('fr', 'ja')
    >>> foreign_language("dinner at El Toro de la Plaza with José"), foreign_language("add 会议 tomorrow at 3pm")
    (None, None)
    """
    return _foreign(text)[0] if may_be_foreign(text) else None


def _foreign(text: str) -> tuple[str | None, float]:
    """The language of a message that may be foreign, and how likely it is."""
    if script := _script(text):
        return _in_script(script, text), 1.0
    words = _words(text)
    if greeting := _GREETINGS.get(" ".join(words)):
        return greeting, LIKELY
    with _loading:
        ranked = _identifier().rank(" ".join(_WORD.findall(text)))
    language, probability = ranked[0]
    most = BARELY if len(words) < SHORT or not _ENGLISH.isdisjoint(words) else UNLIKELY
    if language == "en" or probability < LIKELY or dict(ranked)["en"] > most:
        return None, 0.0
    return str(language), float(probability)


def may_be_foreign(text: str) -> bool:
    """Whether a message is worth a closer look: it is not one or two words, and not made of plainly English ones.

    >>> may_be_foreign("move the dentist to friday"), may_be_foreign("déplace le dentiste à mardi")
    (False, True)
    """
    words = _words(text)
    if not words:
        return False
    if _script(text) or " ".join(words) in _GREETINGS:
        return True
    english = sum(word in _ENGLISH for word in words)
    return len(words) >= FEWEST_WORDS and _CONTRACTIONS.isdisjoint(words) and english / len(words) < MOST_ENGLISH


def _words(text: str) -> list[str]:
    return [word.casefold().replace("’", "'") for word in _WORD.findall(text)]


def _script(text: str) -> str:
    """The language of the script that most of a message is in; empty: Latin, or none that is known."""
    if text.isascii():
        return ""
    weights: Counter[str] = Counter()
    for letter in filter(str.isalpha, text):
        code = next((code for code, pattern in _SCRIPT.items() if pattern.match(letter)), "")
        weights[code] += 3 if code in _SYLLABLES else 1
    if not weights:
        return ""
    code, weight = weights.most_common(1)[0]
    foreign = sum(weights.values()) - weights[""]
    if foreign * 2 <= sum(weights.values()):
        return ""
    if weights["ja"] and code == "zh":  # Japanese writes its words in Han letters, and the rest in its own
        return "ja"
    return code if weight * 2 > foreign or code else ""


def _in_script(script: str, text: str) -> str:
    """Tell apart the languages that share a script, by the letters that only one of them has."""
    lower = text.lower()
    if script == "ru":
        if re.search("[іїєґ’]", lower) or re.search(r"\bщо\b|\bце\b|\bякі?\b", lower):
            return "uk"
        if re.search("[ђјљњћџ]", lower):
            return "sr"
        return "bg" if "ъ" in lower and not re.search("[ыэё]", lower) else "ru"
    if script == "ar":
        return "fa" if re.search("[پچژگکی]", lower) else "ar"
    return script


@lru_cache(maxsize=1)
def _identifier() -> Any:
    """The library's identifier, for the languages of :data:`LATIN`. It has no type hints."""
    from py3langid.langid import (  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]
        MODEL_FILE,
        LanguageIdentifier,
    )

    library: Any = LanguageIdentifier
    identifier = library.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(LATIN)
    return identifier
