"""The optimizers: Muon for the matrices, AdamW for embeddings and norms, with one learning-rate schedule.

Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/) makes the update of every matrix orthogonal. Its
step is scaled to the size of AdamW's step (Liu et al. 2025, https://arxiv.org/abs/2502.16982), so both share a rate.
"""

from __future__ import annotations

import torch
from torch import nn

from llmagent_os.bots.calendar.recipe.hyperparameters import Recipe
from llmagent_os.errors import ConfigError

MAX_GRADIENT_NORM = 1.0  #: gradients with a larger norm are scaled down to this norm


def learning_rate_factor(step: int, recipe: Recipe) -> float:
    """Return the learning rate's factor after ``step`` steps: a rise, a plateau, then a straight line to zero.

    >>> [learning_rate_factor(step, Recipe(steps=8, warmup=2, decay=0.5)) for step in range(9)]
    [0.5, 1.0, 1.0, 1.0, 1.0, 0.75, 0.5, 0.25, 0.0]
    """
    left = (recipe.steps - step) / max(1.0, recipe.steps * recipe.decay)
    return min(1.0, (step + 1) / recipe.warmup, max(left, 0.0))


class Optimizers:
    """Both optimizers of a model as one.

    Raises:
        ConfigError: the installed torch is too old to have Muon.
    """

    def __init__(self, model: nn.Module, recipe: Recipe) -> None:
        if not hasattr(torch.optim, "Muon"):
            raise ConfigError(f"training needs torch 2.9 or newer for torch.optim.Muon; this is {torch.__version__}")
        named = list(model.named_parameters())
        matrices = [parameter for name, parameter in named if parameter.ndim == 2 and "embed" not in name]
        others = [parameter for name, parameter in named if parameter.ndim != 2 or "embed" in name]
        self._recipe = recipe
        self._parameters = [parameter for _, parameter in named]
        self.each: tuple[torch.optim.Optimizer, ...] = (
            torch.optim.Muon(
                matrices,
                lr=recipe.muon_lr,
                weight_decay=recipe.weight_decay,
                momentum=0.95,
                adjust_lr_fn="match_rms_adamw",
            ),
            torch.optim.AdamW(others, lr=recipe.adamw_lr, betas=(0.9, 0.98), weight_decay=0.0),
        )

    def step(self, done: int) -> None:
        """Apply the gradients and clear them. ``done`` is the number of finished steps."""
        factor = learning_rate_factor(done, self._recipe)
        nn.utils.clip_grad_norm_(self._parameters, MAX_GRADIENT_NORM)
        for optimizer, base in zip(self.each, (self._recipe.muon_lr, self._recipe.adamw_lr), strict=True):
            for group in optimizer.param_groups:
                group["lr"] = base * factor
            optimizer.step()  # pyright: ignore[reportUnknownMemberType]
            optimizer.zero_grad(set_to_none=True)
