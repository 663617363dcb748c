"""How far apart the weights of two LoRAs are, layer by layer. Reads the files with numpy: no model is loaded.

A LoRA changes a layer by ``W = s B A``, with ``A [rank, inputs]``, ``B [outputs, rank]`` and the scaling ``s``. The
distance of two of them is ``||W1 - W2||`` in the Frobenius norm. It comes from products of the small matrices, without
``W`` itself: ``<W1, W2> = s1 s2 trace((B1^T B2)(A2 A1^T))``.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, cast

import msgspec
import numpy as np
import safetensors
from numpy.typing import NDArray
from safetensors import SafetensorError

from llmagent_os.errors import ModelError
from llmagent_os.training.lora_folder import LORA_FILES

_Matrix = NDArray[np.float64]

_DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2"}


class LayerDifference(msgspec.Struct, frozen=True):
    """One layer in two LoRAs."""

    layer: str  #: the layer's name, as PEFT writes it
    first: float  #: the Frobenius norm of the first LoRA's change; 0: it does not change the layer
    second: float  #: that of the second LoRA's
    distance: float  #: the Frobenius norm of the difference

    @property
    def share(self) -> float:
        """The distance as a share of the greater norm: 0 for equal changes, 1.41 for unrelated ones, 2 for opposite."""
        return self.distance / max(self.first, self.second) if self.distance else 0.0


def layer_differences(first: Path, second: Path) -> list[LayerDifference]:
    """Compare two PEFT folders; gives all layers that either changes, the most different first.

    Raises:
        ModelError: a folder holds no LoRA, or a file is damaged.
    """
    one, other = _layers(first), _layers(second)
    found = [
        LayerDifference(layer, math.sqrt(aa), math.sqrt(bb), math.sqrt(max(0.0, aa + bb - 2 * ab)))
        for layer in sorted({*one, *other})
        for aa, bb, ab in (_products(one.get(layer), other.get(layer)),)
    ]
    return sorted(found, key=lambda each: -each.distance)


def _products(first: _Layer | None, second: _Layer | None) -> tuple[float, float, float]:
    """``<W1, W1>``, ``<W2, W2>`` and ``<W1, W2>``."""
    return _product(first, first), _product(second, second), _product(first, second)


class _Layer(msgspec.Struct, frozen=True):
    a: _Matrix  #: ``[rank, inputs]``
    b: _Matrix  #: ``[outputs, rank]``, scaled


def _product(first: _Layer | None, second: _Layer | None) -> float:
    if first is None or second is None:
        return 0.0
    return float(np.einsum("ij,ji->", first.b.T @ second.b, second.a @ first.a.T))


def _layers(folder: Path) -> dict[str, _Layer]:
    config_file, weights_file = (folder / name for name in LORA_FILES)
    try:
        config: dict[str, Any] = json.loads(config_file.read_bytes())
        raw = cast("Any", safetensors).deserialize(weights_file.read_bytes())
        tensors: dict[str, _Matrix] = {name: _matrix(about) for name, about in raw}
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise ModelError(f"the LoRA in {folder} cannot be read: {error}") from error
    found: dict[str, _Layer] = {}
    for name, a in tensors.items():
        layer, _, rest = name.partition(".lora_A")
        b = tensors.get(f"{layer}.lora_B{rest}")
        if rest and b is not None:
            rank = a.shape[0]
            scaling = float(config.get("lora_alpha", 8)) / (rank**0.5 if config.get("use_rslora") else rank)
            found[layer] = _Layer(a, b * scaling)
    return found


def _matrix(about: Any) -> _Matrix:
    """A tensor as safetensors keeps it, in float64. numpy has no bfloat16: it is the upper half of a float32."""
    raw, kind = bytes(about["data"]), str(about["dtype"])
    if kind == "BF16":
        wide = np.frombuffer(raw, "<u2").astype(np.uint32) << 16
        values = wide.view(np.float32)
    else:
        values = np.frombuffer(raw, _DTYPES[kind])
    return values.astype(np.float64).reshape(about["shape"])
