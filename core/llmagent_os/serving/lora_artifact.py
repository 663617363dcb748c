"""What a server is told of a LoRA: its hash, its rank and its layers, read from a PEFT folder without PyTorch.

vLLM takes more on trust than the engine does. It accepts a LoRA of another model without a word, and then writes
nonsense; it reads pickled weights where there are no others. So a folder is checked here before its path is sent.

Format: https://github.com/huggingface/safetensors#format. Eight bytes hold the length of a JSON header, which follows.
"""

from __future__ import annotations

import hashlib
import json
import math
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any, cast

import msgspec

from llmagent_os.errors import LoraError
from llmagent_os.serving.lora_files import CONFIG_FILE, SUMS_FILE, WEIGHTS_FILE, file_key, version_name
from llmagent_os.serving.model_location import Location

_PREFIX = "base_model.model."  # PEFT writes this before the name of every layer
_MAX_HEADER = 100_000_000  # bytes; the library's own limit

#: PEFT settings that change what a LoRA computes, with the values that servers compute as the engine does.
_SERVED_VALUES: dict[str, tuple[Any, ...]] = {
    "peft_type": ("LORA",),
    "bias": ("none", None),
    "use_dora": (False, None),
    "fan_in_fan_out": (False, None),
    "modules_to_save": (None, []),
    "alpha_pattern": (None, {}),
    "rank_pattern": (None, {}),
    "layer_replication": (None, []),
    "lora_bias": (False, None),
    "trainable_token_indices": (None, [], {}),
}

#: The shape of every tensor of a file, by its name.
_Shapes = dict[str, tuple[int, ...]]


class LoraArtifact(msgspec.Struct, frozen=True):
    """A LoRA on disk, as far as a server has to know it."""

    folder: Path  #: absolute
    #: the folder's name, ``@`` and 12 digits of the hash of its files: the same text that the engine records
    version: str
    rank: int
    layers: dict[str, tuple[int, int]]  #: inputs and outputs of each layer, by its name in the base model


def read_artifact(folder: Path) -> LoraArtifact:
    """Read what a server has to know of the LoRA in a PEFT folder. Reads and hashes the files: not in an event loop.

    Raises:
        LoraError: a file is missing or damaged, or the LoRA is one that servers compute otherwise than the engine; the
            message names the file and what is wrong.
    """
    config_file, weights_file = folder / CONFIG_FILE, folder / WEIGHTS_FILE
    for file in (config_file, weights_file):
        if not file.is_file():
            raise LoraError(f"no LoRA in {folder}: {file.name} is missing; servers are given safetensors only")
    try:
        raw = config_file.read_bytes()
        lines = "".join(f"{_sha256(file)}  {file.name}\n" for file in (config_file, weights_file))
        sums = folder / SUMS_FILE
        if sums.is_file() and sums.read_text(encoding="utf-8") != lines:
            raise LoraError(f"the LoRA in {folder} is damaged: its files are not those of {SUMS_FILE}")
        shapes = read_shapes(weights_file)
    except OSError as error:
        raise LoraError(f"the LoRA in {folder} cannot be read: {error}") from error
    rank = _checked_rank(config_file, raw)
    layers = _layers(weights_file, shapes, rank)
    absolute = folder.resolve()
    return LoraArtifact(absolute, version_name(absolute.name, lines), rank, layers)


def version_of(folder: Path) -> str:
    """Read the version of a LoRA from the list of its hashes. The weights are read only where there is no list.

    Raises:
        LoraError: the files are missing or damaged.
    """
    try:
        lines = (folder / SUMS_FILE).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return read_artifact(folder).version
    return version_name(folder.resolve().name, lines)


def read_shapes(file: Path) -> _Shapes:
    """Read the shape of every tensor from the header of a safetensors file. Reads nothing else of the file.

    Raises:
        LoraError: the file is no safetensors file.
        OSError: the file cannot be read.
    """
    with file.open("rb") as opened:
        length = int.from_bytes(opened.read(8), "little")
        header = opened.read(length) if 0 < length <= _MAX_HEADER else b""
    try:
        if len(header) != length:
            raise ValueError("its header is cut off")
        found: dict[str, dict[str, Any]] = json.loads(header)
        return {name: tuple(map(int, about["shape"])) for name, about in found.items() if name != "__metadata__"}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise LoraError(f"{file} is damaged, or is no safetensors file: {error}") from error


