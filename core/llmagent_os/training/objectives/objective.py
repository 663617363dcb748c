"""The protocol of an objective: what the training loop asks of it, and what it is given.

An objective sees log-probabilities only: those of the policy, which is the model with its LoRA, and those of the
reference, which is the version that training starts from: the base, or the parent of the LoRA. Log-probabilities are in
nats.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import msgspec
import torch

from llmagent_os.serving.drawn_words import DrawnWords
from llmagent_os.training.token_sample import TokenSample


class PreparedSample(msgspec.Struct, frozen=True, kw_only=True):
    """One sample, and what an objective adds to it once, before training begins."""

    sample: TokenSample
    comparison: tuple[int, ...] = ()  #: a second response to the same prompt; empty: the objective compares nothing
    advantage: float = 0.0  #: how much better the return was than expected; ``reinforce`` alone sets it
    drawn: DrawnWords | None = None  #: the rule that the response was drawn by; ``reinforce`` alone sets it


class Preparation(NamedTuple):
    """The samples that an objective can learn from."""

    samples: list[PreparedSample]
    warnings: list[str]  #: sentences on what was left out, or is not likely to work


class SampleBatch(NamedTuple):
    """The samples of one step. In each row, what is beyond a response's end is padding."""

    samples: tuple[PreparedSample, ...]
    mask: torch.Tensor  #: [samples, longest response], bool: here is a response token
    comparison_mask: torch.Tensor  #: [samples, longest comparison], bool; the longest is 0 without comparisons
    rewards: torch.Tensor  #: [samples]
    weights: torch.Tensor  #: [samples]
    advantages: torch.Tensor  #: [samples]
    behavior: torch.Tensor  #: [samples, longest response]: logged log-probabilities; NaN where not known


class Logprobs(NamedTuple):
    """What one model, the policy or the reference, says of a batch. What an objective does not need is empty."""

    response: torch.Tensor  #: [samples, longest response]: ln p of each response token; 0 at padding
    comparison: torch.Tensor  #: [samples, longest comparison]: ln p of each token of the comparison; 0 at padding
    anchors: torch.Tensor  #: [tokens of all anchors' responses, vocabulary]: ln p of every token that could stand there
    #: [samples, longest response], of the policy alone: ln p of each response token by the rule it was drawn by; as
    #: :attr:`response` where it was not drawn
    drawn: torch.Tensor


Metrics = dict[str, float]  #: what a progress bar or a report may show beside the loss


class Objective(Protocol):
    """What is minimised."""

    needs_reference: bool  #: whether :meth:`loss` is given the reference's log-probabilities of samples
    needs_anchors: bool  #: whether each batch gets anchors, and :meth:`loss` what both models say there
    learns_comparisons: bool  #: whether gradients flow through the comparisons' log-probabilities
    has_least_loss: bool  #: whether a loss near zero means that all is learned

    def prepare(self, samples: Sequence[TokenSample]) -> Preparation:
        """Choose the samples that can be learned from, in their order. Anchors are not among ``samples``.

        Raises:
            ConfigError: nothing can be learned from them; the message says why.
        """
        ...

    def loss(self, policy: Logprobs, reference: Logprobs, batch: SampleBatch) -> tuple[torch.Tensor, Metrics]:
        """Compute the loss of a batch: a scalar with a gradient, and figures to show."""
        ...
