"""Measure LoRA training beside transformers' Trainer with PEFT and TRL's trainers, in one run.

    python -m benchmarks.training [--rows 96] [--rounds 3] [--epochs 3] [--only sft,kto,dpo,reinforce]
                                  [--model 5.8M] [--top-layers N] [--device cpu]

All train the same LoRA (rank 16, all linear layers, in the top N blocks) on the same texts, with the same batch size,
learning rate and schedule, on one thread. The models are random. Each configuration runs in a process of its own, in
turns, and the median of the rounds counts. The first epoch warms up; ``tokens/s`` and ``s a step`` are of the later
ones, in CPU seconds, so that others who use the machine disturb less. ``all`` is everything in CPU seconds: preparing,
the reference, and the first epoch too. ``tokens/s`` counts each sample's prompt and response once, without padding.

``peak`` is the share of what this thread reaches in one large matrix product of that precision. ``NLL`` is the mean
over all response tokens after the training, computed the same way for all, and ``losses`` are the epochs' mean losses:
both must be about equal where the method is. Memory is the greatest resident size, less that before the training. On a
GPU (``--device cuda --model 0.5B``), seconds are those of the clock, and memory is the GPU's.

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
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from benchmarks.random_models import SHAPES, random_model
from benchmarks.training_calls import BATCH, CONFIGURATIONS, Clock, ours, trainer, trl_trainer
from tests.tiny_model import CORPUS

from llmagent_os.serving.model_loading import load_model, load_tokenizer
from llmagent_os.serving.model_location import locate
from llmagent_os.training.lora import attach
from llmagent_os.training.prompt_batch import ResponseRow
from llmagent_os.training.response_model import ResponseModel
from llmagent_os.training.token_sample import TokenSample
from llmagent_os.training.training_device import TrainingDevice
from llmagent_os.training.training_settings import TrainingSettings


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


def matrix_peak(dtype: torch.dtype, device: str) -> float:
    """The most floating-point operations a second, in a product of two square matrices; on a CPU, of one thread."""
    size = 8192 if device == "cuda" else 1024
    one = torch.randn(size, size, device=device).to(dtype)
    best = 0.0
    for _ in range(8):
        begun = time.perf_counter() if device == "cuda" else time.process_time()
        torch.mm(one, one)
        if device == "cuda":
            torch.cuda.synchronize()
        ended = time.perf_counter() if device == "cuda" else time.process_time()
        best = max(best, 2 * size**3 / (ended - begun))
    return best


def operations(model: Any, samples: list[TokenSample], method: str, top_layers: int | None) -> float:
    """Floating-point operations that one epoch needs, by the method's textbook form.

    Forward through all blocks and backward to the states of those with a LoRA, of which the LoRA's own are left out;
    the output layer for response tokens only; no state kept between steps, and no prompt shared.
    """
    head: int = model.get_output_embeddings().weight.numel()
    blocks: int = sum(each.numel() for name, each in model.named_parameters() if "layers" in name and each.ndim == 2)
    tokens = sum(each.length for each in samples)
    responses = sum(len(each.response) for each in samples)
    if method == "dpo":
        tokens += sum(len(each.prompt) + len(each.rejected) for each in samples)
        responses += sum(len(each.rejected) for each in samples)
    forward = 2 if method == "kto" else 1  # kto reads the mismatched pairs too
    backward = (top_layers or model.config.num_hidden_layers) / model.config.num_hidden_layers
    return 2.0 * (blocks * tokens * (forward + backward) + head * responses * (forward + 1))


def measure(name: str, given: argparse.Namespace) -> dict[str, Any]:
    """Run one configuration."""
    method, whose, options = CONFIGURATIONS[name]
    options = dict(options)
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as scratch:
        location = locate(str(random_model(Path(scratch) / "base", given.model)))
        tokenizer = load_tokenizer(location)
        model = load_model(location, dtype="bfloat16" if options.pop("half_base", 0) else "float32")
        rows = texts(given.rows)
        samples = samples_of(rows, tokenizer, method)
        needed = operations(model, samples, method, given.top_layers)
        half = options.get("bf16") or options.get("precision") == "bf16"
        peak = matrix_peak(torch.bfloat16 if half else torch.float32, given.device)
        adapted = attach(model.to(given.device), TrainingSettings(top_layers=given.top_layers))
        before, clock, folder = memory(given.device), Clock(given.device), Path(scratch) / "out"
        if whose == "ours":
            ours(method, options, adapted, samples, given.epochs, clock)
        elif whose == "trainer":
            trainer(options, adapted, samples, given.epochs, folder, clock)
        else:
            trl_trainer(method, options, adapted, rows, tokenizer, given.epochs, folder, clock)
        used, figures = memory(given.device) - before, clock.figures(given.epochs)
        seconds = figures["wall" if given.device == "cuda" else "cpu"]
        tokens = sum(each.length for each in samples)
        return {
            "tokens": tokens / seconds,
            "wall_tokens": tokens / figures["wall"],
            "step": seconds * BATCH / len(samples),  # for as many samples, however they are packed
            "all": figures["all"],
            "peak": needed / seconds / peak,
            "memory": used / 2**20,
            "nll": likelihood(adapted, samples),
            "weights": sum(each.numel() for each in adapted.parameters() if each.requires_grad),
            "losses": clock.losses,
        }


def memory(device: str) -> int:
    """The most memory that this process has used so far, in bytes: resident, or on the GPU."""
    if device == "cuda":
        return torch.cuda.max_memory_allocated()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@torch.no_grad()
def likelihood(adapted: Any, samples: list[TokenSample]) -> float:
    """The mean negative log-likelihood of the responses in fp32, in nats a token."""
    device = TrainingDevice(TrainingSettings(precision="fp32", device="cpu"), 0)
    model = ResponseModel(adapted.float().eval(), device, 0)
    total = 0.0
    for at in range(0, len(samples), 16):
        rows = [ResponseRow(each.prompt, each.response) for each in samples[at : at + 16]]
        total -= model.logprobs(rows)[0].sum().item()
    return total / sum(len(each.response) for each in samples)


def row(name: str, results: list[dict[str, Any]], best: float) -> str:
    """A row of the table; ``best`` is the best peer's tokens a second."""
    middle = {
        key: statistics.median(each[key] for each in results) for key in results[0] if key not in ("losses", "weights")
    }
    losses = " → ".join(f"{each:.3f}" for each in results[0]["losses"])
    return (
        f"| {name} | {middle['tokens']:,.0f} | {middle['wall_tokens']:,.0f} | {middle['tokens'] / best:.2f}× "
        f"| {middle['step']:.3f} | {middle['all']:.1f} | {middle['peak']:.0%} | {middle['memory']:,.0f} "
        f"| {middle['nll']:.3f} | {losses} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rows", type=int, default=96)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--only", default="sft,kto,dpo,reinforce")
    parser.add_argument("--match", default="", help="only configurations whose name has this text in it")
    parser.add_argument("--model", choices=SHAPES, default="5.8M")
    parser.add_argument("--top-layers", type=int)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--one", choices=CONFIGURATIONS, help="run one configuration in this process, for the others")
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measure(given.one, given)))
        return
    methods = given.only.split(",")
    names = [name for name, (method, _, _) in CONFIGURATIONS.items() if method in methods and given.match in name]
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for number in range(given.rounds):
        for name in names:
            command = [sys.executable, "-m", "benchmarks.training", "--one", name, *sys.argv[1:]]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise SystemExit(f"{name} failed:\n{done.stderr[-2000:]}")
            found[name].append(json.loads(done.stdout.strip().splitlines()[-1]))
            print(f"round {number + 1}: {name}: {found[name][-1]}", file=sys.stderr, flush=True)
    weights = sorted({each["weights"] for results in found.values() for each in results})
    print(
        f"{given.model}, {', '.join(map(str, weights))} trained weights, {given.rows} rows, {given.epochs} epochs, "
        f"batch {BATCH}, one thread, torch {torch.__version__}\n\n"
        "| what | tokens/s | by the clock | against the best peer | s a step | all s | peak | MiB | NLL | losses |\n"
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---|"
    )
    for method in methods:
        mine = [name for name in names if CONFIGURATIONS[name][0] == method]
        peers = [name for name in mine if CONFIGURATIONS[name][1] != "ours"] or mine
        best = max(statistics.median(each["tokens"] for each in found[name]) for name in peers)
        for name in mine:
            print(row(name, found[name], best))


if __name__ == "__main__":
    main()
