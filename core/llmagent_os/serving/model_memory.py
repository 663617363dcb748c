"""How much memory a local model takes while it writes, read from its configuration. Imports no PyTorch."""

from __future__ import annotations

from pathlib import Path

import msgspec

from llmagent_os.serving.model_location import Location

_FLOAT_BYTES = 4  # the engine computes in float32 unless it is told otherwise


class _Shape(msgspec.Struct):
    """The part of a ``config.json`` that keys and values depend on."""

    num_hidden_layers: int
    hidden_size: int
    num_attention_heads: int
    max_position_embeddings: int
    num_key_value_heads: int | None = None
    head_dim: int | None = None


def bytes_of_a_slot(location: Location) -> int | None:
    """Give the bytes of keys and values of one reply as long as the model can read; ``None``: unknown."""
    if not location.local:
        return None
    try:
        shape = msgspec.json.decode((Path(location.base) / "config.json").read_bytes(), type=_Shape)
    except (OSError, msgspec.MsgspecError):
        return None
    heads = shape.num_key_value_heads or shape.num_attention_heads
    size = shape.head_dim or shape.hidden_size // max(shape.num_attention_heads, 1)
    return 2 * shape.num_hidden_layers * heads * size * shape.max_position_embeddings * _FLOAT_BYTES
