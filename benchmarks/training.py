"""Measure LoRA training beside transformers' Trainer with PEFT and TRL's trainers, in one run.

    python -m benchmarks.training [--rows 96] [--rounds 3] [--epochs 2] [--only sft,kto,dpo,reinforce]

All train the same LoRA (rank 16, all linear layers) on the same texts, with the same batch size, learning rate and
schedule, on one thread. The model is a random one of the size of the shipped model. Each configuration runs in a
process of its own, in turns, and the median of the rounds counts. Seconds are CPU seconds of the training call, so that
others who use the machine disturb less; preparing data is not in them, for nobody. ``tokens/s`` counts prompts and
responses once, without padding. ``loss`` is the mean over all response tokens after training; it must be about equal
where the method is. ``peak`` is the share of what this thread reaches in one large matrix product of that precision.
Memory is the greatest resident size, less that before the training call.

Needs TRL: ``pip install "llmagent-os[benchmarks]"``.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from benchmarks.serving import random_model
from tests.tiny_model import CORPUS

from llmagent_os.serving.model_loading import load_model, load_tokenizer
from llmagent_os.serving.model_location import locate
from llmagent_os.training.lora import attach
from llmagent_os.training.objectives.objective_choice import objective_of
from llmagent_os.training.prompt_batch import ResponseRow
from llmagent_os.training.response_model import ResponseModel
from llmagent_os.training.token_sample import TokenSample
from llmagent_os.training.training_device import TrainingDevice
from llmagent_os.training.training_loop import train
from llmagent_os.training.training_settings import TrainingSettings

#: The training call of a configuration, ready to be timed.
Call = Callable[[], None]

BATCH = 8
LEARNING_RATE = 1e-3
#: Each configuration: its method, whose it is, and what differs from the defaults.
CONFIGURATIONS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "this project, SFT fp32": ("sft", "ours", {"precision": "fp32"}),
    "this project, SFT bf16": ("sft", "ours", {"precision": "bf16"}),
    "this project, SFT bf16, top 2 of 6 blocks": ("sft", "ours", {"precision": "bf16", "top_layers": 2}),
    "Trainer + PEFT, SFT fp32": ("sft", "trainer", {}),
    "Trainer + PEFT, SFT fp32, by length": ("sft", "trainer", {"train_sampling_strategy": "group_by_length"}),
    "Trainer + PEFT, SFT bf16, by length": (
        "sft",
        "trainer",
        {"bf16": True, "train_sampling_strategy": "group_by_length"},
    ),
    "TRL SFTTrainer, defaults": ("sft", "trl", {"bf16": True, "gradient_checkpointing": True}),
    "TRL SFTTrainer bf16": ("sft", "trl", {"bf16": True}),
    "TRL SFTTrainer bf16, packed": ("sft", "trl", {"bf16": True, "packing": True}),
    "this project, KTO fp32": ("kto", "ours", {"precision": "fp32"}),
    "this project, KTO bf16": ("kto", "ours", {"precision": "bf16"}),
    "TRL KTOTrainer fp32": ("kto", "trl", {}),
    "TRL KTOTrainer bf16": ("kto", "trl", {"bf16": True}),
    "TRL KTOTrainer bf16, reference precomputed": ("kto", "trl", {"bf16": True, "precompute_ref_log_probs": True}),
    "this project, DPO fp32": ("dpo", "ours", {"precision": "fp32"}),
    "this project, DPO bf16": ("dpo", "ours", {"precision": "bf16"}),
    "TRL DPOTrainer fp32": ("dpo", "trl", {}),
    "TRL DPOTrainer bf16, reference precomputed": ("dpo", "trl", {"bf16": True, "precompute_ref_log_probs": True}),
    "this project, REINFORCE bf16": ("reinforce", "ours", {"precision": "bf16"}),
}


def texts(count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Make prompts of 10 to 60 words with two completions of 3 to 20 words, every second one liked."""
    order = random.Random(seed)
    words = " ".join(CORPUS).split()

    def text(least: int, most: int) -> str:
        return " ".join(order.choices(words, k=order.randint(least, most)))

    return [
        {"prompt": text(10, 60) + "\n", "good": text(3, 20), "bad": text(3, 20), "label": bool(number % 2)}
        for number in range(count)
    ]


