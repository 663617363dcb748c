"""Updates that Telegram brings itself: requests to a public address, with a secret that nobody else knows."""

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

from llmagent_os.adapters.telegram.api import Api
from llmagent_os.adapters.telegram.incoming import KINDS
from llmagent_os.adapters.telegram.refusals import BAD_TOKEN, explained
from llmagent_os.errors import ConfigError

_log = structlog.stdlib.get_logger(__name__)

_SECRET = "X-Telegram-Bot-Api-Secret-Token"
_LARGEST = 1_000_000  # bytes of one update


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """Where updates come to.

    Raises:
        ConfigError: the secret is none that Telegram carries.
    """

    url: str  #: the public address; its path is the one served here
    secret: str = ""  #: empty: made up at each start
    host: str = "127.0.0.1"  #: address on which requests are taken, by a proxy's or for a proxy's
    port: int = 8443  #: 0: any free one

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9_-]{0,256}", self.secret):
            raise ConfigError("TELEGRAM_WEBHOOK_SECRET may hold up to 256 letters, digits, _ and -, and nothing else")

    @property
    def path(self) -> str:
        """The path of :attr:`url`."""
        return urlsplit(self.url).path or "/"


class WebhookServer:
    """Takes the requests, and looks whether Telegram still sends them here."""

    def __init__(self, webhook: Webhook, api: Api, take: Callable[[object], Awaitable[bool]]) -> None:
        """Args: ``take`` is given an update as it came, and returns whether it is safe."""
        self._webhook = webhook
        self._api = api
        self._take = take
        self._secret = webhook.secret or secrets.token_urlsafe(32)

    async def run(self, here: Callable[[], None], watch_seconds: float) -> None:
        """Serve until cancelled.

        Args:
            here: called once Telegram knows the address.
            watch_seconds: how often it is asked whether it still does.

        Raises:
            ConfigError: the address cannot be listened on, or Telegram does not take it.
            TryLaterError: Telegram cannot be reached.
        """
        webhook = self._webhook
        application = web.Application(client_max_size=_LARGEST)
        application.router.add_post(webhook.path, self._serve)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=5.0)
        await runner.setup()
        try:
            try:
                await web.TCPSite(runner, webhook.host, webhook.port).start()
            except OSError as error:
                raise ConfigError(
                    f"telegram: cannot listen on {webhook.host}:{webhook.port} (TELEGRAM_HTTP_HOST, "
                    f"TELEGRAM_HTTP_PORT): {error.strerror or error}"
                ) from error
            await self._set()
            here()
            while True:
                await asyncio.sleep(watch_seconds)
                await self._look()
        finally:
            await runner.cleanup()

    async def _set(self) -> None:
        try:
            await self._api.bot.set_webhook(self._webhook.url, allowed_updates=KINDS, secret_token=self._secret)
        except TelegramError as error:
            if not isinstance(error, BadRequest):
                raise explained(error) from error
            raise ConfigError(
                f"telegram: it does not take TELEGRAM_WEBHOOK_URL {self._webhook.url!r}: {error.message}; "
                "`llmagent-os setup telegram` says what it must be"
            ) from error

    async def _look(self) -> None:
        try:
            known = await self._api.bot.get_webhook_info()
        except InvalidToken as error:
            raise ConfigError(BAD_TOKEN) from error
        except TelegramError as error:
            _log.warning("cannot ask Telegram about the webhook", error=error.message)
            return
        if known.url != self._webhook.url:
            _log.warning("somebody has changed the webhook; setting it again", url=known.url)
            await self._set()
        elif known.pending_update_count and known.last_error_message:
            _log.warning(
                "Telegram does not get through to the webhook",
                waiting=known.pending_update_count,
                error=known.last_error_message,
            )

    async def _serve(self, request: web.Request) -> web.Response:
        given = request.headers.get(_SECRET, "")
        if not hmac.compare_digest(given.encode(), self._secret.encode()):
            _log.warning("a request without the webhook's secret is refused", remote=request.remote)
            return web.Response(status=403)
        try:
            raw: object = msgspec.json.decode(await request.read())
        except (msgspec.MsgspecError, RecursionError) as error:
            _log.warning("a request that is no JSON is skipped", error=str(error))
            return web.Response(status=200)  # it would be no better the next time
        return web.Response(status=200 if await self._take(raw) else 503)
