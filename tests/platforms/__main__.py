"""``python -m tests.platforms``: the three platforms on loopback, in one process, until stopped.

Writes a file with the environment variables that point a bot at the platforms. With ``--talk``, Ana waits for the bot,
talks to it on every platform and reacts to its answers. The program prints what she sees.

The bot gets a data folder of its own beside the file, and a free port. So it runs beside a bot that is there already.
Folder and file are removed at the end::

    python -m tests.platforms --env data/platforms.env &
    llmagent-os --env-file data/platforms.env run calendar
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import shlex
import shutil
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from dotenv import set_key

from llmagent_os.errors import LedgerError
from llmagent_os.ledger.host_lock import FileLock
from tests.platforms.discord import DiscordServer
from tests.platforms.server import PlatformServer, Shown
from tests.platforms.slack import SlackServer
from tests.platforms.telegram import TelegramServer

T = TypeVar("T")

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
    await _patiently(server.connected, f"{server.name:>8}  is still waiting for the bot")
    for said, emoji in sayings:
        before = len(server.shown())
        print(f"{server.name:>8}  Ana: {said}", flush=True)
        await server.say(said)

        def answered(seen: list[Shown], before: int = before) -> bool:
            return len(seen) > before and not seen[-1].draft

        shown = await _patiently(
            partial(server.until, answered), f"{server.name:>8}  is still waiting for the answer; its log says why"
        )
        while True:  # an answer that is still being written is edited again and again
            await asyncio.sleep(1.0)
            shown, before_that = server.shown(), shown
            if shown == before_that:
                break
        print(f"{server.name:>8}  bot: {shown[-1].text}  ← {emoji}", flush=True)
        await server.react(shown[-1].message_id, emoji, on=True)


async def _patiently(wait: Callable[[], Awaitable[T]], meanwhile: str) -> T:
    """Wait again whenever ``wait`` gives up, and print ``meanwhile`` each time."""
    while True:
        try:
            return await wait()
        except TimeoutError:
            print(meanwhile, flush=True)


async def _all(talks: Iterable[Coroutine[Any, Any, None]]) -> None:
    await asyncio.gather(*talks)


@contextlib.contextmanager
def own_data(env: Path) -> Generator[Path]:
    """A new data folder for the bot, beside ``env``. Both are removed at the end.

    The platforms count their messages from the beginning again, so a ledger from before would know them already.

    Raises:
        SystemExit: the platforms, or a bot on them, are running already.
    """
    env.parent.mkdir(parents=True, exist_ok=True)
    data, alone = env.with_suffix("").absolute(), FileLock(env)
    try:
        alone.acquire()
    except LedgerError:
        sys.exit(f"The platforms of {env} are running already: stop them first, or name another file with --env.")
    try:
        if not _removed(data):
            sys.exit(f"A bot is still running on {data}: stop it first.")
        yield data
    finally:
        env.unlink(missing_ok=True)
        if not _removed(data):
            print(f"A bot is still running on {data}: stop it. Its data is removed when the platforms start again.")
        alone.path.unlink(missing_ok=True)
        alone.release()


def _removed(data: Path) -> bool:
    """Remove a data folder, unless a host runs on it. Returns whether it is gone."""
    if not data.exists():
        return True
    lock = FileLock(data / "ledger.db")
    try:
        lock.acquire()
    except LedgerError:
        return False
    shutil.rmtree(data)
    lock.release()
    return True


def _command(env: Path) -> str:
    """The command that starts the bot, as a shell takes it."""
    program = "llmagent-os" if shutil.which("llmagent-os") else str(Path(sys.executable).with_name("llmagent-os"))
    return shlex.join([program, "--env-file", str(env), "run", "calendar"])


async def main(env: Path, talking: bool) -> None:
    """Serve until SIGINT or SIGTERM."""
    servers = platforms()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with contextlib.AsyncExitStack() as stack:
        data = stack.enter_context(own_data(env))
        variables = {"LLMAGENT_OS_ACCESS": "everyone", "LLMAGENT_OS_DATA": str(data), "LLMAGENT_OS_WEB_PORT": "0"}
        for server in servers:
            await server.start()
            stack.push_async_callback(server.stop)
            variables |= server.environment
        await asyncio.to_thread(write_variables, env, variables)
        if nearer := sorted(name for name in variables if os.environ.get(name)):
            print(f"The environment wins over the file: unset {' '.join(nearer)} for the bot.", flush=True)
        print("Slack, Discord and Telegram are on loopback. Start the bot in another terminal:", flush=True)
        print(f"    {_command(env)}", flush=True)
        if talking:
            print("Ana writes to it on each platform as soon as it is there. Ctrl-C stops.", flush=True)
            talks = asyncio.ensure_future(_all(talk(server) for server in servers))
            stopped = asyncio.ensure_future(stop.wait())
            await asyncio.wait([talks, stopped], return_when=asyncio.FIRST_COMPLETED)
            if talks.done():
                await talks
                print("Everything was answered. Ctrl-C stops.", flush=True)
            talks.cancel()
        await stop.wait()


def write_variables(env: Path, variables: Mapping[str, str]) -> None:
    """Write a file that only its owner can read, with every value in quotes: a path may have spaces in it."""
    env.unlink(missing_ok=True)
    env.touch(mode=0o600)
    for name, value in variables.items():
        set_key(env, name, value, quote_mode="always")


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--env", type=Path, default=Path("data/platforms.env"), help="where the variables go")
    options.add_argument("--talk", action="store_true", help="let Ana talk to the bot on each platform")
    given = options.parse_args(sys.argv[1:])
    asyncio.run(main(given.env, given.talk))
