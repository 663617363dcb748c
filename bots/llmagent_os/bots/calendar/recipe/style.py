"""The style in which a person wants to be answered."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Self

from llmagent_os.bots.calendar.recipe.lexicon import first_name
from llmagent_os.modules.behavior import system_text

MODES = ("task_oriented", "conversational")
VERBOSITIES = ("brief", "normal", "detailed")


@dataclass(frozen=True)
class Style:
    """The tone and the length of the replies.

    >>> Style("task_oriented", "brief", "Sam").code
    'tb'
    """

    mode: str  #: one of MODES
    verbosity: str  #: one of VERBOSITIES
    name: str | None = None  #: the person's name, if known

    @classmethod
    def drawn(cls, rng: random.Random) -> Self:
        """Draw a style. All are equally likely, and four people in ten gave their name."""
        mode, verbosity = rng.choice(MODES), rng.choice(VERBOSITIES)
        return cls(mode, verbosity, first_name(rng) if rng.random() < 0.4 else None)

    @property
    def code(self) -> str:
        """The last letters of the grammar's rules for this style, such as ``tb`` for task-oriented and brief."""
        return self.mode[0] + self.verbosity[0]

    def system(self, facts: tuple[str, ...] = ()) -> str:
        """Return the system message, exactly as the agent writes it."""
        return system_text({"mode": self.mode, "verbosity": self.verbosity}, name=self.name, facts=facts)
