"""What ``sft`` and ``distil`` share: they make liked responses likelier."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from llmagent_os.training.objectives.objective import Logprobs, PreparedSample, SampleBatch
from llmagent_os.training.token_sample import TokenSample


def liked_samples(samples: Sequence[TokenSample]) -> list[PreparedSample]:
    """Choose the samples with a reward and a weight above zero."""
    return [PreparedSample(sample=each) for each in samples if each.reward > 0 and each.weight > 0]


def weighted_likelihood(policy: Logprobs, batch: SampleBatch) -> torch.Tensor:
    """Compute the weighted mean negative log-likelihood: a scalar, in nats a response token."""
    logprobs = (policy.response * batch.mask).sum(1)  # [samples]
    return -(batch.weights * logprobs).sum() / batch.mask.sum()
