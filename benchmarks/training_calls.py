"""The trainings that ``benchmarks.training`` measures: this project's, transformers' Trainer with PEFT, and TRL's.

All are told the same: data, LoRA, batch size, learning rate and schedule, no weight decay, gradients cut at 1.
"""

from __future__ import annotations

import time
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import torch
from transformers import Trainer, TrainerCallback, TrainingArguments

from llmagent_os.training.objectives.objective_choice import objective_of
from llmagent_os.training.token_sample import TokenSample
from llmagent_os.training.training_loop import train
from llmagent_os.training.training_settings import TrainingSettings

BATCH = 8
LEARNING_RATE = 1e-3
_BY_LENGTH = {"train_sampling_strategy": "group_by_length"}
_BF16 = {"bf16": True}
#: Each configuration: its method, whose it is, and what differs from the defaults. ``half_base`` loads the model in
#: bf16, as this project does with bf16.
CONFIGURATIONS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "this project, SFT fp32": ("sft", "ours", {"precision": "fp32"}),
    "this project, SFT bf16": ("sft", "ours", {"precision": "bf16"}),
    "Trainer + PEFT, SFT fp32, by length": ("sft", "trainer", {**_BY_LENGTH}),
    "Trainer + PEFT, SFT bf16": ("sft", "trainer", {**_BF16}),
    "Trainer + PEFT, SFT bf16, by length": ("sft", "trainer", {**_BF16, **_BY_LENGTH}),
    "Trainer + PEFT, SFT bf16 with a bf16 base, by length": ("sft", "trainer", {**_BF16, **_BY_LENGTH, "half_base": 1}),
    "TRL SFTTrainer, defaults": ("sft", "trl", {**_BF16, "gradient_checkpointing": True}),
    "TRL SFTTrainer bf16, by length": ("sft", "trl", {**_BF16, **_BY_LENGTH}),
    "TRL SFTTrainer bf16, packed": ("sft", "trl", {**_BF16, "packing": True}),
    "this project, KTO fp32": ("kto", "ours", {"precision": "fp32"}),
    "this project, KTO bf16": ("kto", "ours", {"precision": "bf16"}),
    "TRL KTOTrainer fp32": ("kto", "trl", {}),
    "TRL KTOTrainer bf16": ("kto", "trl", {**_BF16}),
    "TRL KTOTrainer bf16, reference precomputed": ("kto", "trl", {**_BF16, "precompute_ref_log_probs": True}),
    "this project, DPO bf16": ("dpo", "ours", {"precision": "bf16"}),
    "TRL DPOTrainer bf16": ("dpo", "trl", {**_BF16}),
    "TRL DPOTrainer bf16, reference precomputed": ("dpo", "trl", {**_BF16, "precompute_ref_log_probs": True}),
    "this project, REINFORCE bf16": ("reinforce", "ours", {"precision": "bf16"}),
}


