"""Short names for the array types of this package. Shapes are given where an array is made."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: Double precision: the arithmetic of the learners and the judge.
Floats = NDArray[np.float64]

#: Single precision: what is stored of a person.
Singles = NDArray[np.float32]

#: Indices, codes and counts.
Ints = NDArray[np.int64]

#: Masks.
Bools = NDArray[np.bool_]
