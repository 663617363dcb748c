"""A PeftModel that trains in a blink, and samples for it."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, cast

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from llmagent_os.training.lora import attach
from llmagent_os.training.token_sample import TokenSample
from llmagent_os.training.training_device import seeded
from llmagent_os.training.training_settings import TrainingSettings

VOCABULARY = 40


def small_model(seed: int = 0) -> Any:
    """Make a Llama of three blocks with about 20,000 random weights."""
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=64,
        initializer_range=0.2,
    )
    with seeded(seed):
        return cast("Any", LlamaForCausalLM)(config).eval()


@pytest.fixture
def adapt() -> Callable[[TrainingSettings], Any]:
    """Gives a fresh model with a fresh LoRA, the same ones every time."""
    torch.set_num_threads(1)
    return lambda settings: attach(small_model(), settings)


def random_samples(count: int, seed: int = 0, **values: Any) -> list[TokenSample]:
    """Make samples of random tokens and lengths, every second of them liked."""
    order = random.Random(seed)

    def tokens(least: int, most: int) -> tuple[int, ...]:
        return tuple(order.randrange(VOCABULARY) for _ in range(order.randint(least, most)))

    return [
        TokenSample(
            prompt=tokens(1, 9),
            response=tokens(1, 6),
            rejected=tokens(1, 6),
            **cast("dict[str, Any]", {"reward": 1.0 if number % 2 else -1.0, **values}),
        )
        for number in range(count)
    ]
