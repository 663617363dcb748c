"""What a regression sees of a decision and an action: the context, crossed with the action."""

from __future__ import annotations

import numpy as np

from llmagent_os.policy.off_policy.bandit_feedback import Floats, Ints, Logged

#: Of the features, those that vary most are crossed with actions; more cost more than they tell.
MOST_FEATURES = 12
#: Chances below this are not told apart.
RARE = 0.005
#: Kinds of columns: of no, one or several of an action's dimensions, alone or with a feature; and the preference.
KINDS = 7
_RIDGE = 3.0


def preferences(chances: Floats) -> Floats:
    """Log-chances, shape ``(n, actions)``, whose mean in each row is zero."""
    logs = np.log(np.maximum(chances, RARE))
    return np.asarray(logs - logs.mean(1, keepdims=True), np.float64)


class Columns:
    """Columns for ``n`` decisions. The first :attr:`own` are of the action alone, the last is the preference.

    The preference is how likely the log's policy was to act so: it had learned something, or it would not prefer.
    Without that column a regression would take what was hardly tried for as good as what was preferred (Robins and
    Ritov, 1997).
    """

    def __init__(self, logged: Logged, contrasts: Floats, orders: Ints) -> None:
        """``contrasts`` and ``orders`` see ``ActionSpace.contrasts``."""
        n = len(logged)
        self.people = np.unique(logged.people, return_inverse=True)[1].astype(np.int64)  #: from 0, none left out
        self.count = int(self.people.max()) + 1  #: of people
        self._sorted = np.argsort(self.people, kind="stable")
        self._starts = np.searchsorted(self.people[self._sorted], np.arange(self.count))
        most = np.sort(np.argsort(-logged.features.var(0), kind="stable")[:MOST_FEATURES])
        self._states = np.hstack([np.ones((n, 1)), logged.features[:, most]])
        self._effects = np.hstack([np.ones((len(contrasts), 1)), contrasts])
        self._preferences = preferences(logged.chances)
        order = np.concatenate([np.zeros(1, np.int64), np.minimum(orders, 2)])
        with_feature = np.array([[0]] + [[1]] * len(most))
        self._kept = np.asarray(with_feature * order < 2, np.bool_)
        self._actions = logged.actions
        self.own = len(order)
        kinds = np.asarray(order + 3 * with_feature, np.int64)
        self.kinds = np.append(kinds[self._kept], KINDS - 1)  #: of the columns
        crossed = self._states[:, :, None] * self._effects[logged.actions][:, None]
        preferred = self._preferences[np.arange(n), logged.actions]
        self.chosen = np.column_stack([crossed[:, self._kept], preferred])  #: of what was done, ``(n, columns)``

    def by_person(self, values: Floats) -> Floats:
        """Sums of ``values``, shape ``(n, ...)``, over each person's decisions, shape ``(people, ...)``."""
        return np.asarray(np.add.reduceat(values[self._sorted], self._starts), np.float64)

    def everywhere(self, coefficients: Floats) -> Floats:
        """From each person's coefficients, shape ``(people, columns)``, the sums for all actions, ``(n, actions)``."""
        table = np.zeros((len(coefficients), *self._kept.shape))
        table[:, self._kept] = coefficients[:, :-1]
        parts = np.einsum("ns,nsc->nc", self._states, table[self.people])
        return np.asarray(parts @ self._effects.T + coefficients[self.people, -1:] * self._preferences, np.float64)

    def unexplained(self, values: Floats) -> Floats:
        """``values`` of all actions, shape ``(n, actions)``, less what common coefficients make of them."""
        chosen = values[np.arange(len(values)), self._actions]
        gram = self.chosen.T @ self.chosen + _RIDGE * np.eye(self.chosen.shape[1])
        common: Floats = np.asarray(np.linalg.solve(gram, self.chosen.T @ chosen), np.float64)
        return np.asarray(values - self.everywhere(np.tile(common, (self.count, 1))), np.float64)
