"""What the weights of the Bayes learner are multiplied with: an action in a context, as numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from llmagent_os.policy.actions import ActionSpace
from llmagent_os.policy.contract import Context
from llmagent_os.policy.features import Features

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

COLUMNS = 24  #: of context; the first :data:`CROSSED` also in how the dimensions of an action work together
CROSSED = 8
WEIGHTS = 256  #: at most; columns that would make it more are not seen, first in how dimensions work together

#: Groups of weights that vary alike: the constant; an action's dimensions, alone, by a category, by a number of the
#: context; and how the dimensions work together, likewise.
GROUPS = ("bias", "main", "category", "number", "joint", "joint_category", "joint_number")


class Design:
    """One column a weight. Never changes: :meth:`grown` makes another, whose first columns are these.

    >>> Design(ActionSpace(), Features(("intent=ask",))).size
    23
    """

    def __init__(self, actions: ActionSpace, features: Features) -> None:
        self._actions = actions
        self._contrasts, order = actions.contrasts()
        self.features = features
        columns = features.columns
        pairs = [(each, -1) for each in range(len(order))]  # column -1 is the constant
        alone = int((order == 1).sum())
        for number in range(len(columns)):
            room = WEIGHTS - 1 - len(pairs)
            crossed = number < CROSSED and room >= len(order) + alone * (COLUMNS - 1 - number)
            if room >= alone:
                pairs += [(each, number) for each in range(len(order)) if order[each] == 1 or crossed]
        self._of_contrast = np.array([pair[0] for pair in pairs])
        self._of_column = np.array([pair[1] for pair in pairs])
        kinds = np.array([0 if column < 0 else 1 if "=" in columns[column] else 2 for _, column in pairs])
        joint = np.array([0 if order[each] == 1 else 3 for each, _ in pairs])
        self.groups: Ints = np.concatenate([[0], 1 + kinds + joint]).astype(np.int64)  #: of :data:`GROUPS`, ``(size,)``

    @property
    def size(self) -> int:
        """How many weights."""
        return len(self.groups)

    def grown(self, context: Context) -> Design:
        """With columns for what is new in ``context``, as far as there is room; else this one."""
        before = len(self.features.columns)
        features = Features(self.features.columns)
        features.learn(context, COLUMNS)
        return self if len(features.columns) == before else Design(self._actions, features)

    def every(self, situation: Floats) -> Floats:
        """Of every action in one context, a vector of :attr:`features`: shape ``(actions, size)``."""
        return self._rows(self._contrasts, np.append(situation, 1.0))

    def rows(self, contexts: list[Floats], actions: list[int]) -> Floats:
        """Of turns, whose contexts may be from before some columns came: shape ``(turns, size)``."""
        columns = np.zeros((len(contexts), len(self.features.columns) + 1))
        columns[:, -1] = 1.0
        for row, context in zip(columns, contexts, strict=True):
            row[: len(context)] = context
        return self._rows(self._contrasts[actions], columns)

    def _rows(self, contrasts: Floats, columns: Floats) -> Floats:
        body = contrasts[:, self._of_contrast] * columns[..., self._of_column]
        return np.hstack([np.ones((len(body), 1)), body])
