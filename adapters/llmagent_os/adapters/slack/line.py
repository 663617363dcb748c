"""How events reach us: a Socket Mode connection, or HTTP requests that Slack has signed.

Both end in one bolt app, whose only middleware hands the payload on and answers when it is safe: Slack takes an
answer other than 200, or none, as a reason to deliver again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import structlog
from aiohttp import WSMessage, web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from llmagent_os.errors import ConfigError, HostBusyError, LedgerError, TryLaterError

_log = structlog.stdlib.get_logger(__name__)

#: bolt and the SDK report each reconnection as an error with a traceback; what matters of it we say ourselves.
_QUIET = logging.getLogger("llmagent_os.adapters.slack.bolt")
_QUIET.setLevel(logging.CRITICAL)

MAX_BODY = 3_000_000  #: bytes of one request

#: Takes a payload; when it returns, the payload is safe. Raises HostBusyError or LedgerError where it is not.
Take = Callable[[dict[str, Any]], Awaitable[None]]


class Line(Protocol):
    """Events come in over it."""

    async def run(self, connected: Callable[[], None]) -> None:
        """Receive until cancelled; ``connected`` is called whenever events would arrive from now on."""
        ...

    async def again(self) -> None:
        """Make the connection anew."""
        ...


def make_app(client: AsyncWebClient, signing_secret: str, take: Take, who: AuthorizeResult) -> AsyncApp:
    """The bolt app that gives every payload to ``take``. Without a signing secret it takes no HTTP requests."""

    async def authorize() -> AuthorizeResult:
        return who

    app = AsyncApp(
        client=client,
        authorize=authorize,
        signing_secret=signing_secret or None,
        request_verification_enabled=bool(signing_secret),
        process_before_response=True,
        logger=_QUIET,
    )

    async def hand_on(req: AsyncBoltRequest, resp: BoltResponse, next: Callable[[], Awaitable[None]]) -> BoltResponse:
        try:
            await take(req.body)
        except (HostBusyError, LedgerError) as error:
            _log.info("slack will deliver it again", why=str(error))
            return BoltResponse(status=503, body="")
        except Exception:  # a fault of ours: it must not come again and again
            _log.exception("a payload could not be taken", kind=str(req.body.get("type"))[:40])
        return BoltResponse(status=200, body="")

    app.use(hand_on)  # pyright: ignore[reportUnknownMemberType]
    return app


#: So long without a connection, in seconds, and all is begun anew: with a new address, and another look at the token.
GIVE_UP = 60.0


class SocketLine:
    """Socket Mode. The SDK pings, and connects anew where nothing comes back."""

    def __init__(self, app: AsyncApp, app_token: str, ping_seconds: float) -> None:
        self._app = app
        self._app_token = app_token
        self._ping_seconds = ping_seconds
        self._handler: AsyncSocketModeHandler | None = None

    async def run(self, connected: Callable[[], None]) -> None:
        handler = AsyncSocketModeHandler(self._app, self._app_token, logger=_QUIET, ping_interval=self._ping_seconds)
        self._handler = handler

        async def arrived(message: WSMessage) -> None:
            if isinstance(message.data, str) and '"hello"' in message.data[:200]:
                connected()

        handler.client.on_message_listeners.append(arrived)
        try:
            async with asyncio.timeout(GIVE_UP):
                await handler.client.connect_to_new_endpoint(force=True)
            await self._watch(handler)
        except TimeoutError as error:
            raise TryLaterError("slack: no Socket Mode connection comes about") from error
        finally:
            self._handler = None
            client = handler.client
            names = ("message_processor", "current_session_monitor", "message_receiver")
            tasks: list[asyncio.Task[Any] | None] = [getattr(client, name) for name in names]
            with contextlib.suppress(Exception):
                await client.close()  # type: ignore[no-untyped-call]
            await asyncio.gather(*(task for task in tasks if task is not None), return_exceptions=True)

    async def _watch(self, handler: AsyncSocketModeHandler) -> None:
        """Never returns. The SDK tries the address it was given again and again, also when its ticket has ended."""
        loop = asyncio.get_running_loop()
        there = loop.time()
        while True:
            await asyncio.sleep(min(self._ping_seconds, GIVE_UP / 10))
            if await handler.client.is_connected():
                there = loop.time()
            elif loop.time() - there > GIVE_UP:
                raise TryLaterError("slack: the Socket Mode connection does not come back; beginning anew")

    async def again(self) -> None:
        if self._handler is not None:
            await self._handler.client.connect_to_new_endpoint(force=True)


class HttpLine:
    """Requests to ``/slack/events``, which bolt checks the signature and age of."""

    def __init__(self, app: AsyncApp, host: str, port: int) -> None:
        self._app = app
        self._host, self._port = host, port
        self.port = port  #: the real one, once it listens

    async def run(self, connected: Callable[[], None]) -> None:
        """Listen until cancelled.

        Raises:
            ConfigError: the address cannot be listened on.
        """
        application = web.Application(client_max_size=MAX_BODY)
        application.router.add_post("/slack/events", self._serve)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host, self._port).start()
        except OSError as error:
            await runner.cleanup()
            raise ConfigError(
                f"slack: {self._host}:{self._port} (SLACK_HTTP_HOST, SLACK_HTTP_PORT) cannot be listened on: {error}"
            ) from error
        try:
            self.port = int(runner.addresses[0][1])
            connected()
            await asyncio.get_running_loop().create_future()
        finally:
            await runner.cleanup()

    async def _serve(self, request: web.Request) -> web.Response:
        try:
            return await to_aiohttp_response(await self._app.async_dispatch(await to_bolt_request(request)))
        except (ValueError, RecursionError):  # no JSON, no form, no UTF-8: bolt reads it before it checks it
            return web.Response(status=400)

    async def again(self) -> None:
        """Nothing is kept open."""
