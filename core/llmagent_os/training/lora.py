"""Fine-tunes a LoRA on responses, in one plain loop.

Hu et al. 2021, LoRA: Low-Rank Adaptation of Large Language Models, https://arxiv.org/abs/2106.09685.

For a batch with the response tokens ``R``, the loss is the mean negative log-likelihood, in nats a token:

    L = -1/|R| * sum over t in R of ln p(t | all tokens before t)

The output layer is computed for the response tokens only. A batch holds examples of similar length, which is faster on
a CPU than packing examples into one row. Left out: validation, checkpoints, mixed precision.
"""

from __future__ import annotations

import math
import os
import random
import warnings
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import msgspec
import torch
from torch.nn import functional

from llmagent_os.errors import ModelError
from llmagent_os.training.token_sample import TokenSample

_LEAST_EPOCHS = 3  # by default, at least this many passes over the data
_LEAST_STEPS = 80  # and at least this many steps of the optimiser


class LoraSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a LoRA is trained. The defaults suit small models and few examples."""

    rank: int = 16  #: rank of the two matrices of each layer
    alpha: int = 32  #: the product of the two matrices is scaled by ``alpha / rank``
    #: the highest learning rate; it rises over the first tenth of the steps, then falls along a cosine
    learning_rate: float = 1e-3
    batch_size: int = 8  #: examples a step
    epochs: int | None = None  #: passes over the data; ``None``: 3, or more until there are 80 steps
    stop_at_loss: float = 0.02  #: training ends early after an epoch with a mean loss below this, in nats a token
    max_gradient_norm: float = 1.0  #: a longer gradient is cut to this Euclidean norm
    seed: int = 0  #: fixes the first weights of a new LoRA and the order of the batches

    def steps(self, samples: int) -> int:
        """Give the number of planned steps for a number of samples."""
        steps_per_epoch = math.ceil(samples / self.batch_size)
        if self.epochs is not None:
            return steps_per_epoch * self.epochs
        return steps_per_epoch * max(_LEAST_EPOCHS, math.ceil(_LEAST_STEPS / steps_per_epoch))


def batches(samples: Sequence[TokenSample], size: int, order: random.Random) -> list[list[TokenSample]]:
    """Sort all samples into batches of similar length; gives the batches in random order, every sample once."""
    by_length = sorted(samples, key=lambda sample: (sample.length, order.random()))
    found = [by_length[at : at + size] for at in range(0, len(by_length), size)]
    order.shuffle(found)
    return found


def response_loss(model: Any, batch: Sequence[TokenSample], pad: int) -> torch.Tensor:
    """Compute the mean negative log-likelihood of the batch's response tokens: a scalar, in nats a token.

    Args:
        model: a transformers causal language model.
        batch: the samples.
        pad: a token that fills shorter samples up; it has no influence on the loss.
    """
    rows = [[*sample.prompt, *sample.response] for sample in batch]
    longest = max(map(len, rows))
    tokens = torch.tensor([row + [pad] * (longest - len(row)) for row in rows])  # [samples, longest]
    seen = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])  # [samples, longest]
    learned = torch.zeros_like(tokens, dtype=torch.bool)  # [samples, longest]: the *next* token is a response token
    for at, (sample, row) in enumerate(zip(batch, rows, strict=True)):
        learned[at, len(sample.prompt) - 1 : len(row) - 1] = True
    hidden = model.model(input_ids=tokens, attention_mask=seen, use_cache=False)[0]  # [samples, longest, width]
    logits = model.lm_head(hidden[learned]).float()  # [response tokens, vocabulary]
    return functional.cross_entropy(logits, tokens.roll(-1, dims=1)[learned])


@contextmanager
def _seeded(seed: int) -> Generator[None]:
    """Seed torch's random numbers, and afterwards give the caller's back as they were."""
    with cast("Any", torch.random).fork_rng(), warnings.catch_warnings():
        # peft 0.21 asks transformers 5.23 for a property that it is about to rename.
        warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing", category=FutureWarning)
        cast("Any", torch).manual_seed(seed)
        yield


@contextmanager
def _most_threads() -> Generator[None]:
    """Compute on all processors but one. With all of them, any other work on this machine delays every step."""
    before = torch.get_num_threads()
    torch.set_num_threads(max(1, (os.cpu_count() or 2) - 1))
    try:
        yield
    finally:
        torch.set_num_threads(before)


def attach(model: Any, settings: LoraSettings, start: Path | None) -> Any:
    """Make the model a PeftModel, with the LoRA of folder ``start``, or with a new LoRA that changes nothing yet."""
    from peft import LoraConfig, PeftModel, get_peft_model

    with _seeded(settings.seed):
        if start:
            return cast("Any", PeftModel).from_pretrained(model, start, is_trainable=True)
        config = LoraConfig(
            task_type="CAUSAL_LM",
            r=settings.rank,
            lora_alpha=settings.alpha,
            lora_dropout=0.0,
            target_modules="all-linear",
        )
        return get_peft_model(model, config)


def train(
    adapted: Any,
    samples: Sequence[TokenSample],
    settings: LoraSettings,
    on_step: Callable[[int, int, float], None] | None = None,
) -> list[float]:
    """Train the LoRA of a PeftModel in place; gives the loss of each step, in nats a response token.

    Args:
        adapted: the model, from :func:`attach`.
        samples: what to learn.
        settings: how to learn it.
        on_step: called after each step with the step's number, the number of planned steps, and the step's loss.

    Raises:
        ModelError: the loss is infinite or not a number; the message names the step.
    """
    model = adapted.get_base_model()
    weights = [parameter for parameter in adapted.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=settings.learning_rate, weight_decay=0.0)
    planned = settings.steps(len(samples))
    warm = max(1, planned // 10)
    order = random.Random(settings.seed)
    losses: list[float] = []
    with _seeded(settings.seed), _most_threads():
        adapted.train()
        while len(losses) < planned:
            epoch = batches(samples, settings.batch_size, order)
            for batch in epoch:
                step = len(losses)
                share = (
                    (step + 1) / warm
                    if step < warm
                    else 0.5 + 0.5 * math.cos(math.pi * (step - warm) / max(1, planned - warm))
                )
                optimizer.param_groups[0]["lr"] = settings.learning_rate * share
                loss = response_loss(model, batch, pad=0)
                cast("Any", loss).backward()
                torch.nn.utils.clip_grad_norm_(weights, settings.max_gradient_norm)
                cast("Any", optimizer).step()
                optimizer.zero_grad(set_to_none=True)
                losses.append(loss.item())
                if not math.isfinite(losses[-1]):
                    raise ModelError(f"the loss is {losses[-1]} at step {step + 1}: lower the learning rate")
                if on_step:
                    on_step(step + 1, planned, losses[-1])
            if sum(losses[-len(epoch) :]) / len(epoch) < settings.stop_at_loss:
                break
        adapted.eval()
    return losses
