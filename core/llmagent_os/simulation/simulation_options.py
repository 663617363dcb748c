"""What a simulation is asked to do, checked before any work."""

from __future__ import annotations

from pathlib import Path

import msgspec

from llmagent_os.errors import ConfigError


class SimulationOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How many people there are, how they react, and what is tried.

    Raises:
        ConfigError: a value is out of range; the message names it.
    """

    people: int = 4  #: who share a part of their tastes
    reactions: int = 30  #: of each person
    measured_every: int = 10  #: after so many reactions of each person, fresh questions are asked
    questions: int = 12  #: fresh ones, of each person at each level
    silent: float = 0.25  #: the share of replies that nobody reacts to
    flipped: float = 0.0  #: the share of reactions that say the opposite of what the person thinks
    drift: float = 0.0  #: the share of people whose taste turns half-way
    hostile: int = 0  #: votes of a few people who like what all others dislike
    trials: bool = True  #: also take reactions off, and forget a person
    seed: int = 0

    def __post_init__(self) -> None:
        for name, low, high in (
            ("people", 1, 64),
            ("reactions", 1, 1000),
            ("measured_every", 1, 1000),
            ("questions", 1, 1000),
            ("silent", 0.0, 0.95),
            ("flipped", 0.0, 1.0),
            ("drift", 0.0, 1.0),
            ("hostile", 0, 1000),
            ("seed", 0, 2**31),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise ConfigError(f"--{name.replace('_', '-')} is {value}, it must lie between {low} and {high}")


class SimulationPlace(msgspec.Struct, frozen=True, kw_only=True):
    """Where a simulation runs, and of what."""

    bot: str  #: a bot's name or path
    model: str  #: replaces the bot's model; empty: it does not
    data: Path  #: the data folder of the simulation, and of nothing else
    models: Path  #: the folder of installed models
    threads: int = 0  #: of the model; 0: all cores but one
