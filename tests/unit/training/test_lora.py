"""LoRA training: the loss, the batches and the number of steps."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import torch

from llmagent_os.serving.model_loading import load_model
from llmagent_os.serving.model_location import locate
from llmagent_os.training.lora import LoraSettings, batches, response_loss
from llmagent_os.training.token_sample import TokenSample
from tests.tiny_model import save_model


@pytest.fixture(scope="module", params=["llama", "qwen3"])
def base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("base") / "base", str(request.param))


def test_the_loss_is_that_of_the_response_tokens_alone(base: Path) -> None:
    """Padding and prompts must add nothing. Checked against every sample alone, with all logits."""
    model = load_model(locate(str(base)))
    order = random.Random(0)
    samples = [
        TokenSample(
            prompt=tuple(order.randrange(7, 200) for _ in range(order.randint(1, 20))),
            response=tuple(order.randrange(7, 200) for _ in range(order.randint(1, 20))),
        )
        for _ in range(6)
    ]
    total = torch.zeros(())
    with torch.inference_mode():
        for sample in samples:
            logits = model(torch.tensor([[*sample.prompt, *sample.response]])).logits[0]
            logprobs = torch.log_softmax(logits[len(sample.prompt) - 1 : -1], -1)
            total -= logprobs[torch.arange(len(sample.response)), torch.tensor(sample.response)].sum()
        loss = response_loss(model, samples, pad=0)
    assert torch.isclose(loss, total / sum(len(sample.response) for sample in samples), atol=1e-4)


def test_batches_hold_all_samples_once_and_like_lengths() -> None:
    """Otherwise some examples would never be learned, or most of the work would be padding."""
    samples = [TokenSample(prompt=(1,) * (n % 7 + 1), response=(2,) * (n // 7 + 1)) for n in range(50)]
    found = batches(samples, 8, random.Random(1))
    assert sorted(id(sample) for batch in found for sample in batch) == sorted(map(id, samples))
    spread = [max(map(length, batch)) - min(map(length, batch)) for batch in found]
    assert max(spread) <= 5
    assert found != batches(samples, 8, random.Random(2))


def length(sample: TokenSample) -> int:
    return len(sample.prompt) + len(sample.response)


def test_few_examples_are_seen_often_and_many_a_few_times() -> None:
    """Two examples seen three times would not be learned."""
    assert LoraSettings().steps(2) == 80
    assert LoraSettings().steps(8000) == 3000
    assert LoraSettings(epochs=2).steps(17) == 6
