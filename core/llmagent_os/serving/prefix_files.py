"""Keeps the keys and values of a bot's system prompt on disk, so that a start of the bot need not compute them again.

One file holds one beginning of prompts: the tokens, and for each layer the keys and values. The name and the file's
own metadata say for which weights, which LoRA and which tokens they were computed, and by what: the model's
configuration, its type, and the releases of transformers and torch. A file that is damaged, or was computed otherwise,
is ignored: the model then reads the prompt as if there were no file.

Only what the bot says of itself is kept here, never what people said.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import msgspec
import structlog
import torch
import transformers
from safetensors import safe_open
from safetensors.torch import save

from llmagent_os.serving.slot_cache import Snapshot

FORM = "2"  #: of the files; others are ignored
_TOKENS = "tokens"
_KEPT_FILES = 8  # of one model; the oldest are deleted
_ENDING = ".safetensors"

_log = structlog.get_logger(__name__)


class KeptPrefix(msgspec.Struct, frozen=True):
    """A beginning of prompts, with what the model computed of it."""

    version: str  #: of the LoRA; ``base``: none
    tokens: tuple[int, ...]
    kept: Snapshot


class PrefixFiles:
    """The files of one model in a folder.

    Args:
        folder: where; made with the first file.
        model_hash: of the weights, see :func:`~llmagent_os.serving.model_hash.model_hash`.
        dtype: the type in which keys and values are computed.
        config: the model's configuration, as a text. Other positions or another window give other keys and values.
    """

    def __init__(self, folder: Path, model_hash: str, dtype: torch.dtype, config: str) -> None:
        self._folder = folder
        self._model_hash = model_hash
        self._dtype = dtype
        by = [FORM, str(dtype), transformers.__version__, str(torch.__version__), config]
        self._computed_by = hashlib.sha256(msgspec.json.encode(by)).hexdigest()[:12]

    def write(self, prefix: KeptPrefix) -> Path:
        """Write a file, whole or not at all. The oldest files of the model are deleted where there are many.

        Raises:
            OSError: the folder cannot be written.
        """
        tensors = {_TOKENS: torch.tensor(prefix.tokens, dtype=torch.int32)}
        for layer, (keys, values) in enumerate(prefix.kept):
            tensors |= {f"{layer}.k": keys.cpu().contiguous(), f"{layer}.v": values.cpu().contiguous()}
        about = {
            "form": FORM,
            "model": self._model_hash,
            "computed_by": self._computed_by,
            "version": prefix.version,
            "sha256": digest(tensors),
        }
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = self._folder / self._name(prefix.version, prefix.tokens)
        part = file.with_suffix(f".{os.getpid()}.part")
        try:
            part.touch(0o600)
            part.write_bytes(cast("Any", save)(tensors, metadata=about))
            part.replace(file)
        finally:
            part.unlink(missing_ok=True)
        ours = self._folder.glob(f"{self._model_hash}-*{_ENDING}")  # also what was computed otherwise, once
        for old in sorted(ours, key=lambda each: each.stat().st_mtime)[:-_KEPT_FILES]:
            old.unlink(missing_ok=True)
        return file

    def has(self, version: str, tokens: Sequence[int]) -> bool:
        """Whether there is a file of these tokens."""
        return (self._folder / self._name(version, tokens)).is_file()

    def read(self, budget: int) -> Iterator[KeptPrefix]:
        """Give what is kept for this model, the newest first, as long as it fits into ``budget`` bytes."""
        try:
            files = sorted(self._own(), key=lambda each: each.stat().st_mtime, reverse=True)
        except OSError as error:
            _log.warning("kept beginnings of prompts cannot be listed", folder=str(self._folder), error=str(error))
            return
        for file in files:
            try:
                size = file.stat().st_size
                if size > budget:
                    continue
                prefix = self._load(file)
            except Exception as error:  # whatever a damaged file makes the libraries raise, the model works without it
                _log.warning("a kept beginning of prompts is ignored", file=str(file), error=str(error))
                continue
            budget -= size
            yield prefix

    def _load(self, file: Path) -> KeptPrefix:
        """Read a file.

        Raises:
            ValueError: it is not what its name or its metadata say.
        """
        with cast("Any", safe_open)(file, framework="pt") as opened:
            about: dict[str, str] = opened.metadata() or {}
            tensors: dict[str, torch.Tensor] = {
                name: opened.get_tensor(name) for name in cast("list[str]", list(opened.keys()))
            }
        made = (about.get("form"), about.get("model"), about.get("computed_by"))
        if made != (FORM, self._model_hash, self._computed_by):
            raise ValueError("it is of another model, or of another release")
        if about["sha256"] != digest(tensors):
            raise ValueError("it is damaged")
        tokens = tuple(cast("Any", tensors.pop(_TOKENS)).tolist())
        layers = len(tensors) // 2
        kept = [(tensors[f"{layer}.k"], tensors[f"{layer}.v"]) for layer in range(layers)]
        if file.name != self._name(about["version"], tokens):
            raise ValueError("it holds other tokens than its name says")
        each = [tensor for pair in kept for tensor in pair]
        if any(len(one.shape) != 3 or one.shape[1] != len(tokens) or one.dtype != self._dtype for one in each):
            raise ValueError("its keys and values have another form")
        return KeptPrefix(about["version"], tokens, kept)

    def _own(self) -> list[Path]:
        return list(self._folder.glob(f"{self._model_hash}-{self._computed_by}-*{_ENDING}"))

    def _name(self, version: str, tokens: Sequence[int]) -> str:
        spelled = msgspec.json.encode([version, list(tokens)])
        return f"{self._model_hash}-{self._computed_by}-{hashlib.sha256(spelled).hexdigest()[:16]}{_ENDING}"


def digest(tensors: dict[str, torch.Tensor]) -> str:
    """The SHA-256 of tensors, with their names, shapes and types."""
    found = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        found.update(f"{name} {[*tensor.shape]} {tensor.dtype}\n".encode())
        found.update(cast("Any", tensor.contiguous().view(torch.uint8).numpy()).tobytes())
    return found.hexdigest()
