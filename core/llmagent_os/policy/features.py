"""Turn a context into a vector of numbers."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from llmagent_os.policy.array_types import Floats
from llmagent_os.policy.contract import HELD_DIMENSIONS, PREVIOUS_ACTION, Context

#: The most columns. A value that would need one more is left out of the vector.
MAX_COLUMNS = 48

#: The keys of a context that are no features: they restrict the choice itself.
NO_FEATURES = frozenset((PREVIOUS_ACTION, HELD_DIMENSIONS))

#: Numbers are clipped to this magnitude, so that one absurd value cannot outweigh all others.
MAX_MAGNITUDE = 3.0


class Features:
    """The columns of a context vector: one for every category and one for every number, in the order of first sight.

    >>> features = Features()
    >>> features.learn({"intent": "create", "direct": True, "load": 0.5})
    >>> features.learn({"intent": "list", "direct": True, "load": 9.0})
    >>> features.columns
    ('intent=create', 'direct=True', 'load', 'intent=list')
    >>> features.vector({"intent": "list", "load": 9.0, "unseen": "x"})
    array([0., 0., 3., 1.])
    """

    def __init__(self, columns: tuple[str, ...] = ()) -> None:
        self._at = {name: number for number, name in enumerate(columns)}

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns: ``name=value`` for a category, ``name`` for a number."""
        return tuple(self._at)

    def learn(self, context: Context, most: int = MAX_COLUMNS) -> None:
        """Add columns for what is new in ``context``, up to ``most`` columns in all."""
        known = dict(self._at)  # a copy, because another thread may be reading the old one
        for name, value in context.items():
            column = _column(name, value)
            if name not in NO_FEATURES and column not in known and len(known) < most:
                known[column] = len(known)
        self._at = known

    def add(self, columns: Iterable[str], most: int = MAX_COLUMNS) -> None:
        """Add columns by their names, up to ``most`` columns in all."""
        known = dict(self._at)
        for column in columns:
            if column not in known and len(known) < most:
                known[column] = len(known)
        self._at = known

    def vector(self, context: Context) -> Floats:
        """Return ``context`` as numbers, shape ``(columns,)``. A value without a column is left out."""
        known = self._at
        out = np.zeros(len(known))
        for name, value in context.items():
            at = known.get(_column(name, value))
            if at is not None:
                is_number = isinstance(value, int | float) and not isinstance(value, bool)
                is_clippable = is_number and value == value  # not nan
                out[at] = min(max(value, -MAX_MAGNITUDE), MAX_MAGNITUDE) if is_clippable else float(not is_number)
        return out


def _column(name: str, value: str | bool | int | float) -> str:
    return f"{name}={value}" if isinstance(value, str | bool) else name
