"""The decoder for training: states and gradients must be those of transformers and PEFT."""

from __future__ import annotations

from typing import Any, cast

import pytest
import torch

from llmagent_os.training.decoder_choice import choose_decoder
from llmagent_os.training.frozen_layers import SplitDecoder
from llmagent_os.training.lora import attach
from llmagent_os.training.lora_decoder import LoraDecoder, is_known
from llmagent_os.training.prompt_batch import ResponseRow, prompt_batch
from llmagent_os.training.training_device import TrainingDevice, quiet_peft
from llmagent_os.training.training_settings import TrainingSettings
from tests.tiny_model import make_model, make_tokenizer

CPU = torch.device("cpu")
ROWS = [
    ResponseRow((9, 8, 7), (20, 21, 22, 23)),
    ResponseRow(tuple(range(30, 45)), (50, 51)),
    ResponseRow((9, 8, 7), (60,)),
]


def adapted_model(kind: str, top: int | None = None) -> Any:
    adapted = attach(make_model(kind, make_tokenizer()), TrainingSettings(rank=4, alpha=8, top_layers=top)).eval()
    for name, weight in adapted.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(weight, std=0.1, generator=torch.Generator().manual_seed(len(name)))
    return adapted


def gradients(adapted: Any, decoder: LoraDecoder | SplitDecoder, *, share: bool) -> tuple[torch.Tensor, list[Any]]:
    states = decoder.above(prompt_batch(ROWS, CPU, share=share), None)
    weights = [each for each in adapted.parameters() if each.requires_grad]
    return states, cast("Any", torch.autograd).grad((states * states.detach().cos()).sum(), weights)


@pytest.mark.parametrize("kind", ["llama", "qwen2", "qwen3"])
@pytest.mark.parametrize("share", [False, True])
def test_states_and_gradients_are_those_of_transformers_and_peft(kind: str, *, share: bool) -> None:
    """A LoRA that is trained in another model than the served one learns something that nobody asked for."""
    adapted = adapted_model(kind)
    base = adapted.get_base_model().get_decoder()
    assert is_known(base)
    states, found = gradients(adapted, LoraDecoder(base, 0, torch.float32), share=share)
    expected, theirs = gradients(adapted, SplitDecoder(base, 0), share=False)
    assert torch.allclose(states, expected, atol=1e-4)
    for mine, their in zip(found, theirs, strict=True):
        assert torch.allclose(mine, their, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("kind", ["llama", "qwen2", "qwen3"])
@pytest.mark.parametrize("known", [False, True])
def test_a_cut_decoder_computes_what_the_whole_one_does(kind: str, *, known: bool) -> None:
    """A wrong state below the LoRA would train a model that nobody serves."""
    base = adapted_model(kind, top=1).get_base_model().get_decoder()
    decoder = LoraDecoder(base, 1, torch.float32) if known else SplitDecoder(base, 1)
    batch = prompt_batch(ROWS, CPU, share=known)
    with torch.no_grad():
        whole = decoder.above(batch, None)
        batch.keep_frozen(decoder.below(batch))
        assert torch.allclose(decoder.above(batch, batch.frozen()), whole, atol=1e-5)
    assert [len(cast("Any", row.frozen)) for row in ROWS] == [row.length - 1 for row in ROWS]
    assert len(base.layers) == 2, "the decoder is whole again"
    for row in ROWS:
        row.frozen = None


@pytest.mark.parametrize("kind", ["llama", "qwen2", "qwen3"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_known_models_are_trained_by_the_faster_decoder(kind: str, precision: Any) -> None:
    """Too strict a check would make every training slow, and nobody would see why."""
    adapted = adapted_model(kind)
    device = TrainingDevice(TrainingSettings(precision=precision, device="cpu"), 0)
    device.prepare(adapted)
    decoder, can_be_cut = choose_decoder(adapted.get_base_model().get_decoder(), 1, device, ROWS)
    assert isinstance(decoder, LoraDecoder)
    assert can_be_cut


def test_what_the_faster_decoder_does_not_compute_is_left_to_the_model() -> None:
    """Attention to a window, another activation, or a LoRA with a direction of its own are not in its formulas."""
    adapted = adapted_model("llama")
    base = adapted.get_base_model().get_decoder()
    base.config.layer_types = ["full_attention", "sliding_attention"]
    assert not is_known(base)
    base.config.layer_types = None
    base.config.hidden_act = "gelu"
    assert not is_known(base)
    base.config.hidden_act = "silu"
    assert is_known(base)
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(r=2, target_modules=["q_proj"], use_dora=True)
    with quiet_peft():
        dora = cast("Any", get_peft_model)(make_model("llama", make_tokenizer()), config)
    assert not is_known(dora.get_base_model().get_decoder())
