"""The webhook: Telegram sends updates to a public address, with a secret that nobody else knows."""

from __future__ import annotations

import asyncio
import hmac
import re
import secrets
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import msgspec
import structlog
from aiohttp import web
from telegram.error import BadRequest, InvalidToken, TelegramError

from llmagent_os.adapter_kit.http_listener import listening
from llmagent_os.adapters.telegram.api import Api
from llmagent_os.adapters.telegram.errors import BAD_TOKEN, translated
from llmagent_os.adapters.telegram.updates import UPDATE_KINDS
from llmagent_os.errors import ConfigError

_log = structlog.stdlib.get_logger(__name__)

MAX_UPDATE_BYTES = 1_000_000  #: of one request
SHUTDOWN_SECONDS = 5.0  #: how long a request that is being answered may go on when the bot stops

_SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """Where updates are sent to.

    Raises:
        ConfigError: the secret has characters that Telegram does not carry.
    """

    url: str  #: the public address; its path is served here
    secret: str = ""  #: empty: a new one with every start
    host: str = "127.0.0.1"  #: address to listen on, usually behind a proxy
    port: int = 8443  #: 0: any free one

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9_-]{0,256}", self.secret):
            raise ConfigError("TELEGRAM_WEBHOOK_SECRET may hold up to 256 letters, digits, _ and -, and nothing else")

    @property
    def path(self) -> str:
        """The path of :attr:`url`."""
        return urlsplit(self.url).path or "/"


class WebhookServer:
    """Takes the requests, and checks that Telegram still sends updates to this address."""

    def __init__(self, webhook: Webhook, api: Api, take: Callable[[object], Awaitable[bool]]) -> None:
        """Args:
        webhook: where updates are sent to.
        api: of Telegram.
        take: is given an update as JSON, and returns whether the update is stored.
        """
        self._webhook = webhook
        self._api = api
        self._take = take
        self._secret = webhook.secret or secrets.token_urlsafe(32)

    async def run(self, on_connected: Callable[[], None], watch_seconds: float) -> None:
        """Serve until cancelled.

        Args:
            on_connected: called when Telegram knows the address.
            watch_seconds: between two checks that Telegram still knows it.

        Raises:
            ConfigError: the address cannot be listened on, or Telegram refuses it.
            TryLaterError: Telegram cannot be reached.
        """
        webhook = self._webhook
        application = web.Application(client_max_size=MAX_UPDATE_BYTES)
        application.router.add_post(webhook.path, self._serve)
        refused = f"telegram: cannot listen on {webhook.host}:{webhook.port} (TELEGRAM_HTTP_HOST, TELEGRAM_HTTP_PORT)"
        async with listening(
            application, webhook.host, webhook.port, refused=refused, shutdown_seconds=SHUTDOWN_SECONDS
        ):
            await self._set()
            on_connected()
            while True:
                await asyncio.sleep(watch_seconds)
                await self._check()

    async def _set(self) -> None:
        try:
            await self._api.bot.set_webhook(self._webhook.url, allowed_updates=UPDATE_KINDS, secret_token=self._secret)
        except TelegramError as error:
            if not isinstance(error, BadRequest):
                raise translated(error) from error
            raise ConfigError(
                f"telegram: Telegram refuses TELEGRAM_WEBHOOK_URL {self._webhook.url!r}: {error.message}; "
                "`llmagent-os setup telegram` says what it must be"
            ) from error

    async def _check(self) -> None:
        try:
            known = await self._api.bot.get_webhook_info()
        except InvalidToken as error:
            raise ConfigError(BAD_TOKEN) from error
        except TelegramError as error:
            _log.warning("telegram: the webhook cannot be checked", error=error.message)
            return
        if known.url != self._webhook.url:
            _log.warning("telegram: another program has changed the webhook; setting it again", url=known.url)
            await self._set()
        elif known.pending_update_count and known.last_error_message:
            _log.warning(
                "telegram: updates do not get through to the webhook",
                waiting=known.pending_update_count,
                error=known.last_error_message,
            )

    async def _serve(self, request: web.Request) -> web.Response:
        given = request.headers.get(_SECRET_HEADER, "")
        if not hmac.compare_digest(given.encode("utf-8", "surrogateescape"), self._secret.encode()):
            _log.warning("telegram: a request without the webhook's secret is refused", remote=request.remote)
            return web.Response(status=403)
        try:
            raw: object = msgspec.json.decode(await request.read())
        except (msgspec.MsgspecError, RecursionError) as error:
            _log.warning("telegram: a request without valid JSON is skipped", error=str(error))
            return web.Response(status=200)  # the same request would be no better the next time
        return web.Response(status=200 if await self._take(raw) else 503)
