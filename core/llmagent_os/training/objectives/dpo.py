"""DPO: makes a response likelier than one that was liked less.

For a prompt ``x`` with the response ``y`` and the rejected response ``n``, policy ``p`` and reference ``q``:

    r(y) = ln p(y|x) - ln q(y|x)
    L    = mean of -w * ln sigmoid(beta * (r(y) - r(n)))

``w`` is how far the raters are trusted.

Source: Rafailov et al. 2023, Direct Preference Optimization, https://arxiv.org/abs/2305.18290, equation 7.
Left out: noise in the labels, and the lengths of the responses. The response may become less likely too, as long as the
rejected one does so faster.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn import functional

from llmagent_os.errors import ConfigError
from llmagent_os.training.objectives.objective import Logprobs, Metrics, Preparation, PreparedSample, SampleBatch
from llmagent_os.training.token_sample import TokenSample


class DpoObjective:
    """The logistic loss of pairs.

    Args:
        beta: how strongly the policy is held to the reference.
    """

    needs_reference = True
    needs_anchors = False
    learns_comparisons = True
    has_least_loss = True

    def __init__(self, *, beta: float = 0.1) -> None:
        self._beta = beta

    def prepare(self, samples: Sequence[TokenSample]) -> Preparation:
        """Choose the samples that have a rejected response.

        Raises:
            ConfigError: there is no pair.
        """
        pairs = [
            PreparedSample(sample=each, comparison=each.rejected)
            for each in samples
            if each.rejected and each.rejected != each.response and each.weight > 0
        ]
        if not pairs:
            raise ConfigError(
                f"dpo learns from pairs, and none of {len(samples)} samples has a rejected response that differs: "
                "corrections and regenerated replies make pairs; without them, train with the method kto"
            )
        left = len(samples) - len(pairs)
        return Preparation(pairs, [f"{left} of {len(samples)} samples are no pairs: dpo leaves them out"] * bool(left))

    def loss(self, policy: Logprobs, reference: Logprobs, batch: SampleBatch) -> tuple[torch.Tensor, Metrics]:
        """Compute the weighted mean of the pairs' losses, in nats."""
        better = ((policy.response - reference.response) * batch.mask).sum(1)  # [samples]
        worse = ((policy.comparison - reference.comparison) * batch.comparison_mask).sum(1)  # [samples]
        margin = self._beta * (better - worse)  # [samples]
        loss = -(batch.weights * functional.logsigmoid(margin)).mean()
        return loss, {"margin": margin.mean().item(), "right": (margin > 0).float().mean().item()}
