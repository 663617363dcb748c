"""Reads the red flags in a person's words: signs that need emergency care at once.

Rules read them, never a model. The rules are ``red_flags.toml``, each with the public source of its facts. They would
rather send somebody to emergency care once too often than miss a sign.

>>> [flag.id for flag in red_flags_in("no fever, but my chest hurts")]
['heart_attack']
>>> red_flags_in("no chest pain or shortness of breath")
()
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Literal

import msgspec

from llmagent_os.languages.known_languages import ENGLISH
from llmagent_os.languages.spoken_language import language_in_force
from llmagent_os.plugins.health.spoken_marks import Marks
from llmagent_os.plugins.health.word_patterns import Match, Words, matches, parse_pattern, words_of

#: The characters of a message that are read from its beginning, and as many from its end.
MOST_CHARACTERS = 3_000

#: A long text is read in pieces of so many characters, with :data:`OVERLAP` in common: time grows with the length.
PIECE = 1_000
OVERLAP = 200


class RedFlag(msgspec.Struct, frozen=True):
    """One rule: a sign that needs help at once."""

    id: str  #: such as ``stroke``
    source: str  #: where its facts are published
    names: dict[str, str]  #: what it may be, by language
    patterns: tuple[str, ...] = ()  #: one is enough
    together: tuple[tuple[str, ...], ...] = ()  #: one of each must be said
    unless: tuple[str, ...] = ()  #: turns of speech that mean something else
    level: Literal["emergency", "crisis"] = "emergency"  #: ``crisis``: somebody may harm themselves

    @property
    def name(self) -> str:
        """What it may be, in the language in force."""
        return self.names.get(language_in_force(), self.names[ENGLISH])


@cache
def red_flags() -> tuple[RedFlag, ...]:
    """Every rule."""
    read = tomllib.loads(files("llmagent_os.plugins.health").joinpath("red_flags.toml").read_text(encoding="utf-8"))
    return msgspec.convert(read["rule"], tuple[RedFlag, ...])


def red_flags_in(text: str) -> tuple[RedFlag, ...]:
    """The red flags in what a person wrote, those of a crisis first. Empty: there are none."""
    if len(text) > 2 * MOST_CHARACTERS:
        text = f"{text[:MOST_CHARACTERS]}\n{text[-MOST_CHARACTERS:]}"
    found: dict[str, RedFlag] = {}
    for start in range(0, max(len(text) - OVERLAP, 1), PIECE - OVERLAP):
        words = words_of(text[start : start + PIECE])
        marks = Marks.of(words)
        found |= {flag.id: flag for flag in red_flags() if flag.id not in found and _is_raised(flag, words, marks)}
    return tuple(sorted(found.values(), key=lambda flag: flag.level != "crisis"))


def _is_raised(flag: RedFlag, words: Words, marks: Marks) -> bool:
    idioms: set[int] = set()
    for written in flag.unless:
        for match in matches(parse_pattern(written), words):
            idioms |= set(match.words)

    def is_said(written: str) -> bool:
        return any(_counts(match, marks, idioms) for match in matches(parse_pattern(written), words))

    return any(is_said(written) for written in flag.patterns) or (
        bool(flag.together) and all(any(is_said(written) for written in each) for each in flag.together)
    )


def _counts(match: Match, marks: Marks, idioms: set[int]) -> bool:
    return marks.holds(match) and not idioms & set(match.words)
