"""From a context to numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from llmagent_os.policy.contract import Context

#: More columns than this are not told apart: what comes later is not seen.
MAX_COLUMNS = 48

#: Numbers are cut off here: one absurd value must not outweigh all others.
MOST = 3.0


class Features:
    """Columns for the values that were seen so far: one a category, one a number, in the order of their coming.

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
        """The names of the columns."""
        return tuple(self._at)

    def learn(self, context: Context, most: int = MAX_COLUMNS) -> None:
        """Make columns for what is new in ``context``, as long as there are fewer than ``most``."""
        known = dict(self._at)  # not changed in place: another thread may be reading
        for name, value in context.items():
            column = _column(name, value)
            if column not in known and len(known) < most:
                known[column] = len(known)
        self._at = known

    def vector(self, context: Context) -> NDArray[np.float64]:
        """``context`` as numbers, shape ``(len(self.columns),)``; what has no column is left out."""
        known = self._at
        out = np.zeros(len(known))
        for name, value in context.items():
            at = known.get(_column(name, value))
            if at is not None:
                is_number = isinstance(value, int | float) and not isinstance(value, bool)
                out[at] = min(max(value, -MOST), MOST) if is_number and value == value else float(not is_number)
        return out


def _column(name: str, value: str | bool | int | float) -> str:
    return f"{name}={value}" if isinstance(value, str | bool) else name
