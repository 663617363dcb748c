"""Where a training computes: on which processor, with which precision, and with which other processes."""

from __future__ import annotations

import os
import warnings
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import torch

from llmagent_os.errors import ConfigError
from llmagent_os.training.training_settings import TrainingSettings

#: A smaller model gains nothing from bf16 on a CPU: converting costs as much as is saved.
_LEAST_BF16_PARAMETERS = 1_000_000


class TrainingDevice:
    """One process's processor, and its place among the processes of one training.

    ``accelerate launch`` or ``torchrun`` start several processes, and say so in ``WORLD_SIZE``; each of them then
    trains on batches of its own, and all take the same step with the mean of their gradients.

    Args:
        settings: device, precision and threads.
        parameters: how many the model has.

    Raises:
        ConfigError: the device is not there.
    """

    def __init__(self, settings: TrainingSettings, parameters: int) -> None:
        self._accelerator: Any = None
        if int(os.environ.get("WORLD_SIZE", "1")) > 1:
            from accelerate import Accelerator  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]

            self._accelerator = Accelerator(cpu=settings.device == "cpu")
        gpu = torch.cuda.is_available()
        if settings.device == "cuda" and not gpu:
            raise ConfigError("device is 'cuda', and PyTorch finds no GPU here: set it to 'cpu' or 'auto'")
        kind = ("cuda" if gpu else "cpu") if settings.device == "auto" else settings.device
        self.device: torch.device = self._accelerator.device if self._accelerator else torch.device(kind)
        self.bf16 = settings.precision == "bf16" or (
            settings.precision == "auto" and self._bf16_pays(parameters, self.device.type)
        )
        self._threads = settings.threads or max(1, (os.cpu_count() or 2) - 1)

    @staticmethod
    def _bf16_pays(parameters: int, kind: str) -> bool:
        if kind == "cuda":
            return bool(cast("Any", torch.cuda).is_bf16_supported(including_emulation=False))
        multiplies_bf16 = cast("Any", getattr(torch.cpu, "_is_avx512_bf16_supported", bool))()
        return parameters >= _LEAST_BF16_PARAMETERS and bool(multiplies_bf16)

    @property
    def processes(self) -> int:
        """How many processes train together."""
        return self._accelerator.num_processes if self._accelerator else 1

    @property
    def rank(self) -> int:
        """The number of this process among them."""
        return self._accelerator.process_index if self._accelerator else 0

    def average(self, tensors: Sequence[torch.Tensor]) -> None:
        """Replace the tensors by their means over all processes, in one message."""
        if not self._accelerator:
            return
        flat = torch.cat([each.flatten() for each in tensors])
        mean = self._accelerator.reduce(flat, "mean")
        for each, part in zip(tensors, mean.split([each.numel() for each in tensors]), strict=True):
            each.copy_(part.view_as(each))

    def prepare(self, adapted: Any) -> None:
        """Move the model to this processor, and its frozen weights to this precision. A LoRA stays in fp32."""
        adapted.to(self.device)
        if self.bf16:
            for weight in adapted.parameters():
                if not weight.requires_grad:
                    weight.data = weight.data.to(torch.bfloat16)

    def precision(self) -> Any:
        """Compute with this precision inside of the context, which is for one step only.

        PyTorch keeps converted weights until the outermost context ends, also those converted without a gradient.
        """
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16)

    @contextmanager
    def reserved(self, seed: int) -> Generator[None]:
        """Compute with a fixed seed and on all processors but one; afterwards all is as it was.

        With all processors, any other work on this machine would delay every step.
        """
        before = torch.get_num_threads()
        torch.set_num_threads(self._threads)
        try:
            with seeded(seed):
                yield
        finally:
            torch.set_num_threads(before)


@contextmanager
def quiet_peft() -> Generator[None]:
    """Hide a warning: peft 0.21 asks transformers 5.23 for a property that it is about to rename."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing", category=FutureWarning)
        yield


@contextmanager
def seeded(seed: int) -> Generator[None]:
    """Seed torch's random numbers, and afterwards give the caller's back as they were."""
    with cast("Any", torch.random).fork_rng(), quiet_peft():
        cast("Any", torch).manual_seed(seed)
        yield
