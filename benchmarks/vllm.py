"""Measure vLLM beside the in-process engine, in one run: processor time, one request and sixteen, and activation.

    python -m benchmarks.vllm PYTHON [--loras 32] [--tokens 32] [--rounds 3] [--max-loras 4]

``PYTHON`` is the Python that vLLM is installed for; the server is started, and its processes' processor time is read
from ``/proc``. Both have one thread, fp32, the calendar model and the same LoRAs, and every request has another LoRA.
Prints a Markdown table. Replies are compared word by word.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import resource
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, cast

import structlog
import torch
from tests.free_port import free_port
from tests.tiny_model import save_lora
from transformers.utils import logging as transformers_logging

from llmagent_os.chat import ChatRequest, Completion
from llmagent_os.llm import LLM
from llmagent_os.serving.lora_management import LoraManagement
from llmagent_os.serving.model_location import locate

QUESTIONS = (
    "hello",
    "what do I have tomorrow?",
    "schedule lunch with Ana on friday at noon",
    "am I free on Friday afternoon?",
)
_TICKS = os.sysconf("SC_CLK_TCK")

CpuSeconds = Callable[[], float]


class Row(NamedTuple):
    """What was measured of one of the two."""

    tokens: int
    cpu: float  #: seconds of the server's or the engine's processes, and of the client
    wall: float  #: seconds
    replies: list[str]


def start(python: str, port: int, log: Path, max_loras: int) -> subprocess.Popen[bytes]:
    """Start vLLM with the calendar model."""
    environment = os.environ | {
        "VLLM_ALLOW_RUNTIME_LORA_UPDATING": "True",
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "OMP_NUM_THREADS": "1",
        "VLLM_NO_USAGE_STATS": "1",
        "HF_HUB_OFFLINE": "1",
    }
    flags = (
        "--served-model-name base --dtype float32 --max-model-len 1024 --max-num-seqs 16 --enforce-eager "
        "--enable-lora --max-loras {max_loras} --max-cpu-loras 64 --max-lora-rank 8 --host 127.0.0.1"
    )
    command = [python, "-m", "vllm.entrypoints.openai.api_server", "--model", locate("calendar").base]
    with log.open("ab") as output:
        return subprocess.Popen(
            [*command, "--port", str(port), *flags.format(max_loras=max_loras).split()],
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )


def own_seconds() -> float:
    """Processor time of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def tree_seconds(root: int) -> float:
    """Processor time of a process and of all that it has started, in seconds."""
    parents: dict[int, int] = {}
    ticks: dict[int, int] = {}
    for each in Path("/proc").iterdir():
        if not each.name.isdigit():
            continue
        try:
            fields = (each / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(each.name)] = int(fields[1])
        ticks[int(each.name)] = int(fields[11]) + int(fields[12])
    found, todo = 0, [root]
    while todo:
        one = todo.pop()
        found += ticks.get(one, 0)
        todo += [child for child, parent in parents.items() if parent == one]
    return found / _TICKS


