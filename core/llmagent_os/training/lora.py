"""LoRA fine-tuning on responses (Hu et al. 2021, https://arxiv.org/abs/2106.09685), in one plain loop.

The loss is the mean negative log-likelihood of the response tokens; the output layer is computed for these alone.
Batches hold examples of like length, which on a CPU beats packing them. Left out: validation, checkpoints, mixed
precision.
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


class Sample(msgspec.Struct, frozen=True):
    """One thing to learn to say."""

    prompt: tuple[int, ...]  #: the tokens before
    response: tuple[int, ...]  #: the tokens to learn, the end token last


class LoraSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a LoRA is trained. The defaults are for small models and few examples."""

    rank: int = 16  #: of the two matrices a layer
    alpha: int = 32  #: they are scaled by ``alpha / rank``
    learning_rate: float = 1e-3  #: at its highest; warmed up over a tenth of the steps, then falling along a cosine
    batch_size: int = 8  #: examples a step
    epochs: int | None = None  #: times through the data; by default 3, or as many as give 80 steps
    stop_at_loss: float = 0.02  #: training ends early after an epoch with a mean loss below this
    max_gradient_norm: float = 1.0
    seed: int = 0

    def steps(self, samples: int) -> int:
        """Steps planned for so many samples."""
        a_epoch = math.ceil(samples / self.batch_size)
        return a_epoch * (self.epochs if self.epochs is not None else max(3, math.ceil(80 / a_epoch)))


def batches(samples: Sequence[Sample], size: int, order: random.Random) -> list[list[Sample]]:
    """All samples once, those of like length together, the batches in random order."""
    by_length = sorted(samples, key=lambda sample: (len(sample.prompt) + len(sample.response), order.random()))
    found = [by_length[at : at + size] for at in range(0, len(by_length), size)]
    order.shuffle(found)
    return found


def response_loss(model: Any, batch: Sequence[Sample], pad: int) -> torch.Tensor:
    """Mean negative log-likelihood, in nats a token, of the batch's response tokens; a scalar.

    Args:
        model: a transformers causal language model.
        batch: the samples.
        pad: a token to fill shorter samples up with; never looked at.
    """
    rows = [[*sample.prompt, *sample.response] for sample in batch]
    longest = max(map(len, rows))
    tokens = torch.tensor([row + [pad] * (longest - len(row)) for row in rows])  # [samples, longest]
    seen = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])
    learned = torch.zeros_like(tokens, dtype=torch.bool)  # at which places the *next* token is to be learned
    for at, (sample, row) in enumerate(zip(batch, rows, strict=True)):
        learned[at, len(sample.prompt) - 1 : len(row) - 1] = True
    hidden = model.model(input_ids=tokens, attention_mask=seen, use_cache=False)[0]  # [samples, longest, width]
    logits = model.lm_head(hidden[learned]).float()  # [response tokens, vocabulary]
    return functional.cross_entropy(logits, tokens.roll(-1, dims=1)[learned])


@contextmanager
def _seeded(seed: int) -> Generator[None]:
    """Random numbers of our own, and the caller's afterwards as they were."""
    with cast("Any", torch.random).fork_rng(), warnings.catch_warnings():
        # peft 0.21 asks transformers 5.23 for a property that it is about to rename.
        warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing", category=FutureWarning)
        cast("Any", torch).manual_seed(seed)
        yield


@contextmanager
def _most_threads() -> Generator[None]:
    """All processors but one: with all of them, whatever else runs here makes every step wait for it."""
    before = torch.get_num_threads()
    torch.set_num_threads(max(1, (os.cpu_count() or 2) - 1))
    try:
        yield
    finally:
        torch.set_num_threads(before)


def attach(model: Any, settings: LoraSettings, start: Path | None) -> Any:
    """The model as a PeftModel, with the LoRA in ``start`` or a new one that changes nothing yet."""
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
    samples: Sequence[Sample],
    settings: LoraSettings,
    on_step: Callable[[int, int, float], None] | None = None,
) -> list[float]:
    """Train the LoRA of a PeftModel in place; gives the loss of each step.

    Args:
        adapted: from :func:`attach`.
        samples: what to learn.
        settings: how.
        on_step: called after each step with its number, how many are planned, and its loss.

    Raises:
        ModelError: the loss is no number any more.
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
