"""Every objective's loss and gradient, against numbers worked out by hand."""

from __future__ import annotations

import math
from typing import Any, cast

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from llmagent_os.errors import ConfigError
from llmagent_os.training.length_batches import padded, sample_batch
from llmagent_os.training.objectives.dpo import DpoObjective
from llmagent_os.training.objectives.kto import KtoObjective
from llmagent_os.training.objectives.objective import Logprobs, Objective
from llmagent_os.training.objectives.objective_choice import objective_of
from llmagent_os.training.objectives.policy_gradient import ReinforceObjective, advantages, returns
from llmagent_os.training.objectives.sft import SupervisedObjective
from llmagent_os.training.token_sample import TokenSample
from llmagent_os.training.training_settings import TrainingSettings

NONE = torch.zeros(0, 0)


def sample(tokens: int = 1, **values: Any) -> TokenSample:
    return TokenSample(prompt=(1,), response=tuple(range(2, 2 + tokens)), **values)


def solve(
    objective: Objective,
    samples: list[TokenSample],
    policy: list[list[float]],
    reference: list[list[float]] | None = None,
    compared: tuple[list[list[float]], list[list[float]]] = ([], []),
) -> tuple[float, list[list[float]], list[list[float]]]:
    """The loss, and its gradients by the policy's log-probabilities of responses and of comparisons."""

    def table(values: list[list[float]]) -> torch.Tensor:
        return padded(values, 0.0, torch.float32).requires_grad_() if values else NONE.clone().requires_grad_()

    said, other = table(policy), table(compared[0])
    before = Logprobs(table(reference or policy).detach(), table(compared[1]).detach(), NONE, NONE)
    batch = sample_batch(objective.prepare(samples).samples, torch.device("cpu"))
    loss, _ = objective.loss(Logprobs(said, other, NONE, said), before, batch)
    cast("Any", loss).backward()
    gradients: list[list[list[float]]] = [
        cast("Any", each.grad).tolist() if each.grad is not None else [] for each in (said, other)
    ]
    return loss.item(), gradients[0], gradients[1]


def sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value))


def test_sft_is_the_mean_over_response_tokens_and_trust_weighs() -> None:
    """Long responses count by their tokens, and a rater who is trusted half moves half."""
    loss, gradient, _ = solve(SupervisedObjective(), [sample(2), sample(1, weight=0.5)], [[-1.0, -2.0], [-4.0]])
    assert loss == pytest.approx((1 + 2 + 0.5 * 4) / 3)
    assert gradient[0] == pytest.approx([-1 / 3, -1 / 3])
    assert gradient[1] == pytest.approx([-0.5 / 3, 0])


def test_kto_raises_liked_and_lowers_disliked_responses() -> None:
    """With z = 0.2 from the mismatched pairs: (2 * s(.1*(.2-.5)) + s(.1*(-1-.2))) / 2, s the sigmoid."""
    loss, gradient, unlearned = solve(
        KtoObjective(beta=0.1, desirable_weight=2.0),
        [sample(2), sample(1, reward=-0.3)],
        [[-1.0, -1.0], [-3.0]],
        [[-1.5, -1.0], [-2.0]],
        ([[-2.0], [-2.0, -1.0]], [[-2.1], [-2.2, -1.1]]),
    )
    liked, disliked = sigmoid(0.1 * (0.2 - 0.5)), sigmoid(0.1 * (-1.0 - 0.2))
    assert loss == pytest.approx((2 * liked + disliked) / 2)
    pull = 2 * 0.1 * liked * (1 - liked) / 2
    assert gradient[0] == pytest.approx([-pull, -pull], rel=1e-4)
    assert gradient[1] == pytest.approx([0.1 * disliked * (1 - disliked) / 2, 0], rel=1e-4)
    assert unlearned == [], "no gradient flows through z"


def test_kto_never_takes_a_negative_divergence() -> None:
    """A KL divergence is never negative, and its estimate from few pairs may be."""
    loss, _, _ = solve(
        KtoObjective(), [sample(), sample()], [[-1.0], [-1.0]], None, ([[-3.0], [-3.0]], [[-1.0], [-1.0]])
    )
    assert loss == pytest.approx(0.5)


