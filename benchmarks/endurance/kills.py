"""Kill a working host again and again, at random, and count what people lost or saw twice.

    python -m benchmarks.endurance.kills --kills 1000

People on Slack, Discord and Telegram (servers on loopback, real client libraries) and on pages of the web chat talk to
the calendar bot without a break. A model server on loopback takes a moment for every answer. The host is killed with
SIGKILL: half of the times at a random moment after its start, half of the times just before or after a step that is
drawn from all steps of its work. Then it is started again on the same data. At the end everybody gets their last
answer, and the answers are counted.

A message must be answered once. One that three hosts were killed with is a dead letter, since it might be the cause:
its person is told, and it is run again at the end. Where a platform does not drop a second send (Slack and Telegram do
not), a kill between the platform's answer and the note of it may show a reply twice, as the documentation of the host
says. Prints Markdown tables.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import contextlib
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Iterable, Mapping
from pathlib import Path

import msgspec
from benchmarks.endurance.environment import host_environment
from benchmarks.endurance.killed_host import POINTS, Life
from benchmarks.endurance.model_server import ModelServer
from benchmarks.endurance.people import Conversation, Counts, PlatformPerson, WebPerson
from tests.free_port import free_port
from tests.platforms.__main__ import platforms

from llmagent_os.ledger import Ledger

#: How long a host lives at most before it is killed, in seconds: while it starts, and after it is up.
STARTING, UP = 1.0, 1.5
#: The probability that it is killed while it starts.
KILLED_AT_START = 0.2
#: How long it may take to reach the point at which it kills itself, in seconds after it is up.
POINT_PATIENCE = 4.0


class Hosts:
    """Starts hosts, and waits for their ends."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._log = folder / "host.log"
        self._environment = environment
        self._process: asyncio.subprocess.Process | None = None

    @contextlib.asynccontextmanager
    async def ready(self) -> AsyncGenerator[None]:
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "benchmarks.endurance.killed_host", str(self._log)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=self._environment,
        )
        try:
            yield
        finally:
            self._process.kill()
            await self._process.wait()

    async def start(self, life: Life) -> Host:
        """Start one, of which there may be only one at a time."""
        assert self._process is not None and self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(msgspec.json.encode(life) + b"\n")
        lines = self._process.stdout
        host = Host(int(await lines.readline()), asyncio.Event())
        host.ended = asyncio.create_task(_end(lines, host.up))
        return host


class Host:
    """A host that runs, or has ended."""

    def __init__(self, process: int, up: asyncio.Event) -> None:
        self.process = process
        self.up = up  #: set once it has taken up what was left, or has ended
        self.ended: asyncio.Task[int]  #: its exit code, negative for a signal


async def _end(lines: asyncio.StreamReader, up: asyncio.Event) -> int:
    while (line := (await lines.readline()).strip()) == b"up":
        up.set()
    up.set()
    return int(line)


async def kill(hosts: Hosts, kills: int, minutes: float, seed: int) -> collections.Counter[str]:
    """Let hosts live and die, ``kills`` times or for ``minutes``. Returns how often they died where."""
    end = time.monotonic() + 60 * minutes
    draw = random.Random(seed)
    places: collections.Counter[str] = collections.Counter()
    while sum(places.values()) < kills and time.monotonic() < end:
        life = Life(point=draw.choice(POINTS), passes=draw.randint(1, 4)) if draw.random() < 0.5 else Life()
        host = await hosts.start(life)
        if life.point:
            await host.up.wait()
            await asyncio.wait({host.ended}, timeout=POINT_PATIENCE)
        elif draw.random() < KILLED_AT_START:
            await asyncio.sleep(draw.uniform(0, STARTING))
        else:
            await host.up.wait()
            await asyncio.sleep(draw.uniform(0, UP))
        place = life.point or ("while it answers" if host.up.is_set() else "while it starts")
        if not host.ended.done():
            with contextlib.suppress(ProcessLookupError):  # it has just reached its point
                os.kill(host.process, signal.SIGKILL)
                place = f"{place}, not reached" if life.point else place
        if await host.ended != -signal.SIGKILL:
            raise RuntimeError(f"the host ended by itself, with {host.ended.result()}: see its log")
        places[place] += 1
        if sum(places.values()) % 100 == 0:
            print(f"{sum(places.values())} kills", file=sys.stderr, flush=True)
    return places


async def introductions(hosts: Hosts, people: Iterable[PlatformPerson]) -> None:
    """Let a host live until everybody has been answered once."""
    host = await hosts.start(Life())
    await asyncio.gather(*(person.introduce() for person in people))
    os.kill(host.process, signal.SIGTERM)
    if code := await host.ended:
        raise RuntimeError(f"the host ended with {code}: see its log")


