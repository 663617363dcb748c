"""Measure what an adapter costs: the CPU of a bot that echoes, beside a bare echo bot.

    python -m benchmarks.adapters

The bare bot is written directly on the platform's library. Both bots are real clients of the same loopback server. The
server is a process of its own, and its CPU is not counted. The bot of this project has everything on: events are on
disk before they are acknowledged, replies are on disk before they are sent, events are deduplicated, Markdown is
rendered, and strangers are kept out. One message is in flight. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, NamedTuple

PLATFORMS = ("slack", "discord", "telegram")
LIBRARIES = {"slack": "slack-bolt", "discord": "discord.py", "telegram": "python-telegram-bot"}
#: The aim: at most this many times the CPU of the bare bot.
AIM = 1.3


# ── the bots: every bot runs in a process of its own ──────────────────────────────────────────────────────────────────


async def bare_slack() -> None:
    """Run an echo bot written directly on slack-bolt."""
    from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
    from slack_bolt.async_app import AsyncApp
    from slack_sdk.web.async_client import AsyncWebClient

    client = AsyncWebClient(token=os.environ["SLACK_BOT_TOKEN"], base_url=os.environ["SLACK_API_URL"])
    app = AsyncApp(client=client)

    @app.event("message")
    async def echo(event: dict[str, Any], say: Callable[..., Any]) -> None:
        await say(event["text"])

    await AsyncSocketModeHandler(app, os.environ["SLACK_APP_TOKEN"]).start_async()


async def bare_discord() -> None:
    """Run an echo bot written directly on discord.py."""
    import discord
    import yarl

    discord.http.Route.BASE = os.environ["DISCORD_API_URL"]
    if gateway := os.environ.get("DISCORD_GATEWAY_URL"):
        discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway)
    intents = discord.Intents(guilds=True, messages=True, message_content=True)
    client = discord.Client(intents=intents)

    @client.event
    async def on_message(message: discord.Message) -> None:
        if message.author != client.user:
            await message.channel.send(message.content)

    await client.start(os.environ["DISCORD_TOKEN"])


async def bare_telegram() -> None:
    """Run an echo bot written directly on python-telegram-bot."""
    from telegram import Update
    from telegram.ext import Application, ContextTypes, MessageHandler, filters

    url = os.environ["TELEGRAM_API_URL"]
    builder = Application.builder().token(os.environ["TELEGRAM_TOKEN"])
    application = builder.base_url(f"{url}/bot").base_file_url(f"{url}/file/bot").build()

    async def echo(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        if update.message and update.message.text:
            await update.message.reply_text(update.message.text)

    application.add_handler(MessageHandler(filters.TEXT, echo))
    await application.initialize()
    await application.start()
    if application.updater:
        await application.updater.start_polling()
    await asyncio.get_running_loop().create_future()


async def hosted(platform: str, folder: Path) -> None:
    """Run an echo bot behind the real adapter, host and durable ledger. ``folder`` holds its data."""
    from benchmarks.hosting import EchoAgent

    from llmagent_os.adapter import Adapter
    from llmagent_os.adapter_kit.setup import AdapterSetup, BotDescription, make_adapter
    from llmagent_os.adapters.telegram.adapter import TelegramAdapter
    from llmagent_os.adapters.telegram.rate_limiter import Rate, Rates
    from llmagent_os.config import Settings
    from llmagent_os.host.health import Health
    from llmagent_os.host.host import Host
    from llmagent_os.ledger import Ledger
    from llmagent_os.people.access import Access
    from llmagent_os.people.admission import Admission

    health = Health("bench", "none")
    ledger = await Ledger.open(f"sqlite:///{folder / f'{platform}.db'}")
    setup = AdapterSetup(
        Settings.load(env_file=None),
        BotDescription("bench"),
        folder / platform,
        health.report,
        health.metrics,
        store=ledger.records(f"adapter.{platform}", ""),
    )
    adapter: Adapter = make_adapter(platform, setup)
    if platform == "telegram":  # the loopback server has no rate limits, and a wait uses no CPU
        quick = Rate(1_000_000, 1e-6)
        adapter = TelegramAdapter(
            token=setup.settings.telegram_token.get_secret_value(),
            api_url=setup.settings.telegram_api_url,
            data=setup.data,
            store=setup.store,
            rates=Rates(overall=quick, chat=quick, group=quick),
        )
    access = Access(ledger, access="pairing", allow=f"{platform}:*")
    await Host(
        Admission(EchoAgent(), access),
        ledger,
        [adapter],
        admits=access.admits,
        may_rate=access.admits,
        status=health.status,
    ).run()


BARE: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {
    "slack": bare_slack,
    "discord": bare_discord,
    "telegram": bare_telegram,
}


# ── measuring ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class Cost(NamedTuple):
    """The CPU time of one message, in microseconds."""

    all: float  #: of all threads
    loop: float  #: of the event loop's thread alone; the rest is writing to the disk


def cpu(pid: int) -> Cost:
    """Return the CPU time that a process has used so far, read to the nanosecond (``/proc/PID/task/*/schedstat``)."""
    used = {task.name: int((task / "schedstat").read_text().split()[0]) for task in Path(f"/proc/{pid}/task").iterdir()}
    return Cost(sum(used.values()) / 1e3, used[str(pid)] / 1e3)


def measure(platform: str, kind: str, messages: int, repeats: int, folder: str) -> Cost:
    """Return the median cost of a message over the repetitions.

    Args:
        platform: one of :data:`PLATFORMS`.
        kind: ``bare`` or ``hosted``.
        messages: the messages of one repetition.
        repeats: the number of repetitions. A fifth of the messages warms the bot up before.
        folder: where the bot keeps its data.

    Raises:
        RuntimeError: the bot did not answer.
    """
    people = subprocess.Popen(
        [sys.executable, "-m", "tests.platforms.people", platform],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    if people.stdin is None or people.stdout is None:
        raise RuntimeError("the loopback platform has no standard input or output")
    environment = os.environ | json.loads(people.stdout.readline())
    bot = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.adapters", "--bot", f"{platform}:{kind}", "--folder", folder],
        env=environment,
    )
    costs: list[Cost] = []
    try:
        for each in (max(messages // 5, 1), *[messages] * repeats):  # the first round warms up
            before = cpu(bot.pid)
            people.stdin.write(f"{each}\n")
            people.stdin.flush()
            if people.stdout.readline() != "done\n":
                raise RuntimeError(f"{platform}: the {kind} bot did not answer in time")
            after = cpu(bot.pid)
            costs.append(Cost((after.all - before.all) / each, (after.loop - before.loop) / each))
    finally:
        bot.kill()
        bot.wait()
        people.stdin.close()
        people.kill()
        people.wait()
    return Cost(*(statistics.median(values) for values in zip(*costs[1:], strict=True)))


def table(messages: int, repeats: int) -> None:
    """Measure both bots on every platform, and print the table."""
    print("| platform | bare client, CPU µs a message | ours | of it for the disk | ratio | without the disk | aim |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for platform in PLATFORMS:
        with tempfile.TemporaryDirectory() as folder:
            bare = measure(platform, "bare", messages, repeats, folder)
            ours = measure(platform, "hosted", messages, repeats, folder)
        name = f"{platform} ({LIBRARIES[platform]})"
        disk, ratio, rest = ours.all - ours.loop, ours.all / bare.all, ours.loop / bare.all
        row = f"| {name} | {bare.all:.0f} | {ours.all:.0f} | {disk:.0f} | {ratio:.2f} | {rest:.2f} | ≤ {AIM} |"
        print(row, flush=True)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--messages", type=int, default=300, help="messages of a repetition")
    options.add_argument("--repeats", type=int, default=5, help="repetitions; the table shows the median")
    options.add_argument("--bot", help=argparse.SUPPRESS)
    options.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.bot is None:
        table(given.messages, given.repeats)
        return
    import structlog

    # As in a deployment: log lines below INFO are not built.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
    platform, kind = given.bot.split(":")
    asyncio.run(BARE[platform]() if kind == "bare" else hosted(platform, given.folder))


if __name__ == "__main__":
    main()
