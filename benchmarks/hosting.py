"""Measure what it costs to host a message: CPU and wall time from adapter to reply, start-up time and memory.

    python -m benchmarks.hosting

Runs the real host, ledger and inbox with an echo agent that has 100 commands, at 1 and at 64 messages in flight. The
inbox is in memory, or on disk with every message durable (SQLite WAL, synchronous FULL). The floor is measured in the
same run: the same adapter and the same agent on bare asyncio, with one task for a message and nothing else. Messages
are commands (``/command42 hello``). Every message in flight has a conversation of its own.

Prints Markdown tables. The last table is that of :mod:`benchmarks.adapters`: what a real adapter costs, beside an echo
bot written directly on the platform's library.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

import structlog

from llmagent_os.adapter import Accept, Capabilities, Receipt, Reply
from llmagent_os.events import Command, Conversation, Event, Message, Sender
from llmagent_os.handler import Draft, Outcome
from llmagent_os.host.host import Host
from llmagent_os.ledger import Ledger

#: The number of the echo agent's commands.
COMMANDS = 100

#: A program that hosts without a model. It runs until its first reply, and prints its seconds and megabytes.
START = """
import asyncio, json, sys, time
from llmagent_os.ledger import Ledger
import hosting

async def main():
    ledger, adapter = await Ledger.open(sys.argv[1]), hosting.BenchAdapter()
    host = asyncio.create_task(hosting.Host(hosting.EchoAgent(), ledger, [adapter]).run())
    adapter.count = time.time_ns()
    await adapter.person("c", 1, await adapter.accept)
    ready = time.time() - float(sys.argv[2])
    host.cancel()
    await asyncio.wait([host])
    await ledger.close()
    with open("/proc/self/status") as status:
        peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
    print(json.dumps({"seconds": ready, "megabytes": peak / 1024}))

