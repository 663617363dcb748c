"""Measure tokens a second: the in-process engine beside transformers' ``generate`` with PEFT, in one run.

    python -m benchmarks.serving [--model FOLDER] [--requests 64] [--loras 16] [--slots 16] [--threads 1]

Every request has its own prompt and length, and asks for one of the LoRAs. The peer answers the requests one by one and
makes the LoRA of each request active, as a program with only transformers and PEFT would. Without ``--model`` the model
is a random one of the size of the shipped model. Prints a Markdown table. Replies are compared token by token.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any, cast

import torch
from benchmarks.random_models import random_model
from peft import PeftModel
from tests.tiny_model import CORPUS, save_lora
from transformers.utils import logging as transformers_logging

from llmagent_os.chat import ChatRequest, Completion
from llmagent_os.llm import LLM
from llmagent_os.serving.model_loading import load_model, load_tokenizer, vocabulary_of
from llmagent_os.serving.model_location import locate


def workload(count: int, loras: list[Path], seed: int = 0) -> list[ChatRequest]:
    """Make requests of 5 to 60 words, with replies of at most 8 to 64 tokens."""
    order = random.Random(seed)
    words = " ".join(CORPUS).split()
    return [
        ChatRequest(
            messages=[{"role": "user", "content": " ".join(order.choices(words, k=order.randint(5, 60)))}],
            lora=str(order.choice(loras)) if loras else None,
            max_tokens=order.randint(8, 64),
        )
        for _ in range(count)
    ]


class Peer:
    """Answers with transformers and PEFT, one request at a time."""

    def __init__(self, base: Path, loras: list[Path]) -> None:
        location = locate(str(base))
        self.tokenizer = load_tokenizer(location)
        self.model = load_model(location)
        vocabulary = vocabulary_of(self.model, self.tokenizer)
        self.banned = sorted(set(range(vocabulary.size)) - set(vocabulary.text_ids))
        if loras:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)
                self.model = cast("Any", PeftModel).from_pretrained(self.model, loras[0], adapter_name="0")
                for number, folder in enumerate(loras[1:], 1):
                    self.model.load_adapter(folder, adapter_name=str(number))
        self.numbers = {str(folder): str(number) for number, folder in enumerate(loras)}

    def run(self, requests: list[ChatRequest]) -> list[list[int]]:
        """Return the tokens of the replies."""
        replies: list[list[int]] = []
        for request in requests:
            prompt = self.tokenizer.apply_chat_template(request.messages, add_generation_prompt=True, tokenize=False)
            ids = self.tokenizer(prompt, add_special_tokens=False, return_tensors="pt")
            if request.lora:
                self.model.set_adapter(self.numbers[request.lora])
            out = self.model.generate(
                **ids, max_new_tokens=request.max_tokens, do_sample=False, suppress_tokens=self.banned
            )
            replies.append(out[0, ids["input_ids"].shape[1] :].tolist())
        return replies


async def run_engine(llm: LLM, requests: list[ChatRequest]) -> list[Completion]:
    """Send all requests at once. The engine writes as many replies together as it has slots."""
    return list(await asyncio.gather(*(llm.complete(request) for request in requests)))


def row(name: str, seconds: float, tokens: int, floor: float, same: str) -> str:
    """Return a row of the table. ``floor`` is the time of the peer, in seconds."""
    return f"| {name} | {seconds:.2f} | {tokens / seconds:.0f} | {floor / seconds:.1f}× | {same} |"


async def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--model", type=Path)
    parser.add_argument("--requests", type=int, default=64)
    parser.add_argument("--loras", type=int, default=16)
    parser.add_argument("--slots", type=int, default=16)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    cast("Any", transformers_logging).disable_progress_bar()
    with tempfile.TemporaryDirectory() as scratch:
        base = given.model or random_model(Path(scratch) / "base")
        loras = [save_lora(Path(scratch) / f"a{n}", base, rank=16, seed=n, scale=0.03) for n in range(given.loras)]
        print(
            f"{given.requests} requests, {given.loras} LoRAs of rank 16, {given.slots} slots, "
            f"{given.threads} thread(s), fp32, torch {torch.__version__}\n"
        )
        print("| what | seconds | tokens/s | against the peer | same replies |\n|---|---:|---:|---:|---:|")
        for label, used in (("", []), ("; every request has a LoRA", loras)):
            requests = workload(given.requests, used)
            peer = Peer(base, used)
            peer.run(requests[:2])
            begun = time.perf_counter()
            expected = peer.run(requests)
            floor = time.perf_counter() - begun
            tokens = sum(map(len, expected))
            print(
                row(f"transformers generate{' + PEFT' if used else ''}, one by one{label}", floor, tokens, floor, "n/a")
            )
            for slots in (1, given.slots):
                async with LLM.from_pretrained(str(base), slots=slots, threads=given.threads) as llm:
                    await run_engine(llm, requests[:2])
                    begun = time.perf_counter()
                    replies = await run_engine(llm, requests)
                    seconds = time.perf_counter() - begun
                same = sum(list(reply.token_ids) == one for reply, one in zip(replies, expected, strict=True))
                total = sum(len(reply.token_ids) for reply in replies)
                print(
                    row(f"engine, {slots} slot(s){label}", seconds, total, floor, f"{same}/{len(requests)}"), flush=True
                )


if __name__ == "__main__":
    asyncio.run(main())
