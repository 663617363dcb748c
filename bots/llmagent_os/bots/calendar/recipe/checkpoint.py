"""Keeps the state of a training run on disk, as safetensors and JSON."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import msgspec
import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from llmagent_os.bots.calendar.recipe.optimizers import Optimizers
from llmagent_os.errors import LLMAgentOSError

#: Exceptions that the libraries raise for a checkpoint that is damaged or of another model.
_DAMAGE = (SafetensorError, msgspec.MsgspecError, OSError, ValueError, KeyError, TypeError, RuntimeError)
_TIED = "lm_head.weight"  #: the same tensor as the embedding's; it is stored once


class TrainingError(LLMAgentOSError):
    """Training cannot go on. The message says why, and what to do."""


class TrainingStopped(TrainingError):
    """Training was asked to stop. It can resume from here."""


class Progress(msgspec.Struct, kw_only=True):
    """The progress of a run."""

    step: int = 0  #: finished steps
    group: int = 0  #: the group of conversations that the next batch is from
    batch: int = 0  #: the next batch's number in that group
    seconds: float = 0.0  #: training time, all sessions together
    tokens: int = 0  #: trained on, padding included
    loss_sum: float = 0.0  #: the sum of the losses since the last line of the log
    loss_steps: int = 0  #: the number of steps since the last line of the log


class Checkpoint:
    """One file with the model, both optimizers and the progress. It is replaced whole, so a kill does not damage it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def save(self, model: nn.Module, optimizers: Optimizers, progress: Progress) -> None:
        """Write everything.

        Raises:
            TrainingError: the file cannot be written; the old file is untouched.
        """
        state = {f"model.{name}": value for name, value in model.state_dict().items() if name != _TIED}
        for number, optimizer in enumerate(optimizers.each):
            for parameter, values in optimizer.state_dict()["state"].items():
                for name, value in values.items():
                    state[f"optimizer.{number}.{parameter}.{name}"] = torch.as_tensor(value)
        state = {name: value.detach().cpu().contiguous() for name, value in state.items()}
        with replacing(self.path) as fresh:
            cast("Any", safetensors.torch).save_file(
                state, fresh, metadata={"progress": msgspec.json.encode(progress).decode()}
            )

    def load(self, model: nn.Module, optimizers: Optimizers) -> Progress:
        """Restore everything. Returns the progress; a new one if nothing was saved.

        Raises:
            TrainingError: the file is damaged, or of another model.
        """
        if not self.path.exists():
            return Progress()
        try:
            with cast("Any", safe_open)(self.path, "pt") as file:
                names: list[str] = file.keys()
                # Copied, as the optimizers will write into them, and not into a mapped file.
                tensors = {name: file.get_tensor(name).clone() for name in names}
                progress = msgspec.json.decode(file.metadata()["progress"], type=Progress)
            self._fill(model, optimizers, tensors)
        except _DAMAGE as error:
            why = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise TrainingError(
                f"the checkpoint {self.path} is damaged or of another model ({why}): put a good copy in its place, "
                "or delete it to train from the beginning"
            ) from error
        return progress

    def _fill(self, model: nn.Module, optimizers: Optimizers, tensors: dict[str, Tensor]) -> None:
        weights = {name.removeprefix("model."): t for name, t in tensors.items() if name.startswith("model.")}
        loaded: Any = model.load_state_dict(weights, strict=False)
        if unmatched := sorted({*loaded.missing_keys, *loaded.unexpected_keys} - {_TIED}):
            raise ValueError(f"weights that do not match: {', '.join(unmatched[:3])}")
        for number, optimizer in enumerate(optimizers.each):
            state: dict[int, dict[str, Tensor]] = {}
            for key, value in tensors.items():
                if key.startswith(f"optimizer.{number}."):
                    _, _, parameter, name = key.split(".")
                    state.setdefault(int(parameter), {})[name] = value
            packed: dict[str, Any] = {"state": state, "param_groups": optimizer.state_dict()["param_groups"]}
            optimizer.load_state_dict(packed)


@contextmanager
def replacing(path: Path) -> Generator[Path]:
    """Yield a temporary path beside ``path``, and move it to ``path`` at the end. A failure leaves ``path`` alone.

    Raises:
        TrainingError: the file cannot be written, such as for lack of space.
    """
    fresh = path.with_name(f".{path.name}.new")
    try:
        yield fresh
        with fresh.open("rb") as file:
            os.fsync(file.fileno())
        fresh.replace(path)
    except (OSError, SafetensorError) as error:
        raise TrainingError(
            f"{path} cannot be written ({error}): free some space or repair the folder, then run the same command "
            "again; it resumes from the last checkpoint"
        ) from error
    finally:
        fresh.unlink(missing_ok=True)
