"""Parts of a learner's state as bytes: safetensors, with a few facts beside the arrays."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from llmagent_os.errors import PolicyError

_FACTS = "facts"


def pack(arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]) -> bytes:
    """Arrays and JSON facts in one piece; the same for the same contents.

    >>> unpack(pack({"a": np.arange(2.0)}, {"b": 1}))
    ({'a': array([0., 1.])}, {'b': 1})
    """
    tensors = {name: np.ascontiguousarray(array) for name, array in sorted(arrays.items())}
    text = np.frombuffer(json.dumps(dict(facts), sort_keys=True).encode(), np.uint8)
    return save({**tensors, _FACTS: text})


def unpack_shared(raw: bytes, wanted: str, actions: Sequence[str]) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """The part that is everybody's, of a learner whose ``facts`` name its ``format`` and ``actions``.

    Args:
        raw: as :func:`pack` made it.
        wanted: the format that the learner writes.
        actions: the labels of the actions that it chooses between.

    Raises:
        PolicyError: it is damaged, or of another format or other actions.
    """
    arrays, facts = unpack(raw)
    if facts.get("format") != wanted or facts.get("actions") != list(actions):
        raise PolicyError(
            f"the policy's state is of {facts.get('format')} and {len(facts.get('actions', []))} behaviours, not "
            f"of {wanted} and this bot's {len(actions)}: learn it again from the ledger"
        )
    return arrays, facts


def unpack(raw: bytes) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """What :func:`pack` put together.

    Raises:
        PolicyError: it is damaged.
    """
    try:
        arrays: dict[str, NDArray[Any]] = load(raw)
        facts: dict[str, Any] = json.loads(arrays.pop(_FACTS).tobytes())
    except (SafetensorError, KeyError, ValueError, TypeError) as error:
        raise PolicyError(
            f"a part of the policy's state is damaged ({error}): learn it again from the ledger"
        ) from error
    return arrays, facts
