"""Log-probabilities of responses: padding, prompts, caches and cut decoders must not show in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from llmagent_os.training.prompt_batch import ResponseRow
from llmagent_os.training.response_model import ResponseModel
from llmagent_os.training.training_device import TrainingDevice
from llmagent_os.training.training_settings import TrainingSettings
from tests.unit.training.conftest import random_samples, small_model

FP32 = TrainingSettings(precision="fp32")


def rows_of(count: int, seed: int = 0) -> list[ResponseRow]:
    return [ResponseRow(each.prompt, each.response) for each in random_samples(count, seed)]


def alone(model: Any, row: ResponseRow) -> torch.Tensor:
    """What the model says of a row alone, with all logits: ``[response tokens, vocabulary]``."""
    with torch.no_grad():
        logits = model(torch.tensor([[*row.prompt, *row.response]])).logits[0]
    return torch.log_softmax(logits[len(row.prompt) - 1 : -1], -1)


def shake(adapted: Any, seed: int = 0) -> None:
    """Give the LoRA random weights, so that it changes what the model says."""
    for name, weight in adapted.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(weight, std=0.2, generator=torch.Generator().manual_seed(seed + len(name)))


@pytest.mark.parametrize("top", [None, 1])
@pytest.mark.parametrize("parent", [False, True])
def test_the_policy_and_the_reference_say_what_they_say_of_each_row_alone(
    adapt: Callable[[TrainingSettings], Any], top: int | None, parent: bool
) -> None:
    """Padding, the prompt, and remembered states must not change a number. The reference is where the training began:
    the base with a new LoRA, else the parent of the LoRA."""
    adapted, begun = adapt(TrainingSettings(top_layers=top)), small_model()
    if parent:
        shake(adapted, seed=9)
        begun = adapt(TrainingSettings(top_layers=top))
        shake(begun, seed=9)
    model = ResponseModel(adapted, TrainingDevice(FP32, 0), 2**20)
    rows, anchors = rows_of(9), rows_of(3, seed=1)
    assert model.remember([*rows, *anchors], reference=True, states=anchors) == []
    assert (rows[0].frozen is not None) == (top is not None)
    shake(adapted)
    policy, said, drawn = model.logprobs(rows, anchors)
    reference, said_before = model.reference_logprobs(rows), model.reference_distributions(anchors)
    assert torch.equal(drawn, policy), "no row was drawn"
    for at, row in enumerate(rows):
        places = torch.arange(len(row.response)), torch.tensor(row.response)
        assert torch.allclose(policy[at, : len(row.response)], alone(adapted, row)[places], atol=1e-4)
        assert torch.allclose(reference[at, : len(row.response)], alone(begun, row)[places], atol=1e-4)
        assert not policy[at, len(row.response) :].any(), "padding"
    assert torch.allclose(said, torch.cat([alone(adapted, row) for row in anchors]), atol=1e-4)
    assert torch.allclose(said_before, torch.cat([alone(begun, row) for row in anchors]), atol=1e-4)
    assert not torch.allclose(policy, reference, atol=1e-2)


def test_a_decoder_that_cannot_be_cut_is_computed_whole(adapt: Callable[[TrainingSettings], Any]) -> None:
    """A model that scales its embeddings, as some do, must be trained too, and slower; but never wrongly."""
    adapted = adapt(TrainingSettings(top_layers=1))
    shake(adapted)
    adapted.get_base_model().get_decoder().register_forward_pre_hook(scale_embeddings, with_kwargs=True)
    model, rows = ResponseModel(adapted, TrainingDevice(FP32, 0), 2**20), rows_of(2)
    warnings = model.remember(rows)
    assert warnings == ["this model cannot be cut under its LoRA: its 2 frozen layers are computed anew at every step"]
    assert not model.shares_prompts
    policy, _, _ = model.logprobs(rows)
    for at, row in enumerate(rows):
        places = torch.arange(len(row.response)), torch.tensor(row.response)
        assert torch.allclose(policy[at, : len(row.response)], alone(adapted, row)[places], atol=1e-4)


def scale_embeddings(decoder: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """As a decoder does that multiplies what it is given by a constant."""
    if kwargs.get("input_ids") is not None:
        kwargs["inputs_embeds"] = decoder.embed_tokens(kwargs.pop("input_ids"))
    kwargs["inputs_embeds"] = kwargs["inputs_embeds"] * 5
    return args, kwargs


def test_states_that_do_not_fit_are_computed_anew(adapt: Callable[[TrainingSettings], Any]) -> None:
    """A job must not take memory that the host needs."""
    model = ResponseModel(adapt(TrainingSettings(top_layers=1)), TrainingDevice(FP32, 0), 100)
    rows = rows_of(4)
    (warning,) = model.remember(rows)
    assert "more than max_cache_bytes" in warning
    assert all(row.frozen is None for row in rows)


def test_responses_to_one_prompt_are_computed_as_if_alone(adapt: Callable[[TrainingSettings], Any]) -> None:
    """A response that saw another response to its prompt would be likelier than when it is served."""
    adapted = adapt(TrainingSettings())
    shake(adapted)
    model = ResponseModel(adapted, TrainingDevice(FP32, 0), 0)
    first, second = rows_of(2)
    rows = [first, second, *(ResponseRow(first.prompt, response) for response in ((3, 4, 5, 6), (7,), (8, 9)))]
    policy, _, _ = model.logprobs(rows)
    assert model.shares_prompts
    for at, row in enumerate(rows):
        places = torch.arange(len(row.response)), torch.tensor(row.response)
        assert torch.allclose(policy[at, : len(row.response)], alone(adapted, row)[places], atol=1e-4)


def test_a_model_without_a_lora_answers_as_the_base() -> None:
    """The gate asks the base in the same way as the versions that it compares with the base."""
    base = small_model()
    model = ResponseModel(base, TrainingDevice(FP32, 0), 0)
    rows = rows_of(3)
    expected = torch.cat([alone(base, row) for row in rows])
    assert torch.allclose(torch.log_softmax(model.logits(rows), -1), expected, atol=1e-4)
