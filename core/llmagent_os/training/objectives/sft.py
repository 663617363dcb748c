"""Supervised fine-tuning: makes the liked responses likelier.

For a batch of responses with the tokens ``R_i`` and the weights ``w_i``, the loss is the weighted mean negative
log-likelihood, in nats a token:

    L = -sum over i of w_i * (sum over t in R_i of ln p(t | all tokens before t)) / (sum over i of |R_i|)

Source: Ouyang et al. 2022, Training language models to follow instructions with human feedback,
https://arxiv.org/abs/2203.02155, section 3.5. Left out: disliked responses, of which it learns nothing, and prompts.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from llmagent_os.errors import ConfigError
from llmagent_os.training.objectives.liked_responses import liked_samples, weighted_likelihood
from llmagent_os.training.objectives.objective import Logprobs, Metrics, Preparation, SampleBatch
from llmagent_os.training.token_sample import TokenSample


class SupervisedObjective:
    """Cross-entropy of the liked responses."""

    needs_reference = False
    needs_anchors = False
    learns_comparisons = False
    has_least_loss = True

    def prepare(self, samples: Sequence[TokenSample]) -> Preparation:
        """Choose the samples with a reward above zero.

        Raises:
            ConfigError: no sample is liked.
        """
        liked = liked_samples(samples)
        if not liked:
            raise ConfigError(
                f"sft learns from liked samples, and none of {len(samples)} has a reward and a weight above 0: wait "
                "for people to like replies, or train with the method reinforce"
            )
        left = len(samples) - len(liked)
        return Preparation(liked, [f"{left} of {len(samples)} samples are not liked: sft leaves them out"] * bool(left))

    def loss(self, policy: Logprobs, reference: Logprobs, batch: SampleBatch) -> tuple[torch.Tensor, Metrics]:
        """Compute the weighted mean negative log-likelihood, in nats a response token."""
        del reference  # how likely the responses were before does not matter
        return weighted_likelihood(policy, batch), {}
