"""Measure how long a person's LoRA takes to be ready: 1,000 on disk, 100 in memory, asked for as people talk (Zipf).

    python -m benchmarks.lora_activation [--shape 5.8M] [--on-disk 1000] [--in-memory 100] [--requests 2000]

An activation is everything from the folder's name to a slot that answers with the LoRA: found in memory or read, hashed
and checked, and copied into the slot. The folders are links to the files of a few LoRAs, so the disk's cache holds them
all, and each is read as if it were new. Prints a Markdown table, in ms of the thread's CPU and of the clock.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import tempfile
import time
from pathlib import Path

import torch
from benchmarks.random_models import random_model
from tests.tiny_model import save_lora

from llmagent_os.serving.lora_weights import LoraCache
from llmagent_os.serving.model_loading import load_model
from llmagent_os.serving.model_location import locate
from llmagent_os.serving.slots import SlotModel

_FILES = ("adapter_config.json", "adapter_model.safetensors")
_SLOTS = 16


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--shape", default="5.8M")
    parser.add_argument("--rank", type=int, default=8)
    parser.add_argument("--on-disk", type=int, default=1000)
    parser.add_argument("--in-memory", type=int, default=100)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--exponent", type=float, default=1.0, help="of Zipf's law")
    given = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch, torch.inference_mode():
        base = random_model(Path(scratch) / "base", given.shape)
        some = [save_lora(Path(scratch) / f"made{n}", base, rank=given.rank, seed=n) for n in range(4)]
        folders: list[Path] = []
        for number in range(given.on_disk):
            folder = Path(scratch) / f"person{number}"
            folder.mkdir()
            for name in _FILES:
                os.link(some[number % len(some)] / name, folder / name)
            folders.append(folder)
        measure(SlotModel(load_model(locate(str(base))), _SLOTS), folders, given)


def measure(model: SlotModel, folders: list[Path], given: argparse.Namespace) -> None:
    """Send the requests, and print."""
    cache = LoraCache(given.in_memory)
    weights = [1 / (rank + 1) ** given.exponent for rank in range(len(folders))]
    asked = random.Random(0).choices(range(len(folders)), weights, k=given.requests + given.in_memory)
    found: list[tuple[bool, float, float]] = []
    for number, person in enumerate(asked):
        folder = folders[person]
        held = cache.peek(folder) is not None
        clock, cpu = time.perf_counter(), time.thread_time()
        model.occupy(number % _SLOTS, cache.get(folder))
        if number >= given.in_memory:
            found.append((held, (time.thread_time() - cpu) * 1e3, (time.perf_counter() - clock) * 1e3))
    held_bytes = f"{cache.nbytes / 1e6:.0f} MB"
    print(f"{given.on_disk} LoRAs of rank {given.rank} on disk, {given.in_memory} in memory ({held_bytes})")
    print(f"{given.requests} requests\n\n| activation | share | CPU p50 | CPU p95 | clock p50 | clock p95 |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for name, chosen in (
        ("all", found),
        ("in memory", [each for each in found if each[0]]),
        ("from disk", [each for each in found if not each[0]]),
    ):
        times = [statistics.quantiles([each[at] for each in chosen], n=100) for at in (1, 2)]
        cells = " | ".join(f"{each[place]:.2f}" for each in times for place in (49, 94))
        print(f"| {name} | {len(chosen) / len(found):.2f} | {cells} |")


if __name__ == "__main__":
    main()