def check_fits(artifact: LoraArtifact, base: Location) -> None:
    """Check that a LoRA has the shapes of a base model. A model of a hub is not checked: its files are elsewhere.

    Raises:
        LoraError: the LoRA was trained on another model; the message names a layer.
    """
    if not base.local:
        return
    shapes = _base_shapes(Path(base.base))
    for name, (inputs, outputs) in artifact.layers.items() if shapes else ():
        if (found := shapes.get(f"{name}.weight")) != (outputs, inputs):
            there = "has no such layer" if found is None else f"has {found[1]} inputs and {found[0]} outputs there"
            raise LoraError(
                f"the LoRA in {artifact.folder} was trained on another model than {base.name}: its layer {name} has "
                f"{inputs} inputs and {outputs} outputs, and {base.name} {there}"
            )


class ArtifactCache:
    """Remembers the LoRAs that were read last. Safe to use from several threads. Blocks: not for an event loop.

    Args:
        base: the model that the LoRAs have to fit; None: it is not known.
        capacity: most LoRAs to remember.
    """

    def __init__(self, base: Location | None = None, capacity: int = 1024) -> None:
        self._base = base
        self._capacity = capacity
        self._kept: OrderedDict[tuple[Any, ...], LoraArtifact] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, folder: Path) -> LoraArtifact:
        """The LoRA in a folder. It is read again where its files have changed since.

        Raises:
            LoraError: as :func:`read_artifact` and :func:`check_fits`.
        """
        key = file_key(folder)
        with self._lock:
            if key is not None and (found := self._kept.get(key)) is not None:
                self._kept.move_to_end(key)
                return found
        artifact = read_artifact(folder)
        if self._base is not None:
            check_fits(artifact, self._base)
        with self._lock:
            if key is not None:
                self._kept[key] = artifact
            while len(self._kept) > self._capacity:
                self._kept.popitem(last=False)
        return artifact


def _base_shapes(folder: Path) -> _Shapes:
    shapes: _Shapes = {}
    for file in sorted(folder.glob("*.safetensors")):
        try:
            shapes |= read_shapes(file)
        except OSError as error:
            raise LoraError(f"{file} cannot be read, so it is not known which LoRAs fit: {error}") from error
    return shapes


def _checked_rank(file: Path, raw: bytes) -> int:
    """The rank that a configuration gives to every layer.

    Raises:
        LoraError: the configuration is damaged, or has a setting that servers compute otherwise.
    """
    try:
        config: dict[str, Any] = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise LoraError(f"{file} is not JSON: {error}") from error
    if not isinstance(cast("object", config), dict):
        raise LoraError(f"{file} is no JSON object: it must hold the configuration of a LoRA")
    for key, served in _SERVED_VALUES.items():
        if key in config and config[key] not in served:
            raise LoraError(f"{file}: {key} is {config[key]!r}, only {served[0]!r} can be served")
    rank: object = config.get("r", 8)
    alpha: object = config.get("lora_alpha", 8)
    if not isinstance(rank, int) or isinstance(rank, bool) or rank < 1:
        raise LoraError(f"{file}: r is {rank!r}, it must be a whole number above 0")
    if not isinstance(alpha, int | float) or not math.isfinite(alpha):
        raise LoraError(f"{file}: lora_alpha is {alpha!r}, it must be a finite number")
    return rank


def _layers(file: Path, shapes: _Shapes, rank: int) -> dict[str, tuple[int, int]]:
    halves: dict[str, dict[str, tuple[int, ...]]] = {}
    for key, shape in shapes.items():
        name, _, half = key.removeprefix(_PREFIX).removesuffix(".weight").rpartition(".")
        if not key.startswith(_PREFIX) or half not in ("lora_A", "lora_B") or len(shape) != 2:
            raise LoraError(f"{file}: {key} does not belong to a plain LoRA as PEFT saves it")
        halves.setdefault(name, {})[half] = shape
    found: dict[str, tuple[int, int]] = {}
    for name, both in halves.items():
        if len(both) != 2:
            raise LoraError(f"{file}: {name} has only {next(iter(both))}")
        a, b = both["lora_A"], both["lora_B"]  # [rank, inputs] and [outputs, rank]
        if a[0] != rank or b[1] != rank:
            raise LoraError(f"{file}: {name} has the shapes {[*a]} and {[*b]}, and {CONFIG_FILE} says rank {rank}")
        found[name] = (a[1], b[0])
    if not found:
        raise LoraError(f"{file} holds no layer")
    return found


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
