"""LoRAs as PEFT saves them (``adapter_config.json``, ``adapter_model.safetensors``), read without PEFT.

What serving needs of a LoRA is two matrices a layer. PEFT keeps the active adapter in the model itself, which
cannot answer requests with different LoRAs at once, and takes longer the more of them are loaded.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any

import msgspec
import torch
from safetensors import SafetensorError
from safetensors.torch import load

from llmagent_os.errors import ModelError, ModelNotFoundError

_PREFIX = "base_model.model."


class LoraLayer(msgspec.Struct, frozen=True):
    """The two matrices for one linear layer: ``y += x @ a @ b``."""

    a: torch.Tensor  #: ``[inputs, rank]``
    b: torch.Tensor  #: ``[rank, outputs]``, the scaling already in it


class LoraWeights(msgspec.Struct, frozen=True):
    """A LoRA in memory."""

    version: str  #: its folder's name and the start of its weights' SHA-256
    layers: dict[str, LoraLayer]  #: by the layer's name in the base model
    rank: int  #: the greatest rank in it


#: PEFT settings that change what a LoRA computes, and the one value of each that is served.
_PLAIN: dict[str, tuple[Any, ...]] = {
    "bias": ("none", None),
    "use_dora": (False, None),
    "fan_in_fan_out": (False, None),
    "modules_to_save": (None, []),
    "alpha_pattern": (None, {}),
    "layer_replication": (None, []),
    "lora_bias": (False, None),
    "trainable_token_indices": (None, [], {}),
}


def read_lora(folder: Path) -> LoraWeights:
    """Read a PEFT LoRA folder.

    Raises:
        ModelNotFoundError: there is none.
        ModelError: it is no plain LoRA, or its file is damaged; names the file and what is wrong.
    """
    config_file, weights_file = folder / "adapter_config.json", folder / "adapter_model.safetensors"
    for file in (config_file, weights_file):
        if not file.is_file():
            raise ModelNotFoundError(f"no LoRA in {folder}: {file.name} is missing")
    try:
        config: dict[str, Any] = json.loads(config_file.read_bytes())
    except ValueError as error:
        raise ModelError(f"{config_file} is no JSON: {error}") from error
    if config.get("peft_type", "LORA") != "LORA":
        raise ModelError(f"{config_file}: peft_type is {config['peft_type']!r}, only LORA can be served")
    for key, served in _PLAIN.items():
        if key in config and config[key] not in served:
            raise ModelError(f"{config_file}: {key} is {config[key]!r}, only {served[0]!r} can be served")
    alpha, stabilised = float(config.get("lora_alpha", 8)), bool(config.get("use_rslora"))
    halves: dict[str, dict[str, torch.Tensor]] = {}
    try:
        raw = weights_file.read_bytes()
        for key, tensor in load(raw).items():
            name, _, half = key.removeprefix(_PREFIX).removesuffix(".weight").rpartition(".")
            if half not in ("lora_A", "lora_B"):
                raise ModelError(f"{weights_file}: {key} is no part of a plain LoRA")
            halves.setdefault(name, {})[half] = tensor
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{weights_file} cannot be read: {error}") from error
    layers: dict[str, LoraLayer] = {}
    for name, both in halves.items():
        if len(both) != 2:
            raise ModelError(f"{weights_file}: {name} has only {next(iter(both))}")
        rank = both["lora_A"].shape[0]
        scaling = alpha / (rank**0.5 if stabilised else rank)
        layers[name] = LoraLayer(both["lora_A"].T.contiguous(), both["lora_B"].T.contiguous() * scaling)
    rank = max((lora.a.shape[1] for lora in layers.values()), default=0)
    return LoraWeights(f"{folder.resolve().name}@{hashlib.sha256(raw).hexdigest()[:12]}", layers, rank)


class LoraCache:
    """The LoRAs used last, kept in memory. Safe to use from several threads.

    Args:
        capacity: how many are kept.
    """

    def __init__(self, capacity: int = 64) -> None:
        self._capacity = capacity
        self._kept: OrderedDict[tuple[str, int, int], LoraWeights] = OrderedDict()
        self._lock = threading.Lock()

    def peek(self, folder: Path) -> LoraWeights | None:
        """The LoRA in ``folder`` where it is in memory and its file has not changed since."""
        try:
            key = self._key(folder)
        except OSError:
            return None
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def get(self, folder: Path) -> LoraWeights:
        """The LoRA in ``folder``, read from disk (about 2 ms for a small one) where it is not in memory.

        Raises:
            ModelNotFoundError, ModelError: as :func:`read_lora`.
        """
        if found := self.peek(folder):
            return found
        lora = read_lora(folder)
        with self._lock:
            self._kept[self._key(folder)] = lora
            while len(self._kept) > self._capacity:
                self._kept.popitem(last=False)
        return lora

    @staticmethod
    def _key(folder: Path) -> tuple[str, int, int]:
        stat = (folder / "adapter_model.safetensors").stat()
        return str(folder), stat.st_mtime_ns, stat.st_size