def samples_of(rows: list[dict[str, Any]], tokenizer: Any, method: str) -> list[TokenSample]:
    """Tokenize the texts as TRL does: prompt and completion together, then the end token."""

    def response(prompt: str, completion: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
        before = tokenizer(prompt, add_special_tokens=False)["input_ids"]
        whole = tokenizer(prompt + completion + tokenizer.eos_token, add_special_tokens=False)["input_ids"]
        if whole[: len(before)] != before:
            raise ValueError("the tokens of the prompt are not those of the text's beginning")
        return tuple(before), tuple(whole[len(before) :])

    return [
        TokenSample(
            prompt=response(row["prompt"], row["good"])[0],
            response=response(row["prompt"], row["good"])[1],
            rejected=response(row["prompt"], row["bad"])[1],
            reward=1.0 if row["label"] or method == "sft" else -1.0,
        )
        for row in rows
    ]


def ours(method: str, options: dict[str, Any], adapted: Any, samples: list[TokenSample], epochs: int) -> Call:
    """Prepare this project's loop."""
    settings = TrainingSettings(
        method=cast("Any", method), epochs=epochs, batch_size=BATCH, learning_rate=LEARNING_RATE, threads=1,
        stop_at_loss=0, device="cpu", **options,
    )  # fmt: skip
    objective = objective_of(settings)
    return lambda: print_nothing(train(adapted, samples, objective, settings))


def print_nothing(_: object) -> None:
    """Drop a result."""


def common_arguments(folder: Path, epochs: int) -> dict[str, Any]:
    """What every peer is told: this project's schedule, one thread, nothing saved."""
    return {
        "output_dir": str(folder),
        "per_device_train_batch_size": BATCH,
        "num_train_epochs": epochs,
        "learning_rate": LEARNING_RATE,
        "lr_scheduler_type": "cosine",
        "warmup_steps": 0.1,
        "weight_decay": 0.0,
        "report_to": [],
        "use_cpu": True,
        "bf16": False,
        "gradient_checkpointing": False,
        "save_strategy": "no",
        "disable_tqdm": True,
        "logging_strategy": "no",
    }


def trainer(options: dict[str, Any], adapted: Any, samples: list[TokenSample], epochs: int, folder: Path) -> Call:
    """Prepare transformers' Trainer, with the loss on response tokens."""
    from transformers import Trainer, TrainingArguments

    def laid_out(rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        longest = max(len(row["input_ids"]) for row in rows)

        def column(key: str, fill: int) -> torch.Tensor:
            return torch.tensor([row[key] + [fill] * (longest - len(row[key])) for row in rows])

        seen = [{"seen": [1] * len(row["input_ids"])} | row for row in rows]
        mask = torch.tensor([row["seen"] + [0] * (longest - len(row["seen"])) for row in seen])
        return {"input_ids": column("input_ids", 0), "labels": column("labels", -100), "attention_mask": mask}

    data = [
        {
            "input_ids": [*each.prompt, *each.response],
            "labels": [-100] * len(each.prompt) + [*each.response],
            "length": each.length,
        }
        for each in samples
    ]
    arguments = cast("Any", TrainingArguments)(
        **common_arguments(folder, epochs) | {"remove_unused_columns": False} | options
    )
    made = cast("Any", Trainer)(model=adapted, args=arguments, train_dataset=data, data_collator=laid_out)
    return lambda: print_nothing(made.train())


def trl_trainer(
    method: str, options: dict[str, Any], adapted: Any, rows: list[dict[str, Any]], tokenizer: Any, epochs: int,
    folder: Path,
) -> Call:  # fmt: skip
    """Prepare TRL's trainer of the method."""
    from importlib import import_module

    trl, datasets = import_module("trl"), import_module("datasets")
    settings = common_arguments(folder, epochs) | {"max_length": 512} | options
    if method == "kto":
        settings["train_sampling_strategy"] = "sequential"
    columns = {
        "sft": lambda row: {"prompt": row["prompt"], "completion": row["good"]},
        "kto": lambda row: {"prompt": row["prompt"], "completion": row["good"], "label": row["label"]},
        "dpo": lambda row: {"prompt": row["prompt"], "chosen": row["good"], "rejected": row["bad"]},
    }
    data = datasets.Dataset.from_list([columns[method](row) for row in rows])
    name = method.upper()
    made = getattr(trl, f"{name}Trainer")(
        model=adapted, args=getattr(trl, f"{name}Config")(**settings), train_dataset=data, processing_class=tokenizer
    )
    return lambda: print_nothing(made.train())


def matrix_peak(dtype: torch.dtype, size: int = 1024) -> float:
    """The most floating-point operations a CPU second of one thread, in a product of two square matrices."""
    one = torch.randn(size, size).to(dtype)
    best = 0.0
    for _ in range(8):
        begun = time.process_time()
        torch.mm(one, one)
        best = max(best, 2 * size**3 / (time.process_time() - begun))
    return best


def operations(model: Any, samples: list[TokenSample], method: str) -> float:
    """Floating-point operations that one epoch needs: forward and, through frozen weights, backward to the states."""
    head: int = model.get_output_embeddings().weight.numel()
    blocks: int = sum(each.numel() for name, each in model.named_parameters() if "layers" in name and each.ndim == 2)
    tokens = sum(each.length for each in samples)
    responses = sum(len(each.response) for each in samples)
    if method == "dpo":
        tokens += sum(len(each.prompt) + len(each.rejected) for each in samples)
        responses += sum(len(each.rejected) for each in samples)
    passes = 3 if method == "kto" else 2  # kto reads the mismatched pairs too
    return 2.0 * passes * (blocks * tokens + head * responses)


def measure(name: str, count: int, epochs: int) -> dict[str, float]:
    """Run one configuration."""
    method, whose, options = CONFIGURATIONS[name]
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as scratch:
        folder = random_model(Path(scratch) / "base")
        location = locate(str(folder))
        tokenizer, model = load_tokenizer(location), load_model(location)
        rows = texts(count)
        samples = samples_of(rows, tokenizer, method)
        needed = operations(model, samples, method)
        peak = matrix_peak(torch.bfloat16 if "bf16" in name or "defaults" in name else torch.float32)
        adapted = attach(model, TrainingSettings(top_layers=options.get("top_layers")))
        if whose == "ours":
            call = ours(method, options, adapted, samples, epochs)
        elif whose == "trainer":
            call = trainer(options, adapted, samples, epochs, Path(scratch) / "out")
        else:
            call = trl_trainer(method, options, adapted, rows, tokenizer, epochs, Path(scratch) / "out")
        before, wall, begun = memory(), time.perf_counter(), time.process_time()
        call()
        seconds, elapsed = time.process_time() - begun, time.perf_counter() - wall
        used = memory() - before
        trained = sum(each.length for each in samples) * epochs
        steps = epochs * -(-count // BATCH)
        return {
            "seconds": seconds,
            "elapsed": elapsed,
            "tokens": trained / seconds,
            "step": seconds / steps,
            "memory": used / 2**20,
            "peak": needed * epochs / seconds / peak,
            "loss": likelihood(adapted, samples),
        }


def memory() -> int:
    """The greatest resident size of this process so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@torch.no_grad()
def likelihood(adapted: Any, samples: list[TokenSample]) -> float:
    """The mean negative log-likelihood of the responses, in nats a token, computed the same way for all."""
    device = TrainingDevice(TrainingSettings(precision="fp32", device="cpu"), 0)
    adapted.float().eval()
    model = ResponseModel(adapted, device, 0)
    total = 0.0
    for at in range(0, len(samples), 16):
        rows = [ResponseRow(each.prompt, each.response) for each in samples[at : at + 16]]
        total -= model.logprobs(rows)[0].sum().item()
    return total / sum(len(each.response) for each in samples)


def row(name: str, results: list[dict[str, float]], best: float) -> str:
    """A row of the table; ``best`` is the best peer's tokens a second."""
    middle = {key: statistics.median(each[key] for each in results) for key in results[0]}
    return (
        f"| {name} | {middle['tokens']:,.0f} | {middle['tokens'] / best:.2f}× | {middle['step']:.3f} "
        f"| {middle['peak']:.0%} | {middle['memory']:,.0f} | {middle['loss']:.3f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rows", type=int, default=96)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--only", default="sft,kto,dpo,reinforce")
    parser.add_argument("--one", choices=CONFIGURATIONS, help="run one configuration in this process, for the others")
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measure(given.one, given.rows, given.epochs)))
        return
    methods = given.only.split(",")
    names = [name for name, (method, _, _) in CONFIGURATIONS.items() if method in methods]
    found: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for number in range(given.rounds):
        for name in names:
            command = [sys.executable, "-m", "benchmarks.training", "--one", name]
            command += ["--rows", str(given.rows), "--epochs", str(given.epochs)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise SystemExit(f"{name} failed:\n{done.stderr[-2000:]}")
            found[name].append(json.loads(done.stdout.strip().splitlines()[-1]))
            print(f"round {number + 1}: {name}: {found[name][-1]}", file=sys.stderr, flush=True)
    print(f"{given.rows} rows, {given.epochs} epochs, batch {BATCH}, one thread, torch {torch.__version__}\n")
    print(
        "| what | tokens/s | against the best peer | s a step | peak | MiB | loss |\n"
        "|---|---:|---:|---:|---:|---:|---:|"
    )
    for method in methods:
        mine = [name for name in names if CONFIGURATIONS[name][0] == method]
        peers = [name for name in mine if CONFIGURATIONS[name][1] != "ours"] or mine
        best = max(statistics.median(each["tokens"] for each in found[name]) for name in peers)
        for name in mine:
            print(row(name, found[name], best))


if __name__ == "__main__":
    main()
