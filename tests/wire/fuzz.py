"""Malformed payloads for hypothesis: any JSON, and real payloads with a few changes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def mutated(draw: st.DrawFn, real: Sequence[Any]) -> Any:
    """One of ``real`` with one to three parts, at any depth, replaced or removed."""
    payload: Any = json.loads(json.dumps(draw(st.sampled_from(real))))
    for _ in range(draw(st.integers(1, 3))):
        at: Any = payload
        while True:
            keys: list[Any] = list(at) if isinstance(at, dict) else list(range(len(at)))  # pyright: ignore[reportUnknownArgumentType]
            if not keys:
                break
            key: Any = draw(st.sampled_from(keys))
            if isinstance(at[key], dict | list) and at[key] and draw(st.booleans()):
                at = at[key]  # pyright: ignore[reportUnknownVariableType]
                continue
            if isinstance(at, dict) and draw(st.booleans()):
                del at[key]
            else:
                at[key] = draw(JSON)
            break
    return payload
