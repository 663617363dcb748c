"""Holds a policy at anchors while it learns something else: adds their divergence to any objective's loss.

For anchors with the tokens ``A``, responses of the reference to other prompts; policy ``p``, reference ``q``:

    L = the objective's loss + anchor_weight * 1/|A| * sum over a in A of KL(q || p) at a
    KL(q || p) at a = sum over every token v that could stand at a of q(v) * (ln q(v) - ln p(v))

The direction of the divergence holds the policy to all that the reference might have said there. Without anchors, only
the objective is left.

Source: Li and Hoiem 2016, Learning without Forgetting, https://arxiv.org/abs/1606.09282. Left out: temperatures over 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from llmagent_os.training.objectives.objective import Logprobs, Metrics, Objective, Preparation, SampleBatch
from llmagent_os.training.token_sample import TokenSample


def anchor_divergence(policy: Logprobs, reference: Logprobs) -> torch.Tensor:
    """Compute the mean of KL(reference || policy) over the anchors' tokens: a scalar, in nats a token."""
    gap = reference.anchors.exp() * (reference.anchors - policy.anchors)  # [tokens, vocabulary]
    return gap.sum() / max(1, len(gap))


class AnchoredObjective:
    """An objective with anchors.

    Args:
        objective: what is learned.
        anchor_weight: weight of the divergence on anchors, a nat a token.
    """

    needs_anchors = True

    def __init__(self, objective: Objective, *, anchor_weight: float = 1.0) -> None:
        self._objective = objective
        self._anchor_weight = anchor_weight
        self.needs_reference = objective.needs_reference
        self.learns_comparisons = objective.learns_comparisons
        self.has_least_loss = objective.has_least_loss

    def prepare(self, samples: Sequence[TokenSample]) -> Preparation:
        """Choose the samples that the objective can learn from.

        Raises:
            ConfigError: there is none.
        """
        return self._objective.prepare(samples)

    def loss(self, policy: Logprobs, reference: Logprobs, batch: SampleBatch) -> tuple[torch.Tensor, Metrics]:
        """Compute the objective's loss, and the weighted divergence on the anchors."""
        loss, metrics = self._objective.loss(policy, reference, batch)
        if not len(reference.anchors):
            return loss, metrics
        divergence = anchor_divergence(policy, reference)
        return loss + self._anchor_weight * divergence, {**metrics, "anchors": divergence.item()}
