"""What a simulation has found, as values that can be written as JSON."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

#: The levels at which fresh questions are asked, from the shallowest down, and what a reader is told of each.
LEVELS: dict[str, str] = {
    "policy": "behaviour policy alone",
    "shared": "+ shared LoRA",
    "personal": "+ personal LoRA",
    "weights": "personal LoRA alone, policy off",
}


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """The fresh replies of one person at one level, after some reactions."""

    person: str
    reactions: int  #: how many the person had given
    level: str  #: of :data:`LEVELS`
    liked: float  #: the share of replies that the person likes, in [0, 1]
    replies: int  #: how many


class JobOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """A training that was run, and what came of it."""

    reactions: int  #: of each person, when it was run
    level: str
    subject: str  #: whose LoRA it is; empty: everybody's
    seconds: float  #: of its process
    outcome: str  #: the stage of its version, or why there is none
    why: str = ""  #: of the gate
    failed: tuple[str, ...] = ()  #: the names of the gate's tests that it did not pass
    #: by name, what each test of tasks, control prompts and facts has measured: candidate minus active
    kept: dict[str, float] = {}
    drift: float | None = None  #: KL from the base on control prompts, in nats a token
    notes: tuple[str, ...] = ()  #: what was learned, in sentences


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was tried after the talk, and whether it is as it should be."""

    name: str
    aim: str  #: in words
    found: str  #: in words, with figures
    met: bool | None  #: None: it could not be tried


class SimulationRecord(msgspec.Struct, kw_only=True):
    """Everything that a simulation has found so far."""

    bot: str
    model: str
    options: dict[str, Any]
    tastes: dict[str, dict[str, str]] = {}  #: by person, what is liked at first
    turning: tuple[str, ...] = ()  #: people whose taste turns half-way
    recognised: dict[str, float] = {}  #: by value of a dimension, how many replies in it the judges recognise
    left_out: tuple[str, ...] = ()  #: values that the model cannot be brought to, so that nobody likes them
    measured: list[Measured] = []
    jobs: list[JobOutcome] = []
    trials: list[Trial] = []
    samples: list[tuple[str, str, str]] = []  #: person, question and reply, at the end
    seconds: float = 0.0  #: of wall time
    ended: str = "running"  #: ``done``, or why not

    def curve(self, level: str) -> list[tuple[int, float, float, int]]:
        """By reactions: the mean share of liked replies over people, its standard deviation, and the people."""
        found: dict[int, list[float]] = {}
        for each in self.measured:
            if each.level == level:
                found.setdefault(each.reactions, []).append(each.liked)
        return [
            (at, float(np.mean(shares)), float(np.std(shares)), len(shares)) for at, shares in sorted(found.items())
        ]
