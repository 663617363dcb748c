"""Measure a bot's policy with up to a million people in its ledger: ``python -m benchmarks.deciding --scale``.

Some people are learned first, with 1 to 250 turns, so that their parts are real. Every person of the ledger gets a part
of one of them. At most :data:`STORED_BODIES` parts are copies with bytes of their own; the rest share these, and the
disk is counted as if they did not. Then, in CPU seconds of the process, which has one thread of linear algebra:

* a start: until the policy is open, and until the first person is answered;
* decisions: each person is loaded as for a message, and answered, by Zipf's law;
* rewards: learned in pages, as a running bot does, by Zipf's law, and what is written for them;
* a link of two people who have a reward each, and an erasure, in the ledger and until their people can be answered;
* the memory that the process has gained since it began with these people.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from tests.reward_history import write_history

from llmagent_os.identity import Identity, PersonId
from llmagent_os.ledger import Ledger
from llmagent_os.ledger.connection import BEGIN, connect
from llmagent_os.ledger.policy_state import Progress
from llmagent_os.policy.contract import Context
from llmagent_os.policy.learned import make_behavior
from llmagent_os.policy.learner import SHARED
from llmagent_os.policy_worker import PolicyWorker

if TYPE_CHECKING:
    from llmagent_os.policy.learned import LearnedPolicy

#: How many people are really learned, and how many parts have bytes of their own.
LEARNED_PEOPLE, STORED_BODIES = 120, 10_000
#: The most turns of a person who is learned.
MOST_TURNS = 250
DEFAULTS = {"mode": "task_oriented", "verbosity": "normal", "initiative": "act"}


@dataclass
class Measured:
    """What was measured with one number of people."""

    people: int
    start_ms: float  #: CPU until the policy is open
    first_ms: float  #: CPU until the first person is answered
    decisions: float  #: loaded and answered, a CPU second
    decide_ms: float  #: CPU of the decision alone
    held: int  #: how many people are in memory at the end
    rewards: float  #: learned, a CPU second
    written: float  #: KiB a reward
    link_ms: float  #: CPU of a link of two people
    erase_ms: float  #: CPU of an erasure
    memory: float  #: MiB
    part: float  #: KiB of a stored part, on average
    largest: float  #: KiB of the largest part
    disk: float  #: MiB of the ledger, with bytes for every part

    def row(self) -> str:
        """The measurements as a row of a Markdown table."""
        cells = (
            f"{self.people:,}",
            *(f"{self.start_ms:.0f}", f"{self.first_ms:.0f}"),
            *(f"{self.decisions:,.0f}", f"{self.decide_ms:.2f}"),
            *(f"{self.rewards:.0f}", f"{self.written:.1f}"),
            *(f"{self.link_ms:.0f}", f"{self.erase_ms:.0f}"),
            *(f"{self.memory:.0f}", f"{self.held:,}"),
            *(f"{self.part:.1f}", f"{self.largest:.1f}", f"{self.disk:,.0f}"),
        )
        return f"| {' | '.join(cells)} |"


HEADER = (
    "| people | start, ms | first answer, ms | decisions/s | decide, ms | rewards/s | KiB written a reward | link, ms "
    "| erasure, ms | memory, MiB | people in it | KiB a person | largest | disk, MiB |"
)


def context_of(rng: np.random.Generator) -> Context:
    """What is known when somebody writes."""
    names = ("ask", "request", "talk"), ("morning", "evening"), ("short", "medium", "long"), ("web", "slack", "discord")
    intent, day, length, platform = (str(rng.choice(each)) for each in names)
    return {"intent": intent, "day": day, "length": length, "platform": platform, "turn": 0.3}


def ranks(rng: np.random.Generator, people: int, count: int) -> NDArray[np.int64]:
    """Draw who writes, by Zipf's law: the person of rank r with a probability in proportion to 1/r."""
    edges = np.cumsum(1.0 / np.arange(1, people + 1))
    return np.asarray(np.searchsorted(edges, rng.random(count) * edges[-1]), np.int64)


