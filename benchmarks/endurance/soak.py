"""Keep a host busy for half an hour while everything else happens to it, and see that nothing gets lost, slow or big.

    python -m benchmarks.endurance.soak --minutes 30

``llmagent-os run calendar`` serves 64 people with one message in flight each, on Slack, Discord and Telegram (servers
on loopback, real client libraries) and on pages of the web chat. A model server on loopback takes 10 to 30 seconds for
an answer. Meanwhile, every minute in turn: two accounts are linked, a person is forgotten, a plugin is changed and so
reloaded, and the model server is slow and leaves some requests without an end. ``/healthz`` is asked four times a
second, ``/profile`` every two seconds. Memory, open files and the data folder are looked at every ten seconds.

The people and the servers share the machine's processors with the host. Prints Markdown tables.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import os
import re
import statistics
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import psutil
from benchmarks.endurance.environment import host_environment
from benchmarks.endurance.kills import print_counts, print_ledger
from benchmarks.endurance.model_server import ModelServer
from benchmarks.endurance.people import PATIENCE, PlatformPerson, WebPerson
from tests.free_port import free_port
from tests.platforms.__main__ import platforms
from tests.platforms.server import PlatformServer
from tests.wire.page import FakePage

IN_FLIGHT = 64
#: Seconds that the model server takes for an answer.
SHORTEST, LONGEST = 10.0, 30.0
#: Seconds that it takes while it is slow, and the share of requests that it leaves without an end.
SLOW, STUCK = 45.0, 0.02
#: Seconds after which the host gives up a request to the model server.
MODEL_SECONDS = 30.0

PLUGIN = '''
from llmagent_os.plugin import Plugin, tool


class EchoPlugin(Plugin):
    """Version {version}."""

    name = "echo"

    @tool
    async def echo(self, text: str) -> str:
        """Repeat a text."""
        return text
'''


class Sample(NamedTuple):
    """What the host takes, at one moment."""

    minute: float
    memory: float  #: resident, in megabytes
    files: int  #: open files and connections
    processor: float  #: seconds of processor time since the start, of the host and its children
    ledger: float  #: megabytes
    wal: float  #: megabytes of all write-ahead logs
    stored: int  #: files in the data folder and the folder for temporary files


class Soak:
    """One run."""

    def __init__(self, folder: Path, minutes: float, seed: int) -> None:
        self._data, self._temporary = folder / "data", folder / "tmp"
        self._plugins, self._log = folder / "plugins", folder / "host.log"
        self._minutes, self._seed = minutes, seed
        self._servers = platforms()
        self._model = ModelServer(SHORTEST, LONGEST, seed=seed)
        self._web_port = free_port()
        self._page = f"http://127.0.0.1:{self._web_port}/"
        self._stop = asyncio.Event()
        self._subjects = itertools.count(500)
        self.healthz: list[float] = []  #: seconds
        self.profile: list[float] = []  #: seconds
        self.samples: list[Sample] = []
        self.happened: dict[str, int] = {}
        self.problems: list[str] = []

    async def run(self) -> None:
        """Run it, and print the tables."""
        for folder in (self._temporary, self._plugins):
            folder.mkdir()
        (self._plugins / "echo.py").write_text(PLUGIN.format(version=0))
        await self._model.start()
        for server in self._servers:
            await server.start()
        host = await self._start_host()
        try:
            await asyncio.gather(*(server.connected() for server in self._servers))
            people = self._people()
            everybody = [person for group in people.values() for person in group]
            talks = [asyncio.create_task(person.talk(self._stop)) for person in everybody]
            beside = [asyncio.create_task(work) for work in (self._probe(), self._ask_profile(), self._disturb())]
            beside.append(asyncio.create_task(self._sample(psutil.Process(host.pid))))
            await asyncio.sleep(self._minutes * 60)
            self._stop.set()
            await asyncio.gather(*talks, *beside)
            for person in people["web"]:
                assert isinstance(person, WebPerson)
                await person.quit()
        finally:
            with contextlib.suppress(ProcessLookupError):
                host.terminate()
            print(f"the host ended with {await host.wait()}")
            for server in self._servers:
                await server.stop()
            await self._model.stop()
        print_counts({name: [person.counts() for person in group] for name, group in people.items()})
        self._print([second for person in everybody for second in person.conversation.seconds])
        await print_ledger(self._data / "ledger.db")

    async def _start_host(self) -> asyncio.subprocess.Process:
        environment = host_environment(self._data, self._model.url, self._web_port, self._servers) | {
            "LLMAGENT_OS_MAX_RUNNING": "256",
            "LLMAGENT_OS_PLUGIN_FOLDER": str(self._plugins),
            "TMPDIR": str(self._temporary),
        }
        with self._log.open("ab") as log:
            command = str(Path(sys.executable).with_name("llmagent-os"))
            return await asyncio.create_subprocess_exec(
                command, "run", "calendar", env=environment, stdout=log, stderr=log
            )

    def _people(self) -> dict[str, list[PlatformPerson | WebPerson]]:
        numbers, share = itertools.count(1), IN_FLIGHT // (len(self._servers) + 1)
        people: dict[str, list[PlatformPerson | WebPerson]] = {
            server.name: [
                PlatformPerson(server, next(numbers), pause=0.5, react=0.3, seed=self._seed) for _ in range(share)
            ]
            for server in self._servers
        }
        people["web"] = [
            WebPerson(self._page, next(numbers), pause=0.5, react=0.3, seed=self._seed) for _ in range(share)
        ]
        return people

    # ── what is measured ──────────────────────────────────────────────────────────────────────────────────────────

    async def _probe(self) -> None:
        loop = asyncio.get_running_loop()
        async with aiohttp.ClientSession() as client:
            while not self._stop.is_set():
                since = loop.time()
                try:
                    async with client.get(f"{self._page}healthz") as answer:
                        await answer.read()
                except aiohttp.ClientError as error:
                    self.problems.append(f"/healthz: {error!r}")
                self.healthz.append(loop.time() - since)
                await asyncio.sleep(0.25)

    async def _ask_profile(self) -> None:
        loop = asyncio.get_running_loop()
        page = FakePage(self._page, person="profile-reader")
        await page.open()
        while not self._stop.is_set():
            since = loop.time()
            try:
                await self._say(page, "/profile")
            except TimeoutError:
                self.problems.append(f"/profile was not answered within {loop.time() - since:.0f} s")
            self.profile.append(loop.time() - since)
            await asyncio.sleep(2.0)
        await page.quit()

    async def _sample(self, process: psutil.Process) -> None:
        loop = asyncio.get_running_loop()
        since = loop.time()
        while not self._stop.is_set():
            self.samples.append(await asyncio.to_thread(self._look, process, (loop.time() - since) / 60))
            await asyncio.sleep(10.0)

    def _look(self, process: psutil.Process, minute: float) -> Sample:
        stored = [path for root in (self._data, self._temporary) for path in root.rglob("*") if path.is_file()]
        sizes: dict[str, int] = {}
        for path in stored:
            with contextlib.suppress(OSError):
                sizes[str(path)] = path.stat().st_size
        return Sample(
            minute,
            process.memory_info().rss / 1e6,
            process.num_fds(),
            sum(sum(each.cpu_times()[:2]) for each in [process, *process.children(recursive=True)]),
            sizes.get(str(self._data / "ledger.db"), 0) / 1e6,
            sum(size for name, size in sizes.items() if name.endswith("-wal")) / 1e6,
            len(sizes),
        )

    # ── what happens meanwhile ────────────────────────────────────────────────────────────────────────────────────

    async def _disturb(self) -> None:
        """Let one thing happen every quarter of a minute, in turn."""
        things: list[tuple[str, Callable[[], Awaitable[None]]]] = [
            ("a link", self._link),
            ("a person forgotten", self._forget),
            ("a plugin reloaded", self._reload),
            ("half a minute of a slow model server", self._slow_down),
        ]
        for name, thing in itertools.cycle(things):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), 15.0)
            if self._stop.is_set():
                return
            try:
                await thing()
                self.happened[name] = self.happened.get(name, 0) + 1
            except Exception as error:
                self.problems.append(f"{name}: {error!r}")

    async def _say(self, page: FakePage, text: str) -> dict[str, Any]:
        """Say something on a page and return the answer."""
        before = len(page.listed("bot"))
        frame = {"type": "message", "id": f"soak-{os.urandom(8).hex()}", "text": text}
        answer = await page.act(frame)
        while answer["type"] == "refused" and answer["again"]:
            await asyncio.sleep(0.5)
            answer = await page.act(frame)
        await page.until(lambda: len(page.listed("bot")) > before, PATIENCE)
        return page.listed("bot")[-1]

    async def _newcomer(self) -> FakePage:
        """A visitor who has said something and reacted to the answer."""
        page = FakePage(self._page, person=f"subject-{next(self._subjects)}")
        await page.open()
        for _ in range(3):
            answer = await self._say(page, "good morning")
            reaction = {"type": "reaction", "id": f"emoji-{os.urandom(8).hex()}", "emoji": "👍", "on": True}
            await page.act(reaction | {"message_id": answer["message_id"]})
        return page

    async def _link(self) -> None:
        page, server = await self._newcomer(), self._servers[next(self._subjects) % len(self._servers)]
        code = await self._say(page, "/link")
        found = re.search(r"/link ([A-Z0-9-]{4,})", code["text"])
        if found is None:
            raise ValueError(f"no code in {code['text']!r}")
        await self._command(server, f"/link {found[1]}")
        await page.quit()

    async def _command(self, server: PlatformServer, text: str) -> None:
        user = server.newcomer(900_000 + next(self._subjects))
        await server.say("good morning", user=user)
        await server.wait(lambda: any(not each.draft for each in server.shown(user=user)), PATIENCE)
        before = len(server.shown(user=user))
        name, _, arguments = text.removeprefix("/").partition(" ")
        await server.command(name, arguments, user=user, channel=_direct(server, user))
        await server.wait(lambda: len(server.shown(user=user)) > before, PATIENCE)

    async def _forget(self) -> None:
        page = await self._newcomer()
        asked = await self._say(page, "/forget")
        button = next(each for each in asked["buttons"] if each.get("style") == "danger")
        before = len(page.listed("bot"))
        press = {"type": "press", "id": f"press-{os.urandom(8).hex()}", "message_id": asked["message_id"]}
        await page.act(press | {"value": button["value"]})
        await page.until(lambda: len(page.listed("bot")) != before, PATIENCE)
        await page.quit()

    async def _reload(self) -> None:
        version = next(self._subjects)
        await asyncio.to_thread((self._plugins / "echo.py").write_text, PLUGIN.format(version=version))

    async def _slow_down(self) -> None:
        self._model.shortest, self._model.longest, self._model.stuck = SLOW / 2, SLOW, STUCK
        await asyncio.sleep(30.0)
        self._model.shortest, self._model.longest, self._model.stuck = SHORTEST, LONGEST, 0.0

    # ── what came of it ───────────────────────────────────────────────────────────────────────────────────────────

    def _print(self, seconds: list[float]) -> None:
        print("\n| seconds | times | median | p99 | most |\n|---|---|---|---|---|")
        for name, found in (("`/healthz`", self.healthz), ("`/profile`", self.profile), ("an answer", seconds)):
            p99 = statistics.quantiles(found, n=100)[98]
            print(f"| {name} | {len(found)} | {statistics.median(found):.3f} | {p99:.3f} | {max(found):.3f} |")
        print(
            "\n| minute | memory, MB | open files | processor, s | ledger, MB | write-ahead logs, MB | files |\n"
            "|---|---|---|---|---|---|---|"
        )
        step = max(1, len(self.samples) // 12)
        for each in [*self.samples[::step], self.samples[-1]]:
            print(
                f"| {each.minute:.0f} | {each.memory:.0f} | {each.files} | {each.processor:.0f} | {each.ledger:.1f} "
                f"| {each.wal:.1f} | {each.stored} |"
            )
        print("\n" + "; ".join(f"{name}: {times}" for name, times in self.happened.items()))
        print(f"requests to the model server: {self._model.asked}")
        for problem in self.problems:
            print(f"problem: {problem}")


def _direct(server: PlatformServer, user: str) -> str:
    """The person's direct conversation with the bot, where the platform asks for one."""
    return server.shown(user=user)[0].channel


async def main(minutes: float, seed: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        await Soak(Path(folder), minutes, seed).run()


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--minutes", type=float, default=30.0)
    options.add_argument("--seed", type=int, default=0)
    given = options.parse_args()
    asyncio.run(main(given.minutes, given.seed))
