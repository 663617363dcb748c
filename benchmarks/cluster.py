"""What replies from a Ray cluster cost beside the engine in this process, by turns in one run.

``python -m benchmarks.cluster ADDRESS`` after ``llmagent-os cluster start calendar --address ADDRESS``. The model is
the calendar's; LoRAs are random ones of rank 4.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from tests.tiny_model import save_lora

from llmagent_os.chat import ChatRequest
from llmagent_os.llm import LLM
from llmagent_os.serving.model_location import locate

ROUNDS = 30
LORAS = 8
AT_ONCE = 16


def request(number: int, lora: str | None = None) -> ChatRequest:
    said = [{"role": "user", "content": f"hello, what can you do for me? ({number})"}]
    return ChatRequest(messages=said, temperature=0.8, seed=number, max_tokens=64, lora=lora)


async def timed(llm: LLM, asked: ChatRequest) -> tuple[float, float]:
    """Seconds up to the first text, and up to the end."""
    begun, first = time.perf_counter(), 0.0

    async def show(_: str) -> None:
        nonlocal first
        first = first or time.perf_counter() - begun

    await llm.complete(asked, show)
    return first, time.perf_counter() - begun


async def main(address: str) -> None:
    with tempfile.TemporaryDirectory() as place:
        base = Path(locate("calendar").base)
        loras = [str(save_lora(Path(place) / f"lora-{each}", base, seed=each, scale=0.02)) for each in range(LORAS)]
        async with (
            LLM.from_pretrained("ray:calendar", address=address) as ray,
            LLM.from_pretrained("calendar") as local,
        ):
            both = {"engine": local, "replicas": ray}
            for llm in both.values():
                await llm.complete(request(0))
            found: dict[str, list[tuple[float, float]]] = {name: [] for name in both}
            for number in range(ROUNDS):
                for name, llm in both.items():
                    found[name].append(await timed(llm, request(number)))
            for name, times in found.items():
                first, whole = (1000 * median(column) for column in zip(*times, strict=True))
                print(f"{name}: alone, first text {first:.1f} ms, whole {whole:.1f} ms (median of {ROUNDS})")
            for name, llm in both.items():
                asked = [request(number, loras[number % LORAS]) for number in range(AT_ONCE)]
                activation, _ = await timed(llm, asked[0])
                for warm in ("new LoRAs", "held LoRAs"):
                    begun, cpu = time.perf_counter(), time.process_time()
                    replies = await asyncio.gather(*(llm.complete(each) for each in asked))
                    tokens, seconds = sum(len(each.token_ids) for each in replies), time.perf_counter() - begun
                    host = 1000 * (time.process_time() - cpu) / AT_ONCE
                    print(
                        f"{name}: {AT_ONCE} at once, {warm}: {tokens / seconds:.0f} tokens/s, "
                        f"{host:.1f} ms of this process's CPU a reply"
                    )
                print(f"{name}: first text of the first request with a LoRA {1000 * activation:.1f} ms")
    print(f"load of the machine: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
