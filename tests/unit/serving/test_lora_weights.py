"""LoRAs read from PEFT's files, and kept in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
import torch
from safetensors import torch as safetensors

from llmagent_os.errors import ModelError
from llmagent_os.serving.lora_weights import LoraCache, read_lora
from llmagent_os.serving.model_location import locate
from tests.tiny_model import save_lora, save_model


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("llama") / "base")


def test_loras_that_would_be_computed_wrongly_are_refused(base: Path, tmp_path: Path) -> None:
    """DoRA and its like change the formula. Served as a plain LoRA, they would be wrong without any sign of it."""
    folder = save_lora(tmp_path / "a", base)
    config = folder / "adapter_config.json"
    config.write_text(config.read_text().replace('"use_dora": false', '"use_dora": true'))
    with pytest.raises(ModelError, match="use_dora is True"):
        read_lora(folder)


def test_the_loras_used_last_are_the_ones_kept(base: Path, tmp_path: Path) -> None:
    """The LoRAs of thousands of people do not fit into memory."""
    folders = [save_lora(tmp_path / str(n), base, seed=n) for n in range(3)]
    cache = LoraCache(capacity=2)
    for folder in (folders[0], folders[1], folders[0], folders[2]):
        cache.get(folder)
    assert [cache.peek(folder) is not None for folder in folders] == [True, False, True]


def test_loras_are_kept_up_to_a_number_of_bytes(base: Path, tmp_path: Path) -> None:
    """Some people's LoRAs are ten times as large as others': a number of LoRAs alone bounds no memory."""
    folders = [save_lora(tmp_path / str(n), base, seed=n, rank=4) for n in range(4)]
    size = read_lora(folders[0]).nbytes
    cache = LoraCache(most_bytes=2 * size)
    for folder in folders:
        cache.get(folder)
        assert cache.nbytes <= 2 * size
    assert [cache.peek(folder) is not None for folder in folders] == [False, False, True, True]
    small = LoraCache(most_bytes=1)
    assert small.get(folders[0]) is small.get(folders[0]), "the LoRA in use is kept, or each reply would read it anew"
    cache.get(save_lora(folders[3], base, seed=9, rank=8))
    assert cache.nbytes <= 3 * size, "what is read again replaces nothing twice"


@pytest.mark.parametrize(
    ("config", "a", "b", "why"),
    [
        ("[]", (2, 8), (8, 2), "adapter_config.json is no JSON object"),
        ("[" * 100_000, (2, 8), (8, 2), "adapter_config.json is not JSON"),
        ('{"lora_alpha": "x"}', (2, 8), (8, 2), "lora_alpha is 'x', it must be a finite number"),
        ('{"lora_alpha": NaN}', (2, 8), (8, 2), "lora_alpha is nan"),
        ("{}", (2, 8), (8, 3), r"q_proj has matrices of the shapes \[2, 8\] and \[8, 3\], which make no LoRA"),
        ("{}", (0, 8), (8, 0), "which make no LoRA"),
        ("{}", (8,), (8,), "which make no LoRA"),
    ],
)
def test_a_folder_of_garbage_is_an_error_in_words(
    tmp_path: Path, config: str, a: tuple[int, ...], b: tuple[int, ...], why: str
) -> None:
    """Else the reply that it should write ends in a traceback, or the batch that it is in does."""
    (tmp_path / "adapter_config.json").write_text(config)
    name = "base_model.model.model.layers.0.q_proj"
    tensors = {f"{name}.lora_A.weight": torch.zeros(a), f"{name}.lora_B.weight": torch.zeros(b)}
    cast("Any", safetensors).save_file(tensors, tmp_path / "adapter_model.safetensors")
    with pytest.raises(ModelError, match=why):
        read_lora(tmp_path)


@pytest.mark.parametrize("config", ["[]", "[" * 100_000])
def test_a_lora_whose_configuration_is_garbage_cannot_be_located(tmp_path: Path, config: str) -> None:
    (tmp_path / "adapter_config.json").write_text(config)
    with pytest.raises(ModelError, match=r"adapter_config\.json is n"):
        locate(str(tmp_path))
