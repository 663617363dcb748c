"""The model behind the slots: only architectures that it computes rightly."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmagent_os.errors import ModelError
from llmagent_os.serving.model_loading import load_model
from llmagent_os.serving.model_location import locate
from llmagent_os.serving.options import LocalOptions
from llmagent_os.serving.slots import SlotModel
from tests.tiny_model import save_model


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("llama") / "base")


def test_models_that_would_be_computed_wrongly_are_refused(base: Path) -> None:
    """Sliding windows need another cache. An error is better than wrong replies."""
    model = load_model(locate(str(base)))
    model.config.model_type = "gemma3"
    with pytest.raises(ModelError, match="llama, qwen2, qwen3"):
        SlotModel(model, 2)
    assert LocalOptions().slots == 16