def test_dpo_widens_the_margin() -> None:
    """r(y) - r(n) = (0.5) - (-0.2) = 0.7, so the loss is ln(1 + exp(-.07))."""
    loss, better, worse = solve(
        DpoObjective(beta=0.1),
        [sample(2, rejected=(5,))],
        [[-1.0, -1.0]],
        [[-1.2, -1.3]],
        ([[-2.2]], [[-2.0]]),
    )
    assert loss == pytest.approx(math.log1p(math.exp(-0.07)))
    pull = 0.1 * sigmoid(-0.07)
    assert better[0] == pytest.approx([-pull, -pull], rel=1e-4)
    assert worse[0] == pytest.approx([pull], rel=1e-4)


def test_reinforce_weighs_tokens_by_advantage_and_truncated_importance() -> None:
    """Returns of 1 and -1 are the advantages 1 and -1; the ratios are e^.5 and e^1, which is cut to 2."""
    loss, gradient, _ = solve(
        ReinforceObjective(kl_weight=0.0, max_importance_weight=2.0),
        [sample(2, behavior_logprobs=(-1.5, -2.0)), sample(1, reward=-1.0)],
        [[-1.0, -1.0], [-2.0]],
    )
    ratio = math.exp(0.5)
    assert loss == pytest.approx(-(ratio + 2 - 1) / 3)
    assert gradient[0] == pytest.approx([-ratio / 3, -2 / 3])
    assert gradient[1] == pytest.approx([1 / 3, 0]), "an unknown probability has the weight 1"


def test_reinforce_leaves_forced_tokens_to_the_penalty() -> None:
    """A token that the grammar forced was no choice: praise for it would teach the model to force itself."""
    loss, gradient, _ = solve(
        ReinforceObjective(kl_weight=0.5),
        [sample(2, behavior_logprobs=(0.0, -1.0)), sample(1, reward=-1.0, behavior_logprobs=(-1.0,))],
        [[-2.0, -1.0], [-1.0]],
        [[-2.0 + math.log(2), -1.0], [-1.0]],
    )
    assert loss == pytest.approx(0.5 * (2 - 1 - math.log(2)) / 3 + 0)
    assert gradient[0] == pytest.approx([0.5 * (1 - 2) / 3, -1 / 3], rel=1e-5)


def test_returns_are_discounted_over_the_later_turns_of_an_episode() -> None:
    """Thanks at the end of a conversation speak of the turns before it, less the longer ago, and of no other talk."""
    samples = [
        sample(reward=0.0, episode="a", turn=0),
        sample(reward=-1.0, episode="b", turn=0),
        sample(reward=0.0, episode="a", turn=1),
        sample(reward=1.0, episode="a", turn=2),
        sample(reward=0.5),
        sample(reward=0.25),
    ]
    assert returns(samples, 0.9) == pytest.approx([0.81, -1.0, 0.9, 1.0, 0.5, 0.25])


def test_the_call_and_the_words_of_one_reply_are_one_turn() -> None:
    """Thanks for both are thanks once: the call did not lead to the words as a turn leads to the next."""
    call, words = (sample(reward=0.7, episode="a", turn=3) for _ in range(2))
    assert returns([call, words], 0.9) == pytest.approx([0.7, 0.7])
    disliked = sample(reward=-0.3, episode="a", turn=3)
    before = sample(reward=0.0, episode="a", turn=2)
    assert returns([before, call, disliked], 0.9) == pytest.approx([0.9 * 0.2, 0.7, -0.3])


def test_turns_that_nobody_judged_discount_too() -> None:
    samples = [sample(reward=1.0, episode="a", turn=4), sample(reward=0.5, episode="a", turn=1)]
    assert returns(samples, 0.9) == pytest.approx([1.0, 0.5 + 0.9**3])
    assert returns(samples, 0.0) == pytest.approx([1.0, 0.5])


