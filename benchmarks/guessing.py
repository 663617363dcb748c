"""Measure what guesses (speculative decoding by prompt lookup) save for real requests of the calendar bot.

    python -m benchmarks.guessing [--dialogues 40] [--at-once 1 4] [--rounds 3]

The dialogues of ``benchmarks/conversations.py`` are led once, and what the bot asks its model for is recorded. Then the
requests are answered again, by an engine that guesses and by one that does not, in turns. Replies are compared token by
token. The time is that of the process's processors, the median of the rounds. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from typing import NamedTuple
from unittest.mock import patch

from benchmarks.conversations import run
from benchmarks.dialogue_cases import read_cases

from llmagent_os.bot import Bot
from llmagent_os.chat import ChatRequest, Completion
from llmagent_os.serving.backend import OnText
from llmagent_os.serving.local import LocalBackend
from llmagent_os.serving.model_location import locate
from llmagent_os.serving.options import LocalOptions


class Round(NamedTuple):
    """What answering all requests once took."""

    steps: int
    cpu: float
    replies: list[Completion]


def record(count: int) -> list[ChatRequest]:
    """Lead some dialogues, of every kind alike; gives what the model was asked."""
    asked: list[ChatRequest] = []
    answer = LocalBackend.complete

    async def complete(self: LocalBackend, request: ChatRequest, on_text: OnText | None) -> Completion:
        asked.append(request)
        return await answer(self, request, on_text)

    cases = read_cases()
    with patch.object(LocalBackend, "complete", complete):
        asyncio.run(run(cases[:: max(1, len(cases) // count)], None))
    return asked


async def answer_all(backend: LocalBackend, requests: list[ChatRequest], at_once: int) -> Round:
    """Answer all requests."""
    gate = asyncio.Semaphore(at_once)

    async def one(request: ChatRequest) -> Completion:
        async with gate:
            return await backend.complete(request, None)

    steps, cpu = backend.engine.steps, time.process_time()
    replies = await asyncio.gather(*(one(request) for request in requests))
    return Round(backend.engine.steps - steps, time.process_time() - cpu, list(replies))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--dialogues", type=int, default=40)
    parser.add_argument("--at-once", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    requests = record(given.dialogues)
    location = locate(Bot.load("calendar").config.model)
    backends = {each: LocalBackend(location, LocalOptions(guessing=each, threads=1)) for each in (False, True)}
    print(f"{len(requests)} requests of {given.dialogues} dialogues\n")
    print("| at once | guesses | steps | tokens | CPU s | tokens a CPU second | same replies |")
    print("| ---: | --- | ---: | ---: | ---: | ---: | ---: |")
    for at_once in given.at_once:
        rounds: dict[bool, list[Round]] = {False: [], True: []}
        for number in range(given.rounds + 1):  # the first one reads the prompts' beginnings
            for each, backend in backends.items():
                found = asyncio.run(answer_all(backend, requests, at_once))
                if number:
                    rounds[each].append(found)
        for each, some in rounds.items():
            cpu = statistics.median(one.cpu for one in some)
            tokens = sum(len(reply.token_ids) for reply in some[0].replies)
            pairs = zip(some[0].replies, rounds[False][0].replies, strict=True)
            same = sum(one.token_ids == other.token_ids for one, other in pairs)
            print(
                f"| {at_once} | {'yes' if each else 'no'} | {some[0].steps} | {tokens} | {cpu:.2f} | "
                f"{tokens / cpu:.0f} | {same} of {len(requests)} |",
                flush=True,
            )
    for backend in backends.values():
        backend.close()


if __name__ == "__main__":
    main()
