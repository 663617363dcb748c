"""A random model that writes for long, LoRAs on it, and requests of every kind."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
import torch

from llmagent_os.chat import ChatRequest, Completion
from tests.conftest import made_once
from tests.tiny_model import CREATE, LIST, make_model, make_tokenizer, save_lora

#: LoRAs on the model.
LORAS = 6
#: What is said.
WORDS = ({"role": "system", "content": "You keep a calendar."}, {"role": "user", "content": "lunch with Ana on friday"})


def _make(folder: Path) -> Path:
    model, tokenizer = folder / "model", make_tokenizer()
    weights = make_model("qwen3", tokenizer, seed=4)
    with torch.no_grad():  # the end is never the likeliest word: a reply at temperature 0 is as long as it may be
        weights.get_input_embeddings().weight[tokenizer.eos_token_id] *= 0.01
    weights.save_pretrained(model)
    tokenizer.save_pretrained(model)
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


def assert_same(found: Completion, expected: Completion) -> None:
    """Check that two completions are one reply.

    Log-probabilities may differ by rounding: what was read of earlier prompts is not computed again, and in pieces of
    other lengths it is added up in another order.
    """
    assert found.logprobs == pytest.approx(expected.logprobs, abs=1e-4)
    assert msgspec.structs.replace(found, logprobs=()) == msgspec.structs.replace(expected, logprobs=())


def kinds_of_requests(models: Path) -> list[ChatRequest]:
    """Requests with and without a LoRA, tools, a temperature and a floor."""
    loras = [None, "base", *(str(models / f"lora-{number}") for number in range(3))]
    plain = [request(number, lora=lora) for number, lora in enumerate(loras)]
    tools = [request(number, lora=lora, tools=(CREATE, LIST), min_p=0.05) for number, lora in enumerate(loras)]
    return [*plain, *tools, request(temperature=0.0, lora=loras[-1])]
