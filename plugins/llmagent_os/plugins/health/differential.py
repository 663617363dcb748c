"""Ranks the conditions of a table by what a person says of their symptoms, with reasons for and against each.

Nothing but ``conditions.toml`` is ranked, and no model is asked. A condition's score is the weight of its symptoms that
are there, less that of its typical symptoms that are not, less a little for each symptom that it does not explain. The
score is divided by the square root of all its weights, so that a condition with a long list is no better for that.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Collection, Sequence
from functools import cache
from importlib.resources import files
from typing import Literal

import msgspec

from llmagent_os.languages.known_languages import ENGLISH
from llmagent_os.languages.spoken_language import language_in_force
from llmagent_os.plugins.health.symptoms import SaidSymptoms

Care = Literal["self_care", "doctor", "today"]

NOTABLE = 2  #: the weight from which a symptom's absence speaks against a condition
UNEXPLAINED = 1.0  #: what a symptom costs that a condition does not explain
MOST_SHOWN = 4  #: conditions of an answer
FAR = 0.2  #: the share of the best score below which a condition is not shown
NEAR = 0.75  #: the share of the best score from which a condition's care counts

_CARES: tuple[Care, ...] = ("self_care", "doctor", "today")


class Condition(msgspec.Struct, frozen=True):
    """One row of the table of conditions."""

    care: Care  #: what to do if it is that
    source: str  #: where its facts are published
    names: dict[str, str]  #: by language
    symptoms: dict[str, int]  #: weights by symptom, 1 to 3

    @property
    def name(self) -> str:
        """What it is called in the language in force."""
        return self.names.get(language_in_force(), self.names[ENGLISH])


class Possibility(msgspec.Struct, frozen=True):
    """A condition with its reasons, which are ids of symptoms."""

    id: str
    condition: Condition
    score: float
    speaks_for: tuple[str, ...]  #: there, the most typical first
    speaks_against: tuple[str, ...]  #: typical and absent, or there and not explained
    open: tuple[str, ...]  #: notable, and not known


@cache
def conditions() -> dict[str, Condition]:
    """The table, by id."""
    read = tomllib.loads(files("llmagent_os.plugins.health").joinpath("conditions.toml").read_text(encoding="utf-8"))
    return msgspec.convert(read, dict[str, Condition])


def differential(said: SaidSymptoms) -> tuple[Possibility, ...]:
    """The possible conditions, the best first, at most :data:`MOST_SHOWN`. Empty: nothing in the table fits.

    >>> said = SaidSymptoms(frozenset({"sneezing", "itchy_eyes"}), frozenset({"fever"}))
    >>> [each.id for each in differential(said)][0]
    'hay_fever'
    """
    ranked = [_possibility(name, condition, said) for name, condition in conditions().items()]
    ranked = [each for each in ranked if each.score > 0 and each.speaks_for]
    ranked.sort(key=lambda each: (-each.score, each.id))
    return tuple(each for each in ranked[:MOST_SHOWN] if each.score >= ranked[0].score * FAR)


def _possibility(name: str, condition: Condition, said: SaidSymptoms) -> Possibility:
    weights = condition.symptoms
    there = sorted(said.present & weights.keys(), key=lambda each: (-weights[each], each))
    absent = sorted(each for each in said.absent & weights.keys() if weights[each] >= NOTABLE)
    unexplained = sorted(said.present - weights.keys())
    gained = sum(weights[each] for each in there) - sum(weights[each] for each in absent)
    score = gained / math.sqrt(sum(weights.values())) - UNEXPLAINED * len(unexplained) / 2
    unknown = weights.keys() - said.present - said.absent
    return Possibility(
        name,
        condition,
        score,
        tuple(there),
        (*absent, *unexplained),
        tuple(sorted((each for each in unknown if weights[each] >= NOTABLE), key=lambda each: (-weights[each], each))),
    )


def care_of(possibilities: Sequence[Possibility]) -> Care:
    """The care that the person needs: the most careful one of the conditions that are about as likely as the first."""
    near = [each for each in possibilities if each.score >= possibilities[0].score * NEAR]
    return max((each.condition.care for each in near), key=lambda care: _CARES.index(care))


def next_question(possibilities: Sequence[Possibility], asked: Collection[str]) -> str | None:
    """The symptom that tells the possibilities apart best: its weights differ most. None: no question is left."""
    if len(possibilities) < 2:
        return None
    unknown = {name for each in possibilities for name in each.open} - set(asked)

    def spread(name: str) -> int:
        weights = [each.condition.symptoms.get(name, 0) for each in possibilities]
        return sum(abs(one - other) for one in weights for other in weights)

    return max(sorted(unknown), key=spread, default=None)


def telling_apart(possibilities: Sequence[Possibility]) -> tuple[tuple[str, str], ...]:
    """What would tell the first possibilities apart: pairs of a symptom and the condition that it would speak for."""
    found: list[tuple[str, str]] = []
    for each in possibilities:
        others = [other for other in possibilities if other is not each]
        own = [name for name in each.open if all(name not in other.condition.symptoms for other in others)]
        found += [(own[0], each.id)] if own else []
    return tuple(found)
