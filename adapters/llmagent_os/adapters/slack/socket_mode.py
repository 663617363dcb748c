"""Socket Mode: events arrive over a WebSocket that the bot opens."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from aiohttp import WSMessage
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp

from llmagent_os.adapter_kit.watchdog import Watchdog
from llmagent_os.adapters.slack.bolt_app import LIBRARY_LOG
from llmagent_os.errors import TryLaterError

#: How long there may be no connection before all is begun anew, in seconds: with a new address, and another check of
#: the tokens.
LOST_SECONDS = 60.0


class SocketModeConnection:
    """The WebSocket. The SDK sends pings, and connects anew when they are not answered."""

    def __init__(self, app: AsyncApp, app_token: str, ping_seconds: float) -> None:
        """Args:
        app: takes the payloads.
        app_token: ``xapp-…``.
        ping_seconds: between two pings.
        """
        self._app = app
        self._app_token = app_token
        self._ping_seconds = ping_seconds
        self._handler: AsyncSocketModeHandler | None = None

    async def run(self, on_connected: Callable[[], None]) -> None:
        """See :class:`~llmagent_os.adapters.slack.bolt_app.EventConnection`.

        Raises:
            TryLaterError: there is no connection for :data:`LOST_SECONDS`.
        """
        handler = AsyncSocketModeHandler(
            self._app, self._app_token, logger=LIBRARY_LOG, ping_interval=self._ping_seconds
        )
        self._handler = handler

        async def arrived(message: WSMessage) -> None:
            if isinstance(message.data, str) and '"hello"' in message.data[:200]:
                on_connected()

        handler.client.on_message_listeners.append(arrived)
        try:
            async with asyncio.timeout(LOST_SECONDS):
                await handler.client.connect_to_new_endpoint(force=True)
            await self._watch(handler)
        except TimeoutError as error:
            raise TryLaterError("slack: no Socket Mode connection comes about") from error
        finally:
            self._handler = None
            await _close(handler)

    async def reconnect(self) -> None:
        """Make the connection anew, at a new address."""
        if self._handler is not None:
            await self._handler.client.connect_to_new_endpoint(force=True)

    async def _watch(self, handler: AsyncSocketModeHandler) -> None:
        """Give up a connection that does not come back.

        The SDK would try the address that it was given again and again, also when the ticket in it has expired.
        """
        watchdog = Watchdog(LOST_SECONDS)
        while not watchdog.expired:
            await asyncio.sleep(min(self._ping_seconds, LOST_SECONDS / 10))
            if await handler.client.is_connected():
                watchdog.stop()
            else:
                watchdog.start()
        raise TryLaterError("slack: the Socket Mode connection does not come back; connecting anew")


async def _close(handler: AsyncSocketModeHandler) -> None:
    client = handler.client
    names = ("message_processor", "current_session_monitor", "message_receiver")
    tasks: list[asyncio.Task[Any] | None] = [getattr(client, name) for name in names]
    with contextlib.suppress(Exception):
        await client.close()  # type: ignore[no-untyped-call]
    await asyncio.gather(*(task for task in tasks if task is not None), return_exceptions=True)
