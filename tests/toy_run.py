"""A training run of seconds, with everything that the real one has: for the tests of the calendar model's recipe."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import torch

from llmagent_os.bots.calendar.recipe.hyperparameters import Recipe

TOY = Recipe(
    steps=9,
    vocab_size=1200,
    corpus=300,
    hidden_size=32,
    layers=2,
    heads=2,
    key_value_heads=1,
    head_dim=16,
    feed_forward=64,
    group=12,
    tokens=500,
    warmup=2,
    validate_every=4,
    muon_lr=2e-2,
    adamw_lr=2e-2,
)


@contextmanager
def one_thread() -> Generator[None]:
    """So small a model is slower on several threads, which wait for each other, and much slower on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