def test_the_baseline_is_the_moving_average_or_the_value() -> None:
    """Returns 1 and -1: the average begins at 0, so the advantages are 1 and -1.1, before they are normalised."""
    found = advantages([sample(), sample(reward=-1.0)], 0.9, 0.9)
    assert found == pytest.approx([1.0, -1.0])
    by_value = advantages([sample(value=0.9), sample(value=-0.4, reward=-1.0), sample(value=1.0)], 0.9, 0.9)
    differences = [0.1, -0.6, 0.0]
    mean = sum(differences) / 3
    spread = math.sqrt(sum((each - mean) ** 2 for each in differences) / 3)
    assert by_value == pytest.approx([(each - mean) / spread for each in differences])


def test_a_group_of_one_is_not_normalised() -> None:
    """Normalised, a single thumb would always have the advantage zero."""
    assert advantages([sample(reward=-1.0)], 0.9, 0.9) == [-1.0]
    assert advantages([sample(reward=1.0, value=0.5)], 0.9, 0.9) == [0.5]


@given(
    st.lists(st.tuples(st.floats(-1, 1), st.floats(0.01, 1), st.sampled_from(["", "a", "b"])), min_size=2, max_size=20),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_normalised_advantages_have_mean_zero_and_spread_one(
    rows: list[tuple[float, float, str]], discount: float, decay: float
) -> None:
    """Whatever the rewards are, no batch of them may take a step that is larger than another's."""
    samples = [sample(reward=reward, weight=weight, episode=episode) for reward, weight, episode in rows]
    found = advantages(samples, discount, decay)
    total = sum(each.weight for each in samples)
    mean = sum(each.weight * value for each, value in zip(samples, found, strict=True)) / total
    square = sum(each.weight * value**2 for each, value in zip(samples, found, strict=True)) / total
    assert mean == pytest.approx(0, abs=1e-6)
    assert square == pytest.approx(1, abs=1e-3) or not any(found)


@pytest.mark.parametrize(
    ("method", "samples", "why"),
    [
        ("sft", [sample(reward=-1.0)], "sft learns from liked samples, and none of 1"),
        ("sft", [sample(weight=0.0)], "none of 1 has a reward and a weight above 0"),
        ("kto", [sample(reward=-1.0), sample(reward=-1.0)], "kto needs a liked sample, and none of 2"),
        ("kto", [sample()], "there is only one"),
        ("dpo", [sample(), sample(rejected=(2,))], "none of 2 samples has a rejected response that differs"),
        ("reinforce", [sample(), sample(), sample()], r"advantages of all 3 samples are zero \(rewards: 1.0\)"),
        ("reinforce", [sample(weight=0.0)], "advantages of all 0 samples"),
    ],
)
def test_what_cannot_teach_anything_is_refused_in_words(method: Any, samples: list[TokenSample], why: str) -> None:
    """A job that trains for minutes and changes nothing would look like one that works."""
    with pytest.raises(ConfigError, match=why):
        objective_of(TrainingSettings(method=method)).prepare(samples)


@pytest.mark.parametrize(
    ("method", "samples", "said"),
    [
        ("sft", [sample(), sample(reward=-1.0)], "1 of 2 samples are not liked"),
        ("kto", [sample(), sample(), sample(reward=0.0)], "1 samples carry no opinion"),
        ("kto", [sample(), sample()], "no sample is disliked"),
        ("kto", [sample(), sample(), sample(), sample(reward=-1.0)], "set desirable_weight to 0.33"),
        ("dpo", [sample(rejected=(9,)), sample()], "1 of 2 samples are no pairs"),
        ("reinforce", [sample(reward=-1.0), sample(reward=0.0)], "no sample has a reward above 0"),
        ("reinforce", [sample(), sample(reward=-1.0)], "2 of 2 samples were not drawn"),
    ],
)
def test_what_is_left_out_is_said(method: Any, samples: list[TokenSample], said: str) -> None:
    """Whoever reads the report must see which reactions did not count."""
    assert any(said in warning for warning in objective_of(TrainingSettings(method=method)).prepare(samples).warnings)
