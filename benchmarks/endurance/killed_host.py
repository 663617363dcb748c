"""``python -m benchmarks.endurance.killed_host``: starts hosts that are going to be killed, quickly one after another.

The process imports everything once. Every line of its input is a :class:`Life` as JSON: it forks, prints the child's
process id, and prints the child's exit status once the child is dead. In between the child prints ``up`` when it has
taken up what was left. The child runs the calendar bot like ``llmagent-os run``, with Slack, Discord, Telegram and the
web chat, and may kill itself at one point of its work.
"""

from __future__ import annotations

import asyncio
import functools
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec

from llmagent_os.admin.log_setup import configure
from llmagent_os.agent import Agent
from llmagent_os.bot import Bot
from llmagent_os.config import Settings
from llmagent_os.host.stages import Stages
from llmagent_os.ledger import Ledger
from llmagent_os.ledger.policy_state import PolicyState
from llmagent_os.runtime import Runtime
from llmagent_os.tools.plugin_sources import installed_plugins

PLATFORMS = ("slack", "discord", "telegram", "web")


class Life(msgspec.Struct, frozen=True, kw_only=True):
    """One life of a host."""

    point: str = ""  #: where it kills itself, one of :data:`POINTS`; empty: it does not
    passes: int = 1  #: how often the point is reached before


def _methods() -> dict[str, tuple[type, str]]:
    """What a host does with a message, by the name in the report."""
    from llmagent_os.adapters.discord.adapter import DiscordAdapter
    from llmagent_os.adapters.slack.adapter import SlackAdapter
    from llmagent_os.adapters.telegram.adapter import TelegramAdapter
    from llmagent_os.adapters.web import WebAdapter

    return {
        "claim the inbox": (Ledger, "claim"),
        "accept": (Ledger, "accept"),
        "run the stages": (Stages, "advance"),
        "answer": (Agent, "handle"),
        "store the reply": (Ledger, "prepare"),
        "send to Slack": (SlackAdapter, "send"),
        "send to Discord": (DiscordAdapter, "send"),
        "send to Telegram": (TelegramAdapter, "send"),
        "send to the web chat": (WebAdapter, "send"),
        "finish": (Ledger, "finish"),
        "store a reward": (Ledger, "add_reward"),
        "store what was learned": (PolicyState, "advance"),
    }


METHODS = _methods()
#: Where a host can kill itself: before and after everything that it does.
POINTS = tuple(f"{when} {name}" for name in METHODS for when in ("before", "after"))


def _arm(life: Life) -> None:
    """Have the process kill itself at the life's point."""
    when, _, name = life.point.partition(" ")
    owner, method = METHODS[name]
    original: Callable[..., Awaitable[Any]] = getattr(owner, method)
    left = life.passes

    def reached() -> None:
        nonlocal left
        left -= 1
        if left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    @functools.wraps(original)
    async def replaced(*given: Any, **named: Any) -> Any:
        if when == "before":
            reached()
        result = await original(*given, **named)
        if when == "after":
            reached()
        return result

    setattr(owner, method, replaced)


def _report_up() -> None:
    """Have the process print ``up`` once it has claimed the inbox."""
    claim = Ledger.claim

    async def claim_and_report(ledger: Ledger) -> Any:
        found = await claim(ledger)
        print("up", flush=True)
        return found

    Ledger.claim = claim_and_report  # type: ignore[method-assign]


async def _host() -> None:
    async with Runtime.open(Settings.load(None), Bot.load("calendar"), adapters=PLATFORMS) as runtime:
        await runtime.run()


def _live(life: Life, log: Path) -> None:
    with log.open("a") as stream:
        configure("warning", "json", stream=stream)
        _report_up()
        if life.point:
            _arm(life)
        runner = asyncio.Runner()
        task = runner.get_loop().create_task(_host())
        runner.get_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        try:
            runner.get_loop().run_until_complete(task)
        except asyncio.CancelledError:
            runner.close()


def main(log: Path) -> None:
    """Start lives until the input ends."""
    asyncio.run(installed_plugins())  # whatever is imported now does not have to be imported by every child
    for line in sys.stdin:
        life = msgspec.json.decode(line, type=Life)
        child = os.fork()
        if not child:
            code = 1
            try:
                _live(life, log)
                code = 0
            finally:
                os._exit(code)
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
