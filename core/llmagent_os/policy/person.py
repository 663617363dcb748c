"""One person, as :mod:`~llmagent_os.policy.bayes` remembers them and guesses at what cannot be seen."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llmagent_os.feedback.signals import NEXT_KINDS
from llmagent_os.policy.design import Design
from llmagent_os.policy.learner import Observation
from llmagent_os.policy.parts import pack, unpack

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

HISTORY = 200  #: turns of a person that are remembered
BLOCK = 8  #: somebody may become somebody else between blocks of so many of their turns

#: What a person did next, as a code. The first is that nothing of it is known.
NEXT = ("", *NEXT_KINDS)


@dataclass(frozen=True)
class Belief:
    """What each chain believes of a person; deciding takes no more. Replaced whole, never changed."""

    now: Singles  #: P(persona) of the latest block, ``(chains, personas)``; ``(chains, 0)``: ``own`` is all there is
    own: Singles  #: E[δ], ``(chains, size)``
    spread: Singles  #: what was drawn of δ - E[δ], likewise


@dataclass
class Person:
    """At most :data:`HISTORY` turns, oldest first, and one guess of every chain."""

    ids: list[int] = field(default_factory=list[int])  #: of the decisions
    episodes: list[int] = field(default_factory=list[int])  #: 0: stands alone
    actions: list[int] = field(default_factory=list[int])
    contexts: list[Floats] = field(default_factory=list[Floats])  #: each ``(columns,)``
    opinions: list[float] = field(default_factory=list[float])  #: reward times weight; nan: none shown
    nexts: list[int] = field(default_factory=list[int])  #: codes of :data:`NEXT`
    belief: Belief | None = None  #: None: nothing was drawn yet
    personas: NDArray[np.uint8] = field(default_factory=lambda: np.zeros((0, 0), np.uint8))  #: ``(chains, blocks)``
    rate: Singles = field(default_factory=lambda: np.zeros(0, np.float32))  #: of showing an opinion, ``(chains,)``
    honesty: Singles = field(default_factory=lambda: np.zeros(0, np.float32))  #: how often it is meant
    rater: NDArray[np.uint8] = field(default_factory=lambda: np.zeros(0, np.uint8))  #: which kind of rater
    latent: Singles = field(
        default_factory=lambda: np.zeros((0, 0), np.float32)
    )  #: satisfaction, above 0 where satisfied, ``(chains, turns)``; kept of those whom the personas are drawn from
    _rows: Floats | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def note(self, seen: Observation, design: Design) -> None:
        """Write down what was seen, in the place of what the same kind said of the same decision before."""
        key = _number(seen.decision_id)
        if key in self.ids:
            at = len(self.ids) - 1 - self.ids[::-1].index(key)
        else:
            at = len(self.ids)
            self.ids.append(key)
            self.episodes.append(_number(seen.episode_id) if seen.episode_id else 0)
            self.actions.append(seen.action)
            self.contexts.append(design.features.vector(seen.context).astype(np.float32).astype(np.float64))
            self.opinions.append(math.nan)
            self.nexts.append(0)
        value = seen.reward
        worth = math.nan if value is None or not math.isfinite(value) else min(max(value, -1.0), 1.0)
        if seen.kind == "reaction":
            weight = min(max(seen.weight, 0.0), 1.0) if math.isfinite(seen.weight) else 0.0
            self.opinions[at] = float(np.float32(worth * weight))
            if value is None:  # taken off: the turn is withdrawn, with whatever else it said
                self.nexts[at] = 0
        elif value is None:
            self.nexts[at] = 0
        elif seen.kind != "went_on" or self.nexts[at] == 0:
            self.nexts[at] = NEXT.index(seen.kind)
        if len(self) > HISTORY:
            for each in (self.ids, self.episodes, self.actions, self.contexts, self.opinions, self.nexts):
                del each[:BLOCK]
            self.personas = self.personas[:, 1:]
            self._rows = None

    def leave_pool(self, mu: Floats) -> None:
        """The personas, ``mu``, are no longer drawn from this person, and may become anything: take theirs along."""
        self.latent = self.latent[:, :0]
        self._rows = None
        if self.belief is not None:
            size = mu.shape[-1]
            theirs = mu[np.arange(len(mu)), self.personas[:, -1]].astype(np.float32)
            own, spread = (wide(each, size).astype(np.float32) for each in (self.belief.own, self.belief.spread))
            self.belief = Belief(self.belief.now[:, :0], theirs + own, spread)

    def enter_pool(self, mu: Floats, odds: Floats, variance: Floats) -> None:
        """The reverse: of the personas as they are now take the likeliest, and what is left as their own.

        Args:
            mu: the personas' weights, ``(chains, personas, size)``.
            odds: how many people are of each, ``(chains, personas)``.
            variance: of the weights between the people of one, ``(size,)``.
        """
        if self.belief is None or self.belief.now.size:
            return
        width = self.belief.own.shape[1]
        apart = (mu[..., :width] - (self.belief.own + self.belief.spread)[:, None]) ** 2 / variance[:width]
        nearest = (np.log(odds) - apart.sum(-1) / 2).argmax(1)
        own = (self.belief.own - mu[np.arange(len(mu)), nearest, :width]).astype(np.float32)
        self.belief = Belief(np.eye(odds.shape[1], dtype=np.float32)[nearest], own, self.belief.spread)

    def rows(self, design: Design) -> Floats:
        """Each turn's row of ``design``; zeros, where the turn was withdrawn: it says nothing."""
        rows = self._rows
        if rows is None or rows.shape[1] != design.size:
            rows = np.zeros((0, design.size))
        if len(rows) < len(self):
            new = design.rows(self.contexts[len(rows) :], self.actions[len(rows) :])
            self._rows = rows = np.concatenate([rows, new])
        stands = [code > 0 or not math.isnan(worth) for code, worth in zip(self.nexts, self.opinions, strict=True)]
        return rows if all(stands) else rows * np.array(stands, np.float64)[:, None]

    def packed(self) -> bytes:
        """As bytes, of which :func:`unpacked` makes the same."""
        width = max((len(each) for each in self.contexts), default=0)
        contexts = np.zeros((len(self), width), np.float32)
        for row, each in zip(contexts, self.contexts, strict=True):
            row[: len(each)] = each
        arrays: dict[str, NDArray[Any]] = {
            "ids": np.array(self.ids, np.int64),
            "episodes": np.array(self.episodes, np.int64),
            "actions": np.array(self.actions, np.uint8),
            "contexts": contexts,
            "widths": np.array([len(each) for each in self.contexts], np.uint8),
            "opinions": np.array(self.opinions, np.float32),
            "nexts": np.array(self.nexts, np.uint8),
            "personas": self.personas,
            "rate": self.rate,
            "honesty": self.honesty,
            "rater": self.rater,
            "latent": self.latent,
        }
        if self.belief is not None:
            arrays |= {"now": self.belief.now, "own": self.belief.own, "spread": self.belief.spread}
        return pack(arrays, {})


def unpacked(raw: bytes) -> Person:
    """The person that :meth:`Person.packed` made into bytes.

    Raises:
        PolicyError: they are damaged.
    """
    arrays, _ = unpack(raw)
    widths = arrays["widths"].tolist()
    return Person(
        ids=arrays["ids"].tolist(),
        episodes=arrays["episodes"].tolist(),
        actions=arrays["actions"].tolist(),
        contexts=[row[:width].astype(np.float64) for row, width in zip(arrays["contexts"], widths, strict=True)],
        opinions=arrays["opinions"].astype(np.float64).tolist(),
        nexts=arrays["nexts"].tolist(),
        belief=Belief(arrays["now"], arrays["own"], arrays["spread"]) if "now" in arrays else None,
        **{name: arrays[name] for name in ("personas", "rate", "honesty", "rater", "latent")},
    )


def wide(array: Singles, size: int) -> Floats:
    """Weights of each chain, with zeros for columns that came later, and without those that are newer than ``size``."""
    out = np.zeros((len(array), size))
    width = min(size, array.shape[1])
    out[:, :width] = array[:, :width]
    return out


def _number(name: str) -> int:
    return int.from_bytes(blake2b(name.encode("utf-8", "surrogatepass"), digest_size=7).digest()) or 1
