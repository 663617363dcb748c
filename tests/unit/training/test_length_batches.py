"""Batches: every sample once, with others of its length."""

from __future__ import annotations

import random
from typing import Any

import torch

from llmagent_os.training.length_batches import length_batches, sample_batch
from llmagent_os.training.objectives.objective import PreparedSample
from llmagent_os.training.token_sample import TokenSample


def test_batches_hold_all_samples_once_and_like_lengths() -> None:
    """Otherwise some examples would never be learned, or most of the work would be padding."""
    samples = [TokenSample(prompt=(1,) * (n % 7 + 1), response=(2,) * (n // 7 + 1)) for n in range(50)]
    found = length_batches(samples, 8, random.Random(1), lambda each: each.length)
    assert sorted(id(sample) for batch in found for sample in batch) == sorted(map(id, samples))
    spread = [max(each.length for each in batch) - min(each.length for each in batch) for batch in found]
    assert max(spread) <= 5
    assert found != length_batches(samples, 8, random.Random(2), lambda each: each.length)


def test_padding_and_what_was_not_logged_are_told_apart() -> None:
    """A padded place that counts as a token, or an unknown probability that counts as certain, would teach nonsense."""
    batch: Any = sample_batch(
        [
            PreparedSample(sample=TokenSample(prompt=(1,), response=(2, 3), behavior_logprobs=(-1.0, 0.0))),
            PreparedSample(sample=TokenSample(prompt=(1,), response=(4,), reward=-0.5, weight=0.25), advantage=2.0),
        ],
        torch.device("cpu"),
    )
    assert batch.mask.tolist() == [[True, True], [True, False]]
    assert batch.comparison_mask.shape == (2, 0)
    assert batch.behavior[0].tolist() == [-1.0, 0.0]
    assert batch.behavior[1].isnan().all()
    assert [column[1].item() for column in (batch.rewards, batch.weights, batch.advantages)] == [-0.5, 0.25, 2.0]
