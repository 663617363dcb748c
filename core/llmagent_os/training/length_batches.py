"""Sorts what is trained into batches of similar length, and lays a batch out as tensors.

On a CPU such batches are faster than examples packed into one row: attention never sees other examples, and little is
padding.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import TypeVar

import torch

from llmagent_os.training.objectives.objective import PreparedSample, SampleBatch

Item = TypeVar("Item")


def length_batches(
    items: Sequence[Item], size: int, order: random.Random, length: Callable[[Item], int]
) -> list[list[Item]]:
    """Sort all items into batches of similar length; gives the batches in random order, every item once."""
    by_length = sorted(items, key=lambda item: (length(item), order.random()))
    found = [by_length[at : at + size] for at in range(0, len(by_length), size)]
    order.shuffle(found)
    return found


def padded(rows: Sequence[Sequence[float]], fill: float, dtype: torch.dtype) -> torch.Tensor:
    """Make a tensor ``[rows, longest row]`` of rows, filled up at their ends."""
    longest = max(map(len, rows), default=0)
    return torch.tensor([[*row, *[fill] * (longest - len(row))] for row in rows], dtype=dtype)


def sample_batch(samples: Sequence[PreparedSample], device: torch.device) -> SampleBatch:
    """Lay the samples of one step out as tensors."""
    unknown = float("nan")
    logged = [each.sample.behavior_logprobs or (unknown,) * len(each.sample.response) for each in samples]

    def column(values: Sequence[float]) -> torch.Tensor:
        return torch.tensor(values, dtype=torch.float32, device=device)

    return SampleBatch(
        samples=tuple(samples),
        mask=padded([[1.0] * len(each.sample.response) for each in samples], 0, torch.bool).to(device),
        comparison_mask=padded([[1.0] * len(each.comparison) for each in samples], 0, torch.bool).to(device),
        rewards=column([each.sample.reward for each in samples]),
        weights=column([each.sample.weight for each in samples]),
        advantages=column([each.advantage for each in samples]),
        behavior=padded(logged, unknown, torch.float32).to(device),
    )