def learned(learner: str, rng: np.random.Generator) -> dict[str, bytes]:
    """Learn some people, the first with the most turns, and return what was learned."""
    policy = make_behavior(learner, DEFAULTS, None, 0.03, seed=1)
    stored: dict[str, bytes] = {}
    turns = [max(1, MOST_TURNS // (1 + number)) for number in range(LEARNED_PEOPLE)]
    order = rng.permutation(np.repeat(np.arange(LEARNED_PEOPLE), turns))
    for number in order:
        made = policy.decide(PersonId(f"memory::l{number}"), context_of(rng))
        policy.observe(made, float(rng.choice((-1.0, 1.0))))
    stored |= policy.learner.changes()
    return stored


def fill(file: Path, name: str, people: int, parts: Mapping[str, bytes], made: str) -> tuple[float, float]:
    """Give every person of a ledger a part. Returns the mean and the largest size of parts, in bytes."""
    database = connect(file, "NORMAL")
    bodies = [body for part, body in parts.items() if part != SHARED]
    state = "INSERT INTO policy_states (policy, live, through, base, epoch) VALUES (?, 1, 0, 0, 0)"
    part = "INSERT INTO policy_parts (state, part, through, body) VALUES (?, ?, 0, ?)"
    body = "INSERT INTO policy_bodies (bytes) VALUES (?)"
    try:
        run = database.driver.execute
        run(BEGIN)
        number = run(state, (name,)).lastrowid
        for shared, content in ((SHARED, parts[SHARED]), ("\x00trust", b"{}"), ("\x00made", made.encode())):
            run(part, (number, shared, run(body, (content,)).lastrowid))
        for each in [key for key in parts if key != SHARED]:
            run(part, (number, each, run(body, (parts[each],)).lastrowid))
        first = [run(body, (bodies[at % len(bodies)],)).lastrowid for at in range(min(people, STORED_BODIES))]
        rows = ((number, f"memory::p{at}", first[at % len(first)]) for at in range(people))
        database.driver.executemany(part, rows)
        run("COMMIT")
    finally:
        database.close()
    sizes = [len(each) for each in bodies]
    return float(np.mean(sizes)), float(max(sizes))


def resident() -> float:
    """The memory of this process, in MiB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20


def now_ms() -> float:
    """The CPU milliseconds of this process."""
    return time.process_time() * 1000


async def decisions(
    learning: PolicyWorker, policy: LearnedPolicy, who: Sequence[int], rng: np.random.Generator
) -> tuple[float, float]:
    """Load and answer people. Returns the CPU milliseconds of one, and those of the decision alone."""
    contexts = [context_of(rng) for _ in who]
    began, alone = now_ms(), 0.0
    for number, context in zip(who, contexts, strict=True):
        person = PersonId(f"memory::p{number}")
        await learning.load(person)
        before = time.thread_time()
        policy.decide(person, context)
        alone += time.thread_time() - before
    return (now_ms() - began) / len(who), alone * 1000 / len(who)


async def measure(
    folder: Path, learner: str, people: int, parts: Mapping[str, bytes], count: int, rewards: int
) -> Measured:
    """Measure with one number of people."""
    rng, file, name = np.random.default_rng(2), folder / f"{people}.db", f"bench:{learner}"
    policy = make_behavior(learner, DEFAULTS, None, 0.03, seed=1)
    mean, largest = fill(file, name, people, parts, policy.made)
    before, ledger = resident(), await Ledger.open(f"sqlite:///{file}", synchronous="NORMAL")
    learning, written, advance = PolicyWorker(policy, ledger, name), list[int](), ledger.learned.advance

    async def counted(
        was: Progress, through: int, changed: Mapping[str, bytes], *, stale_from: int | None = None
    ) -> Progress | None:
        written.append(sum(map(len, changed.values())))
        return await advance(was, through, changed, stale_from=stale_from)

    setattr(ledger.learned, "advance", counted)  # noqa: B010
    began = now_ms()
    await learning.open()
    start = now_ms() - began
    await decisions(learning, policy, [people // 2], rng)
    first = now_ms() - began
    await learning.catch_up()
    each, alone = await decisions(learning, policy, ranks(rng, people, count).tolist(), rng)
    who = [f"p{number}" for number in ranks(rng, people, rewards)]
    step = 256
    began = now_ms()
    writing = 0.0
    for at in range(0, rewards, step):
        wrote = now_ms()
        write_history(file, who[at : at + step], first=at)
        writing += now_ms() - wrote
        await learning.catch_up()
    spent = now_ms() - began - writing
    total = sum(written)
    link, erase = await changes_of_people(ledger, learning, who[-1], who[-2])
    memory, held = resident() - before, len(policy.learner.held())
    await ledger.close()
    disk = file.stat().st_size + max(0, people - STORED_BODIES) * mean
    return Measured(
        people=people,
        start_ms=start,
        first_ms=first,
        decisions=1000 / each,
        decide_ms=alone,
        held=held,
        rewards=1000 * rewards / spent,
        written=total / rewards / 1024,
        link_ms=link,
        erase_ms=erase,
        memory=memory,
        part=mean / 1024,
        largest=largest / 1024,
        disk=disk / 2**20,
    )


async def changes_of_people(ledger: Ledger, learning: PolicyWorker, one: str, other: str) -> tuple[float, float]:
    """Link an account to ``one``, erase ``other``, and return the CPU milliseconds of both, until they are answered."""
    now = datetime.now(UTC)
    await ledger.identities.issue(Identity("memory::linked"), "code", now, timedelta(minutes=10))
    began = now_ms()
    await ledger.identities.join(Identity(f"memory::{one}"), "code", now)
    await learning.load(PersonId("memory::linked"))
    linked = now_ms()
    await ledger.forget(Identity(f"memory::{other}"))
    await learning.forget([Identity(f"memory::{other}")])
    await learning.load(PersonId(f"memory::{other}"))
    return linked - began, now_ms() - linked


def print_scale(learner: str, people: Sequence[int], count: int, rewards: int) -> None:
    """Measure with these numbers of people, and print a Markdown table."""
    parts = learned(learner, np.random.default_rng(1))
    print(f"{HEADER}\n| {' | '.join(['---:'] * (HEADER.count('|') - 1))} |", flush=True)
    for number in people:
        with ProcessPoolExecutor(1, get_context("spawn")) as one:  # whose memory is that of this measurement alone
            print(one.submit(measured, learner, number, parts, count, rewards).result().row(), flush=True)


def measured(learner: str, people: int, parts: Mapping[str, bytes], count: int, rewards: int) -> Measured:
    """Measure with one number of people, in a folder that is deleted afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(measure(Path(folder), learner, people, parts, count, rewards))
