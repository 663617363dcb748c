"""Explore gently: try an action that differs from the best one in a single dimension, styles before the initiative."""

from __future__ import annotations

import numpy as np

from llmagent_os.policy.actions import ActionSpace
from llmagent_os.policy.array_types import Bools, Floats
from llmagent_os.policy.contract import INITIATIVE

#: How often another initiative is tried, relative to another value of a style.
INITIATIVE_WEIGHT = 0.25
#: The share of exploring decisions that take any allowed action. So every action has a positive probability, without
#: which no other policy could be judged by the log.
ANY_SHARE = 0.1


class Neighbours:
    """The actions that differ from an action in one dimension."""

    def __init__(self, space: ActionSpace) -> None:
        """Find the neighbours of every action of ``space``."""
        weights = np.array([INITIATIVE_WEIGHT if name == INITIATIVE else 1.0 for name in space.dimensions])
        differs = space.codes[:, None] != space.codes[None]  # (actions, actions, dimensions)
        single = differs.sum(2) == 1  # (actions, actions)
        self._differs = differs
        #: how often an action is tried where another one is best, unnormalised, ``(actions, actions)``
        self._weights: Floats = np.where(single, differs @ weights, 0.0)

    def around(self, best: int, allowed: Bools) -> Floats:
        """Return the probability of every action where a neighbour of ``best`` is tried, ``(actions,)``.

        Args:
            best: the number of the best action.
            allowed: a mask of the actions that can be chosen.
        """
        return self._normalised(self._weights[best] * allowed, best)

    def towards(self, best: int, wanted: Floats, allowed: Bools) -> Floats:
        """Return the probability of every action where one step from ``best`` towards another action is tried.

        Args:
            best: the number of the best action.
            wanted: the probability that an action is the one to go towards, ``(actions,)``.
            allowed: a mask of the actions that can be chosen.

        Returns:
            Shape ``(actions,)``. What is wanted of ``best`` itself stays with it.
        """
        chances = np.zeros(len(wanted))
        for target in np.flatnonzero(wanted):
            if target == best:
                chances[best] += wanted[target]
                continue
            # A step goes to a neighbour whose changed value is that of the target.
            between = ~(self._differs[:, target] & self._differs[:, best]).any(1)  # (actions,)
            chances += wanted[target] * self._normalised(self._weights[best] * allowed * between, best)
        return chances

    def _normalised(self, weights: Floats, otherwise: int) -> Floats:
        total = weights.sum()
        return np.asarray(weights / total if total > 0 else np.eye(len(weights))[otherwise], np.float64)


def anything(allowed: Bools) -> Floats:
    """Return the same probability for every allowed action, ``(actions,)``."""
    return np.asarray(allowed / allowed.sum(), np.float64)
