"""Enumerate the actions of a bot, and give every action a vector."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import combinations, product

import numpy as np

from llmagent_os.errors import ConfigError
from llmagent_os.policy.array_types import Bools, Floats, Ints
from llmagent_os.policy.contract import DIMENSIONS, EVERYTHING, MAX_ACTIONS, Action, label, limited, supported


class ActionSpace:
    """All combinations of the values of a bot's dimensions, in a fixed order.

    >>> space = ActionSpace({"mode": ("a", "b"), "tone": ("x", "y")})
    >>> space.labels
    ('mode=a,tone=x', 'mode=a,tone=y', 'mode=b,tone=x', 'mode=b,tone=y')
    >>> space.allowed({"tone": "y"})
    array([False,  True, False,  True])
    """

    def __init__(self, dimensions: Mapping[str, Collection[str]] = DIMENSIONS) -> None:
        """Combine the values of ``dimensions``.

        Raises:
            ConfigError: a dimension has fewer than two values, or the same value twice; or there are more than
                :data:`~llmagent_os.policy.contract.MAX_ACTIONS` actions.
        """
        for name, values in dimensions.items():
            if len(values) < 2 or len(set(values)) < len(values):
                raise ConfigError(f"dimension {name!r} needs two or more different values, not {', '.join(values)!r}")
        self.dimensions = {name: tuple(values) for name, values in dimensions.items()}
        self.actions: tuple[Action, ...] = tuple(
            dict(zip(dimensions, values, strict=True)) for values in product(*dimensions.values())
        )
        if not 2 <= len(self.actions) <= MAX_ACTIONS:
            raise ConfigError(f"{len(self.actions)} behaviours to choose between: declare 2 to {MAX_ACTIONS}")
        self.labels = tuple(label(action) for action in self.actions)
        self._index = {name: number for number, name in enumerate(self.labels)}
        codes = np.array(  # (actions, dimensions)
            list(product(*(range(len(values)) for values in self.dimensions.values())))
        )
        self.codes: Ints = codes.astype(
            np.int64
        )  #: the value of every action in every dimension, ``(actions, dimensions)``

    def __len__(self) -> int:
        return len(self.actions)

    def index(self, action: Mapping[str, str]) -> int | None:
        """Return the number of ``action``; None: there is no such action. It may be of an older configuration."""
        return self._index.get(label(action))

    def allowed(self, explicit: Mapping[str, str], within: Mapping[str, Collection[str]] = EVERYTHING) -> Bools:
        """Return a mask of the actions that do what the person asked for, shape ``(actions,)``.

        Values that cannot be chosen are passed over, so at least one action is allowed.

        Args:
            explicit: the values that the person has asked for.
            within: the values that can be chosen, of the dimensions that have fewer of them.
        """
        left = limited(self.dimensions, within)
        left |= {name: (value,) for name, value in supported(explicit, left).items()}
        return np.array([all(action[name] in values for name, values in left.items()) for action in self.actions])

    def matches(self, values: Mapping[str, str]) -> Floats:
        """Return 1 where an action has one of ``values``, else 0, shape ``(actions, dimensions)``."""
        rows = [[float(values.get(name) == action[name]) for name in self.dimensions] for action in self.actions]
        return np.array(rows)

    def joined(self) -> Bools:
        """Return which dimensions every column of :meth:`contrasts` joins, shape ``(dimensions, actions - 1)``."""
        sizes = [len(values) for values in self.dimensions.values()]
        columns: list[list[bool]] = []
        for order in range(1, len(sizes) + 1):
            for which in combinations(range(len(sizes)), order):
                width = int(np.prod([sizes[at] - 1 for at in which]))
                columns += [[at in which for at in range(len(sizes))]] * width
        return np.array(columns).T

    def contrasts(self) -> tuple[Floats, Ints]:
        """Return the actions as vectors: main effects of the dimensions, and their interactions of every order.

        The columns are sum-to-zero contrasts: a column's sum over all actions is zero.

        Returns:
            The vectors, shape ``(actions, actions - 1)``, and how many dimensions a column joins, from 1, shape
            ``(actions - 1,)``.
        """
        main = [_sum_to_zero(len(values)) for values in self.dimensions.values()]  # each (values, values - 1)
        codes = self.codes
        columns: list[Floats] = []
        orders: list[int] = []
        for order in range(1, len(main) + 1):
            for which in combinations(range(len(main)), order):
                block = np.ones((len(codes), 1))  # grows to (actions, product of (values - 1) over the dimensions)
                for at in which:
                    block = (block[:, :, None] * main[at][codes[:, at]][:, None, :]).reshape(len(codes), -1)
                columns.append(block)
                orders += [order] * block.shape[1]
        return np.hstack(columns), np.array(orders)


def _sum_to_zero(size: int) -> Floats:
    """Return orthogonal sum-to-zero contrasts of ``size`` values, shape ``(size, size - 1)``.

    All rows are of the same length, and any two rows are at distance one.
    """
    basis: Floats = np.linalg.qr(np.hstack([np.ones((size, 1)), np.eye(size)[:, 1:]]))[0][:, 1:]
    return np.asarray(basis / np.sqrt(2.0), np.float64)
