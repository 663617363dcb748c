"""Measure the engine's steps: LoRAs in a batch, one request against the memory's speed, guesses, and LoRAs from disk.

    python -m benchmarks.slot_batches [--shape 5.8M] [--dtype float32] [--rows 1 16] [--loras 1 16] [--device cpu]

Speed does not depend on what a model has learned: weights and LoRAs are random. Base model and LoRAs take turns, and
the ratio is the median of pairs measured one after the other, so other work on the machine hardly changes it. On a CPU
the time is that of the thread, on a GPU that of the clock. ``--peft`` adds a peer: PEFT with ``adapter_names``, which
computes a batch with several LoRAs, with a static cache and no engine around it. Prints Markdown tables.

``--old FILE`` measures the ``slots.py`` of another checkout beside this one, in the same run.
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, cast

import torch
from benchmarks.random_models import SHAPES, random_config
from transformers import AutoModelForCausalLM

from llmagent_os.serving.lora_weights import LoraLayer, LoraWeights
from llmagent_os.serving.slots import SlotModel

#: What a LoRA changes, by name: layers, rank, and how many of the uppermost blocks (0: all).
LORAS: dict[str, tuple[tuple[str, ...], int, int]] = {
    "five layers, rank 16": (("q_proj", "v_proj", "o_proj", "up_proj", "down_proj"), 16, 0),
    "a person's: all layers of the top ten blocks, rank 8": (
        ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"),
        8,
        10,
    ),
    "PEFT's default: q and v, rank 8": (("q_proj", "v_proj"), 8, 0),
}
_CONTEXT = 100  # tokens in each slot


class Side(NamedTuple):
    """One implementation, with a model of its own."""

    name: str
    model: Any  #: a SlotModel
    several: bool  #: whether a row takes a list of tokens


def make_model(shape: str, dtype: torch.dtype, device: str) -> Any:
    """Make a random model."""
    cast("Any", torch).manual_seed(0)
    config = random_config(shape)
    with torch.device(device):
        return cast("Any", AutoModelForCausalLM).from_config(config, dtype=dtype).eval()


def make_lora(model: Any, kind: str, seed: int, dtype: torch.dtype) -> LoraWeights:
    """Make a random LoRA."""
    names, rank, top = LORAS[kind]
    blocks: int = model.config.num_hidden_layers
    lowest = blocks - top if top else 0
    random = torch.Generator().manual_seed(seed)

    def half(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=random).mul_(0.03).to(dtype)

    layers = {
        name: LoraLayer(half(size.in_features, rank), half(rank, size.out_features))
        for name, part in model.named_modules()
        for size in [getattr(part, "linear", part)]
        if name.rpartition(".")[2] in names and int(name.split(".")[2]) >= lowest
    }
    return LoraWeights(f"{kind}@{seed}", layers, rank)


def seconds(run: Callable[[], Any], device: str, count: int) -> float:
    """The time of one run: of this thread on a CPU, of the clock on a GPU."""
    if device == "cpu":
        begun = time.thread_time()
        for _ in range(count):
            run()
        return (time.thread_time() - begun) / count
    torch.cuda.synchronize()
    begun = time.perf_counter()
    for _ in range(count):
        run()
    torch.cuda.synchronize()
    return (time.perf_counter() - begun) / count


def bandwidth(device: str, size: int = 1 << 30) -> float:
    """Bytes a second that one thread, or the GPU, reads from memory: the best of products with a large matrix."""
    matrix = torch.ones(size // 4 // 8192, 8192, device=device)
    vector = torch.ones(8192, device=device)
    return size / min(seconds(lambda: torch.mv(matrix, vector), device, 1) for _ in range(4))


def step(side: Side, rows: int) -> Callable[[], Any]:
    """One decoding step of the first ``rows`` slots."""
    tokens: list[Any] = [[at + 5] if side.several else at + 5 for at in range(rows)]
    places = [_CONTEXT + at for at in range(rows)]
    return lambda: side.model.decode(tokens, places)


def measure(side: Side, kind: str, rows: int, count: int, given: argparse.Namespace) -> tuple[float, float, float]:
    """The step of the base model and of ``count`` LoRAs in ``rows`` rows, both in ms, and the median ratio."""
    dtype = getattr(torch, given.dtype)
    loras = [make_lora(side.model._model, kind, seed, dtype) for seed in range(min(count, rows))]
    run = step(side, rows)
    pairs: list[tuple[float, float]] = []
    for turn in range(given.repeats + 1):
        pair: list[float] = []
        for adapted in (False, True):
            for slot in range(rows):
                side.model.occupy(slot, loras[slot % len(loras)] if adapted else None)
            run()
            pair.append(seconds(run, given.device, given.steps))
        if turn:
            pairs.append((pair[0], pair[1]))
    base, with_loras = (statistics.median(values) * 1e3 for values in zip(*pairs, strict=True))
    return base, with_loras, statistics.median(adapted / plain for plain, adapted in pairs)


def old_side(file: Path, given: argparse.Namespace) -> Side:
    """The slots of another checkout."""
    spec = importlib.util.spec_from_file_location("slots_of_another_checkout", file)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{file} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    model = make_model(given.shape, getattr(torch, given.dtype), given.device)
    return Side("before", module.SlotModel(model, max(given.rows)), several=False)


def peft_step(rows: int, count: int, kind: str, given: argparse.Namespace) -> tuple[float, float]:
    """PEFT's mixed batch: the step of the base model and with ``count`` adapters, in ms."""
    from peft import LoraConfig, get_peft_model
    from transformers import StaticCache

    names, rank, top = LORAS[kind]
    model = make_model(given.shape, getattr(torch, given.dtype), given.device)
    blocks: int = model.config.num_hidden_layers
    chosen = list(range(blocks - top, blocks)) if top and top < blocks else None
    settings = LoraConfig(r=rank, target_modules=list(names), layers_to_transform=chosen)
    cache = StaticCache(config=model.config, max_cache_len=256)
    tokens = torch.full((rows, 1), 5, device=given.device)

    def run(peer: Any, **more: Any) -> None:
        cache.reset()
        peer(input_ids=tokens, cache=cache, use_cache=True, **more)

    run(model)
    base = min(seconds(lambda: run(model), given.device, given.steps) for _ in range(given.repeats))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer = cast("Any", get_peft_model)(model, settings, adapter_name="0", autocast_adapter_dtype=False)
        for number in range(1, min(count, rows)):
            peer.add_adapter(str(number), settings)
    peer.eval()
    mixed = {"adapter_names": [str(at % min(count, rows)) for at in range(rows)]}
    run(peer, **mixed)
    return base * 1e3, min(seconds(lambda: run(peer, **mixed), given.device, given.steps) for _ in range(3)) * 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--shape", default="5.8M", choices=SHAPES)
    parser.add_argument("--dtype", default="float32", choices=("float32", "bfloat16"))
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--rows", type=int, nargs="+", default=[1, 16])
    parser.add_argument("--loras", type=int, nargs="+", default=[16])
    parser.add_argument("--kinds", type=int, nargs="+", default=range(len(LORAS)), help="which of LORAS, by number")
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--old", type=Path)
    parser.add_argument("--peft", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(1)
    with torch.inference_mode():
        tables(given)


def row(name: str, kind: str, requests: str, base: float, mixed: float, ratio: float, rows: int) -> None:
    """Print a row of the first table. ``base`` and ``mixed`` are in ms a step."""
    speed = rows / mixed * 1e3
    print(f"| {name} | {kind} | {requests} | {base:.2f} | {mixed:.2f} | {ratio:.2f} | {speed:.0f} |", flush=True)


def tables(given: argparse.Namespace) -> None:
    """Measure, and print."""
    model = make_model(given.shape, getattr(torch, given.dtype), given.device)
    weights = sum(each.nbytes for each in model.parameters())  # tied weights count once
    sides = [Side("now", SlotModel(model, max(given.rows)), several=True)]
    if given.old:
        sides.insert(0, old_side(given.old, given))
    kinds: list[str] = [list(LORAS)[at] for at in given.kinds]
    print(f"{given.shape}, {given.dtype}, {given.device}, {weights / 1e6:.0f} MB of weights\n")
    print("| engine | LoRAs | requests × LoRAs | base, ms a step | with LoRAs | ratio | tokens/s |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: |")
    for kind in kinds:
        for rows in given.rows:
            for count in given.loras:
                for side in sides:
                    base, mixed, ratio = measure(side, kind, rows, count, given)
                    row(side.name, kind, f"{rows} × {min(count, rows)}", base, mixed, ratio, rows)
                if given.peft:
                    base, mixed = peft_step(rows, count, kind, given)
                    row("PEFT", kind, f"{rows} × {min(count, rows)}", base, mixed, mixed / base, rows)
    print("\n| engine | ms a token, one request | bytes/s of weights | memory reads | share |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for side in sides:
        side.model.occupy(0, None)
        shares: list[tuple[float, float, float]] = []
        run = step(side, 1)
        run()
        for _ in range(given.repeats):
            memory = bandwidth(given.device)
            each = seconds(run, given.device, given.steps)
            shares.append((weights / each / memory, each, memory))
        share, each, memory = sorted(shares)[len(shares) // 2]
        print(
            f"| {side.name} | {each * 1e3:.1f} | {weights / each / 1e9:.1f} GB | {memory / 1e9:.1f} GB | {share:.2f} |"
        )


if __name__ == "__main__":
    main()