asyncio.run(main())
"""


class EchoAgent:
    """Answers with the text that it gets, and knows :data:`COMMANDS` commands."""

    def __init__(self) -> None:
        async def echo(command: Command) -> str:
            return command.arguments

        self.commands: dict[str, Callable[[Command], Awaitable[str]]] = {f"command{i}": echo for i in range(COMMANDS)}

    async def handle(self, event: Event, draft: Draft) -> Outcome:
        if isinstance(event, Command):
            return Outcome(Reply(await self.commands[event.name](event)))
        return Outcome(Reply(event.text) if isinstance(event, Message) else None)


class BenchAdapter:
    """Simulates people. A person writes a message, waits for the reply, and writes the next message."""

    name = "bench"
    capabilities = Capabilities(idempotent_send=True)

    def __init__(self) -> None:
        self.waiting: dict[str, asyncio.Future[None]] = {}
        self.accept: asyncio.Future[Accept] = asyncio.get_running_loop().create_future()
        self.count = 0

    async def run(self, accept: Accept) -> None:
        self.accept.set_result(accept)
        await asyncio.get_running_loop().create_future()

    async def send(
        self, conversation: Conversation, reply: Reply, *, key: str, reply_to: str | None = None, again: bool = False
    ) -> Receipt:
        self.waiting.pop(conversation.channel).set_result(None)
        return Receipt((key,))

    async def draft(self, conversation: Conversation, text: str, *, key: str) -> None: ...

    async def edit(self, conversation: Conversation, message_id: str, reply: Reply) -> None: ...

    async def typing(self, conversation: Conversation) -> None: ...

    async def person(self, channel: str, messages: int, accept: Accept) -> None:
        """Write ``messages`` messages in ``channel``, one after another."""
        loop = asyncio.get_running_loop()
        room = Conversation(platform=self.name, workspace="w", channel=channel)
        sender = Sender(channel, "Ana")  # one sender has only a share of what runs side by side
        for _ in range(messages):
            self.count = count = self.count + 1
            done = self.waiting[channel] = loop.create_future()
            event_id = f"Ev{count}"
            text = f"/command{count % COMMANDS} hello there, how are you today?"
            await accept(Message(event_id=event_id, conversation=room, sender=sender, text=text, message_id=event_id))
            await done


class Cost(NamedTuple):
    """The cost of one message, in microseconds."""

    cpu: float  #: CPU time of the process
    wall: float  #: wall time


async def measure(adapter: BenchAdapter, accept: Accept, in_flight: int, messages: int) -> Cost:
    """Return the mean cost of ``messages`` messages, ``in_flight`` at a time."""
    cpu, wall = time.process_time(), time.perf_counter()
    share = messages // in_flight
    await asyncio.gather(*(adapter.person(f"c{i}", share, accept) for i in range(in_flight)))
    done = share * in_flight
    return Cost((time.process_time() - cpu) / done * 1e6, (time.perf_counter() - wall) / done * 1e6)


async def hosted(url: str, in_flight: int, messages: int, repeats: int) -> list[Cost]:
    """Measure the real host with the ledger at ``url``. Returns one cost for every repetition."""
    adapter, ledger = BenchAdapter(), await Ledger.open(url)
    host = asyncio.create_task(Host(EchoAgent(), ledger, [adapter]).run())
    accept = await adapter.accept
    await measure(adapter, accept, in_flight, messages // 5)  # warm up
    costs = [await measure(adapter, accept, in_flight, messages) for _ in range(repeats)]
    host.cancel()
    await asyncio.wait([host])
    await ledger.close()
    return costs


async def floor(in_flight: int, messages: int, repeats: int) -> list[Cost]:
    """Measure bare asyncio: no host, no ledger. Returns one cost for every repetition."""
    adapter, agent = BenchAdapter(), EchoAgent()
    tasks: set[asyncio.Task[None]] = set()

    async def no_draft(text: str) -> None: ...

    async def answer(event: Message) -> None:
        name, _, arguments = event.text[1:].partition(" ")
        command = Command(
            event_id=event.event_id,
            conversation=event.conversation,
            sender=event.sender,
            name=name,
            arguments=arguments,
            message_id=event.message_id,
        )
        outcome = await agent.handle(command, no_draft)
        if outcome.reply is not None:
            await adapter.send(event.conversation, outcome.reply, key=event.event_id)

    class Direct:
        """Answers at once, in a task, without an inbox."""

        async def __call__(self, event: Event, /) -> bool:
            if isinstance(event, Message):
                task = asyncio.create_task(answer(event))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
            return True

        async def wants(self, event: Event, /) -> bool:
            return True

    accept = Direct()
    await measure(adapter, accept, in_flight, messages // 5)
    return [await measure(adapter, accept, in_flight, messages) for _ in range(repeats)]


def bare_commit(file: Path, commits: int) -> Cost:
    """Return the mean cost of one durable commit of a row of 300 bytes, by SQLite alone: what the disk asks for."""
    sql = sqlite3.connect(file, isolation_level=None)
    for statement in ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", "CREATE TABLE rows (text TEXT)"):
        sql.execute(statement)
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(commits):
        sql.execute("BEGIN IMMEDIATE")
        sql.execute("INSERT INTO rows VALUES (?)", ("x" * 300,))
        sql.execute("COMMIT")
    cost = Cost((time.process_time() - cpu) / commits * 1e6, (time.perf_counter() - wall) / commits * 1e6)
    sql.close()
    return cost


def start(url: str) -> tuple[float, float]:
    """Return the seconds until the first reply, and the peak megabytes, of a process that answers one message."""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    command = [sys.executable, "-c", START, url, str(time.time())]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    found = json.loads(done.stdout.splitlines()[-1])
    return found["seconds"], found["megabytes"]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--messages", type=int, default=6400, help="messages of a repetition")
    options.add_argument("--repeats", type=int, default=5, help="repetitions; the tables show the median")
    options.add_argument("--folder", default=None, help="the folder of the inbox on disk")
    given = options.parse_args()
    # As in a deployment: log lines below INFO are not built.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
    print("| inbox | in flight | CPU µs a message | wall µs a message | aim, CPU µs |")
    print("| --- | ---: | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        commit = bare_commit(Path(folder) / "commit.db", given.messages)
        print(f"| one bare SQLite commit | 1 | {commit.cpu:.1f} | {commit.wall:.1f} | |", flush=True)
        for in_flight in (1, 64):
            rows = {
                "none: bare asyncio": (asyncio.run(floor(in_flight, given.messages, given.repeats)), ""),
                "in memory": (asyncio.run(hosted("sqlite://", in_flight, given.messages, given.repeats)), "< 60"),
                "on disk, durable": (
                    asyncio.run(
                        hosted(
                            f"sqlite:///{Path(folder) / f'bench-{in_flight}.db'}",
                            in_flight,
                            given.messages,
                            given.repeats,
                        )
                    ),
                    "< 150",
                ),
            }
            for name, (costs, aim) in rows.items():
                cpu = statistics.median(cost.cpu for cost in costs)
                wall = statistics.median(cost.wall for cost in costs)
                print(f"| {name} | {in_flight} | {cpu:.1f} | {wall:.1f} | {aim} |", flush=True)
        url = f"sqlite:///{Path(folder) / 'start.db'}"
        print("\n| start without a model, to the first reply | seconds | peak MB | aim |")
        print("| --- | ---: | ---: | --- |")
        for name in ("new ledger (runs its migrations)", "existing ledger"):
            seconds, megabytes = start(url)
            print(f"| {name} | {seconds:.2f} | {megabytes:.0f} | < 1 s, < 80 MB |", flush=True)
    print("", flush=True)
    here = Path(__file__).resolve().parents[1]
    subprocess.run([sys.executable, "-m", "benchmarks.adapters"], cwd=here, check=True)


if __name__ == "__main__":
    main()
