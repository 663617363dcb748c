"""KTO: makes liked responses likelier and disliked ones less likely, without pairs.

For a response ``y`` to the prompt ``x``, policy ``p`` and reference ``q``:

    r = ln p(y|x) - ln q(y|x)                           the implied reward
    z = max(0, mean over the batch of r(x, y'))         y' answers another prompt: an estimate of KL(p || q)
    L = mean of  w * d * (1 - sigmoid(beta * (r - z)))  for a liked response, d: the desirable weight
             or  w * u * (1 - sigmoid(beta * (z - r)))  for a disliked one,   u: the undesirable weight

No gradient flows through ``z``; ``w`` is how far the raters are trusted.

Source: Ethayarajh et al. 2024, KTO: Model Alignment as Prospect Theoretic Optimization,
https://arxiv.org/abs/2402.01306, equations 7 and 8. A pair with another prompt is made once for each sample, with the
sample before it, and not anew for each batch, so that the reference is computed once. Left out: how much a response
was liked; only the sign of its reward counts. Several processes do not share ``z``.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from llmagent_os.errors import ConfigError
from llmagent_os.training.objectives.objective import Logprobs, Metrics, Preparation, PreparedSample, SampleBatch
from llmagent_os.training.token_sample import TokenSample

#: What the weights of all liked samples may be, as a multiple of those of all disliked ones: equation 8.
_BALANCE = (1.0, 4 / 3)


class KtoObjective:
    """The loss of Kahneman and Tversky's value function.

    Args:
        beta: how strongly the policy is held to the reference.
        desirable_weight: weight of liked samples.
        undesirable_weight: weight of disliked samples.
    """

    needs_reference = True
    needs_anchors = False
    learns_comparisons = False
    has_least_loss = True

    def __init__(self, *, beta: float = 0.1, desirable_weight: float = 1.0, undesirable_weight: float = 1.0) -> None:
        self._beta = beta
        self._desirable = desirable_weight
        self._undesirable = undesirable_weight

    def prepare(self, samples: Sequence[TokenSample]) -> Preparation:
        """Choose the samples with an opinion, and pair each prompt with the response of the sample before it.

        Raises:
            ConfigError: no sample is liked, or there is only one.
        """
        judged = [each for each in samples if each.reward and each.weight > 0]
        liked = sum(each.reward > 0 for each in judged)
        if not liked:
            raise ConfigError(
                f"kto needs a liked sample, and none of {len(samples)} has a reward and a weight above 0: it would "
                "only unlearn; wait for people to like replies, or train with the method reinforce"
            )
        if len(judged) == 1:
            raise ConfigError("kto compares samples with each other, and there is only one: train with the method sft")
        prepared = [
            PreparedSample(sample=each, comparison=before.response)
            for each, before in zip(judged, [judged[-1], *judged[:-1]], strict=True)
        ]
        return Preparation(prepared, [*self._warnings(len(samples) - len(judged), liked, len(judged) - liked)])

    def _warnings(self, left_out: int, liked: int, disliked: int) -> list[str]:
        found: list[str] = []
        if left_out:
            found.append(f"{left_out} samples carry no opinion: kto leaves them out")
        if not disliked:
            found.append("no sample is disliked: kto learns little more than sft would")
            return found
        balance = liked * self._desirable / (disliked * self._undesirable) if self._undesirable else float("inf")
        if not 0.99 * _BALANCE[0] <= balance <= 1.01 * _BALANCE[1]:
            found.append(
                f"{liked} samples are liked and {disliked} disliked: together the liked ones weigh {balance:.2g} times "
                f"as much. 1 to 1.33 is advised: set desirable_weight to {disliked * self._undesirable / liked:.2g}"
            )
        return found

    def loss(self, policy: Logprobs, reference: Logprobs, batch: SampleBatch) -> tuple[torch.Tensor, Metrics]:
        """Compute the mean of the samples' losses, each between 0 and its weight."""
        rewards = ((policy.response - reference.response) * batch.mask).sum(1)  # [samples]
        mismatched = ((policy.comparison - reference.comparison) * batch.comparison_mask).sum(1)  # [samples]
        divergence = mismatched.detach().mean().clamp(min=0)
        liked = batch.rewards > 0  # [samples]
        margin = torch.where(liked, rewards - divergence, divergence - rewards)  # [samples]
        weights = batch.weights * torch.where(liked, self._desirable, self._undesirable)  # [samples]
        loss = (weights * torch.sigmoid(-self._beta * margin)).mean()
        return loss, {"kl": divergence.item(), "right": (margin > 0).float().mean().item()}
