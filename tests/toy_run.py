"""A training run of seconds, with everything that the real one has: for the tests of the calendar model's recipe."""

from __future__ import annotations

from llmagent_os.bots.calendar.recipe.hyperparameters import Recipe

TOY = Recipe(
    steps=9,
    vocab_size=400,
    corpus=200,
    hidden_size=32,
    layers=2,
    heads=2,
    key_value_heads=1,
    head_dim=16,
    feed_forward=64,
    group=10,
    tokens=700,
    warmup=2,
    validate_every=4,
    muon_lr=2e-2,
    adamw_lr=2e-2,
)
