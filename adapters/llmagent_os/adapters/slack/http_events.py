"""HTTP events: Slack sends signed requests to the bot's public address."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.app.async_app import AsyncApp

from llmagent_os.adapter_kit.http_listener import listening

#: The path of the requests.
EVENTS_PATH = "/slack/events"

MAX_REQUEST_BYTES = 3_000_000  #: of one request
SHUTDOWN_SECONDS = 60.0  #: how long a request that is being answered may go on when the bot stops

#: What Slack's headers look like. Bolt takes other timestamps for numbers too, and fails at other signatures.
_TIMESTAMP = re.compile(r"[0-9]{1,12}", re.ASCII)
_SIGNATURE = re.compile(r"v0=[0-9a-f]{64}", re.ASCII)


class HttpConnection:
    """Takes requests to :data:`EVENTS_PATH`. Bolt checks their signature and age."""

    def __init__(self, app: AsyncApp, host: str, port: int) -> None:
        """Args:
        app: takes the payloads.
        host: address to listen on.
        port: 0 takes a free one.
        """
        self._app = app
        self._host = host
        self.port = port  #: the real port, once it is listened on

    async def run(self, on_connected: Callable[[], None]) -> None:
        """See :class:`~llmagent_os.adapters.slack.bolt_app.EventConnection`.

        Raises:
            ConfigError: the address cannot be listened on.
        """
        application = web.Application(client_max_size=MAX_REQUEST_BYTES)
        application.router.add_post(EVENTS_PATH, self._serve)
        refused = f"slack: cannot listen on {self._host}:{self.port} (SLACK_HTTP_HOST, SLACK_HTTP_PORT)"
        async with listening(
            application, self._host, self.port, refused=refused, shutdown_seconds=SHUTDOWN_SECONDS
        ) as port:
            self.port = port
            on_connected()
            await asyncio.get_running_loop().create_future()

    async def reconnect(self) -> None:
        """Nothing: Slack connects for every request."""

    async def _serve(self, request: web.Request) -> web.Response:
        if not _may_be_signed(request):
            return web.Response(status=401)
        try:
            return await to_aiohttp_response(await self._app.async_dispatch(await to_bolt_request(request)))
        except (ValueError, RecursionError):  # no JSON, form or UTF-8: bolt parses before it checks the signature
            return web.Response(status=400)


def _may_be_signed(request: web.Request) -> bool:
    """Whether a request has the two headers of a signature, each once and well formed. Bolt checks what they say."""
    timestamps = request.headers.getall("X-Slack-Request-Timestamp", [])
    signatures = request.headers.getall("X-Slack-Signature", [])
    if len(timestamps) != 1 or len(signatures) != 1:
        return False
    return bool(_TIMESTAMP.fullmatch(timestamps[0]) and _SIGNATURE.fullmatch(signatures[0]))
