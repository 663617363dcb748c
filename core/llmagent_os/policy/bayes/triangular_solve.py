"""Solves small triangular systems, thousands of them an observation, without the checks of :mod:`scipy.linalg`."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from scipy.linalg import lapack

from llmagent_os.policy.array_types import Floats

_trtrs = cast("Any", lapack).dtrtrs


def solve_lower(root: Floats, right: Floats, *, transposed: bool = False) -> Floats:
    """Return x of ``root @ x = right``, or of ``root.T @ x = right``.

    >>> root = np.array([[2.0, 0.0], [1.0, 1.0]])
    >>> solve_lower(root, np.array([2.0, 3.0])).tolist()
    [1.0, 2.0]
    >>> solve_lower(root, np.array([4.0, 2.0]), transposed=True).tolist()
    [1.0, 2.0]

    Args:
        root: a lower triangular matrix with no zero on its diagonal, as that of Cholesky.
        right: a vector, or a matrix of columns.
        transposed: whether the system is that of ``root.T``.
    """
    # LAPACK reads columns first, and so the transpose of what numpy holds in rows: no copy is made of it.
    solved, _ = _trtrs(root.T, right, lower=0, trans=0 if transposed else 1)
    return np.asarray(solved, np.float64)
