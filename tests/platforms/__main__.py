"""``python -m tests.platforms``: the three platforms on loopback, in one process, until stopped.

Writes a file with the environment variables that point a bot at the platforms. With ``--talk``, Ana talks to the bot on
every platform and reacts to its answers, and the program prints what she sees::

    python -m tests.platforms --env data/platforms.env &
    llmagent-os --env-file data/platforms.env run calendar
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys
from collections.abc import Coroutine, Iterable, Sequence
from pathlib import Path
from typing import Any

from tests.platforms.discord import DiscordServer
from tests.platforms.server import PlatformServer, Shown
from tests.platforms.slack import SlackServer
from tests.platforms.telegram import TelegramServer

#: What Ana writes, and her reactions to the answers.
TALK = (
    ("Schedule a meeting with John at 3pm tomorrow", "👍"),
    ("what do I have tomorrow?", "👍"),
    ("keep your answers short", "👎"),
)


def platforms() -> tuple[PlatformServer, ...]:
    """One server of every platform."""
    return SlackServer(), DiscordServer(), TelegramServer()


async def talk(server: PlatformServer, sayings: Sequence[tuple[str, str]] = TALK) -> None:
    """Let Ana write every message, wait for the answer, and react to it."""
    await server.connected()
    for said, emoji in sayings:
        before = len(server.shown())
        print(f"{server.name:>8}  Ana: {said}", flush=True)
        await server.say(said)

        def answered(seen: list[Shown], before: int = before) -> bool:
            return len(seen) > before and not seen[-1].draft

        shown = await server.until(answered)
        while True:  # an answer that is still being written is edited again and again
            await asyncio.sleep(1.0)
            shown, before_that = server.shown(), shown
            if shown == before_that:
                break
        print(f"{server.name:>8}  bot: {shown[-1].text}  ← {emoji}", flush=True)
        await server.react(shown[-1].message_id, emoji, on=True)


async def _all(talks: Iterable[Coroutine[Any, Any, None]]) -> None:
    await asyncio.gather(*talks)


async def main(env: Path, talking: bool) -> None:
    """Serve until SIGINT or SIGTERM."""
    servers = platforms()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with contextlib.AsyncExitStack() as stack:
        lines = ["LLMAGENT_OS_ACCESS=everyone"]
        for server in servers:
            await server.start()
            stack.push_async_callback(server.stop)
            lines += [f"{name}={value}" for name, value in server.environment.items()]
        await asyncio.to_thread(env.parent.mkdir, parents=True, exist_ok=True)
        await asyncio.to_thread(env.write_text, "\n".join(lines) + "\n")
        print(
            f"Slack, Discord and Telegram are on loopback. Now: llmagent-os --env-file {env} run calendar", flush=True
        )
        if talking:
            talks = asyncio.ensure_future(_all(talk(server) for server in servers))
            stopped = asyncio.ensure_future(stop.wait())
            await asyncio.wait([talks, stopped], return_when=asyncio.FIRST_COMPLETED)
            if talks.done():
                await talks
                print("Everything was answered. Ctrl-C stops.", flush=True)
            talks.cancel()
        await stop.wait()


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--env", type=Path, default=Path("data/platforms.env"), help="where the variables go")
    options.add_argument("--talk", action="store_true", help="let Ana talk to the bot on each platform")
    given = options.parse_args(sys.argv[1:])
    asyncio.run(main(given.env, given.talk))
