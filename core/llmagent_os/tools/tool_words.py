"""The terms by which a tool is found: stems of words, and the concepts that words of several languages stand for.

Tools are described in English. A concept joins the words that people use for one thing: "delete", "remove", "lösch"
and "删除" are all ``#delete``. ``tool_concepts.toml`` lists the concepts. Every other word is found by its stem (Porter
2001, as the package ``snowballstemmer`` has it).
"""

from __future__ import annotations

import re
import threading
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, cast

import snowballstemmer  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]

from llmagent_os.knowledge.search_terms import words

#: The languages of ``tool_concepts.toml`` that have stems, by the name that the stemmers know. English is first: a word
#: that it knows is not looked for in others.
STEMMED = {"en": "english", "de": "german", "es": "spanish"}

#: German writes "Zahnarzttermin" as one word: so many letters of a known word at its end are enough.
LEAST_PART = 5

#: Words of a request that say nothing about which tool it needs, besides those that no search looks for.
_IDLE = frozenset(
    """also always another anything because been before better bit cannot come day did done don down else even ever
    every everything from get give go going good got had has he her here him his if isn just keep know last
    later least let like ll long look lot make many may maybe me more most much must need new next nice no not
    now number off ok old once one only other out over people place put re really said same say see seem set she
    should since so some somebody someone something soon still sure take than them then thing think three time
    today too try two up use ve very want wants week well were while won work would year yes yet""".split()
)

#: What shows by its form what a request is about: the concept that it stands for.
_FORMS = (
    (re.compile(r"[$€£¥]\s?\d|\d\s?(?:€|euros?\b|dollars?\b|pounds?\b|bucks\b|块|元|欧元)", re.I), "#money"),
    (re.compile(r"\b[\w-]+\.(?:docx?|xlsx?|pptx?|pdf|txt|md|csv|png|jpe?g)\b", re.I), "#document"),
    (re.compile(r"\S@\S+\.\w"), "#message"),
    (re.compile(r"(?:^|\s)#\w"), "#group"),
    (re.compile(r"\d\s?(?:km|kilomet\w+|miles?|公里)\b", re.I), "#sport"),
    (re.compile(r"\d\s?kcal\b", re.I), "#calorie"),
    (re.compile(r"\d\s?(?:°|degrees?\b|grad\b|度)", re.I), "#heat"),
    (re.compile(r"\b[A-Z]{2} ?\d{2,4}\b"), "#flight"),
    (re.compile(r"\b\d{1,2}:\d\d\b|\b\d{1,2}\s?(?:am|pm|uhr)\b", re.I), "#event"),
)

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def name_words(name: str) -> str:
    """Split a name into words.

    >>> name_words("create_calendarEvent"), name_words("parseHTTPReply")
    ('create calendar Event', 'parse HTTP Reply')
    """
    return _CAMEL.sub(" ", name.replace("_", " ").replace("-", " ").replace(".", " "))


def tool_terms(text: str) -> list[str]:
    """Return the stems of the content words of English ``text``, each followed by the concepts that it stands for.

    >>> tool_terms("Remove an alarm")
    ['remov', '#delete', 'alarm', '#remind']
    """
    found: list[str] = []
    for word in words(text):
        stem, concepts = _looked_up(word)
        found += [stem, *concepts]
    return found


def asked_terms(text: str) -> dict[str, float]:
    """Return the terms of what a person asks for, in any language, with a weight of 1 for each.

    >>> sorted(asked_terms("lösch den Wecker"))
    ['#delete', '#remind', 'den', 'lösch', 'wecker']
    """
    terms: dict[str, float] = {}
    for word in words(text):
        stem, concepts = _looked_up(word)
        terms |= dict.fromkeys(concepts if word in _IDLE else (stem, *concepts), 1.0)
    return terms | {concept: 1.0 for form, concept in _FORMS if form.search(text)}


@lru_cache(maxsize=20_000)
def _looked_up(word: str) -> tuple[str, tuple[str, ...]]:
    """The English stem of a word, and its concepts."""
    concepts = _concepts()
    if word in concepts["zh"]:
        return word, concepts["zh"][word]
    english = _stem("en", word)
    if word in concepts["en"] or english in concepts["en"]:
        return english, tuple(dict.fromkeys(concepts["en"].get(word, ()) + concepts["en"].get(english, ())))
    for language in ("de", "es"):
        if found := concepts[language].get(_stem(language, word)):
            return english, found
    return english, _of_part(word, concepts["de"])


def _of_part(word: str, german: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The concepts of the parts of a German compound: its last part, and the first."""
    whole = _stem("de", word)
    lengths = range(len(whole) - 3, LEAST_PART - 1, -1)
    last = next((german[whole[-size:]] for size in lengths if whole[-size:] in german), ())
    first = next((german[whole[:size]] for size in lengths if whole[:size] in german), ())
    return tuple(dict.fromkeys(last + first))


@cache
def _concepts() -> dict[str, dict[str, tuple[str, ...]]]:
    """By language and stem: the concepts that a word stands for."""
    table = tomllib.loads(files("llmagent_os.tools").joinpath("tool_concepts.toml").read_text(encoding="utf-8"))
    found: dict[str, dict[str, tuple[str, ...]]] = {"en": {}, "de": {}, "es": {}, "zh": {}}
    for concept, by_language in table.items():
        for language, listed in cast("dict[str, str]", by_language).items():
            for key in _keys(language, listed.split()):
                there = found[language].get(key, ())
                found[language][key] = tuple(dict.fromkeys((*there, f"#{concept}")))
    return found


def _keys(language: str, listed: Iterable[str]) -> list[str]:
    if language not in STEMMED:
        return list(listed)
    return [_stem(language, word) for word in listed]


_stemmers = threading.local()


def _stem(language: str, word: str) -> str:
    """The stem of a word. A stemmer holds the word that it works on, so every thread has its own."""
    stemmer = getattr(_stemmers, language, None)
    if stemmer is None:
        stemmer = cast("Any", snowballstemmer).stemmer(STEMMED[language])
        setattr(_stemmers, language, stemmer)
    return str(stemmer.stemWord(word))
