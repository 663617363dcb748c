"""``python -m tests.platforms.people slack``: one platform, whose people write when standard input says so.

For benchmarks: the platform and its people are a process of their own, so that only the bot's work is counted. The
first line of output is the environment for the bot, as JSON. Then every line of input is a number: Ana writes
that number of messages, each after the answer to the one before. ``done`` is printed when the last answer is there.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
from functools import partial

from tests.platforms.server import PlatformServer, Shown

SERVERS = {"slack": "SlackServer", "discord": "DiscordServer", "telegram": "TelegramServer"}


async def main(name: str) -> None:
    """Serve until the input ends."""
    server: PlatformServer = getattr(importlib.import_module(f"tests.platforms.{name}"), SERVERS[name])()
    await server.start()
    print(json.dumps(dict(server.environment)), flush=True)
    said = 0
    while line := await asyncio.to_thread(sys.stdin.readline):
        await server.connected()
        for _ in range(int(line)):
            said += 1
            wanted = f"message {said}, how are you today?"
            await server.say(wanted)
            await server.until(partial(_answered, wanted))
        print("done", flush=True)
    await server.stop()


def _answered(wanted: str, seen: list[Shown]) -> bool:
    return bool(seen) and seen[-1].text == wanted


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
