"""Telegram over its real client and sockets: polling, webhook, the Bot API."""

from __future__ import annotations

import asyncio
import json
import socket
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmagent_os.adapter import Button, Card, Reply
from llmagent_os.adapters.telegram.adapter import TelegramAdapter
from llmagent_os.adapters.telegram.pace import Pace, Rate, Rates
from llmagent_os.adapters.telegram.webhook import Webhook
from llmagent_os.errors import AdapterError, ConfigError, NotConfiguredError, TryLaterError
from llmagent_os.events import ButtonPress, Command, Message, Reaction
from llmagent_os.records import MemoryRecords
from tests.platforms.server import Shown
from tests.platforms.telegram import BOT, TOKEN, TelegramServer

from .contract import AdapterContract, Inbox, Platform, Running

FAST = Rates(
    overall=Rate(10_000, 0.0001),
    chat=Rate(10_000, 0.0001),
    group=Rate(10_000, 0.0001),
    kept_for_messages=0,
    draft_every=0.0,
)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


class TelegramPlatform:
    """The contract's platform: Ana in her private chat with the bot."""

    def __init__(self, server: TelegramServer, data: Path, *, webhook: bool = False, **options: Any) -> None:
        self.server = server
        self.data = data
        self.store = MemoryRecords()
        self.commands: dict[str, str] = {"profile": "what I know about you", "forget": "erase it"}
        if webhook:
            port = free_port()
            options["webhook"] = Webhook(url=f"http://127.0.0.1:{port}/telegram", port=port)
        self.options = {"rates": FAST, "poll_seconds": 5, **options}
        self.inbox = Inbox()
        self.adapter = self.make()
        self.running = Running(self.adapter, self.inbox.accept)

    def make(self) -> TelegramAdapter:
        """An adapter, as a new process has it, on what the last one kept."""
        return TelegramAdapter(
            token=TOKEN,
            api_url=self.server.url,
            data=self.data,
            store=self.store,
            commands=lambda: self.commands,
            **self.options,
        )

    async def open(self) -> None:
        self.running.start()
        async with asyncio.timeout(20):
            await self.adapter.started()

    async def restart(self) -> None:
        await self.running.stop()
        await self.open()

    async def reborn(self) -> None:
        """Another process takes over."""
        await self.running.stop()
        self.adapter = self.make()
        self.running = Running(self.adapter, self.inbox.accept)
        await self.open()

    async def say(self, text: str, *, thread: str | None = None) -> None:
        await self.server.say(text, thread=thread)

    async def say_again(self) -> None:
        await self.server.redeliver()

    async def react(self, message_id: str, emoji: str, *, on: bool) -> None:
        await self.server.react(message_id, emoji, on=on)

    async def press(self, message_id: str, label: str) -> None:
        await self.server.press(message_id, label)

    async def send_garbage(self) -> None:
        await self.server.garbage()

    async def shown(self, ready: Callable[[list[Shown]], bool]) -> list[Shown]:
        return await self.server.until(ready)


@pytest.fixture(params=["polling", "webhook"])
async def platform(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[TelegramPlatform]:
    server = TelegramServer()
    await server.start()
    platform = TelegramPlatform(server, tmp_path, webhook=request.param == "webhook")
    await platform.open()
    yield platform
    await platform.running.stop()
    await server.stop()


class TestTelegram(AdapterContract):
    @pytest.fixture
    def platform(self, platform: TelegramPlatform) -> Platform:
        return platform
