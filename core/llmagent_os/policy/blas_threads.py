"""Have the linear algebra of numpy and scipy run on one thread.

The arrays of the learners are small. More threads add up in another order, so that the bits of a learned state would
depend on the number of cores, and they cost more than they gain: up to seven times as long for one observation.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]


@cache
def use_one_thread() -> None:
    """Set OpenBLAS, which numpy and scipy bring along, to one thread in this process.

    It stays so. Import what uses it first. Other libraries have pools of their own: those of PyTorch are not touched.
    """
    pools: Any = ThreadpoolController()
    pools.select(internal_api="openblas").limit(limits=1)
