"""Distillation: makes the chosen replies likelier, and leaves the model as it is everywhere else.

For responses with the tokens ``R_i`` and the weights ``w_i``, and for anchors with the tokens ``A``: responses of the
reference to other prompts; policy ``p``, reference ``q``, which is the version that training starts from:

    L = -sum over i of w_i * (sum over t in R_i of ln p(t)) / (sum over i of |R_i|)
        + kl_weight * 1/|A| * sum over a in A of KL(q || p) at a
    KL(q || p) at a = sum over every token v that could stand at a of q(v) * (ln q(v) - ln p(v))

The chosen replies are the model's own, so little has to change to make them likely; and a change that reaches the
anchors costs. The direction of the divergence holds the policy to all that the base might have said there.

Sources: Hinton et al. 2015, Distilling the Knowledge in a Neural Network, https://arxiv.org/abs/1503.02531; Dong et al.
2023, RAFT, https://arxiv.org/abs/2304.06767, for training on the best of the model's own samples by a reward model; Li
and Hoiem 2016, Learning without Forgetting, https://arxiv.org/abs/1606.09282, for the anchors. Left out: temperatures
above 1, and disliked replies, which taught the reward model already.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from llmagent_os.errors import ConfigError
from llmagent_os.training.objectives.anchored import anchor_divergence
from llmagent_os.training.objectives.liked_responses import liked_samples, weighted_likelihood
from llmagent_os.training.objectives.objective import Logprobs, Metrics, Preparation, SampleBatch
from llmagent_os.training.token_sample import TokenSample


class DistilObjective:
    """Cross-entropy of the chosen replies, and the divergence from the reference on anchors.

    Args:
        kl_weight: weight of the divergence, a nat a token.
    """

    needs_reference = False
    needs_anchors = True
    learns_comparisons = False
    has_least_loss = True

    def __init__(self, *, kl_weight: float = 1.0) -> None:
        self._kl_weight = kl_weight

    def prepare(self, samples: Sequence[TokenSample]) -> Preparation:
        """Choose the samples with a reward above zero.

        Raises:
            ConfigError: no sample is liked.
        """
        liked = liked_samples(samples)
        if not liked:
            raise ConfigError(
                f"distil learns from replies that will probably be liked, and none of {len(samples)} has a reward and "
                "a weight above 0: no style that the model can be brought to is liked; wait for more opinions"
            )
        left = len(samples) - len(liked)
        return Preparation(
            liked, [f"{left} of {len(samples)} samples are not likely to be liked: they are left out"] * bool(left)
        )

    def loss(self, policy: Logprobs, reference: Logprobs, batch: SampleBatch) -> tuple[torch.Tensor, Metrics]:
        """Compute the weighted mean negative log-likelihood and the divergence, in nats a token."""
        likelihood = weighted_likelihood(policy, batch)
        divergence = anchor_divergence(policy, reference)
        return likelihood + self._kl_weight * divergence, {"kl": divergence.item(), "nll": likelihood.item()}
