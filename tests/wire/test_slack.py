"""Slack over its real clients and sockets: Socket Mode, signed HTTP, the Web API."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from llmagent_os.adapter import Reply
from llmagent_os.adapters.slack.adapter import SlackAdapter
from llmagent_os.events import Message
from llmagent_os.records import MemoryRecords
from tests.platforms.server import Shown
from tests.platforms.slack import APP_TOKEN, BOT_TOKEN, SECRET, SlackServer

from .contract import AdapterContract, Inbox, Platform, Running


class SlackPlatform:
    """The contract's platform: Ana in a direct conversation with the bot."""

    def __init__(self, server: SlackServer, data: Path, **options: Any) -> None:
        self.server = server
        self.data = data
        self.store = MemoryRecords()
        self.options = options
        self.inbox = Inbox()
        self.adapter = self.make()
        self.running = Running(self.adapter, self.inbox.accept)

    def make(self) -> SlackAdapter:
        """An adapter, as a new process has it, on what the last one kept."""
        way: dict[str, Any] = (
            {"signing_secret": SECRET, "http_port": self.server.bot_port}
            if self.server.http
            else {"app_token": APP_TOKEN, "ping_seconds": 0.2}
        )
        return SlackAdapter(
            bot_token=BOT_TOKEN,
            api_url=self.server.environment["SLACK_API_URL"],
            data=self.data,
            store=self.store,
            pause=0.01,
            **way,
            **self.options,
        )

    async def open(self) -> None:
        self.running.start()
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


@pytest.fixture(params=["socket", "http"])
async def platform(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SlackPlatform]:
    server = SlackServer(http=request.param == "http")
    await server.start()
    platform = SlackPlatform(server, tmp_path)
    await platform.open()
    yield platform
    await platform.running.stop()
    await server.stop()


class TestSlack(AdapterContract):
    @pytest.fixture
    async def platform(self, platform: SlackPlatform) -> Platform:
        return platform


async def test_placeholder(platform: SlackPlatform) -> None:
    await platform.say("hi")
    said = (await platform.inbox.wait(Message))[0]
    await platform.adapter.send(said.conversation, Reply("hello"), key="k")
