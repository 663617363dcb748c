"""Reads LoRAs without PEFT, in the files that PEFT saves (``adapter_config.json``, ``adapter_model.safetensors``).

Serving needs two matrices for each layer of a LoRA, nothing else. PEFT keeps the active adapter inside the model. Such
a model cannot answer requests with different LoRAs at once, and gets slower with every LoRA that is loaded.

Hu et al. 2021, LoRA, https://arxiv.org/abs/2106.09685; rank-stabilised scaling: Kalajdzievski 2023,
https://arxiv.org/abs/2312.03732.
"""

from __future__ import annotations

import json
import math
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any, cast

import msgspec
import torch
from safetensors import SafetensorError
from safetensors.torch import load

from llmagent_os.errors import ModelError
from llmagent_os.serving.lora_files import (
    CONFIG_FILE,
    SUMS_FILE,
    WEIGHTS_FILE,
    FileKey,
    LoraFiles,
    file_key,
    read_lora_files,
)

__all__ = ["SUMS_FILE", "LoraCache", "LoraLayer", "LoraWeights", "read_lora", "weights_of"]

_PREFIX = "base_model.model."  # PEFT writes this before the name of every layer


class LoraLayer(msgspec.Struct, frozen=True):
    """The two matrices of a LoRA for one linear layer: ``y += x @ a @ b``."""

    a: torch.Tensor  #: ``[inputs, rank]``
    b: torch.Tensor  #: ``[rank, outputs]``, already multiplied by the scaling


class LoraWeights(msgspec.Struct, frozen=True):
    """A LoRA in memory."""

    #: the folder's name, ``@`` and the first 12 digits of the SHA-256 of what ``sha256sum adapter_config.json
    #: adapter_model.safetensors`` prints in the folder: the scaling is in the configuration
    version: str
    layers: dict[str, LoraLayer]  #: by the layer's name in the base model
    rank: int  #: the greatest rank of all layers

    @property
    def nbytes(self) -> int:
        """Bytes of all matrices."""
        return sum(layer.a.nbytes + layer.b.nbytes for layer in self.layers.values())


#: PEFT settings that change what a LoRA computes, with the values that can be served.
_SERVED_VALUES: dict[str, tuple[Any, ...]] = {
    "bias": ("none", None),
    "use_dora": (False, None),
    "fan_in_fan_out": (False, None),
    "modules_to_save": (None, []),
    "alpha_pattern": (None, {}),
    "layer_replication": (None, []),
    "lora_bias": (False, None),
    "trainable_token_indices": (None, [], {}),
}


def weights_of(files: LoraFiles) -> LoraWeights:
    """The matrices in a LoRA's files.

    Raises:
        ModelError: the files hold something other than a plain LoRA, or are damaged.
    """
    files.check()
    config_file, weights_file = Path(files.where) / CONFIG_FILE, Path(files.where) / WEIGHTS_FILE
    alpha, stabilised = _scaling_settings(config_file, files.config)
    halves: dict[str, dict[str, torch.Tensor]] = {}
    try:
        for key, tensor in load(files.weights).items():
            name, _, half = key.removeprefix(_PREFIX).removesuffix(".weight").rpartition(".")
            if half not in ("lora_A", "lora_B"):
                raise ModelError(f"{weights_file}: {key} does not belong to a plain LoRA")
            halves.setdefault(name, {})[half] = tensor
    except SafetensorError as error:
        raise ModelError(f"{weights_file} cannot be read: {error}") from error
    layers: dict[str, LoraLayer] = {}
    for name, both in halves.items():
        if len(both) != 2:
            raise ModelError(f"{weights_file}: {name} has only {next(iter(both))}")
        _check_shapes(f"{weights_file}: {name}", both["lora_A"], both["lora_B"])
        rank = both["lora_A"].shape[0]  # PEFT keeps lora_A as [rank, inputs] and lora_B as [outputs, rank]
        scaling = alpha / (rank**0.5 if stabilised else rank)
        layers[name] = LoraLayer(both["lora_A"].T.contiguous(), both["lora_B"].T.contiguous() * scaling)
    rank = max((layer.a.shape[1] for layer in layers.values()), default=0)
    return LoraWeights(files.version, layers, rank)


