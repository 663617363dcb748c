"""Keep what the Bayes learner remembers of one person, and what it believes of what cannot be seen.

The symbols are those of :mod:`~llmagent_os.policy.bayes.gibbs_sampler`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llmagent_os.feedback.signals import NEXT_KINDS
from llmagent_os.policy.array_types import Floats, Singles
from llmagent_os.policy.bayes.design_matrix import DesignMatrix
from llmagent_os.policy.learner import Observation
from llmagent_os.policy.newcomers import PERSON_REPLIES, is_established
from llmagent_os.policy.state_bytes import pack, unpack

#: How many turns of a person are remembered.
HISTORY_TURNS = 200
#: The turns of a block. Within a block of turns a person belongs to one persona.
BLOCK_TURNS = 8

#: About what a person and a turn take in memory beside their arrays: the objects of Python.
PERSON_BYTES, TURN_BYTES = 3_000, 320

#: What a person did next, by code. Code 0: nothing of it is known.
NEXT_SIGNS = ("", *NEXT_KINDS)


@dataclass(frozen=True)
class Belief:
    """What every chain believes of a person. Deciding needs no more. Replaced as a whole, never changed."""

    #: P(persona) of the latest block, ``(chains, personas)``. Shape ``(chains, 0)``: the person left the pool, and
    #: ``own`` is their whole taste.
    now: Singles
    own: Singles  #: E[δ], ``(chains, size)``
    spread: Singles  #: the drawn δ minus E[δ], ``(chains, size)``


@dataclass
class PersonState:
    """The latest turns of a person, oldest first, at most :data:`HISTORY_TURNS`, and the last draw of every chain."""

    ids: list[int] = field(default_factory=list[int])  #: hashes of the decision ids
    episodes: list[int] = field(default_factory=list[int])  #: hashes of the session ids; 0: the turn stands alone
    actions: list[int] = field(default_factory=list[int])  #: numbers of the chosen actions
    contexts: list[Floats] = field(default_factory=list[Floats])  #: context vectors, each ``(columns,)``
    hidden: list[int] = field(default_factory=list[int])  #: the dimensions that could not show, a bit each
    opinions: list[float] = field(default_factory=list[float])  #: v, reward times weight; nan: no opinion was shown
    nexts: list[int] = field(default_factory=list[int])  #: f, codes of :data:`NEXT_SIGNS`
    belief: Belief | None = None  #: None: nothing was drawn yet
    personas: NDArray[np.uint8] = field(default_factory=lambda: np.zeros((0, 0), np.uint8))  #: z, ``(chains, blocks)``
    rate: Singles = field(default_factory=lambda: np.zeros(0, np.float32))  #: λ, ``(chains,)``
    honesty: Singles = field(default_factory=lambda: np.zeros(0, np.float32))  #: h, ``(chains,)``
    rater: NDArray[np.uint8] = field(default_factory=lambda: np.zeros(0, np.uint8))  #: r, kind of rater, ``(chains,)``
    #: y, ``(chains, turns)``: above 0 where the person is satisfied. Only kept while the person is in the pool.
    latent: Singles = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    first: float | None = None  #: when the person was first heard, in seconds; None: not known
    established: bool = False  #: not new any more: all turns count for the shared part in full
    share: float = 1.0  #: how much the turns count for the shared part, in [0, 1]; not stored
    alone: Singles = field(default_factory=lambda: np.zeros(0, np.float32))  #: the own evidence, ``(size,)``
    #: by how much the opinions speak for every action, ``(actions,)``; not stored; empty: none was counted yet
    net_opinions: Floats = field(default_factory=lambda: np.zeros(0))
    _rows: Floats | None = None  #: a cache of :meth:`rows`, before turns are withdrawn

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def is_known(self) -> bool:
        """Whether the person is not new: :attr:`established`, or of observations without a time."""
        return self.established or self.first is None

    @property
    def weights(self) -> Floats:
        """How much every turn counts for what all people share, ``(turns,)``."""
        return np.full(len(self), self.share)

    @property
    def weight(self) -> float:
        """How much the person counts for what all people share, in [0, 1]: 1, or less while the person is new."""
        return 1.0 if self.is_known else min(1.0, self.share * len(self) / PERSON_REPLIES)

    def record(self, seen: Observation, design: DesignMatrix) -> None:
        """Add an observation. It replaces an earlier one of the same decision and kind.

        Args:
            seen: the observation.
            design: makes the context vector.
        """
        at = self._place_of(seen, design)
        value = seen.reward
        worth = math.nan if value is None or not math.isfinite(value) else min(max(value, -1.0), 1.0)
        if seen.kind == "reaction":
            weight = min(max(seen.weight, 0.0), 1.0) if math.isfinite(seen.weight) else 0.0
            self.opinions[at] = float(np.float32(worth * weight))
            if value is None:  # the reaction was taken off: the turn is withdrawn, with its other signs
                self.nexts[at] = 0
        elif value is None:
            self.nexts[at] = 0
        elif seen.kind != "went_on" or self.nexts[at] == 0:
            self.nexts[at] = NEXT_SIGNS.index(seen.kind)
        if len(self) > HISTORY_TURNS:
            for turns in (self.ids, self.episodes, self.actions, self.contexts, self.hidden):
                del turns[:BLOCK_TURNS]
            del self.opinions[:BLOCK_TURNS], self.nexts[:BLOCK_TURNS]
            self.personas = self.personas[:, 1:]
            self._rows = None

    def _place_of(self, seen: Observation, design: DesignMatrix) -> int:
        """Return the place of the turn of ``seen``. A new turn is appended, with nothing known of it yet."""
        if seen.at is not None:
            self.established |= is_established(self.first, seen.at)
            self.first = seen.at if self.first is None else self.first
        key, hidden = _hashed(seen.decision_id), sum(1 << at for at, shows in enumerate(seen.shown) if not shows)
        if key in self.ids:
            at = len(self.ids) - 1 - self.ids[::-1].index(key)
            if self.hidden[at] != hidden:  # the person has said what the opinion is about
                self.hidden[at], self._rows = hidden, None
            return at
        self.ids.append(key)
        self.episodes.append(_hashed(seen.episode_id) if seen.episode_id else 0)
        self.actions.append(seen.action)
        self.contexts.append(design.features.vector(seen.context).astype(np.float32).astype(np.float64))
        self.hidden.append(hidden)
        self.opinions.append(math.nan)
        self.nexts.append(0)
        return len(self.ids) - 1

    def leave_pool(self, mu: Floats) -> None:
        """Make the person independent of the personas, which may change freely once the person has left the pool.

        The weights of the person's persona are added to their own.

        Args:
            mu: the weights of the personas, ``(chains, personas, size)``.
        """
        self.latent = self.latent[:, :0]
        self._rows = None
        if self.belief is not None:
            size = mu.shape[-1]
            theirs = mu[np.arange(len(mu)), self.personas[:, -1]].astype(np.float32)  # (chains, size)
            own = resized(self.belief.own, size).astype(np.float32)  # (chains, size)
            spread = resized(self.belief.spread, size).astype(np.float32)  # (chains, size)
            self.belief = Belief(self.belief.now[:, :0], theirs + own, spread)

    def enter_pool(self, mu: Floats, odds: Floats, variance: Floats) -> None:
        """Undo :meth:`leave_pool`: give the person the likeliest of the present personas, and keep the rest as their
        own.

        Args:
            mu: the weights of the personas, ``(chains, personas, size)``.
            odds: π, the share of people in every persona, ``(chains, personas)``.
            variance: ω² of every weight, ``(size,)``.
        """
        if self.belief is None or self.belief.now.size:
            return
        width = self.belief.own.shape[1]
        distance = (mu[..., :width] - (self.belief.own + self.belief.spread)[:, None]) ** 2 / variance[:width]
        nearest = (np.log(odds) - distance.sum(-1) / 2).argmax(1)  # (chains,)
        own = (self.belief.own - mu[np.arange(len(mu)), nearest, :width]).astype(np.float32)  # (chains, width)
        self.belief = Belief(np.eye(odds.shape[1], dtype=np.float32)[nearest], own, self.belief.spread)

    def rows(self, design: DesignMatrix) -> Floats:
        """Return the rows of ``design``, ``(turns, size)``. The row of a withdrawn turn is zero: it says nothing."""
        rows = self._rows
        if rows is None or rows.shape[1] != design.size:
            rows = np.zeros((0, design.size))
        if len(rows) < len(self):
            new = design.rows(self.contexts[len(rows) :], self.actions[len(rows) :], self.hidden[len(rows) :])
            self._rows = rows = np.concatenate([rows, new])
        stands = [code > 0 or not math.isnan(worth) for code, worth in zip(self.nexts, self.opinions, strict=True)]
        return rows if all(stands) else rows * np.array(stands, np.float64)[:, None]

    @property
    def memory_bytes(self) -> int:
        """About how much memory the person takes, with the rows that are cached."""
        arrays: list[NDArray[Any]] = [
            self.personas,
            self.rate,
            self.honesty,
            self.rater,
            self.latent,
            self.alone,
            self.net_opinions,
        ]
        arrays += [] if self.belief is None else [self.belief.now, self.belief.own, self.belief.spread]
        arrays += [] if self._rows is None else [self._rows]
        columns = len(self.contexts[-1]) if self.contexts else 0
        return PERSON_BYTES + len(self) * (TURN_BYTES + 8 * columns) + sum(each.nbytes for each in arrays)

    def packed(self) -> bytes:
        """Return the state as bytes, for :func:`unpacked`. The names of the arrays are part of the stored format."""
        width = max((len(context) for context in self.contexts), default=0)
        contexts = np.zeros((len(self), width), np.float32)  # (turns, columns)
        for row, context in zip(contexts, self.contexts, strict=True):
            row[: len(context)] = context
        arrays: dict[str, NDArray[Any]] = {
            "ids": np.array(self.ids, np.int64),
            "episodes": np.array(self.episodes, np.int64),
            "actions": np.array(self.actions, np.uint8),
            "contexts": contexts,
            "widths": np.array([len(context) for context in self.contexts], np.uint8),
            "hidden": np.array(self.hidden, np.uint8),
            "alone": self.alone,
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
        return pack(arrays, {"first": self.first, "established": self.established})


def unpacked(raw: bytes) -> PersonState:
    """Return the state that :meth:`PersonState.packed` turned into bytes.

    Raises:
        PolicyError: the bytes are damaged.
    """
    arrays, facts = unpack(raw)
    widths = arrays["widths"].tolist()
    chains: dict[str, Any] = {
        name: arrays[name] for name in ("personas", "rate", "honesty", "rater", "latent", "alone")
    }
    return PersonState(
        ids=arrays["ids"].tolist(),
        episodes=arrays["episodes"].tolist(),
        actions=arrays["actions"].tolist(),
        contexts=[row[:width].astype(np.float64) for row, width in zip(arrays["contexts"], widths, strict=True)],
        hidden=arrays["hidden"].tolist(),
        first=facts["first"],
        established=facts["established"],
        opinions=arrays["opinions"].astype(np.float64).tolist(),
        nexts=arrays["nexts"].tolist(),
        belief=Belief(arrays["now"], arrays["own"], arrays["spread"]) if "now" in arrays else None,
        **chains,
    )


def resized(weights: Singles, size: int) -> Floats:
    """Return weights of shape ``(chains, …)`` as ``(chains, size)``: filled up with zeros, or cut off."""
    out = np.zeros((len(weights), size))
    width = min(size, weights.shape[1])
    out[:, :width] = weights[:, :width]
    return out


def _hashed(name: str) -> int:
    """Return a number of 56 bits for an id, never 0."""
    return int.from_bytes(blake2b(name.encode("utf-8", "surrogatepass"), digest_size=7).digest()) or 1
