"""What people tell of what all people share: the sufficient statistics of the draws (17) to (20).

They are sums over people. So those of several learners, each with people of its own, add up to those of one learner of
all these people, as long as all of them draw their people given the same shared state. Only the order of the sums
differs, and thereby their last bits.

The symbols and the equation numbers are those of :mod:`~llmagent_os.policy.bayes.gibbs_sampler` and
:mod:`~llmagent_os.policy.bayes.shared_sampler`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llmagent_os.policy.array_types import Floats
from llmagent_os.policy.bayes.design_matrix import GROUPS
from llmagent_os.policy.bayes.gibbs_sampler import deviation, lean_of_turns
from llmagent_os.policy.bayes.learner_feedback_model import RATER_KINDS, feedback_counts
from llmagent_os.policy.bayes.person_state import BLOCK_TURNS, NEXT_SIGNS, PersonState
from llmagent_os.policy.bayes.shared_state import SharedState


@dataclass(frozen=True)
class SharedStatistics:
    """The sums over some people. The names are part of the stored format."""

    precision: Floats  #: Σ w φφᵀ of (17), ``(chains, personas, size, size)``
    pull: Floats  #: Σ w φ (y - ℓ - φ · δ) of (17), ``(chains, personas, size)``
    counts: Floats  #: c of (18), ``(chains, personas)``
    squares: Floats  #: S of (19), of δ, summed over the chains, ``(GROUPS,)``
    people: float  #: how many people these are; a new one counts less
    nexts: Floats  #: how often each next sign followed, ``(2, chains, NEXT_SIGNS - 1)``
    raters: Floats  #: how many people are raters of each kind, ``(chains, RATER_KINDS)``
    exposure: Floats  #: Σ_t λ of (20), ``(chains,)``

    def __add__(self, other: SharedStatistics) -> SharedStatistics:
        """Return the statistics of the people of both. The design of one begins with the columns of the other's."""
        size = max(self.pull.shape[-1], other.pull.shape[-1])
        one, two = self.widened(size), other.widened(size)
        return SharedStatistics(**{name: getattr(one, name) + getattr(two, name) for name in _FIELDS})

    def widened(self, size: int) -> SharedStatistics:
        """Return the statistics for a design with more weights, of which these people tell nothing."""
        more = size - self.pull.shape[-1]
        if not more:
            return self
        values = {name: getattr(self, name) for name in _FIELDS}
        values["precision"] = np.pad(self.precision, ((0, 0), (0, 0), (0, more), (0, more)))
        values["pull"] = np.pad(self.pull, ((0, 0), (0, 0), (0, more)))
        return SharedStatistics(**values)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return them as arrays in single precision, without what is zero and without one half of Σ φφᵀ."""
        used = np.flatnonzero(self.counts)
        size = self.pull.shape[-1]
        upper = np.triu_indices(size)
        arrays = {name: np.asarray(getattr(self, name), np.float32) for name in _FIELDS}
        arrays["precision"] = arrays["precision"].reshape(-1, size, size)[used][:, upper[0], upper[1]]
        arrays["pull"] = arrays["pull"].reshape(-1, size)[used]
        return arrays

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> SharedStatistics:
        """Return the statistics that :meth:`arrays` gave."""
        values: dict[str, Any] = {name: np.asarray(arrays[name], np.float64) for name in _FIELDS}
        used, size = np.flatnonzero(values["counts"]), arrays["pull"].shape[-1]
        upper = np.triu_indices(size)
        half = np.zeros((len(used), size, size))
        half[:, upper[0], upper[1]] = values["precision"]
        personas = values["counts"].shape
        whole = np.zeros((values["counts"].size, size, size))
        whole[used] = half + np.triu(half, 1).transpose(0, 2, 1)
        pull = np.zeros((values["counts"].size, size))
        pull[used] = values["pull"]
        values["people"] = float(values["people"].sum())
        values |= {"precision": whole.reshape(*personas, size, size), "pull": pull.reshape(*personas, size)}
        return cls(**values)


_FIELDS = ("precision", "pull", "counts", "squares", "people", "nexts", "raters", "exposure")


def gather(people: Sequence[PersonState], shared: SharedState, lean: Floats) -> SharedStatistics:
    """Sum up what people tell, as :func:`~llmagent_os.policy.bayes.gibbs_sampler.draw_person` drew them.

    Args:
        people: the people in the pool.
        shared: what all people share.
        lean: ℓ of every action, a part for each dimension, ``(actions, dimensions)``.
    """
    m, _, size = shared.mu.shape
    if not people:
        return nothing(shared)
    deviations = [deviation(person.belief, m, size) for person in people]  # δ, each (chains, size)
    precision, pull, counts = _sums(people, deviations, shared, lean)
    weights = np.array([person.weight for person in people])  # (people,)
    stacked = np.stack(deviations)  # (people, chains, size)
    groups = [shared.design.groups == group for group in range(len(GROUPS))]
    squares = np.array([weights @ (stacked[..., here] ** 2).sum((1, 2)) for here in groups])  # (GROUPS,)
    nexts, raters, exposure = feedback_counts(people)
    return SharedStatistics(precision, pull, counts, squares, float(weights.sum()), nexts, raters, exposure)


def nothing(shared: SharedState) -> SharedStatistics:
    """Return the statistics of nobody."""
    m, k, size = shared.mu.shape
    return SharedStatistics(
        precision=np.zeros((m, k, size, size)),
        pull=np.zeros((m, k, size)),
        counts=np.zeros((m, k)),
        squares=np.zeros(len(GROUPS)),
        people=0.0,
        nexts=np.zeros((2, m, len(NEXT_SIGNS) - 1)),
        raters=np.zeros((m, len(RATER_KINDS))),
        exposure=np.zeros_like(shared.outspoken),
    )


def _sums(
    people: Sequence[PersonState], deviations: Sequence[Floats], shared: SharedState, lean: Floats
) -> tuple[Floats, Floats, Floats]:
    """Return the sums of (17) and (18).

    Returns:
        ``Σ φφᵀ`` ``(chains, personas, size, size)``, ``Σ φ (y - ℓ - φ · δ)`` ``(chains, personas, size)`` and c
        ``(chains, personas)``.
    """
    m, k, size = shared.mu.shape
    precision, pull, counts = np.zeros((m, k, size, size)), np.zeros((m, k, size)), np.zeros((m, k))
    for person, own in zip(people, deviations, strict=True):
        phi = person.rows(shared.design)  # (turns, size)
        weights = person.weights  # (turns,)
        if not weights.any():
            continue
        rest = (person.latent - own @ phi.T - lean_of_turns(person, lean)) * weights  # (chains, turns)
        weighted = phi.T * weights  # (size, turns)
        gram, whole = weighted @ phi, rest @ phi  # (size, size), (chains, size)
        changes = person.personas[:, 1:] != person.personas[:, :-1]  # (chains, blocks - 1)
        for chain, (path, changed) in enumerate(zip(person.personas, changes, strict=True)):
            if not changed.any():
                precision[chain, path[0]] += gram
                pull[chain, path[0]] += whole[chain]
                counts[chain, path[0]] += person.weight
                continue
            bounds = [0, *(np.flatnonzero(changed) + 1).tolist(), len(path)]
            for start, end in pairwise(bounds):
                here = slice(start * BLOCK_TURNS, end * BLOCK_TURNS)
                part = phi[here]  # (turns of the stretch, size)
                precision[chain, path[start]] += weighted[:, here] @ part
                pull[chain, path[start]] += rest[chain, here] @ part
                counts[chain, path[start]] += person.weight / (len(bounds) - 1)  # nobody counts for more than one
    return precision, pull, counts
