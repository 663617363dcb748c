"""The behaviours that a bot can choose between."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray

from llmagent_os.errors import ConfigError
from llmagent_os.policy.contract import DIMENSIONS, MAX_ACTIONS, Action, asked, label


class ActionSpace:
    """Every combination of the values of a bot's dimensions, in a fixed order.

    >>> space = ActionSpace({"mode": ("a", "b"), "tone": ("x", "y")})
    >>> space.labels
    ('mode=a,tone=x', 'mode=a,tone=y', 'mode=b,tone=x', 'mode=b,tone=y')
    >>> space.allowed({"tone": "y"})
    array([False,  True, False,  True])
    """

    def __init__(self, dimensions: Mapping[str, Collection[str]] = DIMENSIONS) -> None:
        """Raises ``ConfigError``: a dimension has fewer than two values or one of them twice, or there are too many."""
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
        self._index = {each: number for number, each in enumerate(self.labels)}

    def __len__(self) -> int:
        return len(self.actions)

    def index(self, action: Mapping[str, str]) -> int | None:
        """The number of ``action``; None: it is none of these, as one of an older configuration may be."""
        return self._index.get(label(action))

    def allowed(self, explicit: Mapping[str, str]) -> NDArray[np.bool_]:
        """Which actions do what the person asked for, shape ``(len(self),)``; never none of them."""
        wanted = asked(explicit, self.dimensions)
        return np.array([wanted.items() <= action.items() for action in self.actions])

    def contrasts(self) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """The actions as vectors whose sum over all actions is zero: main effects and interactions of every order.

        Returns:
            The vectors, shape ``(len(self), len(self) - 1)``, and how many dimensions each column joins, from 1.
        """
        main = [_helmert(len(values)) for values in self.dimensions.values()]
        codes = np.array(list(product(*(range(len(values)) for values in self.dimensions.values()))))
        columns: list[NDArray[np.float64]] = []
        orders: list[int] = []
        for order in range(1, len(main) + 1):
            for which in combinations(range(len(main)), order):
                block = np.ones((len(codes), 1))
                for each in which:
                    block = (block[:, :, None] * main[each][codes[:, each]][:, None, :]).reshape(len(codes), -1)
                columns.append(block)
                orders += [order] * block.shape[1]
        return np.hstack(columns), np.array(orders)


def _helmert(size: int) -> NDArray[np.float64]:
    """Orthogonal contrasts of ``size`` values, every value's vector as long as the others', one apart from each."""
    basis: NDArray[np.float64] = np.linalg.qr(np.hstack([np.ones((size, 1)), np.eye(size)[:, 1:]]))[0][:, 1:]
    return np.asarray(basis / np.sqrt(2.0), np.float64)
