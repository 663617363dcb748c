"""The calendar bot on Slack, Discord, Telegram and in the browser at once, as a newcomer runs it.

What breaks without this: a bot that works on each platform alone and not on all of them, that learns other things
from the same talk on another platform, or that says something twice, or never, after a crash.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.platforms.__main__ import platforms
from tests.platforms.server import PlatformServer, Shown

#: Whoever starts here talks like this: what is said, and the reaction on the answer, put on and perhaps taken off.
TALK: tuple[tuple[str, str, bool], ...] = (
    ("Schedule a meeting with John at 3pm tomorrow", "👍", False),
    ("what do I have tomorrow?", "👎", True),
    ("keep your answers short", "❤", False),
)


class Bot:
    """``llmagent-os run calendar`` in a process of its own."""

    def __init__(self, data: Path, environment: Mapping[str, str]) -> None:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("LLMAGENT_OS_")}
        self.environment = kept | {
            "LLMAGENT_OS_DATA": str(data),
            "LLMAGENT_OS_ACCESS": "everyone",
            "LLMAGENT_OS_TIME_ZONE": "UTC",
            "LLMAGENT_OS_THREADS": "1",
            "LLMAGENT_OS_POLICY": "fixed",  # every platform is to be answered the same
            "LLMAGENT_OS_SEED": "1",  # in the same words
            **environment,
        }
        self.log = data.with_suffix(".log")
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        command = Path(sys.executable).with_name("llmagent-os")
        log = await asyncio.to_thread(self.log.open, "ab")
        with log:
            self.process = await asyncio.create_subprocess_exec(
                *(command, "run", "calendar", "--port", "0"), env=self.environment, stdout=log, stderr=log
            )

    async def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        assert await self.process.wait() == -9

    async def stop(self) -> int:
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()
        return await self.process.wait()


@pytest.fixture
async def servers(warm_programs: None) -> AsyncIterator[tuple[PlatformServer, ...]]:
    servers = platforms()
    async with contextlib.AsyncExitStack() as stack:
        for server in servers:
            await server.start()
            stack.push_async_callback(server.stop)
        yield servers


async def answered(server: PlatformServer, count: int) -> list[Shown]:
    """What the bot has said to Ana, once these are ``count`` finished messages."""
    return await server.until(lambda seen: sum(not one.draft for one in seen) >= count)


def turns(data: Path, platform: str) -> list[dict[str, Any]]:
    """What the ledger has learned from a platform, without what is the platform's own."""
    with contextlib.closing(sqlite3.connect(data / "ledger.db")) as database:
        database.row_factory = sqlite3.Row
        rows = database.execute(
            "SELECT * FROM interactions WHERE conversation_key LIKE ? ORDER BY seq", (f"{platform}\x1f%",)
        ).fetchall()
        found: list[dict[str, Any]] = []
        for row in rows:
            of = (row["interaction_id"],)
            messages = database.execute("SELECT message_id FROM sent WHERE interaction_id = ?", of).fetchall()
            rewards = database.execute(
                "SELECT op, reward FROM rewards WHERE interaction_id = ? AND kind = 'reaction' ORDER BY seq", of
            )
            found.append(
                {
                    "said": row["said"],
                    "turn": row["turn_index"],
                    "completion": row["completion"],
                    "action": row["action"],
                    "pscore": row["pscore"],
                    "tools": row["tool_calls"],
                    "rewards": [tuple(each) for each in rewards.fetchall()],
                    "messages": [each["message_id"] for each in messages],
                }
            )
        return found


async def rewarded(data: Path, platform: str, count: int) -> None:
    """Wait until the ledger, which another process writes, holds so many rewards of a platform."""
    await _holds(data, platform, "rewards", count)


async def noted(data: Path, platform: str, count: int) -> None:
    """Wait until the ledger knows what the platform calls so many messages."""
    await _holds(data, platform, "messages", count)


async def _holds(data: Path, platform: str, what: str, count: int) -> None:
    async with asyncio.timeout(20):
        while True:
            found = await asyncio.to_thread(turns, data, platform)
            if sum(len(turn[what]) for turn in found) >= count:
                return
            await asyncio.sleep(0.05)


async def test_the_same_talk_on_every_platform_is_the_same_in_the_ledger(
    tmp_path: Path, servers: tuple[PlatformServer, ...]
) -> None:
    data = tmp_path / "data"
    bot = Bot(data, {key: value for server in servers for key, value in server.environment.items()})
    await bot.start()

    async def talk(server: PlatformServer) -> list[str]:
        async with asyncio.timeout(90):
            await server.connected()
        seen: list[str] = []
        for number, (said, emoji, taken_back) in enumerate(TALK, 1):
            await server.say(said)
            shown = await answered(server, number)
            seen.append(shown[-1].message_id)
            await server.react(shown[-1].message_id, emoji, on=True)
            if taken_back:
                await server.react(shown[-1].message_id, emoji, on=False)
        return seen

    try:
        seen = dict(zip((server.name for server in servers), await asyncio.gather(*map(talk, servers)), strict=True))
        wanted = sum(2 if taken_back else 1 for _, _, taken_back in TALK)
        for server in servers:
            await rewarded(data, server.name, wanted)
    finally:
        await bot.stop()
        print(bot.log.read_text())  # shown where the test fails

    ledgers = {server.name: turns(data, server.name) for server in servers}
    for name, ledger in ledgers.items():
        assert [turn.pop("messages")[-1] for turn in ledger] == seen[name], name
        assert [turn["said"] for turn in ledger] == [said for said, _, _ in TALK]
        assert [turn["rewards"] for turn in ledger] == [
            [("add", 1.0)],
            [("add", -1.0), ("remove", 1.0)],
            [("add", 1.0)],
        ]
    assert ledgers["slack"] == ledgers["discord"] == ledgers["telegram"]


async def test_killed_in_the_middle_it_answers_everything_once(
    tmp_path: Path, servers: tuple[PlatformServer, ...]
) -> None:
    data = tmp_path / "data"
    bot = Bot(data, {key: value for server in servers for key, value in server.environment.items()})
    await bot.start()
    try:
        async with asyncio.timeout(90):
            for server in servers:
                await server.connected()
        for server in servers:
            await server.say("hello")
            await answered(server, 1)
            # Telegram has the one window that is written down: it has the reply, and the ledger has not noted it yet.
            await noted(data, server.name, 1)
        for server in servers:  # taken, and being answered
            await server.say("thanks")
        await bot.kill()
        for server in servers:  # said to nobody
            await server.say("what do I have tomorrow?")
        await bot.start()
        async with asyncio.timeout(90):
            for server in servers:
                await server.connected()
        for server in servers:
            shown = await answered(server, 3)
            await server.say("good night")
            shown = await answered(server, 4)
            assert len(shown) == 4, (server.name, [one.text for one in shown])
            await server.react(shown[0].message_id, "👍", on=True)  # on what was said before the crash
        for server in servers:
            await rewarded(data, server.name, 1)
    finally:
        await bot.stop()
        print(bot.log.read_text(), *(turns(data, server.name) for server in servers), sep="\n")
    for server in servers:
        ledger = turns(data, server.name)
        said = ["hello", "thanks", "what do I have tomorrow?", "good night"]
        assert [turn["said"] for turn in ledger] == said, server.name
        assert [turn["rewards"] for turn in ledger] == [[("add", 1.0)], [], [], []]
