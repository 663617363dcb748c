"""What simulated people say to a bot that has no talk of its own: everyday questions about some topics.

The three parts have no topic in common: what a person has reacted to is never what is measured.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from itertools import product
from types import MappingProxyType

_TOPICS: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "talk": ("baking bread", "chess", "gardening", "budgeting", "yoga", "job interviews"),
        "fresh": ("skiing", "writing poems", "recycling", "camping", "public speaking", "meditation"),
        "calibration": ("cooking soup", "hiking", "drawing", "small talk", "keeping a diary", "time management"),
    }
)
_FORMS = (
    "How do I start with {}?",
    "Give me a tip about {}.",
    "What matters most in {}?",
    "I would like to be better at {}. What helps?",
)


def talk(part: str, count: int, rng: random.Random) -> list[str]:
    """Write questions; all of a part come once before one comes again.

    Args:
        part: ``talk``, ``fresh`` or ``calibration``.
        count: how many.
        rng: the source of the draws.
    """
    said: list[str] = []
    while len(said) < count:
        every = [form.format(topic) for form, topic in product(_FORMS, _TOPICS[part])]
        rng.shuffle(every)
        said += every
    return said[:count]