async def last_answers(
    hosts: Hosts, talks: list[asyncio.Task[None]], stop: asyncio.Event, path: Path, on_pages: Iterable[WebPerson]
) -> int:
    """Let a host live until everybody has their last answer, and the dead letters were run again; returns how many."""
    host = await hosts.start(Life())
    stop.set()
    await asyncio.gather(*talks)
    ledger = await Ledger.open(f"sqlite:///{path}")
    try:
        count = await ledger.revive()
        for _ in range(600):
            if not await ledger.unfinished():
                break
            await asyncio.sleep(0.1)
    finally:
        await ledger.close()
    await asyncio.gather(*(person.look_again() for person in on_pages))
    os.kill(host.process, signal.SIGTERM)
    if code := await host.ended:
        raise RuntimeError(f"the host ended with {code}: see its log")
    return count


async def main(kills: int, minutes: float, people: int, seed: int) -> None:
    """Run, and print the tables."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        servers, model = platforms(), ModelServer(0.0, 0.3, seed=seed)
        await model.start()
        for server in servers:
            await server.start()
        web_port = free_port()
        environment = host_environment(folder / "data", model.url, web_port, servers) | {"OPENBLAS_NUM_THREADS": "1"}
        hosts, stop, since = Hosts(folder, environment), asyncio.Event(), time.monotonic()
        page = f"http://127.0.0.1:{web_port}/"
        numbers = iter(range(1, 1000))
        on_platforms = {
            server.name: [PlatformPerson(server, next(numbers), pause=0.2, react=0.3, seed=seed) for _ in range(people)]
            for server in servers
        }
        on_pages = [WebPerson(page, next(numbers), pause=0.2, react=0.3, seed=seed) for _ in range(people)]
        async with hosts.ready():
            introduced = [person for group in on_platforms.values() for person in group]
            await introductions(hosts, introduced)
            talks = [asyncio.create_task(person.talk(stop)) for person in (*introduced, *on_pages)]
            places = await kill(hosts, kills, minutes, seed)
            kept = await last_answers(hosts, talks, stop, folder / "data" / "ledger.db", on_pages)
        for person in on_pages:
            await person.quit()
        for server in servers:
            await server.stop()
        await model.stop()
        counts = {name: [person.counts() for person in group] for name, group in on_platforms.items()}
        counts["web"] = [person.counts() for person in on_pages]
        _print_places(places, time.monotonic() - since)
        print_counts(counts)
        print(f"\ndead letters, run again at the end: {kept}")
        print_other_answers(person.conversation for person in (*introduced, *on_pages))
        await print_ledger(folder / "data" / "ledger.db")


def print_counts(counts: Mapping[str, Iterable[Counts]]) -> None:
    """Print what the people of every platform saw."""
    print(f"\n| platform | {' | '.join(name.replace('_', ' ') for name in Counts._fields)} |")
    print("|---|" + "---|" * len(Counts._fields))
    for name, each in counts.items():
        print(f"| {name} | {' | '.join(str(sum(column)) for column in zip(*each, strict=True))} |")


def _print_places(places: collections.Counter[str], seconds: float) -> None:
    print(f"\n{sum(places.values())} kills in {seconds / 60:.0f} minutes")
    print("\n| killed | times |\n|---|---|")
    for place, times in places.most_common():
        print(f"| {place} | {times} |")


def print_other_answers(conversations: Iterable[Conversation]) -> None:
    """Print what people were answered in place of an answer to their message."""
    texts = collections.Counter(text for each in conversations for text in each.other_answers)
    for text, times in texts.most_common(5):
        print(f"{times} ×: {text}")


async def print_ledger(path: Path) -> None:
    """Print what the host has left in its inbox, and what it has given up."""
    ledger = await Ledger.open(f"sqlite:///{path}")
    try:
        left, failed = await ledger.unfinished(), await ledger.failed()
    finally:
        await ledger.close()
    print(f"\nleft in the inbox: {len(left)}; given up: {len(failed)}")
    for key, why in failed[:5]:
        print(f"  {key}: {why}")


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--kills", type=int, default=1000)
    options.add_argument("--minutes", type=float, default=120.0, help="end after these, with fewer kills")
    options.add_argument("--people", type=int, default=4, help="on each platform")
    options.add_argument("--seed", type=int, default=0)
    given = options.parse_args()
    asyncio.run(main(given.kills, given.minutes, given.people, given.seed))
