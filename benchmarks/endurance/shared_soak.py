"""Several hosts on one PostgreSQL ledger, killed, stopped, cut off and restarted at random; counts what people saw.

    python -m benchmarks.endurance.shared_soak --messages 10000

Three host processes share the inbox and the platforms: Slack, Discord and Telegram on loopback, with the real client
libraries. Meanwhile, drawn at random: a host is killed with SIGKILL; is frozen (SIGSTOP) for longer than its lease, and
goes on; is restarted as a rolling update does; loses the database, by a cut or by silence; loses a platform. At the end
everything is left alone until the last answer is there.

A message must be answered once, and the answers of a conversation stand in its order. Discord drops a second send with
the same nonce, and Slack is asked for the reply before it is sent again. Telegram has neither: a kill between its
answer and the note of it may show a reply twice.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import contextlib
import os
import random
import re
import resource
import signal
import sys
import tempfile
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import NamedTuple

import msgspec
from benchmarks.endurance.network import Proxy
from benchmarks.endurance.shared_host import MARK, Order
from tests import postgresql_server
from tests.platforms.__main__ import platforms
from tests.platforms.server import PlatformServer

from llmagent_os.ledger import Ledger

HOSTS = 3
#: How many messages of one conversation may be without an answer.
IN_FLIGHT = 3
#: How long the last answers are waited for when all is calm again, in seconds.
PATIENCE = 120.0
#: After how long a person with too many messages in flight writes all the same, in seconds.
SLOW = 60.0


class Seen(NamedTuple):
    """What the people of one platform saw."""

    said: int
    answered_once: int
    doubled: int
    lost: int
    out_of_order: int  #: conversations in which answers changed places


class Talker:
    """Somebody who writes messages in one conversation, and waits only where too many are without an answer."""

    def __init__(self, server: PlatformServer, number: int, seed: int) -> None:
        self._server = server
        self._number = number
        self._user = server.newcomer(number)
        self._random = random.Random(f"{seed} {number}")
        self.said: list[str] = []
        self._lost = 0

    async def say(self) -> None:
        mark = f"m{self._number}x{len(self.said)}"
        self.said.append(mark)
        await self._server.say(f"please note {mark}", user=self._user)

    async def talk(self, count: int, pause: float) -> None:
        for _ in range(count):
            try:
                await self._server.wait(lambda: len(self.said) - self._answered() < IN_FLIGHT + self._lost, SLOW)
            except TimeoutError:  # goes on, to see whether what follows is answered
                self._lost += 1
            await self.say()
            await asyncio.sleep(self._random.uniform(0, pause))

    async def until_answered(self) -> None:
        with contextlib.suppress(TimeoutError):
            await self._server.wait(lambda: self._answered() >= len(self.said), PATIENCE)

    def _answered(self) -> int:
        return len(set(self.shown()))

    def shown(self) -> list[str]:
        """The marks of all answers, in the order in which they stand."""
        texts = [each.text for each in self._server.shown(user=self._user) if not each.draft]
        return [mark for text in texts for mark in MARK.findall(text)]

    def seen(self) -> Seen:
        shown = self.shown()
        times = collections.Counter(shown)
        numbers = [int(mark.rpartition("x")[2]) for mark in dict.fromkeys(shown)]
        return Seen(
            said=len(self.said),
            answered_once=sum(times[mark] == 1 for mark in self.said),
            doubled=sum(times[mark] > 1 for mark in self.said),
            lost=sum(not times[mark] for mark in self.said),
            out_of_order=int(numbers != sorted(numbers)),
        )


class Machine:
    """One host: its process, and its ways to the database and to the platforms."""

    def __init__(self, number: int, world: World) -> None:
        self.name = f"host{number}"
        self._world = world
        self._folder = world.folder / self.name
        self._folder.mkdir()
        self.database = Proxy(world.socket, self._folder / world.socket.name)
        self.ways = {server.name: Proxy(_port_of(server)) for server in world.servers}
        self.process = 0
        self.busy = False  #: something is being done to it

    async def open(self) -> None:
        for proxy in (self.database, *self.ways.values()):
            await proxy.start()
        await self.start()

    async def start(self) -> None:
        world = self._world
        environment = dict[str, str]()
        for server in world.servers:
            ports = str(_port_of(server)), str(self.ways[server.name].port)
            environment |= {name: value.replace(*ports) for name, value in server.environment.items()}
        order = Order(
            name=self.name,
            url=world.url.replace(str(world.socket.parent), str(self._folder)),
            data=str(self._folder),
            environment=environment | {"LLMAGENT_OS_TIME_ZONE": "UTC", "OPENBLAS_NUM_THREADS": "1"},
            lease_seconds=world.lease_seconds,
            think_seconds=0.2,
            seed=world.random.randrange(10**9),
        )
        self.process = await world.fork(order)

    @property
    def lives(self) -> bool:
        return self.process > 0 and Path(f"/proc/{self.process}").exists()

    def signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process, number)

    async def ended(self) -> None:
        while self.lives:  # noqa: ASYNC110  # it is nobody's child here that could be waited for
            await asyncio.sleep(0.02)

    async def close(self) -> None:
        self.signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self.ended(), 30)
        except TimeoutError:
            self.signal(signal.SIGKILL)
        for proxy in (self.database, *self.ways.values()):
            await proxy.stop()


class World:
    """The database, the platforms, and the hosts."""

    def __init__(
        self, folder: Path, database: postgresql_server.Server, url: str, lease_seconds: float, seed: int
    ) -> None:
        self.folder = folder
        self.socket = database.folder / ".s.PGSQL.5432"
        self.url = url
        self.lease_seconds = lease_seconds
        self.random = random.Random(seed)
        self.servers = platforms()
        self.machines: list[Machine] = []
        self.done: collections.Counter[str] = collections.Counter()
        self._nursery: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncGenerator[None]:
        for server in self.servers:
            await server.start()
        self._nursery = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "benchmarks.endurance.shared_host", str(self.folder)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            self.machines = [Machine(number, self) for number in range(HOSTS)]
            for machine in self.machines:
                await machine.open()
            yield
        finally:
            for machine in self.machines:
                await machine.close()
            self._nursery.kill()
            await self._nursery.wait()
            for server in self.servers:
                await server.stop()

    async def fork(self, order: Order) -> int:
        if self._nursery is None or self._nursery.stdin is None or self._nursery.stdout is None:
            raise RuntimeError("the world is not open")
        async with self._turn:
            self._nursery.stdin.write(msgspec.json.encode(order) + b"\n")
            return int(await self._nursery.stdout.readline())

    # ── what happens to hosts ─────────────────────────────────────────────────────────────────────────────────────

    async def trouble(self, stop: asyncio.Event, pause: float) -> None:
        """Draw what happens to which host, until ``stop`` is set, then let everything run again."""
        doings = (
            self._kill,
            self._kill,
            self._freeze,
            self._restart,
            self._restart,
            self._cut,
            self._stall,
            self._lose,
        )
        tasks = set[asyncio.Task[None]]()
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), self.random.uniform(0, 2 * pause))
            idle = [machine for machine in self.machines if not machine.busy]
            for machine in idle:
                if not machine.lives:  # it could not start while the database was away
                    await machine.start()
            if stop.is_set() or not idle:
                continue
            machine, doing = self.random.choice(idle), self.random.choice(doings)
            machine.busy = True
            tasks.add(asyncio.create_task(self._do(machine, doing)))
        await asyncio.gather(*tasks)
        for machine in self.machines:
            if not machine.lives:
                await machine.start()

    async def _do(self, machine: Machine, doing: object) -> None:
        try:
            self.done[await doing(machine)] += 1  # type: ignore[operator]
        finally:
            machine.busy = False

    async def _kill(self, machine: Machine) -> str:
        machine.signal(signal.SIGKILL)
        await machine.ended()
        await asyncio.sleep(self.random.uniform(0, 2))
        await machine.start()
        return "killed, and started again"

    async def _freeze(self, machine: Machine) -> str:
        machine.signal(signal.SIGSTOP)
        await asyncio.sleep(self.lease_seconds * self.random.uniform(0.5, 2.0))
        machine.signal(signal.SIGCONT)
        return "frozen for half to twice its lease"

    async def _restart(self, machine: Machine) -> str:
        machine.signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(machine.ended(), 60)
        except TimeoutError:
            machine.signal(signal.SIGKILL)
            await machine.ended()
            await machine.start()
            return "asked to stop, and killed after a minute"
        await machine.start()
        return "stopped in order, and started again"

    async def _cut(self, machine: Machine) -> str:
        await machine.database.cut(self.random.uniform(0.2, self.lease_seconds * 1.5))
        return "cut off from the database"

    async def _stall(self, machine: Machine) -> str:
        await machine.database.stall(self.random.uniform(0.2, self.lease_seconds * 1.5))
        return "silence on the way to the database"

    async def _lose(self, machine: Machine) -> str:
        name = self.random.choice([server.name for server in self.servers])
        await machine.ways[name].cut(self.random.uniform(0.2, 3.0))
        return "cut off from a platform"


def _port_of(server: PlatformServer) -> int:
    text = next(value for value in server.environment.values() if "://" in value)
    found = re.search(r":(\d+)", text.partition("://")[2])
    if found is None:
        raise ValueError(f"no port in {text!r}")
    return int(found[1])


async def soak(
    world: World, messages: int, talkers: int, seed: int, *, pause: float = 1.0, trouble: float = 1.0
) -> dict[str, list[Seen]]:
    """Have people write ``messages`` while hosts are in trouble. Returns what they saw, by platform."""
    people = {
        server.name: [Talker(server, 1000 * (place + 1) + number, seed) for number in range(talkers)]
        for place, server in enumerate(world.servers)
    }
    everybody = [talker for group in people.values() for talker in group]
    for server in world.servers:
        await server.connected()
    await asyncio.gather(*(talker.say() for talker in everybody))  # a platform does not tell of a stranger later
    await asyncio.gather(*(talker.until_answered() for talker in everybody))
    stop = asyncio.Event()
    troubled = asyncio.create_task(world.trouble(stop, trouble))
    count = max(1, messages // len(everybody) - 1)
    await asyncio.gather(*(talker.talk(count, pause) for talker in everybody))
    stop.set()
    await troubled
    await asyncio.gather(*(talker.until_answered() for talker in everybody))
    return {name: [talker.seen() for talker in group] for name, group in people.items()}


async def main(messages: int, talkers: int, lease_seconds: float, trouble: float, seed: int, keep: Path | None) -> None:
    """Run, and print the tables."""
    since = time.monotonic()
    database_folder = postgresql_server.new_folder()
    postgresql_server.start_beside(database_folder, os.getpid())
    database = postgresql_server.Server(database_folder)
    with tempfile.TemporaryDirectory(prefix="soak-") as name:
        folder = keep or Path(name)
        folder.mkdir(exist_ok=True)
        await (await Ledger.open(database.url())).close()
        world = World(folder, database, database.url(), lease_seconds, seed)
        async with world.open():
            seen = await soak(world, messages, talkers, seed, trouble=trouble)
        ledger = await Ledger.open(database.url())
        left, failed = await ledger.unfinished(), await ledger.failed()
        await ledger.close()
    print_seen(seen)
    print("\n| what happened to a host | times |\n|---|---:|")
    for what, times in world.done.most_common():
        print(f"| {what} | {times} |")
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(f"\nleft in the inbox: {len(left)}; given up: {len(failed)}; {(time.monotonic() - since) / 60:.1f} minutes; ")
    print(f"the platforms and the people used {used.ru_utime + used.ru_stime:.0f} s of CPU")


def print_seen(seen: dict[str, list[Seen]]) -> None:
    """Print what people saw."""
    print(f"\n| platform | {' | '.join(name.replace('_', ' ') for name in Seen._fields)} |")
    print("|---|" + "---:|" * len(Seen._fields))
    for name, each in seen.items():
        print(f"| {name} | {' | '.join(str(sum(column)) for column in zip(*each, strict=True))} |")


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--messages", type=int, default=10_000)
    options.add_argument("--talkers", type=int, default=20, help="on each platform")
    options.add_argument("--lease", type=float, default=4.0, help="seconds")
    options.add_argument("--trouble", type=float, default=1.0, help="mean seconds between two troubles")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--keep", type=Path, help="a folder for the hosts' logs")
    given = options.parse_args()
    asyncio.run(main(given.messages, given.talkers, given.lease, given.trouble, given.seed, given.keep))
