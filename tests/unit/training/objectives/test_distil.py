"""The objective of distillation, by hand."""

from __future__ import annotations

import math
from typing import Any, cast

import pytest
import torch

from llmagent_os.errors import ConfigError
from llmagent_os.training.objectives.distil import DistilObjective
from llmagent_os.training.objectives.objective import Logprobs, PreparedSample, SampleBatch
from llmagent_os.training.objectives.objective_choice import objective_of
from llmagent_os.training.token_sample import TokenSample
from llmagent_os.training.training_settings import TrainingSettings

LIKED = TokenSample(prompt=(1,), response=(2, 3), reward=0.8)
EMPTY = torch.zeros(0, 0)


def batch(weights: list[float]) -> SampleBatch:
    """Two responses, of two tokens and of one."""
    mask = torch.tensor([[True, True], [True, False]])
    zeros = torch.zeros(2)
    return SampleBatch(
        (PreparedSample(sample=LIKED),) * 2, mask, mask[:, :0], zeros, torch.tensor(weights), zeros, mask * math.nan
    )


def test_the_loss_is_likelihood_and_divergence() -> None:
    """Checked against a case computed by hand, gradient included."""
    chosen = torch.tensor([[-1.0, -2.0], [-4.0, 0.0]], requires_grad=True)
    logits = torch.tensor([[0.0, 0.0], [math.log(3), 0.0]], requires_grad=True)  # p = (1/2, 1/2) and (3/4, 1/4)
    policy = Logprobs(chosen, EMPTY, torch.log_softmax(logits, -1), chosen)
    reference = Logprobs(EMPTY, EMPTY, torch.tensor([[0.25, 0.75], [0.75, 0.25]]).log(), EMPTY)
    loss, metrics = DistilObjective(kl_weight=2.0).loss(policy, reference, batch([1.0, 0.5]))
    likelihood = (3 * 1.0 + 4 * 0.5) / 3
    divergence = (0.25 * math.log(0.25 / 0.5) + 0.75 * math.log(0.75 / 0.5)) / 2
    assert loss.item() == pytest.approx(likelihood + 2 * divergence, abs=1e-6)
    assert metrics == {"kl": pytest.approx(divergence, abs=1e-6), "nll": pytest.approx(likelihood, abs=1e-6)}
    cast("Any", loss).backward()
    assert chosen.grad is not None and logits.grad is not None
    assert torch.allclose(chosen.grad, torch.tensor([[-1 / 3, -1 / 3], [-1 / 6, 0.0]]))
    # The gradient of a cross-entropy by the logits is p - q, here times 2 / 2 tokens.
    assert torch.allclose(logits.grad, torch.tensor([[0.25, -0.25], [0.0, 0.0]]), atol=1e-6)


def test_without_anchors_it_is_plain_likelihood() -> None:
    """A validation batch has no anchors: nothing may be divided by zero."""
    chosen = torch.tensor([[-1.0, -2.0], [-4.0, 0.0]])
    none = torch.zeros(0, 5)
    loss, metrics = DistilObjective().loss(
        Logprobs(chosen, EMPTY, none, chosen), Logprobs(EMPTY, EMPTY, none, EMPTY), batch([1.0, 1.0])
    )
    assert loss.item() == pytest.approx(7 / 3)
    assert metrics["kl"] == 0


def test_what_is_not_likely_to_be_liked_is_left_out_and_said() -> None:
    """Learning that does nothing must not be silent."""
    disliked = TokenSample(prompt=(1,), response=(2,), reward=-0.1)
    kept = DistilObjective().prepare([LIKED, disliked])
    assert [each.sample for each in kept.samples] == [LIKED]
    assert kept.warnings == ["1 of 2 samples are not likely to be liked: they are left out"]
    with pytest.raises(ConfigError, match="no style that the model can be brought to is liked"):
        DistilObjective().prepare([disliked])


def test_settings_make_it() -> None:
    """``method = distil`` needs nothing else."""
    made = objective_of(TrainingSettings(method="distil", kl_weight=3.0))
    assert isinstance(made, DistilObjective) and made.needs_anchors and not made.needs_reference
