"""Losses and gradients equal those of TRL on the same batch: https://github.com/huggingface/trl.

TRL is needed for this test alone: ``pip install "llmagent-os[benchmarks]"``.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any, cast

import pytest
import torch

from llmagent_os.training.lora import attach
from llmagent_os.training.objective_model import ObjectiveModel
from llmagent_os.training.objectives.objective_choice import objective_of
from llmagent_os.training.response_model import ResponseModel
from llmagent_os.training.token_sample import TokenSample
from llmagent_os.training.training_device import TrainingDevice
from llmagent_os.training.training_settings import TrainingSettings
from tests.tiny_model import CORPUS, make_model, make_tokenizer

trl: Any = pytest.importorskip("trl", reason='TRL is not installed: pip install "llmagent-os[benchmarks]"')
datasets: Any = pytest.importorskip("datasets", reason="TRL needs it")

pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # TRL's and PEFT's own
    pytest.mark.timeout(300),
]


def adapted_model(tokenizer: Any) -> Any:
    """A small model with a LoRA that changes nothing yet."""
    return attach(make_model("llama", tokenizer), TrainingSettings(rank=4, alpha=8))


def shake(adapted: Any) -> None:
    """Make the LoRA change what the model says; TRL has kept another copy of it as the reference."""
    for name, weight in adapted.named_parameters():
        if "lora_" in name and ".default." in name:
            torch.nn.init.normal_(weight, std=0.1, generator=torch.Generator().manual_seed(len(name)))


def texts(count: int) -> list[tuple[str, str, str]]:
    """Prompts with two completions each, of many lengths."""
    order = random.Random(0)
    words = " ".join(CORPUS).split()

    def text(most: int) -> str:
        return " ".join(order.choices(words, k=order.randint(1, most)))

    return [(text(9) + "\n", text(6), text(6)) for _ in range(count)]


def trainer_of(method: str, tokenizer: Any, folder: Path) -> Any:
    """TRL's trainer for one batch of six."""
    common: dict[str, Any] = {
        "output_dir": str(folder),
        "per_device_train_batch_size": 6,
        "report_to": [],
        "use_cpu": True,
        "bf16": False,
        "gradient_checkpointing": False,
        "max_length": 512,
        "disable_tqdm": True,
    }
    kinds: dict[str, tuple[Any, Any]] = {
        "sft": (trl.SFTConfig(**common), trl.SFTTrainer),
        "kto": (trl.KTOConfig(**common, train_sampling_strategy="sequential"), trl.KTOTrainer),
        "dpo": (trl.DPOConfig(**common), trl.DPOTrainer),
    }
    rows: list[dict[str, Any]] = []
    for number, (prompt, good, bad) in enumerate(texts(6)):
        if method == "dpo":
            rows.append({"prompt": prompt, "chosen": good, "rejected": bad})
        else:
            rows.append({"prompt": prompt, "completion": good} | ({"label": number % 3 > 0} if method == "kto" else {}))
    config, trainer = kinds[method]
    data = datasets.Dataset.from_list(rows)
    return trainer(model=adapted_model(tokenizer), args=config, train_dataset=data, processing_class=tokenizer)


def samples_of(method: str, batch: dict[str, Any]) -> list[TokenSample]:
    """The samples that TRL has laid out as a batch."""
    found: list[TokenSample] = []
    rows: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
        (
            tuple(tokens[(seen == 1) & (learned == 0)].tolist()),
            tuple(tokens[(seen == 1) & (learned == 1)].tolist()),
        )
        for tokens, seen, learned in zip(
            batch["input_ids"],
            batch["attention_mask"],
            batch["completion_mask"] if "completion_mask" in batch else (batch["labels"] != -100).long(),
            strict=True,
        )
    ]
    if method == "dpo":  # the chosen ones are the first half
        half = len(rows) // 2
        return [
            TokenSample(prompt=prompt, response=good, rejected=bad)
            for (prompt, good), (_, bad) in zip(rows[:half], rows[half:], strict=True)
        ]
    liked: list[bool] = batch["label"].tolist() if method == "kto" else [True] * len(rows)
    for (prompt, response), like in zip(rows, liked, strict=True):
        found.append(TokenSample(prompt=prompt, response=response, reward=1.0 if like else -1.0))
    return found


@pytest.mark.parametrize("method", ["sft", "kto", "dpo"])
def test_loss_and_gradient_are_those_of_trl(method: Any, tmp_path: Path) -> None:
    """A sign or a mean that is wrong still trains something, and nobody sees that it is not the method's."""
    tokenizer = make_tokenizer()
    trainer = trainer_of(method, tokenizer, tmp_path)
    shake(trainer.model)
    batch = next(iter(trainer.get_train_dataloader()))
    theirs = trainer.compute_loss(trainer.model, batch)
    theirs.backward()
    gradients = {name: weight.grad for name, weight in trainer.model.named_parameters() if weight.grad is not None}

    settings = TrainingSettings(method=method, precision="fp32", device="cpu")
    adapted = adapted_model(tokenizer)
    shake(adapted)
    objective = objective_of(settings)
    device = TrainingDevice(settings, 0)
    model = ObjectiveModel(ResponseModel(adapted, device, 0), objective, device.device)
    samples = [model.sample(each) for each in objective.prepare(samples_of(method, batch)).samples]
    assert len(samples) == 6
    model.remember()
    ours, _ = model.loss(samples)
    cast("Any", ours).backward()

    assert ours.item() == pytest.approx(theirs.item(), abs=1e-4)
    assert theirs.item() > 0.01
    compared = [
        (weight.grad, gradients[name]) for name, weight in adapted.named_parameters() if weight.grad is not None
    ]
    assert len(compared) == len(gradients) == 2 * 7 * 2
    for mine, their in compared:
        assert torch.allclose(mine, their, atol=1e-4), "a gradient differs"