def read_lora(folder: Path) -> LoraWeights:
    """Read a LoRA from a PEFT folder.

    Raises:
        ModelNotFoundError: a file of the LoRA is missing; the message names the file.
        ModelError: the folder holds something other than a plain LoRA, or a file is damaged or is not what
            ``SHA256SUMS`` in the folder says; the message names the file and what is wrong.
    """
    return weights_of(read_lora_files(folder))


def _check_shapes(where: str, a: torch.Tensor, b: torch.Tensor) -> None:
    """Check that two matrices are those of one layer: ``[rank, inputs]`` and ``[outputs, rank]``.

    Raises:
        ModelError: they are not.
    """
    if a.ndim != 2 or b.ndim != 2 or not a.shape[0] or a.shape[0] != b.shape[1]:
        raise ModelError(f"{where} has matrices of the shapes {[*a.shape]} and {[*b.shape]}, which make no LoRA")
    if not (a.is_floating_point() and b.is_floating_point()):
        raise ModelError(f"{where} has matrices of {a.dtype} and {b.dtype}, and they must be floating-point numbers")


def _scaling_settings(config_file: Path, raw: bytes) -> tuple[float, bool]:
    """Check a LoRA's configuration; gives its alpha, and whether alpha is divided by the square root of the rank.

    Raises:
        ModelError: the configuration is damaged, or has a setting that cannot be served.
    """
    try:
        config: dict[str, Any] = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{config_file} is not JSON: {error}") from error
    if not isinstance(cast("object", config), dict):
        raise ModelError(f"{config_file} is no JSON object: it must hold the configuration of a LoRA")
    if config.get("peft_type", "LORA") != "LORA":
        raise ModelError(f"{config_file}: peft_type is {config['peft_type']!r}, only LORA can be served")
    for key, served in _SERVED_VALUES.items():
        if key in config and config[key] not in served:
            raise ModelError(f"{config_file}: {key} is {config[key]!r}, only {served[0]!r} can be served")
    alpha: object = config.get("lora_alpha", 8)
    if not isinstance(alpha, int | float) or not math.isfinite(alpha):
        raise ModelError(f"{config_file}: lora_alpha is {alpha!r}, it must be a finite number")
    return float(alpha), bool(config.get("use_rslora"))


class LoraCache:
    """Keeps the LoRAs that were used last in memory. Safe to use from several threads.

    Args:
        capacity: most LoRAs to keep.
        most_bytes: most bytes of LoRAs to keep. The one that was used last is kept in any case.
    """

    def __init__(self, capacity: int = 128, most_bytes: int = 1 << 30) -> None:
        self._capacity = capacity
        self._most_bytes = most_bytes
        self.nbytes = 0  #: bytes of all LoRAs that are kept
        self._kept: OrderedDict[FileKey, LoraWeights | ModelError] = OrderedDict()  # an error: the files are damaged
        self._lock = threading.Lock()

    def peek(self, folder: Path) -> LoraWeights | None:
        """Give the LoRA of ``folder`` if it is in memory and its files have not changed since; otherwise ``None``.

        Raises:
            ModelError: the files were found damaged before, and have not changed since.
        """
        key = file_key(folder)
        with self._lock:
            if key is None or key not in self._kept:
                return None
            self._kept.move_to_end(key)
            found = self._kept[key]
        if isinstance(found, ModelError):
            raise ModelError(str(found))
        return found

    def get(self, folder: Path) -> LoraWeights:
        """Give the LoRA of ``folder``. A LoRA that is not in memory is read from disk, about 2 ms for a small one.

        Raises:
            ModelNotFoundError, ModelError: as :func:`read_lora`.
        """
        if found := self.peek(folder):
            return found
        key = file_key(folder)  # taken before reading: a file that changes meanwhile is then read again
        try:
            lora = read_lora(folder)
        except ModelError as error:
            if not isinstance(error.__cause__, OSError):  # large files are not read and hashed again for every reply
                self._keep(key, ModelError(str(error)))
            raise
        self._keep(key, lora)
        return lora

    def _keep(self, key: FileKey | None, found: LoraWeights | ModelError) -> None:
        with self._lock:
            if key is not None:
                before = self._kept.pop(key, None)
                self._kept[key] = found
                self.nbytes += _bytes(found) - _bytes(before)
            while len(self._kept) > self._capacity or (self.nbytes > self._most_bytes and len(self._kept) > 1):
                self.nbytes -= _bytes(self._kept.popitem(last=False)[1])


def _bytes(found: LoraWeights | ModelError | None) -> int:
    return found.nbytes if isinstance(found, LoraWeights) else 0
