"""Finds the symptoms that a person says they have, and those that they say they have not.

>>> said = symptoms_in("I have a runny nose and sneezing, no fever")
>>> sorted(said.present), sorted(said.absent)
(['runny_nose', 'sneezing'], ['fever'])
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

import msgspec

from llmagent_os.languages.known_languages import ENGLISH
from llmagent_os.languages.spoken_language import language_in_force
from llmagent_os.plugins.health.spoken_marks import Marks
from llmagent_os.plugins.health.word_patterns import matches, parse_pattern, words_of

MOST_CHARACTERS = 1_000  #: of a message that are read


class Symptom(msgspec.Struct, frozen=True):
    """One row of the table of symptoms."""

    names: dict[str, str]  #: by language
    patterns: tuple[str, ...]  #: what people call it

    @property
    def name(self) -> str:
        """What it is called in the language in force."""
        return self.names.get(language_in_force(), self.names[ENGLISH])


class SaidSymptoms(msgspec.Struct, frozen=True):
    """What a person said of their symptoms, by the ids of the table."""

    present: frozenset[str] = frozenset()
    absent: frozenset[str] = frozenset()


@cache
def symptoms() -> dict[str, Symptom]:
    """The table, by id."""
    read = tomllib.loads(files("llmagent_os.plugins.health").joinpath("symptoms.toml").read_text(encoding="utf-8"))
    return msgspec.convert(read, dict[str, Symptom])


def symptoms_in(text: str) -> SaidSymptoms:
    """The symptoms that ``text`` names."""
    words = words_of(text[:MOST_CHARACTERS])
    marks = Marks.of(words)
    present, absent = set[str](), set[str]()
    for name, symptom in symptoms().items():
        found = [match for written in symptom.patterns for match in matches(parse_pattern(written), words)]
        if any(marks.holds(match) for match in found):
            present.add(name)
        elif any(marks.denies(match) for match in found):
            absent.add(name)
    return SaidSymptoms(frozenset(present), frozenset(absent))
