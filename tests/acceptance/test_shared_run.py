"""What breaks without this: a person whose page lands on another host meets a stranger, or waits for a dead one.

Two ``llmagent-os run calendar`` in processes of their own share a PostgreSQL database and a data folder. People use the
web chat of either.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import pytest

from llmagent_os.admin import hosts_command
from llmagent_os.config import Settings
from tests.wire.page import FakePage

LEASE_SECONDS = 3.0
PATIENCE = 90.0

pytestmark = [pytest.mark.usefixtures("warm_programs"), pytest.mark.timeout(400)]


class HostProcess:
    """``llmagent-os run calendar`` without a model, in a process of its own."""

    def __init__(self, name: str, folder: Path, database: str) -> None:
        self.name, self.url = name, ""
        self.log = folder / f"{name}.log"
        self.own = {
            "DATA": str(folder / "data"),
            "DATABASE_URL": database,
            "HOST_NAME": name,
            "HOST_LEASE_SECONDS": str(LEASE_SECONDS),
            "MODEL": "none",
            "POLICY": "bayes",
            "TIME_ZONE": "UTC",
        }
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("LLMAGENT_OS_")}
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(Path(sys.executable).with_name("llmagent-os"), "run", "calendar", "--port", "0"),
                env=kept | {f"LLMAGENT_OS_{key}": value for key, value in self.own.items()},
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            if found := re.search(rb"http://[^\s?]+", line):
                self.url = found[0].decode().rstrip("/") + "/"
                return
        pytest.fail(f"the host ended: {self.log.read_text()}")

    async def end(self, *, kill: bool = False) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill() if kill else self._process.terminate()
            await self._process.wait()

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    async def health(self) -> dict[str, Any]:
        async with aiohttp.ClientSession() as session, session.get(f"{self.url}healthz") as answer:
            found: dict[str, Any] = await answer.json()
            return found

    def page(self, person: str = "ana") -> FakePage:
        return FakePage(self.url, person=person)


class Pair:
    """Two hosts on one database."""

    def __init__(self, folder: Path, database: str) -> None:
        self.a, self.b = (HostProcess(name, folder, database) for name in ("host-a", "host-b"))
        self.settings = Settings.load(env_file=None, data=folder / "data", database_url=database)
        self.pages: list[FakePage] = []

    async def opened(self, host: HostProcess) -> FakePage:
        """Ana's page at a host."""
        page = host.page()
        self.pages.append(page)
        await page.open()
        return page


@pytest.fixture
async def pair(tmp_path: Path, postgresql_url: str) -> AsyncGenerator[Pair]:
    made = Pair(tmp_path, postgresql_url)
    try:
        for host in (made.a, made.b):
            await host.start()
        yield made
    finally:
        for page in made.pages:
            with contextlib.suppress(Exception):
                await page.quit()
        for host in (made.a, made.b):
            await host.end()


async def say(page: FakePage, text: str) -> None:
    acted = await page.act({"type": "message", "id": uuid4().hex, "text": text})
    assert acted["type"] == "ack", acted


async def told(page: FakePage, text: str) -> str:
    """Say something; returns the words of the reply."""
    count = len(page.listed("bot"))
    await say(page, text)
    await page.until(lambda: len(page.listed("bot")) > count, PATIENCE)
    found: str = page.listed("bot")[-1]["text"]
    return found


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await true():  # noqa: ASYNC110  # asked again: the test ends as soon as it is true
            await asyncio.sleep(0.05)


async def test_a_conversation_goes_on_at_the_other_host_with_all_that_is_known(pair: Pair) -> None:
    at_a = await pair.opened(pair.a)
    assert "added dinner with Mia" in await told(at_a, "schedule dinner with Mia tomorrow at 7pm")
    assert "call you Ana" in await told(at_a, "my name is Ana")
    at_b = await pair.opened(pair.b)
    await at_b.until(lambda: len(at_b.items) == 4, PATIENCE)
    assert [item["text"] for item in at_b.listed()] == [item["text"] for item in at_a.listed()]
    assert "dinner with Mia" in await told(at_b, "what do I have tomorrow?")
    assert "Ana" in await told(at_b, "/profile")
    await at_a.until(lambda: len(at_a.items) == 8, PATIENCE)
    assert at_a.listed()[-1]["text"] == at_b.listed()[-1]["text"], "an open page shows what the other host answers"
    listed = await hosts_command.listing(pair.settings)
    assert [line.split()[1] for line in listed.splitlines()] == ["host-a", "host-b"], listed
    for host in (pair.a, pair.b):
        report = await host.health()
        assert (report["ok"], report["hosts"]["name"], report["hosts"]["alive"]) == (True, host.name, 2)


async def is_alone(host: HostProcess) -> bool:
    report = await host.health()
    return bool(report["ok"]) and report["hosts"]["alive"] == 1


async def has_lease(host: HostProcess, lease: str) -> bool:
    return lease in (await host.health())["hosts"]["leases"]


async def test_whoever_is_forgotten_at_one_host_is_a_stranger_at_the_other(pair: Pair) -> None:
    at_a, at_b = await pair.opened(pair.a), await pair.opened(pair.b)
    assert "added dinner with Mia" in await told(at_a, "schedule dinner with Mia tomorrow at 7pm")
    await at_b.until(lambda: len(at_b.items) == 2, PATIENCE)
    assert "dinner with Mia" in await told(at_b, "what do I have tomorrow?")
    await at_a.until(lambda: len(at_a.items) == 4, PATIENCE)
    asked = await told(at_a, "/forget")
    button = at_a.listed("bot")[-1]["buttons"][0]
    pressed = {"type": "press", "id": uuid4().hex, "message_id": at_a.listed("bot")[-1]["message_id"]}
    await at_a.act(pressed | {"value": button["value"]})
    fresh = await pair.opened(pair.b)
    await until(lambda: is_forgotten(fresh))
    assert "dinner" not in await told(fresh, "what do I have tomorrow?"), asked


async def is_forgotten(page: FakePage) -> bool:
    await page.close()
    page.conversation, page.seq = None, 0
    page.items.clear()
    await page.open()
    await page.send({"type": "ping"})
    await page.until(lambda: page.frames[-1]["type"] == "pong", PATIENCE)
    return not any("Mia" in item["text"] for item in page.listed())


async def test_what_a_killed_host_left_is_answered_by_the_other(pair: Pair) -> None:
    at_a = await pair.opened(pair.a)
    assert "added dinner with Mia" in await told(at_a, "schedule dinner with Mia tomorrow at 7pm")
    at_b = await pair.opened(pair.b)
    pair.a.signal(signal.SIGSTOP)  # it takes in what comes, and gets no further
    for frame_text in ("what do I have tomorrow?", "/profile"):
        await at_a.send({"type": "message", "id": uuid4().hex, "conversation": at_a.conversation, "text": frame_text})
    pair.a.signal(signal.SIGCONT)
    await at_b.until(lambda: len(at_b.listed("person")) == 3, PATIENCE)
    await pair.a.end(kill=True)
    await at_b.until(lambda: len(at_b.listed("bot")) == 3, PATIENCE)
    assert "dinner with Mia" in at_b.listed("bot")[1]["text"]
    for lease in ("learner:calendar", "timers"):
        await until(partial(has_lease, pair.b, lease))
    await until(partial(is_alone, pair.b))
    assert "dinner with Mia" in await told(at_b, "what do I have tomorrow?")
