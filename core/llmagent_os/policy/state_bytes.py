"""Pack a part of a learner's state into bytes: safetensors, with JSON facts beside the arrays, compressed by zlib.

Nothing is lost by it. Most of a part are random draws, which take four fifths of their bytes, and the rest nearly
nothing. Parts of older versions are not compressed, and are read as well.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from llmagent_os.errors import PolicyError

#: The name of the tensor that holds the JSON facts.
_FACTS = "facts"
#: The least that zlib can do: draws do not get smaller with more.
_LEVEL = 1
#: How a part begins that is compressed. Safetensors begin with the length of their header, which is never that.
_COMPRESSED = b"\x78\x01"


def pack(arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]) -> bytes:
    """Pack arrays and JSON facts into bytes. The same contents always give the same bytes.

    >>> unpack(pack({"a": np.arange(2.0)}, {"b": 1}))
    ({'a': array([0., 1.])}, {'b': 1})
    """
    tensors = {name: np.ascontiguousarray(array) for name, array in sorted(arrays.items())}
    text = np.frombuffer(json.dumps(dict(facts), sort_keys=True).encode(), np.uint8)
    return zlib.compress(save({**tensors, _FACTS: text}), _LEVEL)


def unpack_shared(raw: bytes, wanted: str, actions: Sequence[str]) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Unpack the part that all people share, and check whose it is by its facts ``format`` and ``actions``.

    Args:
        raw: what :func:`pack` returned.
        wanted: the format that the learner writes.
        actions: the labels of the bot's actions.

    Raises:
        PolicyError: the part is damaged, or it is of another format or of other actions.
    """
    arrays, facts = unpack(raw)
    if facts.get("format") != wanted or facts.get("actions") != list(actions):
        raise PolicyError(
            f"the policy's state is of {facts.get('format')} and {len(facts.get('actions', []))} behaviours, not "
            f"of {wanted} and this bot's {len(actions)}: learn it again from the ledger"
        )
    return arrays, facts


def unpack(raw: bytes) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Return the arrays and the facts that :func:`pack` was given.

    Raises:
        PolicyError: the bytes are damaged.
    """
    try:
        whole = zlib.decompress(raw) if raw.startswith(_COMPRESSED) else raw
        arrays: dict[str, NDArray[Any]] = load(whole)
        facts: dict[str, Any] = json.loads(arrays.pop(_FACTS).tobytes())
    except (SafetensorError, zlib.error, KeyError, ValueError, TypeError) as error:
        raise PolicyError(
            f"a part of the policy's state is damaged ({error}): learn it again from the ledger"
        ) from error
    return arrays, facts
