"""How much memory replies may take, as the doctor says it, beside what the engine really takes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from llmagent_os.serving.model_loading import load_model
from llmagent_os.serving.model_location import locate
from llmagent_os.serving.model_memory import bytes_of_a_slot
from llmagent_os.serving.slots import SlotModel
from tests.tiny_model import save_model


@pytest.mark.parametrize("kind", ["llama", "qwen3", "gemma3", "phi"])
def test_what_is_said_is_what_a_full_slot_takes(tmp_path: Path, kind: str) -> None:
    """Heads may share keys, and have another size than the width divided by their number."""
    location = locate(str(save_model(tmp_path / kind, kind)))
    slots = 3
    model = SlotModel(load_model(location), slots)
    with torch.inference_mode():
        model.extend(0, [5] * model.max_length, 0)
    assert bytes_of_a_slot(location) == model.nbytes[0] / slots


@pytest.mark.parametrize("text", [None, "{", json.dumps({"hidden_size": 64}), json.dumps({"num_hidden_layers": "two"})])
def test_a_configuration_that_says_nothing_is_no_error(tmp_path: Path, text: str | None) -> None:
    """The doctor goes on, and leaves the figure out."""
    folder = save_model(tmp_path / "model")
    location = locate(str(folder))
    if text is None:
        (folder / "config.json").unlink()
    else:
        (folder / "config.json").write_text(text)
    assert bytes_of_a_slot(location) is None
