"""Keeps a training's state in one safetensors file, so that it goes on after it was killed at any step.

The state is the LoRA, the best LoRA so far, the optimiser's moments, and a few numbers as JSON in the file's metadata.
The order of the batches is made anew from the seed, so that no random numbers have to be kept. The weights at the end
are those of a training that was never interrupted.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import msgspec
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from llmagent_os.errors import ModelError
from llmagent_os.training.token_sample import TokenSample
from llmagent_os.training.training_run import Ending, Validation
from llmagent_os.training.training_settings import TrainingSettings

#: Settings that may change between an interruption and going on.
_FREE_SETTINGS = ("checkpoint_seconds", "max_seconds", "threads", "max_cache_bytes")


class OtherTrainingError(ModelError):
    """A checkpoint belongs to a training with other samples, settings or weights."""


class TrainingState(msgspec.Struct, kw_only=True):
    """Where a training stands, weights aside."""

    fingerprint: str  #: of settings, samples and weights at the beginning
    losses: list[float] = msgspec.field(default_factory=list[float])
    validations: list[Validation] = msgspec.field(default_factory=list[Validation])
    best_step: int = 0  #: the step with the least validation loss; 0: none yet
    still_steps: int = 0  #: steps without any gradient
    tokens: int = 0
    seconds: float = 0.0
    ending: Ending | None = None  #: None: it goes on


def fingerprint(
    settings: TrainingSettings,
    samples: Sequence[TokenSample],
    validation: Sequence[TokenSample],
    weights: Mapping[str, torch.Tensor],
) -> str:
    """Tell trainings apart: 32 hexadecimal digits of all that decides their result."""
    digest = hashlib.blake2b(digest_size=16)
    digest.update(
        msgspec.json.encode({k: v for k, v in msgspec.structs.asdict(settings).items() if k not in _FREE_SETTINGS})
    )
    for part in (samples, validation):
        digest.update(msgspec.json.encode(part))
    for name, weight in weights.items():
        digest.update(name.encode())
        digest.update(weight.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def write_checkpoint(path: Path, state: TrainingState, tensors: Mapping[str, torch.Tensor]) -> None:
    """Replace the checkpoint, all at once.

    Raises:
        ModelError: the file cannot be written.
    """
    fresh = path.with_name(f"{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        content = save(
            {name: each.detach().cpu().contiguous() for name, each in tensors.items()},
            metadata={"state": msgspec.json.encode(state).decode()},
        )
        with fresh.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise ModelError(f"the checkpoint {path} cannot be written: {error}. Make room, and start again") from error


def read_checkpoint(path: Path, expected: str) -> tuple[TrainingState, dict[str, torch.Tensor]] | None:
    """Read a checkpoint; ``None`` if there is none.

    Raises:
        ModelError: the file is damaged.
        OtherTrainingError: it belongs to another training than ``expected`` says.
    """
    if not path.exists():
        return None
    try:
        with cast("Any", safe_open)(path, framework="pt") as file:
            state = msgspec.json.decode(file.metadata()["state"], type=TrainingState)
            names: list[str] = file.keys()
            tensors: dict[str, torch.Tensor] = {name: file.get_tensor(name) for name in names}
    except (OSError, SafetensorError, KeyError, TypeError, msgspec.MsgspecError) as error:
        raise ModelError(f"the checkpoint {path} cannot be read: {error}. Delete it to start anew") from error
    if state.fingerprint != expected:
        raise OtherTrainingError(
            f"the checkpoint {path} belongs to a training with other samples, settings or weights: delete it to "
            "start anew"
        )
    return state, tensors
