"""The three listeners, behind clients that send nothing. What breaks without this: one of them has no limits."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path

import pytest

from llmagent_os.adapter_kit import http_listener
from llmagent_os.adapter_kit.connection_limits import ConnectionLimits
from llmagent_os.events import Message
from tests.platforms.slack import SlackServer
from tests.platforms.telegram import TelegramServer

from .contract import Inbox
from .test_slack import SlackPlatform
from .test_telegram import TelegramPlatform
from .test_web import WebPlatform

#: A listener's port, what a person does to say something, and the host's inbox.
Listener = tuple[int, Callable[[str], Awaitable[object]], Inbox]


@contextlib.asynccontextmanager
async def slack(data: Path) -> AsyncGenerator[Listener]:
    server = SlackServer(http=True)
    await server.start()
    platform = SlackPlatform(server, data)
    await platform.open()
    yield server.bot_port, platform.say, platform.inbox
    await platform.running.stop()
    await server.stop()


@contextlib.asynccontextmanager
async def telegram(data: Path) -> AsyncGenerator[Listener]:
    server = TelegramServer()
    await server.start()
    platform = TelegramPlatform(server, data, webhook=True)
    await platform.open()
    yield int(server.webhook["url"].split(":")[2].split("/")[0]), platform.say, platform.inbox
    await platform.running.stop()
    await server.stop()


@contextlib.asynccontextmanager
async def web(data: Path) -> AsyncGenerator[Listener]:
    platform = WebPlatform(data)
    page = await platform.open()
    yield int(platform.adapter.url.split(":")[2].split("/")[0]), platform.say, platform.inbox
    await page.quit()
    await platform.running.stop()


@pytest.mark.parametrize("listener", [slack, telegram, web])
async def test_half_open_requests_keep_nobody_from_talking(
    listener: Callable[[Path], contextlib.AbstractAsyncContextManager[Listener]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_listener, "LIMITS", ConnectionLimits(connections=8, per_address=8, head_seconds=600))
    async with listener(tmp_path) as (port, say, inbox):
        slow = [await asyncio.open_connection("127.0.0.1", port) for _ in range(40)]
        for _, writer in slow:
            writer.write(b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        await say("hello")
        assert [said.text for said in await inbox.wait(Message)] == ["hello"]
        async with asyncio.timeout(20):
            for reader, _ in slow[:20]:
                with contextlib.suppress(ConnectionError):
                    await reader.read()
        for _, writer in slow:
            writer.close()
        await asyncio.gather(*(writer.wait_closed() for _, writer in slow), return_exceptions=True)
