"""REINFORCE: policy gradient on the discounted returns of logged replies.

What is maximised is the expected discounted return ``J = E[sum over t of discount^t * r_t]`` of an episode, which is a
conversation; ``r_t`` is the reward of its turn ``t``. For a reply ``i`` with the tokens ``R_i``:

    G_i = r_i + discount * r_{t+1} + discount^2 * r_{t+2} + ...              its own reward, then of later turns
    A_i = G_i - b_i, then less the mean of all A and divided by their standard deviation
    b_i = the value that was expected, or the moving average of the returns before
    c_t = min(c, s(t) / m(t))                            m: the logged probability; no gradient flows through c_t
    k_t = q(t)/p(t) - 1 - ln(q(t)/p(t))                  q: the reference
    L   = sum over i of sum over t in R_i of (-w_i * A_i * c_t * ln s(t) + kl_weight * k_t) / (sum over i of |R_i|)

``p`` is the policy's probability of a token, and ``s`` that of drawing it by the rule that ``m`` was drawn by: with the
same temperature, floor and forbidden tokens (``serving/drawn_words``). Where the policy has not changed, ``s = m``.

The value of the loss has ``1 + ln s - (ln s without its gradient)`` in the place of ``ln s``: the gradient is the same,
and the value estimates the expected advantage, which ``ln s`` does not.

Sources: Williams 1992, https://doi.org/10.1007/BF00992696 (REINFORCE with a baseline); Ionides 2008,
https://doi.org/10.1198/106186008X320456 (truncated importance weights); Schulman 2020,
http://joschu.net/blog/kl-approx.html (``k_t``, k3 there). On tokens of the policy's own the gradient of ``k_t`` is that
of KL(reference || policy).

Left out: the factor ``discount^t`` before a turn's gradient, as nearly everywhere; PPO's clipping, which on logged
replies stops the learning after two steps; the weight of a whole sequence, whose variance grows with its length.

A drawn token with the logged log-probability 0 had to come: it was no choice, and only ``k_t`` counts for it. A reply
that was not drawn has no ``m``: a tool call, of which the likeliest is always taken, a correction, and what was written
at temperature 0. There ``s = p`` and ``c_t = 1``: such a reply is made likelier or less likely by its advantage, which
is no estimate of the gradient of ``J``, but all that is known of it.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

import torch

from llmagent_os.errors import ConfigError
from llmagent_os.training.objectives.objective import Logprobs, Metrics, Preparation, PreparedSample, SampleBatch
from llmagent_os.training.token_sample import TokenSample

_LEAST_SPREAD = 1e-6  #: advantages with a smaller standard deviation are all alike


def returns(samples: Sequence[TokenSample], discount: float) -> list[float]:
    """Compute each sample's discounted return: its reward, and those of the later turns of its episode.

    A turn's reward is the mean of its samples': a reply with a call and words is two samples, and neither comes after
    the other. Turns that nobody judged have the reward 0, and discount what comes after them.
    """
    rewards: defaultdict[str, defaultdict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for sample in samples:
        if sample.episode:
            rewards[sample.episode][sample.turn].append(sample.reward)
    later = {episode: _later(turns, discount) for episode, turns in rewards.items()}
    return [sample.reward + (later[sample.episode][sample.turn] if sample.episode else 0.0) for sample in samples]


def _later(turns: Mapping[int, Sequence[float]], discount: float) -> dict[int, float]:
    """For each turn of an episode, the discounted rewards after it."""
    found: dict[int, float] = {}
    after, next_turn = 0.0, 0  # the return from the next judged turn on
    for turn in sorted(turns, reverse=True):
        found[turn] = discount ** (next_turn - turn) * after if found else 0.0
        after, next_turn = sum(turns[turn]) / len(turns[turn]) + found[turn], turn
    return found


def advantages(samples: Sequence[TokenSample], discount: float, decay: float) -> list[float]:
    """Compute how much better each sample's return was than expected, normalised over all samples.

    A sample without a value is compared with the exponential moving average of the returns before it, which begins at
    the mean of all. A single sample is compared with nothing but its value, and not normalised: a group of one would
    always have the advantage zero.
    """
    gained = returns(samples, discount)
    average = sum(gained) / len(gained) if len(gained) > 1 else 0.0
    found: list[float] = []
    for sample, gain in zip(samples, gained, strict=True):
        found.append(gain - (average if sample.value is None else sample.value))
        average = decay * average + (1 - decay) * gain
    if len(found) == 1:
        return found
    total = sum(sample.weight for sample in samples)
    mean = sum(sample.weight * each for sample, each in zip(samples, found, strict=True)) / total
    square = sum(sample.weight * (each - mean) ** 2 for sample, each in zip(samples, found, strict=True)) / total
    spread = math.sqrt(square)
    return [0.0 if spread < _LEAST_SPREAD else (each - mean) / spread for each in found]


class ReinforceObjective:
    """Policy gradient with a baseline, truncated importance weights and a KL penalty.

    Args:
        discount: how much the next turn's reward counts for this turn, in [0, 1].
        max_importance_weight: a token's importance weight is cut to this.
        kl_weight: weight of the KL divergence to the reference, a nat a token.
        baseline_decay: weight of earlier returns in the moving average, a sample, in [0, 1].
    """

    needs_reference = True
    needs_anchors = False
    learns_comparisons = False
    has_least_loss = False

    def __init__(
        self,
        *,
        discount: float = 0.9,
        max_importance_weight: float = 2.0,
        kl_weight: float = 0.05,
        baseline_decay: float = 0.9,
    ) -> None:
        self._discount = discount
        self._max_weight = max_importance_weight
        self._kl_weight = kl_weight
        self._decay = baseline_decay

    def prepare(self, samples: Sequence[TokenSample]) -> Preparation:
        """Compute every sample's advantage, in the order of the samples.

        Raises:
            ConfigError: all advantages are zero.
        """
        trusted = [each for each in samples if each.weight > 0]
        found = advantages(trusted, self._discount, self._decay) if trusted else []
        if not any(found):
            rewards = sorted({round(each.reward, 3) for each in trusted})
            raise ConfigError(
                f"the advantages of all {len(trusted)} samples are zero (rewards: {', '.join(map(str, rewards))}): no "
                "reply was better than another; wait for other opinions, or train with the method sft"
            )
        warnings: list[str] = []
        if not any(each.reward > 0 for each in trusted):
            warnings.append(
                "no sample has a reward above 0: what is liked cannot be learned, only what is disliked less"
            )
        if unknown := sum(not each.behavior_logprobs for each in trusted):
            warnings.append(
                f"{unknown} of {len(trusted)} samples were not drawn, as tool calls and replies at temperature 0 are "
                "not, or nobody knows how: their importance weights are 1"
            )
        return Preparation(
            [
                PreparedSample(sample=sample, advantage=advantage, drawn=sample.drawn)
                for sample, advantage in zip(trusted, found, strict=True)
            ],
            warnings,
        )

    def loss(self, policy: Logprobs, reference: Logprobs, batch: SampleBatch) -> tuple[torch.Tensor, Metrics]:
        """Compute the negative expected advantage and the KL penalty, a token."""
        logprobs = policy.response  # [samples, longest response]
        tokens = batch.mask.sum()
        drawn = policy.drawn  # [samples, longest response]
        known = ~batch.behavior.isnan()  # [samples, longest response]
        free = batch.mask & (batch.behavior != 0)  # [samples, longest response]: NaN != 0
        ratios = torch.where(known, (drawn.detach() - batch.behavior).exp(), 1.0)  # [samples, longest response]
        weights = ratios.clamp(max=self._max_weight) * free * (batch.weights * batch.advantages)[:, None]
        gained = (weights * (1 + drawn - drawn.detach())).sum() / tokens
        gap = reference.response - logprobs  # [samples, longest response]
        divergence = ((gap.exp() - 1 - gap) * batch.mask).sum() / tokens
        cut = (free & (ratios > self._max_weight)).sum() / tokens
        return self._kl_weight * divergence - gained, {"kl": divergence.item(), "cut": cut.item()}
