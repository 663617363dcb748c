"""How a person wants to be answered."""

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
    """The wished-for tone and length of the replies.

    >>> Style("task_oriented", "brief", "Sam").code
    'tb'
    """

    mode: str  #: one of MODES
    verbosity: str  #: one of VERBOSITIES
    name: str | None = None  #: what the person is called, where known

    @classmethod
    def drawn(cls, rng: random.Random) -> Self:
        """A person's style, drawn evenly; four in ten have told their name."""
        mode, verbosity = rng.choice(MODES), rng.choice(VERBOSITIES)
        return cls(mode, verbosity, first_name(rng) if rng.random() < 0.4 else None)

    @property
    def code(self) -> str:
        """What the names of the grammar's replies end with: ``tb`` for task-oriented and brief, and so on."""
        return self.mode[0] + self.verbosity[0]

    def system(self, facts: tuple[str, ...] = ()) -> str:
        """The system message, word for word what the agent writes."""
        return system_text({"mode": self.mode, "verbosity": self.verbosity}, name=self.name, facts=facts)
