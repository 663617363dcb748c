"""Decisions that were taken, and what was seen of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Logged:
    """Decisions and how they were taken; ``n`` of them, in the order in which they were made."""

    features: Floats  #: of the contexts, shape ``(n, columns)``
    people: Ints  #: whose, shape ``(n,)``
    actions: Ints  #: chosen, shape ``(n,)``
    chances: Floats  #: of every action when it was chosen, shape ``(n, actions)``
    opinions: Ints  #: codes of ``observed.OPINIONS``
    nexts: Ints  #: codes of ``observed.NEXTS``

    def __len__(self) -> int:
        return len(self.actions)

    @property
    def pscore(self) -> Floats:
        """The probability of what was chosen, shape ``(n,)``."""
        return np.asarray(self.chances[np.arange(len(self)), self.actions], np.float64)
