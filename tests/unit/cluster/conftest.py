"""A random model that writes for long, LoRAs on it, and requests of every kind."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from llmagent_os.chat import ChatRequest
from tests.conftest import made_once
from tests.tiny_model import CREATE, LIST, save_lora, save_model

#: LoRAs on the model.
LORAS = 6
#: What is said.
WORDS = ({"role": "system", "content": "You keep a calendar."}, {"role": "user", "content": "lunch with Ana on friday"})


def _make(folder: Path) -> Path:
    model = save_model(folder / "model", "qwen3", seed=4)
    config = model / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"max_position_embeddings": 8192}))
    for number in range(LORAS):
        save_lora(folder / f"lora-{number}", model, seed=number, scale=0.1)
    return folder


@pytest.fixture(scope="session")
def cluster_models(shared_folder: Path) -> Path:
    """A folder with ``model``, and LoRAs on it: ``lora-0`` and so on."""
    return made_once(shared_folder / "cluster-models", _make)


def request(number: int = 0, **changed: object) -> ChatRequest:
    """A request of which the model writes at most 24 tokens."""
    said = ChatRequest(messages=[*map(dict, WORDS)], max_tokens=24, temperature=0.9, seed=number)
    return msgspec.structs.replace(said, **changed)


def kinds_of_requests(models: Path) -> list[ChatRequest]:
    """Requests with and without a LoRA, tools, a temperature and a floor."""
    loras = [None, "base", *(str(models / f"lora-{number}") for number in range(3))]
    plain = [request(number, lora=lora) for number, lora in enumerate(loras)]
    tools = [request(number, lora=lora, tools=(CREATE, LIST), min_p=0.05) for number, lora in enumerate(loras)]
    return [*plain, *tools, request(temperature=0.0, lora=loras[-1])]
