"""Build the design matrix of the Bayes learner: an action in a context as a row of numbers, one for every weight.

The columns are: a constant; the action's contrasts (main effects and interactions of the dimensions); and the contrasts
multiplied with the columns of the context.
"""

from __future__ import annotations

import numpy as np

from llmagent_os.policy.actions import ActionSpace
from llmagent_os.policy.array_types import Floats, Ints
from llmagent_os.policy.contract import Context
from llmagent_os.policy.features import Features

#: The most columns of the context that are used.
CONTEXT_COLUMNS = 24
#: How many of these, the first ones, are also multiplied with the interactions of an action's dimensions.
INTERACTION_COLUMNS = 8
#: The most weights. Columns beyond that are left out; interactions are left out first.
MAX_WEIGHTS = 256

#: The groups of weights. The weights of a group share their prior variances. ``bias`` is the constant, ``main`` the
#: main effects of the dimensions, ``joint`` the interactions of several dimensions. ``category`` and ``number`` are
#: main effects multiplied with a category or a number of the context, ``joint_category`` and ``joint_number``
#: interactions.
GROUPS = ("bias", "main", "category", "number", "joint", "joint_category", "joint_number")


class DesignMatrix:
    """Makes the rows of the design matrix. Never changes: :meth:`grown` makes another, which begins with these columns.

    >>> DesignMatrix(ActionSpace(), Features(("intent=ask",))).size
    23
    """

    def __init__(self, actions: ActionSpace, features: Features) -> None:
        """Lay out the columns for ``actions`` in contexts with the columns of ``features``."""
        self._actions = actions
        self._contrasts, order = actions.contrasts()  # (actions, actions - 1), (actions - 1,)
        self._joined = actions.joined()  # (dimensions, actions - 1)
        self.features = features
        columns = features.columns
        pairs = [(contrast, -1) for contrast in range(len(order))]  # contrast, and context column; -1: the constant 1
        main_effects = int((order == 1).sum())
        for number in range(len(columns)):
            room = MAX_WEIGHTS - 1 - len(pairs)
            crossed = number < INTERACTION_COLUMNS and room >= len(order) + main_effects * (
                CONTEXT_COLUMNS - 1 - number
            )
            if room >= main_effects:
                pairs += [(contrast, number) for contrast in range(len(order)) if order[contrast] == 1 or crossed]
        self._contrast_of = np.array([pair[0] for pair in pairs])  # (size - 1,)
        self._column_of = np.array([pair[1] for pair in pairs])  # (size - 1,)
        kinds = np.array([0 if column < 0 else 1 if "=" in columns[column] else 2 for _, column in pairs])
        joint = np.array([0 if order[contrast] == 1 else 3 for contrast, _ in pairs])
        #: The index in :data:`GROUPS` of every weight, shape ``(size,)``.
        self.groups: Ints = np.concatenate([[0], 1 + kinds + joint]).astype(np.int64)

    @property
    def size(self) -> int:
        """The number of weights."""
        return len(self.groups)

    def grown(self, context: Context) -> DesignMatrix:
        """Return a design matrix with columns for what is new in ``context``; this one, if nothing is added."""
        before = len(self.features.columns)
        features = Features(self.features.columns)
        features.learn(context, CONTEXT_COLUMNS)
        return self if len(features.columns) == before else DesignMatrix(self._actions, features)

    def all_actions(self, context: Floats) -> Floats:
        """Return the rows of all actions in one context, shape ``(actions, size)``.

        Args:
            context: a vector of :attr:`features`, shape ``(columns,)``.
        """
        return self._rows(self._contrasts, np.append(context, 1.0))

    def rows(self, contexts: list[Floats], actions: list[int], hidden: list[int]) -> Floats:
        """Return the rows of past turns, shape ``(turns, size)``.

        A dimension that could not show in a reply gets the mean over its values. All contrasts that it takes part in
        are zero then, so that the reply says nothing about it.

        Args:
            contexts: the context vectors of the turns. Older ones may be shorter: they are filled up with zeros.
            actions: the numbers of the chosen actions.
            hidden: the dimensions that could not show in the replies, a bit each.
        """
        columns = np.zeros((len(contexts), len(self.features.columns) + 1))  # (turns, columns + 1)
        columns[:, -1] = 1.0
        for row, context in zip(columns, contexts, strict=True):
            row[: len(context)] = context
        bits = np.array(hidden, np.int64)[:, None] >> np.arange(len(self._joined)) & 1  # (turns, dimensions)
        contrasts = self._contrasts[actions] * (bits @ self._joined == 0)  # (turns, actions - 1)
        return self._rows(contrasts, columns)

    def _rows(self, contrasts: Floats, columns: Floats) -> Floats:
        body = contrasts[:, self._contrast_of] * columns[..., self._column_of]  # (rows, size - 1)
        return np.hstack([np.ones((len(body), 1)), body])
