"""LoRAs read from PEFT's files, and kept in memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmagent_os.errors import ModelError
from llmagent_os.serving.lora_weights import LoraCache, read_lora
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
