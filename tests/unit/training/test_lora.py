"""A LoRA stands where the settings want it, and changes nothing at first."""

from __future__ import annotations

import pytest
import torch

from llmagent_os.errors import ConfigError
from llmagent_os.training.frozen_layers import first_trained_block
from llmagent_os.training.lora import attach, target_layers
from llmagent_os.training.training_settings import TrainingSettings
from tests.unit.training.conftest import small_model


def test_a_new_lora_changes_nothing() -> None:
    """Training must begin with the model that people know."""
    tokens = torch.arange(10)[None]
    with torch.inference_mode():
        before = small_model()(tokens).logits
        after = attach(small_model(), TrainingSettings())(tokens).logits
    assert torch.equal(before, after)


def test_the_lora_stands_on_the_named_layers_of_the_top_blocks() -> None:
    """A LoRA in a lower block would make the cache of frozen layers wrong, and every step dearer."""
    model = small_model()
    assert len(target_layers(model, TrainingSettings())) == 3 * 7, "all linear layers but the head"
    settings = TrainingSettings(top_layers=1, targets=("q_proj", "up_proj"))
    assert target_layers(model, settings) == ["model.layers.2.self_attn.q_proj", "model.layers.2.mlp.up_proj"]
    adapted = attach(model, settings)
    trained = [name for name, weight in adapted.named_parameters() if weight.requires_grad]
    assert len(trained) == 4
    assert all(".layers.2." in name for name in trained)
    assert first_trained_block(adapted) == 2


def test_a_layer_that_the_model_has_not_is_named() -> None:
    """Names of layers differ between models; without a word, half of the LoRA would be missing."""
    with pytest.raises(ConfigError, match="targets names c_attn: the model has down_proj, gate_proj, k_proj"):
        target_layers(small_model(), TrainingSettings(targets=("c_attn", "q_proj")))
