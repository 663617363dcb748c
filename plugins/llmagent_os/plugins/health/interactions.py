"""Looks up whether two medicines are known to affect each other. The table is small, and says nothing of other pairs.

>>> [found.effect for found in interactions_of("Ibuprofen 400", "Marcumar")]
['bleeding']
>>> interactions_of("ibuprofen", "vitamin c")
()
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Literal

import msgspec

from llmagent_os.languages import LazyText, lazy_gettext

Effect = Literal[
    "bleeding", "serotonin", "low_pressure", "muscle", "potassium", "kidney", "stronger", "sick", "breathing", "weaker"
]

#: What two medicines may do together, as a whole sentence.
EFFECTS: Mapping[Effect, LazyText] = MappingProxyType(
    {
        "bleeding": lazy_gettext("{one} with {other} can make bleeding more likely."),
        "serotonin": lazy_gettext("{one} with {other} can cause too much serotonin, which can be dangerous."),
        "low_pressure": lazy_gettext("{one} with {other} can make the blood pressure drop dangerously."),
        "muscle": lazy_gettext("{one} with {other} can damage muscles."),
        "potassium": lazy_gettext("{one} with {other} can raise the potassium in the blood."),
        "kidney": lazy_gettext("{one} with {other} can harm the kidneys."),
        "stronger": lazy_gettext("{one} with {other} can make one of them build up in the body and become too strong."),
        "sick": lazy_gettext("{one} with {other} can make you feel very sick."),
        "breathing": lazy_gettext("{one} with {other} can slow the breathing dangerously."),
        "weaker": lazy_gettext("{one} with {other} can make one of them work less well."),
    }
)


class Interaction(msgspec.Struct, frozen=True):
    """A pair of the table."""

    of: tuple[str, str]  #: two groups of medicines
    effect: Effect
    source: str  #: where it is published


class _Table(msgspec.Struct, frozen=True):
    groups: dict[str, tuple[str, ...]]  #: the names of the medicines of a group
    pair: tuple[Interaction, ...]


@cache
def _table() -> _Table:
    read = tomllib.loads(files("llmagent_os.plugins.health").joinpath("interactions.toml").read_text(encoding="utf-8"))
    return msgspec.convert(read, _Table)


def interactions_of(one: str, other: str) -> tuple[Interaction, ...]:
    """The pairs that two medicines are, by their names. Empty: there is no data on them."""
    ones, others = _groups_of(one), _groups_of(other)
    return tuple(
        pair
        for pair in _table().pair
        if (pair.of[0] in ones and pair.of[1] in others) or (pair.of[1] in ones and pair.of[0] in others)
    )


def _groups_of(name: str) -> set[str]:
    words = re.findall(r"[\w-]+", re.sub("['’]", "", name.casefold()))
    plain = f" {' '.join(words)} "
    return {
        group for group, names in _table().groups.items() if any(_is_in(each.replace("'", ""), plain) for each in names)
    }


def _is_in(name: str, plain: str) -> bool:
    return f" {name} " in plain if name.isascii() else name in plain