class Clock(TrainerCallback):
    """Notes when each step ends, in CPU seconds of this process and in wall seconds, and each epoch's mean loss.

    Args:
        device: ``cpu`` or ``cuda``.
    """

    def __init__(self, device: str) -> None:
        self.device = device
        self.losses: list[float] = []
        self._ticks: list[tuple[float, float]] = []
        self.tick()

    def tick(self) -> None:
        """Note the time."""
        if self.device == "cuda":
            torch.cuda.synchronize()
        self._ticks.append((time.process_time(), time.perf_counter()))

    def figures(self, epochs: int) -> dict[str, float]:
        """The seconds of all, and of one epoch after the first one."""
        steps = len(self._ticks) - 1
        first = self._ticks[steps // epochs]  # the end of the first epoch
        begun, ended = self._ticks[0], self._ticks[-1]
        return {
            "cpu": (ended[0] - first[0]) / (epochs - 1),
            "wall": (ended[1] - first[1]) / (epochs - 1),
            "all": ended[0] - begun[0],
            "steps": steps / epochs,
        }

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """A step of a peer has ended."""
        self.tick()

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        """A peer says its mean loss of an epoch."""
        if logs and "loss" in logs:
            self.losses.append(float(logs["loss"]))


def ours(
    method: str, options: dict[str, Any], adapted: Any, samples: list[TokenSample], epochs: int, clock: Clock
) -> None:
    """Train with this project's loop."""
    settings = TrainingSettings(
        method=cast("Any", method), epochs=epochs, batch_size=BATCH, learning_rate=LEARNING_RATE, threads=1,
        stop_at_loss=0, device=cast("Any", clock.device), **options,
    )  # fmt: skip
    run = train(adapted, samples, objective_of(settings), settings, on_step=lambda _: clock.tick())
    per_epoch = len(run.losses) // epochs
    clock.losses = [sum(run.losses[at : at + per_epoch]) / per_epoch for at in range(0, len(run.losses), per_epoch)]


def _arguments(folder: Path, epochs: int, steps: int, device: str) -> dict[str, Any]:
    """What every peer is told."""
    return {
        "output_dir": str(folder),
        "per_device_train_batch_size": BATCH,
        "num_train_epochs": epochs,
        "learning_rate": LEARNING_RATE,
        "lr_scheduler_type": "cosine",
        "warmup_steps": 0.1,
        "weight_decay": 0.0,
        "max_grad_norm": 1.0,
        "report_to": [],
        "use_cpu": device == "cpu",
        "bf16": False,
        "gradient_checkpointing": False,
        "save_strategy": "no",
        "disable_tqdm": True,
        "logging_steps": steps,
    }


def trainer(
    options: dict[str, Any], adapted: Any, samples: list[TokenSample], epochs: int, folder: Path, clock: Clock
) -> None:
    """Train with transformers' Trainer, with the loss on response tokens."""

    def laid_out(rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        longest = max(len(row["input_ids"]) for row in rows)

        def column(values: list[list[int]], fill: int) -> torch.Tensor:
            return torch.tensor([each + [fill] * (longest - len(each)) for each in values])

        return {
            "input_ids": column([row["input_ids"] for row in rows], 0),
            "labels": column([row["labels"] for row in rows], -100),
            "attention_mask": column([[1] * len(row["input_ids"]) for row in rows], 0),
        }

    data = [
        {
            "input_ids": [*each.prompt, *each.response],
            "labels": [-100] * len(each.prompt) + [*each.response],
            "length": each.length,
        }
        for each in samples
    ]
    common = _arguments(folder, epochs, -(-len(samples) // BATCH), clock.device) | {"remove_unused_columns": False}
    arguments = cast("Any", TrainingArguments)(**common | options)
    cast("Any", Trainer)(
        model=adapted, args=arguments, train_dataset=data, data_collator=laid_out, callbacks=[clock]
    ).train()


def trl_trainer(
    method: str, options: dict[str, Any], adapted: Any, rows: list[dict[str, Any]], tokenizer: Any, epochs: int,
    folder: Path, clock: Clock,
) -> None:  # fmt: skip
    """Train with TRL's trainer of the method."""
    trl, datasets = import_module("trl"), import_module("datasets")
    settings = _arguments(folder, epochs, -(-len(rows) // BATCH), clock.device) | {"max_length": 512} | options
    if method == "kto":
        settings["train_sampling_strategy"] = "sequential"
    columns = {"completion": "good"} if method != "dpo" else {"chosen": "good", "rejected": "bad"}
    columns |= {"label": "label"} if method == "kto" else {}
    data = datasets.Dataset.from_list(
        [{"prompt": row["prompt"]} | {name: row[own] for name, own in columns.items()} for row in rows]
    )
    arguments = getattr(trl, f"{method.upper()}Config")(**settings)
    getattr(trl, f"{method.upper()}Trainer")(
        model=adapted, args=arguments, train_dataset=data, processing_class=tokenizer, callbacks=[clock]
    ).train()
