"""Measure what it costs a running bot that its policy learns again: the event loop's lag, and how long a replay takes.

    python -m benchmarks.relearning --rewards 25000

Writes a ledger of 400 people, opens a bot's policy worker on it, and lets it learn while the event loop is watched: how
late a task of every 5 ms is, how long the report of ``/healthz`` takes, and how long the answer of ``/profile`` takes.
First everything is learned, then it is learned again after a link of two accounts that came late, and at last for a
while on a thread of the same process, which is what the process of its own is compared with.

Prints a Markdown table. Times depend on the machine and on what else runs there; the ratios less so.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from tests.reward_history import write_history

from llmagent_os.host.health import Health
from llmagent_os.identity import Identity, PersonId
from llmagent_os.ledger import Ledger
from llmagent_os.policy.learned import make_behavior
from llmagent_os.policy_worker import PolicyWorker, relearning

#: How many people react.
PEOPLE = 400
#: The rewards of the two accounts that are linked, at the end of the ledger.
LATE_REWARDS = 20
#: How long the replay on a thread is watched, in seconds.
THREAD_SECONDS = 20.0
#: How often the event loop is asked, in seconds.
PROBE_SECONDS = 0.005

DEFAULTS = {"mode": "task_oriented", "verbosity": "normal", "initiative": "act"}


@dataclass
class Watched:
    """What was measured while a policy learned."""

    name: str
    seconds: float = 0.0
    rows: int = 0
    late: list[float] = field(default_factory=list[float])  #: how late the probes were, in seconds
    health: list[float] = field(default_factory=list[float])  #: the report of ``/healthz``, in seconds
    profile: list[float] = field(default_factory=list[float])  #: the answer of ``/profile``, in seconds

    def row(self) -> str:
        """The measurements as a row of a Markdown table."""
        cells = [f"{np.percentile(times, 99) * 1000:.1f}" for times in (self.late, self.health, self.profile)]
        return (
            f"| {self.name} | {self.rows:,} | {self.seconds:.1f} | {' | '.join(cells)} | {max(self.late) * 1000:.0f} |"
        )


@contextlib.asynccontextmanager
async def watched(name: str, learning: PolicyWorker, health: Health) -> AsyncGenerator[Watched]:
    """Watch the event loop."""
    found, rows = Watched(name), learning.relearned_rows
    start = time.perf_counter()

    async def probe() -> None:
        while True:
            due = time.perf_counter() + PROBE_SECONDS
            await asyncio.sleep(PROBE_SECONDS)
            found.late.append(time.perf_counter() - due)
            await health.report()
            found.health.append(time.perf_counter() - due)

    async def ask() -> None:
        for number in range(1_000_000):
            person, began = PersonId(f"memory::p{number % PEOPLE}"), time.perf_counter()
            await learning.load(person)
            await learning.reply_counts(person)
            learning.tastes(person)
            found.profile.append(time.perf_counter() - began)
            await asyncio.sleep(0.1)

    tasks = [asyncio.create_task(probe()), asyncio.create_task(ask())]
    try:
        yield found
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        found.seconds, found.rows = time.perf_counter() - start, learning.relearned_rows - rows


async def measure(folder: Path, rewards: int, learner: str) -> list[Watched]:
    """Run all of it on a ledger in ``folder``."""
    file = folder / "ledger.db"
    people = [f"p{number * 17 % PEOPLE}" for number in range(rewards - LATE_REWARDS)]
    write_history(file, [*people, *["late", "later"] * (LATE_REWARDS // 2)])
    ledger = await Ledger.open(f"sqlite:///{file}")
    found: list[Watched] = []
    try:
        learning = PolicyWorker(make_behavior(learner, DEFAULTS, None, 0.03), ledger, "bench")
        health = Health("bench", "none")
        health.watch_learning(lambda: learning.behind)
        start = time.perf_counter()
        await learning.open()
        print(f"opened with {learning.behind:,} rewards to learn in {time.perf_counter() - start:.3f} s", flush=True)
        async with watched("idle", learning, health) as idle:
            await asyncio.sleep(3)
        async with watched("from row 0, in a process", learning, health) as first:
            await learning.catch_up()
        now = datetime.now(UTC)
        await ledger.identities.issue(Identity("memory::late"), "code", now, timedelta(minutes=10))
        await ledger.identities.join(Identity("memory::later"), "code", now)
        async with watched("after a late link, from a snapshot", learning, health) as late:
            await learning.catch_up()
        relearning.PROCESS_ROWS = 10**9
        await ledger.drop_policy("bench")
        async with watched("from row 0, on a thread", learning, health) as thread:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(THREAD_SECONDS):
                    await learning.catch_up()
        found = [idle, first, late, thread]
    finally:
        await ledger.close()
    return found


def main() -> None:
    """Parse the command line, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rewards", type=int, default=25_000)
    parser.add_argument("--learner", default="bayes")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(measure(Path(folder), options.rewards, options.learner))
    print(
        "| | rewards | seconds | loop late, p99 (ms) | /healthz, p99 (ms) | /profile, p99 (ms) | loop late, most (ms) |"
    )
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for each in found:
        print(each.row())
    _, first, late, _ = found
    print(f"\nA replay from a snapshot took {late.seconds / first.seconds:.3f} of the time of one from row 0.")


if __name__ == "__main__":
    main()
