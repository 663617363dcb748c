"""The bolt app, in which Socket Mode and HTTP requests end.

Its only middleware hands every payload on, and answers when the payload is stored. Slack delivers a payload again if
the answer is not 200 or does not come.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import structlog
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from llmagent_os.adapters.slack.identity_check import BotIdentity
from llmagent_os.errors import HostBusyError, LedgerError

_log = structlog.stdlib.get_logger(__name__)

#: The logger of bolt and the SDK, which report every reconnection as an error with a traceback. What matters of it the
#: adapter logs itself.
LIBRARY_LOG = logging.getLogger("llmagent_os.adapters.slack.bolt")
LIBRARY_LOG.setLevel(logging.CRITICAL)

#: Takes a payload, which is stored on return. Returns what Slack is to be answered beside that; None: nothing. Raises
#: HostBusyError or LedgerError if the payload was not stored.
PayloadHandler = Callable[[dict[str, Any]], Awaitable[dict[str, Any] | None]]


class EventConnection(Protocol):
    """A way on which events arrive."""

    async def run(self, on_connected: Callable[[], None]) -> None:
        """Receive until cancelled. ``on_connected`` is called whenever events arrive from now on."""
        ...

    async def reconnect(self) -> None:
        """Make the connection anew."""
        ...


def make_app(
    client: AsyncWebClient, bot_token: str, signing_secret: str, bot: BotIdentity, handler: PayloadHandler
) -> AsyncApp:
    """A bolt app that gives every payload to ``handler``.

    Args:
        client: of the Web API.
        bot_token: of the bot.
        signing_secret: checks HTTP requests; empty: there are none.
        bot: who the bot is.
        handler: takes payloads.
    """
    authorized = AuthorizeResult(
        enterprise_id=None,
        team_id=bot.team_id,
        bot_user_id=bot.user_id,
        bot_id=bot.bot_id,
        bot_token=bot_token,
    )

    async def authorize() -> AuthorizeResult:
        return authorized

    app = AsyncApp(
        client=client,
        authorize=authorize,
        signing_secret=signing_secret or None,
        request_verification_enabled=bool(signing_secret),
        process_before_response=True,
        logger=LIBRARY_LOG,
    )

    async def hand_on(req: AsyncBoltRequest, resp: BoltResponse, next: Callable[[], Awaitable[None]]) -> BoltResponse:
        answer: dict[str, Any] | None = None
        try:
            answer = await handler(req.body)
        except (HostBusyError, LedgerError) as error:
            _log.info("slack: a payload was not stored; Slack will deliver it again", error=str(error))
            return BoltResponse(status=503, body="")
        except Exception:  # a fault of the adapter: the same payload must not come again and again
            _log.exception("slack: a payload is skipped", kind=str(req.body.get("type"))[:40])
        return BoltResponse(status=200, body=answer or "")

    app.use(hand_on)  # pyright: ignore[reportUnknownMemberType]
    return app
