"""Build the regressors of the judge: the columns that explain how satisfied people are with an action in a context."""

from __future__ import annotations

import numpy as np

from llmagent_os.policy.array_types import Floats, Ints
from llmagent_os.policy.off_policy.bandit_feedback import LoggedBanditFeedback

#: How many columns of the context are multiplied with actions. Those that vary most are taken.
MAX_CROSSED_COLUMNS = 12
#: Probabilities below this count as this much in a preference.
MIN_PROBABILITY = 0.005
#: The kinds of regressors. The coefficients of a kind share their prior variances. 0: the constant; 1: a main effect of
#: one dimension; 2: an interaction of several; 3: a context column; 4 and 5: as 1 and 2, multiplied with a context
#: column (5 is not used); 6: the preference.
REGRESSOR_KINDS = 7
#: The penalty of the ridge regression in :meth:`Regressors.unexplained`.
RIDGE_PENALTY = 3.0


def preference(action_dist: Floats) -> Floats:
    """Return how much a policy prefers every action: log-probabilities, centred in every row, ``(n, actions)``."""
    logs = np.log(np.maximum(action_dist, MIN_PROBABILITY))
    return np.asarray(logs - logs.mean(1, keepdims=True), np.float64)


class Regressors:
    """The regressors of ``n`` decisions. The first :attr:`own` are of the action alone, the last is the preference.

    The preference is how much the logging policy preferred the action: it had learned something, or it would prefer
    nothing. Without this column a regression would take what was hardly tried for as good as what was preferred (Robins
    and Ritov, 1997).

    Reference:
        J. M. Robins and Y. Ritov (1997). Toward a curse of dimensionality appropriate (CODA) asymptotic theory for
        semi-parametric models. Statistics in Medicine 16.
    """

    def __init__(self, feedback: LoggedBanditFeedback, contrasts: Floats, orders: Ints) -> None:
        """Lay out the regressors of ``feedback``.

        Args:
            feedback: the logged decisions.
            contrasts: the actions as vectors, ``(actions, k)``: see
                :meth:`llmagent_os.policy.actions.ActionSpace.contrasts`.
            orders: how many dimensions a column of ``contrasts`` joins, ``(k,)``.
        """
        n = len(feedback)
        #: The person of every decision, numbered from 0 without gaps, ``(n,)``.
        self.person = np.unique(feedback.person, return_inverse=True)[1].astype(np.int64)
        self.people = int(self.person.max()) + 1  #: the number of people
        self._sorted = np.argsort(self.person, kind="stable")  # (n,)
        self._starts = np.searchsorted(self.person[self._sorted], np.arange(self.people))  # (people,)
        most = np.sort(np.argsort(-feedback.context.var(0), kind="stable")[:MAX_CROSSED_COLUMNS])
        self._states = np.hstack([np.ones((n, 1)), feedback.context[:, most]])  # (n, 1 + context columns)
        self._effects = np.hstack([np.ones((len(contrasts), 1)), contrasts])  # (actions, 1 + k)
        self._preference = preference(feedback.action_dist)  # (n, actions)
        order = np.concatenate([np.zeros(1, np.int64), np.minimum(orders, 2)])  # (1 + k,)
        with_context = np.array([[0]] + [[1]] * len(most))  # (1 + context columns, 1)
        self._kept = np.asarray(with_context * order < 2, np.bool_)  # (1 + context columns, 1 + k)
        self._action = feedback.action
        self.own = len(order)  #: the number of regressors of the action alone, with the constant
        kinds = np.asarray(order + 3 * with_context, np.int64)
        #: The kind of every regressor, ``(columns,)``.
        self.kinds = np.append(kinds[self._kept], REGRESSOR_KINDS - 1)
        crossed = self._states[:, :, None] * self._effects[feedback.action][:, None]
        preferred = self._preference[np.arange(n), feedback.action]
        #: x, the regressors of the chosen actions, ``(n, columns)``.
        self.chosen = np.column_stack([crossed[:, self._kept], preferred])

    def sum_by_person(self, values: Floats) -> Floats:
        """Sum ``values``, ``(n, …)``, over the decisions of every person, ``(people, …)``."""
        return np.asarray(np.add.reduceat(values[self._sorted], self._starts), np.float64)

    def scores(self, coefficients: Floats) -> Floats:
        """Return the regressors of all actions times coefficients, ``(n, actions)``.

        Args:
            coefficients: those of every person, ``(people, columns)``.
        """
        table = np.zeros((len(coefficients), *self._kept.shape))  # (people, 1 + context columns, 1 + k)
        table[:, self._kept] = coefficients[:, :-1]
        parts = np.einsum("ns,nsc->nc", self._states, table[self.person])  # (n, 1 + k)
        return np.asarray(parts @ self._effects.T + coefficients[self.person, -1:] * self._preference, np.float64)

    def unexplained(self, values: Floats) -> Floats:
        """Return the part of ``values`` that a ridge regression on the regressors does not explain.

        The regression is fitted to the values of the chosen actions.

        Args:
            values: values of all actions, ``(n, actions)``.

        Returns:
            Shape ``(n, actions)``.
        """
        chosen = values[np.arange(len(values)), self._action]  # (n,)
        gram = self.chosen.T @ self.chosen + RIDGE_PENALTY * np.eye(self.chosen.shape[1])  # (columns, columns)
        common: Floats = np.asarray(np.linalg.solve(gram, self.chosen.T @ chosen), np.float64)  # (columns,)
        return np.asarray(values - self.scores(np.tile(common, (self.people, 1))), np.float64)
