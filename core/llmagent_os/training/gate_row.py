"""One test of the gate, as reports show it."""

from __future__ import annotations

import msgspec
import numpy as np


class GateRow(msgspec.Struct, frozen=True, kw_only=True):
    """One test."""

    name: str
    value: float | None  #: what was measured; ``None``: nothing to measure
    bound: float | None  #: what the value must keep to
    passed: bool
    reason: str  #: in words


def row(name: str, value: float | None, bound: float | None, passed: bool, reason: str) -> GateRow:
    """Make a test's row. A value that is not finite is shown as none."""
    finite = None if value is None or not np.isfinite(value) else round(float(value), 5)
    return GateRow(name=name, value=finite, bound=bound, passed=bool(passed), reason=reason)
