"""Moves the weights of a LoRA along their gradients, and keeps the best ones.

AdamW without weight decay: Loshchilov & Hutter 2019, https://arxiv.org/abs/1711.05101.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import torch

from llmagent_os.training.training_device import TrainingDevice
from llmagent_os.training.training_settings import TrainingSettings

_WARMUP = 10  #: the learning rate rises over the first of so many parts of the steps


def learning_rate_share(step: int, planned: int) -> float:
    """Give the share of the highest learning rate at a step: a rise, then a cosine down to zero."""
    warm = max(1, planned // _WARMUP)
    if step < warm:
        return (step + 1) / warm
    return 0.5 + 0.5 * math.cos(math.pi * (step - warm) / max(1, planned - warm))


class LoraOptimizer:
    """The trainable weights of a PeftModel, and their optimiser.

    Args:
        adapted: the PeftModel.
        settings: the learning rate, and the longest gradient.
        device: shares gradients with other processes.
    """

    def __init__(self, adapted: Any, settings: TrainingSettings, device: TrainingDevice) -> None:
        self.weights: dict[str, Any] = {name: each for name, each in adapted.named_parameters() if each.requires_grad}
        self._settings = settings
        self._device = device
        self._adam: Any = torch.optim.AdamW(
            self.weights.values(), lr=settings.learning_rate, weight_decay=0.0, fused=True
        )
        self._best = self._copy()

    def _copy(self) -> dict[str, torch.Tensor]:
        return {name: weight.detach().clone() for name, weight in self.weights.items()}

    def average(self, told: torch.Tensor) -> float:
        """Replace the gradients and ``told`` by their means over all processes.

        Returns:
            The gradient's Euclidean norm, before a gradient that is too long is cut.
        """
        for weight in self.weights.values():
            if weight.grad is None:
                weight.grad = torch.zeros_like(weight)
        self._device.average([told, *(weight.grad for weight in self.weights.values())])
        return torch.nn.utils.clip_grad_norm_(self.weights.values(), self._settings.max_gradient_norm).item()

    def step(self, share: float) -> None:
        """Take a step along the gradients, with a share of the highest learning rate."""
        self._adam.param_groups[0]["lr"] = self._settings.learning_rate * share
        self._adam.step()
        self._adam.zero_grad(set_to_none=True)

    def keep_best(self) -> None:
        """Remember the weights as they are now as the best ones."""
        self._best = self._copy()

    def load_best(self) -> None:
        """Set the weights to the best ones."""
        self._load(self._best)

    def tensors(self) -> dict[str, torch.Tensor]:
        """Give all that a checkpoint must keep, by name."""
        found: dict[str, torch.Tensor] = {}
        for name, weight in self.weights.items():
            found[f"now/{name}"] = weight
            found[f"best/{name}"] = self._best[name]
            found |= {f"{key}/{name}": moment for key, moment in self._adam.state[weight].items()}
        return found

    def load(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Take up what :meth:`tensors` gave."""
        kept: Iterable[str] = {name.partition("/")[0] for name in tensors} - {"now", "best"}
        for name, weight in self.weights.items():
            self._best[name] = tensors[f"best/{name}"].to(weight.device)
            self._adam.state[weight] = {key: tensors[f"{key}/{name}"].to(weight.device) for key in kept}
        self._load({name: tensors[f"now/{name}"] for name in self.weights})

    @torch.no_grad()
    def _load(self, values: Mapping[str, torch.Tensor]) -> None:
        for name, weight in self.weights.items():
            weight.copy_(values[name])