async def wait_for(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    """Wait until the server answers."""
    while True:
        if process.poll() is not None:
            said = await asyncio.to_thread(log.read_text)
            raise SystemExit(f"vLLM ended with {process.returncode}:\n{said[-2000:]}")
        try:
            await LoraManagement(url).models()
            return
        except Exception:  # it is not there yet
            await asyncio.sleep(0.5)


def requests(loras: list[Path], count: int, tokens: int) -> list[ChatRequest]:
    """Requests with another LoRA each."""
    return [
        ChatRequest(
            messages=[{"role": "user", "content": QUESTIONS[at % len(QUESTIONS)]}],
            lora=str(loras[at % len(loras)]),
            max_tokens=tokens,
        )
        for at in range(count)
    ]


async def measure(llm: LLM, asked: list[ChatRequest], cpu: CpuSeconds, *, at_once: bool) -> Row:
    """Answer requests, one after another or all at once."""
    before, begun = cpu(), time.perf_counter()
    if at_once:
        replies: list[Completion] = list(await asyncio.gather(*map(llm.complete, asked)))
    else:
        replies = [await llm.complete(each) for each in asked]
    tokens = sum(len(reply.token_ids) for reply in replies)
    return Row(tokens, cpu() - before, time.perf_counter() - begun, [reply.text for reply in replies])


async def activation(llm: LLM, loras: list[Path]) -> list[float]:
    """Milliseconds that one token takes with a LoRA that was never used, beyond what it takes the second time."""
    found: list[float] = []
    for folder in loras:
        times: list[float] = []
        for _ in range(2):
            begun = time.perf_counter()
            await llm.complete(
                ChatRequest(messages=[{"role": "user", "content": "hi"}], lora=str(folder), max_tokens=1)
            )
            times.append(time.perf_counter() - begun)
        found.append(1000 * (times[0] - times[1]))
    return found


def line(what: str, row: Row, same: str) -> str:
    """A row of the table."""
    return f"| {what} | {row.tokens / row.cpu:.0f} | {row.cpu:.2f} | {row.wall:.2f} | {same} |"


async def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("python")
    parser.add_argument("--loras", type=int, default=32)
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--max-loras", type=int, default=4, help="vLLM's: how many LoRAs there are in one batch")
    given = parser.parse_args()
    torch.set_num_threads(1)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    cast("Any", transformers_logging).disable_progress_bar()
    with tempfile.TemporaryDirectory() as scratch:
        base = Path(locate("calendar").base)
        made = [save_lora(Path(scratch) / f"v{n}", base, rank=8, seed=n, scale=0.06) for n in range(given.loras + 16)]
        loras, unused = made[: given.loras], made[given.loras :]
        port, log = free_port(), Path(scratch) / "log"
        process = start(given.python, port, log, given.max_loras)
        url = f"http://127.0.0.1:{port}/v1"
        try:
            await wait_for(process, url, log)
            print(f"{given.loras} LoRAs of rank 8, {given.tokens} tokens a reply, one thread, fp32")
            print(f"vLLM was up after {tree_seconds(process.pid):.1f} CPU seconds\n")
            options: dict[str, Any] = {
                "base_url": url,
                "kind": "vllm",
                "base": "calendar",
                "api_key": "none",
                "timeout": 600.0,
            }
            async with (
                LLM.from_pretrained("openai:base", **options, lora_slots=64) as server,
                LLM.from_pretrained("calendar", threads=1, timeout=600.0) as engine,
            ):
                await compare(server, engine, lambda: tree_seconds(process.pid) + own_seconds(), loras, given)
                for name, llm in (("engine", engine), ("vLLM", server)):
                    times = await activation(llm, unused)
                    print(f"\nactivation of a LoRA, {name}: median {statistics.median(times):.1f} ms, ", end="")
                    print(f"greatest of {len(times)} {max(times):.1f} ms")
        finally:
            process.terminate()
            process.wait(60)


async def compare(server: LLM, engine: LLM, theirs: CpuSeconds, loras: list[Path], given: argparse.Namespace) -> None:
    """Print the table: the two in turn, the best round of each."""
    print("| what | tokens a CPU second | CPU seconds | seconds | same replies |\n|---|---:|---:|---:|---:|")
    for label, count, at_once in (("1 request", 8, False), ("16 requests", 16, True)):
        asked = requests(loras, count, given.tokens)
        for llm in (server, engine):
            await measure(llm, asked, own_seconds, at_once=at_once)  # loads the LoRAs
        rounds = [
            (
                await measure(engine, asked, own_seconds, at_once=at_once),
                await measure(server, asked, theirs, at_once=at_once),
            )
            for _ in range(given.rounds)
        ]
        ours = min((each[0] for each in rounds), key=lambda row: row.cpu)
        other = min((each[1] for each in rounds), key=lambda row: row.cpu)
        same = sum(one == two for one, two in zip(ours.replies, other.replies, strict=True))
        print(line(f"engine, {label} at a time", ours, "n/a"))
        print(line(f"vLLM, {label} at a time", other, f"{same}/{count}"), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
