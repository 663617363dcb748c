"""Log-probabilities of responses: padding, prompts, caches and cut decoders must not show in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from llmagent_os.training.frozen_layers import first_trained_block, split_decoder
from llmagent_os.training.prompt_batch import ResponseRow
from llmagent_os.training.response_model import ResponseModel
from llmagent_os.training.training_device import TrainingDevice
from llmagent_os.training.training_settings import TrainingSettings
from tests.tiny_model import make_model, make_tokenizer
from tests.unit.training.conftest import random_samples, small_model

FP32 = TrainingSettings(precision="fp32")


def rows_of(count: int, seed: int = 0) -> list[ResponseRow]:
    return [ResponseRow(each.prompt, each.response) for each in random_samples(count, seed)]


def alone(model: Any, row: ResponseRow) -> torch.Tensor:
    """What the model says of a row alone, with all logits: ``[response tokens, vocabulary]``."""
    with torch.no_grad():
        logits = model(torch.tensor([[*row.prompt, *row.response]])).logits[0]
    return torch.log_softmax(logits[len(row.prompt) - 1 : -1], -1)


def shake(adapted: Any) -> None:
    """Give the LoRA random weights, so that it changes what the model says."""
    for name, weight in adapted.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(weight, std=0.2, generator=torch.Generator().manual_seed(len(name)))


@pytest.mark.parametrize("top", [None, 1])
def test_the_policy_and_the_reference_say_what_they_say_of_each_row_alone(
    adapt: Callable[[TrainingSettings], Any], top: int | None
) -> None:
    """Padding, the prompt, the LoRA switched off, and remembered states must not change a number."""
    adapted = adapt(TrainingSettings(top_layers=top))
    shake(adapted)
    model = ResponseModel(adapted, TrainingDevice(FP32, 0), 2**20)
    rows, anchors = rows_of(9), rows_of(3, seed=1)
    assert model.remember([*rows, *anchors], reference=True, states=anchors) == []
    assert (rows[0].frozen is not None) == (top is not None)
    policy, said = model.logprobs(rows, anchors)
    reference, said_before = model.reference_logprobs(rows), model.reference_distributions(anchors)
    base = small_model()
    for at, row in enumerate(rows):
        places = torch.arange(len(row.response)), torch.tensor(row.response)
        assert torch.allclose(policy[at, : len(row.response)], alone(adapted, row)[places], atol=1e-4)
        assert torch.allclose(reference[at, : len(row.response)], alone(base, row)[places], atol=1e-4)
        assert not policy[at, len(row.response) :].any(), "padding"
    assert torch.allclose(said, torch.cat([alone(adapted, row) for row in anchors]), atol=1e-4)
    assert torch.allclose(said_before, torch.cat([alone(base, row) for row in anchors]), atol=1e-4)
    assert not torch.allclose(policy, reference, atol=1e-2)


@pytest.mark.parametrize("kind", ["llama", "qwen2", "qwen3"])
def test_a_cut_decoder_computes_what_the_whole_one_does(kind: str) -> None:
    """A wrong state below the LoRA would train a model that nobody serves."""
    decoder = make_model(kind, make_tokenizer()).get_decoder()
    tokens = torch.arange(7, 47).view(2, 20)
    parts = split_decoder(decoder, 1, tokens)
    assert parts is not None
    with torch.no_grad():
        assert torch.equal(parts.trained(parts.frozen(tokens)), parts.whole(tokens))
    assert len(decoder.layers) == 2, "the decoder is whole again"


def test_a_decoder_that_cannot_be_cut_is_computed_whole(adapt: Callable[[TrainingSettings], Any]) -> None:
    """A model that scales its embeddings, as some do, must be trained too, and slower; but never wrongly."""
    adapted = adapt(TrainingSettings(top_layers=1))
    decoder = adapted.get_base_model().get_decoder()
    decoder.register_forward_pre_hook(scale_embeddings, with_kwargs=True)
    assert split_decoder(decoder, first_trained_block(adapted), torch.arange(10)[None]) is None
    warnings = ResponseModel(adapted, TrainingDevice(FP32, 0), 2**20).remember(rows_of(2))
    assert warnings == ["this model cannot be cut under its LoRA: its 2 frozen layers are computed anew at every step"]


def scale_embeddings(decoder: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """As a decoder does that multiplies what it is given by a constant."""
    if kwargs.get("inputs_embeds") is not None:
        kwargs["inputs_embeds"] = kwargs["inputs_embeds"] * 5
    return args, kwargs


def test_states_that_do_not_fit_are_computed_anew(adapt: Callable[[TrainingSettings], Any]) -> None:
    """A job must not take memory that the host needs."""
    model = ResponseModel(adapt(TrainingSettings(top_layers=1)), TrainingDevice(FP32, 0), 100)
    rows = rows_of(4)
    (warning,) = model.remember(rows)
    assert "more than max_cache_bytes" in warning
    assert all(row.frozen is None for row in rows)
